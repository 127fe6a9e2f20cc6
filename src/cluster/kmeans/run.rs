//! K-Means one step at a time.

use super::descent::Descent;
use super::init::Start;
use super::{Centred, KMeansError, KMeansParams, KMeansValidParams, Squares};
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use crate::random::RandomState;
use linfa::ParamGuard;
use ndarray::{Array2, ArrayBase, Data, Ix2};
use std::sync::Arc;

/// The best run so far.
#[derive(Debug)]
struct Best<F> {
    run: Descent<F>,
    inertia: F,
}

/// K-Means in progress. One step is the start of a run (of a large matrix, a part of it), or one of its iterations.
///
/// After `Step::Done`, [`centroids`](Self::centroids), [`labels`](Clusterer::labels),
/// [`inertia`](Self::inertia) and [`n_iter`](Self::n_iter) are those of the best run; before, those
/// of the run under way.
#[derive(Debug)]
pub struct KMeansRun<F> {
    pub(super) x: Arc<Centred<F>>,
    /// Distances between the rows, where somebody has computed them all.
    known: Option<Arc<Squares<F>>>,
    params: KMeansValidParams,
    tolerance: F,
    rng: RandomState,
    runs: usize,
    start: Option<Start<F>>,
    pub(super) current: Option<Descent<F>>,
    best: Option<Best<F>>,
}

impl<F: Scalar> KMeansRun<F> {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, fewer rows than clusters, an empty matrix or a number that is not finite.
    pub fn new<D: Data<Elem = F>>(params: KMeansParams, x: &ArrayBase<D, Ix2>) -> Result<Self, KMeansError> {
        let params = params.check()?;
        Self::on(params, Arc::new(Centred::new(x)?))
    }

    /// As [`new`](Self::new) on a matrix that others use as well.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn shared(params: KMeansParams, x: Arc<Centred<F>>) -> Result<Self, KMeansError> {
        Self::on(params.check()?, x)
    }

    /// Works on `known`, a whole table of the same rows, in place of the vectors. The draws are the same; rounding may put
    /// a row that lies between two centres into the other cluster.
    pub fn with_known(self, known: Option<Arc<Squares<F>>>) -> Self {
        Self { known, ..self }
    }

    /// Draws from this generator instead of a new one, as scikit-learn does for a `random_state` that is a generator.
    pub(in crate::cluster) fn with_generator(self, rng: RandomState) -> Self {
        Self { rng, ..self }
    }

    /// The generator as the run has left it.
    pub(in crate::cluster) fn into_generator(self) -> RandomState {
        self.rng
    }

    /// As [`shared`](Self::shared), for parameters that have been checked.
    ///
    /// # Errors
    /// Fewer rows than clusters.
    pub fn on(params: KMeansValidParams, x: Arc<Centred<F>>) -> Result<Self, KMeansError> {
        let (n_clusters, n_samples) = (params.n_clusters(), x.n_samples);
        if n_clusters > n_samples {
            return Err(KMeansError::TooFewSamples { n_clusters, n_samples });
        }
        let tolerance = x.variance * F::of(params.tol());
        let rng = RandomState::new(params.random_state());
        Ok(Self { x, known: None, params, tolerance, rng, runs: 0, start: None, current: None, best: None })
    }

    /// The centres `[n_clusters, n_features]`; no rows before the first step.
    pub fn centroids(&self) -> Array2<F> {
        let Some(run) = self.shown() else { return Array2::zeros((0, self.x.n_features)) };
        let (mean, centers) = (&self.x.mean, run.centers(&self.x));
        Array2::from_shape_fn((self.params.n_clusters(), mean.len()), |(c, f)| centers[c * mean.len() + f] + mean[f])
    }

    /// Sum of the squared distances of the rows to their centres; one pass over the matrix unless
    /// the run is done. `None` before the first step.
    pub fn inertia(&self) -> Option<F> {
        match (&self.current, &self.best) {
            (None, Some(best)) => Some(best.inertia),
            (current, _) => current.as_ref().map(|run| run.inertia(&self.x)),
        }
    }

    /// Every row's label under the centres as they are now, and the inertia; one or two passes over the matrix. `None`
    /// before there are centres. Where [`labels`](Clusterer::labels) are those that the centres were moved by, these
    /// are what the next iteration will find.
    pub fn assignment(&self) -> Option<(Vec<i32>, F)> {
        self.shown().map(|run| run.assignment(&self.x))
    }

    /// Iterations that the shown run has taken.
    pub fn n_iter(&self) -> usize {
        self.shown().map_or(0, Descent::n_iter)
    }

    /// Runs that are finished, of `n_init`.
    pub fn finished_runs(&self) -> usize {
        self.runs
    }

    fn shown(&self) -> Option<&Descent<F>> {
        self.current.as_ref().or(self.best.as_ref().map(|best| &best.run))
    }

    /// Keeps a finished run when it is better than the best and not the same clusters renumbered.
    fn finish(&mut self, run: Descent<F>) {
        self.runs += 1;
        let inertia = run.inertia(&self.x);
        let better = self.best.as_ref().is_none_or(|best| {
            inertia < best.inertia && !same_clustering(run.labels(), best.run.labels(), self.params.n_clusters())
        });
        if better {
            self.best = Some(Best { run, inertia });
        }
    }
}

impl<F: Scalar> Clusterer for KMeansRun<F> {
    fn step(&mut self) -> Step {
        let max_iter = self.params.max_iter();
        match self.current.take() {
            Some(mut run) => {
                let converged = run.iterate(&self.x, self.tolerance);
                if converged {
                    self.finish(run);
                } else if run.n_iter() == max_iter {
                    run.relabel(&self.x);
                    self.finish(run);
                } else {
                    self.current = Some(run);
                }
            }
            None if self.runs < self.params.n_init() => {
                let (x, known, n_clusters) = (&self.x, self.known.as_deref(), self.params.n_clusters());
                let mut start = self.start.take().unwrap_or_else(|| Start::new(x, known, n_clusters, &mut self.rng));
                if start.step(x, known, &mut self.rng) {
                    self.current = Some(Descent::new(x, self.known.as_ref(), start.rows()));
                } else {
                    self.start = Some(start);
                }
            }
            None => return Step::Done,
        }
        if self.current.is_none() && self.runs == self.params.n_init() {
            return Step::Done;
        }
        let steps_of_run = max_iter + 1;
        let in_run = self.current.as_ref().map_or(0, |run| run.n_iter() + 1);
        Step::Running { done: self.runs * steps_of_run + in_run, total: self.params.n_init() * steps_of_run }
    }

    fn labels(&self) -> Vec<i32> {
        self.shown().map_or_else(|| vec![-1; self.x.n_samples], |run| run.labels().to_vec())
    }
}

/// Whether each label of `a` goes with one label of `b` only.
fn same_clustering(a: &[i32], b: &[i32], n_clusters: usize) -> bool {
    let mut partner = vec![None; n_clusters];
    a.iter().zip(b).all(|(&a, &b)| *partner[a as usize].get_or_insert(b) == b)
}
