//! The pictures that a report shows.

use std::collections::HashMap;

use super::Hands;
use super::workbench::thumbnail_key;
use crate::album::Album;
use crate::collection::{Collection, Content, Source};
use crate::image::{self, Alpha, Limits, Rgb};
use crate::report::html::Thumbnails;
use crate::store::BlobStore;

/// Longer side of an exemplar, pixels.
const EXEMPLAR_SIDE: u32 = 256;

/// Small squares from the store; exemplars from the pictures themselves.
pub struct StoredThumbnails<'a> {
    album: &'a Album,
    store: &'a dyn BlobStore,
    hands: &'a dyn Hands,
    sources: HashMap<&'a str, &'a Source>,
}

impl<'a> StoredThumbnails<'a> {
    /// The thumbnails of `album`, which was made of `collection` with `store`.
    pub fn new(album: &'a Album, collection: &'a Collection, store: &'a dyn BlobStore, hands: &'a dyn Hands) -> Self {
        let sources = collection.items.iter().map(|i| (i.file.as_str(), &i.source)).collect();
        Self { album, store, hands, sources }
    }

    fn decode(&self, picture: usize) -> Option<Rgb> {
        let source = self.sources.get(self.album.pictures.get(picture)?.file.as_str())?;
        match self.hands.read(source).ok()? {
            Content::Encoded(bytes) => image::decode_with(&bytes, &Limits::default(), Alpha::OverWhite).ok(),
            Content::Rgb8 { width, height, pixels } => Rgb::new(width, height, pixels),
        }
    }
}

impl Thumbnails for StoredThumbnails<'_> {
    fn jpeg(&self, picture: usize) -> Option<Vec<u8>> {
        self.store.get(&thumbnail_key(self.album.pictures.get(picture)?))
    }

    fn exemplar(&self, picture: usize) -> Option<Vec<u8>> {
        let large = self.decode(picture).and_then(|rgb| image::thumbnail(&rgb, EXEMPLAR_SIDE).ok());
        large.or_else(|| self.jpeg(picture))
    }
}
