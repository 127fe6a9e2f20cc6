//! The kernels of attention, in CubeCL: one thread a query and head.
//!
//! The softmax is kept running (its maximum, its sum and the mix so far), so no score is ever written to memory.
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::super::kernels::horizontal;

/// Values that a query mixed: `sums` are to be divided by `total`, and belong to scores of which `largest` is the largest.
#[derive(CubeType)]
struct Mix<N: Size> {
    sums: Array<Vector<f32, N>>,
    largest: f32,
    total: f32,
}

#[cube]
impl<N: Size> Mix<N> {
    /// Writes it from `at` on.
    fn write<F: Float>(&self, out: &mut [Vector<F, N>], at: usize, #[comptime] head_width: usize) {
        #[unroll]
        for d in 0..head_width {
            out[at + d] = Vector::cast_from(self.sums[d] / Vector::new(self.total));
        }
    }
}

/// The query at `at`, scaled.
#[cube]
fn scaled<F: Float, N: Size>(
    queries: &[Vector<F, N>],
    at: usize,
    scale: f32,
    #[comptime] head_width: usize,
) -> Array<Vector<f32, N>> {
    let mut asked = Array::<Vector<f32, N>>::new(head_width);
    #[unroll]
    for d in 0..head_width {
        asked[d] = Vector::cast_from(queries[at + d]) * Vector::new(scale);
    }
    asked
}

/// What one query takes from every `step`-th of `length` keys and values of its head, from `from` on.
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
    from: usize,
    length: usize,
    bias: &[F],
    first_bias: usize,
    #[comptime] step: usize,
    #[comptime] biased: bool,
    #[comptime] head_width: usize,
) -> Mix<N> {
    let mut sums = Array::<Vector<f32, N>>::new(head_width);
    #[unroll]
    for d in 0..head_width {
        sums[d] = Vector::new(0.0f32);
    }
    let mut largest = f32::new(-1e30f32);
    let mut total = f32::new(0.0f32);
    for token in range_stepped(from, length, step) {
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
    Mix::<N> { sums, largest, total }
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
    let asked = scaled::<F, N>(mixed, at, scale, head_width);
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
        mix::<F, N>(&asked, mixed, mixed, first, values, step, 0usize, length, bias, row, 1usize, true, head_width)
            .write::<F>(out, result, head_width);
    } else {
        mix::<F, N>(
            &asked, mixed, mixed, first, values, step, 0usize, length, lengths, 0usize, 1usize, false, head_width,
        )
        .write::<F>(out, result, head_width);
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
    let asked = scaled::<F, N>(queries, at, scale, head_width);
    let length = usize::cast_from(lengths[source]);
    let first = (source * heads + head) * reach * head_width;
    mix::<F, N>(
        &asked, keys, values, first, first, head_width, 0usize, length, lengths, 0usize, 1usize, false, head_width,
    )
    .write::<F>(out, at, head_width);
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
    let asked = scaled::<F, N>(queries, at, scale, head_width);
    let length = usize::cast_from(lengths[source]);
    let first = (source * heads + head) * reach * head_width;
    let own = UNIT_POS as usize;
    let part = mix::<F, N>(
        &asked, keys, values, first, first, head_width, own, length, lengths, 0usize, threads, false, head_width,
    );
    let mut maxima = Shared::<[f32]>::new_slice(threads);
    let mut totals = Shared::<[f32]>::new_slice(threads);
    let mut mixes = Shared::<[Vector<f32, N>]>::new_slice(comptime!(threads * head_width));
    maxima[own] = part.largest;
    totals[own] = part.total;
    #[unroll]
    for d in 0..head_width {
        mixes[own * head_width + d] = part.sums[d];
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
