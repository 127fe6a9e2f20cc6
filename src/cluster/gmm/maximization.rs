//! The M-step: the mixture that makes the rows likeliest, given which component has made each.

use super::GaussianMixtureError;
use super::diagonal::Diagonal;
use super::mixture::{Mixture, Precisions, Whitening};
use super::params::{CovarianceType, GaussianMixtureValidParams};
use crate::cluster::Scalar;
use crate::cluster::kmeans::Centred;
use crate::linalg::add_gram;
use multiversion::multiversion;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Rows whose products are added up at a time.
const ROWS: usize = 1024;

/// One component's mean and what its covariance is made of.
struct Component {
    mean: Array1<f64>,
    spread: Spread,
}

enum Spread {
    /// Nothing of its own.
    None,
    Full(Whitening),
    /// The variance of each feature.
    Variances(Array1<f64>),
}

/// The M-step under way, component by component.
pub(super) struct Maximization {
    /// Rows of each component, as far as they belong to it.
    counts: Vec<f64>,
    components: Vec<Component>,
}

/// The rows that a component has a part in, with its part.
type Parts = Vec<(usize, f64)>;

impl Maximization {
    /// Starts on the responsibilities `[n_samples, n_components]`.
    pub(super) fn new(responsibilities: &Array2<f64>) -> Self {
        let counts = responsibilities.sum_axis(Axis(0)).iter().map(|sum| sum + 10.0 * f64::EPSILON).collect();
        Self { counts, components: Vec::new() }
    }

    /// Components that are finished.
    pub(super) fn done(&self) -> usize {
        self.components.len()
    }

    /// Goes on with some components, one for each thread; true when all are finished.
    ///
    /// # Errors
    /// A covariance that is not positive definite.
    pub(super) fn step<F: Scalar>(
        &mut self,
        x: &Centred<F>,
        responsibilities: &Array2<f64>,
        params: &GaussianMixtureValidParams,
    ) -> Result<bool, GaussianMixtureError> {
        let first = self.components.len();
        let group = first..params.n_components.min(first + rayon::current_num_threads());
        let more: Result<Vec<Component>, GaussianMixtureError> = group
            .into_par_iter()
            .map(|c| {
                let column = responsibilities.column(c);
                // What is 0 adds nothing to any sum.
                let parts: Parts = column.iter().copied().enumerate().filter(|&(_, part)| part > 0.0).collect();
                component(x, &parts, self.counts[c], params).ok_or_else(|| singular(c, params))
            })
            .collect();
        self.components.extend(more?);
        Ok(self.components.len() == params.n_components)
    }

    /// The mixture, once all components are finished. `gram` is the rows' product with themselves where all share one
    /// covariance.
    ///
    /// # Errors
    /// A covariance that is not positive definite.
    pub(super) fn finish(
        self,
        gram: Option<&Array2<f64>>,
        params: &GaussianMixtureValidParams,
    ) -> Result<Mixture, GaussianMixtureError> {
        let total: f64 = self.counts.iter().sum();
        let n_features = self.components.first().map_or(0, |component| component.mean.len());
        let mut means = Array2::zeros((self.components.len(), n_features));
        let mut variances = Array2::zeros(if gram.is_some() { (0, 0) } else { means.dim() });
        let mut whitenings = Vec::new();
        for (c, component) in self.components.into_iter().enumerate() {
            means.row_mut(c).assign(&component.mean);
            match component.spread {
                Spread::None => {}
                Spread::Full(whitening) => whitenings.push(whitening),
                Spread::Variances(own) => variances.row_mut(c).assign(&own),
            }
        }
        let precisions = match params.covariance_type {
            CovarianceType::Full => Precisions::Full(whitenings),
            CovarianceType::Tied => {
                let covariance = gram.map(|gram| shared_covariance(gram, means.view(), &self.counts, params.reg_covar));
                let whitening = covariance.and_then(|covariance| Whitening::of(&covariance));
                Precisions::Tied(whitening.ok_or_else(|| singular(0, params))?)
            }
            CovarianceType::Diag => {
                if let Some(((c, _), _)) = variances.indexed_iter().find(|(_, variance)| !is_positive(**variance)) {
                    return Err(singular(c, params));
                }
                Precisions::Diagonal(Diagonal::new(&means, variances.mapv(|v| 1.0 / v)))
            }
            CovarianceType::Spherical => {
                let variances = variances.sum_axis(Axis(1)) / n_features as f64;
                if let Some(c) = variances.iter().position(|&variance| !is_positive(variance)) {
                    return Err(singular(c, params));
                }
                let precisions = variances.insert_axis(Axis(1)).mapv(|v| 1.0 / v);
                // The mean over all features was taken, so there are some, and one column becomes as many.
                let precisions = precisions.broadcast(means.dim()).map(|all| all.to_owned());
                Precisions::Diagonal(Diagonal::new(&means, precisions.ok_or_else(|| singular(0, params))?))
            }
        };
        let weights = self.counts.iter().map(|count| count / total).collect();
        Ok(Mixture { weights, means, precisions })
    }
}

