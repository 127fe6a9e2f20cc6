//! The kernels of the fused layers, in CubeCL: WGSL in a browser, SPIR-V or MSL elsewhere. [`launch`](super::launch) runs them.
//!
//! All matrices are row-major and read four values at a time; the channels of a picture are innermost (NHWC).
//! Sums are kept in f32 registers whatever the element type is. Shared memory only joins what threads reduced: a register
//! tile reads each weight once for several rows, neighbouring threads read neighbouring columns, and the rest is left to
//! the caches. That suits GPUs of every maker without tuning (Burn's autotune gives wrong results in browsers), and does
//! not collapse on software adapters, where barriers in loops cost more than the arithmetic that they save. Only what tensor
//! cores multiply ([`tiles`]) is brought to shared memory first.

mod convolutions;
mod products;
mod rows;
#[cfg(not(target_arch = "wasm32"))]
pub(super) mod tiles;

use burn::cubecl;
use burn::cubecl::prelude::*;

pub(super) use convolutions::{ExtentsLaunch, convolution, depthwise, stem};
pub(super) use products::dense;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use products::finish;
pub(super) use rows::{largest_of_rows, normalize_rows, pool_rows};

/// What happens to a sum before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Activation {
    /// Nothing.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x / 2 * (1 + erf(x / sqrt(2)))`.
    Gelu,
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`, GPT-2's approximation of [`Activation::Gelu`].
    GeluTanh,
    /// `x * sigmoid(1.702 x)`, CLIP's.
    QuickGelu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`.
    HardSwish,
}

/// `1 / (1 + exp(-x))`; `exp` is kept from overflowing, which WGSL leaves undefined.
#[cube]
fn sigmoid<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::new(1.0f32);
    one / (one + (Vector::new(0.0f32) - x).min(Vector::new(80.0f32)).exp())
}

#[cube]
fn hard_sigmoid<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    (x + Vector::new(3.0f32)).max(Vector::new(0.0f32)).min(Vector::new(6.0f32)) / Vector::new(6.0f32)
}

#[cube]
fn activate<N: Size>(x: Vector<f32, N>, #[comptime] activation: Activation) -> Vector<f32, N> {
    match comptime!(activation) {
        Activation::Identity => x,
        Activation::Relu => x.max(Vector::new(0.0f32)),
        Activation::Relu6 => x.max(Vector::new(0.0f32)).min(Vector::new(6.0f32)),
        Activation::Gelu => x * Vector::new(0.5f32) * (Vector::new(1.0f32) + (x * Vector::new(0.707_106_77f32)).erf()),
        // Both by (1 + tanh(u)) / 2 = sigmoid(2 u).
        Activation::GeluTanh => {
            let cubed = x * x * x * Vector::new(0.044_715f32);
            x * sigmoid::<N>((x + cubed) * Vector::new(1.595_769_f32))
        }
        Activation::QuickGelu => x * sigmoid::<N>(x * Vector::new(1.702f32)),
        Activation::Tanh => sigmoid::<N>(x * Vector::new(2.0f32)) * Vector::new(2.0f32) - Vector::new(1.0f32),
        Activation::Sigmoid => sigmoid::<N>(x),
        Activation::Silu => x * sigmoid::<N>(x),
        Activation::HardSigmoid => hard_sigmoid::<N>(x),
        Activation::HardSwish => x * hard_sigmoid::<N>(x),
    }
}

/// The sum of a vector's four values.
#[cube]
pub(super) fn horizontal<N: Size>(v: Vector<f32, N>) -> f32 {
    v.extract(0usize) + v.extract(1usize) + v.extract(2usize) + v.extract(3usize)
}
