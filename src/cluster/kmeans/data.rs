//! The matrix that K-Means works on: checked, centred, with what every run needs of it.

use super::kernel::row_norms;
use super::{CHUNK, KMeansError};
use crate::cluster::{Scalar, copied, first_not_finite};
use ndarray::{ArrayBase, Data, Ix2};
use rayon::prelude::*;

/// Columns that one task sums.
const COLUMNS: usize = 128;

/// A feature matrix less its mean, row-major; shared by all runs on it.
#[derive(Debug)]
pub struct Centred<F> {
    pub(in crate::cluster) rows: Vec<F>,
    pub(in crate::cluster) n_samples: usize,
    pub(in crate::cluster) n_features: usize,
    /// The mean that was taken off, `[n_features]`.
    pub(in crate::cluster) mean: Vec<F>,
    /// The mean variance of the features, which scales the tolerance.
    pub(in crate::cluster) variance: F,
    /// Squared norm of each row, in double precision.
    pub(in crate::cluster) norms: Vec<f64>,
}

impl<F: Scalar> Centred<F> {
    /// Copies the matrix `[n_samples, n_features]` and takes off the mean of each column.
    ///
    /// # Errors
    /// When the matrix is empty or holds a number that is not finite.
    pub fn new<D: Data<Elem = F>>(x: &ArrayBase<D, Ix2>) -> Result<Self, KMeansError> {
        let n_features = x.ncols();
        let mut rows = checked_rows(x)?;
        let n_samples = x.nrows();
        let count = F::of(n_samples as f64);
        let mean: Vec<F> = column_sums(&rows, n_features, |v| v).into_iter().map(|sum| sum / count).collect();
        rows.par_chunks_mut(CHUNK * n_features).for_each(|chunk| {
            for row in chunk.chunks_exact_mut(n_features) {
                row.iter_mut().zip(&mean).for_each(|(v, &m)| *v -= m);
            }
        });
        Ok(Self::less(rows, mean))
    }

    /// Takes these rows for centred, whatever their mean: distances do not depend on it.
    pub(in crate::cluster) fn as_they_are(rows: Vec<F>, n_features: usize) -> Self {
        Self::less(rows, vec![F::zero(); n_features])
    }

    /// Rows from which this mean has been taken off.
    fn less(rows: Vec<F>, mean: Vec<F>) -> Self {
        let n_features = mean.len();
        let n_samples = rows.len() / n_features;
        let count = F::of(n_samples as f64);
        let squares: f64 = column_sums(&rows, n_features, |v| v * v).into_iter().map(|s| (s / count).into()).sum();
        let norms = rows
            .par_chunks(CHUNK * n_features)
            .flat_map_iter(|chunk| {
                let wide: Vec<f64> = chunk.iter().map(|&v| v.into()).collect();
                row_norms(&wide, n_features)
            })
            .collect();
        Self { rows, n_samples, n_features, mean, variance: F::of(squares / n_features as f64), norms }
    }

    /// How many rows there are.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Memory held.
    pub fn bytes(&self) -> usize {
        self.rows.len() * size_of::<F>()
    }

    pub(super) fn row(&self, i: usize) -> &[F] {
        &self.rows[i * self.n_features..][..self.n_features]
    }
}

/// A row-major copy of a matrix that a clusterer can work on.
///
/// # Errors
/// When the matrix is empty or holds a number that is not finite.
pub(in crate::cluster) fn checked_rows<F: Scalar, D: Data<Elem = F>>(
    x: &ArrayBase<D, Ix2>,
) -> Result<Vec<F>, KMeansError> {
    let (n_samples, n_features) = x.dim();
    if n_samples == 0 || n_features == 0 {
        return Err(KMeansError::Empty { n_samples, n_features });
    }
    let rows = copied(x);
    match first_not_finite(&rows) {
        Some(at) => Err(KMeansError::NotFinite { row: at / n_features, column: at % n_features }),
        None => Ok(rows),
    }
}

/// The sum of each column, row after row as numpy sums over the first axis.
fn column_sums<F: Scalar>(rows: &[F], n_features: usize, of: impl Fn(F) -> F + Sync) -> Vec<F> {
    let mut sums = vec![F::zero(); n_features];
    sums.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, sums)| {
        let (first, width) = (block * COLUMNS, sums.len());
        for row in rows.chunks_exact(n_features) {
            sums.iter_mut().zip(&row[first..first + width]).for_each(|(sum, &v)| *sum += of(v));
        }
    });
    sums
}
