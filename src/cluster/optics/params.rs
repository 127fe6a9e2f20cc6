//! Hyperparameters of OPTICS: written down unchecked, checked once, then used.

use linfa::ParamGuard;

/// How clusters are found in the plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClusterMethod {
    /// By the steepness of its valleys' sides.
    Xi {
        /// A side is steep where a value is at least this part below the one beside it, 0 to 1.
        xi: f64,
        /// Whether ends that were not reached from within are cut off.
        predecessor_correction: bool,
        /// Rows of a cluster at least; `min_samples` where not given.
        min_cluster_size: Option<usize>,
    },
    /// By one height, as DBSCAN would.
    Dbscan {
        /// The height; `max_eps` where not given.
        eps: Option<f64>,
    },
}

/// A hyperparameter of OPTICS that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum OpticsParamsError {
    /// `min_samples` is below 2.
    #[error("min_samples must be at least 2, got {0}")]
    MinSamples(usize),
    /// `max_eps` is negative or not a number.
    #[error("max_eps must be 0 or more, got {0}")]
    MaxEps(f64),
    /// `xi` is not between 0 and 1.
    #[error("xi must be between 0 and 1, got {0}")]
    Xi(f64),
    /// `min_cluster_size` is below 2.
    #[error("min_cluster_size must be at least 2, got {0}")]
    MinClusterSize(usize),
    /// `eps` is negative, above `max_eps` or not a number.
    #[error("eps must be between 0 and max_eps, got {0}")]
    Eps(f64),
}

/// Checked hyperparameters of OPTICS; see [`OpticsParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpticsValidParams {
    min_samples: usize,
    max_eps: f64,
    cluster_method: ClusterMethod,
}

impl OpticsValidParams {
    /// Near rows of a core sample, itself counted.
    pub fn min_samples(&self) -> usize {
        self.min_samples
    }

    /// The largest distance that is looked at.
    pub fn max_eps(&self) -> f64 {
        self.max_eps
    }

    /// How clusters are found in the plot.
    pub fn cluster_method(&self) -> ClusterMethod {
        self.cluster_method
    }
}

/// Hyperparameters of OPTICS before they are checked, under scikit-learn's names. The metric is Euclidean.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `min_samples` | 5 | near rows that make a core sample, itself counted |
/// | `max_eps` | infinite | rows farther away are not looked at |
/// | `cluster_method` | xi .05, with correction by predecessors | how clusters are found in the plot |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpticsParams(OpticsValidParams);

impl Default for OpticsParams {
    fn default() -> Self {
        let cluster_method = ClusterMethod::Xi { xi: 0.05, predecessor_correction: true, min_cluster_size: None };
        Self(OpticsValidParams { min_samples: 5, max_eps: f64::INFINITY, cluster_method })
    }
}

impl OpticsParams {
    /// Sets how many near rows make a core sample.
    pub fn min_samples(mut self, min_samples: usize) -> Self {
        self.0.min_samples = min_samples;
        self
    }

    /// Sets the largest distance that is looked at.
    pub fn max_eps(mut self, max_eps: f64) -> Self {
        self.0.max_eps = max_eps;
        self
    }

    /// Sets how clusters are found.
    pub fn cluster_method(mut self, cluster_method: ClusterMethod) -> Self {
        self.0.cluster_method = cluster_method;
        self
    }
}

impl ParamGuard for OpticsParams {
    type Checked = OpticsValidParams;
    type Error = OpticsParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let OpticsValidParams { min_samples, max_eps, cluster_method } = self.0;
        if min_samples < 2 {
            return Err(OpticsParamsError::MinSamples(min_samples));
        }
        if max_eps.is_nan() || max_eps < 0.0 {
            return Err(OpticsParamsError::MaxEps(max_eps));
        }
        match cluster_method {
            ClusterMethod::Xi { xi, .. } if !(0.0..=1.0).contains(&xi) => Err(OpticsParamsError::Xi(xi)),
            ClusterMethod::Xi { min_cluster_size: Some(size), .. } if size < 2 => {
                Err(OpticsParamsError::MinClusterSize(size))
            }
            ClusterMethod::Dbscan { eps: Some(eps) } if !(0.0..=max_eps).contains(&eps) => {
                Err(OpticsParamsError::Eps(eps))
            }
            _ => Ok(&self.0),
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
