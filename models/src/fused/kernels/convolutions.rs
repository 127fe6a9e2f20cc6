//! Convolutions, with what follows them.
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::{Activation, activate};

/// Extents of a convolution over `[n, height, width, channels]`.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(in super::super) struct Extents {
    pub(in super::super) pictures: usize,
    pub(in super::super) height: usize,
    pub(in super::super) width: usize,
    pub(in super::super) out_height: usize,
    pub(in super::super) out_width: usize,
    /// Rows of zeros before the first.
    pub(in super::super) top: usize,
    /// Columns of zeros before the first.
    pub(in super::super) left: usize,
    /// Channels, or output channels, divided by four.
    pub(in super::super) channels: usize,
}

/// A depthwise convolution, its bias and activation.
///
/// One thread makes four channels of `tile` neighbouring columns: a value that several of them need is read once.
#[cube(launch_unchecked)]
pub(in super::super) fn depthwise<F: Float, N: Size>(
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
pub(in super::super) fn stem<F: Float, N: Size>(
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
/// As [`dense`](super::dense), for each place of the window: one thread makes four channels of `tile` neighbouring columns.
#[cube(launch_unchecked)]
pub(in super::super) fn convolution<F: Float, N: Size>(
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
