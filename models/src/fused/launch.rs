//! The fused layers as operations of Burn's backend, so that its dispatch and (natively) its fusion carry them.

#![expect(unsafe_code, reason = "a launch without bounds checks; each says what keeps its reads and writes inside")]

use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::backend::{Backend, backend_extension};
use burn::cubecl::client::Client;
use burn::cubecl::prelude::*;
use burn::cubecl::std::tensor::into_contiguous;
use burn::tensor::Shape;

use super::kernels::{self, Activation, ExtentsLaunch};
use super::products::dense;
#[cfg(not(target_arch = "wasm32"))]
use super::tensor_cores;
use super::window::Window;

/// Values that a thread reads at once.
pub(super) const VECTOR: usize = 4;
/// Columns that one thread of a convolution makes.
const COLUMNS: usize = 4;
/// Threads of a workgroup that share a row of weights, and rows of threads in it.
pub(super) const GROUP: (u32, u32) = (8, 8);
/// Threads that share a row in the kernels that reduce one.
pub(super) const REDUCERS: u32 = 32;
/// Planes of [`REDUCERS`] threads in a workgroup of those that reduce a row by planes.
#[cfg(not(target_arch = "wasm32"))]
pub(super) const PLANES: u32 = 4;
/// Threads that share a row of a vocabulary's logits.
const SEARCHERS: u32 = 128;
/// Groups in one dimension of a dispatch; WebGPU allows 65,535.
const GROUPS: u32 = 32_768;

/// What fusion must know before the product is run; in a browser there is none.
#[cfg(not(target_arch = "wasm32"))]
fn product_shape(x: &Shape, weight: &Shape) -> Shape {
    Shape::new([x[0], weight[1]])
}

