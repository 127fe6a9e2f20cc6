//! A Gaussian mixture one step at a time.

use super::maximization::Maximization;
use super::mixture::Mixture;
use super::{CovarianceType, GaussianMixtureError, GaussianMixtureParams, GaussianMixtureValidParams};
use crate::cluster::kmeans::{Centred, KMeansError, KMeansParams, KMeansRun};
use crate::cluster::{Clusterer, Scalar};
use crate::linalg::add_gram;
use crate::progress::Step;
use crate::random::RandomState;
use linfa::ParamGuard;
use ndarray::{Array2, ArrayBase, ArrayView2, Data, Ix2, s};
use rayon::prelude::*;
use std::sync::Arc;

/// Rows that one task looks at; fixed, so that results do not depend on the number of threads.
const BLOCK: usize = 256;

/// Part of a lower bound that is rounding.
const SAME: f64 = 1e-12;

/// A mixture at the end of a run.
pub(super) struct Fitted {
    pub(super) mixture: Mixture,
    pub(super) lower_bound: f64,
    pub(super) n_iter: usize,
    pub(super) converged: bool,
}

/// What the next step does; rows are those from which it goes on.
enum Phase<F> {
    /// K-Means.
    Starting(Box<KMeansRun<F>>),
    /// The product of the rows with themselves, where all components share one covariance.
    Multiplying {
        row: usize,
    },
    /// The M-step.
    Maximizing(Maximization),
    /// The E-step, with the sum of the log-densities so far.
    Expecting {
        mixture: Mixture,
        row: usize,
        sum: f64,
    },
    /// The labels under the best mixture.
    Labelling {
        best: Fitted,
        row: usize,
    },
    Done(Fitted),
    Failed(GaussianMixtureError),
}

/// A Gaussian mixture in progress. One step is a part of K-Means, some rows of an E-step or some components of an
/// M-step.
///
/// [`labels`](Clusterer::labels) are K-Means' at first, then those of the E-steps. When a covariance turns out not to
/// be positive definite the run is done early and [`error`](Self::error) says so.
pub struct GaussianMixtureRun<F> {
    x: Arc<Centred<F>>,
    params: GaussianMixtureValidParams,
    phase: Phase<F>,
    rng: RandomState,
    /// `[n_samples, n_components]`
    responsibilities: Array2<f64>,
    labels: Vec<i32>,
    /// `[n_features, n_features]`, its lower triangle; empty but where all components share one covariance.
    gram: Array2<f64>,
    /// Mean log-density of a row in the last E-step of this run.
    lower_bound: Option<f64>,
    /// Its change in the last iteration.
    change: f64,
    n_iter: usize,
    runs: usize,
    best: Option<Fitted>,
}

impl<F> std::fmt::Debug for GaussianMixtureRun<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut run = f.debug_struct("GaussianMixtureRun");
        run.field("params", &self.params).field("n_iter", &self.n_iter).finish_non_exhaustive()
    }
}

impl<F: Scalar> GaussianMixtureRun<F> {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, fewer rows than components, an empty matrix or a number that is not finite.
    pub fn new<D: Data<Elem = F>>(
        params: GaussianMixtureParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, GaussianMixtureError> {
        let params = params.check()?;
        Self::on(params, Arc::new(Centred::new(x)?))
    }

    /// As [`new`](Self::new) on a matrix that others use as well.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn shared(params: GaussianMixtureParams, x: Arc<Centred<F>>) -> Result<Self, GaussianMixtureError> {
        Self::on(params.check()?, x)
    }

    /// As [`shared`](Self::shared), for parameters that have been checked.
    ///
    /// # Errors
    /// Fewer rows than components.
    pub fn on(params: GaussianMixtureValidParams, x: Arc<Centred<F>>) -> Result<Self, GaussianMixtureError> {
        let rng = RandomState::new(params.random_state);
        let phase = Phase::Starting(start(&params, &x, rng.clone())?);
        let n_samples = x.n_samples;
        Ok(Self {
            x,
            params,
            phase,
            rng,
            responsibilities: Array2::zeros((n_samples, params.n_components)),
            labels: vec![-1; n_samples],
            gram: Array2::zeros((0, 0)),
            lower_bound: None,
            change: f64::INFINITY,
            n_iter: 0,
            runs: 0,
            best: None,
        })
    }

