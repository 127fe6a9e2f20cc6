//! HDBSCAN as a linfa algorithm. A new row has no place in the tree: no `Predict`.

use super::{HdbscanError, HdbscanParams, HdbscanRun, HdbscanValidParams};
use crate::cluster::{Clusterer, Scalar};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, ArrayBase, Data, Ix2};

/// The result of HDBSCAN.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdbscan {
    labels: Array1<i32>,
    probabilities: Array1<f64>,
}

impl Hdbscan {
    /// Hyperparameters at their defaults.
    pub fn params() -> HdbscanParams {
        HdbscanParams::default()
    }

    /// The cluster of each row, `[n_samples]`; -1 is noise.
    pub fn labels(&self) -> &Array1<i32> {
        &self.labels
    }

    /// How firmly each row belongs to its cluster, 0 to 1, `[n_samples]`; 0 for noise.
    pub fn probabilities(&self) -> &Array1<f64> {
        &self.probabilities
    }
}

impl From<&HdbscanRun> for Hdbscan {
    /// The result of a run that is done; noise throughout before.
    fn from(run: &HdbscanRun) -> Self {
        Self { labels: run.labels().into(), probabilities: run.probabilities().into() }
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, HdbscanError> for HdbscanValidParams {
    type Object = Hdbscan;

    /// Clusters the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// Fewer rows than `min_samples`, an empty matrix, a number that is not finite, or a table of distances that does not
    /// fit in memory.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, HdbscanError> {
        let mut run = HdbscanRun::on(*self, dataset.records())?;
        run.run();
        Ok(Hdbscan::from(&run))
    }
}
