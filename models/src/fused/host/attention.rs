//! Attention of the tokens of a row on each other, head by head: scores, softmax and mix of some queries in the cache.

use rayon::prelude::*;

use super::super::attention::Heads;
use crate::cpu::attention::softmax;
use crate::cpu::gemm::{Rows, multiply};
use crate::cpu::lanes::{LANES, Lanes, planes_of};

/// Queries that a head asks at a time; whole tiles of the product.
const QUERIES: usize = 56;
/// Products of scores below which waking a thread takes longer than all of them.
const FEW: usize = 1 << 17;

/// `[n * tokens, queries | keys | values]`, and what goes with it.
pub(super) struct Mixed<'a> {
    pub(super) values: &'a [f32],
    /// Of the queries.
    pub(super) width: usize,
    /// Tokens of each row, `[n]`.
    pub(super) counts: &'a [f32],
    /// `[heads, tokens, tokens]`, added to the scores.
    pub(super) bias: Option<&'a [f32]>,
}

impl Mixed<'_> {
    /// The queries (0), keys (1) or values (2) of a head's token.
    fn part(&self, part: usize, token: usize, head: &Head) -> &[f32] {
        &self.values[((head.row * head.tokens + token) * 3 + part) * self.width + head.first..][..head.width]
    }
}

/// A head of a row.
struct Head {
    row: usize,
    number: usize,
    tokens: usize,
    /// Of its columns.
    first: usize,
    width: usize,
    causal: bool,
}

/// Keys as panels `[keys / 16][head width][16]`, values as planes `[head width / 16][keys][16]`, and what some queries
/// make of them; the head's width is filled up to whole planes.
#[derive(Default)]
struct Scratch {
    keys: Vec<Lanes>,
    values: Vec<Lanes>,
    queries: Vec<Lanes>,
    scores: Vec<Lanes>,
    out: Vec<Lanes>,
}

/// `softmax(q k^T / sqrt(head width) + bias) v`: `[n * tokens, width]`.
pub(super) fn attend(mixed: &Mixed<'_>, heads: Heads) -> Vec<f32> {
    let Heads { tokens, heads, causal } = heads;
    let width = mixed.width / heads;
    let mut out = vec![0.0; mixed.counts.len() * tokens * mixed.width];
    // The cells of each head of each row, token by token.
    let mut cells: Vec<Vec<&mut [f32]>> = (0..mixed.counts.len() * heads).map(|_| Vec::with_capacity(tokens)).collect();
    for (i, cell) in out.chunks_exact_mut(width).enumerate() {
        cells[i / heads / tokens * heads + i % heads].push(cell);
    }
    let one = |scratch: &mut Scratch, (i, cells): (usize, &mut Vec<&mut [f32]>)| {
        let (row, number) = (i / heads, i % heads);
        one_head(mixed, &Head { row, number, tokens, first: number * width, width, causal }, scratch, cells);
    };
    if mixed.values.len() * tokens < FEW {
        let mut scratch = Scratch::default();
        cells.iter_mut().enumerate().for_each(|cells| one(&mut scratch, cells));
    } else {
        cells.par_iter_mut().enumerate().for_each_init(Scratch::default, one);
    }
    out
}

fn one_head(mixed: &Mixed<'_>, head: &Head, scratch: &mut Scratch, cells: &mut [&mut [f32]]) {
    let reach = (mixed.counts[head.row] as usize).min(head.tokens);
    if reach == 0 {
        return;
    }
    lay_out(mixed, head, reach, scratch);
    for (block, cells) in cells.chunks_mut(QUERIES).enumerate() {
        let (first, count) = (block * QUERIES, cells.len());
        // Of a causal head, keys behind the last query are of no use.
        let seen = if head.causal { reach.min(first + count) } else { reach };
        zeroed(&mut scratch.queries, planes_of(head.width) * count);
        (0..count).for_each(|t| put(mixed.part(0, first + t, head), t, count, &mut scratch.queries));
        zeroed(&mut scratch.scores, planes_of(seen) * count);
        let queries = Rows { data: &scratch.queries, stride: count, start: 0 };
        let depth = planes_of(head.width) * LANES;
        by_twos(queries, count, (&scratch.keys, depth, depth), &mut scratch.scores);
        change_scores(mixed, head, first, seen, count, &mut scratch.scores);
        softmax(&mut scratch.scores, count, seen);
        zeroed(&mut scratch.out, planes_of(head.width) * count);
        let weights = Rows { data: &scratch.scores, stride: count, start: 0 };
        by_twos(weights, count, (&scratch.values, reach, seen), &mut scratch.out);
        for (t, cell) in cells.iter_mut().enumerate() {
            take(&scratch.out[t..], count, cell);
        }
    }
}

