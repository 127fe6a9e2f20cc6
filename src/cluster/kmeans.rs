//! K-Means: greedy k-means++, `n_init` runs of Lloyd's iteration, the lowest inertia wins.
//!
//! The reference is scikit-learn 1.9's `KMeans(init="k-means++", algorithm="lloyd")`. For the same
//! matrix and `random_state` the labels are equal: the draws are numpy's, and distances, sums and
//! inertia are rounded in the order of scikit-learn with two threads on a processor with AVX-512
//! (its own labels can depend on the number of threads and the processor where rows lie between two
//! centres). On processors without fused multiply-add such rows may fall to the other side.
//!
//! Two ways to use it: as a linfa algorithm, [`KMeans::params`] then `fit` and `predict`, or step by
//! step with [`KMeansRun`], which shows centres, labels and inertia after every step.
//!
//! ```
//! use gistmap::cluster::kmeans::KMeans;
//! use linfa::{DatasetBase, traits::{Fit, Predict}};
//! use ndarray::array;
//!
//! let pictures = DatasetBase::from(array![[0.0, 0.1], [0.1, 0.0], [9.0, 9.1], [9.1, 9.0]]);
//! let model = KMeans::params(2).n_init(3).fit(&pictures).unwrap();
//! let labels = model.predict(&pictures);
//! assert_eq!(labels[0], labels[1]);
//! assert_ne!(labels[0], labels[2]);
//! ```

mod bounds;
mod data;
mod descent;
mod init;
mod kernel;
mod linfa;
mod lloyd;
mod params;
mod run;
mod squares;
mod sums;
mod table;

pub use data::Centred;
pub use linfa::KMeans;
pub use params::{KMeansParams, KMeansParamsError, KMeansValidParams};
pub use run::KMeansRun;
pub use squares::Squares;

// What the clusterers that start or end with K-Means use of it.
pub(super) use {bounds::assign, data::checked_rows, init::Start, lloyd::inertia};

/// Rows that one task labels; scikit-learn's chunk size.
const CHUNK: usize = 256;
/// scikit-learn sums `float32` per thread: this many threads is what results are equal to.
const REFERENCE_THREADS: usize = 2;

/// Why K-Means cannot run.
#[derive(Debug, thiserror::Error)]
pub enum KMeansError {
    /// A hyperparameter that no data could satisfy.
    #[error("K-Means: {0}")]
    Params(#[from] KMeansParamsError),
    /// There are fewer rows than clusters.
    #[error("K-Means: {n_clusters} clusters asked for, but there are only {n_samples} rows")]
    TooFewSamples {
        /// Clusters asked for.
        n_clusters: usize,
        /// Rows of the matrix.
        n_samples: usize,
    },
    /// The matrix has no rows or no columns.
    #[error("K-Means: the matrix is empty ({n_samples} rows, {n_features} columns)")]
    Empty {
        /// Rows of the matrix.
        n_samples: usize,
        /// Columns of the matrix.
        n_features: usize,
    },
    /// A number is infinite or not a number.
    #[error("K-Means: the value at row {row}, column {column} is not finite")]
    NotFinite {
        /// Row of the first such number.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
