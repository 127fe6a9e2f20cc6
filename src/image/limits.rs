//! How large a picture may be.

use super::DecodeError;

/// What decoding may take; checked from headers, before memory is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest `width * height`, in pixels. Default 178,956,970, where Pillow raises `DecompressionBombError`.
    pub max_pixels: u64,
    /// Most bytes that decoding one picture may hold at a time. Default 1 GiB.
    pub max_alloc: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 178_956_970, max_alloc: 1 << 30 }
    }
}

impl Limits {
    pub(super) fn check_size(&self, width: u64, height: u64) -> Result<(), DecodeError> {
        let pixels = width.saturating_mul(height);
        if pixels > self.max_pixels {
            return Err(DecodeError::TooLarge { width, height, limit: self.max_pixels });
        }
        Ok(())
    }

    pub(super) fn check_memory(&self, bytes: u64) -> Result<(), DecodeError> {
        if bytes > self.max_alloc { Err(DecodeError::TooMuchMemory { limit: self.max_alloc }) } else { Ok(()) }
    }
}
