//! Files in the browser's private file system (OPFS), read and written synchronously, as only a worker may.
//!
//! Results and model packs are kept in it. Another tab may hold any file: reading then goes through a snapshot, and
//! what cannot be opened at all is left alone.

use std::io;

use gistmap::runtime::Stopwatch;
use gistmap::store::SegmentFile;
use js_sys::{Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, File, FileReaderSync, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle, WorkerGlobalScope,
};

/// Everything of gistmap's lies below this folder, because pages of other projects may share the origin.
const ROOT: &str = "gistmap";
/// Written bytes reach the disk at least this often, in seconds; until then they survive the tab, but not the machine.
const FLUSH_EVERY: f64 = 1.0;

/// A folder of the private file system.
#[derive(Debug, Clone)]
pub(crate) struct Folder(FileSystemDirectoryHandle);

impl Folder {
    /// Opens (and makes, when missing) a folder.
    ///
    /// # Errors
    /// What the browser said, where there is no private file system (such as in some private windows).
    pub(crate) async fn open(scope: &WorkerGlobalScope, name: &str) -> Result<Self, String> {
        let storage = Reflect::get(&scope.navigator(), &"storage".into()).map_err(|e| said(&e))?;
        let storage: web_sys::StorageManager =
            storage.dyn_into().map_err(|_| "this address has no storage; open the page by https or on localhost")?;
        let mut folder: FileSystemDirectoryHandle = settle(storage.get_directory()).await?;
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(true);
        for name in [ROOT, name] {
            folder = settle(folder.get_directory_handle_with_options(name, &options)).await?;
        }
        Ok(Self(folder))
    }

    /// Names of the files, sorted.
    pub(crate) async fn names(&self) -> Vec<String> {
        let keys = self.0.keys();
        let mut names = Vec::new();
        while let Ok(next) = keys.next() {
            let Ok(entry) = JsFuture::from(next).await else { break };
            match Reflect::get(&entry, &"value".into()).ok().and_then(|value| value.as_string()) {
                Some(name) => names.push(name),
                None => break,
            }
        }
        names.sort();
        names
    }

    /// Bytes of a file; 0 where there is none.
    pub(crate) async fn size(&self, name: &str) -> u64 {
        let Ok(handle) = settle::<FileSystemFileHandle>(self.0.get_file_handle(name)).await else { return 0 };
        settle::<File>(handle.get_file()).await.map_or(0, |file| file.size() as u64)
    }

    /// Opens a file to be read; `None` when it is not there or cannot be read at all.
    pub(crate) async fn read(&self, name: &str) -> Option<OpfsFile> {
        let file: FileSystemFileHandle = settle(self.0.get_file_handle(name)).await.ok()?;
        let handle = match shared_handle(&file).await {
            Ok(handle) => Handle::Access(handle),
            // A browser without shared handles, and another tab holds it.
            Err(_) => Handle::Snapshot(settle(file.get_file()).await.ok()?),
        };
        Some(OpfsFile::of(handle))
    }

    /// Makes an empty file that this worker writes to; others may read what has been written.
    ///
    /// # Errors
    /// When there is no room.
    pub(crate) async fn create(&self, name: &str) -> Result<OpfsFile, String> {
        let handle = shared_handle(&self.file(name).await?).await?;
        Ok(OpfsFile::of(Handle::Access(handle)))
    }

    /// Opens a file, made when it is missing, to be written on; nobody else reads it before it is dropped.
    ///
    /// # Errors
    /// When another tab has it open, or there is no room.
    pub(crate) async fn claim(&self, name: &str) -> Result<OpfsFile, String> {
        let handle = self.file(name).await?.create_sync_access_handle();
        Ok(OpfsFile::of(Handle::Access(settle(handle).await?)))
    }

    /// A file, made when it is missing.
    async fn file(&self, name: &str) -> Result<FileSystemFileHandle, String> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        settle(self.0.get_file_handle_with_options(name, &options)).await
    }

    /// Removes a file; one that another tab holds stays.
    pub(crate) async fn remove(&self, name: &str) {
        let _ = JsFuture::from(self.0.remove_entry(name)).await;
    }
}

