//! Spectral clustering as a linfa algorithm.

use super::{SpectralClusteringError, SpectralClusteringParams, SpectralClusteringRun, SpectralClusteringValidParams};
use crate::cluster::Scalar;
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, ArrayBase, Data, Ix2};

/// The labels that spectral clustering gave; it cannot label other rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpectralClustering {
    labels: Array1<usize>,
}

impl SpectralClustering {
    /// Hyperparameters for `n_clusters` clusters, the others at their defaults.
    pub fn params(n_clusters: usize) -> SpectralClusteringParams {
        SpectralClusteringParams::new(n_clusters)
    }

    /// The cluster of each row, `[n_samples]`.
    pub fn labels(&self) -> &Array1<usize> {
        &self.labels
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, SpectralClusteringError>
    for SpectralClusteringValidParams
{
    type Object = SpectralClustering;

    /// Clusters the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// Fewer rows than clusters, eigenvectors or neighbours, an empty matrix, a number that is not finite, or
    /// eigenvectors that are not found.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, SpectralClusteringError> {
        let labels = SpectralClusteringRun::on(*self, dataset.records())?.into_labels()?;
        Ok(SpectralClustering { labels: labels.into_iter().map(|label| label.max(0) as usize).collect() })
    }
}
