//! A safetensors file whose tensors are read when they are asked for, so that nobody holds a large checkpoint twice.
//!
//! Called by [`Checkpoint`](crate::checkpoint::Checkpoint) and [`pack`](crate::pack); knows the file's layout, nothing of
//! quantization.

use std::io::{self, Read, Seek, SeekFrom};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::checkpoint::CheckpointError;

/// Bytes of the length that stands before the header.
const LENGTH: u64 = 8;
/// No header of a published file is nearly as long.
const LONGEST_HEADER: u64 = 100 << 20;

/// Where a file's bytes come from.
pub trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// An open file.
pub(crate) struct Stored {
    source: Box<dyn Source>,
    /// Where the tensors' bytes begin.
    start: u64,
    header: Metadata,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Stored {
    /// Reads the header.
    ///
    /// # Errors
    /// [`CheckpointError::Format`] when this is no such file, or not all of one.
    pub(crate) fn open(source: impl Source + 'static) -> Result<Self, CheckpointError> {
        let mut source: Box<dyn Source> = Box::new(source);
        let failed = |what: String| CheckpointError::Format(what);
        let whole = source.seek(SeekFrom::End(0)).map_err(|e| failed(e.to_string()))?;
        let mut length = [0; LENGTH as usize];
        read_at(&mut source, 0, &mut length).map_err(|e| failed(format!("no header ({e})")))?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER.min(whole.saturating_sub(LENGTH)) {
            return Err(failed(format!("a header of {length} bytes in a file of {whole}")));
        }
        let mut text = vec![0; length as usize];
        read_at(&mut source, LENGTH, &mut text).map_err(|e| failed(e.to_string()))?;
        let header: Metadata = serde_json::from_slice(&text).map_err(|e| failed(format!("its header: {e}")))?;
        let (start, expected) = (LENGTH + length, LENGTH + length + header.data_len() as u64);
        if whole != expected {
            return Err(failed(format!("{whole} bytes, where its header says {expected}")));
        }
        Ok(Self { source, start, header })
    }

    /// Names of all tensors.
    pub(crate) fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    pub(crate) fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.header.info(name)
    }

    /// A text that the header holds beside the tensors.
    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// Element type and bytes of a tensor; `None` where there is no such tensor.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Option<(Dtype, Vec<u8>)>, CheckpointError> {
        let Some(TensorInfo { dtype, data_offsets: (from, to), .. }) = self.header.info(name).cloned() else {
            return Ok(None);
        };
        let mut bytes = vec![0; to - from];
        read_at(&mut self.source, self.start + from as u64, &mut bytes)
            .map_err(|e| CheckpointError::Read { name: name.to_owned(), reason: e.to_string() })?;
        Ok(Some((dtype, bytes)))
    }
}

fn read_at(source: &mut Box<dyn Source>, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    source.seek(SeekFrom::Start(at))?;
    source.read_exact(bytes)
}
