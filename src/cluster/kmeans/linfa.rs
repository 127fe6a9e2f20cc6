//! K-Means as a linfa algorithm.

use super::bounds::assign;
use super::{KMeansError, KMeansParams, KMeansRun, KMeansValidParams};
use crate::cluster::{Clusterer, Scalar};
use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2};
use std::sync::Arc;

/// A fitted K-Means model.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans<F> {
    centroids: Array2<F>,
    labels: Array1<usize>,
    inertia: F,
    n_iter: usize,
}

impl KMeans<f64> {
    /// Hyperparameters for `n_clusters` clusters, the others at their defaults; they serve `f32` as well.
    pub fn params(n_clusters: usize) -> KMeansParams {
        KMeansParams::new(n_clusters)
    }
}

impl<F: Scalar> KMeans<F> {
    /// The centres, `[n_clusters, n_features]`.
    pub fn centroids(&self) -> &Array2<F> {
        &self.centroids
    }

    /// The cluster of each row that the model was fitted on, `[n_samples]`.
    pub fn labels(&self) -> &Array1<usize> {
        &self.labels
    }

    /// Sum of the squared distances of the rows to their centres.
    pub fn inertia(&self) -> F {
        self.inertia
    }

    /// Iterations that the best run took.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }
}

impl<F: Scalar> From<&KMeansRun<F>> for KMeans<F> {
    /// The model as it stands; the result once the run is done.
    fn from(run: &KMeansRun<F>) -> Self {
        Self {
            centroids: run.centroids(),
            labels: run.labels().into_iter().map(|label| label.max(0) as usize).collect(),
            inertia: run.inertia().unwrap_or_else(F::infinity),
            n_iter: run.n_iter(),
        }
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, KMeansError> for KMeansValidParams {
    type Object = KMeans<F>;

    /// Clusters the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// Fewer rows than clusters, an empty matrix or a number that is not finite.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, KMeansError> {
        let x = super::Centred::new(dataset.records())?;
        let mut run = KMeansRun::on(*self, Arc::new(x))?;
        run.run();
        Ok(KMeans::from(&run))
    }
}

impl<F: Scalar, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<usize>> for KMeans<F> {
    /// The index of the nearest centre for each row of `x`, `[n_samples, n_features]`.
    ///
    /// # Panics
    /// When `x` has another number of columns than the centres, or `y` another length than `x` has rows.
    fn predict_inplace<'a>(&'a self, x: &'a ArrayBase<D, Ix2>, y: &mut Array1<usize>) {
        assert_eq!(x.ncols(), self.centroids.ncols(), "K-Means: features of the rows and of the centres");
        assert_eq!(x.nrows(), y.len(), "K-Means: rows and targets");
        let rows: Vec<F> = x.iter().copied().collect();
        let centers: Vec<F> = self.centroids.iter().copied().collect();
        let labels = assign(&rows, x.ncols(), &centers);
        y.iter_mut().zip(labels).for_each(|(target, label)| *target = label as usize);
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<usize> {
        Array1::zeros(x.nrows())
    }
}
