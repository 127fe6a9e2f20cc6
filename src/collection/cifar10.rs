//! The CIFAR-10 binary version (Krizhevsky 2009): records of 1 label byte and 3,072 pixel bytes.
//!
//! A record's pixels are 32 x 32, the red plane first, then green, then blue, each row by row
//! (<https://www.cs.toronto.edu/~kriz/cifar.html>, "Binary version").

use super::{Blob, Collection, Content, Failure, Item, Source};

/// Bytes of a record.
pub const RECORD: usize = 1 + 3 * SIDE * SIDE;
/// Width and height of a picture.
pub const SIDE: usize = 32;
/// The ten published class names, used where no `batches.meta.txt` lies beside the binary.
pub const CLASS_NAMES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Why bytes are not a CIFAR-10 binary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cifar10Error {
    /// No record at all.
    #[error("{file}: the file is empty; a CIFAR-10 binary holds records of {RECORD} bytes")]
    Empty {
        /// The file.
        file: String,
    },
    /// Not a whole number of records.
    #[error(
        "{file}: {len} bytes are not a whole number of CIFAR-10 records of {RECORD} bytes{hint}",
        hint = if len % 3074 == 0 { " (they would be of CIFAR-100, which is not read)" } else { "; fetch the file again" }
    )]
    Length {
        /// The file.
        file: String,
        /// Its size in bytes.
        len: u64,
    },
}

/// Number of records in a file of `len` bytes.
///
/// # Errors
/// [`Cifar10Error`] where `len` is no whole number of records, or none.
pub fn count(file: &str, len: u64) -> Result<u32, Cifar10Error> {
    if len == 0 {
        return Err(Cifar10Error::Empty { file: file.to_owned() });
    }
    let bad = || Cifar10Error::Length { file: file.to_owned(), len };
    if !len.is_multiple_of(RECORD as u64) {
        return Err(bad());
    }
    u32::try_from(len / RECORD as u64).map_err(|_| bad())
}

/// Names from the text of `batches.meta.txt`: one a line; the published ten where fewer than ten are there.
pub fn label_names(meta: Option<&str>) -> Vec<String> {
    let read: Vec<String> =
        meta.unwrap_or("").lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if read.len() == CLASS_NAMES.len() { read } else { CLASS_NAMES.iter().map(|n| (*n).to_owned()).collect() }
}

/// Adds the records of one binary to a collection; `labels` holds the label byte of each record.
///
/// A record is called `<file>/<index>`, the index padded to five digits so that names sort as records do. A label
/// byte above 9 makes a failure of that record.
pub fn add_records(collection: &mut Collection, file: &str, binary: &Blob, labels: &[u8]) {
    for (record, &label) in (0u32..).zip(labels) {
        let name = format!("{file}/{record:05}");
        if usize::from(label) >= collection.label_names.len() {
            let reason = format!("label byte {label} is not 0 to 9; the file is damaged or not CIFAR-10");
            collection.failures.push(Failure::listing(name, reason));
            continue;
        }
        let source = Source::Cifar10 { binary: binary.clone(), record };
        collection.items.push(Item { file: name, label: Some(u32::from(label)), source });
    }
}

/// A collection of CIFAR-10 binaries held in memory, `(name, bytes)` each, as the page gets them.
///
/// # Errors
/// [`Cifar10Error`] names the first file that is not a whole number of records.
pub fn from_memory(
    title: &str,
    binaries: &[(String, std::sync::Arc<[u8]>)],
    meta: Option<&str>,
) -> Result<Collection, Cifar10Error> {
    let mut collection =
        Collection { title: title.to_owned(), label_names: label_names(meta), ..Collection::default() };
    for (name, bytes) in binaries {
        count(name, bytes.len() as u64)?;
        let labels: Vec<u8> = bytes.chunks_exact(RECORD).map(|r| r[0]).collect();
        add_records(&mut collection, name, &Blob::Memory(bytes.clone()), &labels);
    }
    collection.items.sort_by(|a, b| a.file.as_bytes().cmp(b.file.as_bytes()));
    Ok(collection)
}

/// The pixels of a record (`RECORD` bytes, label first): planes to interleaved RGB.
///
/// Returns `None` where `record` has another length.
pub fn pixels(record: &[u8]) -> Option<Content> {
    if record.len() != RECORD {
        return None;
    }
    let (red, rest) = record[1..].split_at(SIDE * SIDE);
    let (green, blue) = rest.split_at(SIDE * SIDE);
    let pixels = red.iter().zip(green).zip(blue).flat_map(|((r, g), b)| [*r, *g, *b]).collect();
    Some(Content::Rgb8 { width: SIDE as u32, height: SIDE as u32, pixels })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn binary(labels: &[u8]) -> Vec<u8> {
        labels
            .iter()
            .flat_map(|&l| {
                [vec![l], vec![l; 1024], vec![l.wrapping_add(100); 1024], vec![l.wrapping_add(200); 1024]].concat()
            })
            .collect()
    }

    #[test]
    fn records_become_labelled_items() {
        let batch = ("data_batch_1.bin".to_owned(), binary(&[3, 9]).into());
        let test = ("test_batch.bin".to_owned(), binary(&[0]).into());
        let c = from_memory("cifar", &[test, batch], None).unwrap();
        let items: Vec<_> = c.items.iter().map(|i| (i.file.as_str(), i.label)).collect();
        assert_eq!(
            items,
            [
                ("data_batch_1.bin/00000", Some(3)),
                ("data_batch_1.bin/00001", Some(9)),
                ("test_batch.bin/00000", Some(0))
            ]
        );
        assert_eq!(c.label_names[9], "truck");
        assert!(matches!(c.items[1].source, Source::Cifar10 { record: 1, .. }));
    }

    #[test]
    fn planes_are_interleaved() {
        let mut record = binary(&[1]);
        record[1 + 33] = 7;
        record[1 + 1024 + 33] = 8;
        record[1 + 2048 + 33] = 9;
        let Some(Content::Rgb8 { width, height, pixels }) = pixels(&record) else { panic!("no pixels") };
        assert_eq!((width, height, pixels.len()), (32, 32, 3072));
        assert_eq!(pixels[..3], [1, 101, 201]);
        assert_eq!(pixels[99..102], [7, 8, 9]);
        assert_eq!(super::pixels(&record[1..]), None);
    }

    #[test]
    fn a_wrong_label_byte_is_a_failure_of_its_record() {
        let c = from_memory("c", &[("a.bin".to_owned(), binary(&[1, 77, 2]).into())], None).unwrap();
        assert_eq!(c.items.len(), 2);
        assert_eq!(c.failures[0].file, "a.bin/00001");
        assert!(c.failures[0].reason.contains("77"));
    }

    #[test]
    fn lengths_are_checked() {
        assert_eq!(count("a", 3073 * 10_000), Ok(10_000));
        assert!(matches!(count("a.bin", 0), Err(Cifar10Error::Empty { .. })));
        assert!(count("a.bin", 3074).unwrap_err().to_string().contains("CIFAR-100"));
        assert!(count("a.bin", 3072).unwrap_err().to_string().contains("a.bin: 3072 bytes"));
    }

    #[test]
    fn names_come_from_the_meta_file() {
        let meta = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
        assert_eq!(label_names(Some(meta))[9], "j");
        assert_eq!(label_names(Some("a\nb")), CLASS_NAMES);
    }
}
