//! The kernels of the fused layers, in CubeCL: WGSL in a browser, SPIR-V or MSL elsewhere. `launch` runs them.
//!
//! All matrices are row-major and read four values at a time; the channels of a picture are innermost (NHWC).
//! Sums are kept in f32 registers whatever the element type is. Only `normalize_rows` and `pool_rows` use shared
//! memory: a register tile reads each weight once for several rows, neighbouring threads read neighbouring columns,
//! and the rest is left to the caches. That suits GPUs of every maker without tuning (Burn's autotune gives wrong
//! results in browsers), and does not collapse on software adapters, where a barrier costs more than the
//! arithmetic that it saves.
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

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

/// `out = activation(x · weight + bias)`, plus `residual` where there is one.
///
/// One thread makes four columns of `tile` rows: `tile + 4` reads for `16 * tile` products.
#[cube(launch_unchecked)]
pub(super) fn dense<F: Float, N: Size>(
    x: &[Vector<F, N>],
    weight: &[Vector<F, N>],
    bias: &[Vector<F, N>],
    residual: ComptimeOption<&[Vector<F, N>]>,
    out: &mut [Vector<F, N>],
    rows: usize,
    depth: usize,
    width: usize,
    #[comptime] tile: usize,
    #[comptime] activation: Activation,
    #[define(F)] _element: ElemType,
) {
    let column = ABSOLUTE_POS_X as usize;
    let first = ((CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) * CUBE_DIM_Y + UNIT_POS_Y) as usize * tile;
    if column >= width || first >= rows {
        terminate!();
    }
    let start = Vector::<f32, N>::cast_from(bias[column]);
    let mut sums = Array::<Vector<f32, N>>::new(tile);
    let mut starts = Array::<usize>::new(tile);
    #[unroll]
    for i in 0..tile {
        sums[i] = start;
        // Rows past the end repeat the last one; they are not written.
        starts[i] = min(first + i, rows - 1) * depth;
    }
    for k in 0..depth {
        let at = k * 4 * width + column;
        let w0 = Vector::<f32, N>::cast_from(weight[at]);
        let w1 = Vector::<f32, N>::cast_from(weight[at + width]);
        let w2 = Vector::<f32, N>::cast_from(weight[at + 2 * width]);
        let w3 = Vector::<f32, N>::cast_from(weight[at + 3 * width]);
        #[unroll]
        for i in 0..tile {
            let v = Vector::<f32, N>::cast_from(x[starts[i] + k]);
            sums[i] += Vector::new(v.extract(0usize)) * w0
                + Vector::new(v.extract(1usize)) * w1
                + Vector::new(v.extract(2usize)) * w2
                + Vector::new(v.extract(3usize)) * w3;
        }
    }
    #[unroll]
    for i in 0..tile {
        if first + i < rows {
            let at = (first + i) * width + column;
            let mut y = activate::<N>(sums[i], activation);
            #[comptime]
            if let ComptimeOption::Some(residual) = residual {
                y += Vector::<f32, N>::cast_from(residual[at]);
            }
            out[at] = Vector::cast_from(y);
        }
    }
}

