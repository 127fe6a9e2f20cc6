//! A feature matrix that has been checked.

use crate::cluster::{Scalar, copied, first_not_finite};
use ndarray::{Array2, ArrayBase, ArrayView1, Axis, Data, Ix2};
use rayon::prelude::*;

/// Why distances between the rows of a matrix cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// The matrix has no rows or no columns.
    #[error("the matrix is empty ({n_samples} rows, {n_features} columns)")]
    Empty {
        /// Rows of the matrix.
        n_samples: usize,
        /// Columns of the matrix.
        n_features: usize,
    },
    /// A number is infinite or not a number.
    #[error("the value at row {row}, column {column} is not finite")]
    NotFinite {
        /// Row of the first such number.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// A row of zeros has no direction.
    #[error("row {row} is all zeros, and the cosine distance needs a direction")]
    Zero {
        /// The first such row.
        row: usize,
    },
    /// The table of all distances does not fit in memory.
    #[error("the distances between {n_samples} rows do not fit in memory ({bytes} bytes)")]
    TooLarge {
        /// Rows of the matrix.
        n_samples: usize,
        /// What the table takes.
        bytes: usize,
    },
}

/// A matrix without holes, row-major.
#[derive(Debug)]
pub(in crate::cluster) struct Rows<F> {
    pub(in crate::cluster) x: Array2<F>,
}

impl<F: Scalar> Rows<F> {
    /// Copies the matrix `[n_samples, n_features]`.
    ///
    /// # Errors
    /// When the matrix is empty or holds a number that is not finite.
    pub(in crate::cluster) fn new<D: Data<Elem = F>>(x: &ArrayBase<D, Ix2>) -> Result<Self, MatrixError> {
        let (n_samples, n_features) = x.dim();
        if n_samples == 0 || n_features == 0 {
            return Err(MatrixError::Empty { n_samples, n_features });
        }
        let rows = copied(x);
        if let Some(at) = first_not_finite(&rows) {
            return Err(MatrixError::NotFinite { row: at / n_features, column: at % n_features });
        }
        // `rows` has as many numbers as the shape says.
        let x = Array2::from_shape_vec((n_samples, n_features), rows)
            .map_err(|_| MatrixError::Empty { n_samples, n_features })?;
        Ok(Self { x })
    }

    /// How many rows there are.
    pub(in crate::cluster) fn n_samples(&self) -> usize {
        self.x.nrows()
    }

    /// The squared Euclidean distance between two rows, from the differences in double precision.
    pub(in crate::cluster) fn squared(&self, i: usize, j: usize) -> f64 {
        squared_distance(self.x.row(i), self.x.row(j))
    }
}

/// The squared Euclidean distance, from the differences in double precision.
pub(in crate::cluster) fn squared_distance<F: Scalar>(a: ArrayView1<'_, F>, b: ArrayView1<'_, F>) -> f64 {
    const LANES: usize = 8;
    let (Some(a), Some(b)) = (a.to_slice(), b.to_slice()) else { return f64::NAN };
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let square = |a: F, b: F| {
        let difference: f64 = Into::<f64>::into(a) - Into::<f64>::into(b);
        difference * difference
    };
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += square(a[lane], b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| square(a, b)).sum();
    sums.iter().sum::<f64>() + rest
}

/// The squared length of each row, in double precision.
pub(in crate::cluster) fn squared_norms<F: Scalar>(x: &Array2<F>) -> Vec<f64> {
    let squared = |v: &F| {
        let v: f64 = (*v).into();
        v * v
    };
    let rows = x.axis_iter(Axis(0)).into_par_iter().with_min_len(64);
    rows.map(|row| row.to_slice().map_or(f64::NAN, |row| row.iter().map(squared).sum())).collect()
}
