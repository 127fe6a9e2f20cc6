//! Mini-batch K-Means: every step moves the centres by a small random sample of the rows.
//!
//! D. Sculley, "Web-scale k-means clustering" (2010). The reference is scikit-learn 1.9's
//! `MiniBatchKMeans(init="k-means++")`: for the same matrix and `random_state` the draws are numpy's
//! and distances, sums and inertia are rounded in scikit-learn's order (see [`kmeans`](super::kmeans)),
//! so that the labels are equal; but where more than half a batch of centres is to start anew and their counts are
//! equal, numpy's unstable sort may choose others. Precision is that of the matrix, `f32` or `f64`, as there.
//!
//! As a linfa algorithm [`MiniBatchKMeans::params`], step by step [`MiniBatchKMeansRun`].
//!
//! ```
//! use gistmap::cluster::mini_batch_kmeans::MiniBatchKMeans;
//! use linfa::{DatasetBase, traits::{Fit, Predict}};
//! use ndarray::array;
//!
//! let pictures = DatasetBase::from(array![[0.0, 0.1], [0.1, 0.0], [9.0, 9.1], [9.1, 9.0]]);
//! let model = MiniBatchKMeans::params(2).fit(&pictures).unwrap();
//! let labels = model.predict(&pictures);
//! assert_eq!(labels[0], labels[1]);
//! assert_ne!(labels[0], labels[2]);
//! ```

mod batch;
mod linfa;
mod params;
mod run;

pub use linfa::MiniBatchKMeans;
pub use params::{MiniBatchKMeansParams, MiniBatchKMeansParamsError, MiniBatchKMeansValidParams};
pub use run::MiniBatchKMeansRun;

use super::kmeans::KMeansError;

/// Why mini-batch K-Means cannot run.
#[derive(Debug, thiserror::Error)]
pub enum MiniBatchKMeansError {
    /// A hyperparameter that no data could satisfy.
    #[error("mini-batch K-Means: {0}")]
    Params(#[from] MiniBatchKMeansParamsError),
    /// The matrix is not one that K-Means could cluster.
    #[error("mini-batch {0}")]
    Matrix(#[from] KMeansError),
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
