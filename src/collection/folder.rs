//! Collections in the file system: opening a folder or a CIFAR-10 binary, and reading a picture's bytes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::walk::{Walk, walk};
use super::{Blob, Collection, CollectionError, Content, Entry, Failure, ReadError, Source, arrange, cifar10, escape};

/// The largest file that is read as a picture, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// Opens a folder of pictures, a CIFAR-10 binary file, or a folder of those.
///
/// A folder that holds pictures is arranged by [`arrange`]; one without pictures but with `.bin` files is read as
/// CIFAR-10. Folders that cannot be read, broken links and link loops are [`Collection::failures`]; the rest is listed.
///
/// # Errors
/// [`CollectionError`] where there is nothing to work on; its text says what to do.
pub fn open(path: &Path) -> Result<Collection, CollectionError> {
    let shown = || path.display().to_string();
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => CollectionError::Missing { path: shown() },
        _ => CollectionError::Unreadable { path: shown(), reason: error.to_string() },
    })?;
    if metadata.is_file() {
        return open_binary(path, metadata.len());
    }
    if !metadata.is_dir() {
        return Err(CollectionError::NotAFolder { path: shown() });
    }
    let Walk { entries, failures } =
        walk(path).map_err(|error| CollectionError::Unreadable { path: shown(), reason: error.to_string() })?;
    if entries.is_empty() && failures.is_empty() {
        return Err(CollectionError::Empty { path: shown() });
    }
    let binaries: Vec<Entry> = entries.iter().filter(|e| is_binary(&e.path)).cloned().collect();
    let mut collection = arrange(title(path), entries);
    collection.failures = failures;
    if collection.items.is_empty() {
        add_binaries(&mut collection, path, &binaries);
    }
    if collection.items.is_empty() {
        let (ignored, failures) = (collection.ignored, collection.failures.len());
        return Err(CollectionError::NoPictures { path: shown(), ignored, failures });
    }
    Ok(collection)
}

/// The bytes of one picture.
///
/// # Errors
/// [`ReadError`] where the operating system refuses, the file is larger than [`MAX_FILE_BYTES`], or a record is gone.
pub fn read(source: &Source) -> Result<Content, ReadError> {
    match source {
        Source::Encoded(Blob::Memory(bytes)) => Ok(Content::Encoded(bytes.to_vec())),
        Source::Encoded(Blob::File(path)) => read_file(path).map(Content::Encoded),
        Source::Encoded(Blob::Held(number)) => Err(not_ours(*number)),
        Source::Cifar10 { binary, record } => {
            let start = u64::from(*record) * cifar10::RECORD as u64;
            let mut bytes = vec![0; cifar10::RECORD];
            match binary {
                Blob::Memory(all) => {
                    let start = usize::try_from(start).map_err(|_| ReadError::NoRecord(*record))?;
                    let slice = all.get(start..start + cifar10::RECORD).ok_or(ReadError::NoRecord(*record))?;
                    bytes.copy_from_slice(slice);
                }
                Blob::File(path) => {
                    let mut file = File::open(path).map_err(io)?;
                    file.seek(SeekFrom::Start(start)).map_err(io)?;
                    file.read_exact(&mut bytes).map_err(|_| ReadError::NoRecord(*record))?;
                }
                Blob::Held(number) => return Err(not_ours(*number)),
            }
            cifar10::pixels(&bytes).ok_or(ReadError::NoRecord(*record))
        }
    }
}

fn not_ours(number: u32) -> ReadError {
    ReadError::Io(format!("file {number} is held by a page, not by the file system"))
}

fn io(error: std::io::Error) -> ReadError {
    ReadError::Io(error.to_string())
}

fn read_file(path: &Path) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path).map_err(io)?;
    let len = file.metadata().map_err(io)?.len();
    if len > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge { bytes: len, limit: MAX_FILE_BYTES });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
    // The limit holds even where the file grows while it is read.
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// The name of the folder or file, also for `.` and `..`.
fn title(path: &Path) -> String {
    let real = fs::canonicalize(path);
    let name = real.as_deref().unwrap_or(path).file_name().unwrap_or(OsStr::new("pictures"));
    escape(name.as_encoded_bytes())
}

fn is_binary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.len() > 4 && name.to_ascii_lowercase().ends_with(".bin") && !name.starts_with('.')
}

fn open_binary(path: &Path, len: u64) -> Result<Collection, CollectionError> {
    let name = title(path);
    if !is_binary(&name) {
        return Err(CollectionError::NotAFolder { path: path.display().to_string() });
    }
    cifar10::count(&path.display().to_string(), len)?;
    let meta = path.parent().and_then(read_meta);
    let label_names = cifar10::label_names(meta.as_deref());
    let mut collection = Collection { title: name.clone(), label_names, ..Collection::default() };
    let unreadable = |reason| CollectionError::Unreadable { path: path.display().to_string(), reason };
    let labels = read_labels(path).map_err(unreadable)?;
    cifar10::add_records(&mut collection, &name, &Blob::File(Arc::from(path)), &labels);
    if collection.items.is_empty() {
        let failures = collection.failures.len();
        return Err(CollectionError::NoPictures { path: path.display().to_string(), ignored: 1, failures });
    }
    Ok(collection)
}

fn add_binaries(collection: &mut Collection, root: &Path, binaries: &[Entry]) {
    let Some(first) = binaries.first() else { return };
    let beside = match &first.blob {
        Blob::File(path) => path.parent().and_then(read_meta),
        Blob::Memory(_) | Blob::Held(_) => None,
    };
    let meta = beside.or_else(|| read_meta(root));
    collection.label_names = cifar10::label_names(meta.as_deref());
    for entry in binaries {
        let Blob::File(path) = &entry.blob else { continue };
        let len = fs::metadata(path).map(|m| m.len()).unwrap_or(0);
        let labels = cifar10::count(&entry.path, len).map_err(|e| e.to_string()).and_then(|_| read_labels(path));
        match labels {
            Ok(labels) => {
                collection.ignored = collection.ignored.saturating_sub(1);
                cifar10::add_records(collection, &entry.path, &entry.blob, &labels);
            }
            Err(reason) => collection.failures.push(Failure::listing(entry.path.as_str(), reason)),
        }
    }
    collection.items.sort_by(|a, b| a.file.as_bytes().cmp(b.file.as_bytes()));
    if collection.items.is_empty() {
        collection.label_names.clear();
    }
}

fn read_meta(folder: &Path) -> Option<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::read_to_string(folder.join("batches.meta.txt")).ok()
}

/// The label byte of each record.
fn read_labels(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read_file(path).map_err(|e| e.to_string())?;
    Ok(bytes.chunks_exact(cifar10::RECORD).map(|record| record[0]).collect())
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
