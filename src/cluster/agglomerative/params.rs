//! Hyperparameters of agglomerative clustering: written down unchecked, checked once, then used.

use crate::cluster::distances::Metric;
use linfa::ParamGuard;

/// How far two clusters lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Linkage {
    /// By how much their join raises the sum of squared distances to the means.
    #[default]
    Ward,
    /// The mean distance between their rows.
    Average,
    /// The largest distance between their rows.
    Complete,
    /// The smallest distance between their rows.
    Single,
}

/// A hyperparameter of agglomerative clustering that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum AgglomerativeParamsError {
    /// `n_clusters` is 0.
    #[error("n_clusters must be at least 1")]
    NClusters,
    /// `distance_threshold` is negative or not a number.
    #[error("distance_threshold must be 0 or more, got {0}")]
    DistanceThreshold(f64),
    /// Ward's distances are Euclidean only.
    #[error("ward linkage needs the Euclidean metric")]
    WardMetric,
}

/// Checked hyperparameters of agglomerative clustering; see [`AgglomerativeParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgglomerativeValidParams {
    pub(in crate::cluster) n_clusters: usize,
    pub(in crate::cluster) metric: Metric,
    pub(in crate::cluster) linkage: Linkage,
    pub(in crate::cluster) distance_threshold: Option<f64>,
}

impl AgglomerativeValidParams {
    /// Number of clusters, where no threshold is given.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// Distance between rows.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Distance between clusters.
    pub fn linkage(&self) -> Linkage {
        self.linkage
    }

    /// The height at which the tree is cut.
    pub fn distance_threshold(&self) -> Option<f64> {
        self.distance_threshold
    }
}

/// Hyperparameters of agglomerative clustering before they are checked, under scikit-learn's names.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `n_clusters` | 2 | number of clusters |
/// | `metric` | Euclidean | distance between rows; ward takes no other |
/// | `linkage` | ward | distance between clusters |
/// | `distance_threshold` | none | clusters this far apart or farther are not joined; replaces `n_clusters` |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgglomerativeParams(pub(in crate::cluster) AgglomerativeValidParams);

impl Default for AgglomerativeParams {
    fn default() -> Self {
        Self(AgglomerativeValidParams {
            n_clusters: 2,
            metric: Metric::default(),
            linkage: Linkage::default(),
            distance_threshold: None,
        })
    }
}

impl AgglomerativeParams {
    /// Sets the number of clusters.
    pub fn n_clusters(mut self, n_clusters: usize) -> Self {
        self.0.n_clusters = n_clusters;
        self
    }

    /// Sets the distance between rows.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.0.metric = metric;
        self
    }

    /// Sets the distance between clusters.
    pub fn linkage(mut self, linkage: Linkage) -> Self {
        self.0.linkage = linkage;
        self
    }

    /// Sets the height at which the tree is cut.
    pub fn distance_threshold(mut self, distance_threshold: f64) -> Self {
        self.0.distance_threshold = Some(distance_threshold);
        self
    }
}

impl ParamGuard for AgglomerativeParams {
    type Checked = AgglomerativeValidParams;
    type Error = AgglomerativeParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        if self.0.n_clusters == 0 {
            return Err(AgglomerativeParamsError::NClusters);
        }
        if let Some(threshold) = self.0.distance_threshold
            && (threshold.is_nan() || threshold < 0.0)
        {
            return Err(AgglomerativeParamsError::DistanceThreshold(threshold));
        }
        if self.0.linkage == Linkage::Ward && self.0.metric != Metric::Euclidean {
            return Err(AgglomerativeParamsError::WardMetric);
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
