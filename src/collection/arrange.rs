//! From names to labels: the rules, without a file system.

use std::collections::BTreeSet;

use super::names::{is_hidden, is_picture_name};
use super::{Collection, Entry, Item, Source};

/// First folders that say which split a picture belongs to, not what it shows.
const SPLITS: [&str; 9] = ["train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval"];

/// Makes a collection of the entries that are pictures by their names.
///
/// 1. Hidden files and folders, what file managers and archivers leave behind, and files that do not end in one of
///    [`super::EXTENSIONS`] are left out and counted in [`Collection::ignored`].
/// 2. Pictures are sorted by the bytes of their paths; an entry whose path occurs twice is taken once.
/// 3. **Wrapping folders** say nothing: while all pictures lie below one single folder, the labels are looked for
///    inside it (`food/images/<class>/…`). A folder with one class only is therefore a flat one: a single label would
///    tell nothing. [`Item::file`] keeps the whole path.
/// 4. **Splits**: where every first folder is called `train`, `val`, `test` or the like and holds folders only, the
///    label is the next folder, so that `train/cat` and `test/cat` are both `cat`.
/// 5. **Labels**: two or more folders make classes, as in torchvision's `ImageFolder`; deeper folders belong to their
///    class. Names are sorted by their bytes, which is Python's order of strings.
/// 6. **Pictures beside class folders** have no label (`None`); with fewer than two class folders beside them, nobody
///    has one.
pub fn arrange(title: impl Into<String>, entries: Vec<Entry>) -> Collection {
    let all = entries.len();
    let mut pictures: Vec<Entry> = entries.into_iter().filter(|e| is_candidate(&e.path)).collect();
    let ignored = all - pictures.len();
    pictures.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    pictures.dedup_by(|a, b| a.path == b.path);

    let depth = label_depth(&pictures);
    let names: BTreeSet<&str> = match depth {
        Some(depth) => pictures.iter().filter_map(|p| folder_at(&p.path, depth)).collect(),
        None => BTreeSet::new(),
    };
    let label_names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let items = pictures
        .into_iter()
        .map(|entry| {
            let name = depth.and_then(|depth| folder_at(&entry.path, depth));
            let place = name.and_then(|name| label_names.binary_search_by(|l| l.as_str().cmp(name)).ok());
            let label = place.and_then(|place| u32::try_from(place).ok());
            Item { file: entry.path, label, source: Source::Encoded(entry.blob) }
        })
        .collect();
    Collection { title: title.into(), items, label_names, failures: Vec::new(), ignored }
}

fn is_candidate(path: &str) -> bool {
    !path.split('/').any(is_hidden) && path.rsplit('/').next().is_some_and(is_picture_name)
}

/// The `depth`-th folder of a path, `None` where the path has fewer folders.
fn folder_at(path: &str, depth: usize) -> Option<&str> {
    let mut rest = path.split('/').skip(depth);
    let folder = rest.next()?;
    rest.next().map(|_| folder)
}

