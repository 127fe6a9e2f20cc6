//! Networks in a hub's layout, built from their published files: `config.json`, `preprocessor_config.json`,
//! `tokenizer.json` and the weights; torchvision's, which have weights alone. On the processor they run through Burn's flex
//! backend, the others on the device.

use std::sync::Arc;

use gistmap_models::blip::{BlipAnswerer, BlipCaptioner, BlipConfig};
use gistmap_models::burn::tensor::Device;
use gistmap_models::clip::{Clip, ClipConfig};
use gistmap_models::dinov2::{Dinov2, Dinov2Config};
use gistmap_models::efficientnet_b0::{self, EfficientNetB0};
use gistmap_models::encoder::{ImageEncoder, Similarity, TextEncoder};
use gistmap_models::generate::Settings;
use gistmap_models::manifest::Role;
use gistmap_models::mobilenet_v3_small::{self, MobileNetV3Small};
use gistmap_models::mpnet::{Mpnet, MpnetConfig};
use gistmap_models::precision::{Precision, fastest};
use gistmap_models::preprocess::{self, Filter, Preprocessing, Resize};
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

/// Where a network computes.
struct Place {
    device: Device,
    /// Of transformers; convolutional networks are kept in single precision.
    precision: Precision,
    /// The family of a transformer's kernels, and of the others', as a part of keys.
    kernels: &'static str,
    convolutional: &'static str,
}

fn place(device: &Selected) -> Result<Place, Failure> {
    match &device.compute {
        #[cfg(not(target_arch = "wasm32"))]
        Compute::Cpu => {
            let (device, precision) = (Device::flex(), Precision::F32);
            Ok(Place { device, precision, kernels: "flex-fused", convolutional: "flex-fused" })
        }
        #[cfg(target_arch = "wasm32")]
        Compute::Cpu => Err("in a page it needs a GPU".to_owned()),
        compute @ Compute::Burn(device) => {
            let precision = fastest(device);
            let (kernels, convolutional) = (kernels(compute, precision), kernels(compute, Precision::F32));
            Ok(Place { device: device.clone(), precision, kernels, convolutional })
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
    let input = &model.manifest.input;
    let filter = if model.manifest.name == "efficientnet-b0" { Filter::Bicubic } else { Filter::Bilinear };
    Ok(Preprocessing::imagenet(input.resize.unwrap_or(256), input.crop.unwrap_or(224), filter))
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
    let place = place(selected)?;
    let Place { device, precision, .. } = &place;
    let convolutional = matches!(model.manifest.role, Role::ImageEncoder);
    let kernels = if convolutional { place.convolutional } else { place.kernels };
    let preprocessing = &preprocessing(&model)?;
    let preprocess = square(preprocessing)?;
    let tokenizer = model.files.get("tokenizer.json").cloned();
    let config = model.files.get("config.json").cloned().unwrap_or_default();
    let Model { manifest, weights, checkpoint, .. } = model;
    let (name, dimension) = (manifest.name.clone(), manifest.dimension);
    let classes = if manifest.role == Role::ImageEncoder { CLASSES } else { 0 };
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
        "resnet18" | "resnet50" => {
            let config = if name == "resnet18" { ResNetConfig::RESNET18 } else { ResNetConfig::RESNET50 };
            (Box::new(ResNet::load(&config, preprocessing, checkpoint, device).map_err(told)?), None)
        }
        "efficientnet-b0" => {
            let stages = &efficientnet_b0::STAGES;
            let network = EfficientNetB0::load(stages, CLASSES, preprocessing, checkpoint, device);
            (Box::new(network.map_err(told)?), None)
        }
        "mobilenet-v3-small" => {
            let rows = &mobilenet_v3_small::ROWS;
            let network = MobileNetV3Small::load(rows, CLASSES, preprocessing, checkpoint, device);
            (Box::new(network.map_err(told)?), None)
        }
        _ => return Err("its network is not built here yet".to_owned()),
    };
    Ok(ImageNetwork { name, weights, preprocess, dimension, classes, kernels, encoder, namer })
}

/// A sentence network of a hub.
pub(super) fn text_network(model: Model, selected: &Selected) -> Result<TextNetwork, Failure> {
    let Place { device, precision, kernels, .. } = place(selected)?;
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
    let Place { device, precision, kernels, .. } = place(device)?;
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
