//! A folder in the layout that `models/reference/NAME.py full FOLDER` writes, as a network of one of the kinds that the
//! examples measure.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use gistmap_models::blip::{BlipCaptioner, BlipConfig};
use gistmap_models::burn::tensor::Device;
use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::clip::{Clip, ClipConfig};
use gistmap_models::dinov2::{Dinov2, Dinov2Config};
use gistmap_models::efficientnet_b0::{self, EfficientNetB0};
use gistmap_models::encoder::{AnswerChooser, Captioner, ImageEncoder, Output, TextEncoder};
use gistmap_models::generate::Settings;
use gistmap_models::mobilenet_v3_small::{self, MobileNetV3Small};
use gistmap_models::mpnet::{Mpnet, MpnetConfig};
use gistmap_models::precision::Precision;
use gistmap_models::preprocess::Preprocessing;
use gistmap_models::processor;
use gistmap_models::resnet::{ResNet, ResNetConfig};
use gistmap_models::siglip::{Siglip, SiglipConfig};
use gistmap_models::vilt::{Vilt, ViltConfig};
use gistmap_models::vit_gpt2::{VitGpt2, VitGpt2Config};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The files that say what network it is, and the weights' file.
pub(crate) struct Layout {
    config: Vec<u8>,
    preprocessing: Option<Preprocessing>,
    pub(crate) weights: Vec<u8>,
}

/// A network by what it does.
pub(crate) enum Network {
    /// Pictures of this side to features.
    Pictures(Box<dyn ImageEncoder>, usize),
    /// The same, and sentences to vectors of the same space.
    #[allow(dead_code, reason = "not every example reads sentences")]
    Both(Arc<dyn ImageEncoder>, Arc<dyn TextEncoder>, usize),
    /// Pictures of this side to captions.
    Captions(Box<dyn Captioner>, usize),
    /// Sentences to vectors.
    Sentences(Box<dyn TextEncoder>),
    /// Pictures and questions to answers.
    Answers(Box<dyn AnswerChooser>),
}

impl Layout {
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let read =
            |file: &str| fs::read(folder.join(file)).map_err(|e| format!("{}: {e}", folder.join(file).display()));
        let preprocessing = read("preprocessor_config.json").ok().map(|json| Preprocessing::from_json(&json));
        Ok(Self {
            // Some networks are published without the one, some without the other.
            config: read("config.json").unwrap_or_default(),
            preprocessing: preprocessing.transpose()?,
            weights: read("model.safetensors")?,
        })
    }

    /// The network `name`, as the reference scripts are called, with the weights of `checkpoint`.
    pub(crate) fn network(&self, name: &str, checkpoint: Checkpoint, on: &Device, kept: Precision) -> Result<Network> {
        let with = self.preprocessing.as_ref().ok_or("there is no preprocessor_config.json");
        let config = self.config.as_slice();
        let pictures = |network: Box<dyn ImageEncoder>| Ok(Network::Pictures(network, 224));
        match name {
            // The processor has kernels of its own for these.
            "resnet18" if *on == Device::flex() => {
                pictures(Box::new(processor::resnet(&ResNetConfig::RESNET18, with?, checkpoint)?))
            }
            "resnet50" if *on == Device::flex() => {
                pictures(Box::new(processor::resnet(&ResNetConfig::RESNET50, with?, checkpoint)?))
            }
            "efficientnet_b0" if *on == Device::flex() => {
                let stages = &efficientnet_b0::STAGES;
                pictures(Box::new(processor::efficientnet_b0(stages, 1000, with?, checkpoint)?))
            }
            "mobilenet_v3_small" if *on == Device::flex() => {
                let rows = &mobilenet_v3_small::ROWS;
                pictures(Box::new(processor::mobilenet_v3_small(rows, 1000, with?, checkpoint)?))
            }
            "clip" => {
                let network = Clip::load(&ClipConfig::from_json(config)?, with?, checkpoint, on)?.with_precision(kept);
                let network = Arc::new(network);
                Ok(Network::Both(Arc::clone(&network) as _, network, 224))
            }
            "siglip" => {
                let network = Siglip::load(&SiglipConfig::from_json(config)?, with?, checkpoint, on)?;
                let network = Arc::new(network.with_precision(kept));
                Ok(Network::Both(Arc::clone(&network) as _, network, 224))
            }
            "dinov2" => pictures(Box::new(
                Dinov2::load(&Dinov2Config::from_json(config)?, with?, checkpoint, on)?.with_precision(kept),
            )),
            "resnet18" => {
                pictures(Box::new(ResNet::load(&ResNetConfig::RESNET18, with?, checkpoint, on)?.with_precision(kept)))
            }
            "resnet50" => {
                pictures(Box::new(ResNet::load(&ResNetConfig::RESNET50, with?, checkpoint, on)?.with_precision(kept)))
            }
            "efficientnet_b0" => {
                let stages = &efficientnet_b0::STAGES;
                pictures(Box::new(EfficientNetB0::load(stages, 1000, with?, checkpoint, on)?.with_precision(kept)))
            }
            "mobilenet_v3_small" => {
                let rows = &mobilenet_v3_small::ROWS;
                pictures(Box::new(MobileNetV3Small::load(rows, 1000, with?, checkpoint, on)?.with_precision(kept)))
            }
            "blip_caption" => {
                let network =
                    BlipCaptioner::load(&BlipConfig::from_json(config)?, with?, checkpoint, on)?.with_precision(kept);
                Ok(Network::Captions(Box::new(network), 384))
            }
            "vit_gpt2" => {
                let network =
                    VitGpt2::load(&VitGpt2Config::from_json(config)?, with?, checkpoint, on)?.with_precision(kept);
                Ok(Network::Captions(Box::new(network), 224))
            }
            "vilt" => {
                let network = Vilt::load(&ViltConfig::from_json(config)?, with?, checkpoint, on)?.with_precision(kept);
                Ok(Network::Answers(Box::new(network)))
            }
            "mpnet" => {
                let network = Mpnet::load(&MpnetConfig::from_json(config)?, checkpoint, on)?.with_precision(kept);
                Ok(Network::Sentences(Box::new(network)))
            }
            other => Err(format!("there is no network `{other}`").into()),
        }
    }
}

/// Waits for a matrix.
pub(crate) fn values(output: Output) -> Result<Vec<f32>> {
    match output {
        Output::Host { values, .. } => Ok(values),
        Output::Device(tensor) => tensor.into_data().try_into_vec().map_err(|e| format!("{e:?}").into()),
    }
}

/// Token ids of captions by greedy search, of `tokens` tokens at most.
pub(crate) fn captions(captioner: &dyn Captioner, pixels: &[u8], tokens: usize) -> Result<Vec<Vec<u32>>> {
    let settings = Settings { max_length: tokens, ..Settings::default() };
    let (mut generation, step) = captioner.caption(pixels, &[], &settings)?;
    let mut step = Some(step);
    while let Some(next) = step {
        step = generation.advance(&values(next)?);
    }
    Ok(generation.finish())
}

/// The cosine of every row, of `columns` values, to the expected one.
pub(crate) fn cosines(found: &[f32], expected: &[f32], columns: usize) -> Vec<f64> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = |(a, b): (&[f32], &[f32])| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    found.chunks(columns).zip(expected.chunks(columns)).map(cosine).collect()
}
