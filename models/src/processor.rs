//! The processor's networks as encoders: their forward pass computes at once, so their output is on the host.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cpu;
use crate::efficientnet_b0::Stage;
use crate::encoder::{ImageEncoder, ImageOutput, Output, TextEncoder};
use crate::mobilenet_v3_small::Row;
use crate::preprocess::Preprocessing;
use crate::resnet::ResNetConfig;
use crate::weights::TensorSource;
use crate::{efficientnet_lite0, minilm};

/// EfficientNet-lite0 on the processor, from the published checkpoint.
///
/// # Errors
/// A missing, misshapen or unknown key.
pub fn efficientnet_lite0(checkpoint: Checkpoint) -> Result<cpu::EfficientNetLite0, CheckpointError> {
    whole(checkpoint, |tensor| cpu::EfficientNetLite0::load(tensor))
}

/// all-MiniLM-L6-v2 on the processor, from the published checkpoint.
///
/// # Errors
/// A missing, misshapen or unknown key.
pub fn minilm(mut checkpoint: Checkpoint) -> Result<cpu::MiniLm, CheckpointError> {
    let network = cpu::MiniLm::load(&mut |name, shape| checkpoint.take(name, shape))?;
    minilm::finish(checkpoint)?;
    Ok(network)
}

/// ResNet-18 or ResNet-50 on the processor, from torchvision's checkpoint; otherwise as
/// [`ResNet::load`](crate::resnet::ResNet::load).
///
/// # Errors
/// A missing, misshapen or unknown key.
pub fn resnet(
    config: &ResNetConfig,
    preprocessing: &Preprocessing,
    checkpoint: Checkpoint,
) -> Result<cpu::Classifier, CheckpointError> {
    whole(checkpoint, |tensor| cpu::Classifier::resnet(config, preprocessing, tensor))
}

/// EfficientNet-B0 on the processor, from torchvision's checkpoint; otherwise as
/// [`EfficientNetB0::load`](crate::efficientnet_b0::EfficientNetB0::load).
///
/// # Errors
/// A missing, misshapen or unknown key.
///
/// # Panics
/// When there is no stage.
pub fn efficientnet_b0(
    stages: &[Stage],
    classes: usize,
    preprocessing: &Preprocessing,
    checkpoint: Checkpoint,
) -> Result<cpu::Classifier, CheckpointError> {
    whole(checkpoint, |tensor| cpu::Classifier::efficientnet_b0(stages, classes, preprocessing, tensor))
}

/// MobileNetV3-small on the processor, from torchvision's checkpoint; otherwise as
/// [`MobileNetV3Small::load`](crate::mobilenet_v3_small::MobileNetV3Small::load).
///
/// # Errors
/// A missing, misshapen or unknown key.
pub fn mobilenet_v3_small(
    rows: &[Row],
    classes: usize,
    preprocessing: &Preprocessing,
    checkpoint: Checkpoint,
) -> Result<cpu::Classifier, CheckpointError> {
    whole(checkpoint, |tensor| cpu::Classifier::mobilenet_v3_small(rows, classes, preprocessing, tensor))
}

/// What `load` makes of a checkpoint of a network that sorts pictures, of which nothing may be left.
fn whole<T>(
    mut checkpoint: Checkpoint,
    load: impl FnOnce(&mut TensorSource<'_, CheckpointError>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    let network = load(&mut |name, shape| checkpoint.take(name, shape))?;
    efficientnet_lite0::finish(checkpoint)?;
    Ok(network)
}

impl ImageEncoder for cpu::EfficientNetLite0 {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        ImageEncoder::forward(&self.0, pixels)
    }
}

impl ImageEncoder for cpu::Classifier {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        let n = pixels.len() / (self.side() * self.side() * 3);
        let cpu::Classified { features, logits } =
            Self::forward(self, pixels, n).unwrap_or_else(|error| panic!("a batch holds whole pictures: {error}"));
        ImageOutput {
            features: Output::Host { values: features, columns: self.features() },
            logits: Some(Output::Host { values: logits, columns: self.classes() }),
        }
    }
}

impl TextEncoder for cpu::MiniLm {
    fn forward(&self, sentences: &[&[u32]]) -> Output {
        let sentences: Vec<Vec<u32>> = sentences.iter().map(|s| s.to_vec()).collect();
        let values = Self::forward(self, &sentences)
            .unwrap_or_else(|error| panic!("token ids come from the model's own tokenizer: {error}"));
        Output::Host { values, columns: minilm::DIMENSION }
    }
}
