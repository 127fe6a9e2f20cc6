//! The pictures that have been seen: names, labels, thumbnails. Thumbnails are kept out of the program's own memory.

use std::sync::Arc;

use gistmap::protocol::Seen;
use js_sys::{Array, Uint8Array};
use leptos::prelude::*;
use web_sys::{Blob, BlobPropertyBag};

/// What thumbnails are.
const JPEG: &str = "image/jpeg";
/// The digits of base 64 (RFC 4648).
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A picture's name and label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// As in the collection.
    pub(crate) file: Arc<str>,
    /// Index into the label names.
    pub(crate) label: Option<u32>,
}

/// Rows and thumbnails, in the order of the album's rows. Copies share them.
#[derive(Clone, Copy)]
pub(crate) struct Pictures {
    /// How many there are; changes whenever rows do.
    pub(crate) count: RwSignal<usize>,
    rows: StoredValue<Vec<Row>>,
    thumbnails: StoredValue<Vec<Option<Uint8Array>>, LocalStorage>,
}

impl Pictures {
    pub(super) fn new() -> Self {
        Self {
            count: RwSignal::new(0),
            rows: StoredValue::new(Vec::new()),
            thumbnails: StoredValue::new_local(Vec::new()),
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.thumbnails.update_value(Vec::clear);
        self.rows.update_value(Vec::clear);
        self.count.set(0);
    }

    pub(super) fn push(&self, batch: Vec<Seen>) {
        let kept = |s: &Seen| (!s.thumbnail.is_empty()).then(|| Uint8Array::from(s.thumbnail.as_slice()));
        self.thumbnails.update_value(|all| all.extend(batch.iter().map(kept)));
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

    /// The thumbnail as an address; `None` where there is none. It holds the picture itself, because browsers hold a page
    /// up while they make addresses of blobs.
    pub(crate) fn thumbnail_url(&self, picture: u32) -> Option<String> {
        Some(data_url(&self.thumbnail(picture)?.to_vec()))
    }

    /// The thumbnail's bytes, for the map.
    pub(crate) fn thumbnail_blob(&self, picture: u32) -> Option<Blob> {
        blob_of(&self.thumbnail(picture)?, JPEG)
    }

    fn thumbnail(&self, picture: u32) -> Option<Uint8Array> {
        self.thumbnails.with_value(|thumbnails| thumbnails.get(picture as usize)?.clone())
    }
}

fn data_url(jpeg: &[u8]) -> String {
    let mut url = format!("data:{JPEG};base64,");
    url.reserve(jpeg.len().div_ceil(3) * 4);
    for three in jpeg.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, i| bits << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            url.push(if digit > three.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    url
}

/// A blob with a copy of `bytes`.
pub(crate) fn blob(bytes: &[u8], mime: &str) -> Option<Blob> {
    blob_of(&Uint8Array::from(bytes), mime)
}

fn blob_of(bytes: &Uint8Array, mime: &str) -> Option<Blob> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    Blob::new_with_u8_array_sequence_and_options(&Array::of1(bytes), &options).ok()
}

#[cfg(test)]
mod tests {
    use super::data_url;

    #[test]
    fn base_64_is_that_of_the_rfc() {
        let of = |text: &str| data_url(text.as_bytes()).split_once(',').map(|p| p.1.to_owned()).unwrap_or_default();
        assert_eq!(["f", "fo", "foo", "foob"].map(of), ["Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
