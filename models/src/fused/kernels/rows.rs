//! What reduces rows.
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::horizontal;

/// The sum of what every thread of a plane or, with barriers, of a workgroup brings.
#[cube]
fn total(value: f32, shared: &mut [f32], #[comptime] by_planes: bool) -> f32 {
    if comptime!(by_planes) {
        plane_sum(value)
    } else {
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
}

/// Layer normalisation: one workgroup a row, or, `by_planes`, one plane of `threads`, which needs no barrier.
#[cube(launch_unchecked)]
pub(in super::super) fn normalize_rows<F: Float, N: Size>(
    x: &[Vector<F, N>],
    gamma: &[Vector<F, N>],
    beta: &[Vector<F, N>],
    out: &mut [Vector<F, N>],
    rows: usize,
    width: usize,
    epsilon: f32,
    #[comptime] threads: usize,
    #[comptime] by_planes: bool,
    #[define(F)] _element: ElemType,
) {
    let row = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) * CUBE_DIM_Y + UNIT_POS_Y;
    let own = UNIT_POS_X as usize;
    let mut shared = Shared::<[f32]>::new_slice(threads);
    // A workgroup past the last row computes it once more: all threads must meet at the barriers.
    let start = min(row as usize, rows - 1) * width;
    let count = f32::cast_from(width * 4);
    let mut sum = Vector::<f32, N>::new(0.0f32);
    for column in range_stepped(own, width, threads) {
        sum += Vector::cast_from(x[start + column]);
    }
    let mean = total(horizontal::<N>(sum), &mut shared, by_planes) / count;
    let mut squares = Vector::<f32, N>::new(0.0f32);
    for column in range_stepped(own, width, threads) {
        let d = Vector::<f32, N>::cast_from(x[start + column]) - Vector::new(mean);
        squares += d * d;
    }
    let variance = total(horizontal::<N>(squares), &mut shared, by_planes) / count;
    let scale = (variance + epsilon).inverse_sqrt();
    for column in range_stepped(own, width, threads) {
        let d = Vector::<f32, N>::cast_from(x[start + column]) - Vector::new(mean);
        let y = d * Vector::new(scale) * Vector::cast_from(gamma[column]) + Vector::cast_from(beta[column]);
        out[start + column] = Vector::cast_from(y);
    }
}

/// The mean over each sentence's own tokens, scaled to length one: one workgroup a sentence.
#[cube(launch_unchecked)]
pub(in super::super) fn pool_rows<F: Float, N: Size>(
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
    let norm = max(total(squares, &mut shared, false).sqrt(), 1e-12f32);
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
pub(in super::super) fn largest_of_rows<F: Float>(
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
