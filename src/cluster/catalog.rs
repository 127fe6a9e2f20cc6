//! Clusterers by name: a text says which one and with what parameters, and starts it on a matrix.
//!
//! Called by whoever lets people choose: the engine, for the command line and the page. Owns the names of the
//! algorithms and of their parameters, which are scikit-learn's; defaults and checks are the algorithms' own. Knows nothing
//! of albums, keys or threads.
//!
//! A text is `name[:key=value…]`. The number of clusters and the seed are no part of it: they are given at the start.
//!
//! | text | algorithm | needs a number of clusters |
//! |---|---|---|
//! | `kmeans:n_init=3` | [`kmeans`](super::kmeans) | yes |
//! | `minibatch-kmeans:batch_size=512` | [`mini_batch_kmeans`](super::mini_batch_kmeans) | yes |
//! | `gmm:covariance_type=diag` | [`gmm`](super::gmm) | yes |
//! | `spectral:affinity=nearest_neighbors` | [`spectral`](super::spectral) | yes |
//! | `consensus:n_labelings=24` | [`consensus`](super::consensus) | yes |
//! | `agglomerative:linkage=average:metric=cosine` | [`agglomerative`](super::agglomerative) | unless `distance_threshold` is given |
//! | `dbscan:eps=0.6:min_samples=5` | [`dbscan`](super::dbscan); without `eps` it is chosen | no |
//! | `hdbscan:min_cluster_size=15` | [`hdbscan`](super::hdbscan) | no |
//! | `optics:cluster_method=dbscan:eps=0.6` | [`optics`](super::optics) | no |
//!
//! ```
//! use gistmap::cluster::catalog::ClustererSpec;
//! use gistmap::progress::Step;
//! use ndarray::array;
//!
//! let spec: ClustererSpec = "agglomerative:linkage=average".parse().unwrap();
//! let mut run = spec.start(array![[0.0], [0.1], [5.0], [5.2]].view(), Some(2), 782).unwrap();
//! while run.step() != Step::Done {}
//! assert_eq!(run.labels(), [1, 1, 0, 0]);
//! ```

mod settings;
mod start;

pub use settings::{OpticsMethod, OpticsSpec};
pub use start::StartError;

use super::agglomerative::AgglomerativeParams;
use super::consensus::N_LABELINGS;
use super::gmm::GaussianMixtureParams;
use super::hdbscan::HdbscanParams;
use super::kmeans::KMeansParams;
use super::mini_batch_kmeans::MiniBatchKMeansParams;
use super::spectral::SpectralClusteringParams;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A clusterer and its parameters. A parsed one has been checked; its text names what differs from the defaults.
///
/// The number of clusters and the seed within the parameters are of no account: [`start`](Self::start) sets them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClustererSpec {
    /// `kmeans`, ten starts by default.
    KMeans(KMeansParams),
    /// `minibatch-kmeans`
    MiniBatchKMeans(MiniBatchKMeansParams),
    /// `gmm`
    GaussianMixture(GaussianMixtureParams),
    /// `spectral`
    Spectral(SpectralClusteringParams),
    /// `consensus`
    Consensus {
        /// K-Means labelings that it agrees on.
        n_labelings: usize,
    },
    /// `agglomerative`
    Agglomerative(AgglomerativeParams),
    /// `dbscan`
    Dbscan {
        /// The largest distance between near rows; `None` takes it from the curve of distances to the
        /// `min_samples - 1`th nearest row.
        eps: Option<f64>,
        /// Near rows that make a row a core sample, itself counted.
        min_samples: usize,
    },
    /// `hdbscan`
    Hdbscan(HdbscanParams),
    /// `optics`
    Optics(OpticsSpec),
}

/// Why a text names no clusterer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// There is no such algorithm.
    #[error("there is no clusterer {name:?}; there are {known}")]
    Name {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// Something after the name is no assignment.
    #[error("{clusterer}: {text:?} is not of the form key=value")]
    Form {
        /// The clusterer's name.
        clusterer: &'static str,
        /// What is wrong.
        text: String,
    },
    /// The clusterer has no such parameter.
    #[error("{clusterer} has no parameter {key:?}; it has {known}")]
    Key {
        /// The clusterer's name.
        clusterer: &'static str,
        /// The parameter.
        key: String,
        /// Those that it has.
        known: String,
    },
    /// The parameter is not part of the text.
    #[error(
        "{clusterer}: {key} does not belong here; the number of clusters and the seed are given for all clusterers"
    )]
    Elsewhere {
        /// The clusterer's name.
        clusterer: &'static str,
        /// The parameter.
        key: String,
    },
    /// A parameter is there twice.
    #[error("{clusterer}: {key} is given twice")]
    Twice {
        /// The clusterer's name.
        clusterer: &'static str,
        /// The parameter.
        key: &'static str,
    },
    /// The value is not of the parameter's kind.
    #[error("{clusterer}: {key} must be {expected}, got {value:?}")]
    Value {
        /// The clusterer's name.
        clusterer: &'static str,
        /// The parameter.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// Values that no data could satisfy, or that do not go together.
    #[error("{clusterer}: {problem}")]
    Range {
        /// The clusterer's name.
        clusterer: &'static str,
        /// What the algorithm says.
        problem: String,
    },
}