/// Layers that are one dispatch each.
#[backend_extension(Cube, Fusion: cfg(not(target_arch = "wasm32")))]
pub(crate) trait FusedLayers: Backend {
    /// `activation(x · weight + bias)`.
    #[fusion(dtype = x, shape = product_shape(x, weight))]
    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// `x · weight + bias + residual`.
    #[fusion(dtype = x, shape = product_shape(x, weight))]
    fn dense_onto(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// A depthwise convolution and activation; `x` `[n, h, w, c]`, `weight` `[kernel * kernel, c]`.
    #[fusion(dtype = x, shape = window.shape(x, bias))]
    fn depthwise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// A convolution of three channels and activation; `x` `[n, h, w, 3]`, `weight` `[kernel * kernel * 3, out]`.
    #[fusion(dtype = x, shape = window.shape(x, bias))]
    fn stem(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// A convolution and activation; `x` `[n, h, w, c]`, `weight` `[kernel * kernel * c, out]`.
    #[fusion(dtype = x, shape = window.shape(x, bias))]
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        window: Window,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// Layer normalisation of rows.
    #[fusion(dtype = x, shape = x)]
    fn normalize_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    /// Mean over each sentence's tokens, L2-normalised; `x` `[n * tokens, width]`, `lengths` `[n]`.
    #[fusion(dtype = x, shape = Shape::new([lengths[0], x[1]]))]
    fn pool_rows(x: FloatTensor<Self>, lengths: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The column of each row's largest value, and that value: `[rows, 2]`.
    #[fusion(dtype = x, shape = Shape::new([x[0], 2]))]
    fn largest_of_rows(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Rows in their order without gaps between them, as the kernels read. (`CubeTensor::copy` keeps the order that a turned
/// tensor has in memory.)
pub(super) fn packed(tensor: CubeTensor) -> CubeTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    let (client, device, dtype, element) =
        (tensor.client.clone(), tensor.device.clone(), tensor.dtype, element(&tensor));
    let packed = into_contiguous(&client, tensor.binding(), element);
    CubeTensor::new(client, packed.handle, *packed.metadata, device, dtype)
}

pub(super) fn output(like: &CubeTensor, shape: Shape) -> CubeTensor {
    let handle = like.client.empty(shape.num_elements() * like.dtype.size());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, like.dtype)
}

pub(super) fn element(tensor: &CubeTensor) -> ElemType {
    burn::backend::cubecl::dtype_to_storage_type(tensor.dtype)
}

/// Workgroups for `rows` in the second dimension, spilling into the third.
pub(super) fn groups(columns: u32, rows: u32) -> CubeCount {
    CubeCount::Static(columns, rows.min(GROUPS), rows.div_ceil(GROUPS))
}

/// Planes of [`REDUCERS`] threads in a workgroup that reduces a row by each, where planes are as wide; otherwise 1.
#[cfg(not(target_arch = "wasm32"))]
fn planes(client: &Client, element: ElemType) -> u32 {
    if tensor_cores::available(client, element) { PLANES } else { 1 }
}

/// The same in a browser.
#[cfg(target_arch = "wasm32")]
fn planes(_: &Client, _: ElemType) -> u32 {
    1
}

/// Workgroups of [`GROUP`] threads.
pub(super) fn grid(columns: usize, rows: usize) -> (CubeCount, CubeDim) {
    let (x, y) = GROUP;
    (groups((columns as u32).div_ceil(x), (rows as u32).div_ceil(y)), CubeDim::new_2d(x, y))
}

/// The output, its extents and the threads of a convolution.
fn convolution(x: &CubeTensor, channels: usize, window: Window) -> (CubeTensor, ExtentsLaunch, CubeCount, CubeDim) {
    let shape = x.meta.shape();
    let (pictures, height, width) = (shape[0], shape[1], shape[2]);
    let (out_height, out_width) = (window.output(height), window.output(width));
    let out = output(x, Shape::new([pictures, out_height, out_width, channels]));
    let (count, dim) = grid(channels / VECTOR, pictures * out_height * out_width.div_ceil(COLUMNS));
    let (top, left) = (window.padding(height).0, window.padding(width).0);
    let extents = ExtentsLaunch::new(pictures, height, width, out_height, out_width, top, left, channels / VECTOR);
    (out, extents, count, dim)
}

impl FusedLayers for CubeBackend {
    fn dense(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, activation: Activation) -> CubeTensor {
        dense(x, weight, bias, None, activation)
    }

    fn dense_onto(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, residual: CubeTensor) -> CubeTensor {
        dense(x, weight, bias, Some(residual), Activation::Identity)
    }

    fn depthwise(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, window: Window, then: Activation) -> CubeTensor {
        let (x, weight, bias) = (packed(x), packed(weight), packed(bias));
        let (out, extents, count, dim) = convolution(&x, bias.meta.shape()[0], window);
        let (client, element) = (x.client.clone(), element(&x));
        // SAFETY: `convolution` takes the extents from the shapes of the arguments.
        unsafe {
            kernels::depthwise::launch_unchecked(
                &client,
                count,
                dim,
                VECTOR,
                x.into_buffer_arg(),
                weight.into_buffer_arg(),
                bias.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                extents,
                window.kernel,
                window.stride,
                COLUMNS,
                then,
                element,
            );
        }
        out
    }

    fn stem(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, window: Window, then: Activation) -> CubeTensor {
        let (x, weight, bias) = (packed(x), packed(weight), packed(bias));
        let (out, extents, count, dim) = convolution(&x, bias.meta.shape()[0], window);
        let (client, element) = (x.client.clone(), element(&x));
        // SAFETY: `convolution` takes the extents from the shapes of the arguments.
        unsafe {
            kernels::stem::launch_unchecked(
                &client,
                count,
                dim,
                VECTOR,
                x.into_buffer_arg(),
                weight.into_buffer_arg(),
                bias.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                extents,
                window.kernel,
                window.stride,
                COLUMNS,
                then,
                element,
            );
        }
        out
    }

    fn convolution(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        window: Window,
        then: Activation,
    ) -> CubeTensor {
        let (x, weight, bias) = (packed(x), packed(weight), packed(bias));
        let depth = x.meta.shape()[3] / VECTOR;
        let (out, extents, count, dim) = convolution(&x, bias.meta.shape()[0], window);
        let (client, element) = (x.client.clone(), element(&x));
        // SAFETY: `convolution` takes the extents from the shapes of the arguments, of which the kernel reads pixels of
        // `depth` and `kernel * kernel * depth` rows of weights.
        unsafe {
            kernels::convolution::launch_unchecked(
                &client,
                count,
                dim,
                VECTOR,
                x.into_buffer_arg(),
                weight.into_buffer_arg(),
                bias.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                extents,
                depth,
                window.kernel,
                window.stride,
                COLUMNS,
                then,
                element,
            );
        }
        out
    }

    fn normalize_rows(x: CubeTensor, gamma: CubeTensor, beta: CubeTensor, epsilon: f32) -> CubeTensor {
        let (x, gamma, beta) = (packed(x), packed(gamma), packed(beta));
        let (rows, width) = (x.meta.shape()[0], x.meta.shape()[1]);
        let out = output(&x, Shape::new([rows, width]));
        let (client, element) = (x.client.clone(), element(&x));
        let planes = planes(&client, element);
        // SAFETY: the kernel reads and writes `rows * width` values.
        unsafe {
            kernels::normalize_rows::launch_unchecked(
                &client,
                groups(1, (rows as u32).div_ceil(planes)),
                CubeDim::new_2d(REDUCERS, planes),
                VECTOR,
                x.into_buffer_arg(),
                gamma.into_buffer_arg(),
                beta.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                rows,
                width / VECTOR,
                epsilon,
                REDUCERS as usize,
                planes > 1,
                element,
            );
        }
        out
    }

    fn pool_rows(x: CubeTensor, lengths: CubeTensor) -> CubeTensor {
        let (x, lengths) = (packed(x), packed(lengths));
        let (sentences, width) = (lengths.meta.shape()[0], x.meta.shape()[1]);
        let tokens = x.meta.shape()[0] / sentences;
        let out = output(&x, Shape::new([sentences, width]));
        let (client, element) = (x.client.clone(), element(&x));
        // SAFETY: the kernel reads `sentences * tokens * width` values, and a length a sentence, no longer than
        // `tokens`; it writes `sentences * width` values.
        unsafe {
            kernels::pool_rows::launch_unchecked(
                &client,
                groups(1, sentences as u32),
                CubeDim::new_1d(REDUCERS),
                VECTOR,
                x.into_buffer_arg(),
                lengths.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                sentences,
                tokens,
                width / VECTOR,
                REDUCERS as usize,
                (width / VECTOR).div_ceil(REDUCERS as usize),
                element,
            );
        }
        out
    }

    fn largest_of_rows(x: CubeTensor) -> CubeTensor {
        let x = packed(x);
        let (rows, width) = (x.meta.shape()[0], x.meta.shape()[1]);
        let out = output(&x, Shape::new([rows, 2]));
        let (client, element) = (x.client.clone(), element(&x));
        // SAFETY: the kernel reads `rows * width` values and writes two a row.
        unsafe {
            kernels::largest_of_rows::launch_unchecked(
                &client,
                groups(1, rows as u32),
                CubeDim::new_1d(SEARCHERS),
                x.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                rows,
                width,
                SEARCHERS as usize,
                element,
            );
        }
        out
    }
}
