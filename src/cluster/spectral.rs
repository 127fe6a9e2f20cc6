//! Spectral clustering: K-Means on the first eigenvectors of a graph's normalized Laplacian.
//!
//! J. Shi and J. Malik, "Normalized cuts and image segmentation" (2000); U. von Luxburg, "A tutorial on
//! spectral clustering" (2007). The reference is scikit-learn 1.9's `SpectralClustering(assign_labels="kmeans")` with
//! the affinities `rbf` and `nearest_neighbors`; K-Means draws the same numbers. Eigenvectors are ours
//! (a Chebyshev-filtered block iteration where scikit-learn factorizes the Laplacian), so that 15,000
//! rows are a matter of seconds: they are equal up to rounding, and then so are the labels.
//!
//! All is computed in `f64`, as scikit-learn does; only the search for neighbours looks at the rows in `f32` first,
//! and then in `f64` at all that could be among the nearest.
//!
//! There is no `Predict`: the method labels the rows that it was given. As a linfa algorithm
//! [`SpectralClustering::params`], step by step [`SpectralClusteringRun`].
//!
//! ```
//! use gistmap::cluster::spectral::{Affinity, SpectralClustering};
//! use linfa::{DatasetBase, traits::Fit};
//! use ndarray::array;
//!
//! let pictures = DatasetBase::from(array![[0.0, 0.1], [0.1, 0.0], [3.0, 3.1], [3.1, 3.0]]);
//! let model = SpectralClustering::params(2).affinity(Affinity::Rbf).fit(&pictures).unwrap();
//! assert_eq!(model.labels()[0], model.labels()[1]);
//! assert_ne!(model.labels()[0], model.labels()[2]);
//! ```

mod affinity;
mod eigen;
mod linfa;
mod neighbors;
mod params;
mod run;

pub use linfa::SpectralClustering;
pub use params::{Affinity, SpectralClusteringParams, SpectralClusteringParamsError, SpectralClusteringValidParams};
pub use run::SpectralClusteringRun;

use super::kmeans::KMeansError;

/// Why spectral clustering cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SpectralClusteringError {
    /// A hyperparameter that no data could satisfy.
    #[error("spectral clustering: {0}")]
    Params(#[from] SpectralClusteringParamsError),
    /// K-Means, which ends it, would refuse the matrix.
    #[error("spectral clustering: {0}")]
    Matrix(#[from] KMeansError),
    /// There are fewer rows than neighbours or eigenvectors asked for.
    #[error("spectral clustering: {name} is {wanted}, but there are only {n_samples} rows")]
    TooFewSamples {
        /// The parameter.
        name: &'static str,
        /// Its value.
        wanted: usize,
        /// Rows of the matrix.
        n_samples: usize,
    },
    /// The eigenvectors could not be computed.
    #[error("spectral clustering: the eigenvectors of the graph were not found within {iterations} iterations")]
    NoEigenvectors {
        /// Iterations done.
        iterations: usize,
    },
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
