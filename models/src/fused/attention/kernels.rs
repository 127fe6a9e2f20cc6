//! The kernels of attention, in CubeCL: one thread a query and head.
//!
//! The softmax is kept running (its maximum, its sum and the mix so far), so no score is ever written to memory.
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::super::kernels::horizontal;

/// What one query takes from `length` keys and values of its head.
///
/// Key `i` starts at `first_key + i * stride`, value `i` at `first_value + i * stride`; `asked` is scaled. Where it is
/// `biased`, value `first_bias + i` of `bias` is added to the score of key `i`.
#[cube]
fn mix<F: Float, N: Size>(
    asked: &Array<Vector<f32, N>>,
    keys: &[Vector<F, N>],
    values: &[Vector<F, N>],
    first_key: usize,
    first_value: usize,
    stride: usize,
    length: usize,
    out: &mut [Vector<F, N>],
    result: usize,
    bias: &[F],
    first_bias: usize,
    #[comptime] biased: bool,
    #[comptime] head_width: usize,
) {
    let mut sums = Array::<Vector<f32, N>>::new(head_width);
    #[unroll]
    for d in 0..head_width {
        sums[d] = Vector::new(0.0f32);
    }
    let mut largest = f32::new(-1e30f32);
    let mut total = f32::new(0.0f32);
    for token in 0..length {
        let key = first_key + token * stride;
        let value = first_value + token * stride;
        let mut products = Vector::<f32, N>::new(0.0f32);
        #[unroll]
        for d in 0..head_width {
            products += asked[d] * Vector::cast_from(keys[key + d]);
        }
        let mut score = horizontal::<N>(products);
        if comptime!(biased) {
            score += f32::cast_from(bias[first_bias + token]);
        }
        let larger = max(largest, score);
        let kept = (largest - larger).exp();
        let weight = (score - larger).exp();
        total = total * kept + weight;
        #[unroll]
        for d in 0..head_width {
            sums[d] = sums[d] * Vector::new(kept) + Vector::new(weight) * Vector::cast_from(values[value + d]);
        }
        largest = larger;
    }
    #[unroll]
    for d in 0..head_width {
        out[result + d] = Vector::cast_from(sums[d] / Vector::new(total));
    }
}

/// Self-attention over `[n * tokens, queries | keys | values]`.
///
/// A row's keys end at its length, and before what a query may not see yet: neither is masked, both are never read.
#[cube(launch_unchecked)]
pub(super) fn attention<F: Float, N: Size>(
    mixed: &[Vector<F, N>],
    lengths: &[F],
    // `[heads, tokens, tokens]`.
    bias: ComptimeOption<&[F]>,
    out: &mut [Vector<F, N>],
    sentences: usize,
    tokens: usize,
    heads: usize,
    scale: f32,
    #[comptime] head_width: usize,
    #[comptime] causal: bool,
    #[define(F)] _element: ElemType,
) {
    let position = ABSOLUTE_POS;
    if position >= sentences * heads * tokens {
        terminate!();
    }
    let query = position % tokens;
    let head = position / tokens % heads;
    let sentence = position / tokens / heads;
    let width = heads * head_width;
    let at = (sentence * tokens + query) * 3 * width + head * head_width;
    let mut asked = Array::<Vector<f32, N>>::new(head_width);
    #[unroll]
    for d in 0..head_width {
        asked[d] = Vector::cast_from(mixed[at + d]) * Vector::new(scale);
    }
    let mut length = usize::cast_from(lengths[sentence]);
    if comptime!(causal) {
        length = min(length, query + 1);
    }
    let first = sentence * tokens * 3 * width + width + head * head_width;
    let result = (sentence * tokens + query) * width + head * head_width;
    let step = 3 * width;
    let values = first + width;
    #[comptime]
    if let ComptimeOption::Some(bias) = bias {
        let row = (head * tokens + query) * tokens;
        mix::<F, N>(&asked, mixed, mixed, first, values, step, length, out, result, bias, row, true, head_width);
    } else {
        mix::<F, N>(&asked, mixed, mixed, first, values, step, length, out, result, lengths, 0usize, false, head_width);
    }
}

