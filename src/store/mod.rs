//! Where computed things are kept between runs: bytes by content-addressed key.
//!
//! The engine is the only caller. A store knows nothing of what the bytes mean. Losing an entry costs
//! time, never correctness, so `get` answers `None` for whatever is missing or damaged.

#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod memory;
mod records;
mod segments;

pub use memory::MemoryStore;
pub use segments::{SegmentFile, SegmentSource, SegmentStore};

use crate::runtime::Shared;

/// What an entry is addressed by: a hash of everything that its value depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a value that depends on `parts`, in order; no two different lists share a key.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// What can go wrong when something is put into a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot write the cache at {path}: {source}")]
    Io {
        /// The folder or file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Bytes by key.
pub trait BlobStore: Shared {
    /// The bytes under `key`, when they are there and undamaged.
    fn get(&self, key: &Key) -> Option<Vec<u8>>;

    /// Puts `bytes` under `key`; a later `get` by this or another run finds them, also after a crash.
    ///
    /// # Errors
    /// When they cannot be kept (full or read-only disk).
    fn put(&self, key: &Key, bytes: &[u8]) -> Result<(), StoreError>;
}
