//! MobileNetV3-small: features and ImageNet logits, on any Burn device.
//!
//! Howard et al., *Searching for MobileNetV3*, 2019 (<https://arxiv.org/abs/1905.02244>). Keys and arithmetic are
//! torchvision's. `reference/mobilenet_v3_small.py` made the values of the test.

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

const BATCH_NORM_EPS: f64 = 1e-3;
/// Between the features and the logits.
pub(crate) const HIDDEN: usize = 1024;
/// Keys of the layers behind the features.
pub(crate) const CLASSIFIER: [&str; 2] = ["classifier.0", "classifier.3"];

/// A row of the paper's table 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Side of the filters.
    pub kernel: usize,
    /// Channels between the ends.
    pub wide: usize,
    /// Channels out.
    pub output: usize,
    /// Whether there is squeeze and excitation.
    pub excited: bool,
    /// Whether hard swish stands behind the layers; otherwise it is ReLU.
    pub swish: bool,
    /// Step.
    pub stride: usize,
}

impl Row {
    const fn new([kernel, wide, output]: [usize; 3], [excited, swish]: [bool; 2], stride: usize) -> Self {
        Self { kernel, wide, output, excited, swish, stride }
    }
}

/// Channels of the first layer.
const STEM: usize = 16;

/// The blocks of MobileNetV3-small; the last layer gives six times what the last one gives.
pub const ROWS: [Row; 11] = [
    Row::new([3, 16, 16], [true, false], 2),
    Row::new([3, 72, 24], [false, false], 2),
    Row::new([3, 88, 24], [false, false], 1),
    Row::new([5, 96, 40], [true, true], 2),
    Row::new([5, 240, 40], [true, true], 1),
    Row::new([5, 240, 40], [true, true], 1),
    Row::new([5, 120, 48], [true, true], 1),
    Row::new([5, 144, 48], [true, true], 1),
    Row::new([5, 288, 96], [true, true], 2),
    Row::new([5, 576, 96], [true, true], 1),
    Row::new([5, 576, 96], [true, true], 1),
];

/// The network.
#[derive(Module, Debug)]
pub struct MobileNetV3Small {
    trunk: Trunk,
    hidden: Dense,
    classifier: Dense,
}

impl MobileNetV3Small {
    /// Builds a network of `rows` (the published one: [`ROWS`]) and `classes` (ImageNet's: 1000) on `device` from
    /// torchvision's checkpoint, for pictures as `preprocessing` cuts them.
    ///
    /// # Errors
    /// A missing, misshapen or unknown key.
    pub fn load(
        rows: &[Row],
        classes: usize,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, CheckpointError> {
        let loader = &mut Loader::new(&mut checkpoint, device);
        let features = features(rows);
        let trunk = Trunk::load(loader, &features, preprocessing)?;
        let hidden = loader.dense(CLASSIFIER[0], features.last[1], HIDDEN)?;
        let classifier = loader.dense(CLASSIFIER[1], HIDDEN, classes)?;
        finish(checkpoint)?;
        Ok(Self { trunk, hidden, classifier })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `pixels` `[n, side, side, 3]` to features `[n, 576]` and logits `[n, classes]`.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    pub fn features_and_logits(&self, pixels: &[u8]) -> (Tensor<2>, Tensor<2>) {
        let features = self.trunk.features(pixels);
        let hidden = self.hidden.forward(features.clone().cast(self.hidden.precision()), Activation::HardSwish);
        (features, self.classifier.forward(hidden, Activation::Identity))
    }
}

impl ImageEncoder for MobileNetV3Small {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        classified(self.features_and_logits(pixels))
    }
}

/// What comes before the classifier.
pub(crate) fn features(rows: &[Row]) -> Features {
    let last = rows.last().map_or(STEM, |row| row.output);
    let inputs = std::iter::once(STEM).chain(rows.iter().map(|row| row.output));
    let numbered = (1..).zip(rows.iter().zip(inputs));
    let block = |(number, (row, input)): (usize, (&Row, usize))| (format!("features.{number}"), block(row, input));
    let blocks = numbered.map(block).collect();
    let (number, activation, epsilon) = (rows.len() + 1, Activation::HardSwish, BATCH_NORM_EPS);
    Features { first: STEM, blocks, number, last: [last, 6 * last], activation, epsilon }
}

fn block(row: &Row, input: usize) -> bottleneck::Shape {
    let Row { kernel, wide, output, excited, swish, stride } = *row;
    let excitation =
        ExcitationShape { squeezed: divisible(wide / 4), activation: Activation::Relu, gate: Activation::HardSigmoid };
    bottleneck::Shape {
        input,
        wide,
        output,
        window: Window { kernel, stride, padding: Padding::Even },
        activation: if swish { Activation::HardSwish } else { Activation::Relu },
        excitation: excited.then_some(excitation),
        epsilon: BATCH_NORM_EPS,
    }
}

/// The multiple of eight that is nearest to `channels`, but no less than nine tenths of them.
fn divisible(channels: usize) -> usize {
    let near = ((channels + 4) / 8 * 8).max(8);
    if near * 10 < channels * 9 { near + 8 } else { near }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::processor;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn features_and_logits_are_those_of_torchvision() {
        let rows = [ROWS[0], ROWS[1], ROWS[2], ROWS[3], ROWS[4]];
        let golden = Golden::read("mobilenet_v3_small");
        everywhere(|device, bound| {
            let preprocessing = golden.preprocessing();
            let network = MobileNetV3Small::load(&rows, 12, &preprocessing, golden.checkpoint(), device).unwrap();
            let (features, logits) = network.features_and_logits(&golden.pictures());
            golden.check("features", features, bound);
            golden.check("logits", logits, bound);
        });
        let network = processor::mobilenet_v3_small(&rows, 12, &golden.preprocessing(), golden.checkpoint());
        golden.check_classifier(&network.unwrap());
    }

    #[test]
    fn squeezed_channels_are_torchvisions() {
        let found: Vec<usize> = [4, 24, 60, 30, 36, 72, 144, 11, 18].into_iter().map(divisible).collect();
        assert_eq!(found, [8, 24, 64, 32, 40, 72, 144, 16, 24]);
    }
}
