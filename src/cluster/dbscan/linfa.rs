//! DBSCAN as a linfa algorithm. It has no centres, so a new row cannot be labelled without the old ones: no `Predict`.

use super::{DbscanError, DbscanParams, DbscanRun, DbscanValidParams};
use crate::cluster::{Clusterer, Scalar};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, ArrayBase, Data, Ix2};

/// The result of DBSCAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dbscan {
    labels: Array1<i32>,
    core_sample_indices: Vec<usize>,
}

impl Dbscan {
    /// Hyperparameters at their defaults.
    pub fn params() -> DbscanParams {
        DbscanParams::default()
    }

    /// The cluster of each row, `[n_samples]`; -1 is noise.
    pub fn labels(&self) -> &Array1<i32> {
        &self.labels
    }

    /// The core samples' rows, ascending.
    pub fn core_sample_indices(&self) -> &[usize] {
        &self.core_sample_indices
    }
}

impl<F: Scalar> From<&DbscanRun<F>> for Dbscan {
    /// The clusters as they stand; the result once the run is done.
    fn from(run: &DbscanRun<F>) -> Self {
        Self { labels: run.labels().into(), core_sample_indices: run.core_sample_indices() }
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, DbscanError> for DbscanValidParams {
    type Object = Dbscan;

    /// Clusters the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// An empty matrix or a number that is not finite.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, DbscanError> {
        let mut run = DbscanRun::on(*self, dataset.records())?;
        run.run();
        Ok(Dbscan::from(&run))
    }
}