/// A handle that other workers may have as well, where the browser knows such a thing, else one of our own. Nobody
/// writes to another's file; but the worker of a page that was just reloaded may still be writing to its own.
async fn shared_handle(file: &FileSystemFileHandle) -> Result<FileSystemSyncAccessHandle, String> {
    let options = Object::new();
    let open = Reflect::set(&options, &"mode".into(), &"readwrite-unsafe".into())
        .and_then(|_| Reflect::get(file, &"createSyncAccessHandle".into()))
        .and_then(|open| open.dyn_into::<Function>()?.call1(file, &options))
        .and_then(|promise| promise.dyn_into::<Promise>())
        .map_err(|e| said(&e))?;
    settle(open).await
}

/// Waits for a promise of a `T`.
async fn settle<T: JsCast>(promise: Promise) -> Result<T, String> {
    let value = JsFuture::from(promise).await.map_err(|e| said(&e))?;
    value.dyn_into().map_err(|_| "the browser answered with another kind of object".to_owned())
}

/// What a JavaScript error says, for people.
pub(crate) fn said(error: &JsValue) -> String {
    let text = |name: &str| Reflect::get(error, &name.into()).ok().and_then(|value| value.as_string());
    match (text("name"), text("message")) {
        (Some(name), Some(message)) if !message.is_empty() => format!("{message} ({name})"),
        (Some(name), _) => name,
        _ => error.as_string().unwrap_or_else(|| format!("{error:?}")),
    }
}

#[derive(Debug)]
enum Handle {
    Access(FileSystemSyncAccessHandle),
    Snapshot(File),
}

/// An open file; closed when it is dropped.
#[derive(Debug)]
pub(crate) struct OpfsFile {
    handle: Handle,
    /// Since what was written last reached the disk.
    flushed: Stopwatch,
}

impl OpfsFile {
    fn of(handle: Handle) -> Self {
        Self { handle, flushed: Stopwatch::start() }
    }
}

impl Drop for OpfsFile {
    fn drop(&mut self) {
        if let Handle::Access(handle) = &self.handle {
            handle.close();
        }
    }
}

impl OpfsFile {
    /// Forgets what was written. A snapshot stays as it is.
    pub(crate) fn clear(&self) -> io::Result<()> {
        match &self.handle {
            Handle::Access(handle) => handle.truncate_with_u32(0).map_err(|e| failed(&e)),
            Handle::Snapshot(_) => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }
}

impl SegmentFile for OpfsFile {
    fn size(&mut self) -> io::Result<u64> {
        match &self.handle {
            Handle::Access(handle) => handle.get_size().map(|size| size as u64).map_err(|e| failed(&e)),
            Handle::Snapshot(file) => Ok(file.size() as u64),
        }
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let read = match &self.handle {
            Handle::Access(handle) => {
                handle.read_with_u8_array_and_options(bytes, &at(offset)).map(|read| read as usize)
            }
            Handle::Snapshot(file) => {
                let end = offset + bytes.len() as u64;
                let part = file.slice_with_f64_and_f64(offset as f64, end as f64);
                part.and_then(|part| read_blob(&part)).map(|part| {
                    let whole = part.length() as usize == bytes.len();
                    if whole {
                        part.copy_to(bytes);
                    }
                    part.length() as usize
                })
            }
        };
        if read.map_err(|e| failed(&e))? == bytes.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Handle::Access(handle) = &self.handle else {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        };
        let written = handle.write_with_u8_array_and_options(bytes, &at(offset)).map_err(|e| failed(&e))?;
        if written as usize != bytes.len() {
            // What is left of the record would be passed over by a reader anyway.
            let _ = handle.truncate_with_f64(offset as f64);
            return Err(full());
        }
        if self.flushed.seconds() > FLUSH_EVERY {
            self.flushed = Stopwatch::start();
            handle.flush().map_err(|e| failed(&e))?;
        }
        Ok(())
    }
}

/// The bytes of a file, or of a part of one.
pub(crate) fn read_blob(blob: &Blob) -> Result<Uint8Array, JsValue> {
    Ok(Uint8Array::new(&FileReaderSync::new()?.read_as_array_buffer(blob)?.into()))
}

fn at(offset: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at_f64(offset as f64);
    options
}

fn full() -> io::Error {
    let advice = "the browser gives this page no more space; free space on the disk, or clear this site's data";
    io::Error::new(io::ErrorKind::StorageFull, advice)
}

fn failed(error: &JsValue) -> io::Error {
    let name = Reflect::get(error, &"name".into()).ok().and_then(|name| name.as_string());
    if name.as_deref() == Some("QuotaExceededError") { full() } else { io::Error::other(said(error)) }
}
