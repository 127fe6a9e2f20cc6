//! What was dropped, or the sample, becomes a collection: by the same rules as a folder in the terminal.

use std::sync::Arc;

use gistmap::collection::{Blob, Collection, CollectionError, Entry, Failure, arrange, cifar10, escape};
use gistmap::protocol::Cancel;
use serde::Deserialize;
use web_sys::WorkerGlobalScope;

use super::fetch::{self, FetchError};
use super::files::Files;

/// The sample's list and its pictures one after the other, beside the worker's script.
const SAMPLE: (&str, &str) = ("sample/index.json", "sample/pictures.bin");

/// Makes a collection of dropped files; `paths` are theirs below the folder `title`.
///
/// # Errors
/// [`CollectionError`] where there is nothing to work on; its text says what to do.
pub(crate) fn dropped(title: &str, paths: &[String], files: &Files) -> Result<Collection, CollectionError> {
    if paths.is_empty() {
        return Err(CollectionError::Empty { path: title.to_owned() });
    }
    let entry = |(number, path): (u32, &String)| Entry { path: shown(path), blob: Blob::Held(number) };
    let entries: Vec<Entry> = (0u32..).zip(paths).map(entry).collect();
    let binaries: Vec<Entry> = entries.iter().filter(|e| is_binary(&e.path)).cloned().collect();
    let meta = entries.iter().find(|e| e.path.rsplit('/').next() == Some("batches.meta.txt")).cloned();
    let mut collection = arrange(title, entries);
    if collection.items.is_empty() && !binaries.is_empty() {
        let meta = meta.and_then(|entry| files.bytes(&entry.blob).ok());
        collection.label_names = cifar10::label_names(meta.as_deref().and_then(|m| std::str::from_utf8(m).ok()));
        binaries.iter().for_each(|entry| add_binary(&mut collection, entry, files));
        collection.items.sort_by(|a, b| a.file.as_bytes().cmp(b.file.as_bytes()));
    }
    if collection.items.is_empty() {
        let (ignored, failures) = (collection.ignored, collection.failures.len());
        return Err(CollectionError::NoPictures { path: title.to_owned(), ignored, failures });
    }
    Ok(collection)
}

/// Adds the records of one CIFAR-10 binary, or says what is wrong with it.
fn add_binary(collection: &mut Collection, entry: &Entry, files: &Files) {
    let Blob::Held(number) = entry.blob else { return };
    let labels = cifar10::count(&entry.path, files.size(number).unwrap_or(0))
        .map_err(|e| e.to_string())
        .and_then(|_| files.bytes(&entry.blob).map_err(|e| e.to_string()))
        .map(|bytes| bytes.chunks_exact(cifar10::RECORD).map(|record| record[0]).collect::<Vec<u8>>());
    match labels {
        Ok(labels) => {
            collection.ignored = collection.ignored.saturating_sub(1);
            cifar10::add_records(collection, &entry.path, &entry.blob, &labels);
        }
        Err(reason) => collection.failures.push(Failure::listing(entry.path.as_str(), reason)),
    }
}

fn is_binary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.len() > 4 && name.to_ascii_lowercase().ends_with(".bin") && !name.starts_with('.')
}

/// A path in the display form of [`escape`].
fn shown(path: &str) -> String {
    path.split('/').map(|name| escape(name.as_bytes())).collect::<Vec<_>>().join("/")
}

/// Where a sample picture lies in the sample's bytes.
#[derive(Debug, Deserialize)]
struct SamplePicture {
    path: String,
    offset: usize,
    bytes: usize,
}

/// Fetches the sample that comes with the page.
///
/// # Errors
/// When it cannot be had.
pub(crate) async fn sample(scope: &WorkerGlobalScope, cancel: &Cancel) -> Result<Collection, FetchError> {
    let (index, pictures) = SAMPLE;
    let list = fetch::whole(scope, index, cancel).await?;
    let list: Vec<SamplePicture> =
        serde_json::from_slice(&list).map_err(|e| FetchError::Failed(format!("{index}: {e}")))?;
    let all = fetch::whole(scope, pictures, cancel).await?;
    let entry = |picture: &SamplePicture| {
        let bytes = picture.offset.checked_add(picture.bytes).and_then(|end| all.get(picture.offset..end));
        let bytes = bytes.ok_or_else(|| FetchError::Failed(format!("{pictures} does not hold {}", picture.path)))?;
        Ok(Entry { path: shown(&picture.path), blob: Blob::Memory(Arc::from(bytes)) })
    };
    Ok(arrange("sample", list.iter().map(entry).collect::<Result<_, _>>()?))
}
