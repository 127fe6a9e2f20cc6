//! Half precision on devices that compute in it: half of the memory and traffic, about three digits.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, FloatDType, Tensor};

/// In what a network's weights and activations are kept on a Burn device. Its outputs are `f32` either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Half precision. Sums that a half cannot hold (pooling, softmax, layer normalisation) are taken in `f32`.
    F16,
}

impl Precision {
    /// `module` with its weights in this precision.
    pub(crate) fn of<M: Module>(self, module: M) -> M {
        let dtype = match self {
            Self::F32 => FloatDType::F32,
            Self::F16 => FloatDType::F16,
        };
        module.map(&mut Cast(dtype))
    }
}

/// Whether `device` computes in half precision: an adapter with `shader-f16`, and kernels for it.
pub fn supports_f16(device: &Device) -> bool {
    device.supports_dtype(DType::F16)
}

/// In what `device` computes transformers fastest: [`Precision::F16`] where it has tensor cores for it, which sum in f32
/// (NVIDIA GPUs through CUDA, and through Vulkan with this crate's feature `vulkan`).
pub fn fastest(device: &Device) -> Precision {
    if crate::fused::tensor_cores(device) { Precision::F16 } else { Precision::F32 }
}

struct Cast(FloatDType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(self.0))
    }
}
