//! Taking layers out of a checkpoint by their published keys.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};

use crate::calibration::Reads;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::fused::{Convolution, Dense, RowNorm, Window};
use crate::weights::take_folded;

/// A checkpoint and the device that its tensors go to, below a prefix of its keys.
pub(crate) struct Loader<'a> {
    checkpoint: &'a mut Checkpoint,
    /// Where the network is built.
    pub(crate) device: &'a Device,
    prefix: String,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(checkpoint: &'a mut Checkpoint, device: &'a Device) -> Self {
        Self { checkpoint, device, prefix: String::new() }
    }

    /// The keys that start with `part` and a point.
    pub(crate) fn under(&mut self, part: &str) -> Loader<'_> {
        let prefix = format!("{}{part}.", self.prefix);
        Loader { checkpoint: self.checkpoint, device: self.device, prefix }
    }

    /// Whether there is a tensor `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.checkpoint.has(&format!("{}{name}", self.prefix))
    }

    /// The values of a tensor.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        self.checkpoint.take(&format!("{}{name}", self.prefix), shape)
    }

    /// Values on the device.
    pub(crate) fn put<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }

    /// A linear layer from PyTorch's `[output, input]`.
    pub(crate) fn dense(&mut self, name: &str, input: usize, output: usize) -> Result<Dense, CheckpointError> {
        self.stacked(&[name], input, output)
    }

    /// A linear layer without bias.
    pub(crate) fn dense_unbiased(&mut self, name: &str, input: usize, output: usize) -> Result<Dense, CheckpointError> {
        let weight = self.take(&format!("{name}.weight"), &[output, input])?;
        Ok(Dense::new(&weight, vec![0.0; output], self.device).adding_to(self.reads(&[name], false)))
    }

    /// Linear layers of the same shape side by side: one product instead of several.
    pub(crate) fn stacked(&mut self, names: &[&str], input: usize, output: usize) -> Result<Dense, CheckpointError> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weight.extend(self.take(&format!("{name}.weight"), &[output, input])?);
            bias.extend(self.take(&format!("{name}.bias"), &[output])?);
        }
        Ok(Dense::new(&weight, bias, self.device).adding_to(self.reads(names, false)))
    }

    /// A linear layer from `[input, output]`, as GPT-2 publishes them.
    pub(crate) fn dense_turned(&mut self, name: &str, input: usize, output: usize) -> Result<Dense, CheckpointError> {
        let weight = self.take(&format!("{name}.weight"), &[input, output])?;
        let bias = self.take(&format!("{name}.bias"), &[output])?;
        Ok(Dense::turned(weight, bias, self.device).adding_to(self.reads(&[name], true)))
    }

    /// A linear layer whose output is scaled by the vector `scale`: `y = scale * (weight x + bias)`.
    pub(crate) fn dense_scaled(
        &mut self,
        name: &str,
        scale: &str,
        input: usize,
        output: usize,
    ) -> Result<Dense, CheckpointError> {
        let mut weight = self.take(&format!("{name}.weight"), &[output, input])?;
        let mut bias = self.take(&format!("{name}.bias"), &[output])?;
        let scale = self.take(scale, &[output])?;
        for ((row, bias), scale) in weight.chunks_exact_mut(input).zip(&mut bias).zip(scale) {
            row.iter_mut().chain([bias]).for_each(|value| *value *= scale);
        }
        Ok(Dense::new(&weight, bias, self.device).adding_to(self.reads(&[name], false)))
    }

    /// Where the layer of the weights `NAME.weight`, of each of `names`, adds up what it reads: nowhere, unless the checkpoint
    /// is watched. `turned` are weights `[input, output]`.
    pub(crate) fn reads(&self, names: &[&str], turned: bool) -> Option<Reads> {
        let keys = names.iter().map(|name| format!("{}{name}.weight", self.prefix));
        Some(self.checkpoint.watched_by()?.reads(keys, turned))
    }

    /// A 1 x 1 convolution without bias and its batch normalisation: a linear layer over pixels.
    pub(crate) fn pixelwise(
        &mut self,
        keys: [&str; 2],
        input: usize,
        output: usize,
        epsilon: f64,
    ) -> Result<Dense, CheckpointError> {
        let (weight, bias) = self.folded(keys, &[output, input, 1, 1], epsilon)?;
        Ok(Dense::new(&weight, bias, self.device))
    }

    /// A convolution without bias, a filter a channel, and its batch normalisation.
    pub(crate) fn depthwise(
        &mut self,
        keys: [&str; 2],
        channels: usize,
        window: Window,
        epsilon: f64,
    ) -> Result<Convolution, CheckpointError> {
        self.convolution(keys, 1, channels, window, epsilon)
    }

    /// A convolution without bias and its batch normalisation.
    pub(crate) fn convolution(
        &mut self,
        keys: [&str; 2],
        input: usize,
        output: usize,
        window: Window,
        epsilon: f64,
    ) -> Result<Convolution, CheckpointError> {
        let (weight, bias) = self.folded(keys, &[output, input, window.kernel, window.kernel], epsilon)?;
        Ok(Convolution::new(&weight, bias, window, self.device))
    }

    /// Weight and bias of the convolution `conv`, the batch normalisation `norm` folded in.
    fn folded(
        &mut self,
        [conv, norm]: [&str; 2],
        shape: &[usize; 4],
        epsilon: f64,
    ) -> Result<(Vec<f32>, Vec<f32>), CheckpointError> {
        take_folded(&mut |name, shape| self.take(name, shape), conv, shape, norm, epsilon)
    }

    /// A layer normalisation.
    pub(crate) fn norm(&mut self, name: &str, width: usize, epsilon: f32) -> Result<RowNorm, CheckpointError> {
        let gamma = self.take(&format!("{name}.weight"), &[width])?;
        let beta = self.take(&format!("{name}.bias"), &[width])?;
        Ok(RowNorm::new(gamma, beta, epsilon, self.device))
    }
}