/// The same as [`dense`] for few rows: the depth, too, is shared among threads, of which `slices` make the same values.
#[cfg(not(target_arch = "wasm32"))]
#[cube(launch_unchecked)]
pub(super) fn dense_of_few<F: Float, N: Size>(
    x: &[Vector<F, N>],
    weight: &[Vector<F, N>],
    bias: &[Vector<F, N>],
    residual: ComptimeOption<&[Vector<F, N>]>,
    out: &mut [Vector<F, N>],
    rows: usize,
    depth: usize,
    width: usize,
    #[comptime] tile: usize,
    #[comptime] columns: usize,
    #[comptime] slices: usize,
    #[comptime] activation: Activation,
    #[define(F)] _element: ElemType,
) {
    let own = UNIT_POS_X as usize;
    let slice = UNIT_POS_Y as usize;
    let column = CUBE_POS_X as usize * columns + own;
    // Columns past the end repeat the last one; they are not written.
    let read = min(column, width - 1);
    let first = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize * tile;
    let mut sums = Array::<Vector<f32, N>>::new(tile);
    let mut starts = Array::<usize>::new(tile);
    #[unroll]
    for i in 0..tile {
        sums[i] = Vector::new(0.0f32);
        starts[i] = min(first + i, rows - 1) * depth;
    }
    for k in range_stepped(slice, depth, slices) {
        let at = k * 4 * width + read;
        let w0 = Vector::<f32, N>::cast_from(weight[at]);
        let w1 = Vector::<f32, N>::cast_from(weight[at + width]);
        let w2 = Vector::<f32, N>::cast_from(weight[at + 2 * width]);
        let w3 = Vector::<f32, N>::cast_from(weight[at + 3 * width]);
        #[unroll]
        for i in 0..tile {
            let v = Vector::<f32, N>::cast_from(x[starts[i] + k]);
            sums[i] += Vector::new(v.extract(0usize)) * w0
                + Vector::new(v.extract(1usize)) * w1
                + Vector::new(v.extract(2usize)) * w2
                + Vector::new(v.extract(3usize)) * w3;
        }
    }
    let mut parts = Shared::<[Vector<f32, N>]>::new_slice(comptime!(slices * columns * tile));
    #[unroll]
    for i in 0..tile {
        parts[(slice * tile + i) * columns + own] = sums[i];
    }
    sync_cube();
    // One slice of threads a row.
    if slice < tile && column < width && first + slice < rows {
        let mut sum = Vector::<f32, N>::cast_from(bias[column]);
        for i in 0..slices {
            sum += parts[(i * tile + slice) * columns + own];
        }
        let mut y = activate::<N>(sum, activation);
        let at = (first + slice) * width + column;
        #[comptime]
        if let ComptimeOption::Some(residual) = residual {
            y += Vector::<f32, N>::cast_from(residual[at]);
        }
        out[at] = Vector::cast_from(y);
    }
}

/// `out = activation(x + bias)`, plus `residual` where there is one: what follows a product made elsewhere.
#[cfg(not(target_arch = "wasm32"))]
#[cube(launch_unchecked)]
pub(super) fn finish<F: Float, N: Size>(
    x: &[Vector<F, N>],
    bias: &[Vector<F, N>],
    residual: ComptimeOption<&[Vector<F, N>]>,
    out: &mut [Vector<F, N>],
    vectors: usize,
    width: usize,
    #[comptime] activation: Activation,
    #[define(F)] _element: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= vectors {
        terminate!();
    }
    let sum = Vector::<f32, N>::cast_from(x[at]) + Vector::<f32, N>::cast_from(bias[at % width]);
    let mut y = activate::<N>(sum, activation);
    #[comptime]
    if let ComptimeOption::Some(residual) = residual {
        y += Vector::<f32, N>::cast_from(residual[at]);
    }
    out[at] = Vector::cast_from(y);
}

/// Extents of a convolution over `[n, height, width, channels]`.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(super) struct Extents {
    pub(super) pictures: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    /// Rows of zeros before the first.
    pub(super) top: usize,
    /// Columns of zeros before the first.
    pub(super) left: usize,
    /// Channels, or output channels, divided by four.
    pub(super) channels: usize,
}

/// A depthwise convolution, its bias and activation.
///
/// One thread makes four channels of `tile` neighbouring columns: a value that several of them need is read once.
#[cube(launch_unchecked)]
pub(super) fn depthwise<F: Float, N: Size>(
    x: &[Vector<F, N>],
    weight: &[Vector<F, N>],
    bias: &[Vector<F, N>],
    out: &mut [Vector<F, N>],
    extents: Extents,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] tile: usize,
    #[comptime] activation: Activation,
    #[define(F)] _element: ElemType,
) {
    let channel = ABSOLUTE_POS_X as usize;
    let strip = ((CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) * CUBE_DIM_Y + UNIT_POS_Y) as usize;
    let strips = extents.out_width.div_ceil(tile);
    if channel >= extents.channels || strip >= extents.pictures * extents.out_height * strips {
        terminate!();
    }
    let column = strip % strips * tile;
    let row = strip / strips % extents.out_height;
    let picture = strip / strips / extents.out_height;
    let start = Vector::<f32, N>::cast_from(bias[channel]);
    let mut sums = Array::<Vector<f32, N>>::new(tile);
    #[unroll]
    for i in 0..tile {
        sums[i] = start;
    }
    let zero = Vector::<f32, N>::new(0.0f32);
    for ky in 0..kernel {
        // Unsigned: what lies before the first row wraps round and is out of bounds as well.
        let y = row * stride + ky - extents.top;
        if y < extents.height {
            let line = (picture * extents.height + y) * extents.width;
            let mut taps = Array::<Vector<f32, N>>::new(kernel);
            #[unroll]
            for kx in 0..kernel {
                taps[kx] = Vector::cast_from(weight[(ky * kernel + kx) * extents.channels + channel]);
            }
            #[unroll]
            for j in 0..comptime!((tile - 1) * stride + kernel) {
                let at = column * stride + j - extents.left;
                let inside = at < extents.width;
                let read = x[(line + select(inside, at, 0usize)) * extents.channels + channel];
                let value = select(inside, Vector::<f32, N>::cast_from(read), zero);
                #[unroll]
                for i in 0..tile {
                    if comptime!(j >= i * stride && j < i * stride + kernel) {
                        sums[i] += value * taps[comptime!(j - i * stride)];
                    }
                }
            }
        }
    }
    let at = ((picture * extents.out_height + row) * extents.out_width + column) * extents.channels + channel;
    #[unroll]
    for i in 0..tile {
        if column + i < extents.out_width {
            out[at + i * extents.channels] = Vector::cast_from(activate::<N>(sums[i], activation));
        }
    }
}

