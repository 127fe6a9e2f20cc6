//! Where a pack's bytes are, and how they are read: as much as is asked for, so that no pack is held in memory whole where
//! it lies somewhere else.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use gistmap::store::SegmentFile;
use sha2::{Digest, Sha256};
use web_sys::Blob;

use super::super::opfs::{OpfsFile, read_blob, said};

/// Bytes that are read at once.
const PART: usize = 4 << 20;

/// The bytes of a pack. Copies share them.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// In memory: for this visit, where there is nothing to keep it in.
    Memory(Rc<[u8]>),
    /// In the private file system.
    Disk(Rc<RefCell<OpfsFile>>),
    /// In a file of the person's, for this visit.
    File(Blob),
}

impl Kept {
    pub(super) fn disk(file: OpfsFile) -> Self {
        Self::Disk(Rc::new(RefCell::new(file)))
    }

    /// Bytes in all.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk(file) => file.borrow_mut().size().unwrap_or(0),
            Self::File(blob) => blob.size() as u64,
        }
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                let part = bytes.get(at as usize..).and_then(|rest| rest.get(..into.len()));
                into.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            Self::Disk(file) => file.borrow_mut().read_at(at, into),
            Self::File(blob) => {
                let part = blob.slice_with_f64_and_f64(at as f64, at as f64 + into.len() as f64);
                let part = part.and_then(|part| read_blob(&part)).map_err(|e| io::Error::other(said(&e)))?;
                if part.length() as usize != into.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                part.copy_to(into);
                Ok(())
            }
        }
    }

    /// A reader of its own.
    pub(super) fn reader(&self) -> Reader {
        Reader { kept: self.clone(), at: 0, size: self.size() }
    }

    /// Gives all bytes to `take`, part by part.
    ///
    /// # Errors
    /// Those of reading, and what `take` returns.
    pub(super) fn each_part(&self, mut take: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let size = self.size();
        let mut part = vec![0; PART.min(size as usize)];
        let mut at = 0;
        while at < size {
            let part = &mut part[..PART.min((size - at) as usize)];
            self.read_at(at, part)?;
            take(at, part)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    /// sha256 of all bytes, lower-case hexadecimal.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn sha256(&self) -> io::Result<String> {
        let mut hash = Sha256::new();
        self.each_part(|_, part| {
            hash.update(part);
            Ok(())
        })?;
        Ok(hexadecimal(&hash.finalize()))
    }
}

/// Reads a pack from anywhere in it.
pub(super) struct Reader {
    kept: Kept,
    at: u64,
    size: u64,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.size.saturating_sub(self.at) as usize);
        self.kept.read_at(self.at, &mut into[..count])?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

pub(super) fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
