//! Layers with what follows them (bias, activation, residual) in one step; the networks on a Burn device are made of
//! these.
//!
//! On a GPU (wgpu, CUDA) a layer is one dispatch of gistmap's own kernels ([`kernels`]). Burn's own need a bias, a
//! clamp and a sum as three further passes over memory in a browser, where nothing fuses them, its untuned
//! convolution and product make four outputs a thread, and its tuned ones are tuned for minutes. In half precision,
//! layers and self-attention run on tensor cores where there are any ([`tensor_cores`]). On flex, where products are Burn's, all else is
//! one pass by kernels of the processor ([`host`]). What neither serves (half precision on flex, convolutions there) is
//! composed of Burn's operations.
//!
//! Pictures are `[n, height, width, channels]`, sentences `[n * tokens, width]`.

mod attention;
#[cfg(not(target_arch = "wasm32"))]
mod host;
mod kernels;
mod launch;
mod products;
#[cfg(not(target_arch = "wasm32"))]
mod tensor_cores;
#[cfg(not(target_arch = "wasm32"))]
mod trial;
mod unfold;
mod window;

use burn::backend::{Dispatch, DispatchDevice};
use burn::module::{Module, Param};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData, activation};

use crate::calibration::Reads;
pub(crate) use attention::{Heads, Lengths, Pairs, attention, cross_attention};
pub(crate) use kernels::Activation;
use launch::FusedLayers;
#[cfg(target_arch = "wasm32")]
pub use products::adapter_is_a_gpu;
pub(crate) use unfold::{Cut, unfold};
pub(crate) use window::{Padding, Window};

fn own_kernels(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::Cube(_))
}

/// Whether `device` has tensor cores for products in half precision, and the kernels around them give what the processor
/// gives.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn tensor_cores(device: &Device) -> bool {
    use burn::cubecl::prelude::Scalar;
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => {
            tensor_cores::available(&cube.client(), half::f16::elem_type_native()) && trial::remembered(device)
        }
        _ => false,
    }
}

/// The same in a browser, where WebGPU knows of none.
#[cfg(target_arch = "wasm32")]
pub(crate) fn tensor_cores(_: &Device) -> bool {
    false
}

fn parameter<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

/// `rows` rows of `columns` values, turned; by squares that stay in the cache.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const SIDE: usize = 32;
    let mut turned = vec![0.0; rows * columns];
    for (top, left) in
        (0..rows.div_ceil(SIDE)).flat_map(|y| (0..columns.div_ceil(SIDE)).map(move |x| (y * SIDE, x * SIDE)))
    {
        for row in top..rows.min(top + SIDE) {
            for column in left..columns.min(left + SIDE) {
                turned[column * rows + row] = values[row * columns + column];
            }
        }
    }
    turned
}

