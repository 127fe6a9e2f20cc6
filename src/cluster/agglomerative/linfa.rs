//! Agglomerative clustering as a linfa algorithm. A new row has no place in the tree: no `Predict`.

use super::{AgglomerativeError, AgglomerativeParams, AgglomerativeRun, AgglomerativeValidParams, Tree};
use crate::cluster::{Clusterer, Scalar};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, ArrayBase, Data, Ix2};

/// The result of agglomerative clustering.
#[derive(Debug, Clone, PartialEq)]
pub struct Agglomerative {
    labels: Array1<i32>,
    tree: Tree,
}

impl Agglomerative {
    /// Hyperparameters at their defaults.
    pub fn params() -> AgglomerativeParams {
        AgglomerativeParams::default()
    }

    /// The cluster of each row, `[n_samples]`.
    pub fn labels(&self) -> &Array1<i32> {
        &self.labels
    }

    /// The whole tree, which can be cut into another number of clusters.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, AgglomerativeError> for AgglomerativeValidParams {
    type Object = Agglomerative;

    /// Clusters the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// Fewer rows than clusters, an empty matrix, a number that is not finite, or a table of distances that does not fit
    /// in memory.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, AgglomerativeError> {
        let mut run = AgglomerativeRun::on(*self, dataset.records())?;
        run.run();
        let labels = run.labels().into();
        Ok(Agglomerative { labels, tree: run.into_tree() })
    }
}
