//! Networks in a hub's layout, built from their published files: `config.json`, `preprocessor_config.json`,
//! `tokenizer.json` and the weights; torchvision's, which have weights alone. On the processor torchvision's run by our own
//! kernels and the others through Burn's flex backend.

use std::sync::Arc;

use gistmap_models::blip::{BlipAnswerer, BlipCaptioner, BlipConfig};
use gistmap_models::burn::tensor::Device;
use gistmap_models::clip::{Clip, ClipConfig};
use gistmap_models::dinov2::{Dinov2, Dinov2Config};
use gistmap_models::efficientnet_b0::{self, EfficientNetB0};
use gistmap_models::encoder::{ImageEncoder, Similarity, TextEncoder};
use gistmap_models::generate::Settings;
use gistmap_models::manifest::{Manifest, Role};
use gistmap_models::mobilenet_v3_small::{self, MobileNetV3Small};
use gistmap_models::mpnet::{Mpnet, MpnetConfig};
use gistmap_models::precision::{Precision, fastest};
use gistmap_models::preprocess::{self, Filter, Preprocessing, Resize};
use gistmap_models::processor;
use gistmap_models::resnet::{ResNet, ResNetConfig};
use gistmap_models::siglip::{Siglip, SiglipConfig};
use gistmap_models::vilt::{Vilt, ViltConfig};
use gistmap_models::vit_gpt2::{VitGpt2, VitGpt2Config};
use tokenizers::Tokenizer;

use super::captions::{Cut, Speaker, SpeakingNetwork};
use super::services::{ImageNetwork, Model, Namer, TextNetwork, kernels};
use crate::describe::zero_shot::Judgement;
use crate::device::{Compute, Selected};
use crate::embed::Embedder;
use crate::image::{Interpolation, Preprocess, Processor, Proportional};

/// Of ImageNet.
const CLASSES: usize = gistmap_models::efficientnet_lite0::CLASSES;

/// What is told of a failure; the caller names the model.
type Failure = String;

fn told(error: impl std::fmt::Display) -> Failure {
    error.to_string()
}

/// Where a transformer computes.
struct Place {
    device: Device,
    precision: Precision,
    /// The family of its kernels, as a part of keys.
    kernels: &'static str,
}

fn place(device: &Selected) -> Result<Place, Failure> {
    match &device.compute {
        #[cfg(not(target_arch = "wasm32"))]
        Compute::Cpu => Ok(Place { device: Device::flex(), precision: Precision::F32, kernels: "flex-fused" }),
        #[cfg(target_arch = "wasm32")]
        Compute::Cpu => Err("in a page it needs a GPU".to_owned()),
        compute @ Compute::Burn(device) => {
            let precision = fastest(device);
            Ok(Place { device: device.clone(), precision, kernels: kernels(compute, precision) })
        }
    }
}

fn file<'a>(model: &'a Model, name: &str) -> Result<&'a [u8], Failure> {
    model.files.get(name).map(Vec::as_slice).ok_or_else(|| format!("there is no {name} beside its weights"))
}

/// As the hub says, or torchvision's preset.
fn preprocessing(model: &Model) -> Result<Preprocessing, Failure> {
    if model.manifest.role != Role::ImageEncoder {
        return Preprocessing::from_json(file(model, "preprocessor_config.json")?).map_err(told);
    }
    Ok(preset(&model.manifest))
}

/// Of a network of torchvision's.
fn preset(manifest: &Manifest) -> Preprocessing {
    let filter = if manifest.name == "efficientnet-b0" { Filter::Bicubic } else { Filter::Bilinear };
    Preprocessing::imagenet(manifest.input.resize.unwrap_or(256), manifest.input.crop.unwrap_or(224), filter)
}

fn interpolation(filter: Filter) -> Interpolation {
    match filter {
        Filter::Bilinear => Interpolation::Bilinear,
        Filter::Bicubic => Interpolation::Bicubic,
    }
}

/// How the hands cut squares for it.
fn square(preprocessing: &Preprocessing) -> Result<Preprocess, Failure> {
    let (resize_short, squash) = match preprocessing.resize {
        Resize::Shortest(side) => (side, false),
        Resize::Exact { height, width } if height == width => (height, true),
        other => return Err(format!("pictures resized as {other:?} are no squares")),
    };
    let crop = preprocessing.crop.unwrap_or(resize_short);
    if crop > resize_short {
        return Err(format!("a crop of {crop} does not fit pictures of {resize_short}"));
    }
    let processor = match preprocessing.processor {
        preprocess::Processor::Transformers => Processor::Transformers,
        preprocess::Processor::Torchvision => Processor::Torchvision,
    };
    let (exact, interpolation) = (Some(processor), interpolation(preprocessing.filter));
    Ok(Preprocess { resize_short, crop, squash, exact, interpolation, ..Preprocess::default() })
}

