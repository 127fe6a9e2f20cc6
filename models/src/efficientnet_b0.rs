//! EfficientNet-B0: features and ImageNet logits, on any Burn device.
//!
//! Tan and Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, 2019
//! (<https://arxiv.org/abs/1905.11946>). Keys and arithmetic are torchvision's. `reference/efficientnet_b0.py` made the
//! values of the test.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::convolutional::bottleneck::{self, ExcitationShape};
use crate::convolutional::{Features, Trunk, classified};
use crate::efficientnet_lite0::finish;
use crate::encoder::{ImageEncoder, ImageOutput};
use crate::fused::{Activation, Dense, Padding, Window};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;

/// PyTorch's default, which torchvision's smaller EfficientNets have.
const BATCH_NORM_EPS: f64 = 1e-5;
/// Key of the layer behind the features.
pub(crate) const CLASSIFIER: &str = "classifier.1";

/// A row of the paper's table 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// How much wider a block is between its ends.
    pub expand: usize,
    /// Side of the filters.
    pub kernel: usize,
    /// Step of the first block.
    pub stride: usize,
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Blocks.
    pub layers: usize,
}

impl Stage {
    const fn new([expand, kernel, stride, input, output, layers]: [usize; 6]) -> Self {
        Self { expand, kernel, stride, input, output, layers }
    }
}

/// The stages of EfficientNet-B0; the first layer gives what the first one takes, the last one four times what the last
/// one gives.
pub const STAGES: [Stage; 7] = [
    Stage::new([1, 3, 1, 32, 16, 1]),
    Stage::new([6, 3, 2, 16, 24, 2]),
    Stage::new([6, 5, 2, 24, 40, 2]),
    Stage::new([6, 3, 2, 40, 80, 3]),
    Stage::new([6, 5, 1, 80, 112, 3]),
    Stage::new([6, 5, 2, 112, 192, 4]),
    Stage::new([6, 3, 1, 192, 320, 1]),
];

/// The network.
#[derive(Module, Debug)]
pub struct EfficientNetB0 {
    trunk: Trunk,
    classifier: Dense,
}

impl EfficientNetB0 {
    /// Builds a network of `stages` (the published one: [`STAGES`]) and `classes` (ImageNet's: 1000) on `device` from
    /// torchvision's checkpoint, for pictures as `preprocessing` cuts them.
    ///
    /// # Errors
    /// A missing, misshapen or unknown key.
    ///
    /// # Panics
    /// When there is no stage.
    pub fn load(
        stages: &[Stage],
        classes: usize,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, CheckpointError> {
        let loader = &mut Loader::new(&mut checkpoint, device);
        let features = features(stages);
        let trunk = Trunk::load(loader, &features, preprocessing)?;
        let classifier = loader.dense(CLASSIFIER, features.last[1], classes)?;
        finish(checkpoint)?;
        Ok(Self { trunk, classifier })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `pixels` `[n, side, side, 3]` to features `[n, 1280]` and logits `[n, classes]`.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    pub fn features_and_logits(&self, pixels: &[u8]) -> (Tensor<2>, Tensor<2>) {
        let features = self.trunk.features(pixels);
        let precision = self.classifier.precision();
        let logits = self.classifier.forward(features.clone().cast(precision), Activation::Identity);
        (features, logits)
    }
}

impl ImageEncoder for EfficientNetB0 {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        classified(self.features_and_logits(pixels))
    }
}

/// What comes before the classifier.
///
/// # Panics
/// When there is no stage.
pub(crate) fn features(stages: &[Stage]) -> Features {
    let (first, last) = (stages[0].input, stages[stages.len() - 1].output);
    let block = |(number, stage): (usize, &Stage)| {
        let stage = *stage;
        (0..stage.layers).map(move |i| (format!("features.{number}.{i}"), block(&stage, i)))
    };
    let blocks = (1..).zip(stages).flat_map(block).collect();
    let (number, activation, epsilon) = (stages.len() + 1, Activation::Silu, BATCH_NORM_EPS);
    Features { first, blocks, number, last: [last, 4 * last], activation, epsilon }
}

/// Block `index` of a stage.
fn block(stage: &Stage, index: usize) -> bottleneck::Shape {
    let Stage { expand, kernel, output, .. } = *stage;
    let (input, stride) = if index == 0 { (stage.input, stage.stride) } else { (output, 1) };
    let excitation =
        ExcitationShape { squeezed: (input / 4).max(1), activation: Activation::Silu, gate: Activation::Sigmoid };
    bottleneck::Shape {
        input,
        wide: input * expand,
        output,
        window: Window { kernel, stride, padding: Padding::Even },
        activation: Activation::Silu,
        excitation: Some(excitation),
        epsilon: BATCH_NORM_EPS,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::processor;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn features_and_logits_are_those_of_torchvision() {
        // They squeeze into 4, 2, 6 and 8 channels.
        let stages =
            [Stage::new([1, 3, 1, 16, 8, 1]), Stage::new([6, 5, 2, 8, 24, 2]), Stage::new([6, 3, 2, 24, 32, 2])];
        let golden = Golden::read("efficientnet_b0");
        everywhere(|device, bound| {
            let preprocessing = golden.preprocessing();
            let network = EfficientNetB0::load(&stages, 12, &preprocessing, golden.checkpoint(), device).unwrap();
            let (features, logits) = network.features_and_logits(&golden.pictures());
            golden.check("features", features, bound);
            golden.check("logits", logits, bound);
        });
        let network = processor::efficientnet_b0(&stages, 12, &golden.preprocessing(), golden.checkpoint());
        golden.check_classifier(&network.unwrap());
    }
}
