//! A store that ends with the process: for tests, and for the page before it may write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{BlobStore, Key, StoreError};

/// Entries in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: Mutex<HashMap<Key, Vec<u8>>>,
}

impl BlobStore for MemoryStore {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: &Key, bytes: &[u8]) -> Result<(), StoreError> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(*key, bytes.to_vec());
        Ok(())
    }
}
