//! Where an album is read from: named bytes, in a folder or in an archive.

use std::io::{self, Read};

/// Files by name. What they hold is not trusted: [`super::open()`] says how much may be read, and checks it.
pub trait Source {
    /// The bytes of the file at `path`, below the album's root and `/`-separated.
    ///
    /// # Errors
    /// When there is no such file, it cannot be read, or has more than `limit` bytes.
    fn read(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError>;
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No such file.
    #[error("it is missing")]
    Missing,
    /// More bytes than the limit.
    #[error("it has more than the {0} bytes that are expected")]
    TooLarge(u64),
    /// What the file system or the archive said.
    #[error("{0}")]
    Unreadable(String),
}

/// All of `reader`, unless that is more than `limit` bytes. Memory grows with what there is, not with what is declared.
pub(super) fn read_limited(reader: impl Read, limit: u64) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    match read {
        Ok(size) if size as u64 > limit => Err(SourceError::TooLarge(limit)),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            Err(SourceError::Unreadable("there is not enough memory for it".to_owned()))
        }
        Err(error) => Err(SourceError::Unreadable(error.to_string())),
    }
}

/// Whether a manifest's path stays inside the album, on every operating system.
pub(super) fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_album_are_not_plain() {
        for path in ["layout.csv", "vectors/a+b@concat.npy", "texts/..a.csv"] {
            assert!(is_plain(path), "{path}");
        }
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "..\\x", "C:\\x", "c:x", "a\0"] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn no_more_than_the_limit_is_read() {
        assert_eq!(read_limited(&b"12345"[..], 5), Ok(b"12345".to_vec()));
        assert_eq!(read_limited(io::repeat(0), 1000), Err(SourceError::TooLarge(1000)));
    }
}
