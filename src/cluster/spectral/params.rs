//! Hyperparameters of spectral clustering: written down unchecked, checked once, then used.

use linfa::ParamGuard;

/// How alike two rows are: the weights of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Affinity {
    /// `exp(-gamma * squared distance)`; takes memory for half the square of the rows, 0.9 GB for 15,000.
    #[default]
    Rbf,
    /// 1 where each is among the other's nearest, 0.5 where one is.
    NearestNeighbors,
}

/// A hyperparameter of spectral clustering that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SpectralClusteringParamsError {
    /// `n_clusters` is 0.
    #[error("n_clusters must be at least 1")]
    NClusters,
    /// `n_components` is 0.
    #[error("n_components must be at least 1")]
    NComponents,
    /// `n_init` is 0.
    #[error("n_init must be at least 1")]
    NInit,
    /// `gamma` is negative or not a number.
    #[error("gamma must be 0 or more, got {0}")]
    Gamma(f64),
    /// `n_neighbors` is 0.
    #[error("n_neighbors must be at least 1")]
    NNeighbors,
    /// `eigen_tol` is not above 0.
    #[error("eigen_tol must be more than 0, got {0}")]
    EigenTol(f64),
}

/// Checked hyperparameters of spectral clustering; see [`SpectralClusteringParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectralClusteringValidParams {
    pub(in crate::cluster) n_clusters: usize,
    pub(in crate::cluster) n_components: Option<usize>,
    pub(in crate::cluster) random_state: u32,
    pub(in crate::cluster) n_init: usize,
    pub(in crate::cluster) gamma: f64,
    pub(in crate::cluster) affinity: Affinity,
    pub(in crate::cluster) n_neighbors: usize,
    pub(in crate::cluster) eigen_tol: f64,
}

impl SpectralClusteringValidParams {
    /// Number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// Eigenvectors that the rows are clustered by.
    pub fn n_components(&self) -> usize {
        self.n_components.unwrap_or(self.n_clusters)
    }
}

/// Hyperparameters of spectral clustering before they are checked, under scikit-learn's names.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `n_clusters` | none (scikit-learn: 8) | number of clusters |
/// | `n_components` | `n_clusters` | eigenvectors that the rows are clustered by |
/// | `random_state` | 782 | seed of numpy's MT19937 |
/// | `n_init` | 10 | K-Means runs on the eigenvectors |
/// | `gamma` | 1.0 | of the affinity `Rbf` |
/// | `affinity` | `Rbf` | [`Affinity`] |
/// | `n_neighbors` | 10 | of the affinity `NearestNeighbors`, the row itself among them |
/// | `eigen_tol` | 1e-9 ("auto") | residual at which an eigenvector is good enough (scikit-learn: machine precision) |
///
/// Labels are always assigned by K-Means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectralClusteringParams(pub(in crate::cluster) SpectralClusteringValidParams);

impl SpectralClusteringParams {
    /// The defaults for `n_clusters` clusters.
    pub fn new(n_clusters: usize) -> Self {
        Self(SpectralClusteringValidParams {
            n_clusters,
            n_components: None,
            random_state: 782,
            n_init: 10,
            gamma: 1.0,
            affinity: Affinity::Rbf,
            n_neighbors: 10,
            eigen_tol: 1e-9,
        })
    }

    /// Sets the number of eigenvectors; `None` is `n_clusters`.
    pub fn n_components(mut self, n_components: Option<usize>) -> Self {
        self.0.n_components = n_components;
        self
    }

    /// Sets the seed.
    pub fn random_state(mut self, seed: u32) -> Self {
        self.0.random_state = seed;
        self
    }

    /// Sets the number of K-Means runs.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.0.n_init = n_init;
        self
    }

    /// Sets how fast affinity falls with distance.
    pub fn gamma(mut self, gamma: f64) -> Self {
        self.0.gamma = gamma;
        self
    }

    /// Sets how alike two rows are.
    pub fn affinity(mut self, affinity: Affinity) -> Self {
        self.0.affinity = affinity;
        self
    }

    /// Sets the number of neighbours, the row itself among them.
    pub fn n_neighbors(mut self, n_neighbors: usize) -> Self {
        self.0.n_neighbors = n_neighbors;
        self
    }

    /// Sets the residual at which an eigenvector is good enough.
    pub fn eigen_tol(mut self, eigen_tol: f64) -> Self {
        self.0.eigen_tol = eigen_tol;
        self
    }
}

impl ParamGuard for SpectralClusteringParams {
    type Checked = SpectralClusteringValidParams;
    type Error = SpectralClusteringParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let params = &self.0;
        if params.n_clusters == 0 {
            Err(SpectralClusteringParamsError::NClusters)
        } else if params.n_components == Some(0) {
            Err(SpectralClusteringParamsError::NComponents)
        } else if params.n_init == 0 {
            Err(SpectralClusteringParamsError::NInit)
        } else if !params.gamma.is_finite() || params.gamma < 0.0 {
            Err(SpectralClusteringParamsError::Gamma(params.gamma))
        } else if params.n_neighbors == 0 {
            Err(SpectralClusteringParamsError::NNeighbors)
        } else if params.eigen_tol.is_nan() || params.eigen_tol <= 0.0 {
            Err(SpectralClusteringParamsError::EigenTol(params.eigen_tol))
        } else {
            Ok(params)
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
