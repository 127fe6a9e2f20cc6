//! The files of what is open: dropped ones, held by the page's browser, read without waiting.

use gistmap::collection::{Blob, Content, ReadError, Source, cifar10};
use js_sys::Array;
use wasm_bindgen::JsCast;
use web_sys::File;

use super::opfs::{read_blob, said};

/// The largest file that is read as a picture, in bytes: as in the terminal.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Dropped files by the numbers of [`Blob::Held`].
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<File>);

impl Files {
    /// The files that the page sent, in its order.
    ///
    /// # Errors
    /// When one of them is no file.
    pub(crate) fn of(array: &Array) -> Result<Self, String> {
        let file = |(at, value): (usize, wasm_bindgen::JsValue)| {
            value.dyn_into::<File>().map_err(|_| format!("what was dropped as number {at} is no file"))
        };
        array.iter().enumerate().map(file).collect::<Result<_, _>>().map(Self)
    }

    /// Bytes of file `number`.
    pub(crate) fn size(&self, number: u32) -> Option<u64> {
        self.0.get(number as usize).map(|file| file.size() as u64)
    }

    /// All bytes of a blob.
    ///
    /// # Errors
    /// When it is gone, too large, or not of the page.
    pub(crate) fn bytes(&self, blob: &Blob) -> Result<Vec<u8>, ReadError> {
        match blob {
            Blob::Memory(bytes) => Ok(bytes.to_vec()),
            Blob::File(path) => Err(not_here(path)),
            Blob::Held(number) => {
                let file = self.file(*number)?;
                let bytes = file.size() as u64;
                if bytes > MAX_FILE_BYTES {
                    return Err(ReadError::TooLarge { bytes, limit: MAX_FILE_BYTES });
                }
                read_blob(file).map(|array| array.to_vec()).map_err(|e| ReadError::Io(said(&e)))
            }
        }
    }

    /// The bytes of one picture.
    ///
    /// # Errors
    /// As [`Files::bytes`], and when a binary ends before the record.
    pub(crate) fn read(&self, source: &Source) -> Result<Content, ReadError> {
        match source {
            Source::Encoded(blob) => self.bytes(blob).map(Content::Encoded),
            Source::Cifar10 { binary, record } => {
                let start = u64::from(*record) * cifar10::RECORD as u64;
                let bytes = match binary {
                    Blob::Held(number) => {
                        let end = start + cifar10::RECORD as u64;
                        let part = self.file(*number)?.slice_with_f64_and_f64(start as f64, end as f64);
                        let read = part.and_then(|part| read_blob(&part));
                        read.map_err(|e| ReadError::Io(said(&e)))?.to_vec()
                    }
                    Blob::Memory(all) => {
                        let slice = usize::try_from(start).ok().and_then(|s| all.get(s..s + cifar10::RECORD));
                        slice.ok_or(ReadError::NoRecord(*record))?.to_vec()
                    }
                    Blob::File(path) => return Err(not_here(path)),
                };
                cifar10::pixels(&bytes).ok_or(ReadError::NoRecord(*record))
            }
        }
    }

    fn file(&self, number: u32) -> Result<&File, ReadError> {
        self.0.get(number as usize).ok_or_else(|| ReadError::Io(format!("file {number} is not held by this page")))
    }
}

fn not_here(path: &std::path::Path) -> ReadError {
    ReadError::Io(format!("{} is a file of the operating system, which a page cannot read", path.display()))
}
