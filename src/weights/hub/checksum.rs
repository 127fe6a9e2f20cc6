//! What a hub says that a file hashes to.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A hash that a hub gives as the entity tag of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checksum {
    /// Of large files (Git LFS): of their bytes.
    Sha256(String),
    /// Of small ones: of a git blob, `blob LENGTH\0` before the bytes.
    GitBlob(String),
}

impl Checksum {
    /// From an entity tag; `None` where it is no such hash.
    pub(super) fn from_tag(tag: &str) -> Option<Self> {
        let hash = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').to_ascii_lowercase();
        let hexadecimal = hash.bytes().all(|b| b.is_ascii_hexdigit());
        match hash.len() {
            64 if hexadecimal => Some(Self::Sha256(hash)),
            40 if hexadecimal => Some(Self::GitBlob(hash)),
            _ => None,
        }
    }

    /// Its digits.
    pub(super) fn digits(&self) -> &str {
        match self {
            Self::Sha256(hash) | Self::GitBlob(hash) => hash,
        }
    }

    /// Its name.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::GitBlob(_) => "git blob sha1",
        }
    }
}

/// Both hashes of a file, and its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hashed {
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) git_blob: String,
}

impl Hashed {
    /// Of the file at `path`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let (mut sha256, mut blob) = (Sha256::new(), Sha1::new());
        blob.update(format!("blob {size}\0"));
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            sha256.update(&buffer[..read]);
            blob.update(&buffer[..read]);
        }
        Ok(Self { size, sha256: hexadecimal(&sha256.finalize()), git_blob: hexadecimal(&blob.finalize()) })
    }

    /// What `expected` should have been.
    pub(super) fn like(&self, expected: &Checksum) -> &str {
        match expected {
            Checksum::Sha256(_) => &self.sha256,
            Checksum::GitBlob(_) => &self.git_blob,
        }
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_git_and_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        let hashed = Hashed::of(&path).unwrap();
        // `git hash-object` and `sha256sum` of the same file.
        assert_eq!(hashed.git_blob, "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(hashed.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assert_eq!(hashed.size, 6);
        let tag = Checksum::from_tag("W/\"CE013625030BA8DBA906F756967F9E9CA394464A\"").unwrap();
        assert_eq!((tag.kind(), tag.digits()), ("git blob sha1", hashed.like(&tag)));
        assert_eq!(Checksum::from_tag(&format!("\"{}\"", hashed.sha256)).unwrap().digits(), hashed.sha256);
        assert_eq!([Checksum::from_tag("\"686897696a7c876b7e\""), Checksum::from_tag("")], [None, None]);
    }
}
