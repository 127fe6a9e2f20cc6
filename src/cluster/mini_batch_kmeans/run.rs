//! Mini-batch K-Means some batches at a time.

use super::batch::Centers;
use super::{MiniBatchKMeansError, MiniBatchKMeansParams, MiniBatchKMeansValidParams};
use crate::cluster::kmeans::{Centred, KMeansError, Start, assign, checked_rows, inertia};
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use crate::random::RandomState;
use linfa::ParamGuard;
use ndarray::{Array2, ArrayBase, Data, Ix2};
use rayon::prelude::*;

/// Multiplications after which a step ends, so that whoever drives it can listen.
const STEP_WORK: usize = 1 << 27;

/// The choice of the first centres.
#[derive(Debug)]
struct Starts<F> {
    /// Rows that starts are compared on.
    valid: Vec<F>,
    /// The start under way and the rows it chooses from.
    current: Option<(Centred<F>, Start<F>)>,
    finished: usize,
    best: Option<(F, Vec<F>)>,
}

/// When to stop.
#[derive(Debug, Default)]
struct Convergence {
    /// Exponentially weighted mean of the batches' inertia, per row.
    smoothed: Option<f64>,
    lowest: Option<f64>,
    no_improvement: usize,
}

#[derive(Debug)]
enum Phase<F> {
    Starting(Starts<F>),
    Learning(Centers<F>),
    Done { centers: Vec<F>, labels: Vec<i32>, inertia: F },
}

/// Mini-batch K-Means in progress. One step is some tens of milliseconds of a start or of batches.
#[derive(Debug)]
pub struct MiniBatchKMeansRun<F> {
    rows: Vec<F>,
    n_samples: usize,
    n_features: usize,
    params: MiniBatchKMeansValidParams,
    tolerance: F,
    rng: RandomState,
    convergence: Convergence,
    n_steps: usize,
    phase: Phase<F>,
}

