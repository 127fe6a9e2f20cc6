//! What stands behind a sum: a clamp, which is part of every kernel, and a curve, which is bent into what was written while
//! it is still in the cache.

use std::hint::black_box;

use super::lanes::{LANES, Lanes};
use super::math::{gelu, gelu_tanh, hard_sigmoid, sigmoid, silu};
pub(crate) use crate::fused::Activation;

impl Activation {
    /// The clamp: all of it, or no bounds where there is a curve.
    pub(crate) fn limits(self) -> (f32, f32) {
        match self {
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// Whether it is more than a clamp.
    pub(crate) fn is_curved(self) -> bool {
        !matches!(self, Self::Identity | Self::Relu | Self::Relu6)
    }

    /// The curve.
    #[inline(always)]
    pub(crate) fn bend<const FMA: bool>(self, values: &mut [Lanes]) {
        // Not a function that takes closures: those are not always inlined, and then compiled for any processor.
        macro_rules! each {
            ($x:ident: $value:expr) => {
                for at in 0..values.len() {
                    // Otherwise the compiler gathers the same lane of many values for a register.
                    let lanes = &mut values[black_box(at)];
                    for l in 0..LANES {
                        let $x = lanes.0[l];
                        lanes.0[l] = $value;
                    }
                }
            };
        }
        match self {
            Self::Identity | Self::Relu | Self::Relu6 => {}
            Self::Gelu => each!(x: gelu::<FMA>(x)),
            Self::GeluTanh => each!(x: gelu_tanh::<FMA>(x)),
            Self::QuickGelu => each!(x: x * sigmoid::<FMA>(1.702 * x)),
            Self::Tanh => each!(x: 2.0 * sigmoid::<FMA>(2.0 * x) - 1.0),
            Self::Sigmoid => each!(x: sigmoid::<FMA>(x)),
            Self::Silu => each!(x: silu::<FMA>(x)),
            Self::HardSigmoid => each!(x: hard_sigmoid(x)),
            Self::HardSwish => each!(x: x * hard_sigmoid(x)),
        }
    }
}