/// What it sees of a picture.
fn cut(preprocessing: &Preprocessing) -> Result<Cut, Failure> {
    let Resize::Multiple { shortest, longest, multiple } = preprocessing.resize else {
        return square(preprocessing).map(Cut::Square);
    };
    let interpolation = interpolation(preprocessing.filter);
    Ok(Cut::Proportional(Proportional { shortest, longest, multiple: multiple.max(1), interpolation }))
}

/// An image network of a hub.
pub(super) fn image_network(model: Model, selected: &Selected) -> Result<ImageNetwork, Failure> {
    if model.manifest.role == Role::ImageEncoder {
        return convolutional_network(model, selected);
    }
    let Place { device, precision, kernels } = &place(selected)?;
    let kernels = *kernels;
    let preprocessing = &preprocessing(&model)?;
    let preprocess = square(preprocessing)?;
    let tokenizer = model.files.get("tokenizer.json").cloned();
    let config = model.files.get("config.json").cloned().unwrap_or_default();
    let Model { manifest, weights, checkpoint, .. } = model;
    let (name, dimension) = (manifest.name.clone(), manifest.dimension);
    let namer = |texts: Box<dyn TextEncoder>, similarity: Similarity, judgement: Judgement| {
        let Some(tokenizer) = &tokenizer else { return Ok(None) };
        let longest = manifest.input.max_tokens.unwrap_or(usize::MAX);
        let embedder = Embedder::new(tokenizer, longest, texts, dimension).map_err(told)?;
        let embedder = embedder.with_batch(selected.sentences);
        let texts = TextNetwork { weights: weights.clone(), kernels, embedder };
        Ok::<_, Failure>(Some(Namer { texts, similarity, judgement }))
    };
    let (encoder, namer): (Box<dyn ImageEncoder>, _) = match name.as_str() {
        "clip-vit-b32" => {
            let config = ClipConfig::from_json(&config).map_err(told)?;
            let clip = Arc::new(
                Clip::load(&config, preprocessing, checkpoint, device).map_err(told)?.with_precision(*precision),
            );
            let namer = namer(Box::new(Arc::clone(&clip)), clip.similarity(), Judgement::OneOfAll)?;
            (Box::new(clip), namer)
        }
        "siglip-base" => {
            let config = SiglipConfig::from_json(&config).map_err(told)?;
            let siglip = Arc::new(
                Siglip::load(&config, preprocessing, checkpoint, device).map_err(told)?.with_precision(*precision),
            );
            let namer = namer(Box::new(Arc::clone(&siglip)), siglip.similarity(), Judgement::EachAlone)?;
            (Box::new(siglip), namer)
        }
        "dinov2-small" => {
            let config = Dinov2Config::from_json(&config).map_err(told)?;
            (
                Box::new(
                    Dinov2::load(&config, preprocessing, checkpoint, device).map_err(told)?.with_precision(*precision),
                ),
                None,
            )
        }
        _ => return Err("its network is not built here yet".to_owned()),
    };
    Ok(ImageNetwork { name, weights, preprocess, dimension, classes: 0, kernels, encoder, namer })
}

