//! Gaussian mixtures by expectation maximization, started from K-Means.
//!
//! A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM
//! algorithm" (1977). The reference is scikit-learn 1.9's `GaussianMixture(init_params="kmeans")`;
//! its start is K-Means with the same `random_state`, which ours reproduces.
//!
//! All is computed in `f64`, for `f32` matrices too (scikit-learn stays with `f32` there): with more features than a
//! component has rows its covariance is `reg_covar` in many directions, 1e-6 against variances of 1 and more, and the
//! Cholesky decomposition in `f32` fails. What that costs is won back by leaving out what changes no sum: once a row's
//! distance to a component is so large that the responsibility is below 4e-44, it is 0, the rest of the distance is not
//! computed, and the row has no part in the component's mean and covariance.
//!
//! As a linfa algorithm [`GaussianMixture::params`], step by step [`GaussianMixtureRun`].
//!
//! ```
//! use gistmap::cluster::gmm::{CovarianceType, GaussianMixture};
//! use linfa::{DatasetBase, traits::{Fit, Predict}};
//! use ndarray::array;
//!
//! let pictures = DatasetBase::from(array![[0.0, 0.1], [0.1, 0.0], [9.0, 9.1], [9.1, 9.0]]);
//! let model = GaussianMixture::params(2).covariance_type(CovarianceType::Diag).fit(&pictures).unwrap();
//! let labels = model.predict(&pictures);
//! assert_eq!(labels[0], labels[1]);
//! assert_ne!(labels[0], labels[2]);
//! ```

mod diagonal;
mod expectation;
mod linfa;
mod maximization;
mod mixture;
mod params;
mod run;

pub use linfa::GaussianMixture;
pub use params::{CovarianceType, GaussianMixtureParams, GaussianMixtureParamsError, GaussianMixtureValidParams};
pub use run::GaussianMixtureRun;

use super::kmeans::KMeansError;

/// Why a Gaussian mixture cannot be fitted.
#[derive(Debug, thiserror::Error)]
pub enum GaussianMixtureError {
    /// A hyperparameter that no data could satisfy.
    #[error("Gaussian mixture: {0}")]
    Params(#[from] GaussianMixtureParamsError),
    /// K-Means, which gives the start, refuses the matrix.
    #[error("Gaussian mixture, at its start: {0}")]
    Start(#[from] KMeansError),
    /// A covariance is not positive definite.
    #[error(
        "Gaussian mixture: the covariance of component {component} is not positive definite; raise reg_covar ({reg_covar}) or take fewer components"
    )]
    Covariance {
        /// The component; 0 where all share one covariance.
        component: usize,
        /// What is added to the diagonal.
        reg_covar: f64,
    },
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] ::linfa::Error),
}

#[cfg(test)]
mod tests;
