//! DBSCAN: clusters are rows with many near rows, joined where they are near each other; the rest is noise.
//!
//! M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A density-based algorithm for discovering clusters in large spatial
//! databases with noise" (1996). Labels equal scikit-learn 1.9's `DBSCAN`: clusters are numbered by their first core
//! sample, and a border row that is near several clusters takes the lowest number.
//!
//! All pairs are looked at once, by products of blocks of rows; of the near ones at most `min_samples` are kept for each
//! row, so memory grows with the number of rows, not with its square.
//!
//! ```
//! use gistmap::cluster::dbscan::Dbscan;
//! use linfa::{DatasetBase, traits::Fit};
//! use ndarray::array;
//!
//! let x = DatasetBase::from(array![[0.0], [0.1], [0.2], [5.0], [9.0], [9.1], [9.2]]);
//! let model = Dbscan::params().eps(0.15).min_samples(2).fit(&x).unwrap();
//! assert_eq!(model.labels().to_vec(), [0, 0, 0, -1, 1, 1, 1]);
//! ```

mod auto;
mod linfa;
mod params;
mod run;

pub use auto::AutoDbscanRun;
pub use linfa::Dbscan;
pub use params::{DbscanParams, DbscanParamsError, DbscanValidParams};
pub use run::DbscanRun;

use super::distances::MatrixError;

/// Why DBSCAN cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DbscanError {
    /// A hyperparameter that no data could satisfy.
    #[error("DBSCAN: {0}")]
    Params(#[from] DbscanParamsError),
    /// The matrix has no usable distances.
    #[error("DBSCAN: {0}")]
    Matrix(#[from] MatrixError),
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
