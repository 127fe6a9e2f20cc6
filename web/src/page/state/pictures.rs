//! The pictures that have been seen: names, labels, thumbnails. Thumbnails are kept as blobs, out of the program's own
//! memory, and get an address when they are first shown.

use std::sync::Arc;

use gistmap::protocol::Seen;
use js_sys::{Array, Uint8Array};
use leptos::prelude::*;
use web_sys::{Blob, BlobPropertyBag, Url};

/// A picture's name and label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// As in the collection.
    pub(crate) file: Arc<str>,
    /// Index into the label names.
    pub(crate) label: Option<u32>,
}

/// A thumbnail, and its address once it has been shown.
struct Thumbnail {
    blob: Option<Blob>,
    url: Option<String>,
}

/// Rows and thumbnails, in the order of the album's rows. Copies share them.
#[derive(Clone, Copy)]
pub(crate) struct Pictures {
    /// How many there are; changes whenever rows do.
    pub(crate) count: RwSignal<usize>,
    rows: StoredValue<Vec<Row>>,
    thumbnails: StoredValue<Vec<Thumbnail>, LocalStorage>,
}

impl Pictures {
    pub(super) fn new() -> Self {
        Self {
            count: RwSignal::new(0),
            rows: StoredValue::new(Vec::new()),
            thumbnails: StoredValue::new_local(Vec::new()),
        }
    }

    /// Forgets everything, addresses too.
    pub(super) fn clear(&self) {
        self.thumbnails.update_value(|thumbnails| {
            for url in thumbnails.drain(..).filter_map(|t| t.url) {
                // An address that is already gone needs no more.
                let _ = Url::revoke_object_url(&url);
            }
        });
        self.rows.update_value(Vec::clear);
        self.count.set(0);
    }

    pub(super) fn push(&self, batch: Vec<Seen>) {
        self.thumbnails
            .update_value(|all| all.extend(batch.iter().map(|s| Thumbnail { blob: jpeg(&s.thumbnail), url: None })));
        self.rows
            .update_value(|rows| rows.extend(batch.into_iter().map(|s| Row { file: s.file.into(), label: s.label })));
        self.count.set(self.rows.with_value(Vec::len));
    }

    /// Name and label of a picture.
    pub(crate) fn row(&self, picture: u32) -> Option<Row> {
        self.rows.with_value(|rows| rows.get(picture as usize).cloned())
    }

    /// Label of each picture.
    pub(crate) fn labels(&self) -> Vec<Option<u32>> {
        self.rows.with_value(|rows| rows.iter().map(|r| r.label).collect())
    }

    /// Where the thumbnail can be had; `None` where there is none.
    pub(crate) fn thumbnail_url(&self, picture: u32) -> Option<String> {
        self.thumbnails.try_update_value(|thumbnails| {
            let thumbnail = thumbnails.get_mut(picture as usize)?;
            if thumbnail.url.is_none() {
                thumbnail.url = Url::create_object_url_with_blob(thumbnail.blob.as_ref()?).ok();
            }
            thumbnail.url.clone()
        })?
    }

    /// The thumbnail's bytes, for the map.
    pub(crate) fn thumbnail_blob(&self, picture: u32) -> Option<Blob> {
        self.thumbnails.with_value(|thumbnails| thumbnails.get(picture as usize)?.blob.clone())
    }
}

fn jpeg(bytes: &[u8]) -> Option<Blob> {
    if bytes.is_empty() { None } else { blob(bytes, "image/jpeg") }
}

/// A blob with a copy of `bytes`.
pub(crate) fn blob(bytes: &[u8], mime: &str) -> Option<Blob> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    Blob::new_with_u8_array_sequence_and_options(&Array::of1(&Uint8Array::from(bytes)), &options).ok()
}
