//! What the hands need of a run: what a picture is, what the store knows of it, and what is to be made of it.

use super::cache::{self, bytes_to_floats};
use super::services::ImageNetwork;
use crate::album::Picture;
use crate::classical::{self, Kind};
use crate::collection::{Content, Item};
use crate::image::{Preprocess, THUMBNAIL_SIDE};
use crate::measure::{Measured, Wanted};
use crate::store::{BlobStore, Key};

/// The key of a picture's thumbnail.
pub(super) fn thumbnail_key(picture: &Picture) -> Key {
    cache::key("thumbnail", &[&picture.hash, &THUMBNAIL_SIDE.to_string(), &Preprocess::VERSION.to_string()])
}

/// The key of a picture's classical feature.
pub(super) fn classical_key(kind: Kind, hash: &str) -> Key {
    cache::key("classical", &[hash, kind.name(), &classical::VERSION.to_string(), &Preprocess::VERSION.to_string()])
}

/// Those of `all` whose result is not known.
fn missing<T: Copy>(all: &[T], known: &[Option<Vec<f32>>]) -> Vec<T> {
    all.iter().zip(known).filter(|(_, known)| known.is_none()).map(|(one, _)| *one).collect()
}

/// The networks and classical features of a run, and the store that may know their results.
pub struct Workbench<'a> {
    networks: &'a [ImageNetwork],
    preprocess: Vec<Preprocess>,
    kinds: &'a [Kind],
    store: &'a dyn BlobStore,
}

/// A picture that has been looked up and waits for its pixels.
#[derive(Debug)]
pub struct Begun {
    picture: Picture,
    /// Features followed by logits, one for each network.
    known: Vec<Option<Vec<f32>>>,
    /// One for each classical feature.
    features: Vec<Option<Vec<f32>>>,
    wanted: Wanted,
    thumbnail: Option<Vec<u8>>,
}

impl Begun {
    /// What is to be made of the picture; nothing where all is known.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }
}

/// A picture that is ready for the networks.
#[derive(Debug)]
pub struct Prepared {
    pub(super) picture: Picture,
    /// Features followed by logits, one for each network.
    pub(super) known: Vec<Option<Vec<f32>>>,
    /// `[crop, crop, 3]`, one for each network, empty where the network's result is known.
    pub(super) pixels: Vec<Vec<u8>>,
    /// The numbers of each classical feature, and whether they are new, so that they are worth keeping.
    pub(super) features: Vec<(Vec<f32>, bool)>,
    /// A JPEG; empty where there is none.
    pub(super) thumbnail: Vec<u8>,
    /// Whether the thumbnail is new, so that it is worth keeping.
    pub(super) new_thumbnail: bool,
}

impl<'a> Workbench<'a> {
    pub(super) fn new(networks: &'a [ImageNetwork], kinds: &'a [Kind], store: &'a dyn BlobStore) -> Self {
        Self { networks, preprocess: networks.iter().map(|n| n.preprocess).collect(), kinds, store }
    }

    /// For pixels alone, cut so, whatever is known.
    pub(super) fn of_pixels(preprocess: Preprocess, store: &'a dyn BlobStore) -> Self {
        Self { networks: &[], preprocess: vec![preprocess], kinds: &[], store }
    }

    /// Looks a picture up by its bytes.
    pub fn begin(&self, item: &Item, content: &Content) -> Begun {
        let hash = match content {
            Content::Encoded(bytes) | Content::Rgb8 { pixels: bytes, .. } => blake3::hash(bytes).to_hex().to_string(),
        };
        let picture = Picture { file: item.file.clone(), label: item.label, hash };
        let known: Vec<Option<Vec<f32>>> = (0..self.preprocess.len())
            .map(|cut| {
                let columns = self.networks.get(cut)?.columns();
                bytes_to_floats(&self.store.get(&self.key(cut, &picture.hash))?, columns)
            })
            .collect();
        let features = self.kinds.iter().map(|kind| {
            let bytes = self.store.get(&classical_key(*kind, &picture.hash))?;
            bytes_to_floats(&bytes, kind.columns())
        });
        let features: Vec<Option<Vec<f32>>> = features.collect();
        let thumbnail = self.store.get(&thumbnail_key(&picture));
        let wanted = Wanted {
            crops: missing(&self.preprocess, &known),
            kinds: missing(self.kinds, &features),
            thumbnail: thumbnail.is_none(),
        };
        Begun { picture, known, features, wanted, thumbnail }
    }

    /// Takes what was made, in the order of [`Begun::wanted`].
    pub fn finish(&self, begun: Begun, measured: Measured) -> Prepared {
        let Begun { picture, known, features, thumbnail, .. } = begun;
        let mut cuts = measured.pixels.into_iter();
        let pixels = known.iter().map(|k| if k.is_none() { cuts.next().unwrap_or_default() } else { Vec::new() });
        let pixels = pixels.collect();
        let mut made = measured.features.into_iter();
        let features = features.into_iter().map(|known| match known {
            Some(known) => (known, false),
            None => (made.next().unwrap_or_default(), true),
        });
        let features = features.collect();
        let new_thumbnail = thumbnail.is_none() && !measured.thumbnail.is_empty();
        let thumbnail = thumbnail.unwrap_or(measured.thumbnail);
        Prepared { picture, known, pixels, features, thumbnail, new_thumbnail }
    }

    pub(super) fn key(&self, network: usize, hash: &str) -> Key {
        let ImageNetwork { weights, kernels, .. } = &self.networks[network];
        cache::key("features", &[hash, weights, kernels, &self.preprocess[network].key()])
    }
}
