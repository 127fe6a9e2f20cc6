//! Products, with what follows them.
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::{Activation, activate};

/// `out = activation(x · weight + bias)`, plus `residual` where there is one.
///
/// One thread makes four columns of `tile` rows: `tile + 4` reads for `16 * tile` products. Where that makes few threads, the
/// depth is shared among them, too: `slices` threads of a workgroup make the same values, `columns` of them neighbouring ones.
/// With one slice there is no barrier.
#[cube(launch_unchecked)]
pub(in super::super) fn dense<F: Float, N: Size>(
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
    let column = CUBE_POS_X as usize * columns + own;
    let group = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize;
    if comptime!(slices == 1) {
        let first = (group * CUBE_DIM_Y as usize + UNIT_POS_Y as usize) * tile;
        if column >= width || first >= rows {
            terminate!();
        }
        let start = Vector::<f32, N>::cast_from(bias[column]);
        let sums = multiply::<F, N>(x, weight, start, first, rows, depth, column, width, 0usize, tile, 1usize);
        #[unroll]
        for i in 0..tile {
            if first + i < rows {
                let at = (first + i) * width + column;
                out[at] = finished::<F, N>(sums[i], &residual, at, activation);
            }
        }
    } else {
        let slice = UNIT_POS_Y as usize;
        let first = group * tile;
        // Columns past the end repeat the last one; they are not written.
        let read = min(column, width - 1);
        let zero = Vector::<f32, N>::new(0.0f32);
        let sums = multiply::<F, N>(x, weight, zero, first, rows, depth, read, width, slice, tile, slices);
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
            let at = (first + slice) * width + column;
            out[at] = finished::<F, N>(sum, &residual, at, activation);
        }
    }
}

/// `start` and products of `tile` rows with four columns, of every `step`-th vector of the depth from `from` on.
#[cube]
fn multiply<F: Float, N: Size>(
    x: &[Vector<F, N>],
    weight: &[Vector<F, N>],
    start: Vector<f32, N>,
    first: usize,
    rows: usize,
    depth: usize,
    column: usize,
    width: usize,
    from: usize,
    #[comptime] tile: usize,
    #[comptime] step: usize,
) -> Array<Vector<f32, N>> {
    let mut sums = Array::<Vector<f32, N>>::new(tile);
    let mut starts = Array::<usize>::new(tile);
    #[unroll]
    for i in 0..tile {
        sums[i] = start;
        // Rows past the end repeat the last one; they are not written.
        starts[i] = min(first + i, rows - 1) * depth;
    }
    for k in range_stepped(from, depth, step) {
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
    sums
}

/// What is written of a sum that belongs at `at`.
#[cube]
pub(super) fn finished<F: Float, N: Size>(
    sum: Vector<f32, N>,
    residual: &ComptimeOption<&[Vector<F, N>]>,
    at: usize,
    #[comptime] activation: Activation,
) -> Vector<F, N> {
    let mut y = activate::<N>(sum, activation);
    #[comptime]
    if let ComptimeOption::Some(residual) = residual {
        y += Vector::<f32, N>::cast_from(residual[at]);
    }
    Vector::cast_from(y)
}

/// `out = activation(x + bias)`, plus `residual` where there is one: what follows a product made elsewhere.
#[cfg(not(target_arch = "wasm32"))]
#[cube(launch_unchecked)]
pub(in super::super) fn finish<F: Float, N: Size>(
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
    out[at] = finished::<F, N>(sum, &residual, at, activation);
}
