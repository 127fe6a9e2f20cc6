//! Softmax attention of one head within one sentence, and layer normalisation, on planes.

use super::gemm::{Rows, multiply};
use super::lanes::{BASE_FMA, LANES, Lanes, planes_of};
use super::math::exp;

/// Channels of a head: two planes.
pub(crate) const HEAD: usize = 2 * LANES;

/// Memory for keys and weights of one head.
#[derive(Default)]
pub(crate) struct Scratch {
    keys: Vec<Lanes>,
    scores: Vec<Lanes>,
}

/// `softmax(q k^T / sqrt(32)) v` for `tokens` tokens.
///
/// `query`, `key` and `value` are the head's two planes of the whole batch, `[2][stride][16]`, of which the sentence is
/// `start..start + tokens`; `out` are the same two planes of the result.
pub(crate) fn head(
    [query, key, value]: [&[Lanes]; 3],
    stride: usize,
    start: usize,
    tokens: usize,
    scratch: &mut Scratch,
    out: [&mut [Lanes]; 2],
) {
    let planes = planes_of(tokens);
    transpose(key, stride, start, tokens, &mut scratch.keys);
    scratch.scores.clear();
    scratch.scores.resize(planes * tokens, Lanes::ZERO);
    let queries = Rows { data: query, stride, start };
    for (keys, scores) in scratch.keys.chunks(2 * HEAD).zip(scratch.scores.chunks_mut(2 * tokens)) {
        let (one, two) = scores.split_at_mut(tokens);
        let second = if two.is_empty() { &[][..] } else { &keys[HEAD..] };
        multiply(queries, tokens, [&keys[..HEAD], second], [one, two]);
    }
    softmax(&mut scratch.scores, tokens, tokens);
    let weights = Rows { data: &scratch.scores, stride: tokens, start: 0 };
    let values = [&value[start..start + tokens], &value[stride + start..stride + start + tokens]];
    let out = out.map(|plane| &mut plane[start..start + tokens]);
    multiply(weights, tokens, values, out);
}

/// Keys as panels `[tokens / 16][32][16]`, divided by the root of the head's width.
fn transpose(key: &[Lanes], stride: usize, start: usize, tokens: usize, panels: &mut Vec<Lanes>) {
    let scale = 1.0 / (HEAD as f32).sqrt();
    panels.clear();
    panels.resize(planes_of(tokens) * HEAD, Lanes::ZERO);
    for t in 0..tokens {
        let panel = &mut panels[t / LANES * HEAD..][..HEAD];
        for (half, panel) in panel.chunks_exact_mut(LANES).enumerate() {
            let lanes = &key[half * stride + start + t].0;
            for (cell, value) in panel.iter_mut().zip(lanes) {
                cell.0[t % LANES] = value * scale;
            }
        }
    }
}

/// Softmax over the first `tokens` lanes of each of the rows of planes `[tokens / 16][rows][16]`; the lanes after them
/// become zero.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn softmax(scores: &mut [Lanes], rows: usize, tokens: usize) {
    multiversion::target::match_target! {
        "x86_64+avx2+fma" => softmax_rows::<true>(scores, rows, tokens),
        _ => softmax_rows::<BASE_FMA>(scores, rows, tokens),
    }
}

#[inline(always)]
fn softmax_rows<const FMA: bool>(scores: &mut [Lanes], rows: usize, tokens: usize) {
    let planes = planes_of(tokens);
    let filled = tokens - (planes - 1) * LANES;
    for t in 0..rows {
        for cell in &mut scores[(planes - 1) * rows + t].0[filled..] {
            *cell = f32::NEG_INFINITY;
        }
        let mut top = Lanes([f32::NEG_INFINITY; LANES]);
        for p in 0..planes {
            top = top.zip(&scores[p * rows + t], |a, b| if a > b { a } else { b });
        }
        let top = top.fold(f32::max);
        let mut sum = Lanes::ZERO;
        for p in 0..planes {
            let lanes = &mut scores[p * rows + t];
            for cell in &mut lanes.0 {
                *cell = exp::<FMA>(*cell - top);
            }
            if p == planes - 1 {
                lanes.0[filled..].fill(0.0);
            }
            sum.add(lanes);
        }
        let scale = 1.0 / sum.fold(|a, b| a + b);
        for p in 0..planes {
            for cell in &mut scores[p * rows + t].0 {
                *cell *= scale;
            }
        }
    }
}

/// Layer normalisation over all channels, in place; `x` is `[planes][rows][16]` with `planes` the length of `gamma`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn normalise(x: &mut [Lanes], gamma: &[Lanes], beta: &[Lanes], epsilon: f32) {
    let rows = x.len() / gamma.len();
    let channels = (gamma.len() * LANES) as f32;
    for r in 0..rows {
        let mut sum = Lanes::ZERO;
        for lanes in x[r..].iter().step_by(rows) {
            sum.add(lanes);
        }
        let mean = sum.fold(|a, b| a + b) / channels;
        let mut squares = Lanes::ZERO;
        for lanes in x[r..].iter().step_by(rows) {
            for l in 0..LANES {
                let d = lanes.0[l] - mean;
                squares.0[l] += d * d;
            }
        }
        let scale = 1.0 / (squares.fold(|a, b| a + b) / channels + epsilon).sqrt();
        for ((lanes, gamma), beta) in x[r..].iter_mut().step_by(rows).zip(gamma).zip(beta) {
            for l in 0..LANES {
                lanes.0[l] = (lanes.0[l] - mean) * scale * gamma.0[l] + beta.0[l];
            }
        }
    }
}
