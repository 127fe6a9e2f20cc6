//! Networks in a hub's layout, built from their published files: `config.json`, `preprocessor_config.json`,
//! `tokenizer.json` and the weights. On the processor they run through Burn's flex backend, the others on the device.

use gistmap_models::blip::{BlipAnswerer, BlipCaptioner, BlipConfig};
use gistmap_models::burn::tensor::Device;
use gistmap_models::clip::{Clip, ClipConfig};
use gistmap_models::dinov2::{Dinov2, Dinov2Config};
use gistmap_models::encoder::ImageEncoder;
use gistmap_models::generate::Settings;
use gistmap_models::preprocess::{Filter, Preprocessing, Resize};
use gistmap_models::siglip::{Siglip, SiglipConfig};
use gistmap_models::vit_gpt2::{VitGpt2, VitGpt2Config};
use tokenizers::Tokenizer;

use super::captions::{Speaker, SpeakingNetwork};
use super::services::{ImageNetwork, Model};
use crate::device::{Compute, Selected};
use crate::image::{Interpolation, Preprocess};

/// What is told of a failure; the caller names the model.
type Failure = String;

fn told(error: impl std::fmt::Display) -> Failure {
    error.to_string()
}

/// Which device computes, and the family of its kernels as a part of keys.
fn place(device: &Selected) -> Result<(Device, &'static str), Failure> {
    match &device.compute {
        #[cfg(not(target_arch = "wasm32"))]
        Compute::Cpu => Ok((Device::flex(), "flex")),
        #[cfg(target_arch = "wasm32")]
        Compute::Cpu => Err("in a page it needs a GPU".to_owned()),
        Compute::Burn(device) => Ok((device.clone(), "burn")),
    }
}

fn file<'a>(model: &'a Model, name: &str) -> Result<&'a [u8], Failure> {
    model.files.get(name).map(Vec::as_slice).ok_or_else(|| format!("there is no {name} beside its weights"))
}

fn preprocessing(model: &Model) -> Result<Preprocessing, Failure> {
    Preprocessing::from_json(file(model, "preprocessor_config.json")?).map_err(told)
}

/// How the hands cut pictures for it.
fn cut(preprocessing: &Preprocessing) -> Result<Preprocess, Failure> {
    let interpolation = match preprocessing.filter {
        Filter::Bilinear => Interpolation::Bilinear,
        Filter::Bicubic => Interpolation::Bicubic,
    };
    let (resize_short, squash) = match preprocessing.resize {
        Resize::Shortest(side) => (side, false),
        Resize::Exact { height, width } if height == width => (height, true),
        other => return Err(format!("pictures resized as {other:?} are not made here yet")),
    };
    let crop = preprocessing.crop.unwrap_or(resize_short);
    if crop > resize_short {
        return Err(format!("a crop of {crop} does not fit pictures of {resize_short}"));
    }
    Ok(Preprocess { resize_short, crop, squash, exact: true, interpolation, ..Preprocess::default() })
}

/// An image network of a hub.
pub(super) fn image_network(model: Model, device: &Selected) -> Result<ImageNetwork, Failure> {
    let (device, kernels) = place(device)?;
    let preprocessing = preprocessing(&model)?;
    let preprocess = cut(&preprocessing)?;
    let config = file(&model, "config.json")?.to_vec();
    let Model { manifest, weights, checkpoint, .. } = model;
    let encoder: Box<dyn ImageEncoder> = match manifest.name.as_str() {
        "clip-vit-b32" => {
            let config = ClipConfig::from_json(&config).map_err(told)?;
            Box::new(Clip::load(&config, &preprocessing, checkpoint, &device).map_err(told)?)
        }
        "dinov2-small" => {
            let config = Dinov2Config::from_json(&config).map_err(told)?;
            Box::new(Dinov2::load(&config, &preprocessing, checkpoint, &device).map_err(told)?)
        }
        "siglip-base" => {
            let config = SiglipConfig::from_json(&config).map_err(told)?;
            Box::new(Siglip::load(&config, &preprocessing, checkpoint, &device).map_err(told)?)
        }
        _ => return Err("its network is not built here yet".to_owned()),
    };
    let (name, dimension) = (manifest.name, manifest.dimension);
    Ok(ImageNetwork { name, weights, preprocess, dimension, classes: 0, kernels, encoder })
}

/// A network of a hub that describes pictures.
pub(super) fn speaking_network(model: Model, device: &Selected) -> Result<SpeakingNetwork, Failure> {
    let (device, kernels) = place(device)?;
    let preprocessing = preprocessing(&model)?;
    let preprocess = cut(&preprocessing)?;
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
            let network = BlipCaptioner::load(&config, &preprocessing, checkpoint, &device).map_err(told)?;
            Speaker::Captioner(Box::new(network))
        }
        "vit-gpt2" => {
            let config = VitGpt2Config::from_json(&config).map_err(told)?;
            Speaker::Captioner(Box::new(VitGpt2::load(&config, &preprocessing, checkpoint, &device).map_err(told)?))
        }
        "blip-vqa" => {
            let config = BlipConfig::from_json(&config).map_err(told)?;
            longest = config.text_config.max_position_embeddings;
            let network = BlipAnswerer::load(&config, &preprocessing, checkpoint, &device).map_err(told)?;
            Speaker::Answerer(Box::new(network))
        }
        _ => return Err("its network is not built here yet".to_owned()),
    };
    let settings = Settings::default();
    Ok(SpeakingNetwork { name: manifest.name, weights, kernels, preprocess, tokenizer, longest, settings, speaker })
}
