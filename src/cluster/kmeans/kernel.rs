//! The inner product kernels of K-Means: many rows times a few vectors.
//!
//! Every product is summed feature by feature with fused multiply-adds, in blocks of features of
//! OpenBLAS's size, and a block's sum is scaled and added to the result. That is how scikit-learn's
//! distances are rounded on a processor with AVX-512, so that points that lie between two centres
//! fall to the same one. Where the processor has no fused multiply-add (wasm32), the last bit differs.

use crate::cluster::Scalar;
use multiversion::multiversion;
use multiversion::target::match_target;

/// Vectors side by side in one panel of the kernel.
pub(super) const WIDTH: usize = if cfg!(target_arch = "wasm32") { 8 } else { 16 };

/// Rows that [`wide_products`] holds in double precision at once; they fit the second-level cache.
const WIDE_ROWS: usize = 16;

/// Features that OpenBLAS sums before it adds to the result (`SGEMM_DEFAULT_Q` of SkylakeX).
const BLOCK: usize = 448;
/// OpenBLAS rounds half blocks up to a multiple of this (`SGEMM_UNROLL_M`).
const HALF_BLOCK_STEP: usize = 16;

/// Vectors of the same length, `W` of them interleaved in each panel; the last is filled up with zeros.
pub(super) struct Packed<F, const W: usize> {
    panels: Vec<Vec<[F; W]>>,
    features: usize,
}

impl<F: Scalar, const W: usize> Packed<F, W> {
    pub(super) fn new<X: Scalar + Into<F>>(vectors: &[&[X]], features: usize) -> Self {
        let panels = vectors
            .chunks(W)
            .map(|group| {
                let mut panel = vec![[F::zero(); W]; features];
                for (lane, vector) in group.iter().enumerate() {
                    panel.iter_mut().zip(*vector).for_each(|(slot, &value)| slot[lane] = value.into());
                }
                panel
            })
            .collect();
        Self { panels, features }
    }

    /// Products per row: the number of vectors, filled up to whole panels.
    pub(super) fn lanes(&self) -> usize {
        self.panels.len() * W
    }
}

/// How OpenBLAS cuts the sum over `features` into blocks.
pub(super) fn blocks(features: usize) -> Vec<usize> {
    let mut left = features;
    let mut blocks = Vec::new();
    while left > 0 {
        let block = match left {
            _ if left >= 2 * BLOCK => BLOCK,
            _ if left > BLOCK => (left / 2).next_multiple_of(HALF_BLOCK_STEP),
            _ => left,
        };
        blocks.push(block);
        left -= block;
    }
    blocks
}

/// `out += alpha * rows · vectors^T`: `rows` is `[n, features]`, `out` `[n, lanes]`, both row-major.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn add_products<F: Scalar, const W: usize>(
    rows: &[F],
    vectors: &Packed<F, W>,
    blocks: &[usize],
    alpha: F,
    out: &mut [F],
) {
    match_target! {
        "x86_64+avx512f" => add_all::<F, W, 8, true>(rows, vectors, blocks, alpha, out),
        "x86_64+fma" => add_all::<F, W, 4, true>(rows, vectors, blocks, alpha, out),
        "aarch64+neon" => add_all::<F, W, 4, true>(rows, vectors, blocks, alpha, out),
        _ => add_all::<F, W, 4, false>(rows, vectors, blocks, alpha, out),
    }
}

#[inline(always)]
fn add_all<F: Scalar, const W: usize, const R: usize, const FUSED: bool>(
    rows: &[F],
    vectors: &Packed<F, W>,
    blocks: &[usize],
    alpha: F,
    out: &mut [F],
) {
    let (features, lanes) = (vectors.features, vectors.lanes());
    let whole = rows.len() / features / R * R;
    let (rows, rest) = rows.split_at(whole * features);
    let (out, out_rest) = out.split_at_mut(whole * lanes);
    for (rows, out) in rows.chunks_exact(R * features).zip(out.chunks_exact_mut(R * lanes)) {
        add_group::<F, W, R, FUSED>(rows, vectors, blocks, alpha, out);
    }
    for (row, out) in rest.chunks_exact(features).zip(out_rest.chunks_exact_mut(lanes)) {
        add_group::<F, W, 1, FUSED>(row, vectors, blocks, alpha, out);
    }
}

