//! Mini-batch K-Means as a linfa algorithm.

use super::{MiniBatchKMeansError, MiniBatchKMeansParams, MiniBatchKMeansRun, MiniBatchKMeansValidParams};
use crate::cluster::kmeans::assign;
use crate::cluster::{Clusterer, Scalar};
use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2};

/// A fitted mini-batch K-Means model.
#[derive(Debug, Clone, PartialEq)]
pub struct MiniBatchKMeans<F> {
    centroids: Array2<F>,
    labels: Array1<usize>,
    inertia: F,
    n_steps: usize,
    n_iter: usize,
}

impl MiniBatchKMeans<f64> {
    /// Hyperparameters for `n_clusters` clusters, the others at their defaults; they serve `f32` as well.
    pub fn params(n_clusters: usize) -> MiniBatchKMeansParams {
        MiniBatchKMeansParams::new(n_clusters)
    }
}

impl<F: Scalar> MiniBatchKMeans<F> {
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

    /// Batches that were learned.
    pub fn n_steps(&self) -> usize {
        self.n_steps
    }

    /// Passes over the matrix, rounded up.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }
}

impl<F: Scalar> From<&MiniBatchKMeansRun<F>> for MiniBatchKMeans<F> {
    /// The model as it stands; the result once the run is done.
    fn from(run: &MiniBatchKMeansRun<F>) -> Self {
        Self {
            centroids: run.centroids(),
            labels: run.labels().into_iter().map(|label| label.max(0) as usize).collect(),
            inertia: run.inertia().unwrap_or_else(F::infinity),
            n_steps: run.n_steps(),
            n_iter: run.n_iter(),
        }
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, MiniBatchKMeansError> for MiniBatchKMeansValidParams {
    type Object = MiniBatchKMeans<F>;

    /// Clusters the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// Fewer rows than clusters, an empty matrix or a number that is not finite.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, MiniBatchKMeansError> {
        let mut run = MiniBatchKMeansRun::on(*self, dataset.records())?;
        run.run();
        Ok(MiniBatchKMeans::from(&run))
    }
}

impl<F: Scalar, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<usize>> for MiniBatchKMeans<F> {
    /// The index of the nearest centre for each row of `x`, `[n_samples, n_features]`.
    ///
    /// # Panics
    /// When `x` has another number of columns than the centres, or `y` another length than `x` has rows.
    fn predict_inplace<'a>(&'a self, x: &'a ArrayBase<D, Ix2>, y: &mut Array1<usize>) {
        assert_eq!(x.ncols(), self.centroids.ncols(), "mini-batch K-Means: features of the rows and of the centres");
        assert_eq!(x.nrows(), y.len(), "mini-batch K-Means: rows and targets");
        let rows: Vec<F> = x.iter().copied().collect();
        let centers: Vec<F> = self.centroids.iter().copied().collect();
        let labels = assign(&rows, x.ncols(), &centers);
        y.iter_mut().zip(labels).for_each(|(target, label)| *target = label as usize);
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<usize> {
        Array1::zeros(x.nrows())
    }
}