impl<F: Scalar> MiniBatchKMeansRun<F> {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, fewer rows than clusters, an empty matrix or a number that is not finite.
    pub fn new<D: Data<Elem = F>>(
        params: MiniBatchKMeansParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, MiniBatchKMeansError> {
        Self::on(params.check()?, x)
    }

    /// As [`new`](Self::new), for parameters that have been checked.
    ///
    /// # Errors
    /// Fewer rows than clusters, an empty matrix or a number that is not finite.
    pub fn on<D: Data<Elem = F>>(
        params: MiniBatchKMeansValidParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, MiniBatchKMeansError> {
        let rows = checked_rows(x)?;
        let (n_samples, n_features) = x.dim();
        let n_clusters = params.n_clusters;
        if n_clusters > n_samples {
            return Err(KMeansError::TooFewSamples { n_clusters, n_samples }.into());
        }
        let tolerance = if params.tol > 0.0 { F::of(params.tol) * Centred::new(x)?.variance } else { F::zero() };
        let mut rng = RandomState::new(params.random_state);
        let valid = sample(&rows, n_features, params.init_size_for(n_samples), &mut rng);
        let phase = Phase::Starting(Starts { valid, current: None, finished: 0, best: None });
        let convergence = Convergence::default();
        Ok(Self { rows, n_samples, n_features, params, tolerance, rng, convergence, n_steps: 0, phase })
    }

    /// The centres `[n_clusters, n_features]`; no rows before the start is chosen.
    pub fn centroids(&self) -> Array2<F> {
        let centers = self.centers();
        Array2::from_shape_fn((centers.len() / self.n_features, self.n_features), |(c, f)| {
            centers[c * self.n_features + f]
        })
    }

    /// Sum of the squared distances of all rows to their centres; `None` before the run is done.
    pub fn inertia(&self) -> Option<F> {
        match &self.phase {
            Phase::Done { inertia, .. } => Some(*inertia),
            _ => None,
        }
    }

    /// Batches learned so far.
    pub fn n_steps(&self) -> usize {
        self.n_steps
    }

    /// Passes over the matrix so far, rounded up.
    pub fn n_iter(&self) -> usize {
        (self.n_steps * self.batch_size()).div_ceil(self.n_samples)
    }

    fn batch_size(&self) -> usize {
        self.params.batch_size.min(self.n_samples)
    }

    /// Batches at most.
    fn most_steps(&self) -> usize {
        self.params.max_iter * self.n_samples / self.batch_size()
    }

    fn centers(&self) -> &[F] {
        match &self.phase {
            Phase::Starting(_) => &[],
            Phase::Learning(centers) => &centers.vectors,
            Phase::Done { centers, .. } => centers,
        }
    }

    /// Goes on with the starts; the best centres once all are finished.
    fn start(&mut self, starts: &mut Starts<F>) -> Option<Vec<F>> {
        let n_features = self.n_features;
        let (x, mut start) = starts.current.take().unwrap_or_else(|| {
            let size = self.params.init_size_for(self.n_samples);
            let rows = if size < self.n_samples {
                sample(&self.rows, n_features, size, &mut self.rng)
            } else {
                self.rows.clone()
            };
            let x = Centred::as_they_are(rows, n_features);
            let start = Start::new(&x, None, self.params.n_clusters, &mut self.rng);
            (x, start)
        });
        if !start.step(&x, None, &mut self.rng) {
            starts.current = Some((x, start));
            return None;
        }
        let chosen = start.rows().iter().flat_map(|&row| &x.rows[row * n_features..][..n_features]);
        let centers: Vec<F> = chosen.copied().collect();
        let labels = assign(&starts.valid, n_features, &centers);
        let inertia = inertia(&starts.valid, n_features, &centers, &labels);
        if starts.best.as_ref().is_none_or(|(best, _)| inertia < *best) {
            starts.best = Some((inertia, centers));
        }
        starts.finished += 1;
        if starts.finished < self.params.n_init { None } else { starts.best.take().map(|(_, centers)| centers) }
    }

    /// Learns one batch; whether it was the last.
    fn learn(&mut self, centers: &mut Centers<F>) -> bool {
        let share = (F::one() / F::of(self.n_samples as f64)).into();
        let chosen = self.rng.choices(self.n_samples, self.batch_size(), share);
        let batch = gather(&self.rows, self.n_features, &chosen);
        let old = if self.tolerance > F::zero() { centers.vectors.clone() } else { Vec::new() };
        let inertia: f64 = centers.learn(&batch, &self.params, &mut self.rng).into();
        let shift = old.iter().zip(&centers.vectors).fold(F::zero(), |sum, (&a, &b)| sum + (b - a) * (b - a));
        self.n_steps += 1;
        let alpha = (self.batch_size() as f64 * 2.0 / (self.n_samples as f64 + 1.0)).min(1.0);
        let within_tolerance = self.tolerance > F::zero() && shift <= self.tolerance;
        // The first inertia is that of the start.
        let converged = self.n_steps > 1 && {
            let stalled = self.convergence.look(inertia / self.batch_size() as f64, alpha, &self.params);
            within_tolerance || stalled
        };
        converged || self.n_steps >= self.most_steps()
    }

    fn finish(&self, centers: Vec<F>) -> Phase<F> {
        let labels = assign(&self.rows, self.n_features, &centers);
        let inertia = inertia(&self.rows, self.n_features, &centers, &labels);
        Phase::Done { centers, labels, inertia }
    }
}

impl Convergence {
    /// Takes note of a batch's inertia; whether there was no improvement for too long.
    fn look(&mut self, inertia: f64, alpha: f64, params: &MiniBatchKMeansValidParams) -> bool {
        let smoothed = self.smoothed.map_or(inertia, |smoothed| smoothed * (1.0 - alpha) + inertia * alpha);
        self.smoothed = Some(smoothed);
        if self.lowest.is_none_or(|lowest| smoothed < lowest) {
            self.no_improvement = 0;
            self.lowest = Some(smoothed);
        } else {
            self.no_improvement += 1;
        }
        params.max_no_improvement.is_some_and(|most| self.no_improvement >= most)
    }
}

impl<F: Scalar> Clusterer for MiniBatchKMeansRun<F> {
    fn step(&mut self) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Learning(Centers::new(Vec::new(), 1)));
        self.phase = match phase {
            Phase::Starting(mut starts) => match self.start(&mut starts) {
                Some(centers) => Phase::Learning(Centers::new(centers, self.n_features)),
                None => Phase::Starting(starts),
            },
            Phase::Learning(mut centers) => {
                let work = (self.batch_size() * self.n_features).saturating_mul(self.params.n_clusters);
                let last = (0..(STEP_WORK / work).max(1)).any(|_| self.learn(&mut centers));
                if last { self.finish(centers.vectors) } else { Phase::Learning(centers) }
            }
            done @ Phase::Done { .. } => done,
        };
        match &self.phase {
            Phase::Done { .. } => Step::Done,
            _ => Step::Running { done: self.n_steps, total: self.most_steps() },
        }
    }

    /// Before the run is done one pass over the matrix, under the centres as they stand.
    fn labels(&self) -> Vec<i32> {
        match &self.phase {
            Phase::Starting(_) => vec![-1; self.n_samples],
            Phase::Learning(centers) => assign(&self.rows, self.n_features, &centers.vectors),
            Phase::Done { labels, .. } => labels.clone(),
        }
    }
}

/// `size` random rows, with replacement.
fn sample<F: Scalar>(rows: &[F], n_features: usize, size: usize, rng: &mut RandomState) -> Vec<F> {
    let n_samples = rows.len() / n_features;
    let chosen: Vec<usize> = (0..size).map(|_| rng.randint(0, n_samples as i64).unwrap_or(0) as usize).collect();
    gather(rows, n_features, &chosen)
}

fn gather<F: Scalar>(rows: &[F], n_features: usize, chosen: &[usize]) -> Vec<F> {
    let mut gathered = vec![F::zero(); chosen.len() * n_features];
    gathered.par_chunks_mut(n_features).with_min_len(64).zip(chosen).for_each(|(out, &row)| {
        out.copy_from_slice(&rows[row * n_features..][..n_features]);
    });
    gathered
}