/// Attention of `[rows * tokens, width]` queries on keys and values `[sources, heads, reach, head width]`.
///
/// Rows lie source by source, as many for each.
#[cube(launch_unchecked)]
pub(super) fn cross_attention<F: Float, N: Size>(
    queries: &[Vector<F, N>],
    keys: &[Vector<F, N>],
    values: &[Vector<F, N>],
    lengths: &[F],
    out: &mut [Vector<F, N>],
    sources: usize,
    // Queries of a source: its rows times their tokens.
    asking: usize,
    heads: usize,
    reach: usize,
    scale: f32,
    #[comptime] head_width: usize,
    #[define(F)] _element: ElemType,
) {
    let position = ABSOLUTE_POS;
    if position >= sources * heads * asking {
        terminate!();
    }
    let query = position % asking;
    let head = position / asking % heads;
    let source = position / asking / heads;
    let at = ((source * asking + query) * heads + head) * head_width;
    let mut asked = Array::<Vector<f32, N>>::new(head_width);
    #[unroll]
    for d in 0..head_width {
        asked[d] = Vector::cast_from(queries[at + d]) * Vector::new(scale);
    }
    let length = usize::cast_from(lengths[source]);
    let first = (source * heads + head) * reach * head_width;
    mix::<F, N>(&asked, keys, values, first, first, head_width, length, out, at, lengths, 0usize, false, head_width);
}

/// The same where there are few queries: one workgroup of `threads` a query and head, which share the keys.
#[cube(launch_unchecked)]
pub(super) fn shared_cross_attention<F: Float, N: Size>(
    queries: &[Vector<F, N>],
    keys: &[Vector<F, N>],
    values: &[Vector<F, N>],
    lengths: &[F],
    out: &mut [Vector<F, N>],
    sources: usize,
    asking: usize,
    heads: usize,
    reach: usize,
    scale: f32,
    #[comptime] head_width: usize,
    #[comptime] threads: usize,
    #[define(F)] _element: ElemType,
) {
    let group = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize;
    // A workgroup past the last query computes it once more: all threads must meet at the barriers.
    let position = min(group, sources * heads * asking - 1);
    let query = position % asking;
    let head = position / asking % heads;
    let source = position / asking / heads;
    let at = ((source * asking + query) * heads + head) * head_width;
    let mut asked = Array::<Vector<f32, N>>::new(head_width);
    let mut sums = Array::<Vector<f32, N>>::new(head_width);
    #[unroll]
    for d in 0..head_width {
        asked[d] = Vector::cast_from(queries[at + d]) * Vector::new(scale);
        sums[d] = Vector::new(0.0f32);
    }
    let length = usize::cast_from(lengths[source]);
    let first = (source * heads + head) * reach * head_width;
    let mut largest = f32::new(-1e30f32);
    let mut total = f32::new(0.0f32);
    for token in range_stepped(UNIT_POS as usize, length, threads) {
        let key = first + token * head_width;
        let mut products = Vector::<f32, N>::new(0.0f32);
        #[unroll]
        for d in 0..head_width {
            products += asked[d] * Vector::cast_from(keys[key + d]);
        }
        let score = horizontal::<N>(products);
        let larger = max(largest, score);
        let kept = (largest - larger).exp();
        let weight = (score - larger).exp();
        total = total * kept + weight;
        #[unroll]
        for d in 0..head_width {
            sums[d] = sums[d] * Vector::new(kept) + Vector::new(weight) * Vector::cast_from(values[key + d]);
        }
        largest = larger;
    }
    let mut maxima = Shared::<[f32]>::new_slice(threads);
    let mut totals = Shared::<[f32]>::new_slice(threads);
    let mut mixes = Shared::<[Vector<f32, N>]>::new_slice(comptime!(threads * head_width));
    let own = UNIT_POS as usize;
    maxima[own] = largest;
    totals[own] = total;
    #[unroll]
    for d in 0..head_width {
        mixes[own * head_width + d] = sums[d];
    }
    sync_cube();
    let mut top = f32::new(-1e30f32);
    for i in 0..threads {
        top = max(top, maxima[i]);
    }
    let mut all = f32::new(0.0f32);
    for i in 0..threads {
        all += totals[i] * (maxima[i] - top).exp();
    }
    for d in range_stepped(own, head_width, threads) {
        let mut sum = Vector::<f32, N>::new(0.0f32);
        for i in 0..threads {
            sum += mixes[i * head_width + d] * Vector::new((maxima[i] - top).exp());
        }
        out[at + d] = Vector::cast_from(sum / Vector::new(all));
    }
}

