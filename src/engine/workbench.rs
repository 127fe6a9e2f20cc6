//! What the hands need of a run: what a picture is, whether the store knows it, and what the networks want of it.

use super::cache::{self, bytes_to_floats};
use super::services::ImageNetwork;
use crate::album::Picture;
use crate::collection::{Content, Item};
use crate::image::{Cut, Preprocess, THUMBNAIL_SIDE};
use crate::store::{BlobStore, Key};

/// The key of a picture's thumbnail.
pub(super) fn thumbnail_key(picture: &Picture) -> Key {
    cache::key("thumbnail", &[&picture.hash, &THUMBNAIL_SIDE.to_string(), &Preprocess::VERSION.to_string()])
}

/// The networks of a run and the store that may know their results.
pub struct Workbench<'a> {
    networks: &'a [ImageNetwork],
    preprocess: Vec<Preprocess>,
    store: &'a dyn BlobStore,
}

/// A picture that has been looked up and waits for its pixels.
#[derive(Debug)]
pub struct Begun {
    picture: Picture,
    /// Features followed by logits, one for each network.
    known: Vec<Option<Vec<f32>>>,
    wanted: Vec<Preprocess>,
    thumbnail: Option<Vec<u8>>,
}

impl Begun {
    /// What to cut out of the picture; nothing where every network has seen it.
    pub fn wanted(&self) -> &[Preprocess] {
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
    /// A JPEG; empty where there is none.
    pub(super) thumbnail: Vec<u8>,
    /// Whether the thumbnail is new, so that it is worth keeping.
    pub(super) new_thumbnail: bool,
}

impl<'a> Workbench<'a> {
    pub(super) fn new(networks: &'a [ImageNetwork], store: &'a dyn BlobStore) -> Self {
        let preprocess = networks
            .iter()
            .map(|n| Preprocess { resize_short: n.resize, crop: n.crop, ..Preprocess::default() })
            .collect();
        Self { networks, preprocess, store }
    }

    /// Looks a picture up by its bytes.
    pub fn begin(&self, item: &Item, content: &Content) -> Begun {
        let hash = match content {
            Content::Encoded(bytes) | Content::Rgb8 { pixels: bytes, .. } => blake3::hash(bytes).to_hex().to_string(),
        };
        let picture = Picture { file: item.file.clone(), label: item.label, hash };
        let known: Vec<Option<Vec<f32>>> = (0..self.networks.len())
            .map(|network| {
                let bytes = self.store.get(&self.key(network, &picture.hash))?;
                bytes_to_floats(&bytes, self.networks[network].columns())
            })
            .collect();
        let pairs = self.preprocess.iter().zip(&known);
        let wanted = pairs.filter(|(_, known)| known.is_none()).map(|(preprocess, _)| *preprocess).collect();
        let thumbnail = self.store.get(&thumbnail_key(&picture));
        Begun { picture, known, wanted, thumbnail }
    }

    /// Takes what was cut, in the order of [`Begun::wanted`].
    pub fn finish(&self, begun: Begun, cut: Cut) -> Prepared {
        let Begun { picture, known, thumbnail, .. } = begun;
        let mut cuts = cut.pixels.into_iter();
        let pixels = known.iter().map(|k| if k.is_none() { cuts.next().unwrap_or_default() } else { Vec::new() });
        let pixels = pixels.collect();
        let new_thumbnail = thumbnail.is_none() && !cut.thumbnail.is_empty();
        Prepared { picture, known, pixels, thumbnail: thumbnail.unwrap_or(cut.thumbnail), new_thumbnail }
    }

    pub(super) fn key(&self, network: usize, hash: &str) -> Key {
        let ImageNetwork { weights, kernels, .. } = &self.networks[network];
        cache::key("features", &[hash, weights, kernels, &self.preprocess[network].key()])
    }
}