/// A convolution of three input channels, its bias and activation: the first layer.
#[cube(launch_unchecked)]
pub(super) fn stem<F: Float, N: Size>(
    x: &[F],
    weight: &[Vector<F, N>],
    bias: &[Vector<F, N>],
    out: &mut [Vector<F, N>],
    extents: Extents,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] tile: usize,
    #[comptime] activation: Activation,
    #[define(F)] _element: ElemType,
) {
    let channel = ABSOLUTE_POS_X as usize;
    let strip = ((CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) * CUBE_DIM_Y + UNIT_POS_Y) as usize;
    let strips = extents.out_width.div_ceil(tile);
    if channel >= extents.channels || strip >= extents.pictures * extents.out_height * strips {
        terminate!();
    }
    let column = strip % strips * tile;
    let row = strip / strips % extents.out_height;
    let picture = strip / strips / extents.out_height;
    let start = Vector::<f32, N>::cast_from(bias[channel]);
    let mut sums = Array::<Vector<f32, N>>::new(tile);
    #[unroll]
    for i in 0..tile {
        sums[i] = start;
    }
    for ky in 0..kernel {
        let y = row * stride + ky - extents.top;
        if y < extents.height {
            let line = (picture * extents.height + y) * extents.width;
            #[unroll]
            for c in 0..3usize {
                let mut taps = Array::<Vector<f32, N>>::new(kernel);
                #[unroll]
                for kx in 0..kernel {
                    taps[kx] = Vector::cast_from(weight[((ky * kernel + kx) * 3 + c) * extents.channels + channel]);
                }
                #[unroll]
                for j in 0..comptime!((tile - 1) * stride + kernel) {
                    let at = column * stride + j - extents.left;
                    let inside = at < extents.width;
                    let read = f32::cast_from(x[(line + select(inside, at, 0usize)) * 3 + c]);
                    let value = Vector::<f32, N>::new(select(inside, read, 0.0f32));
                    #[unroll]
                    for i in 0..tile {
                        if comptime!(j >= i * stride && j < i * stride + kernel) {
                            sums[i] += value * taps[comptime!(j - i * stride)];
                        }
                    }
                }
            }
        }
    }
    let at = ((picture * extents.out_height + row) * extents.out_width + column) * extents.channels + channel;
    #[unroll]
    for i in 0..tile {
        if column + i < extents.out_width {
            out[at + i * extents.channels] = Vector::cast_from(activate::<N>(sums[i], activation));
        }
    }
}

