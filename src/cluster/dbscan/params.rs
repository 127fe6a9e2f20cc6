//! Hyperparameters of DBSCAN: written down unchecked, checked once, then used.

use linfa::ParamGuard;

/// A hyperparameter of DBSCAN that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DbscanParamsError {
    /// `eps` is not above 0, or not finite.
    #[error("eps must be above 0 and finite, got {0}")]
    Eps(f64),
    /// `min_samples` is 0.
    #[error("min_samples must be at least 1")]
    MinSamples,
}

/// Checked hyperparameters of DBSCAN; see [`DbscanParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DbscanValidParams {
    pub(in crate::cluster) eps: f64,
    pub(in crate::cluster) min_samples: usize,
}

impl DbscanValidParams {
    /// The largest distance between near rows.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// Rows near a core sample at least, itself counted.
    pub fn min_samples(&self) -> usize {
        self.min_samples
    }
}

/// Hyperparameters of DBSCAN before they are checked, under scikit-learn's names.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `eps` | 0.5 | two rows are near when their Euclidean distance is at most this; see [`k_distances`](crate::cluster::k_distance::k_distances) |
/// | `min_samples` | 5 | near rows that make a row a core sample, itself counted |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DbscanParams(pub(in crate::cluster) DbscanValidParams);

impl Default for DbscanParams {
    fn default() -> Self {
        Self(DbscanValidParams { eps: 0.5, min_samples: 5 })
    }
}

impl DbscanParams {
    /// Sets the largest distance between near rows.
    pub fn eps(mut self, eps: f64) -> Self {
        self.0.eps = eps;
        self
    }

    /// Sets how many near rows make a core sample.
    pub fn min_samples(mut self, min_samples: usize) -> Self {
        self.0.min_samples = min_samples;
        self
    }
}

impl ParamGuard for DbscanParams {
    type Checked = DbscanValidParams;
    type Error = DbscanParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        if !self.0.eps.is_finite() || self.0.eps <= 0.0 {
            Err(DbscanParamsError::Eps(self.0.eps))
        } else if self.0.min_samples == 0 {
            Err(DbscanParamsError::MinSamples)
        } else {
            Ok(&self.0)
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
