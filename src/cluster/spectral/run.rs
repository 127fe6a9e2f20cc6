//! Spectral clustering one step at a time.

use super::affinity::{Graph, Kernel};
use super::eigen::{Eigenvectors, State, decompose};
use super::neighbors::{Nearest, Search};
use super::{Affinity, SpectralClusteringError, SpectralClusteringParams, SpectralClusteringValidParams};
use crate::cluster::kmeans::{Centred, KMeansError, KMeansParams, KMeansRun, checked_rows};
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use crate::random::RandomState;
use linfa::ParamGuard;
use ndarray::{Array2, ArrayBase, Axis, Data, Ix2};
use std::sync::Arc;

/// What the progress counts in for each of graph, eigenvectors and K-Means.
const PART: usize = 1000;

/// What the next step does.
enum Phase<F> {
    Searching { rows: Vec<F>, search: Search, nearest: Vec<Nearest> },
    Comparing { x: Array2<f64>, kernel: Kernel },
    Solving { graph: Graph, solver: Option<Box<Eigenvectors>> },
    Clustering(Box<KMeansRun<f64>>),
    Failed(SpectralClusteringError),
}

/// Spectral clustering in progress. One step compares some rows, multiplies some rows of the graph, or is one of
/// K-Means.
///
/// There are no labels (all are -1) before K-Means begins. When no eigenvectors are found the run is done early and
/// [`error`](Self::error) says so.
pub struct SpectralClusteringRun<F> {
    n_samples: usize,
    params: SpectralClusteringValidParams,
    phase: Phase<F>,
    progress: usize,
}