/// A network of torchvision's: on the processor by our own kernels, as the default networks.
fn convolutional_network(model: Model, selected: &Selected) -> Result<ImageNetwork, Failure> {
    let preprocessing = &preprocessing(&model)?;
    let preprocess = square(preprocessing)?;
    let Model { manifest, weights, checkpoint, .. } = model;
    let (name, dimension) = (manifest.name, manifest.dimension);
    let (stages, rows) = (&efficientnet_b0::STAGES, &mobilenet_v3_small::ROWS);
    let config = if name == "resnet18" { ResNetConfig::RESNET18 } else { ResNetConfig::RESNET50 };
    let encoder: Result<Box<dyn ImageEncoder>, _> = match (name.as_str(), &selected.compute) {
        ("resnet18" | "resnet50", Compute::Cpu) => {
            processor::resnet(&config, preprocessing, checkpoint).map(|network| Box::new(network) as _)
        }
        ("resnet18" | "resnet50", Compute::Burn(device)) => {
            ResNet::load(&config, preprocessing, checkpoint, device).map(|network| Box::new(network) as _)
        }
        ("efficientnet-b0", Compute::Cpu) => {
            let network = processor::efficientnet_b0(stages, CLASSES, preprocessing, checkpoint);
            network.map(|network| Box::new(network) as _)
        }
        ("efficientnet-b0", Compute::Burn(device)) => {
            let network = EfficientNetB0::load(stages, CLASSES, preprocessing, checkpoint, device);
            network.map(|network| Box::new(network) as _)
        }
        ("mobilenet-v3-small", Compute::Cpu) => {
            let network = processor::mobilenet_v3_small(rows, CLASSES, preprocessing, checkpoint);
            network.map(|network| Box::new(network) as _)
        }
        ("mobilenet-v3-small", Compute::Burn(device)) => {
            let network = MobileNetV3Small::load(rows, CLASSES, preprocessing, checkpoint, device);
            network.map(|network| Box::new(network) as _)
        }
        _ => return Err("its network is not built here yet".to_owned()),
    };
    let encoder = encoder.map_err(told)?;
    let (classes, kernels) = (CLASSES, kernels(&selected.compute, Precision::F32));
    Ok(ImageNetwork { name, weights, preprocess, dimension, classes, kernels, encoder, namer: None })
}

/// A sentence network of a hub.
pub(super) fn text_network(model: Model, selected: &Selected) -> Result<TextNetwork, Failure> {
    let Place { device, precision, kernels } = place(selected)?;
    let config = MpnetConfig::from_json(file(&model, "config.json")?).map_err(told)?;
    let tokenizer = file(&model, "tokenizer.json")?.to_vec();
    let Model { manifest, weights, checkpoint, .. } = model;
    if manifest.name != "mpnet" {
        return Err("its network is not built here yet".to_owned());
    }
    let encoder = Mpnet::load(&config, checkpoint, &device).map_err(told)?.with_precision(precision);
    let longest = manifest.input.max_tokens.unwrap_or(usize::MAX).min(config.max_tokens());
    let embedder = Embedder::new(&tokenizer, longest, Box::new(encoder), config.hidden_size).map_err(told)?;
    Ok(TextNetwork { weights, kernels, embedder: embedder.with_batch(selected.sentences) })
}

/// A network of a hub that describes pictures.
pub(super) fn speaking_network(model: Model, device: &Selected) -> Result<SpeakingNetwork, Failure> {
    let Place { device, precision, kernels } = place(device)?;
    let preprocessing = preprocessing(&model)?;
    let cut = cut(&preprocessing)?;
    let config = file(&model, "config.json")?.to_vec();
    let mut tokenizer = Tokenizer::from_bytes(file(&model, "tokenizer.json")?).map_err(told)?;
    // Networks pad what needs padding.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(told)?;
    let Model { manifest, weights, checkpoint, .. } = model;
    let mut longest = usize::MAX;
    let speaker = match manifest.name.as_str() {
        "blip-caption" => {
            let config = BlipConfig::from_json(&config).map_err(told)?;
            let network = BlipCaptioner::load(&config, &preprocessing, checkpoint, &device)
                .map_err(told)?
                .with_precision(precision);
            Speaker::Captioner(Box::new(network))
        }
        "vit-gpt2" => {
            let config = VitGpt2Config::from_json(&config).map_err(told)?;
            Speaker::Captioner(Box::new(
                VitGpt2::load(&config, &preprocessing, checkpoint, &device).map_err(told)?.with_precision(precision),
            ))
        }
        "blip-vqa" => {
            let config = BlipConfig::from_json(&config).map_err(told)?;
            longest = config.text_config.max_position_embeddings;
            let network = BlipAnswerer::load(&config, &preprocessing, checkpoint, &device)
                .map_err(told)?
                .with_precision(precision);
            Speaker::Answerer(Box::new(network))
        }
        "vilt-vqa" => {
            let config = ViltConfig::from_json(&config).map_err(told)?;
            longest = config.max_position_embeddings;
            Speaker::Chooser(Box::new(
                Vilt::load(&config, &preprocessing, checkpoint, &device).map_err(told)?.with_precision(precision),
            ))
        }
        _ => return Err("its network is not built here yet".to_owned()),
    };
    let settings = Settings::default();
    let name = manifest.name;
    Ok(SpeakingNetwork { name, weights, kernels, cut, tokenizer, longest, settings, precision, speaker })
}

#[cfg(test)]
#[path = "published_tests.rs"]
mod tests;
