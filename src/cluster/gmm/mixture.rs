//! The mixture itself: weights, means, and covariances in the form that densities need.

use super::diagonal::Diagonal;
use crate::linalg::{cholesky, lower_inverse};
use ndarray::{Array2, s};

/// Rows of a whitening matrix in one block.
const BLOCK: usize = 64;

/// The inverse of a covariance's Cholesky factor, lower triangular: it turns a deviation into one of unit covariance.
///
/// It is cut into blocks of rows, each without the zeros to its right, so that a distance can be
/// computed feature by feature and given up early, and half the memory is enough.
#[derive(Debug, Clone)]
pub(super) struct Whitening {
    /// The i-th is `[BLOCK, (i + 1) BLOCK]`; fewer of each at the end.
    pub(super) blocks: Vec<Array2<f64>>,
    /// Logarithm of the determinant.
    pub(super) log_det: f64,
}

impl Whitening {
    /// `None` where the covariance, of which the lower triangle is read, is not positive definite.
    pub(super) fn of(covariance: &Array2<f64>) -> Option<Self> {
        let inverse = lower_inverse(cholesky(covariance.view())?.view())?;
        let n = inverse.nrows();
        let log_det = inverse.diag().iter().map(|v| v.ln()).sum();
        let starts = (0..n).step_by(BLOCK);
        let blocks = starts
            .map(|start| {
                let end = n.min(start + BLOCK);
                inverse.slice(s![start..end, ..end]).to_owned()
            })
            .collect();
        Some(Self { blocks, log_det })
    }
}

/// The inverse covariances of the components.
#[derive(Debug, Clone)]
pub(super) enum Precisions {
    Full(Vec<Whitening>),
    Tied(Whitening),
    /// A variance for each feature, or one for all.
    Diagonal(Diagonal),
}

/// A mixture of Gaussians, in the space of the centred rows.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    pub(super) weights: Vec<f64>,
    /// `[n_components, n_features]`
    pub(super) means: Array2<f64>,
    pub(super) precisions: Precisions,
}
