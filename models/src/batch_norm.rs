//! Batch normalisation folded into the convolution before it: an inference-time identity that saves
//! one pass over the activations a layer.

use crate::checkpoint::{Checkpoint, CheckpointError};

/// A convolution's weight and bias after folding.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// As the convolution's weight, each output channel scaled.
    pub weight: Vec<f32>,
    /// `[channels_out]`.
    pub bias: Vec<f32>,
}

/// Takes `{conv}.weight` of shape `shape` (output channels first) and `{norm}.*` from the checkpoint and
/// folds them: `w' = w * gamma / sqrt(var + eps)`, `b' = beta - mean * gamma / sqrt(var + eps)`.
///
/// # Errors
/// A missing or misshapen key.
pub fn folded(
    checkpoint: &mut Checkpoint,
    conv: &str,
    shape: &[usize; 4],
    norm: &str,
    eps: f64,
) -> Result<Folded, CheckpointError> {
    let mut weight = checkpoint.take(&format!("{conv}.weight"), shape)?;
    let channels = shape[0];
    let mut vector = |part: &str| checkpoint.take(&format!("{norm}.{part}"), &[channels]);
    let (gamma, beta) = (vector("weight")?, vector("bias")?);
    let (mean, var) = (vector("running_mean")?, vector("running_var")?);
    let mut bias = Vec::with_capacity(channels);
    for (channel, kernel) in weight.chunks_exact_mut(shape[1] * shape[2] * shape[3]).enumerate() {
        let scale = f64::from(gamma[channel]) / (f64::from(var[channel]) + eps).sqrt();
        for w in kernel {
            *w = (f64::from(*w) * scale) as f32;
        }
        bias.push((f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32);
    }
    Ok(Folded { weight, bias })
}
