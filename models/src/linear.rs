//! PyTorch's linear layer as a fused one.

use burn::tensor::Device;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::fused::Dense;

/// A linear layer from PyTorch's `[out, in]` weight.
pub(crate) fn linear(
    source: &mut Checkpoint,
    name: &str,
    input: usize,
    output: usize,
    device: &Device,
) -> Result<Dense, CheckpointError> {
    let weight = source.take(&format!("{name}.weight"), &[output, input])?;
    let bias = source.take(&format!("{name}.bias"), &[output])?;
    Ok(Dense::new(&weight, bias, device))
}
