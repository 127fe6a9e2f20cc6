//! Attention of the tokens of a row on each other, head by head.

use rayon::prelude::*;

use super::super::attention::Heads;
use crate::cpu::attention::softmax;
use crate::cpu::gemm::{Rows, multiply};
use crate::cpu::lanes::{LANES, Lanes, planes_of};

/// Queries that a head asks at a time: their scores stay in the cache.
const QUERIES: usize = 56;

/// `[n * tokens, queries | keys | values]`, and what goes with it.
pub(in super::super) struct Mixed<'a> {
    pub(in super::super) values: &'a [f32],
    /// Of the queries.
    pub(in super::super) width: usize,
    /// Tokens of each row, `[n]`.
    pub(in super::super) lengths: &'a [f32],
    /// `[heads, tokens, tokens]`, added to the scores.
    pub(in super::super) bias: Option<&'a [f32]>,
}

/// Keys and values of a head, and its queries' scores.
#[derive(Default)]
struct Scratch {
    keys: Vec<Lanes>,
    values: Vec<Lanes>,
    queries: Vec<Lanes>,
    scores: Vec<Lanes>,
    out: Vec<Lanes>,
}

/// `softmax(q k^T / sqrt(head width) + bias) v`: `[n * tokens, width]`.
pub(in super::super) fn attention(mixed: &Mixed<'_>, heads: Heads) -> Vec<f32> {
    let (Heads { tokens, heads: count, .. }, width) = (heads, mixed.width);
    let head = width / count;
    // Head by head, as threads write them: [n, heads, tokens, head width].
    let mut by_head = vec![0.0; mixed.lengths.len() * tokens * width];
    by_head.par_chunks_mut(tokens * head).enumerate().for_each_init(Scratch::default, |scratch, (i, out)| {
        one_head(mixed, heads, i / count, i % count, scratch, out);
    });
    let mut rows = vec![0.0; by_head.len()];
    rows.par_chunks_mut(tokens * width).zip(by_head.par_chunks(tokens * width)).for_each(|(rows, by_head)| {
        for (h, from) in by_head.chunks_exact(tokens * head).enumerate() {
            for (row, from) in rows.chunks_exact_mut(width).zip(from.chunks_exact(head)) {
                row[h * head..][..head].copy_from_slice(from);
            }
        }
    });
    rows
}

fn one_head(mixed: &Mixed<'_>, heads: Heads, row: usize, h: usize, scratch: &mut Scratch, out: &mut [f32]) {
    let (tokens, width) = (heads.tokens, mixed.width);
    let (head, reach) = (width / heads.heads, mixed.lengths[row] as usize);
    let part = |part: usize, t: usize| &mixed.values[((row * tokens + t) * 3 + part) * width + h * head..][..head];
    let planes = planes_of(head);
    // Keys as panels [keys / 16][head width][16], values as planes [head width / 16][keys][16].
    zeroed(&mut scratch.keys, planes_of(reach) * planes * LANES);
    zeroed(&mut scratch.values, planes * reach);
    let scale = 1.0 / (head as f32).sqrt();
    for t in 0..reach {
        let panel = &mut scratch.keys[t / LANES * planes * LANES..];
        panel.iter_mut().zip(part(1, t)).for_each(|(cell, key)| cell.0[t % LANES] = key * scale);
        super::put(part(2, t), t, reach, &mut scratch.values);
    }
    for first in (0..tokens).step_by(QUERIES) {
        let count = QUERIES.min(tokens - first);
        zeroed(&mut scratch.queries, planes * count);
        (0..count).for_each(|t| super::put(part(0, first + t), t, count, &mut scratch.queries));
        zeroed(&mut scratch.scores, planes_of(reach) * count);
        let queries = Rows { data: &scratch.queries, stride: count, start: 0 };
        by_twos(queries, count, &scratch.keys, planes * LANES, &mut scratch.scores);
        if let Some(bias) = mixed.bias {
            let bias = &bias[(h * tokens + first) * tokens..][..count * tokens];
            for (t, bias) in bias.chunks_exact(tokens).enumerate() {
                each_score(&mut scratch.scores, t, count, |key, score| *score += bias.get(key).copied().unwrap_or(0.0));
            }
        }
        if heads.causal {
            for t in 0..count {
                let hide = |key, score: &mut f32| {
                    if key > first + t {
                        *score = f32::NEG_INFINITY
                    }
                };
                each_score(&mut scratch.scores, t, count, hide);
            }
        }
        softmax(&mut scratch.scores, count, reach);
        zeroed(&mut scratch.out, planes * count);
        let weights = Rows { data: &scratch.scores, stride: count, start: 0 };
        by_twos(weights, count, &scratch.values, reach, &mut scratch.out);
        for (t, out) in out[first * head..][..count * head].chunks_exact_mut(head).enumerate() {
            for (p, out) in out.chunks_mut(LANES).enumerate() {
                let lanes = &scratch.out[p * count + t].0;
                out.copy_from_slice(&lanes[..out.len()]);
            }
        }
    }
}

fn zeroed(values: &mut Vec<Lanes>, count: usize) {
    values.clear();
    values.resize(count, Lanes::ZERO);
}

/// The scores of query `t` of `count`, with the numbers of their keys.
fn each_score(scores: &mut [Lanes], t: usize, count: usize, change: impl Fn(usize, &mut f32)) {
    for (p, lanes) in scores[t..].iter_mut().step_by(count).enumerate() {
        lanes.0.iter_mut().enumerate().for_each(|(l, score)| change(p * LANES + l, score));
    }
}

/// Rows times panels of `inner` values, two panels at a time: planes of `count` come out.
fn by_twos(input: Rows<'_>, count: usize, panels: &[Lanes], inner: usize, out: &mut [Lanes]) {
    for (panels, out) in panels.chunks(2 * inner).zip(out.chunks_mut(2 * count)) {
        let (one, two) = out.split_at_mut(count);
        let second = if two.is_empty() { &[][..] } else { &panels[inner..] };
        multiply(input, count, [&panels[..inner], second], [one, two]);
    }
}
