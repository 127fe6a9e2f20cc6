//! Components whose features vary on their own: a variance for each feature, or one for all.
//!
//! In many dimensions a row belongs to one or two components, and the others have no part in it that a number could hold.
//! One product in single precision tells which those are, with a bound of its error; the densities that count are
//! computed in double precision, from the differences themselves.

use super::expectation::NEGLIGIBLE;
use crate::cluster::Scalar;
use crate::linalg::matmul;
use multiversion::multiversion;
use ndarray::{Array2, ArrayView1, Axis, s};

/// Sums that run side by side, which is what vector registers hold.
const LANES: usize = 16;

/// Precisions of all components, and what the product needs.
#[derive(Debug, Clone)]
pub(super) struct Diagonal {
    /// Inverse variances, `[n_components, n_features]`.
    precisions: Array2<f64>,
    /// Half the logarithm of each component's determinant.
    pub(super) log_dets: Vec<f64>,
    /// What a row's squares, and then the row, are multiplied by: `[2 n_features, n_components]`.
    factors: Array2<f32>,
    /// Squared length of each mean in its component's own units.
    lengths: Vec<f64>,
}

impl Diagonal {
    /// Of means and inverse variances, both `[n_components, n_features]`.
    pub(super) fn new(means: &Array2<f64>, precisions: Array2<f64>) -> Self {
        let log_det = |row: ArrayView1<'_, f64>| 0.5 * row.iter().map(|p| p.ln()).sum::<f64>();
        let log_dets = precisions.rows().into_iter().map(log_det).collect();
        let scaled = means * &precisions;
        let lengths = (&scaled * means).sum_axis(Axis(1)).to_vec();
        let n_features = means.ncols();
        let mut factors = Array2::zeros((2 * n_features, means.nrows()));
        factors.slice_mut(s![..n_features, ..]).assign(&precisions.t().mapv(|p| p as f32));
        factors.slice_mut(s![n_features.., ..]).assign(&scaled.t().mapv(|v| (-2.0 * v) as f32));
        Self { precisions, log_dets, factors, lengths }
    }

    /// `offsets` less half the squared Mahalanobis distances to the `means` of some rows, side by side in `rows`:
    /// `[n, n_components]`, `-inf` for components that have no part in a row.
    pub(super) fn log_probs<F: Scalar>(&self, rows: &[F], means: &Array2<f64>, offsets: &[f64]) -> Array2<f64> {
        let mut log_probs = Array2::from_elem((rows.len() / means.ncols(), offsets.len()), f64::NEG_INFINITY);
        let near = self.near(rows, offsets);
        // All three are row-major.
        if let (Some(means), Some(precisions), Some(out)) =
            (means.as_slice(), self.precisions.as_slice(), log_probs.as_slice_mut())
        {
            fill(rows, (means, precisions), &near, offsets, out);
        }
        log_probs
    }

    /// The components of each row that may have a part in it, as (row, component).
    fn near<F: Scalar>(&self, rows: &[F], offsets: &[f64]) -> Vec<(usize, usize)> {
        let n_features = self.precisions.ncols();
        let mut narrow = Array2::zeros((rows.len() / n_features, 2 * n_features));
        let outs = narrow.as_slice_mut().unwrap_or_default().chunks_exact_mut(2 * n_features);
        for (out, row) in outs.zip(rows.chunks_exact(n_features)) {
            let (squares, own) = out.split_at_mut(n_features);
            for ((square, own), &v) in squares.iter_mut().zip(own).zip(row) {
                let v: f64 = v.into();
                *own = v as f32;
                *square = *own * *own;
            }
        }
        let products = matmul(narrow.view(), self.factors.view());
        // A sum of m products in single precision is off by m units in the last place of their absolute sum, at most, and
        // what is multiplied was rounded before. That absolute sum is no more than 4 squared distances and 6 lengths.
        let unit = (2 * n_features + 16) as f64 * f64::from(f32::EPSILON);
        let mut near = Vec::with_capacity(2 * products.nrows());
        let mut upper = vec![0.0; offsets.len()];
        for (row, products) in products.rows().into_iter().enumerate() {
            let mut best = f64::NEG_INFINITY;
            for (c, &product) in products.iter().enumerate() {
                let square = f64::from(product) + self.lengths[c];
                let error = unit * (4.0 * square.max(0.0) + 6.0 * self.lengths[c]);
                upper[c] = offsets[c] - 0.5 * (square - error);
                best = best.max(offsets[c] - 0.5 * (square + error));
            }
            let limit = best + NEGLIGIBLE;
            // What is too large for single precision is no number here, and is computed as well.
            let may = |upper: f64| upper.is_nan() || upper >= limit;
            near.extend(upper.iter().enumerate().filter(|(_, upper)| may(**upper)).map(|(c, _)| (row, c)));
        }
        near
    }
}

/// Fills in the weighted log-densities of the rows and components that are `near`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn fill<F: Scalar>(
    rows: &[F],
    (means, precisions): (&[f64], &[f64]),
    near: &[(usize, usize)],
    offsets: &[f64],
    out: &mut [f64],
) {
    let n_components = offsets.len();
    let n_features = means.len() / n_components;
    for &(row, component) in near {
        let x = &rows[row * n_features..][..n_features];
        let mean = &means[component * n_features..][..n_features];
        let precision = &precisions[component * n_features..][..n_features];
        let mut sums = [0.0; LANES];
        let parts = x.chunks(LANES).zip(mean.chunks(LANES)).zip(precision.chunks(LANES));
        for ((x, mean), precision) in parts {
            for (((sum, &x), mean), precision) in sums.iter_mut().zip(x).zip(mean).zip(precision) {
                let x: f64 = x.into();
                *sum += (x - mean) * (x - mean) * precision;
            }
        }
        out[row * n_components + component] = offsets[component] - 0.5 * sums.iter().sum::<f64>();
    }
}