/// An activation made of Burn's operations.
fn activate<const D: usize>(x: Tensor<D>, then: Activation) -> Tensor<D> {
    match then {
        Activation::Identity => x,
        Activation::Relu => activation::relu(x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Gelu => activation::gelu(x),
        Activation::GeluTanh => activation::gelu_approximate(x),
        Activation::QuickGelu => x.clone() * activation::sigmoid(x.mul_scalar(1.702)),
        Activation::Tanh => activation::tanh(x),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Silu => activation::silu(x),
        Activation::HardSigmoid => x.add_scalar(3.0).clamp(0.0, 6.0).div_scalar(6.0),
        Activation::HardSwish => x.clone() * x.add_scalar(3.0).clamp(0.0, 6.0).div_scalar(6.0),
    }
}

/// A linear layer or 1 x 1 convolution; inputs and outputs are multiples of four.
#[derive(Module, Debug)]
pub(crate) struct Dense {
    /// `[input, output]`.
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    /// Where it adds up what it reads, of a watched checkpoint.
    #[module(skip)]
    reads: Option<Reads>,
}

impl Dense {
    /// From PyTorch's `[output, input]`.
    pub(crate) fn new(weight: &[f32], bias: Vec<f32>, device: &Device) -> Self {
        let (output, input) = (bias.len(), weight.len() / bias.len());
        Self::turned(transposed(weight, output, input), bias, device)
    }

    /// From `[input, output]`.
    pub(crate) fn turned(weight: Vec<f32>, bias: Vec<f32>, device: &Device) -> Self {
        let (output, input) = (bias.len(), weight.len() / bias.len());
        let (weight, bias) = (parameter(weight, [input, output], device), parameter(bias, [output], device));
        Self { weight, bias, reads: None }
    }

    /// The same, adding up what it reads.
    pub(crate) fn adding_to(self, reads: Option<Reads>) -> Self {
        Self { reads, ..self }
    }

    /// `activation(x · weight + bias)`; `x` `[rows, input]`.
    pub(crate) fn forward(&self, x: Tensor<2>, then: Activation) -> Tensor<2> {
        self.reads.iter().for_each(|reads| reads.add(&x));
        if own_kernels(&x.device()) {
            let (weight, bias) = (self.weight.val().into_dispatch(), self.bias.val().into_dispatch());
            return Tensor::from_dispatch(Dispatch::dense(x.into_dispatch(), weight, bias, then));
        }
        let product = x.matmul(self.weight.val());
        #[cfg(not(target_arch = "wasm32"))]
        if host::serves(&product) {
            return host::follow(product, self.bias.val(), then);
        }
        activate(product + self.bias.val().unsqueeze(), then)
    }

    /// `x · weight + bias + residual`.
    pub(crate) fn forward_onto(&self, x: Tensor<2>, residual: Tensor<2>) -> Tensor<2> {
        self.reads.iter().for_each(|reads| reads.add(&x));
        if own_kernels(&x.device()) {
            let (weight, bias) = (self.weight.val().into_dispatch(), self.bias.val().into_dispatch());
            let sum = Dispatch::dense_onto(x.into_dispatch(), weight, bias, residual.into_dispatch());
            return Tensor::from_dispatch(sum);
        }
        let product = x.matmul(self.weight.val());
        #[cfg(not(target_arch = "wasm32"))]
        if host::serves(&product) {
            return host::follow_onto(product, self.bias.val(), residual);
        }
        product + self.bias.val().unsqueeze() + residual
    }

    /// Columns of the weight as rows: the embedding that a tied layer of logits is, `[columns, input]`.
    pub(crate) fn columns(&self, columns: Tensor<1, Int>) -> Tensor<2> {
        let n = columns.dims()[0];
        let chosen = self.weight.val().select(1, columns);
        // Turned, a single column gave wrong rows on wgpu (ViT-GPT2's logits, once one sequence was left).
        if n == 1 { chosen.reshape([1, -1]) } else { chosen.transpose() }
    }

    /// Where its weights are.
    pub(crate) fn device(&self) -> Device {
        self.weight.device()
    }

    /// In what its weights are kept.
    pub(crate) fn precision(&self) -> FloatDType {
        FloatDType::from(self.weight.dtype())
    }
}

/// A spatial convolution: depthwise, of three input channels, or of a multiple of four. Outputs are one, too.
#[derive(Module, Debug)]
pub(crate) struct Convolution {
    /// `[kernel * kernel * input, output]`, `input` being 1 for a depthwise one.
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    window: Window,
}

impl Convolution {
    /// From PyTorch's `[output, input, kernel, kernel]`, `input` being 1 of a depthwise one.
    pub(crate) fn new(weight: &[f32], bias: Vec<f32>, window: Window, device: &Device) -> Self {
        let output = bias.len();
        let taps = window.kernel * window.kernel;
        let input = weight.len() / output / taps;
        // To [kernel, kernel, input, output].
        let turned = (0..weight.len()).map(|i| {
            let (o, c, tap) = (i % output, i / output % input, i / output / input);
            weight[(o * input + c) * taps + tap]
        });
        let weight = parameter(turned.collect(), [taps * input, output], device);
        Self { weight, bias: parameter(bias, [output], device), window }
    }

    /// In what its weights are kept.
    pub(crate) fn precision(&self) -> FloatDType {
        FloatDType::from(self.weight.dtype())
    }

    /// Where its weights are.
    pub(crate) fn device(&self) -> Device {
        self.weight.device()
    }

    /// `[n, h, w, c]` to `[n, h / stride, w / stride, output]`.
    pub(crate) fn forward(&self, x: Tensor<4>, then: Activation) -> Tensor<4> {
        let [kernel, output] = [self.window.kernel, self.bias.dims()[0]];
        let input = self.weight.dims()[0] / kernel / kernel;
        if own_kernels(&x.device()) {
            let (weight, bias) = (self.weight.val().into_dispatch(), self.bias.val().into_dispatch());
            let run = match input {
                1 => Dispatch::depthwise,
                3 => Dispatch::stem,
                _ => Dispatch::convolution,
            };
            return Tensor::from_dispatch(run(x.into_dispatch(), weight, bias, self.window, then));
        }
        let [_, height, width, _] = x.dims();
        let (mut x, mut even) = (x.permute([0, 3, 1, 2]), kernel / 2);
        if self.window.padding == Padding::Same {
            let ((top, bottom), (left, right)) = (self.window.padding(height), self.window.padding(width));
            (x, even) = (x.pad((left, right, top, bottom), 0.0), 0);
        }
        let weight = self.weight.val().reshape([kernel, kernel, input, output]).permute([3, 2, 0, 1]);
        let groups = if input == 1 { output } else { 1 };
        let stride = [self.window.stride; 2];
        let y = conv2d(x, weight, Some(self.bias.val()), ConvOptions::new(stride, [even; 2], [1, 1], groups));
        activate(y, then).permute([0, 2, 3, 1])
    }
}

/// Layer normalisation of rows.
#[derive(Module, Debug)]
pub(crate) struct RowNorm {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f32,
}

impl RowNorm {
    pub(crate) fn new(gamma: Vec<f32>, beta: Vec<f32>, epsilon: f32, device: &Device) -> Self {
        let width = [gamma.len()];
        Self { gamma: parameter(gamma, width, device), beta: parameter(beta, width, device), epsilon }
    }

    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        if own_kernels(&x.device()) {
            let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
            return Tensor::from_dispatch(Dispatch::normalize_rows(x.into_dispatch(), gamma, beta, self.epsilon));
        }
        #[cfg(not(target_arch = "wasm32"))]
        if host::serves(&x) {
            return host::normalize(x, gamma, beta, self.epsilon);
        }
        // As in the kernels, sums are taken in f32 whatever the element type.
        let precision = FloatDType::from(x.dtype());
        let x = x.cast(FloatDType::F32);
        let difference = x.clone() - x.mean_dim(1);
        let variance = difference.clone().powi_scalar(2).mean_dim(1);
        let normal = difference / variance.add_scalar(self.epsilon).sqrt();
        normal.cast(precision) * gamma.unsqueeze() + beta.unsqueeze()
    }
}

