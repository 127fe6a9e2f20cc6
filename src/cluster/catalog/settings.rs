//! The parameters that a text may set: one list for reading and for writing.

use super::ClustererSpec;
use crate::cluster::agglomerative::Linkage;
use crate::cluster::distances::Metric;
use crate::cluster::gmm::CovarianceType;
use crate::cluster::hdbscan::Selection;
use crate::cluster::optics::{ClusterMethod, OpticsParams};
use crate::cluster::spectral::Affinity;

/// A parameter's value as text.
pub(super) trait Setting {
    /// Reads the value; the error says what it may be.
    fn set(&mut self, text: &str) -> Result<(), String>;

    /// What [`set`](Self::set) reads as this value.
    fn text(&self) -> String;
}

/// A parameter that is one of a few words.
trait Named: Copy + PartialEq + 'static {
    const NAMES: &'static [(&'static str, Self)];
}

impl Named for bool {
    const NAMES: &'static [(&'static str, Self)] = &[("true", true), ("false", false)];
}

impl Named for CovarianceType {
    const NAMES: &'static [(&'static str, Self)] =
        &[("full", Self::Full), ("tied", Self::Tied), ("diag", Self::Diag), ("spherical", Self::Spherical)];
}

impl Named for Affinity {
    const NAMES: &'static [(&'static str, Self)] = &[("rbf", Self::Rbf), ("nearest_neighbors", Self::NearestNeighbors)];
}

impl Named for Metric {
    const NAMES: &'static [(&'static str, Self)] = &[("euclidean", Self::Euclidean), ("cosine", Self::Cosine)];
}

impl Named for Linkage {
    const NAMES: &'static [(&'static str, Self)] =
        &[("ward", Self::Ward), ("average", Self::Average), ("complete", Self::Complete), ("single", Self::Single)];
}

impl Named for Selection {
    const NAMES: &'static [(&'static str, Self)] = &[("eom", Self::Eom), ("leaf", Self::Leaf)];
}

impl Named for OpticsMethod {
    const NAMES: &'static [(&'static str, Self)] = &[("xi", Self::Xi), ("dbscan", Self::Dbscan)];
}

impl<T: Named> Setting for T {
    fn set(&mut self, text: &str) -> Result<(), String> {
        let Some((_, value)) = T::NAMES.iter().find(|(name, _)| *name == text) else {
            return Err(T::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or "));
        };
        *self = *value;
        Ok(())
    }

    fn text(&self) -> String {
        T::NAMES.iter().find(|(_, value)| value == self).map_or("", |(name, _)| name).to_owned()
    }
}

impl Setting for usize {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.parse().map_err(|_| "a whole number, 0 or more".to_owned())?;
        Ok(())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Setting for f64 {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.parse().map_err(|_| "a number".to_owned())?;
        Ok(())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl<T: Setting + Default> Setting for Option<T> {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = if text == "none" {
            None
        } else {
            let mut value = T::default();
            value.set(text).map_err(|expected| format!("{expected}, or none"))?;
            Some(value)
        };
        Ok(())
    }

    fn text(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), Setting::text)
    }
}

/// How OPTICS finds clusters in its plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OpticsMethod {
    /// By the steepness of its valleys' sides.
    #[default]
    Xi,
    /// By one height, as DBSCAN would.
    Dbscan,
}

/// OPTICS' parameters side by side, as scikit-learn has them; see [`OpticsParams`] and [`ClusterMethod`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpticsSpec {
    /// Near rows that make a core sample, itself counted.
    pub min_samples: usize,
    /// Rows farther away are not looked at.
    pub max_eps: f64,
    /// How clusters are found.
    pub cluster_method: OpticsMethod,
    /// The height, of `dbscan`; `max_eps` where not given.
    pub eps: Option<f64>,
    /// The steepness, of `xi`; .05 where not given.
    pub xi: Option<f64>,
    /// Whether ends that were not reached from within are cut off, of `xi`; yes where not given.
    pub predecessor_correction: Option<bool>,
    /// Rows of a cluster at least, of `xi`; `min_samples` where not given.
    pub min_cluster_size: Option<usize>,
}

impl Default for OpticsSpec {
    fn default() -> Self {
        Self {
            min_samples: 5,
            max_eps: f64::INFINITY,
            cluster_method: OpticsMethod::Xi,
            eps: None,
            xi: None,
            predecessor_correction: None,
            min_cluster_size: None,
        }
    }
}

