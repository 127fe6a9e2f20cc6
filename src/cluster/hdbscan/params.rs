//! Hyperparameters of HDBSCAN: written down unchecked, checked once, then used.

use linfa::ParamGuard;

/// Which clusters of the tree are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selection {
    /// Those with the greatest excess of mass: large ones that last.
    #[default]
    Eom,
    /// The leaves: many small and even ones.
    Leaf,
}

/// A hyperparameter of HDBSCAN that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HdbscanParamsError {
    /// `min_cluster_size` is below 2.
    #[error("min_cluster_size must be at least 2, got {0}")]
    MinClusterSize(usize),
    /// `min_samples` is 0.
    #[error("min_samples must be at least 1")]
    MinSamples,
    /// `cluster_selection_epsilon` is negative or not finite.
    #[error("cluster_selection_epsilon must be 0 or more and finite, got {0}")]
    ClusterSelectionEpsilon(f64),
    /// `max_cluster_size` is 0.
    #[error("max_cluster_size must be at least 1")]
    MaxClusterSize,
    /// `alpha` is not above 0, or not finite.
    #[error("alpha must be above 0 and finite, got {0}")]
    Alpha(f64),
}

/// Checked hyperparameters of HDBSCAN; see [`HdbscanParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HdbscanValidParams {
    pub(in crate::cluster) min_cluster_size: usize,
    pub(in crate::cluster) min_samples: Option<usize>,
    pub(in crate::cluster) cluster_selection_epsilon: f64,
    pub(in crate::cluster) max_cluster_size: Option<usize>,
    pub(in crate::cluster) alpha: f64,
    pub(in crate::cluster) cluster_selection_method: Selection,
    pub(in crate::cluster) allow_single_cluster: bool,
}

impl HdbscanValidParams {
    /// Rows of a cluster at least.
    pub fn min_cluster_size(&self) -> usize {
        self.min_cluster_size
    }

    /// Near rows of a core sample, itself counted.
    pub fn min_samples(&self) -> usize {
        self.min_samples.unwrap_or(self.min_cluster_size)
    }

    /// Clusters nearer than this are not parted.
    pub fn cluster_selection_epsilon(&self) -> f64 {
        self.cluster_selection_epsilon
    }

    /// Rows of a cluster at most.
    pub fn max_cluster_size(&self) -> Option<usize> {
        self.max_cluster_size
    }

    /// What distances are divided by.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Which clusters of the tree are taken.
    pub fn cluster_selection_method(&self) -> Selection {
        self.cluster_selection_method
    }

    /// Whether all rows may be one cluster.
    pub fn allow_single_cluster(&self) -> bool {
        self.allow_single_cluster
    }
}

/// Hyperparameters of HDBSCAN before they are checked, under scikit-learn's names. The metric is Euclidean.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `min_cluster_size` | 5 | smaller groups are noise |
/// | `min_samples` | `min_cluster_size` | near rows that make a core sample, itself counted |
/// | `cluster_selection_epsilon` | 0 | clusters nearer than this are not parted |
/// | `max_cluster_size` | none | larger clusters are parted, with `Selection::Eom` |
/// | `alpha` | 1 | what distances are divided by before they are compared with core distances |
/// | `cluster_selection_method` | eom | which clusters of the tree are taken |
/// | `allow_single_cluster` | false | whether all rows may be one cluster |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HdbscanParams(pub(in crate::cluster) HdbscanValidParams);

impl Default for HdbscanParams {
    fn default() -> Self {
        Self(HdbscanValidParams {
            min_cluster_size: 5,
            min_samples: None,
            cluster_selection_epsilon: 0.0,
            max_cluster_size: None,
            alpha: 1.0,
            cluster_selection_method: Selection::Eom,
            allow_single_cluster: false,
        })
    }
}

impl HdbscanParams {
    /// Sets the least size of a cluster.
    pub fn min_cluster_size(mut self, min_cluster_size: usize) -> Self {
        self.0.min_cluster_size = min_cluster_size;
        self
    }

    /// Sets how many near rows make a core sample.
    pub fn min_samples(mut self, min_samples: usize) -> Self {
        self.0.min_samples = Some(min_samples);
        self
    }

    /// Sets the distance within which clusters are not parted.
    pub fn cluster_selection_epsilon(mut self, epsilon: f64) -> Self {
        self.0.cluster_selection_epsilon = epsilon;
        self
    }

    /// Sets the greatest size of a cluster.
    pub fn max_cluster_size(mut self, max_cluster_size: usize) -> Self {
        self.0.max_cluster_size = Some(max_cluster_size);
        self
    }

    /// Sets what distances are divided by.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.0.alpha = alpha;
        self
    }

    /// Sets which clusters of the tree are taken.
    pub fn cluster_selection_method(mut self, method: Selection) -> Self {
        self.0.cluster_selection_method = method;
        self
    }

    /// Sets whether all rows may be one cluster.
    pub fn allow_single_cluster(mut self, allow: bool) -> Self {
        self.0.allow_single_cluster = allow;
        self
    }
}

impl ParamGuard for HdbscanParams {
    type Checked = HdbscanValidParams;
    type Error = HdbscanParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let HdbscanValidParams { min_cluster_size, cluster_selection_epsilon: epsilon, alpha, .. } = self.0;
        if min_cluster_size < 2 {
            Err(HdbscanParamsError::MinClusterSize(min_cluster_size))
        } else if self.0.min_samples == Some(0) {
            Err(HdbscanParamsError::MinSamples)
        } else if !epsilon.is_finite() || epsilon < 0.0 {
            Err(HdbscanParamsError::ClusterSelectionEpsilon(epsilon))
        } else if self.0.max_cluster_size == Some(0) {
            Err(HdbscanParamsError::MaxClusterSize)
        } else if !alpha.is_finite() || alpha <= 0.0 {
            Err(HdbscanParamsError::Alpha(alpha))
        } else {
            Ok(&self.0)
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