/// Which folder of a path is the label, `None` where folders carry no labels.
fn label_depth(pictures: &[Entry]) -> Option<usize> {
    let mut depth = 0;
    loop {
        // A file at this depth ends the descent: what lies beside it are no wrapping folders.
        let beside = pictures.iter().any(|p| folder_at(&p.path, depth).is_none());
        let folders: BTreeSet<&str> = pictures.iter().filter_map(|p| folder_at(&p.path, depth)).collect();
        if beside || folders.len() != 1 {
            let splits = !beside && folders.iter().all(|f| SPLITS.iter().any(|s| f.eq_ignore_ascii_case(s)));
            let classes: BTreeSet<&str> = pictures.iter().filter_map(|p| folder_at(&p.path, depth + 1)).collect();
            let all_deeper = pictures.iter().all(|p| folder_at(&p.path, depth + 1).is_some());
            if splits && all_deeper && classes.len() >= 2 {
                return Some(depth + 1);
            }
            return (folders.len() >= 2).then_some(depth);
        }
        depth += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::collection::Blob;

    fn collection(paths: &[&str]) -> Collection {
        let entry = |p: &&str| Entry { path: (*p).to_owned(), blob: Blob::Memory(p.as_bytes().into()) };
        arrange("t", paths.iter().map(entry).collect())
    }

    /// `(file, label name)` of each item.
    fn labelled(c: &Collection) -> Vec<(&str, Option<&str>)> {
        c.items.iter().map(|i| (i.file.as_str(), i.label.map(|l| c.label_names[l as usize].as_str()))).collect()
    }

    #[test]
    fn a_folder_per_class_with_nested_folders() {
        let c = collection(&["dog/b.jpg", "cat/x/y/2.PNG", "dog/a.jpg", "cat/1.jpg", "cat/notes.txt"]);
        assert_eq!(c.label_names, ["cat", "dog"]);
        assert_eq!(
            labelled(&c),
            [
                ("cat/1.jpg", Some("cat")),
                ("cat/x/y/2.PNG", Some("cat")),
                ("dog/a.jpg", Some("dog")),
                ("dog/b.jpg", Some("dog"))
            ]
        );
        assert_eq!(c.ignored, 1);
        assert!(matches!(&c.items[0].source, Source::Encoded(Blob::Memory(b)) if &b[..] == b"cat/1.jpg"));
    }

    #[test]
    fn a_flat_folder_has_no_labels() {
        let c = collection(&["b.jpg", "a.png"]);
        assert_eq!(labelled(&c), [("a.png", None), ("b.jpg", None)]);
        assert!(c.label_names.is_empty());
    }

    #[test]
    fn wrapping_folders_are_descended_and_stay_in_the_path() {
        let c = collection(&["food/images/pie/1.jpg", "food/images/soup/1.jpg", "food/readme.md"]);
        assert_eq!(labelled(&c), [("food/images/pie/1.jpg", Some("pie")), ("food/images/soup/1.jpg", Some("soup"))]);
    }

    #[test]
    fn one_class_alone_is_flat() {
        let c = collection(&["cat/1.jpg", "cat/2.jpg"]);
        assert_eq!(labelled(&c), [("cat/1.jpg", None), ("cat/2.jpg", None)]);
    }

    #[test]
    fn splits_are_not_classes() {
        let c = collection(&["x/train/cat/1.jpg", "x/train/dog/2.jpg", "x/Test/cat/3.jpg"]);
        assert_eq!(c.label_names, ["cat", "dog"]);
        assert_eq!(labelled(&c)[0], ("x/Test/cat/3.jpg", Some("cat")));
        let alone = collection(&["train/cat/1.jpg", "train/dog/2.jpg"]);
        assert_eq!(alone.label_names, ["cat", "dog"]);
        let flat = collection(&["train/1.jpg", "test/2.jpg"]);
        assert_eq!(flat.label_names, ["test", "train"]);
    }

    #[test]
    fn pictures_beside_classes_have_no_label() {
        let c = collection(&["a.jpg", "cat/1.jpg", "dog/1.jpg"]);
        assert_eq!(labelled(&c), [("a.jpg", None), ("cat/1.jpg", Some("cat")), ("dog/1.jpg", Some("dog"))]);
        let c = collection(&["a.jpg", "edited/1.jpg"]);
        assert_eq!(labelled(&c), [("a.jpg", None), ("edited/1.jpg", None)]);
        assert!(c.label_names.is_empty());
    }

    #[test]
    fn hidden_files_and_leftovers_are_skipped() {
        let c =
            collection(&[".x/1.jpg", "a/._1.jpg", "__MACOSX/a/1.jpg", "a/Thumbs.db", "a/1.jpg", "b/2.jpg", "b/2.jpg"]);
        assert_eq!(labelled(&c), [("a/1.jpg", Some("a")), ("b/2.jpg", Some("b"))]);
        assert_eq!(c.ignored, 4);
    }

    #[test]
    fn order_is_by_bytes_and_labels_by_name() {
        let c = collection(&["a/1.jpg", "a-b/1.jpg", "É/1.jpg", "Z/1.jpg"]);
        let files: Vec<&str> = c.items.iter().map(|i| i.file.as_str()).collect();
        assert_eq!(files, ["Z/1.jpg", "a-b/1.jpg", "a/1.jpg", "É/1.jpg"]);
        assert_eq!(c.label_names, ["Z", "a", "a-b", "É"]);
        assert_eq!(c.items[2].label, Some(1));
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(collection(&[]), Collection { title: "t".into(), ..Collection::default() });
    }
}
