//! The networks against PyTorch with the same weights; `golden/networks/make_goldens.py` made the values.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{golden, models, shared};
use gistmap::device::{self, Compute};
use gistmap::embed::Embedder;
use gistmap::image::{Limits, Preparer, Preprocess};
use gistmap::protocol::DeviceChoice;
use gistmap::readback;
use gistmap::report::npy;
use gistmap::runtime::block_on;
use gistmap::weights::{ModelFolder, pack_name, read_checkpoint};
use gistmap_models::burn::tensor::Device;
use gistmap_models::calibration::Calibration;
use gistmap_models::efficientnet_lite0::EfficientNetLite0;
use gistmap_models::encoder::{ImageEncoder, Output, TextEncoder};
use gistmap_models::minilm::{DIMENSION, MiniLm};
use gistmap_models::pack::Quantization;
use gistmap_models::precision::{Precision, supports_f16};
use gistmap_models::processor;
use ndarray::Array2;

const ON_THE_PROCESSOR: f32 = 1e-4;
const ON_WGPU: f32 = 1e-3;
/// Cosine of every feature and sentence vector of a pack, or in half precision, to those of the published weights.
const NEARLY_EQUAL: f64 = 0.999;

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
    for (name, found) in [("features", read(output.features)), ("logits", read(output.logits.unwrap()))] {
        let error = relative_error(&found, &expected(name));
        println!("efficientnet-lite0 {name} on {what}: relative error {error:e}");
        assert!(error <= bound, "{name} on {what}: {error:e}");
    }
}

/// Texts of a golden file and their token ids.
fn texts(file: &str) -> Vec<(String, Vec<u32>)> {
    let known: Vec<serde_json::Value> =
        serde_json::from_slice(&fs::read(golden(&format!("networks/{file}"))).unwrap()).unwrap();
    let ids = |s: &serde_json::Value| serde_json::from_value(s["ids"].clone()).unwrap();
    known.iter().map(|s| (s["text"].as_str().unwrap().to_owned(), ids(s))).collect()
}

fn sentence_vectors(models: &ModelFolder, encoder: Box<dyn TextEncoder>) -> Array2<f32> {
    let tokenizer = models.read(models.manifest("minilm").unwrap(), "tokenizer.json").unwrap();
    let embedder = Embedder::new(&tokenizer, 256, encoder, DIMENSION).unwrap();
    let sentences = texts("sentences.json");
    for (text, ids) in sentences.iter().chain(&texts("tokens.json")) {
        assert_eq!(embedder.tokens(text).unwrap(), *ids, "{text:?}");
    }
    let texts: Vec<&str> = sentences.iter().map(|(text, _)| text.as_str()).collect();
    block_on(embedder.embed(&texts, &mut |_| true)).unwrap()
}

fn check_sentences(models: &ModelFolder, encoder: Box<dyn TextEncoder>, bound: f32, what: &str) {
    let error = relative_error(&sentence_vectors(models, encoder), &expected("vectors"));
    println!("minilm on {what}: relative error {error:e}");
    assert!(error <= bound, "{what}: {error:e}");
}