impl OpticsSpec {
    /// The algorithm's own parameters.
    ///
    /// # Errors
    /// The name of a parameter that belongs to the other method, and that method's.
    pub(super) fn params(&self) -> Result<OpticsParams, String> {
        let Self { eps, xi, predecessor_correction, min_cluster_size, .. } = *self;
        let method = match self.cluster_method {
            OpticsMethod::Xi if eps.is_some() => return Err("eps needs cluster_method=dbscan".to_owned()),
            OpticsMethod::Xi => ClusterMethod::Xi {
                xi: xi.unwrap_or(0.05),
                predecessor_correction: predecessor_correction.unwrap_or(true),
                min_cluster_size,
            },
            OpticsMethod::Dbscan => {
                let given = [
                    ("xi", xi.is_some()),
                    ("predecessor_correction", predecessor_correction.is_some()),
                    ("min_cluster_size", min_cluster_size.is_some()),
                ];
                match given.iter().find(|(_, given)| *given) {
                    Some((key, _)) => return Err(format!("{key} needs cluster_method=xi")),
                    None => ClusterMethod::Dbscan { eps },
                }
            }
        };
        Ok(OpticsParams::default().min_samples(self.min_samples).max_eps(self.max_eps).cluster_method(method))
    }
}

impl ClustererSpec {
    /// The parameters that a text may set, by name.
    pub(super) fn settings(&mut self) -> Vec<(&'static str, &mut dyn Setting)> {
        match self {
            Self::KMeans(params) => {
                let params = &mut params.0;
                vec![("n_init", &mut params.n_init), ("max_iter", &mut params.max_iter), ("tol", &mut params.tol)]
            }
            Self::MiniBatchKMeans(params) => {
                let params = &mut params.0;
                vec![
                    ("max_iter", &mut params.max_iter),
                    ("batch_size", &mut params.batch_size),
                    ("tol", &mut params.tol),
                    ("max_no_improvement", &mut params.max_no_improvement),
                    ("init_size", &mut params.init_size),
                    ("n_init", &mut params.n_init),
                    ("reassignment_ratio", &mut params.reassignment_ratio),
                ]
            }
            Self::GaussianMixture(params) => {
                let params = &mut params.0;
                vec![
                    ("covariance_type", &mut params.covariance_type),
                    ("tol", &mut params.tol),
                    ("reg_covar", &mut params.reg_covar),
                    ("max_iter", &mut params.max_iter),
                    ("n_init", &mut params.n_init),
                ]
            }
            Self::Spectral(params) => {
                let params = &mut params.0;
                vec![
                    ("affinity", &mut params.affinity),
                    ("gamma", &mut params.gamma),
                    ("n_neighbors", &mut params.n_neighbors),
                    ("n_components", &mut params.n_components),
                    ("n_init", &mut params.n_init),
                    ("eigen_tol", &mut params.eigen_tol),
                ]
            }
            Self::Consensus { n_labelings } => vec![("n_labelings", n_labelings)],
            Self::Agglomerative(params) => {
                let params = &mut params.0;
                vec![
                    ("linkage", &mut params.linkage),
                    ("metric", &mut params.metric),
                    ("distance_threshold", &mut params.distance_threshold),
                ]
            }
            Self::Dbscan { eps, min_samples } => vec![("eps", eps), ("min_samples", min_samples)],
            Self::Hdbscan(params) => {
                let params = &mut params.0;
                vec![
                    ("min_cluster_size", &mut params.min_cluster_size),
                    ("min_samples", &mut params.min_samples),
                    ("cluster_selection_epsilon", &mut params.cluster_selection_epsilon),
                    ("max_cluster_size", &mut params.max_cluster_size),
                    ("alpha", &mut params.alpha),
                    ("cluster_selection_method", &mut params.cluster_selection_method),
                    ("allow_single_cluster", &mut params.allow_single_cluster),
                ]
            }
            Self::Optics(spec) => vec![
                ("min_samples", &mut spec.min_samples),
                ("max_eps", &mut spec.max_eps),
                ("cluster_method", &mut spec.cluster_method),
                ("eps", &mut spec.eps),
                ("xi", &mut spec.xi),
                ("predecessor_correction", &mut spec.predecessor_correction),
                ("min_cluster_size", &mut spec.min_cluster_size),
            ],
        }
    }
}
