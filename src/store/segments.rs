//! A store of append-only segment files, wherever the files lie: in a folder, or in a browser's private file system.
//!
//! Every process appends to a segment of its own, so that runs may share a store, and a process that is killed leaves
//! at most one unfinished record at the end of its segment.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::records::{self, Payload};
use super::{BlobStore, Key, StoreError};
use crate::runtime::Shared;

/// A file that records are read from and, when it is this process's own, appended to.
pub trait SegmentFile: fmt::Debug + Shared {
    /// Bytes that are there now.
    ///
    /// # Errors
    /// When the file is gone.
    fn size(&mut self) -> io::Result<u64>;

    /// Fills `bytes` with what lies at `offset`.
    ///
    /// # Errors
    /// When the file is gone or ends before.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, so that they outlive this process.
    ///
    /// # Errors
    /// When there is no room; part of the bytes may have been written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// Makes the segment that this process appends to.
pub trait SegmentSource: fmt::Debug + Shared {
    /// An empty segment that nobody else writes to.
    ///
    /// # Errors
    /// When none can be made.
    fn create(&mut self) -> io::Result<Box<dyn SegmentFile>>;
}

#[derive(Debug)]
struct Inner {
    /// Segment and payload of each key.
    places: HashMap<Key, (usize, Payload)>,
    segments: Vec<Box<dyn SegmentFile>>,
    source: Box<dyn SegmentSource>,
    /// The segment that this process appends to, and its length.
    own: Option<(usize, u64)>,
}

/// Segments, and what lies where in them.
#[derive(Debug)]
pub struct SegmentStore {
    /// For people.
    place: String,
    inner: Mutex<Inner>,
}

impl SegmentStore {
    /// A store of the `segments` that are there, the newest last; `place` says in errors where they lie. Segments that
    /// cannot be read cost recomputation only.
    pub fn new(place: String, segments: Vec<Box<dyn SegmentFile>>, source: Box<dyn SegmentSource>) -> Self {
        let mut inner = Inner { places: HashMap::new(), segments: Vec::new(), source, own: None };
        for mut segment in segments {
            if let Ok(records) = records::scan(segment.as_mut()) {
                let index = inner.segments.len();
                inner.places.extend(records.into_iter().map(|(key, payload)| (key, (index, payload))));
                inner.segments.push(segment);
            }
        }
        Self { place, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn append(&mut self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        let (segment, end) = match self.own {
            Some(own) => own,
            None => {
                self.segments.push(self.source.create()?);
                *self.own.insert((self.segments.len() - 1, 0))
            }
        };
        let (record, payload) = records::encode(key, bytes, end);
        // A failed write may leave part of a record; the next one starts where this one should have.
        self.segments[segment].write_at(end, &record)?;
        self.own = Some((segment, end + record.len() as u64));
        self.places.insert(*key, (segment, payload));
        Ok(())
    }
}

impl BlobStore for SegmentStore {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let mut inner = self.lock();
        let (segment, payload) = *inner.places.get(key)?;
        let bytes = payload.read(inner.segments[segment].as_mut());
        if bytes.is_none() {
            inner.places.remove(key);
        }
        bytes
    }

    fn put(&self, key: &Key, bytes: &[u8]) -> Result<(), StoreError> {
        self.lock().append(key, bytes).map_err(|source| StoreError::Io { path: self.place.clone(), source })
    }
}
