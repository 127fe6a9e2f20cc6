//! Hyperparameters of a Gaussian mixture: written down unchecked, checked once, then used.

use linfa::ParamGuard;

/// What the components' covariances may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CovarianceType {
    /// Each component has its own matrix.
    #[default]
    Full,
    /// All components share one matrix.
    Tied,
    /// Each component has its own variance for each feature.
    Diag,
    /// Each component has one variance.
    Spherical,
}

/// A hyperparameter of a Gaussian mixture that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum GaussianMixtureParamsError {
    /// `n_components` is 0.
    #[error("n_components must be at least 1")]
    NComponents,
    /// `tol` is negative or not a number.
    #[error("tol must be 0 or more, got {0}")]
    Tol(f64),
    /// `reg_covar` is negative or not a number.
    #[error("reg_covar must be 0 or more, got {0}")]
    RegCovar(f64),
    /// `max_iter` is 0.
    #[error("max_iter must be at least 1")]
    MaxIter,
    /// `n_init` is 0.
    #[error("n_init must be at least 1")]
    NInit,
}

/// Checked hyperparameters of a Gaussian mixture; see [`GaussianMixtureParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianMixtureValidParams {
    pub(in crate::cluster) n_components: usize,
    pub(in crate::cluster) covariance_type: CovarianceType,
    pub(in crate::cluster) tol: f64,
    pub(in crate::cluster) reg_covar: f64,
    pub(in crate::cluster) max_iter: usize,
    pub(in crate::cluster) n_init: usize,
    pub(in crate::cluster) random_state: u32,
}

impl GaussianMixtureValidParams {
    /// Number of components.
    pub fn n_components(&self) -> usize {
        self.n_components
    }

    /// What the covariances may look like.
    pub fn covariance_type(&self) -> CovarianceType {
        self.covariance_type
    }
}

/// Hyperparameters of a Gaussian mixture before they are checked, under scikit-learn's names.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `n_components` | none (scikit-learn: 1) | number of components |
/// | `covariance_type` | `Full` | [`CovarianceType`] |
/// | `tol` | 1e-3 | ends when the mean log-likelihood of a row changes by less |
/// | `reg_covar` | 1e-6 | added to the diagonal of every covariance |
/// | `max_iter` | 100 | iterations at most |
/// | `n_init` | 1 | starts; the one with the highest likelihood is kept |
/// | `random_state` | 782 | seed of numpy's MT19937, for K-Means |
///
/// The start is always K-Means with one start of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianMixtureParams(pub(in crate::cluster) GaussianMixtureValidParams);

impl GaussianMixtureParams {
    /// The defaults for `n_components` components.
    pub fn new(n_components: usize) -> Self {
        Self(GaussianMixtureValidParams {
            n_components,
            covariance_type: CovarianceType::Full,
            tol: 1e-3,
            reg_covar: 1e-6,
            max_iter: 100,
            n_init: 1,
            random_state: 782,
        })
    }

    /// Sets what the covariances may look like.
    pub fn covariance_type(mut self, covariance_type: CovarianceType) -> Self {
        self.0.covariance_type = covariance_type;
        self
    }

    /// Sets the change of the mean log-likelihood that ends a run.
    pub fn tol(mut self, tol: f64) -> Self {
        self.0.tol = tol;
        self
    }

    /// Sets what is added to the diagonals.
    pub fn reg_covar(mut self, reg_covar: f64) -> Self {
        self.0.reg_covar = reg_covar;
        self
    }

    /// Sets the most iterations of a run.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// Sets the number of starts.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.0.n_init = n_init;
        self
    }

    /// Sets the seed.
    pub fn random_state(mut self, seed: u32) -> Self {
        self.0.random_state = seed;
        self
    }
}

impl ParamGuard for GaussianMixtureParams {
    type Checked = GaussianMixtureValidParams;
    type Error = GaussianMixtureParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let params = &self.0;
        if params.n_components == 0 {
            Err(GaussianMixtureParamsError::NComponents)
        } else if params.tol.is_nan() || params.tol < 0.0 {
            Err(GaussianMixtureParamsError::Tol(params.tol))
        } else if !params.reg_covar.is_finite() || params.reg_covar < 0.0 {
            Err(GaussianMixtureParamsError::RegCovar(params.reg_covar))
        } else if params.max_iter == 0 {
            Err(GaussianMixtureParamsError::MaxIter)
        } else if params.n_init == 0 {
            Err(GaussianMixtureParamsError::NInit)
        } else {
            Ok(params)
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
