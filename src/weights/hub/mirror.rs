//! A folder in place of the hub: the hub's own cache, repositories by name, or the files as they are.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use super::checksum::{Checksum, Hashed};
use super::download::write_failed;
use super::{HubError, PullEvent, PulledFile, Tell};

/// How a file begins that only stands for another (Git LFS).
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// Bytes that are copied before somebody hears of it.
const CHUNK: usize = 1 << 20;

/// The folder that holds a repository's files.
pub(super) struct Mirror {
    files: PathBuf,
    /// Where the folder's layout says which it is.
    pub(super) commit: Option<String>,
}

impl Mirror {
    /// Finds `repo` at `revision` in `root`.
    pub(super) fn open(root: &Path, repo: &str, revision: &str) -> Result<Self, HubError> {
        if !root.is_dir() {
            let reason = "it is neither an address (http://, https://) nor a folder".to_owned();
            return Err(HubError::Address { address: root.display().to_string(), reason });
        }
        let cached = format!("models--{}", repo.replace('/', "--"));
        for cache in [root.join(&cached), root.join("hub").join(&cached), root.to_owned()] {
            if cache.join("snapshots").is_dir() {
                return Self::cached(&cache, revision);
            }
        }
        let by_name = root.join(repo);
        Ok(Self { files: if by_name.is_dir() { by_name } else { root.to_owned() }, commit: None })
    }

    /// `refs/REVISION` holds a commit, `snapshots/COMMIT` its files.
    fn cached(cache: &Path, revision: &str) -> Result<Self, HubError> {
        let inside = Path::new(revision).components().all(|part| matches!(part, Component::Normal(_)));
        let commit = inside.then(|| fs::read_to_string(cache.join("refs").join(revision)).ok()).flatten();
        let commit = commit.map_or_else(|| revision.to_owned(), |commit| commit.trim().to_owned());
        let files = cache.join("snapshots").join(&commit);
        if inside && files.is_dir() {
            return Ok(Self { files, commit: Some(commit) });
        }
        let (what, place) = (format!("revision {revision}"), cache.display().to_string());
        Err(HubError::NotFound { what, place, said: String::new() })
    }

    /// Copies a file into `folder`, checked where the cache names it by its hash.
    pub(super) fn copy(&self, name: &str, folder: &Path, tell: Tell<'_>) -> Result<PulledFile, HubError> {
        let from = self.files.join(name);
        let Ok(mut source) = File::open(&from).map(|file| file.take(u64::MAX)) else {
            let (what, place) = (name.to_owned(), self.files.display().to_string());
            return Err(HubError::NotFound { what, place, said: String::new() });
        };
        let total = fs::metadata(&from).map_err(|e| HubError::io(&from, e))?.len();
        let partial = folder.join(format!("{name}.partial"));
        let mut out = File::create(&partial).map_err(|e| HubError::io(&partial, e))?;
        let (mut done, mut buffer) = (0, vec![0; CHUNK]);
        let mut going = tell(&PullEvent::File { name: name.to_owned(), done, total: Some(total) });
        while going {
            let read = source.read(&mut buffer).map_err(|e| HubError::io(&from, e))?;
            if read == 0 {
                break;
            }
            if done == 0 && buffer[..read].starts_with(POINTER) {
                let reason = "a Git LFS pointer stands in place of the file; run `git lfs pull` there".to_owned();
                return Err(HubError::Answer { url: from.display().to_string(), reason });
            }
            out.write_all(&buffer[..read]).map_err(|e| write_failed(&partial, e, Some(total - done.min(total))))?;
            done += read as u64;
            going = tell(&PullEvent::Bytes(done));
        }
        if !going {
            return Err(HubError::Stopped);
        }
        let hashed = Hashed::of(&partial).map_err(|e| HubError::io(&partial, e))?;
        // In the hub's cache a file is a link to a blob, named by its entity tag.
        let blob = fs::read_link(&from).ok().and_then(|blob| Some(blob.file_name()?.to_str()?.to_owned()));
        let expected = blob.as_deref().and_then(Checksum::from_tag);
        if let Some(expected) = expected.as_ref().filter(|expected| hashed.like(expected) != expected.digits()) {
            let (found, from) = (hashed.like(expected).to_owned(), from.display().to_string());
            // What came is of no use; that it cannot be removed costs room only.
            let _ = fs::remove_file(&partial);
            return Err(HubError::Checksum {
                from,
                kind: expected.kind(),
                found,
                expected: expected.digits().to_owned(),
            });
        }
        let path = folder.join(name);
        fs::rename(&partial, &path).map_err(|e| HubError::io(&path, e))?;
        let tag = expected.map(|expected| expected.digits().to_owned());
        Ok(PulledFile { name: name.to_owned(), size: hashed.size, sha256: hashed.sha256, tag })
    }
}