/// A convolution of any number of input channels, its bias and activation.
///
/// As [`dense`], for each place of the window: one thread makes four channels of `tile` neighbouring columns.
#[cube(launch_unchecked)]
pub(super) fn convolution<F: Float, N: Size>(
    x: &[Vector<F, N>],
    weight: &[Vector<F, N>],
    bias: &[Vector<F, N>],
    out: &mut [Vector<F, N>],
    extents: Extents,
    depth: usize,
    #[comptime] kernel: usize,
    #[comptime] stride: usize,
    #[comptime] tile: usize,
    #[comptime] activation: Activation,
    #[define(F)] _element: ElemType,
) {
    let channel = ABSOLUTE_POS_X as usize;
    let strip = ((CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) * CUBE_DIM_Y + UNIT_POS_Y) as usize;
    let strips = extents.out_width.div_ceil(tile);
    if channel >= extents.channels || strip >= extents.pictures * extents.out_height * strips {
        terminate!();
    }
    let column = strip % strips * tile;
    let row = strip / strips % extents.out_height;
    let picture = strip / strips / extents.out_height;
    let start = Vector::<f32, N>::cast_from(bias[channel]);
    let mut sums = Array::<Vector<f32, N>>::new(tile);
    let mut starts = Array::<usize>::new(tile);
    // 1 where there is a pixel, 0 outside of the picture.
    let mut there = Array::<f32>::new(tile);
    #[unroll]
    for i in 0..tile {
        sums[i] = start;
    }
    for ky in 0..kernel {
        // Unsigned: what lies before the first row wraps round and is out of bounds as well.
        let y = row * stride + ky - extents.top;
        if y < extents.height {
            let line = (picture * extents.height + y) * extents.width;
            for kx in 0..kernel {
                #[unroll]
                for i in 0..tile {
                    let at = (column + i) * stride + kx - extents.left;
                    let inside = at < extents.width;
                    starts[i] = (line + select(inside, at, 0usize)) * depth;
                    there[i] = select(inside, 1.0f32, 0.0f32);
                }
                let tap = (ky * kernel + kx) * depth * 4 * extents.channels + channel;
                for k in 0..depth {
                    let at = tap + k * 4 * extents.channels;
                    let w0 = Vector::<f32, N>::cast_from(weight[at]);
                    let w1 = Vector::<f32, N>::cast_from(weight[at + extents.channels]);
                    let w2 = Vector::<f32, N>::cast_from(weight[at + 2 * extents.channels]);
                    let w3 = Vector::<f32, N>::cast_from(weight[at + 3 * extents.channels]);
                    #[unroll]
                    for i in 0..tile {
                        let v = Vector::<f32, N>::cast_from(x[starts[i] + k]) * Vector::new(there[i]);
                        sums[i] += Vector::new(v.extract(0usize)) * w0
                            + Vector::new(v.extract(1usize)) * w1
                            + Vector::new(v.extract(2usize)) * w2
                            + Vector::new(v.extract(3usize)) * w3;
                    }
                }
            }
        }
    }
    let at = ((picture * extents.out_height + row) * extents.out_width + column) * extents.channels + channel;
    #[unroll]
    for i in 0..tile {
        if column + i < extents.out_width {
            out[at + i * extents.channels] = Vector::cast_from(activate::<N>(sums[i], activation));
        }
    }
}

/// The sum of what every thread of a workgroup brings.
#[cube]
fn total(value: f32, shared: &mut [f32]) -> f32 {
    // Everyone has read the last total before the next is written.
    sync_cube();
    shared[UNIT_POS as usize] = value;
    sync_cube();
    let mut sum = f32::new(0.0f32);
    for i in 0..CUBE_DIM as usize {
        sum += shared[i];
    }
    sum
}

/// The sum of a vector's four values.
#[cube]
pub(super) fn horizontal<N: Size>(v: Vector<f32, N>) -> f32 {
    v.extract(0usize) + v.extract(1usize) + v.extract(2usize) + v.extract(3usize)
}

/// Layer normalisation: one workgroup a row.
#[cube(launch_unchecked)]
pub(super) fn normalize_rows<F: Float, N: Size>(
    x: &[Vector<F, N>],
    gamma: &[Vector<F, N>],
    beta: &[Vector<F, N>],
    out: &mut [Vector<F, N>],
    rows: usize,
    width: usize,
    epsilon: f32,
    #[comptime] threads: usize,
    #[define(F)] _element: ElemType,
) {
    let row = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize;
    let mut shared = Shared::<[f32]>::new_slice(threads);
    // A workgroup past the last row computes it once more: all threads must meet at the barriers.
    let start = min(row, rows - 1) * width;
    let count = f32::cast_from(width * 4);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    for column in range_stepped(UNIT_POS as usize, width, threads) {
        sum += Vector::cast_from(x[start + column]);
    }
    let mean = total(horizontal::<N>(sum), &mut shared) / count;
    let mut squares = Vector::<f32, N>::new(0.0f32);
    for column in range_stepped(UNIT_POS as usize, width, threads) {
        let d = Vector::<f32, N>::cast_from(x[start + column]) - Vector::new(mean);
        squares += d * d;
    }
    let variance = total(horizontal::<N>(squares), &mut shared) / count;
    let scale = (variance + epsilon).inverse_sqrt();
    for column in range_stepped(UNIT_POS as usize, width, threads) {
        let d = Vector::<f32, N>::cast_from(x[start + column]) - Vector::new(mean);
        let y = d * Vector::new(scale) * Vector::cast_from(gamma[column]) + Vector::cast_from(beta[column]);
        out[start + column] = Vector::cast_from(y);
    }
}

