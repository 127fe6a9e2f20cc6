//! From a spec to a clustering in progress.

use super::ClustererSpec;
use crate::cluster::agglomerative::{AgglomerativeError, AgglomerativeRun};
use crate::cluster::consensus::{ConsensusError, ConsensusRun};
use crate::cluster::dbscan::{AutoDbscanRun, DbscanError, DbscanParams, DbscanRun};
use crate::cluster::gmm::{GaussianMixtureError, GaussianMixtureRun};
use crate::cluster::hdbscan::{HdbscanError, HdbscanRun};
use crate::cluster::kmeans::{KMeansError, KMeansRun};
use crate::cluster::mini_batch_kmeans::{MiniBatchKMeansError, MiniBatchKMeansRun};
use crate::cluster::optics::{OpticsError, OpticsRun};
use crate::cluster::spectral::{SpectralClusteringError, SpectralClusteringRun};
use crate::cluster::{Clusterer, Scalar};
use linfa::ParamGuard;
use ndarray::ArrayView2;
use std::fmt::Display;

/// Why a clusterer cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The clusterer needs a number of clusters.
    #[error("{clusterer} needs a number of clusters")]
    NoCount {
        /// The clusterer's name.
        clusterer: &'static str,
    },
    /// What belongs to different methods of OPTICS.
    #[error("optics: {0}")]
    OpticsSpec(String),
    /// K-Means.
    #[error(transparent)]
    KMeans(#[from] KMeansError),
    /// Mini-batch K-Means.
    #[error(transparent)]
    MiniBatchKMeans(#[from] MiniBatchKMeansError),
    /// Gaussian mixture.
    #[error(transparent)]
    GaussianMixture(#[from] GaussianMixtureError),
    /// Spectral clustering.
    #[error(transparent)]
    Spectral(#[from] SpectralClusteringError),
    /// Consensus of labelings.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// Agglomerative clustering.
    #[error(transparent)]
    Agglomerative(#[from] AgglomerativeError),
    /// DBSCAN.
    #[error(transparent)]
    Dbscan(#[from] DbscanError),
    /// HDBSCAN.
    #[error(transparent)]
    Hdbscan(#[from] HdbscanError),
    /// OPTICS.
    #[error(transparent)]
    Optics(#[from] OpticsError),
}

impl ClustererSpec {
    /// Starts on the matrix `x`, `[n_samples, n_features]`, which is copied. `k` is the number of clusters, of no account
    /// to those that do not [take it](Self::takes_k), and `seed` that of numpy's MT19937, where something is random.
    ///
    /// # Errors
    /// No `k` where one is needed; parameters, or a matrix, that the algorithm refuses. What goes wrong later is the
    /// run's [`failure`](Clusterer::failure).
    pub fn start<F: Scalar>(
        &self,
        x: ArrayView2<'_, F>,
        k: Option<usize>,
        seed: u32,
    ) -> Result<Box<dyn Clusterer + Send>, StartError> {
        let count = k.ok_or(StartError::NoCount { clusterer: self.name() });
        Ok(match *self {
            Self::KMeans(mut params) => {
                params.0.n_clusters = count?;
                Box::new(KMeansRun::new(params.random_state(seed), &x)?)
            }
            Self::MiniBatchKMeans(mut params) => {
                params.0.n_clusters = count?;
                Box::new(MiniBatchKMeansRun::new(params.random_state(seed), &x)?)
            }
            Self::GaussianMixture(mut params) => {
                params.0.n_components = count?;
                Box::new(GaussianMixtureRun::new(params.random_state(seed), &x)?)
            }
            Self::Spectral(mut params) => {
                params.0.n_clusters = count?;
                Box::new(SpectralClusteringRun::new(params.random_state(seed), &x)?)
            }
            // Its labelings are of single numbers, which halves what they read.
            Self::Consensus { n_labelings } => {
                let x = x.mapv(|value| value.into() as f32);
                Box::new(ConsensusRun::new(x.view(), count?, n_labelings, seed)?)
            }
            Self::Agglomerative(params) => {
                let params = if self.takes_k() { params.n_clusters(count?) } else { params };
                Box::new(AgglomerativeRun::new(params, &x)?)
            }
            Self::Dbscan { eps: Some(eps), min_samples } => {
                Box::new(DbscanRun::new(DbscanParams::default().eps(eps).min_samples(min_samples), &x)?)
            }
            Self::Dbscan { eps: None, min_samples } => {
                Box::new(AutoDbscanRun::new(DbscanParams::default().min_samples(min_samples), &x)?)
            }
            Self::Hdbscan(params) => Box::new(HdbscanRun::new(params, &x)?),
            Self::Optics(spec) => Box::new(OpticsRun::new(spec.params().map_err(StartError::OpticsSpec)?, &x)?),
        })
    }

    /// Whether there can be data that satisfies the parameters; if not, why.
    pub(super) fn check(&self) -> Result<(), String> {
        match *self {
            Self::KMeans(params) => said(params.check()),
            Self::MiniBatchKMeans(params) => said(params.check()),
            Self::GaussianMixture(params) => said(params.check()),
            Self::Spectral(params) => said(params.check()),
            Self::Consensus { n_labelings: 0 } => Err(ConsensusError::NoLabelings.to_string()),
            Self::Consensus { .. } => Ok(()),
            Self::Agglomerative(params) => said(params.check()),
            Self::Dbscan { eps, min_samples } => {
                let params = DbscanParams::default().min_samples(min_samples);
                said(eps.map_or(params, |eps| params.eps(eps)).check())
            }
            Self::Hdbscan(params) => said(params.check()),
            Self::Optics(spec) => said(spec.params()?.check()),
        }
    }
}

fn said<T, E: Display>(checked: Result<T, E>) -> Result<(), String> {
    checked.map(|_| ()).map_err(|error| error.to_string())
}
