//! HDBSCAN: DBSCAN at every `eps` at once, and of the tree of clusters that appear those that last.
//!
//! R. Campello, D. Moulavi, J. Sander, "Density-based clustering based on hierarchical density estimates" (2013); the
//! selection by `cluster_selection_epsilon` is C. Malzer and M. Baum's (2020). Names, defaults and numbering of clusters are
//! those of scikit-learn 1.9's `HDBSCAN`, labels equal to it where its sort leaves equal distances in their order. The sort that
//! it uses does not, and how depends on the processor: on digits (15, 5) its own results with AVX-512, AVX2 and SSE agree to
//! ARI .982 to .992 (set `NPY_DISABLE_CPU_FEATURES`), and ours with theirs to .980 to .995. Memory as [`agglomerative`](super::agglomerative).
//!
//! ```
//! use gistmap::cluster::hdbscan::Hdbscan;
//! use linfa::{DatasetBase, traits::Fit};
//! use ndarray::array;
//!
//! let x = DatasetBase::from(array![[0.0], [0.1], [0.2], [5.0], [9.0], [9.1], [9.2]]);
//! let model = Hdbscan::params().min_cluster_size(3).min_samples(2).fit(&x).unwrap();
//! assert_eq!(model.labels().to_vec(), [0, 0, 0, 1, 1, 1, 1]);
//! ```

mod condense;
mod linfa;
mod params;
mod run;
mod select;

pub use linfa::Hdbscan;
pub use params::{HdbscanParams, HdbscanParamsError, HdbscanValidParams, Selection};
pub use run::HdbscanRun;

use super::distances::MatrixError;

/// Why HDBSCAN cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HdbscanError {
    /// A hyperparameter that no data could satisfy.
    #[error("HDBSCAN: {0}")]
    Params(#[from] HdbscanParamsError),
    /// The matrix has no usable distances.
    #[error("HDBSCAN: {0}")]
    Matrix(#[from] MatrixError),
    /// There are fewer rows than `min_samples`, or fewer than two.
    #[error("HDBSCAN: min_samples {min_samples} asked for, but there are only {n_samples} rows")]
    TooFewSamples {
        /// Near rows of a core sample.
        min_samples: usize,
        /// Rows of the matrix.
        n_samples: usize,
    },
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
