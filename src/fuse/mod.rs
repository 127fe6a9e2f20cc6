//! Matrices made ready for clustering, and made one.
//!
//! Called by the engine with one matrix a representation, one row a picture; knows neither pictures nor words.
//!
//! - [`concat`](mod@concat): both sides set side by side, each with its weight
//! - [`weighted`](mod@weighted): both sides brought to one dimension, their weighted mean
//! - [`counterparts`]: for each row the nearest of a vocabulary's vectors (TAC)
//! - [`choice`]: which column, or which weight, without looking at labels
//! - [`spec`]: a fusion as the command line names it

pub mod choice;
pub mod concat;
pub mod counterparts;
pub mod spec;
pub mod weighted;

pub use concat::concat;
pub use spec::{FusionMethod, FusionSpec, FusionSpecError, Share};
pub use weighted::weighted;

use crate::cluster::kmeans::KMeansError;
use crate::project::ProjectError;
use ndarray::{Array2, ArrayView2, Axis};

/// Why matrices or labelings cannot be made one.
#[derive(Debug, thiserror::Error)]
pub enum FuseError {
    /// The sides do not have one row for each picture.
    #[error("fusion: one side has {first} rows, another {other}: there must be one row for each picture")]
    Rows {
        /// Rows of the first side.
        first: usize,
        /// Rows of the other.
        other: usize,
    },
    /// Sides that must have one dimension have not.
    #[error("fusion: vectors of {first} numbers do not go with vectors of {other}")]
    Columns {
        /// Columns of the first.
        first: usize,
        /// Columns of the other.
        other: usize,
    },
    /// There is nothing to fuse or to choose from.
    #[error("fusion: {0}")]
    Nothing(&'static str),
    /// A parameter lies outside its range.
    #[error("fusion: {name} is {value}, but must be {range}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// PCA of one side failed.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// K-Means failed.
    #[error(transparent)]
    KMeans(#[from] KMeansError),
}

/// Every row divided by its Euclidean length; a zero row stays zero.
pub fn l2_normalize(matrix: &mut Array2<f32>) {
    for mut row in matrix.axis_iter_mut(Axis(0)) {
        let length = row.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.mapv_inplace(|v| (f64::from(v) / length) as f32);
        }
    }
}

/// Columns brought to mean zero, then rows to length one: what a network's pooled features need before
/// Euclidean distances between them mean much (their common offset otherwise dominates).
pub fn center_and_normalize(matrix: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut result = matrix.to_owned();
    if result.nrows() > 0 {
        let sum = matrix.axis_iter(Axis(0)).fold(ndarray::Array1::<f64>::zeros(matrix.ncols()), |mut sum, row| {
            sum.zip_mut_with(&row, |s, v| *s += f64::from(*v));
            sum
        });
        let mean = sum.mapv(|s| (s / matrix.nrows() as f64) as f32);
        result -= &mean;
    }
    l2_normalize(&mut result);
    result
}

/// Every part of the columns brought to mean zero and to rows of mean squared length one, so that no part outweighs
/// another by its unit alone. A part that is the same in all rows becomes zero.
pub fn balance(matrix: &mut Array2<f32>, parts: &[std::ops::Range<usize>]) {
    let rows = matrix.nrows().max(1) as f64;
    for part in parts {
        let mut part = matrix.slice_mut(ndarray::s![.., part.clone()]);
        for mut column in part.columns_mut() {
            let mean = column.iter().map(|v| f64::from(*v)).sum::<f64>() / rows;
            column.mapv_inplace(|v| (f64::from(v) - mean) as f32);
        }
        let length = (part.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>() / rows).sqrt();
        if length > 0.0 {
            part.mapv_inplace(|v| (f64::from(v) / length) as f32);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_have_length_one_and_zero_stays() {
        let mut m = array![[3.0, 4.0], [0.0, 0.0]];
        l2_normalize(&mut m);
        assert_eq!(m, array![[0.6, 0.8], [0.0, 0.0]]);
        let c = center_and_normalize(array![[1.0, 5.0], [3.0, 5.0]].view());
        assert_eq!(c, array![[-1.0, 0.0], [1.0, 0.0]]);
    }

    #[test]
    fn parts_of_different_units_weigh_the_same() {
        let mut m = array![[1000.0f32, 3000.0, 0.1, 7.0], [3000.0, 1000.0, 0.3, 7.0]];
        balance(&mut m, &[0..2, 2..3, 3..4]);
        let half = 0.5f32.sqrt();
        let expected = array![[-half, half, -1.0, 0.0], [half, -half, 1.0, 0.0]];
        assert!((&m - &expected).iter().all(|d| d.abs() < 1e-6), "{m}");
    }
}
