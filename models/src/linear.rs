//! PyTorch's linear layer as Burn's.

use burn::module::Param;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::checkpoint::{Checkpoint, CheckpointError};

/// A linear layer from PyTorch's `[out, in]` weight (Burn keeps `[in, out]`).
pub(crate) fn linear(
    source: &mut Checkpoint,
    name: &str,
    input: usize,
    output: usize,
    device: &Device,
) -> Result<Linear, CheckpointError> {
    let weight = source.take(&format!("{name}.weight"), &[output, input])?;
    let bias = source.take(&format!("{name}.bias"), &[output])?;
    let mut module = LinearConfig::new(input, output).init(device);
    let weight = Tensor::<2>::from_data(TensorData::new(weight, [output, input]), device);
    module.weight = Param::from_tensor(weight.transpose());
    module.bias = Some(Param::from_tensor(Tensor::from_data(TensorData::new(bias, [output]), device)));
    Ok(module)
}
