//! The processor's networks as encoders: their forward pass computes at once, so their output is on the host.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cpu;
use crate::encoder::{ImageEncoder, ImageOutput, Output, TextEncoder};
use crate::{efficientnet_lite0, minilm};

/// EfficientNet-lite0 on the processor, from the published checkpoint.
///
/// # Errors
/// A missing, misshapen or unknown key.
pub fn efficientnet_lite0(mut checkpoint: Checkpoint) -> Result<cpu::EfficientNetLite0, CheckpointError> {
    let network = cpu::EfficientNetLite0::load(&mut |name, shape| checkpoint.take(name, shape))?;
    efficientnet_lite0::finish(checkpoint)?;
    Ok(network)
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

impl ImageEncoder for cpu::EfficientNetLite0 {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        let n = pixels.len() / (Self::SIDE * Self::SIDE * 3);
        let cpu::Classified { features, logits } =
            Self::forward(self, pixels, n).unwrap_or_else(|error| panic!("a batch holds whole pictures: {error}"));
        ImageOutput {
            features: Output::Host { values: features, columns: Self::FEATURES },
            logits: Some(Output::Host { values: logits, columns: Self::CLASSES }),
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