/// Keys, divided by the root of the head's width, and values of the first `reach` tokens.
fn lay_out(mixed: &Mixed<'_>, head: &Head, reach: usize, scratch: &mut Scratch) {
    let planes = planes_of(head.width);
    zeroed(&mut scratch.keys, planes_of(reach) * planes * LANES);
    zeroed(&mut scratch.values, planes * reach);
    let scale = 1.0 / (head.width as f32).sqrt();
    for t in 0..reach {
        let panel = &mut scratch.keys[t / LANES * planes * LANES..];
        panel.iter_mut().zip(mixed.part(1, t, head)).for_each(|(cell, key)| cell.0[t % LANES] = key * scale);
        put(mixed.part(2, t, head), t, reach, &mut scratch.values);
    }
}

/// What stands between scores and softmax: the bias, and that a causal head's later tokens are hidden.
fn change_scores(mixed: &Mixed<'_>, head: &Head, first: usize, seen: usize, count: usize, scores: &mut [Lanes]) {
    let tokens = head.tokens;
    for t in 0..count {
        let query = first + t;
        if let Some(bias) = mixed.bias {
            let bias = &bias[(head.number * tokens + query) * tokens..][..seen];
            for (lanes, bias) in scores[t..].iter_mut().step_by(count).zip(bias.chunks(LANES)) {
                lanes.0.iter_mut().zip(bias).for_each(|(score, bias)| *score += bias);
            }
        }
        if head.causal {
            for key in query + 1..seen {
                scores[key / LANES * count + t].0[key % LANES] = f32::NEG_INFINITY;
            }
        }
    }
}

/// A row in its place among `count` in planes.
fn put(row: &[f32], r: usize, count: usize, planes: &mut [Lanes]) {
    let (whole, rest) = row.as_chunks();
    for (lanes, part) in planes[r..].iter_mut().step_by(count).zip(whole) {
        lanes.0 = *part;
    }
    if !rest.is_empty() {
        planes[whole.len() * count + r].0[..rest.len()].copy_from_slice(rest);
    }
}

/// The first row of `planes`, which hold `count`.
fn take(planes: &[Lanes], count: usize, row: &mut [f32]) {
    let (whole, rest) = row.as_chunks_mut();
    for (lanes, part) in planes.iter().step_by(count).zip(whole.iter_mut()) {
        *part = lanes.0;
    }
    if !rest.is_empty() {
        rest.copy_from_slice(&planes[whole.len() * count].0[..rest.len()]);
    }
}

fn zeroed(values: &mut Vec<Lanes>, count: usize) {
    values.clear();
    values.resize(count, Lanes::ZERO);
}

/// Rows times the first `depth` of each panel of `pitch` cells, two panels at a time: planes of `count` come out.
fn by_twos(rows: Rows<'_>, count: usize, (panels, pitch, depth): (&[Lanes], usize, usize), out: &mut [Lanes]) {
    for (panels, out) in panels.chunks(2 * pitch).zip(out.chunks_mut(2 * count)) {
        let (one, two) = out.split_at_mut(count);
        let second = if two.is_empty() { &[][..] } else { &panels[pitch..][..depth] };
        multiply(rows, count, [&panels[..depth], second], [one, two]);
    }
}