/// The mean over each sentence's tokens, L2-normalised; `x` `[n * tokens, width]`, `lengths` `[n]`.
pub(crate) fn pool_rows(x: Tensor<2>, lengths: Tensor<1>) -> Tensor<2> {
    if own_kernels(&x.device()) {
        return Tensor::from_dispatch(Dispatch::pool_rows(x.into_dispatch(), lengths.into_dispatch()));
    }
    let [n] = lengths.dims();
    let [rows, width] = x.dims();
    let mask = attention::mask(&lengths, rows / n).reshape([n, rows / n, 1]);
    let sum = (x.reshape([n, rows / n, width]) * mask).sum_dim(1).reshape([n, width]);
    let mean = sum / lengths.reshape([n, 1]);
    let norm = mean.clone().powi_scalar(2).sum_dim(1).sqrt();
    mean / norm.clamp_min(1e-12)
}

/// The column of the first of each row's largest values, and that value; `x` `[rows, columns]` in f32, fewer than 2^24
/// columns, to `[rows, 2]`.
pub(crate) fn largest_of_rows(x: Tensor<2>) -> Tensor<2> {
    if own_kernels(&x.device()) {
        return Tensor::from_dispatch(Dispatch::largest_of_rows(x.into_dispatch()));
    }
    let columns = x.clone().argmax(1);
    let values = x.gather(1, columns.clone());
    Tensor::cat(vec![columns.float().cast(FloatDType::F32), values], 1)
}

#[cfg(test)]
mod tests;
