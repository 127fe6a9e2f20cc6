//! Agglomerative clustering: every row is a cluster at first, and the two nearest are joined again and again.
//!
//! Labels equal scikit-learn 1.9's `AgglomerativeClustering` without connectivity, its numbering too: the tree is scipy's,
//! joined in the same order (nearest-neighbour chains for ward, average and complete, a spanning tree for single), and
//! cut as scikit-learn cuts it. The table of distances takes `n² / 2` numbers: in double precision up to 2 GiB (23,000
//! rows; in a page 512 MiB, 11,500 rows), beyond that in single precision, where nearly equal heights may change places. Up
//! to 11,500 rows (in a page 5,700) average and complete take another `n²` numbers, which makes them faster.
//!
//! Ward does without a table beyond 4,096 rows: clusters that are each other's nearest are joined in rounds, by distances
//! between their centres, exact to rounding. The tree is the same but where distances are equal: of those scipy's chains
//! take one first, and the rounds perhaps another.
//!
//! ```
//! use gistmap::cluster::agglomerative::{Agglomerative, Linkage};
//! use linfa::{DatasetBase, traits::Fit};
//! use ndarray::array;
//!
//! let x = DatasetBase::from(array![[0.0], [0.1], [5.0], [5.2], [9.0]]);
//! let model = Agglomerative::params().n_clusters(3).linkage(Linkage::Average).fit(&x).unwrap();
//! assert_eq!(model.labels().to_vec(), [1, 1, 0, 0, 2]);
//! ```

mod centers;
mod chain;
mod layout;
mod linfa;
mod params;
mod rounds;
mod run;
mod tree;

pub use linfa::Agglomerative;
pub use params::{AgglomerativeParams, AgglomerativeParamsError, AgglomerativeValidParams, Linkage};
pub use run::AgglomerativeRun;
pub use tree::{Merge, Tree};

use super::distances::MatrixError;

/// Why agglomerative clustering cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgglomerativeError {
    /// A hyperparameter that no data could satisfy.
    #[error("agglomerative clustering: {0}")]
    Params(#[from] AgglomerativeParamsError),
    /// The matrix has no usable distances.
    #[error("agglomerative clustering: {0}")]
    Matrix(#[from] MatrixError),
    /// There are fewer rows than clusters, or fewer than two.
    #[error("agglomerative clustering: {n_clusters} clusters asked for, but there are only {n_samples} rows")]
    TooFewSamples {
        /// Clusters asked for.
        n_clusters: usize,
        /// Rows of the matrix.
        n_samples: usize,
    },
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
