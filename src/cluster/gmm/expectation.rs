//! The E-step: how likely each component has made each row.

use super::mixture::{Mixture, Precisions, Whitening};
use crate::linalg::matmul;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip, s};

/// Below this `exp` is 0: a component that is so far behind the likeliest one has no part in a row.
const NOTHING: f64 = -746.0;

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
    /// Looks at the rows `x`, `[n, n_features]`; `likely` names a component for each that may well be the likeliest,
    /// which saves time when it is.
    pub(super) fn expect(&self, x: ArrayView2<'_, f64>, likely: impl Fn(usize) -> usize) -> Expectation {
        let constant = x.ncols() as f64 * (2.0 * std::f64::consts::PI).ln();
        let offsets = |log_det: &dyn Fn(usize) -> f64| -> Vec<f64> {
            self.weights.iter().enumerate().map(|(c, w)| w.ln() + log_det(c) - 0.5 * constant).collect()
        };
        let log_probs = match &self.precisions {
            Precisions::Full(whitenings) => self.full(x, whitenings, &offsets(&|c| whitenings[c].log_det), likely),
            Precisions::Tied(whitening) => from_squares(self.tied(x, whitening), &offsets(&|_| whitening.log_det)),
            Precisions::Diag(precisions) => {
                let log_det = |c: usize| 0.5 * precisions.row(c).iter().map(|p| p.ln()).sum::<f64>();
                from_squares(self.diag(x, precisions), &offsets(&log_det))
            }
            Precisions::Spherical(precisions) => {
                let log_det = |c: usize| 0.5 * x.ncols() as f64 * precisions[c].ln();
                from_squares(self.spherical(x, precisions), &offsets(&log_det))
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
                    near.map(|i| (i, 2.0 * (offsets[component] - best[i] - NOTHING))).collect();
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

    /// The same where every feature has its variance.
    fn diag(&self, x: ArrayView2<'_, f64>, precisions: &Array2<f64>) -> Array2<f64> {
        let scaled = &self.means * precisions;
        let own = (&self.means * &scaled).sum_axis(Axis(1));
        let squares = matmul(x.mapv(|v| v * v).view(), precisions.t());
        squares + &own - matmul(x, scaled.t()) * 2.0
    }

    /// The same where every component has one variance.
    fn spherical(&self, x: ArrayView2<'_, f64>, precisions: &[f64]) -> Array2<f64> {
        let own = self.means.map_axis(Axis(1), |mean| mean.dot(&mean));
        let norms = x.map_axis(Axis(1), |row| row.dot(&row)).insert_axis(Axis(1));
        let squares = norms + &own - matmul(x, self.means.t()) * 2.0;
        squares * ArrayView1::from(precisions)
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
        let density = highest + row.iter().map(|&v| (v - highest).exp()).sum::<f64>().ln();
        row.mapv_inplace(|v| (v - density).exp());
        labels.push(label);
        log_densities.push(density);
    }
    Expectation { responsibilities: log_probs, log_densities, labels }
}