/// `[n * tokens, queries | keys | values]` to `[n * heads, filled, head width]` each, rows past `tokens` zero.
#[cfg(not(target_arch = "wasm32"))]
#[cube(launch_unchecked)]
pub(super) fn split_heads<F: Float, N: Size>(
    mixed: &[Vector<F, N>],
    queries: &mut [Vector<F, N>],
    keys: &mut [Vector<F, N>],
    values: &mut [Vector<F, N>],
    vectors: usize,
    tokens: usize,
    filled: usize,
    heads: usize,
    scale: f32,
    #[comptime] head_width: usize,
    #[define(F)] _element: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= vectors {
        terminate!();
    }
    let d = at % head_width;
    let token = at / head_width % filled;
    let head = at / head_width / filled % heads;
    let sentence = at / head_width / filled / heads;
    let inside = token < tokens;
    let row = sentence * tokens + select(inside, token, 0usize);
    let width = heads * head_width;
    let first = row * 3 * width + head * head_width + d;
    let there = Vector::<f32, N>::new(select(inside, 1.0f32, 0.0f32));
    queries[at] = Vector::cast_from(Vector::<f32, N>::cast_from(mixed[first]) * there * Vector::new(scale));
    keys[at] = Vector::cast_from(Vector::<f32, N>::cast_from(mixed[first + width]) * there);
    values[at] = Vector::cast_from(Vector::<f32, N>::cast_from(mixed[first + 2 * width]) * there);
}

/// `[n * heads, filled, head width]` to `[n * tokens, heads * head width]`.
#[cfg(not(target_arch = "wasm32"))]
#[cube(launch_unchecked)]
pub(super) fn join_heads<F: Float, N: Size>(
    x: &[Vector<F, N>],
    out: &mut [Vector<F, N>],
    vectors: usize,
    tokens: usize,
    filled: usize,
    heads: usize,
    #[comptime] head_width: usize,
    #[define(F)] _element: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= vectors {
        terminate!();
    }
    let d = at % head_width;
    let head = at / head_width % heads;
    let row = at / head_width / heads;
    let (sentence, token) = (row / tokens, row % tokens);
    out[at] = x[((sentence * heads + head) * filled + token) * head_width + d];
}

/// The softmax of rows of scores `[n * heads, filled, filled]`, of which as many count as the sentence has tokens (of a
/// causal one, those up to the query); the others become zero. One plane a row.
#[cfg(not(target_arch = "wasm32"))]
#[cube(launch_unchecked)]
pub(super) fn softmax_rows<F: Float, N: Size>(
    scores: &[Vector<f32, N>],
    lengths: &[F],
    out: &mut [Vector<F, N>],
    rows: usize,
    filled: usize,
    heads: usize,
    #[comptime] causal: bool,
    #[comptime] threads: usize,
    #[define(F)] _element: ElemType,
) {
    let group = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) * CUBE_DIM_Y + UNIT_POS_Y;
    // A plane past the last row computes it once more: all of a plane must meet.
    let row = min(group as usize, rows - 1);
    let mut length = usize::cast_from(lengths[row / filled / heads]);
    if comptime!(causal) {
        length = min(length, row % filled + 1);
    }
    let vectors = filled / 4;
    let start = row * vectors;
    let own = UNIT_POS_X as usize;
    let mut largest = f32::new(-1e30f32);
    for i in range_stepped(own, vectors, threads) {
        let v = scores[start + i];
        #[unroll]
        for j in 0..4usize {
            largest = max(largest, select(i * 4 + j < length, v.extract(j), -1e30f32));
        }
    }
    let top = plane_max(largest);
    let mut total = f32::new(0.0f32);
    for i in range_stepped(own, vectors, threads) {
        let v = (scores[start + i] - Vector::new(top)).min(Vector::new(0.0f32)).exp();
        #[unroll]
        for j in 0..4usize {
            total += select(i * 4 + j < length, v.extract(j), 0.0f32);
        }
    }
    let all = plane_sum(total);
    for i in range_stepped(own, vectors, threads) {
        let v = (scores[start + i] - Vector::new(top)).min(Vector::new(0.0f32)).exp() / Vector::new(all);
        let mut y = Vector::<f32, N>::new(0.0f32);
        #[unroll]
        for j in 0..4usize {
            y.insert(j, select(i * 4 + j < length, v.extract(j), 0.0f32));
        }
        out[start + i] = Vector::cast_from(y);
    }
}
