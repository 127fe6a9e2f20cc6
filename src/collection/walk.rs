//! The walk of a folder: every file below it once, whatever its links do.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::names::{escape, is_hidden};
use super::{Blob, Entry, Failure};

/// What a walk found.
pub(super) struct Walk {
    /// Regular files that are not in hidden folders, unsorted.
    pub(super) entries: Vec<Entry>,
    /// Folders and links that could not be followed.
    pub(super) failures: Vec<Failure>,
}

/// A folder to list.
struct Folder {
    /// The path to open.
    path: PathBuf,
    /// The same folder without links, to know it again.
    real: PathBuf,
    /// Path below the root in display form, empty or ending in `/`.
    shown: String,
}

/// A link to a folder, followed after all real folders so that the outcome does not depend on the order of listing.
struct Link {
    path: PathBuf,
    target: PathBuf,
    shown: String,
}

/// Walks `root`. Links to files are followed; links to folders are followed where the folder is not part of the
/// collection already, so each folder is listed once and no loop or fan of links can blow the walk up.
///
/// # Errors
/// Only where `root` itself cannot be listed; all else is in [`Walk::failures`].
pub(super) fn walk(root: &Path) -> io::Result<Walk> {
    let real = fs::canonicalize(root)?;
    fs::read_dir(root)?;
    let mut walker =
        Walker { walk: Walk { entries: Vec::new(), failures: Vec::new() }, links: Vec::new(), seen: HashSet::new() };
    walker.below(Folder { path: root.to_owned(), real: real.clone(), shown: String::new() });
    while !walker.links.is_empty() {
        let mut links = std::mem::take(&mut walker.links);
        links.sort_by(|a, b| a.shown.cmp(&b.shown));
        for link in links {
            walker.follow(link, &real);
        }
    }
    walker.walk.failures.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(walker.walk)
}

struct Walker {
    walk: Walk,
    links: Vec<Link>,
    /// Folders listed so far, without links.
    seen: HashSet<PathBuf>,
}

impl Walker {
    /// Lists a folder and all real folders below it.
    fn below(&mut self, folder: Folder) {
        let mut todo = vec![folder];
        while let Some(folder) = todo.pop() {
            if !self.seen.insert(folder.real.clone()) {
                continue;
            }
            if let Err(error) = self.list(&folder, &mut todo) {
                let reason = format!("this folder cannot be listed: {error}; check its permissions");
                self.walk.failures.push(Failure::listing(folder.shown.trim_end_matches('/'), reason));
            }
        }
    }

    fn list(&mut self, folder: &Folder, todo: &mut Vec<Folder>) -> io::Result<()> {
        for entry in fs::read_dir(&folder.path)? {
            // An error in the middle ends this folder's listing: what was listed before it stays.
            let entry = entry?;
            let name = entry.file_name();
            let name = escape(name.as_encoded_bytes());
            if is_hidden(&name) {
                continue;
            }
            let shown = format!("{}{name}", folder.shown);
            match entry.file_type() {
                Ok(kind) if kind.is_file() => self.push(shown, entry.path()),
                Ok(kind) if kind.is_dir() => {
                    let (path, real) = (entry.path(), folder.real.join(entry.file_name()));
                    todo.push(Folder { path, real, shown: shown + "/" });
                }
                Ok(kind) if kind.is_symlink() => self.link(shown, entry.path()),
                // Reading a pipe or a device could wait for ever.
                Ok(_) => self.walk.failures.push(Failure::listing(shown, "neither a file nor a folder; left out")),
                Err(error) => self.walk.failures.push(Failure::listing(shown, error.to_string())),
            }
        }
        Ok(())
    }

    fn push(&mut self, shown: String, path: PathBuf) {
        self.walk.entries.push(Entry { path: shown, blob: Blob::File(Arc::from(path)) });
    }

    fn link(&mut self, shown: String, path: PathBuf) {
        match fs::metadata(&path) {
            Ok(target) if target.is_file() => self.push(shown, path),
            Ok(target) if target.is_dir() => match fs::canonicalize(&path) {
                Ok(target) => self.links.push(Link { path, target, shown }),
                Err(error) => self.walk.failures.push(Failure::listing(shown, error.to_string())),
            },
            Ok(_) => self.walk.failures.push(Failure::listing(shown, "links to neither a file nor a folder; left out")),
            Err(error) => {
                let reason = format!("this link leads nowhere: {error}; mend or delete it");
                self.walk.failures.push(Failure::listing(shown, reason));
            }
        }
    }

    fn follow(&mut self, link: Link, root: &Path) {
        let target = escape(link.target.as_os_str().as_encoded_bytes());
        let reason = if root.starts_with(&link.target) || link.path.parent().is_some_and(|p| is_below(p, &link.target))
        {
            format!("link loop: it leads back to {target}, which contains it; not followed")
        } else if self.seen.contains(&link.target) {
            format!("it leads to {target}, whose pictures are in the collection already; not followed")
        } else {
            let shown = link.shown + "/";
            return self.below(Folder { path: link.path, real: link.target, shown });
        };
        self.walk.failures.push(Failure::listing(link.shown, reason));
    }
}

/// Whether `path`, its links resolved, lies in `folder`.
fn is_below(path: &Path, folder: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|real| real.starts_with(folder))
}