/// The same by one plane a row, which needs no barrier.
#[cfg(not(target_arch = "wasm32"))]
#[cube(launch_unchecked)]
pub(super) fn normalize_rows_by_planes<F: Float, N: Size>(
    x: &[Vector<F, N>],
    gamma: &[Vector<F, N>],
    beta: &[Vector<F, N>],
    out: &mut [Vector<F, N>],
    rows: usize,
    width: usize,
    epsilon: f32,
    #[comptime] threads: usize,
    #[define(F)] _element: ElemType,
) {
    let group = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) * CUBE_DIM_Y + UNIT_POS_Y;
    let start = min(group as usize, rows - 1) * width;
    let own = UNIT_POS_X as usize;
    let count = f32::cast_from(width * 4);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    for column in range_stepped(own, width, threads) {
        sum += Vector::cast_from(x[start + column]);
    }
    let mean = plane_sum(horizontal::<N>(sum)) / count;
    let mut squares = Vector::<f32, N>::new(0.0f32);
    for column in range_stepped(own, width, threads) {
        let d = Vector::<f32, N>::cast_from(x[start + column]) - Vector::new(mean);
        squares += d * d;
    }
    let variance = plane_sum(horizontal::<N>(squares)) / count;
    let scale = (variance + epsilon).inverse_sqrt();
    for column in range_stepped(own, width, threads) {
        let d = Vector::<f32, N>::cast_from(x[start + column]) - Vector::new(mean);
        let y = d * Vector::new(scale) * Vector::cast_from(gamma[column]) + Vector::cast_from(beta[column]);
        out[start + column] = Vector::cast_from(y);
    }
}

/// The mean over each sentence's own tokens, scaled to length one: one workgroup a sentence.
#[cube(launch_unchecked)]
pub(super) fn pool_rows<F: Float, N: Size>(
    x: &[Vector<F, N>],
    lengths: &[F],
    out: &mut [Vector<F, N>],
    sentences: usize,
    tokens: usize,
    width: usize,
    #[comptime] threads: usize,
    #[comptime] columns: usize,
    #[define(F)] _element: ElemType,
) {
    let row = min((CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize, sentences - 1);
    let mut shared = Shared::<[f32]>::new_slice(threads);
    let length = usize::cast_from(lengths[row]);
    let mut means = Array::<Vector<f32, N>>::new(columns);
    let mut squares = f32::new(0.0f32);
    #[unroll]
    for c in 0..columns {
        let column = UNIT_POS as usize + c * threads;
        let mut sum = Vector::<f32, N>::new(0.0f32);
        if column < width {
            for token in 0..length {
                sum += Vector::cast_from(x[(row * tokens + token) * width + column]);
            }
        }
        means[c] = sum / Vector::new(f32::cast_from(length));
        squares += horizontal::<N>(means[c] * means[c]);
    }
    let norm = max(total(squares, &mut shared).sqrt(), 1e-12f32);
    #[unroll]
    for c in 0..columns {
        let column = UNIT_POS as usize + c * threads;
        if column < width {
            out[row * width + column] = Vector::cast_from(means[c] / Vector::new(norm));
        }
    }
}

/// The column of the first of a row's largest values, and that value: one workgroup a row.
#[cube(launch_unchecked)]
pub(super) fn largest_of_rows<F: Float>(
    x: &[F],
    out: &mut [F],
    rows: usize,
    width: usize,
    #[comptime] threads: usize,
    #[define(F)] _element: ElemType,
) {
    let row = min((CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize, rows - 1);
    let own = UNIT_POS as usize;
    let mut values = Shared::<[f32]>::new_slice(threads);
    let mut columns = Shared::<[u32]>::new_slice(threads);
    let mut column = min(own, width - 1);
    let mut largest = f32::cast_from(x[row * width + column]);
    for i in range_stepped(own, width, threads) {
        let value = f32::cast_from(x[row * width + i]);
        if value > largest {
            largest = value;
            column = i;
        }
    }
    values[own] = largest;
    columns[own] = column as u32;
    sync_cube();
    if own == 0 {
        for i in 1..threads {
            let (value, at) = (values[i], columns[i] as usize);
            if value > largest || (value == largest && at < column) {
                largest = value;
                column = at;
            }
        }
        out[row * 2] = F::cast_from(column);
        out[row * 2 + 1] = F::cast_from(largest);
    }
}
