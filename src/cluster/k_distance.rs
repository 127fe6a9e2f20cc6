//! The curve of distances to the kth nearest row, and where it bends: how to choose DBSCAN's `eps`.
//!
//! Ester et al. (1996) sort every row's distance to its kth nearest other row: rows inside clusters come first and differ
//! little, noise comes last and rises steeply. At the bend lies a good `eps`. For `min_samples`, which counts the row
//! itself, k is `min_samples - 1`: with `eps` at a row's distance, that row and all before it are core samples.

use super::Scalar;
use super::distances::MatrixError;
use super::distances::coarse::{BLOCK, Coarse};
use super::distances::rows::Rows;
use crate::progress::Step;
use ndarray::{ArrayBase, Data, Ix2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Even steps in which a curve is thinned out: more than a chart has pixels to tell apart.
const POINTS: usize = 256;
/// Blocks of rows in one step.
const BLOCKS: usize = if crate::runtime::ONE_THREAD { 1 } else { 2 };

/// Why there is no such curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KDistanceError {
    /// The matrix has no usable distances.
    #[error("k-distances: {0}")]
    Matrix(#[from] MatrixError),
    /// `k` is 0, or there are not as many other rows.
    #[error("k-distances: k must be between 1 and the other rows, {n_samples} less 1, got {k}")]
    K {
        /// Neighbours asked for.
        k: usize,
        /// Rows of the matrix.
        n_samples: usize,
    },
}

/// The Euclidean distance of every row of `x` `[n_samples, n_features]` to its `k`th nearest other row, ascending.
///
/// # Errors
/// An empty matrix, a number that is not finite, or a `k` that is not in `1..n_samples`.
pub fn k_distances<F: Scalar, D: Data<Elem = F>>(x: &ArrayBase<D, Ix2>, k: usize) -> Result<Vec<f64>, KDistanceError> {
    let mut run = KDistanceRun::new(x, k)?;
    while run.step() != Step::Done {}
    Ok(run.sorted())
}

/// [`k_distances`] one step at a time; a step computes some rows.
#[derive(Debug)]
pub struct KDistanceRun<F> {
    rows: Rows<F>,
    coarse: Coarse,
    k: usize,
    distances: Vec<f64>,
}

impl<F: Scalar> KDistanceRun<F> {
    /// Checks and copies the matrix.
    ///
    /// # Errors
    /// As [`k_distances`].
    pub fn new<D: Data<Elem = F>>(x: &ArrayBase<D, Ix2>, k: usize) -> Result<Self, KDistanceError> {
        let rows = Rows::new(x)?;
        let n_samples = rows.n_samples();
        if k == 0 || k >= n_samples {
            return Err(KDistanceError::K { k, n_samples });
        }
        let coarse = Coarse::new(&rows);
        Ok(Self::of(rows, coarse, k))
    }

    /// As [`new`](Self::new), on a matrix that has been checked and has more than `k` rows.
    pub(super) fn of(rows: Rows<F>, coarse: Coarse, k: usize) -> Self {
        let distances = Vec::with_capacity(rows.n_samples());
        Self { rows, coarse, k, distances }
    }

    /// The matrix, for who goes on with it.
    pub(super) fn into_rows(self) -> (Rows<F>, Coarse) {
        (self.rows, self.coarse)
    }

    /// Computes some rows.
    pub fn step(&mut self) -> Step {
        let (n, first) = (self.rows.n_samples(), self.distances.len());
        let blocks: Vec<_> = (first..n).step_by(BLOCK).take(BLOCKS).map(|start| start..n.min(start + BLOCK)).collect();
        let found: Vec<Vec<f64>> =
            blocks.into_par_iter().map(|block| self.coarse.kth_distances(&self.rows, block, self.k)).collect();
        self.distances.extend(found.into_iter().flatten());
        if self.distances.len() == n { Step::Done } else { Step::Running { done: self.distances.len(), total: n } }
    }

    /// Which neighbour the distances are to.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The distances so far, ascending.
    pub fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.distances.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Where an ascending curve bends most, as an index: the Kneedle method of V. Satopää et al., "Finding a 'kneedle' in a
/// haystack" (2011). Both axes are scaled to 0..1, and the knee of a convex rising curve lies where it is farthest below
/// the diagonal. The curve is not smoothed: distances that are sorted need none. `None` for a curve that does not rise.
pub fn knee(sorted: &[f64]) -> Option<usize> {
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    if !(last - first).is_finite() || last <= first {
        return None;
    }
    let below = |at: usize| at as f64 / (sorted.len() - 1) as f64 - (sorted[at] - first) / (last - first);
    (0..sorted.len()).max_by(|&a, &b| below(a).total_cmp(&below(b)))
}

/// The `eps` that a curve of ascending k-distances suggests for DBSCAN: the distance at its [`knee`], where there is
/// none the largest.
///
/// Distances of 0 are left out; where there are no others only equal rows are near each other.
pub fn suggested_eps(sorted: &[f64]) -> f64 {
    suggested(sorted).map_or(f64::MIN_POSITIVE, |at| sorted[at])
}

/// Where that `eps` lies on the curve; `None` where all distances are 0.
fn suggested(sorted: &[f64]) -> Option<usize> {
    let equal = sorted.partition_point(|&distance| distance <= 0.0);
    let apart = &sorted[equal..];
    knee(apart).or(apart.len().checked_sub(1)).map(|at| equal + at)
}

/// A curve of k-distances, thinned out for a chart, and the `eps` that it suggests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KDistanceCurve {
    /// Which neighbour the distances are to, the row itself not counted.
    pub k: usize,
    /// Rows that have a distance.
    pub n_samples: usize,
    /// Some of them as (rank, distance), ascending: rank 0, the last, and the knee's among them, and more towards the steep
    /// end.
    pub points: Vec<(usize, f64)>,
    /// Rank of the row whose distance is `eps`: that of the [`knee`], where there is none the last.
    pub knee: usize,
    /// The distance there.
    pub eps: f64,
}

impl KDistanceCurve {
    /// Of all distances to the `k`th nearest other row, ascending; `None` where all of them are 0.
    pub fn new(sorted: &[f64], k: usize) -> Option<Self> {
        let knee = suggested(sorted)?;
        let last = sorted.len() - 1;
        let even = (0..=POINTS).map(|i| i * last / POINTS);
        let steep =
            (0..usize::BITS).map(|doubling| 1 << doubling).take_while(|back| *back <= last).map(|back| last - back);
        let ranks: BTreeSet<usize> = even.chain(steep).chain([knee]).collect();
        let points = ranks.into_iter().map(|rank| (rank, sorted[rank])).collect();
        Some(Self { k, n_samples: sorted.len(), points, knee, eps: sorted[knee] })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{KDistanceCurve, suggested_eps};

    #[test]
    fn a_thin_curve_keeps_its_ends_and_its_knee() {
        let mut distances = vec![0.0; 100];
        distances.extend((0..20_000).map(|i| 1.0 + (f64::from(i) / 20_000.0).powi(30)));
        let curve = KDistanceCurve::new(&distances, 4).unwrap();
        assert_eq!((curve.n_samples, curve.eps), (20_100, suggested_eps(&distances)));
        assert_eq!(distances[curve.knee], curve.eps);
        assert!(curve.points.contains(&(curve.knee, curve.eps)) && curve.points.len() < 300);
        assert_eq!((curve.points[0].0, curve.points.last().unwrap().0), (0, 20_099));
        assert!(curve.points.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1));
        assert_eq!(KDistanceCurve::new(&[0.0, 0.0], 1), None);
        assert_eq!(KDistanceCurve::new(&[], 1), None);
        assert_eq!(KDistanceCurve::new(&[3.0], 1).unwrap().points, [(0, 3.0)]);
    }
}