fn is_positive(variance: f64) -> bool {
    variance > 0.0
}

fn singular(component: usize, params: &GaussianMixtureValidParams) -> GaussianMixtureError {
    GaussianMixtureError::Covariance { component, reg_covar: params.reg_covar }
}

/// `None` where the covariance is not positive definite.
fn component<F: Scalar>(
    x: &Centred<F>,
    parts: &Parts,
    count: f64,
    params: &GaussianMixtureValidParams,
) -> Option<Component> {
    let n_features = x.n_features;
    let mut sums = vec![0.0; n_features];
    let spread = match params.covariance_type {
        CovarianceType::Tied => {
            add_rows(&x.rows, parts, &mut sums);
            Spread::None
        }
        CovarianceType::Full => {
            add_rows(&x.rows, parts, &mut sums);
            let mean: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
            let mut covariance = Array2::zeros((n_features, n_features));
            for parts in parts.chunks(ROWS) {
                add_gram(deviations(x, parts, &mean).view(), &mut covariance);
            }
            covariance.mapv_inplace(|v| v / count);
            covariance.diag_mut().mapv_inplace(|v| v + params.reg_covar);
            Spread::Full(Whitening::of(&covariance)?)
        }
        CovarianceType::Diag | CovarianceType::Spherical => {
            let mut squares = vec![0.0; n_features];
            add_rows_and_squares(&x.rows, parts, &mut sums, &mut squares);
            let variance = |(sum, square): (&f64, &f64)| square / count - (sum / count).powi(2) + params.reg_covar;
            Spread::Variances(sums.iter().zip(&squares).map(variance).collect())
        }
    };
    Some(Component { mean: sums.iter().map(|sum| sum / count).collect(), spread })
}

/// The rows' deviations from a mean, scaled by the roots of their parts.
fn deviations<F: Scalar>(x: &Centred<F>, parts: &[(usize, f64)], mean: &[f64]) -> Array2<f64> {
    let mut deviations = Array2::zeros((parts.len(), mean.len()));
    for (mut out, &(row, part)) in deviations.rows_mut().into_iter().zip(parts) {
        let root = part.sqrt();
        let row = &x.rows[row * x.n_features..][..x.n_features];
        out.iter_mut().zip(row.iter().zip(mean)).for_each(|(out, (&v, mean))| {
            let v: f64 = v.into();
            *out = root * (v - mean);
        });
    }
    deviations
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn add_rows<F: Scalar>(rows: &[F], parts: &Parts, sums: &mut [f64]) {
    let n_features = sums.len();
    for &(row, part) in parts {
        for (sum, &v) in sums.iter_mut().zip(&rows[row * n_features..]) {
            let v: f64 = v.into();
            *sum += part * v;
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn add_rows_and_squares<F: Scalar>(rows: &[F], parts: &Parts, sums: &mut [f64], squares: &mut [f64]) {
    let n_features = sums.len();
    for &(row, part) in parts {
        for ((sum, square), &v) in sums.iter_mut().zip(squares.iter_mut()).zip(&rows[row * n_features..]) {
            let v: f64 = v.into();
            *sum += part * v;
            *square += part * v * v;
        }
    }
}

/// The covariance of all rows about their components' means, its lower triangle.
fn shared_covariance(gram: &Array2<f64>, means: ArrayView2<'_, f64>, counts: &[f64], reg_covar: f64) -> Array2<f64> {
    let total: f64 = counts.iter().sum();
    let roots = Array1::from_iter(counts.iter().map(|count| count.sqrt())).insert_axis(Axis(1));
    let mut between = Array2::zeros(gram.dim());
    add_gram((&means * &roots).view(), &mut between);
    let mut covariance = (gram - between) / total;
    covariance.diag_mut().mapv_inplace(|v| v + reg_covar);
    covariance
}
