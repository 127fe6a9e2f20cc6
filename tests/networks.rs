//! The networks against PyTorch with the same weights; `golden/networks/make_goldens.py` made the values.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{golden, models};
use gistmap::device::{self, Compute};
use gistmap::embed::Embedder;
use gistmap::protocol::DeviceChoice;
use gistmap::readback;
use gistmap::report::npy;
use gistmap::runtime::block_on;
use gistmap::weights::{ModelFolder, read_checkpoint};
use gistmap_models::burn::tensor::Device;
use gistmap_models::efficientnet_lite0::EfficientNetLite0;
use gistmap_models::encoder::{ImageEncoder, Output, TextEncoder};
use gistmap_models::minilm::{DIMENSION, MiniLm};
use gistmap_models::processor;
use ndarray::Array2;

const ON_THE_PROCESSOR: f32 = 1e-4;
const ON_WGPU: f32 = 1e-3;

fn expected(name: &str) -> Array2<f32> {
    npy::read(&fs::read(golden(&format!("networks/{name}.npy"))).unwrap()).unwrap()
}

/// Largest difference, relative to the largest value of the reference.
fn relative_error(found: &Array2<f32>, expected: &Array2<f32>) -> f32 {
    assert_eq!(found.dim(), expected.dim());
    let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
    let difference = found.iter().zip(expected).fold(0f32, |a, (f, e)| a.max((f - e).abs()));
    difference / largest
}

fn pictures() -> Vec<u8> {
    let decode = |i| image::open(golden(&format!("networks/picture-{i}.png"))).unwrap().into_rgb8().into_raw();
    (0..3).flat_map(decode).collect()
}

fn check_pictures(encoder: &dyn ImageEncoder, bound: f32, what: &str) {
    let output = encoder.forward(&pictures());
    let read = |output: Output| block_on(readback::read(output)).unwrap();
    for (name, found) in [("features", read(output.features)), ("logits", read(output.logits))] {
        let error = relative_error(&found, &expected(name));
        println!("efficientnet-lite0 {name} on {what}: relative error {error:e}");
        assert!(error <= bound, "{name} on {what}: {error:e}");
    }
}

fn check_sentences(models: &ModelFolder, encoder: Box<dyn TextEncoder>, bound: f32, what: &str) {
    let manifest = models.manifest("minilm").unwrap();
    let tokenizer = models.read(manifest, "tokenizer.json").unwrap();
    let embedder = Embedder::new(&tokenizer, 256, encoder, DIMENSION).unwrap();
    let known: serde_json::Value =
        serde_json::from_slice(&fs::read(golden("networks/sentences.json")).unwrap()).unwrap();
    let known = known.as_array().unwrap();
    let texts: Vec<&str> = known.iter().map(|s| s["text"].as_str().unwrap()).collect();
    for (text, sentence) in texts.iter().zip(known) {
        let ids: Vec<u32> = sentence["ids"].as_array().unwrap().iter().map(|i| i.as_u64().unwrap() as u32).collect();
        assert_eq!(embedder.tokens(text).unwrap(), ids, "{text}");
    }
    let found = block_on(embedder.embed(&texts, &mut |_| true)).unwrap();
    let error = relative_error(&found, &expected("vectors"));
    println!("minilm on {what}: relative error {error:e}");
    assert!(error <= bound, "{what}: {error:e}");
}

fn image_checkpoint(models: &ModelFolder) -> gistmap_models::checkpoint::Checkpoint {
    read_checkpoint(&models.path("efficientnet-lite0").join("efficientnet-lite0.pth")).unwrap()
}

fn text_checkpoint(models: &ModelFolder) -> gistmap_models::checkpoint::Checkpoint {
    read_checkpoint(&models.path("minilm").join("model.safetensors")).unwrap()
}

#[test]
fn the_processor_agrees_with_pytorch() {
    let Some(models) = models() else { return };
    let network = processor::efficientnet_lite0(image_checkpoint(&models)).unwrap();
    check_pictures(&network, ON_THE_PROCESSOR, "cpu");
    let network = processor::minilm(text_checkpoint(&models)).unwrap();
    check_sentences(&models, Box::new(network), ON_THE_PROCESSOR, "cpu");
}

#[test]
fn burn_flex_agrees_with_pytorch() {
    let Some(models) = models() else { return };
    let device = Device::flex();
    check_pictures(&EfficientNetLite0::load(image_checkpoint(&models), &device).unwrap(), ON_THE_PROCESSOR, "flex");
    let network = MiniLm::load(text_checkpoint(&models), &device).unwrap();
    check_sentences(&models, Box::new(network), ON_THE_PROCESSOR, "flex");
}

/// Runs where there is any Vulkan, Metal or DX12 adapter; Mesa's lavapipe will do.
#[test]
fn wgpu_agrees_with_pytorch() {
    let Some(models) = models() else { return };
    let selected = match block_on(device::select(DeviceChoice::Wgpu)) {
        Ok(selected) => selected,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let Compute::Burn(device) = &selected.compute else { panic!("wgpu is a Burn device") };
    check_pictures(&EfficientNetLite0::load(image_checkpoint(&models), device).unwrap(), ON_WGPU, &selected.name);
    let network = MiniLm::load(text_checkpoint(&models), device).unwrap();
    check_sentences(&models, Box::new(network), ON_WGPU, &selected.name);
}

#[test]
fn a_foreign_checkpoint_names_what_does_not_fit() {
    let Some(models) = models() else { return };
    let error = processor::efficientnet_lite0(text_checkpoint(&models)).err().unwrap().to_string();
    assert!(error.contains("_conv_stem.weight"), "{error}");
    let error = MiniLm::load(image_checkpoint(&models), &Device::flex()).err().unwrap().to_string();
    assert!(error.contains("embeddings.word_embeddings.weight"), "{error}");
}