impl<F> std::fmt::Debug for SpectralClusteringRun<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut run = f.debug_struct("SpectralClusteringRun");
        run.field("params", &self.params).field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl<F: Scalar> SpectralClusteringRun<F> {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, fewer rows than clusters, eigenvectors or neighbours, an empty matrix or a number that
    /// is not finite.
    pub fn new<D: Data<Elem = F>>(
        params: SpectralClusteringParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, SpectralClusteringError> {
        Self::on(params.check()?, x)
    }

    /// As [`new`](Self::new), for parameters that have been checked.
    ///
    /// # Errors
    /// As [`new`](Self::new), but for the parameters.
    pub fn on<D: Data<Elem = F>>(
        params: SpectralClusteringValidParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, SpectralClusteringError> {
        let rows = checked_rows(x)?;
        let (n_samples, n_clusters) = (x.nrows(), params.n_clusters);
        if n_clusters > n_samples {
            return Err(KMeansError::TooFewSamples { n_clusters, n_samples }.into());
        }
        let limits = [("n_components", params.n_components()), ("n_neighbors", params.n_neighbors)];
        let limits = &limits[..if params.affinity == Affinity::NearestNeighbors { 2 } else { 1 }];
        if let Some(&(name, wanted)) = limits.iter().find(|(_, wanted)| *wanted > n_samples) {
            return Err(SpectralClusteringError::TooFewSamples { name, wanted, n_samples });
        }
        let x: Array2<f64> = x.mapv(Into::into);
        let phase = match params.affinity {
            Affinity::NearestNeighbors => {
                Phase::Searching { rows, search: Search::new(x, params.n_neighbors), nearest: Vec::new() }
            }
            Affinity::Rbf => Phase::Comparing { kernel: Kernel::new(&x, params.gamma), x },
        };
        Ok(Self { n_samples, params, phase, progress: 0 })
    }

    /// Sum of the squared distances of the embedded rows to their centres; `None` before K-Means begins.
    pub fn inertia(&self) -> Option<f64> {
        match &self.phase {
            Phase::Clustering(kmeans) => kmeans.inertia(),
            _ => None,
        }
    }

    /// Why there is no result, when there is none.
    pub fn error(&self) -> Option<&SpectralClusteringError> {
        match &self.phase {
            Phase::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Steps to the end; the labels.
    pub(super) fn into_labels(mut self) -> Result<Vec<i32>, SpectralClusteringError> {
        self.run();
        match self.phase {
            Phase::Failed(error) => Err(error),
            _ => Ok(self.labels()),
        }
    }

    fn advance(&mut self, phase: Phase<F>) -> Result<(Phase<F>, Step), SpectralClusteringError> {
        let part = |done: usize, of: usize| (done as f64 / of as f64 * PART as f64) as usize;
        let (phase, progress) = match phase {
            Phase::Searching { rows, search, mut nearest } => {
                nearest.extend(search.step(&rows, nearest.len()));
                let done = part(nearest.len(), self.n_samples);
                if nearest.len() == self.n_samples {
                    (self.solve(Graph::of_neighbors(&nearest)), done)
                } else {
                    (Phase::Searching { rows, search, nearest }, done)
                }
            }
            Phase::Comparing { x, mut kernel } => {
                kernel.step(&x);
                // The work grows with the square of the rows.
                let done = part(kernel.done(), self.n_samples).pow(2) / PART;
                if kernel.done() == self.n_samples {
                    (self.solve(kernel.finish()), done)
                } else {
                    (Phase::Comparing { x, kernel }, done)
                }
            }
            Phase::Solving { graph, solver } => self.solve_on(graph, solver)?,
            Phase::Clustering(mut kmeans) => match kmeans.step() {
                Step::Running { done, total } => (Phase::Clustering(kmeans), 2 * PART + part(done, total)),
                Step::Done => return Ok((Phase::Clustering(kmeans), Step::Done)),
            },
            failed @ Phase::Failed(_) => return Ok((failed, Step::Done)),
        };
        self.progress = self.progress.max(progress);
        Ok((phase, Step::Running { done: self.progress, total: 3 * PART }))
    }

    /// scikit-learn's generator: it starts the eigenvectors, and what is left of it K-Means.
    fn generator(&self) -> (RandomState, RandomState) {
        let start = RandomState::new(self.params.random_state);
        let mut rest = start.clone();
        (0..self.n_samples).for_each(|_| {
            rest.random_sample();
        });
        (start, rest)
    }

    fn solve(&self, graph: Graph) -> Phase<F> {
        let (start, _) = self.generator();
        let solver = Eigenvectors::new(&graph, self.params.n_components(), self.params.eigen_tol, start);
        Phase::Solving { graph, solver: solver.map(Box::new) }
    }

    fn solve_on(
        &self,
        graph: Graph,
        solver: Option<Box<Eigenvectors>>,
    ) -> Result<(Phase<F>, usize), SpectralClusteringError> {
        let failed = |iterations| SpectralClusteringError::NoEigenvectors { iterations };
        let vectors = match solver {
            None => decompose(&graph, self.params.n_components()).ok_or_else(|| failed(0))?,
            Some(mut solver) => match solver.step(&graph) {
                State::Running => {
                    let done = PART + (solver.progress() * PART as f64) as usize;
                    return Ok((Phase::Solving { graph, solver: Some(solver) }, done));
                }
                State::Failed => return Err(failed(solver.iterations())),
                State::Done => solver.finish(),
            },
        };
        let roots = ndarray::ArrayView1::from(&graph.roots).insert_axis(Axis(1));
        let embedding = Centred::new(&(vectors / roots))?;
        let kmeans = KMeansParams::new(self.params.n_clusters).n_init(self.params.n_init);
        let kmeans = KMeansRun::shared(kmeans, Arc::new(embedding))?.with_generator(self.generator().1);
        Ok((Phase::Clustering(Box::new(kmeans)), 2 * PART))
    }
}

impl<F: Scalar> Clusterer for SpectralClusteringRun<F> {
    fn step(&mut self) -> Step {
        let unfinished = Phase::Failed(SpectralClusteringError::NoEigenvectors { iterations: 0 });
        let phase = std::mem::replace(&mut self.phase, unfinished);
        match self.advance(phase) {
            Ok((phase, step)) => {
                self.phase = phase;
                step
            }
            Err(error) => {
                self.phase = Phase::Failed(error);
                Step::Done
            }
        }
    }

    fn labels(&self) -> Vec<i32> {
        match &self.phase {
            Phase::Clustering(kmeans) => kmeans.labels(),
            _ => vec![-1; self.n_samples],
        }
    }

    fn failure(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().map(|error| error as _)
    }
}
