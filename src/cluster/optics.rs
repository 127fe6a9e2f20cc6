//! OPTICS: rows in an order in which those of a cluster follow each other, with how far each is from those before it. The
//! valleys of that plot are the clusters.
//!
//! M. Ankerst, M. Breunig, H.-P. Kriegel, J. Sander, "OPTICS: ordering points to identify the clustering structure" (1999);
//! the correction by predecessors is E. Schubert and M. Gertz's (2018). Names, defaults, order and labels are those of
//! scikit-learn 1.9's `OPTICS`. linfa-clustering's `Optics` orders ties by the highest index, gives a start its core distance
//! as reachability and finds no clusters, so its order is not scikit-learn's. Memory as
//! [`agglomerative`](super::agglomerative).
//!
//! ```
//! use gistmap::cluster::optics::Optics;
//! use linfa::{DatasetBase, traits::Fit};
//! use ndarray::array;
//!
//! let x = array![[1.0, 2.0], [2.0, 5.0], [3.0, 6.0], [8.0, 7.0], [8.0, 8.0], [7.0, 3.0]];
//! let model = Optics::params().min_samples(2).fit(&DatasetBase::from(x)).unwrap();
//! assert_eq!(model.labels().to_vec(), [0, 0, 0, 1, 1, 1]);
//! assert_eq!(model.plot().ordering, [0, 1, 2, 5, 3, 4]);
//! ```

mod linfa;
mod order;
mod params;
mod run;
mod xi;

pub use linfa::Optics;
pub use order::Plot;
pub use params::{ClusterMethod, OpticsParams, OpticsParamsError, OpticsValidParams};
pub use run::OpticsRun;

use super::distances::MatrixError;

/// Why OPTICS cannot run.
#[derive(Debug, thiserror::Error)]
pub enum OpticsError {
    /// A hyperparameter that no data could satisfy.
    #[error("OPTICS: {0}")]
    Params(#[from] OpticsParamsError),
    /// The matrix has no usable distances.
    #[error("OPTICS: {0}")]
    Matrix(#[from] MatrixError),
    /// There are fewer rows than `min_samples` or `min_cluster_size`.
    #[error("OPTICS: {name} {value} asked for, but there are only {n_samples} rows")]
    TooFewSamples {
        /// The hyperparameter.
        name: &'static str,
        /// Its value.
        value: usize,
        /// Rows of the matrix.
        n_samples: usize,
    },
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
