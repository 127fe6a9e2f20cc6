//! Hyperparameters of K-Means: written down unchecked, checked once, then used.

use linfa::ParamGuard;

/// A hyperparameter of K-Means that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum KMeansParamsError {
    /// `n_clusters` is 0.
    #[error("n_clusters must be at least 1")]
    NClusters,
    /// `n_init` is 0.
    #[error("n_init must be at least 1")]
    NInit,
    /// `max_iter` is 0.
    #[error("max_iter must be at least 1")]
    MaxIter,
    /// `tol` is negative or not a number.
    #[error("tol must be 0 or more, got {0}")]
    Tol(f64),
}

/// Checked hyperparameters of K-Means; see [`KMeansParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KMeansValidParams {
    pub(in crate::cluster) n_clusters: usize,
    pub(in crate::cluster) n_init: usize,
    pub(in crate::cluster) max_iter: usize,
    pub(in crate::cluster) tol: f64,
    pub(in crate::cluster) random_state: u32,
}

impl KMeansValidParams {
    /// Number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// Number of runs from different starts; the one with the lowest inertia is kept.
    pub fn n_init(&self) -> usize {
        self.n_init
    }

    /// Iterations at most in one run.
    pub fn max_iter(&self) -> usize {
        self.max_iter
    }

    /// Tolerance, relative to the mean variance of the features.
    pub fn tol(&self) -> f64 {
        self.tol
    }

    /// The seed.
    pub fn random_state(&self) -> u32 {
        self.random_state
    }
}

/// Hyperparameters of K-Means before they are checked, under scikit-learn's names.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `n_clusters` | none | number of clusters |
/// | `n_init` | 10 | runs from different starts, the lowest inertia wins (scikit-learn's "auto" is 1) |
/// | `max_iter` | 300 | iterations at most in one run |
/// | `tol` | 1e-4 | a run ends when the centres' squared shift is at most `tol` times the mean variance of the features |
/// | `random_state` | 782 | seed of numpy's MT19937 |
///
/// The start is always greedy k-means++ with `2 + floor(ln k)` trials, the iteration Lloyd's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KMeansParams(pub(in crate::cluster) KMeansValidParams);

impl KMeansParams {
    /// The defaults for `n_clusters` clusters.
    pub fn new(n_clusters: usize) -> Self {
        Self(KMeansValidParams { n_clusters, n_init: 10, max_iter: 300, tol: 1e-4, random_state: 782 })
    }

    /// Sets the number of runs.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.0.n_init = n_init;
        self
    }

    /// Sets the most iterations of one run.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// Sets the relative tolerance.
    pub fn tol(mut self, tol: f64) -> Self {
        self.0.tol = tol;
        self
    }

    /// Sets the seed.
    pub fn random_state(mut self, seed: u32) -> Self {
        self.0.random_state = seed;
        self
    }
}

impl ParamGuard for KMeansParams {
    type Checked = KMeansValidParams;
    type Error = KMeansParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        if self.0.n_clusters == 0 {
            Err(KMeansParamsError::NClusters)
        } else if self.0.n_init == 0 {
            Err(KMeansParamsError::NInit)
        } else if self.0.max_iter == 0 {
            Err(KMeansParamsError::MaxIter)
        } else if self.0.tol.is_nan() || self.0.tol < 0.0 {
            Err(KMeansParamsError::Tol(self.0.tol))
        } else {
            Ok(&self.0)
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{KMeansParams, KMeansParamsError};
    use linfa::ParamGuard;

    #[test]
    fn impossible_parameters_are_named() {
        assert_eq!(KMeansParams::new(0).check(), Err(KMeansParamsError::NClusters));
        assert_eq!(KMeansParams::new(2).n_init(0).check(), Err(KMeansParamsError::NInit));
        assert_eq!(KMeansParams::new(2).max_iter(0).check(), Err(KMeansParamsError::MaxIter));
        assert_eq!(KMeansParams::new(2).tol(-1.0).check(), Err(KMeansParamsError::Tol(-1.0)));
        assert!(KMeansParams::new(2).tol(f64::NAN).check().is_err());
        assert!(KMeansParams::new(2).tol(0.0).check().is_ok());
    }
}
