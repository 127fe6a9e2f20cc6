//! Attention in half precision on tensor cores: scores stay in shared memory.
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::super::kernels::tiles::{GAP, Moved, SIDE, WRITTEN, no_sums, square};

/// Planes of a workgroup, of which each has [`SIDE`] queries of a head.
pub(super) const PLANES: usize = 4;
/// Keys that are in shared memory at once, as many as a workgroup has queries.
pub(super) const BLOCK: usize = PLANES * SIDE;
/// Vectors of a row of scores or weights in shared memory.
const STRIDE: usize = (BLOCK + GAP) / WRITTEN;
/// Of all planes' scores or weights.
const SCORES: usize = BLOCK * STRIDE;

/// Self-attention over `[n * tokens, queries | keys | values]`; `head_width` in values, no more than [`BLOCK`].
///
/// Two passes over the keys, as there is no way to scale the rows of sums that tensor cores hold: the first finds each query's
/// largest score and the sum of exponentials, the second mixes values by the weights that these give.
#[cube(launch_unchecked)]
pub(super) fn attention_by_tiles<E: Numeric, W: Size, F: Float, N: Size>(
    mixed: &[Vector<E, W>],
    lengths: &[F],
    out: &mut [Vector<F, N>],
    sentences: usize,
    tokens: usize,
    heads: usize,
    scale: f32,
    #[comptime] head_width: usize,
    #[comptime] moved: Moved,
    #[comptime] plane: usize,
    #[comptime] causal: bool,
    #[define(E)] _carrier: ElemType,
    #[define(F)] _element: ElemType,
) {
    let lanes = comptime!(moved.lanes);
    let (squares, stride) = comptime!((head_width / SIDE, (head_width + GAP) / lanes));
    let mut keys = Shared::<[Vector<E, W>]>::new_slice(comptime!(BLOCK * stride));
    let mut values = Shared::<[Vector<E, W>]>::new_slice(comptime!(BLOCK * stride));
    let mut weights = Shared::<[Vector<F, N>]>::new_slice(SCORES);
    let mut scores = Shared::<[Vector<f32, N>]>::new_slice(SCORES);

    let own_plane = UNIT_POS_Y as usize;
    let lane = UNIT_POS_X as usize;
    let thread = own_plane * plane + lane;
    // A workgroup past the last head computes it once more: all threads must meet at the barriers.
    let group = min((CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize, sentences * heads - 1);
    let (sentence, head) = (group / heads, group % heads);
    let width = heads * head_width;
    let step = 3 * width / lanes;
    let first_query = sentence * tokens * step + head * comptime!(head_width / lanes);
    let first_key = first_query + width / lanes;
    let first_value = first_key + width / lanes;
    let query = CUBE_POS_X as usize * BLOCK + own_plane * SIDE;
    let own = own_plane * comptime!(SIDE * STRIDE);

    // Queries come by the way of the keys.
    fetch::<E, W>(
        mixed,
        &mut keys,
        first_query,
        CUBE_POS_X as usize * BLOCK,
        tokens,
        step,
        thread,
        head_width,
        moved,
        plane,
    );
    sync_cube();
    let mut asked = Sequence::<cmma::Matrix<F>>::new();
    let mut sums = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for d in 0..squares {
        let at = own_plane * comptime!(SIDE * stride) + comptime!(d * SIDE / lanes);
        asked.push(square::<E, W, F>(
            &keys[at..comptime!(BLOCK * stride)],
            comptime!(cmma::MatrixIdent::A),
            comptime!(cmma::MatrixLayout::RowMajor),
            stride,
            moved,
        ));
        sums.push(no_sums());
    }

    // Two threads share a query, whose vectors of scores they take in turn.
    let (row, turn) = (lane / 2, lane % 2);
    let length = usize::cast_from(lengths[sentence]);
    let mut seen = length;
    if comptime!(causal) {
        seen = min(length, query + row + 1);
    }
    let blocks = length.div_ceil(BLOCK);
    let mut largest = f32::new(-1e30f32);
    let mut total = f32::new(0.0f32);
    for block in 0..blocks {
        let first = block * BLOCK;
        sync_cube();
        fetch::<E, W>(mixed, &mut keys, first_key, first, tokens, step, thread, head_width, moved, plane);
        sync_cube();
        let count = min((length - first).div_ceil(SIDE), PLANES);
        score::<E, W, F, N>(&asked, &keys, &mut scores, own, count, squares, stride, moved);
        sync_plane();
        let mut larger = largest;
        #[unroll]
        for i in 0..comptime!(BLOCK / WRITTEN / 2) {
            let v = scores[own + row * STRIDE + 2 * i + turn] * Vector::new(scale);
            #[unroll]
            for j in 0..WRITTEN {
                let key = first + (2 * i + turn) * WRITTEN + j;
                larger = max(larger, select(key < seen, v.extract(j), -1e30f32));
            }
        }
        total *= (largest - larger).exp();
        #[unroll]
        for i in 0..comptime!(BLOCK / WRITTEN / 2) {
            let v = (scores[own + row * STRIDE + 2 * i + turn] * Vector::new(scale) - Vector::new(larger)).exp();
            #[unroll]
            for j in 0..WRITTEN {
                let key = first + (2 * i + turn) * WRITTEN + j;
                total += select(key < seen, v.extract(j), 0.0f32);
            }
        }
        largest = larger;
    }
    let top = max(largest, plane_shuffle_xor(largest, 1));
    total *= (largest - top).exp();
    let share = 1.0f32 / (total + plane_shuffle_xor(total, 1));

    for block in 0..blocks {
        let first = block * BLOCK;
        sync_cube();
        // Of a single block, keys and scores are still there.
        if blocks > 1 {
            fetch::<E, W>(mixed, &mut keys, first_key, first, tokens, step, thread, head_width, moved, plane);
        }
        fetch::<E, W>(mixed, &mut values, first_value, first, tokens, step, thread, head_width, moved, plane);
        sync_cube();
        let count = min((length - first).div_ceil(SIDE), PLANES);
        if blocks > 1 {
            score::<E, W, F, N>(&asked, &keys, &mut scores, own, count, squares, stride, moved);
            sync_plane();
        }
        #[unroll]
        for i in 0..comptime!(BLOCK / WRITTEN / 2) {
            let v = (scores[own + row * STRIDE + 2 * i + turn] * Vector::new(scale) - Vector::new(top)).exp();
            let mut weight = Vector::<f32, N>::new(0.0f32);
            #[unroll]
            for j in 0..WRITTEN {
                let key = first + (2 * i + turn) * WRITTEN + j;
                weight.insert(j, select(key < seen, v.extract(j) * share, 0.0f32));
            }
            weights[own + row * STRIDE + 2 * i + turn] = Vector::cast_from(weight);
        }
        sync_plane();
        for k in 0..count {
            let given = square::<F, N, F>(
                &weights[own + k * comptime!(SIDE / WRITTEN)..SCORES],
                comptime!(cmma::MatrixIdent::A),
                comptime!(cmma::MatrixLayout::RowMajor),
                STRIDE,
                comptime!(Moved { lanes: WRITTEN, packed: 1 }),
            );
            #[unroll]
            for d in 0..squares {
                let at = k * comptime!(SIDE * stride) + comptime!(d * SIDE / lanes);
                let value = square::<E, W, F>(
                    &values[at..comptime!(BLOCK * stride)],
                    comptime!(cmma::MatrixIdent::B),
                    comptime!(cmma::MatrixLayout::RowMajor),
                    stride,
                    moved,
                );
                cmma::execute(&given, &value, sums.index(d), sums.index(d));
            }
        }
    }

    sync_plane();
    #[unroll]
    for d in 0..squares {
        cmma::store(
            &mut scores[own + comptime!(d * SIDE / WRITTEN)..SCORES],
            sums.index(d),
            comptime!((STRIDE * WRITTEN) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
    sync_plane();
    let wide = comptime!(head_width / WRITTEN);
    #[unroll]
    for i in 0..comptime!(SIDE * wide / plane) {
        let at = lane + i * plane;
        let token = query + at / wide;
        if token < tokens {
            let to = (sentence * tokens + token) * (width / WRITTEN) + head * wide + at % wide;
            out[to] = Vector::cast_from(scores[own + at / wide * STRIDE + at % wide]);
        }
    }
}

/// What [`BLOCK`] tokens from `token` on have, zero past the last one; their first vector is `first + token * step`.
#[cube]
fn fetch<E: Numeric, W: Size>(
    mixed: &[Vector<E, W>],
    to: &mut [Vector<E, W>],
    first: usize,
    token: usize,
    tokens: usize,
    step: usize,
    thread: usize,
    #[comptime] head_width: usize,
    #[comptime] moved: Moved,
    #[comptime] plane: usize,
) {
    let (wide, gap, threads) = comptime!((head_width / moved.lanes, GAP / moved.lanes, PLANES * plane));
    let zero = Vector::<E, W>::new(E::from_int(0));
    #[unroll]
    for i in 0..comptime!(BLOCK * wide / threads) {
        let at = thread + i * threads;
        let row = token + at / wide;
        to[at / wide * comptime!(wide + gap) + at % wide] =
            if row < tokens { mixed[first + row * step + at % wide] } else { zero };
    }
}

/// Scores of the plane's queries with `count` squares of keys.
#[cube]
fn score<E: Numeric, W: Size, F: Float, N: Size>(
    asked: &Sequence<cmma::Matrix<F>>,
    keys: &[Vector<E, W>],
    scores: &mut [Vector<f32, N>],
    own: usize,
    count: usize,
    #[comptime] squares: usize,
    #[comptime] stride: usize,
    #[comptime] moved: Moved,
) {
    for n in 0..count {
        let sum = no_sums();
        #[unroll]
        for d in 0..squares {
            let at = n * comptime!(SIDE * stride) + comptime!(d * SIDE / moved.lanes);
            // A key is a row of shared memory, and a column of what queries are multiplied by.
            let key = square::<E, W, F>(
                &keys[at..comptime!(BLOCK * stride)],
                comptime!(cmma::MatrixIdent::B),
                comptime!(cmma::MatrixLayout::ColMajor),
                stride,
                moved,
            );
            cmma::execute(asked.index(d), &key, &sum, &sum);
        }
        cmma::store(
            &mut scores[own + n * comptime!(SIDE / WRITTEN)..SCORES],
            &sum,
            comptime!((STRIDE * WRITTEN) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
}