/// `R` rows at once, so that each panel entry that is loaded is used `R` times.
#[inline(always)]
fn add_group<F: Scalar, const W: usize, const R: usize, const FUSED: bool>(
    rows: &[F],
    vectors: &Packed<F, W>,
    blocks: &[usize],
    alpha: F,
    out: &mut [F],
) {
    let (features, lanes) = (vectors.features, vectors.lanes());
    for (p, panel) in vectors.panels.iter().enumerate() {
        let mut first = 0;
        for &block in blocks {
            let panel = &panel[first..first + block];
            let rows: [&[F]; R] = std::array::from_fn(|r| &rows[r * features + first..][..block]);
            let mut sums = [[F::zero(); W]; R];
            for (f, vectors) in panel.iter().enumerate() {
                for r in 0..R {
                    let x = rows[r][f];
                    for lane in 0..W {
                        sums[r][lane] = fma::<F, FUSED>(x, vectors[lane], sums[r][lane]);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                let out = &mut out[r * lanes + p * W..][..W];
                for lane in 0..W {
                    out[lane] = fma::<F, FUSED>(alpha, sums[lane], out[lane]);
                }
            }
            first += block;
        }
    }
}

#[inline(always)]
fn fma<F: Scalar, const FUSED: bool>(a: F, b: F, c: F) -> F {
    if FUSED { a.fused_mul_add(b, c) } else { a * b + c }
}

/// `rows · vectors^T` in double precision, `[n, lanes]`.
pub(super) fn wide_products<F: Scalar, const W: usize>(rows: &[F], vectors: &Packed<f64, W>) -> Vec<f64> {
    let (features, lanes) = (vectors.features, vectors.lanes());
    let mut out = vec![0.0; rows.len() / features * lanes];
    let mut wide = Vec::with_capacity(WIDE_ROWS * features);
    for (rows, out) in rows.chunks(WIDE_ROWS * features).zip(out.chunks_mut(WIDE_ROWS * lanes)) {
        wide.clear();
        wide.extend(rows.iter().map(|&v| -> f64 { v.into() }));
        add_products(&wide, vectors, &[features], 1.0, out);
    }
    out
}

/// The squared norm of each row `[n, features]`, in the order of `numpy.einsum("ij,ij->i")` on x86-64.
pub(super) fn row_norms<F: Scalar>(rows: &[F], features: usize) -> Vec<F> {
    rows.chunks_exact(features).map(squared_norm).collect()
}

fn squared_norm<F: Scalar>(row: &[F]) -> F {
    // numpy's vectors of 128 bits, four of them taken last to first, then the rest.
    match size_of::<F>() {
        4 => squared_norm_in_lanes::<F, 4>(row),
        _ => squared_norm_in_lanes::<F, 2>(row),
    }
}

fn squared_norm_in_lanes<F: Scalar, const L: usize>(row: &[F]) -> F {
    let mut sums = [F::zero(); L];
    let mut add = |values: &[F]| sums.iter_mut().zip(values).for_each(|(sum, &v)| *sum = v * v + *sum);
    let mut groups = row.chunks_exact(4 * L);
    for group in &mut groups {
        group.chunks_exact(L).rev().for_each(&mut add);
    }
    groups.remainder().chunks(L).for_each(add);
    match L {
        4 => (sums[0] + sums[1]) + (sums[2] + sums[3]),
        _ => sums[0] + sums[1],
    }
}

#[cfg(test)]
mod tests {
    use super::{Packed, WIDTH, add_products, blocks, row_norms, wide_products};
    use crate::random::RandomState;

    #[test]
    fn blocks_are_those_of_openblas() {
        // Found by comparing with scipy.linalg.blas.sgemm, bit by bit.
        assert_eq!(blocks(448), [448]);
        assert_eq!(blocks(512), [256, 256]);
        assert_eq!(blocks(768), [384, 384]);
        assert_eq!(blocks(1280), [448, 416, 416]);
        assert_eq!(blocks(1000), [448, 288, 264]);
    }

    #[test]
    fn products_equal_the_plain_sum() {
        for (n, k, features) in [(1, 1, 1), (19, 30, 700), (256, 17, 64), (8, 33, 5)] {
            let mut rng = RandomState::new(3);
            let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.standard_normal() as f32).collect() };
            let (rows, vectors) = (numbers(n * features), numbers(k * features));
            let vectors: Vec<&[f32]> = vectors.chunks(features).collect();
            let single = Packed::<f32, WIDTH>::new(&vectors, features);
            let double = Packed::<f64, 8>::new(&vectors, features);
            let mut out = vec![1.0f32; n * single.lanes()];
            add_products(&rows, &single, &blocks(features), -2.0, &mut out);
            let out_double = wide_products(&rows, &double);
            for (i, row) in rows.chunks(features).enumerate() {
                for (j, vector) in vectors.iter().enumerate() {
                    let dot: f64 = row.iter().zip(*vector).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                    assert!((f64::from(out[i * single.lanes() + j]) - (1.0 - 2.0 * dot)).abs() < 1e-3);
                    assert!((out_double[i * double.lanes() + j] - dot).abs() < 1e-10);
                }
            }
        }
    }

    #[test]
    fn norms_are_squared_lengths() {
        let row: Vec<f64> = (1..=7).map(f64::from).collect();
        assert_eq!(row_norms(&row, 7), [140.0]);
        let row: Vec<f32> = (1u8..=23).map(f32::from).collect();
        assert_eq!(row_norms(&row, 23), [4324.0]);
    }
}
