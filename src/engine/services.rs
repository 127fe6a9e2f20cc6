//! Models, wherever they lie, and the networks that the engine builds of them.

use std::collections::BTreeMap;

use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::efficientnet_lite0::{self, EfficientNetLite0};
use gistmap_models::encoder::{ImageEncoder, Similarity, TextEncoder};
use gistmap_models::manifest::{Manifest, Role};
use gistmap_models::minilm::{self, MiniLm};
use gistmap_models::precision::{Precision, supports_f16};
use gistmap_models::processor;

use super::published;
use crate::describe::zero_shot::Judgement;
use crate::device::{Compute, Selected};
use crate::embed::Embedder;
use crate::image::Preprocess;
use crate::protocol::Networks;
use crate::runtime::Shared;

/// A model's manifest, weights and other files.
pub struct Model {
    /// Where it comes from.
    pub manifest: Manifest,
    /// What tells these weights from all others, such as the sha256 of their file: part of the keys of results.
    pub weights: String,
    /// Its tensors.
    pub checkpoint: Checkpoint,
    /// In what a GPU that can computes it; the processor computes in `f32`.
    pub precision: Precision,
    /// Files besides the weights, such as `tokenizer.json`.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Where models come from: a folder in the terminal, packs in the page.
pub trait ModelSource: Shared {
    /// Names of the networks that a plan may name.
    fn networks(&self) -> Networks;

    /// Opens a model.
    ///
    /// # Errors
    /// A sentence that names the model and says what to do.
    fn open(&self, name: &str) -> Result<Model, String>;
}

/// Those of `manifests` that a plan may name, by what they do.
pub fn networks<'m>(manifests: impl Iterator<Item = &'m Manifest>) -> Networks {
    let mut networks = Networks::default();
    for manifest in manifests {
        let names = match manifest.role {
            Role::ImageEncoder | Role::ImageFeatures | Role::ImageTextEncoder => &mut networks.encoders,
            Role::Captioner => &mut networks.captioners,
            Role::Answerer => &mut networks.answerers,
            Role::TextEncoder => &mut networks.sentences,
        };
        names.push(manifest.name.clone());
    }
    networks
}

/// An image network, ready to run.
pub(super) struct ImageNetwork {
    pub(super) name: String,
    pub(super) weights: String,
    pub(super) preprocess: Preprocess,
    pub(super) dimension: usize,
    pub(super) classes: usize,
    /// Which family of kernels computes it: results of one are not taken for those of another.
    pub(super) kernels: &'static str,
    pub(super) encoder: Box<dyn ImageEncoder>,
    /// Of a network that reads texts, too.
    pub(super) namer: Option<Namer>,
}

/// What compares texts with an image network's features.
pub(super) struct Namer {
    pub(super) texts: TextNetwork,
    pub(super) similarity: Similarity,
    pub(super) judgement: Judgement,
}

impl ImageNetwork {
    /// Features and logits side by side.
    pub(super) fn columns(&self) -> usize {
        self.dimension + self.classes
    }
}

/// A sentence network, ready to run.
pub(super) struct TextNetwork {
    pub(super) weights: String,
    /// As [`ImageNetwork::kernels`].
    pub(super) kernels: &'static str,
    pub(super) embedder: Embedder,
}

/// In what `device` computes a network that is wanted in `precision`.
fn precision(device: &Selected, wanted: Precision) -> Precision {
    match &device.compute {
        Compute::Burn(device) if supports_f16(device) => wanted,
        _ => Precision::F32,
    }
}

/// The family of kernels, as a part of keys; numbered, since a change of them moves last bits.
pub(super) fn kernels(compute: &Compute, precision: Precision) -> &'static str {
    match (compute, precision) {
        (Compute::Cpu, _) => "cpu 2",
        (Compute::Burn(_), Precision::F32) => "burn 2",
        (Compute::Burn(_), Precision::F16) => "burn f16 3",
    }
}

/// Opens an image network and builds it on `device`.
pub(super) fn image_network(source: &dyn ModelSource, name: &str, device: &Selected) -> Result<ImageNetwork, String> {
    built(source.open(name)?, device).map_err(|e| format!("{name}: {e}"))
}

/// Builds an image network on `device`; the caller names the model.
pub(super) fn built(model: Model, device: &Selected) -> Result<ImageNetwork, String> {
    if model.manifest.hub().is_some() {
        return published::image_network(model, device);
    }
    let Model { manifest, weights, checkpoint, precision: wanted, .. } = model;
    let compute = &device.compute;
    let precision = precision(device, wanted);
    let encoder: Box<dyn ImageEncoder> = match compute {
        Compute::Cpu => Box::new(processor::efficientnet_lite0(checkpoint).map_err(|e| e.to_string())?),
        Compute::Burn(device) => {
            let network = EfficientNetLite0::load(checkpoint, device).map_err(|e| e.to_string())?;
            Box::new(network.with_precision(precision))
        }
    };
    let (resize_short, crop) = (manifest.input.resize.unwrap_or(256), manifest.input.crop.unwrap_or(224));
    Ok(ImageNetwork {
        name: manifest.name.clone(),
        weights,
        preprocess: Preprocess { resize_short, crop, ..Preprocess::default() },
        dimension: manifest.dimension,
        classes: efficientnet_lite0::CLASSES,
        kernels: kernels(compute, precision),
        encoder,
        namer: None,
    })
}

/// Opens a sentence network and builds it on `device`.
pub(super) fn text_network(source: &dyn ModelSource, name: &str, device: &Selected) -> Result<TextNetwork, String> {
    built_of_texts(source.open(name)?, device).map_err(|e| format!("{name}: {e}"))
}

/// Builds a sentence network on `device`; the caller names the model.
pub(super) fn built_of_texts(model: Model, device: &Selected) -> Result<TextNetwork, String> {
    let compute = &device.compute;
    if model.manifest.hub().is_some() {
        return published::text_network(model, device);
    }
    let Model { manifest, weights, checkpoint, precision: wanted, files } = model;
    let precision = precision(device, wanted);
    let encoder: Box<dyn TextEncoder> = match compute {
        Compute::Cpu => Box::new(processor::minilm(checkpoint).map_err(|e| e.to_string())?),
        Compute::Burn(device) => {
            let network = MiniLm::load(checkpoint, device).map_err(|e| e.to_string())?;
            Box::new(network.with_precision(precision))
        }
    };
    let tokenizer = files.get("tokenizer.json").ok_or("no tokenizer.json")?;
    let max_tokens = manifest.input.max_tokens.unwrap_or(minilm::MAX_TOKENS);
    let embedder = Embedder::new(tokenizer, max_tokens, encoder, manifest.dimension).map_err(|e| e.to_string())?;
    Ok(TextNetwork { weights, kernels: kernels(compute, precision), embedder: embedder.with_batch(device.sentences) })
}