    /// Mean log-likelihood of a row, of the best run when all are done; `None` before the first E-step.
    pub fn lower_bound(&self) -> Option<f64> {
        self.finished().map(|best| best.lower_bound).or(self.lower_bound)
    }

    /// Iterations of the run under way; of the best one when all are done.
    pub fn n_iter(&self) -> usize {
        self.finished().map_or(self.n_iter, |best| best.n_iter)
    }

    /// Why there is no result, when there is none.
    pub fn error(&self) -> Option<&GaussianMixtureError> {
        match &self.phase {
            Phase::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Steps to the end; the mixture, the rows' mean and the labels.
    pub(super) fn into_result(mut self) -> Result<(Fitted, Vec<F>, Vec<i32>), GaussianMixtureError> {
        loop {
            match self.phase {
                Phase::Done(best) => return Ok((best, self.x.mean.clone(), self.labels)),
                Phase::Failed(error) => return Err(error),
                _ => self.step(),
            };
        }
    }

    /// The best run, when no other is to come.
    fn finished(&self) -> Option<&Fitted> {
        match &self.phase {
            Phase::Labelling { best, .. } | Phase::Done(best) => Some(best),
            _ => None,
        }
    }

    fn advance(&mut self, phase: Phase<F>) -> Result<Phase<F>, GaussianMixtureError> {
        Ok(match phase {
            Phase::Starting(kmeans) => self.start(kmeans),
            Phase::Multiplying { row } => self.multiply(row),
            Phase::Maximizing(mut maximization) => {
                if !maximization.step(&self.x, &self.responsibilities, &self.params)? {
                    return Ok(Phase::Maximizing(maximization));
                }
                let gram = Some(&self.gram).filter(|gram| !gram.is_empty());
                let mixture = maximization.finish(gram, &self.params)?;
                self.end_iteration(mixture)?
            }
            Phase::Expecting { mixture, row, sum } => {
                let (next, sum) = self.expect(&mixture, row, sum);
                if next < self.x.n_samples {
                    return Ok(Phase::Expecting { mixture, row: next, sum });
                }
                let bound = sum / self.x.n_samples as f64;
                self.change = self.lower_bound.map_or(f64::INFINITY, |last| bound - last);
                self.lower_bound = Some(bound);
                self.maximize()
            }
            Phase::Labelling { best, row } => {
                let (row, _) = self.expect(&best.mixture, row, 0.0);
                if row < self.x.n_samples { Phase::Labelling { best, row } } else { Phase::Done(best) }
            }
            end @ (Phase::Done(_) | Phase::Failed(_)) => end,
        })
    }

    /// Goes on with K-Means; its labels are the first responsibilities.
    fn start(&mut self, mut kmeans: Box<KMeansRun<F>>) -> Phase<F> {
        let step = kmeans.step();
        self.labels = kmeans.labels();
        if step != Step::Done {
            return Phase::Starting(kmeans);
        }
        self.rng = kmeans.into_generator();
        self.responsibilities.fill(0.0);
        for (mut row, &label) in self.responsibilities.rows_mut().into_iter().zip(&self.labels) {
            row[label as usize] = 1.0;
        }
        let tied = self.params.covariance_type == CovarianceType::Tied;
        if tied && self.gram.is_empty() { Phase::Multiplying { row: 0 } } else { self.maximize() }
    }

    fn maximize(&self) -> Phase<F> {
        Phase::Maximizing(Maximization::new(&self.responsibilities))
    }

    /// Adds some rows to the product.
    fn multiply(&mut self, row: usize) -> Phase<F> {
        let n_features = self.x.n_features;
        if row == 0 {
            self.gram = Array2::zeros((n_features, n_features));
        }
        let end = self.x.n_samples.min(row + BLOCK);
        add_gram(wide(&self.x.rows[row * n_features..end * n_features], n_features).view(), &mut self.gram);
        if end == self.x.n_samples { self.maximize() } else { Phase::Multiplying { row: end } }
    }

    /// The E-step of a block of rows for each thread: the next row, and the sum of the log-densities with theirs.
    fn expect(&mut self, mixture: &Mixture, first: usize, mut sum: f64) -> (usize, f64) {
        let n_features = self.x.n_features;
        let end = self.x.n_samples.min(first + BLOCK * rayon::current_num_threads());
        let rows = self.x.rows[first * n_features..end * n_features].par_chunks(BLOCK * n_features);
        let labels = self.labels[first..end].par_chunks(BLOCK);
        let blocks: Vec<_> =
            rows.zip(labels).map(|(rows, labels)| mixture.expect(rows, |i| labels[i] as usize)).collect();
        let mut row = first;
        for block in blocks {
            let next = row + block.labels.len();
            block.log_densities.iter().for_each(|density| sum += density);
            self.labels[row..next].iter_mut().zip(block.labels).for_each(|(to, from)| *to = from as i32);
            self.responsibilities.slice_mut(s![row..next, ..]).assign(&block.responsibilities);
            row = next;
        }
        (end, sum)
    }

    /// What follows an M-step.
    fn end_iteration(&mut self, mixture: Mixture) -> Result<Phase<F>, GaussianMixtureError> {
        let Some(lower_bound) = self.lower_bound else {
            return Ok(Phase::Expecting { mixture, row: 0, sum: 0.0 }); // That was the start.
        };
        self.n_iter += 1;
        let converged = self.change.abs() < self.params.tol;
        if !converged && self.n_iter < self.params.max_iter {
            return Ok(Phase::Expecting { mixture, row: 0, sum: 0.0 });
        }
        let this = Fitted { mixture, lower_bound, n_iter: self.n_iter, converged };
        let best = match self.best.take() {
            // Starts that find the same optimum differ by the rounding of sums in another order: the first stands.
            Some(best) if best.lower_bound >= lower_bound - SAME * lower_bound.abs() => best,
            _ => this,
        };
        self.runs += 1;
        if self.runs == self.params.n_init {
            return Ok(Phase::Labelling { best, row: 0 });
        }
        self.best = Some(best);
        (self.lower_bound, self.n_iter) = (None, 0);
        Ok(Phase::Starting(start(&self.params, &self.x, self.rng.clone())?))
    }

    fn progress(&self) -> Step {
        let (rows, components) = (self.x.n_samples, self.params.n_components);
        let iteration = rows + components;
        let run = (self.params.max_iter + 1) * iteration;
        let this_run = match &self.phase {
            Phase::Done(_) | Phase::Failed(_) => return Step::Done,
            Phase::Starting(_) | Phase::Multiplying { .. } => 0,
            Phase::Maximizing(maximization) if self.lower_bound.is_none() => rows + maximization.done(),
            Phase::Maximizing(maximization) => (self.n_iter + 1) * iteration + rows + maximization.done(),
            Phase::Expecting { row, .. } => (self.n_iter + 1) * iteration + row,
            Phase::Labelling { row, .. } => *row,
        };
        // The labels come after all runs.
        Step::Running { done: self.runs * run + this_run, total: self.params.n_init * run + rows }
    }
}

impl<F: Scalar> Clusterer for GaussianMixtureRun<F> {
    fn step(&mut self) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Multiplying { row: 0 });
        self.phase = self.advance(phase).unwrap_or_else(Phase::Failed);
        self.progress()
    }

    fn labels(&self) -> Vec<i32> {
        self.labels.clone()
    }

    fn failure(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().map(|error| error as _)
    }
}

/// K-Means with one start, which draws from the generator.
fn start<F: Scalar>(
    params: &GaussianMixtureValidParams,
    x: &Arc<Centred<F>>,
    rng: RandomState,
) -> Result<Box<KMeansRun<F>>, KMeansError> {
    let kmeans = KMeansParams::new(params.n_components).n_init(1);
    Ok(Box::new(KMeansRun::shared(kmeans, Arc::clone(x))?.with_generator(rng)))
}

/// The same rows in double precision, `[n, n_features]`.
pub(super) fn wide<F: Scalar>(rows: &[F], n_features: usize) -> Array2<f64> {
    // The slice holds whole rows.
    let rows = ArrayView2::from_shape((rows.len() / n_features, n_features), rows);
    rows.map_or_else(|_| Array2::zeros((0, n_features)), |rows| rows.mapv(Into::into))
}