impl ClustererSpec {
    /// Every clusterer, with its defaults.
    pub fn all() -> [Self; 9] {
        [
            Self::KMeans(KMeansParams::new(1)),
            Self::MiniBatchKMeans(MiniBatchKMeansParams::new(1)),
            Self::GaussianMixture(GaussianMixtureParams::new(1)),
            Self::Spectral(SpectralClusteringParams::new(1)),
            Self::Consensus { n_labelings: N_LABELINGS },
            Self::Agglomerative(AgglomerativeParams::default()),
            Self::Dbscan { eps: None, min_samples: 5 },
            Self::Hdbscan(HdbscanParams::default()),
            Self::Optics(OpticsSpec::default()),
        ]
    }

    /// The algorithm's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::KMeans(_) => "kmeans",
            Self::MiniBatchKMeans(_) => "minibatch-kmeans",
            Self::GaussianMixture(_) => "gmm",
            Self::Spectral(_) => "spectral",
            Self::Consensus { .. } => "consensus",
            Self::Agglomerative(_) => "agglomerative",
            Self::Dbscan { .. } => "dbscan",
            Self::Hdbscan(_) => "hdbscan",
            Self::Optics(_) => "optics",
        }
    }

    /// The names of the parameters that its text may set.
    pub fn keys(mut self) -> Vec<&'static str> {
        self.settings().into_iter().map(|(key, _)| key).collect()
    }

    /// Whether it must be told a number of clusters; the others find it themselves.
    pub fn takes_k(&self) -> bool {
        match self {
            Self::KMeans(_) | Self::MiniBatchKMeans(_) | Self::GaussianMixture(_) | Self::Spectral(_) => true,
            Self::Consensus { .. } => true,
            Self::Agglomerative(params) => params.0.distance_threshold.is_none(),
            Self::Dbscan { .. } | Self::Hdbscan(_) | Self::Optics(_) => false,
        }
    }

    /// Whether another seed may give another labeling.
    pub fn draws(&self) -> bool {
        match self {
            Self::KMeans(_) | Self::MiniBatchKMeans(_) | Self::GaussianMixture(_) | Self::Spectral(_) => true,
            Self::Consensus { .. } => true,
            Self::Agglomerative(_) | Self::Dbscan { .. } | Self::Hdbscan(_) | Self::Optics(_) => false,
        }
    }

    /// Sets the parameter that `assignment`, `key=value`, names; the key.
    fn assign(&mut self, assignment: &str) -> Result<&'static str, SpecError> {
        let (clusterer, keys) = (self.name(), self.keys());
        let Some((key, value)) = assignment.split_once('=') else {
            return Err(SpecError::Form { clusterer, text: assignment.to_owned() });
        };
        let Some((key, setting)) = self.settings().into_iter().find(|(known, _)| *known == key) else {
            let key = key.to_owned();
            return Err(match key.as_str() {
                "k" | "n_clusters" | "random_state" | "seed" => SpecError::Elsewhere { clusterer, key },
                "n_components" if clusterer == "gmm" => SpecError::Elsewhere { clusterer, key },
                _ => SpecError::Key { clusterer, key, known: keys.join(", ") },
            });
        };
        let wrong = |expected| SpecError::Value { clusterer, key, value: value.to_owned(), expected };
        setting.set(value).map_err(wrong)?;
        Ok(key)
    }
}

impl FromStr for ClustererSpec {
    type Err = SpecError;

    /// Reads `name[:key=value…]`.
    ///
    /// # Errors
    /// An unknown name or key, a key twice, a value of the wrong kind or out of range; the error names it and says what there
    /// is.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let Some(mut spec) = Self::all().into_iter().find(|spec| spec.name() == name) else {
            let known = Self::all().map(|spec| spec.name()).join(", ");
            return Err(SpecError::Name { name: name.to_owned(), known });
        };
        let clusterer = spec.name();
        let mut given = Vec::new();
        for part in parts {
            let key = spec.assign(part)?;
            if given.contains(&key) {
                return Err(SpecError::Twice { clusterer, key });
            }
            given.push(key);
        }
        spec.check().map_err(|problem| SpecError::Range { clusterer, problem })?;
        Ok(spec)
    }
}

impl fmt::Display for ClustererSpec {
    /// The shortest text that is read as this spec.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let mut spec = *self;
        let Some(mut default) = Self::all().into_iter().find(|known| known.name() == self.name()) else {
            return Ok(());
        };
        for ((key, value), (_, usual)) in spec.settings().into_iter().zip(default.settings()) {
            let value = value.text();
            if value != usual.text() {
                write!(f, ":{key}={value}")?;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for ClustererSpec {
    type Error = SpecError;

    fn try_from(text: String) -> Result<Self, SpecError> {
        text.parse()
    }
}

impl From<ClustererSpec> for String {
    fn from(spec: ClustererSpec) -> Self {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests;
