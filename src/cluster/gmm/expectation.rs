//! The E-step: how likely each component has made each row.

use super::mixture::{Mixture, Precisions, Whitening};
use super::run::wide;
use crate::cluster::Scalar;
use crate::linalg::matmul;
use ndarray::{Array2, ArrayView1, ArrayView2, Zip, s};

/// A component whose log-density is so far behind the likeliest one's has no part in a row: 4e-44 of it would change
/// neither the row's density nor any sum in its last place.
pub(super) const NEGLIGIBLE: f64 = -100.0;

/// What the E-step says of some rows.
pub(super) struct Expectation {
    /// Probability that a row comes from a component, `[n, n_components]`.
    pub(super) responsibilities: Array2<f64>,
    /// Logarithm of each row's density, `[n]`.
    pub(super) log_densities: Vec<f64>,
    /// The likeliest component of each row, the first of equals.
    pub(super) labels: Vec<usize>,
}

impl Mixture {
    /// Looks at some rows, side by side in `rows`; `likely` names a component for each that may well be the likeliest,
    /// which saves time when it is.
    pub(super) fn expect<F: Scalar>(&self, rows: &[F], likely: impl Fn(usize) -> usize) -> Expectation {
        let n_features = self.means.ncols();
        let constant = n_features as f64 * (2.0 * std::f64::consts::PI).ln();
        let offsets = |log_det: &dyn Fn(usize) -> f64| -> Vec<f64> {
            self.weights.iter().enumerate().map(|(c, w)| w.ln() + log_det(c) - 0.5 * constant).collect()
        };
        let log_probs = match &self.precisions {
            Precisions::Full(whitenings) => {
                self.full(wide(rows, n_features).view(), whitenings, &offsets(&|c| whitenings[c].log_det), likely)
            }
            Precisions::Tied(whitening) => {
                from_squares(self.tied(wide(rows, n_features).view(), whitening), &offsets(&|_| whitening.log_det))
            }
            Precisions::Diagonal(diagonal) => {
                diagonal.log_probs(rows, &self.means, &offsets(&|c| diagonal.log_dets[c]))
            }
        };
        normalize(log_probs)
    }

    /// Weighted log-densities, `-inf` for components that have no part in a row.
    fn full(
        &self,
        x: ArrayView2<'_, f64>,
        whitenings: &[Whitening],
        offsets: &[f64],
        likely: impl Fn(usize) -> usize,
    ) -> Array2<f64> {
        let n = x.nrows();
        let mut log_probs = Array2::from_elem((n, self.weights.len()), f64::NEG_INFINITY);
        let mut best = vec![f64::NEG_INFINITY; n];
        // The likeliest component first, so that its density tells how far the others need to be looked at.
        for wanted in [true, false] {
            for (component, whitening) in whitenings.iter().enumerate() {
                let near = (0..n).filter(|&i| (likely(i) == component) == wanted);
                let rows: Vec<(usize, f64)> =
                    near.map(|i| (i, 2.0 * (offsets[component] - best[i] - NEGLIGIBLE))).collect();
                for (row, squared) in whitening.squared_lengths(x, self.means.row(component), rows) {
                    let log_prob = offsets[component] - 0.5 * squared;
                    log_probs[(row, component)] = log_prob;
                    best[row] = best[row].max(log_prob);
                }
            }
        }
        log_probs
    }

    /// Squared Mahalanobis distances under the one covariance, `[n, n_components]`.
    fn tied(&self, x: ArrayView2<'_, f64>, whitening: &Whitening) -> Array2<f64> {
        let mut squares = Array2::zeros((x.nrows(), self.weights.len()));
        for block in &whitening.blocks {
            let end = block.ncols();
            let rows = matmul(x.slice(s![.., ..end]), block.t());
            let means = matmul(self.means.slice(s![.., ..end]), block.t());
            for (mut squares, row) in squares.rows_mut().into_iter().zip(rows.rows()) {
                squares.iter_mut().zip(means.rows()).for_each(|(square, mean)| *square += squared_distance(row, mean));
            }
        }
        squares
    }
}

impl Whitening {
    /// Squared lengths of the whitened deviations of some rows from a mean. Each row comes with the length from which
    /// on it is of no interest; those that reach it are left out.
    fn squared_lengths(
        &self,
        x: ArrayView2<'_, f64>,
        mean: ArrayView1<'_, f64>,
        rows: Vec<(usize, f64)>,
    ) -> Vec<(usize, f64)> {
        let mut active: Vec<(usize, f64, f64)> = rows.into_iter().map(|(row, limit)| (row, limit, 0.0)).collect();
        for block in &self.blocks {
            if active.is_empty() {
                break;
            }
            let end = block.ncols();
            let mut deviations = Array2::zeros((active.len(), end));
            for (mut deviation, &(row, ..)) in deviations.rows_mut().into_iter().zip(&active) {
                let (x, mean) = (x.slice(s![row, ..end]), mean.slice(s![..end]));
                Zip::from(&mut deviation).and(&x).and(&mean).for_each(|out, &x, &mean| *out = x - mean);
            }
            let whitened = matmul(deviations.view(), block.t());
            for ((_, _, sum), whitened) in active.iter_mut().zip(whitened.rows()) {
                *sum += whitened.dot(&whitened);
            }
            active.retain(|&(_, limit, sum)| sum < limit);
        }
        active.into_iter().map(|(row, _, sum)| (row, sum)).collect()
    }
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn from_squares(mut squares: Array2<f64>, offsets: &[f64]) -> Array2<f64> {
    for mut row in squares.rows_mut() {
        row.iter_mut().zip(offsets).for_each(|(square, offset)| *square = offset - 0.5 * *square);
    }
    squares
}

/// From weighted log-densities to probabilities.
fn normalize(mut log_probs: Array2<f64>) -> Expectation {
    let mut labels = Vec::with_capacity(log_probs.nrows());
    let mut log_densities = Vec::with_capacity(log_probs.nrows());
    for mut row in log_probs.rows_mut() {
        let label = (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
        let highest = row[label];
        // Most have no part, and `exp` takes its time.
        row.mapv_inplace(|v| if v == f64::NEG_INFINITY { 0.0 } else { (v - highest).exp() });
        let sum = row.sum();
        row.mapv_inplace(|v| v / sum);
        labels.push(label);
        log_densities.push(highest + sum.ln());
    }
    Expectation { responsibilities: log_probs, log_densities, labels }
}
