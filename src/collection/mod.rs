//! What a folder of images is: which files are pictures, in which order, and which label each one has.
//!
//! The rules are pure functions over names, so that the page builds a collection from dropped files with the very
//! same code that the command line uses on a folder. Only [`folder`] touches the file system.
//!
//! # Labels
//!
//! Labels follow torchvision's `ImageFolder`: a folder per class, the label is the first folder of the path, folders
//! nested below belong to their class, label names are sorted. [`arrange`] documents what happens to wrapping
//! folders, `train`/`test` splits, and pictures that lie beside the class folders.
//!
//! # Names
//!
//! [`Item::file`] is a path below the collection's root, `/`-separated, in the display form of [`escape`]: printable
//! UTF-8 as it is, everything else escaped, so that every name fits a line of a table and can be turned back.

mod arrange;
pub mod cifar10;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
mod names;
#[cfg(not(target_arch = "wasm32"))]
mod walk;

use std::path::Path;
use std::sync::Arc;

pub use arrange::arrange;
pub use names::{EXTENSIONS, escape, is_hidden, is_picture_name, unescape};

/// Bytes that lie in a file or in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blob {
    /// A file of the operating system, by its real path (which need not be UTF-8).
    File(Arc<Path>),
    /// Bytes held in memory.
    Memory(Arc<[u8]>),
    /// A file that the shell holds under this number, as the page holds dropped files.
    Held(u32),
}

/// How to get at the bytes of one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The whole blob is one encoded picture (JPEG, PNG, ...).
    Encoded(Blob),
    /// One record of a CIFAR-10 binary: 32 x 32 RGB pixels, see [`cifar10`].
    Cifar10 {
        /// The binary file.
        binary: Blob,
        /// Record index, from 0.
        record: u32,
    },
}

/// The bytes of one picture, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An encoded picture, to be decoded.
    Encoded(Vec<u8>),
    /// Pixels already: `[height, width, 3]`, 8-bit RGB.
    Rgb8 {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// `height * width * 3` bytes.
        pixels: Vec<u8>,
    },
}

/// A file that may be a picture: what [`arrange`] works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path below the root, `/`-separated, each component in the display form of [`escape`].
    pub path: String,
    /// Where the bytes are.
    pub blob: Blob,
}

/// One picture of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Path below the root that was given, as shown to people (display form of [`escape`]); unique in a collection.
    pub file: String,
    /// Index into [`Collection::label_names`], where the folders carry labels.
    pub label: Option<u32>,
    /// How to get the bytes.
    pub source: Source,
}

/// Something that could not be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Path below the root, display form.
    pub file: String,
    /// Always `list` here; the engine adds `read` and `decode`.
    pub stage: &'static str,
    /// What is wrong and what to do.
    pub reason: String,
}

impl Failure {
    /// A failure of the listing stage.
    pub fn listing(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { file: file.into(), stage: "list", reason: reason.into() }
    }
}

/// The pictures of a folder, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collection {
    /// Name of the folder or file, for people.
    pub title: String,
    /// The pictures, sorted by the bytes of [`Item::file`].
    pub items: Vec<Item>,
    /// Label names, sorted; empty where there are no labels.
    pub label_names: Vec<String>,
    /// What could not be listed.
    pub failures: Vec<Failure>,
    /// Number of files left out because their names are not those of pictures (texts, hidden files, ...).
    pub ignored: usize,
}

/// Why there is no collection at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectionError {
    /// The path does not exist.
    #[error("{path}: there is no such file or folder; check the spelling, and quote names with spaces")]
    Missing {
        /// The path as given.
        path: String,
    },
    /// The folder itself cannot be listed.
    #[error("{path}: this folder cannot be read ({reason}); check its permissions")]
    Unreadable {
        /// The path as given.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// A single file that is not a CIFAR-10 binary.
    #[error(
        "{path}: this is a single file; give a folder of pictures (a folder per class, or a flat one) \
         or a CIFAR-10 binary file such as data_batch_1.bin"
    )]
    NotAFolder {
        /// The path as given.
        path: String,
    },
    /// The folder holds nothing.
    #[error("{path}: this folder is empty; put pictures into it, or give another folder")]
    Empty {
        /// The path as given.
        path: String,
    },
    /// The folder holds files, but no picture.
    #[error(
        "{path}: no picture among {ignored} file(s){failed}; pictures are files whose names end in {extensions}",
        failed = failed_words(*.failures), extensions = EXTENSIONS.join(", ")
    )]
    NoPictures {
        /// The path as given.
        path: String,
        /// Files that are not pictures by their name.
        ignored: usize,
        /// Folders and links that could not be listed.
        failures: usize,
    },
    /// A binary that is not CIFAR-10's.
    #[error(transparent)]
    Cifar10(#[from] cifar10::Cifar10Error),
}

fn failed_words(failures: usize) -> String {
    if failures == 0 { String::new() } else { format!(" ({failures} folder(s) or link(s) could not be listed)") }
}

/// Why the bytes of one picture could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(String),
    /// The file is larger than any picture should be.
    #[error("the file has {bytes} bytes, more than the limit of {limit}; it is probably not a picture")]
    TooLarge {
        /// Size of the file.
        bytes: u64,
        /// Largest size read.
        limit: u64,
    },
    /// The record lies behind the end of the binary file.
    #[error("the binary file ends before record {0}; it changed while it was read")]
    NoRecord(u32),
}
