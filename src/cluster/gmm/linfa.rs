//! A Gaussian mixture as a linfa algorithm.

use super::expectation::Expectation;
use super::mixture::Mixture;
use super::run::Fitted;
use super::{GaussianMixtureError, GaussianMixtureParams, GaussianMixtureRun, GaussianMixtureValidParams};
use crate::cluster::Scalar;
use crate::cluster::kmeans::Centred;
use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, Axis, Data, Ix2};
use std::sync::Arc;

/// Rows that a prediction looks at in one go.
const ROWS: usize = 256;

/// A fitted Gaussian mixture.
#[derive(Debug, Clone)]
pub struct GaussianMixture<F> {
    /// Over centred rows.
    mixture: Mixture,
    /// What centres them, `[n_features]`.
    mean: Vec<F>,
    labels: Array1<usize>,
    lower_bound: f64,
    n_iter: usize,
    converged: bool,
}

impl GaussianMixture<f64> {
    /// Hyperparameters for `n_components` components, the others at their defaults; they serve `f32` as well.
    pub fn params(n_components: usize) -> GaussianMixtureParams {
        GaussianMixtureParams::new(n_components)
    }
}

impl<F: Scalar> GaussianMixture<F> {
    /// The share of each component, `[n_components]`.
    pub fn weights(&self) -> &[f64] {
        &self.mixture.weights
    }

    /// The components' means, `[n_components, n_features]`.
    pub fn means(&self) -> Array2<f64> {
        let mean: Array1<f64> = self.mean.iter().map(|&v| v.into()).collect();
        &self.mixture.means + &mean
    }

    /// The component of each row that the model was fitted on, `[n_samples]`.
    pub fn labels(&self) -> &Array1<usize> {
        &self.labels
    }

    /// Mean log-likelihood of a row in the last iteration.
    pub fn lower_bound(&self) -> f64 {
        self.lower_bound
    }

    /// Iterations that the best run took.
    pub fn n_iter(&self) -> usize {
        self.n_iter
    }

    /// Whether it converged within `max_iter`.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The probability of each component for each row of `x`, `[n_samples, n_components]`.
    ///
    /// # Panics
    /// When `x` has another number of columns than the means.
    pub fn predict_proba<D: Data<Elem = F>>(&self, x: &ArrayBase<D, Ix2>) -> Array2<f64> {
        let mut probabilities = Array2::zeros((x.nrows(), self.mixture.weights.len()));
        let blocks = probabilities.axis_chunks_iter_mut(Axis(0), ROWS);
        for (mut block, expectation) in blocks.zip(self.expectations(x)) {
            block.assign(&expectation.responsibilities);
        }
        probabilities
    }

    fn expectations<D: Data<Elem = F>>(&self, x: &ArrayBase<D, Ix2>) -> impl Iterator<Item = Expectation> {
        assert_eq!(x.ncols(), self.mean.len(), "Gaussian mixture: features of the rows and of the means");
        x.axis_chunks_iter(Axis(0), ROWS).map(move |rows| {
            let rows: Vec<F> = rows.iter().zip(self.mean.iter().cycle()).map(|(&v, &mean)| v - mean).collect();
            self.mixture.expect(&rows, |_| 0)
        })
    }
}

impl<F: Scalar, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, GaussianMixtureError> for GaussianMixtureValidParams {
    type Object = GaussianMixture<F>;

    /// Fits the mixture to the records `[n_samples, n_features]`.
    ///
    /// # Errors
    /// Fewer rows than components, an empty matrix, a number that is not finite or a covariance that is not positive
    /// definite.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, GaussianMixtureError> {
        let x = Centred::new(dataset.records())?;
        GaussianMixtureRun::on(*self, Arc::new(x))?.into_model()
    }
}

impl<F: Scalar, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<usize>> for GaussianMixture<F> {
    /// The likeliest component for each row of `x`, `[n_samples, n_features]`.
    ///
    /// # Panics
    /// When `x` has another number of columns than the means, or `y` another length than `x` has rows.
    fn predict_inplace<'a>(&'a self, x: &'a ArrayBase<D, Ix2>, y: &mut Array1<usize>) {
        assert_eq!(x.nrows(), y.len(), "Gaussian mixture: rows and targets");
        let labels = self.expectations(x).flat_map(|expectation| expectation.labels);
        y.iter_mut().zip(labels).for_each(|(target, label)| *target = label);
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<usize> {
        Array1::zeros(x.nrows())
    }
}

impl<F: Scalar> GaussianMixtureRun<F> {
    /// The model; steps to the end first where the run is not done.
    ///
    /// # Errors
    /// A covariance that is not positive definite.
    pub fn into_model(self) -> Result<GaussianMixture<F>, GaussianMixtureError> {
        let (Fitted { mixture, lower_bound, n_iter, converged }, mean, labels) = self.into_result()?;
        let labels = labels.into_iter().map(|label| label.max(0) as usize).collect();
        Ok(GaussianMixture { mixture, mean, labels, lower_bound, n_iter, converged })
    }
}
