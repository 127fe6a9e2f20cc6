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
const WIDTH: usize = if cfg!(target_arch = "wasm32") { 8 } else { 16 };

/// Numbers in one register of double precision.
pub(super) const LANES: usize = 8;
/// Rows that share each load of a vector in [`wide_products`].
const ROWS: usize = 4;

/// Features that OpenBLAS sums before it adds to the result (`SGEMM_DEFAULT_Q` of SkylakeX).
const BLOCK: usize = 448;
/// OpenBLAS rounds half blocks up to a multiple of this (`SGEMM_UNROLL_M`).
const HALF_BLOCK_STEP: usize = 16;

/// Vectors of the same length, `WIDTH` of them interleaved in each panel; the last is filled up with zeros.
pub(super) struct Packed<F> {
    panels: Vec<Vec<[F; WIDTH]>>,
    features: usize,
}

impl<F: Scalar> Packed<F> {
    pub(super) fn new(vectors: &[&[F]], features: usize) -> Self {
        let panels = vectors
            .chunks(WIDTH)
            .map(|group| {
                let mut panel = vec![[F::zero(); WIDTH]; features];
                for (lane, vector) in group.iter().enumerate() {
                    panel.iter_mut().zip(*vector).for_each(|(slot, &value)| slot[lane] = value);
                }
                panel
            })
            .collect();
        Self { panels, features }
    }

    /// Products per row: the number of vectors, filled up to whole panels.
    pub(super) fn lanes(&self) -> usize {
        self.panels.len() * WIDTH
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
pub(super) fn add_products<F: Scalar>(rows: &[F], vectors: &Packed<F>, blocks: &[usize], alpha: F, out: &mut [F]) {
    match_target! {
        "x86_64+avx512f" => add_all::<F, 8, true>(rows, vectors, blocks, alpha, out),
        "x86_64+fma" => add_all::<F, 4, true>(rows, vectors, blocks, alpha, out),
        "aarch64+neon" => add_all::<F, 4, true>(rows, vectors, blocks, alpha, out),
        _ => add_all::<F, 4, false>(rows, vectors, blocks, alpha, out),
    }
}

#[inline(always)]
fn add_all<F: Scalar, const R: usize, const FUSED: bool>(
    rows: &[F],
    vectors: &Packed<F>,
    blocks: &[usize],
    alpha: F,
    out: &mut [F],
) {
    let (features, lanes) = (vectors.features, vectors.lanes());
    let whole = rows.len() / features / R * R;
    let (rows, rest) = rows.split_at(whole * features);
    let (out, out_rest) = out.split_at_mut(whole * lanes);
    for (rows, out) in rows.chunks_exact(R * features).zip(out.chunks_exact_mut(R * lanes)) {
        add_group::<F, R, FUSED>(rows, vectors, blocks, alpha, out);
    }
    for (row, out) in rest.chunks_exact(features).zip(out_rest.chunks_exact_mut(lanes)) {
        add_group::<F, 1, FUSED>(row, vectors, blocks, alpha, out);
    }
}

/// `R` rows at once, so that each panel entry that is loaded is used `R` times.
#[inline(always)]
fn add_group<F: Scalar, const R: usize, const FUSED: bool>(
    rows: &[F],
    vectors: &Packed<F>,
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
            let mut sums = [[F::zero(); WIDTH]; R];
            for (f, vectors) in panel.iter().enumerate() {
                for r in 0..R {
                    let x = rows[r][f];
                    for lane in 0..WIDTH {
                        sums[r][lane] = fma::<F, FUSED>(x, vectors[lane], sums[r][lane]);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                let out = &mut out[r * lanes + p * WIDTH..][..WIDTH];
                for lane in 0..WIDTH {
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

/// Features of a row in double precision, padded with zeros to whole groups of `LANES`.
pub(super) fn widen<F: Scalar>(row: &[F]) -> Vec<[f64; LANES]> {
    let mut wide = vec![[0.0; LANES]; row.len().div_ceil(LANES)];
    wide.as_flattened_mut().iter_mut().zip(row).for_each(|(wide, &v)| *wide = v.into());
    wide
}

/// `rows · vectors^T` in double precision, `[n, vectors]`; the vectors come from [`widen`].
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn wide_products<F: Scalar>(rows: &[F], n_features: usize, vectors: &[Vec<[f64; LANES]>], out: &mut [f64]) {
    let dots = match_target! {
        "x86_64+fma" => dots::<true>,
        _ => dots::<false>,
    };
    let groups = n_features.div_ceil(LANES);
    let mut wide = vec![[0.0; LANES]; ROWS * groups];
    for (rows, out) in rows.chunks(ROWS * n_features).zip(out.chunks_mut(ROWS * vectors.len())) {
        for (row, wide) in rows.chunks_exact(n_features).zip(wide.chunks_exact_mut(groups)) {
            wide.as_flattened_mut().iter_mut().zip(row).for_each(|(wide, &v)| *wide = v.into());
        }
        for (t, vector) in vectors.iter().enumerate() {
            out.chunks_exact_mut(vectors.len()).zip(dots(&wide, vector)).for_each(|(out, product)| out[t] = product);
        }
    }
}

/// The products of `ROWS` rows with one vector.
#[inline(always)]
fn dots<const FUSED: bool>(rows: &[[f64; LANES]], vector: &[[f64; LANES]]) -> [f64; ROWS] {
    let rows: [&[[f64; LANES]]; ROWS] = std::array::from_fn(|r| &rows[r * vector.len()..][..vector.len()]);
    let mut sums = [[0.0; LANES]; ROWS];
    for (i, v) in vector.iter().enumerate() {
        for r in 0..ROWS {
            for lane in 0..LANES {
                sums[r][lane] = fma::<f64, FUSED>(rows[r][i][lane], v[lane], sums[r][lane]);
            }
        }
    }
    sums.map(|lanes| lanes.iter().sum())
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
    use super::{Packed, add_products, blocks, row_norms, wide_products, widen};
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
            let single = Packed::new(&vectors, features);
            let wide: Vec<_> = vectors.iter().map(|vector| widen(vector)).collect();
            let mut out = vec![1.0f32; n * single.lanes()];
            let mut out_double = vec![0.0; n * k];
            add_products(&rows, &single, &blocks(features), -2.0, &mut out);
            wide_products(&rows, features, &wide, &mut out_double);
            for (i, row) in rows.chunks(features).enumerate() {
                for (j, vector) in vectors.iter().enumerate() {
                    let dot: f64 = row.iter().zip(*vector).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                    assert!((f64::from(out[i * single.lanes() + j]) - (1.0 - 2.0 * dot)).abs() < 1e-3);
                    assert!((out_double[i * k + j] - dot).abs() < 1e-10);
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