/// The smallest cosine of a row of `found` to the same row of `expected`.
fn least_cosine(found: &Array2<f32>, expected: &Array2<f32>, what: &str) -> f64 {
    assert_eq!(found.dim(), expected.dim());
    let dot = |a: ndarray::ArrayView1<'_, f32>, b: ndarray::ArrayView1<'_, f32>| {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    let cosine = |(a, b)| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let cosines: Vec<f64> = found.rows().into_iter().zip(expected.rows()).map(cosine).collect();
    let (least, mean) =
        (cosines.iter().fold(1f64, |a, b| a.min(*b)), cosines.iter().sum::<f64>() / cosines.len() as f64);
    println!("{what}: cosine at least {least:.6}, mean {mean:.6} of {}", cosines.len());
    least
}

fn features_and_logits(encoder: &dyn ImageEncoder, pixels: &[u8]) -> [Array2<f32>; 2] {
    let output = encoder.forward(pixels);
    [output.features, output.logits.unwrap()].map(|output| block_on(readback::read(output)).unwrap())
}

/// The golden pictures and, where the shared data are, two real ones of each class.
fn many_pictures() -> Vec<u8> {
    let mut pixels = pictures();
    let Some(folder) = shared("food101_10/images") else { return pixels };
    let preprocess = Preprocess::default();
    let mut preparer = Preparer::new();
    for class in fs::read_dir(folder).unwrap() {
        let mut files: Vec<_> = fs::read_dir(class.unwrap().path()).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        for file in &files[..2] {
            let start = pixels.len();
            pixels.resize(start + preprocess.bytes(), 0);
            let bytes = fs::read(file).unwrap();
            preparer.prepare(&bytes, &Limits::default(), &preprocess, &mut pixels[start..]).unwrap();
        }
    }
    pixels
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
fn packs_are_small_and_nearly_equal() {
    let Some(models) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    let pixels = many_pictures();
    let published = processor::efficientnet_lite0(image_checkpoint(&models)).unwrap();
    let [features, logits] = features_and_logits(&published, &pixels);
    for (quantization, image_bytes, text_bytes) in
        [(Quantization::Q8, 6_200_000, 24_100_000), (Quantization::F16, 9_700_000, 46_100_000)]
    {
        let convert = |name: &str, limit: u64| {
            let path = folder.path().join(pack_name(name, quantization));
            let pack = models.convert(name, quantization, &path, &Calibration::default(), &mut |_, _| true).unwrap();
            assert_eq!((&pack.path, pack.size), (&path, fs::metadata(&path).unwrap().len()));
            assert!(pack.size < limit, "{name} {quantization:?}: {} bytes", pack.size);
            read_checkpoint(&path).unwrap()
        };
        let network = processor::efficientnet_lite0(convert("efficientnet-lite0", image_bytes)).unwrap();
        let found = features_and_logits(&network, &pixels);
        for (found, expected, part) in [(&found[0], &features, "features"), (&found[1], &logits, "logits")] {
            let what = format!("efficientnet-lite0 {part} of {quantization:?}");
            assert!(least_cosine(found, expected, &what) >= NEARLY_EQUAL, "{what}");
        }
        let network = processor::minilm(convert("minilm", text_bytes)).unwrap();
        let found = sentence_vectors(&models, Box::new(network));
        let what = format!("minilm of {quantization:?}");
        assert!(least_cosine(&found, &expected("vectors"), &what) >= NEARLY_EQUAL, "{what}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

/// Runs where an adapter computes in half precision; Mesa's lavapipe does.
#[test]
fn half_precision_is_nearly_equal() {
    let Some(models) = models() else { return };
    let selected = match block_on(device::select(DeviceChoice::Wgpu)) {
        Ok(selected) => selected,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let Compute::Burn(device) = &selected.compute else { panic!("wgpu is a Burn device") };
    if !supports_f16(device) {
        eprintln!("skipped: {} does not compute in half precision", selected.name);
        return;
    }
    let network = EfficientNetLite0::load(image_checkpoint(&models), device).unwrap().with_precision(Precision::F16);
    let found = features_and_logits(&network, &pictures());
    for (found, name) in found.iter().zip(["features", "logits"]) {
        let what = format!("efficientnet-lite0 {name} in halves on {}", selected.name);
        assert!(least_cosine(found, &expected(name), &what) >= NEARLY_EQUAL, "{what}");
    }
    let network = MiniLm::load(text_checkpoint(&models), device).unwrap().with_precision(Precision::F16);
    let found = sentence_vectors(&models, Box::new(network));
    let what = format!("minilm in halves on {}", selected.name);
    assert!(least_cosine(&found, &expected("vectors"), &what) >= NEARLY_EQUAL, "{what}");
}

#[test]
fn a_foreign_checkpoint_names_what_does_not_fit() {
    let Some(models) = models() else { return };
    let error = processor::efficientnet_lite0(text_checkpoint(&models)).err().unwrap().to_string();
    assert!(error.contains("_conv_stem.weight"), "{error}");
    let error = MiniLm::load(image_checkpoint(&models), &Device::flex()).err().unwrap().to_string();
    assert!(error.contains("embeddings.word_embeddings.weight"), "{error}");
}
