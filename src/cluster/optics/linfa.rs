//! OPTICS as a linfa algorithm. A new row has no place in the order: no `Predict`.

use super::{OpticsError, OpticsParams, OpticsRun, OpticsValidParams, Plot};
use crate::cluster::{Clusterer, Scalar};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, ArrayBase, Data, Ix2};

/// The result of OPTICS.
#[derive(Debug, Clone, PartialEq)]
pub struct Optics {
    labels: Array1<i32>,
    plot: Plot,
}

impl Optics {
    /// Hyperparameters at their defaults.
    pub fn params() -> OpticsParams {
        OpticsParams::default()
    }

    /// The cluster of each row, `[n_samples]`; -1 is noise.
    pub fn labels(&self) -> &Array1<i32> {
        &self.labels
    }

    /// The order of the rows and their reachability.
    pub fn plot(&self) -> &Plot {
        &self.plot
    }
}

impl From<&OpticsRun> for Optics {
    /// The result of a run that is done; noise throughout before.
    fn from(run: &OpticsRun) -> Self {
        Self { labels: run.labels().into(), plot: run.plot().clone() }
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, OpticsError> for OpticsValidParams {
    type Object = Optics;

    /// Clusters the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// Fewer rows than `min_samples` or `min_cluster_size`, an empty matrix, a number that is not finite, or a table of
    /// distances that does not fit in memory.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, OpticsError> {
        let mut run = OpticsRun::on(*self, dataset.records())?;
        run.run();
        Ok(Optics::from(&run))
    }
}
