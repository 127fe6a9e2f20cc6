//! t-SNE (van der Maaten and Hinton, *Visualizing data using t-SNE*, JMLR 2008), with openTSNE's defaults but for 250
//! more iterations.
//!
//! Wide matrices are first reduced to 50 principal components. Exact nearest neighbours, three for every unit of
//! perplexity, give the affinities. The layout starts at the first two principal components, scaled to a standard
//! deviation of 1e-4, and follows the gradient for 250 iterations with early exaggeration 12 and 750 without, at the
//! learning rate `n / exaggeration` (Belkina et al., Nature Communications 2019).
//!
//! Small matrices work: the perplexity falls to `(n - 1) / 3`, and one row stays at the origin.

mod affinities;
mod exact;
mod fft;
mod grid;
mod interpolation;
mod neighbors;
mod optimizer;
mod params;
mod simd;

pub use affinities::Affinities;
pub use exact::kl_divergence;
pub use params::{Repulsion, TsneParams};

use super::pca::{Pca, normal};
use super::{ProjectError, Projector, check_matrix};
use crate::progress::Step;
use exact::ExactRepulsion;
use interpolation::Interpolation;
use ndarray::{Array2, ArrayView2};
use neighbors::Neighbors;
use optimizer::{Motion, gradient};
use serde::{Deserialize, Serialize};

/// Standard deviation of the first coordinate at the start, and of the noise on it that parts equal rows.
const START_DEVIATION: f64 = 1e-4;
const JITTER: f64 = 0.01;
/// Rows at most: columns of the affinities are counted in 32 bits.
const MAX_ROWS: usize = u32::MAX as usize;

/// What a run needs, besides its matrix and parameters, to go on where it was: save it, and [`Tsne::resume`].
///
/// The coordinates of all points follow each other as x, y.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TsneState {
    /// Iterations done.
    pub iteration: usize,
    /// Positions, `[n, 2]` row after row.
    pub embedding: Vec<f32>,
    /// Last steps, `[n, 2]`.
    pub velocity: Vec<f32>,
    /// Gains of the learning rate, `[n, 2]`.
    pub gains: Vec<f32>,
}

/// What the next step does.
#[derive(Debug)]
enum Phase {
    /// Finds the neighbours of some rows.
    Neighbors(Neighbors),
    /// Moves the points.
    Descent(Affinities),
    /// Nothing: there is one row, which has no neighbours.
    Nothing,
}

/// A t-SNE layout in the making; see [`Projector`].
///
/// A step is the neighbour search of some rows, or one iteration. Results do not depend on the number of threads.
#[derive(Debug)]
pub struct Tsne {
    params: TsneParams,
    phase: Phase,
    perplexity: f64,
    search_steps: usize,
    searched: usize,
    motion: Motion,
    iteration: usize,
    forces: Vec<[f32; 2]>,
    exact: ExactRepulsion,
    interpolation: Interpolation,
}

impl Tsne {
    /// Starts on the rows of `x`, `[n, d]`.
    ///
    /// # Errors
    /// [`ProjectError`] when the matrix is empty, has a value that is not finite or more than `2^32 - 1` rows, or a
    /// parameter is out of range.
    pub fn new(params: TsneParams, x: ArrayView2<'_, f32>) -> Result<Self, ProjectError> {
        Self::start(params, x, None)
    }

    /// Goes on from a state that was saved with the same parameters and matrix: after it, every output is bit for bit
    /// what it would have been without the interruption. Neighbours are searched for again.
    ///
    /// # Errors
    /// As [`Self::new`], and [`ProjectError::State`] when the state belongs to another number of rows or iterations.
    pub fn resume(params: TsneParams, x: ArrayView2<'_, f32>, state: &TsneState) -> Result<Self, ProjectError> {
        let (n, total) = (x.nrows(), params.iterations());
        for (what, values) in [
            ("embedding length", &state.embedding),
            ("velocity length", &state.velocity),
            ("gains length", &state.gains),
        ] {
            if values.len() != 2 * n {
                return Err(ProjectError::State { what, found: values.len(), expected: 2 * n });
            }
            if let Some(at) = values.iter().position(|v| !v.is_finite()) {
                return Err(ProjectError::NotFinite { row: at / 2, column: at % 2 });
            }
        }
        if state.iteration > total {
            return Err(ProjectError::State { what: "iteration", found: state.iteration, expected: total });
        }
        Self::start(params, x, Some(state))
    }

    fn start(params: TsneParams, x: ArrayView2<'_, f32>, state: Option<&TsneState>) -> Result<Self, ProjectError> {
        params.check()?;
        check_matrix(x)?;
        let n = x.nrows();
        if u32::try_from(n).is_err() {
            return Err(ProjectError::TooManyRows { rows: n, limit: MAX_ROWS });
        }
        let reduced = if x.ncols() > params.pca_dims { Some(Pca::fit(x, params.pca_dims)?.transform(x)) } else { None };
        let x = match &reduced {
            Some(reduced) => reduced.view(),
            None => x.view(),
        };
        let motion = match state {
            Some(state) => {
                Motion { points: pairs(&state.embedding), velocity: pairs(&state.velocity), gains: pairs(&state.gains) }
            }
            None => Motion::at_rest(start_points(x, params.random_state)?),
        };
        let k = ((3.0 * params.perplexity) as usize).clamp(1, n.max(2) - 1);
        let perplexity = params.perplexity.min((n - 1) as f64 / 3.0);
        let phase = if n > 1 { Phase::Neighbors(Neighbors::new(x, k)) } else { Phase::Nothing };
        let search_steps = if let Phase::Neighbors(search) = &phase { search.steps() } else { 0 };
        Ok(Self {
            params,
            phase,
            perplexity,
            search_steps,
            searched: 0,
            motion,
            iteration: state.map_or(0, |state| state.iteration),
            forces: vec![[0.0; 2]; n],
            exact: ExactRepulsion::default(),
            interpolation: Interpolation::default(),
        })
    }

    /// What to save so that a killed run goes on.
    #[must_use]
    pub fn state(&self) -> TsneState {
        TsneState {
            iteration: self.iteration,
            embedding: self.motion.points.as_flattened().to_vec(),
            velocity: self.motion.velocity.as_flattened().to_vec(),
            gains: self.motion.gains.as_flattened().to_vec(),
        }
    }

    /// The joint probabilities, once the neighbours are found.
    #[must_use]
    pub fn affinities(&self) -> Option<&Affinities> {
        if let Phase::Descent(affinities) = &self.phase { Some(affinities) } else { None }
    }

    /// The true Kullback-Leibler divergence of the layout as it is now, `O(n^2)`; see [`kl_divergence()`].
    /// `None` while neighbours are searched for.
    #[must_use]
    pub fn kl_divergence(&self) -> Option<f64> {
        self.affinities().map(|affinities| kl_divergence(affinities, self.output()))
    }

    /// Iterations done, without the steps of the neighbour search.
    #[must_use]
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    fn search(&mut self) {
        let n = self.motion.points.len();
        let Phase::Neighbors(search) = &mut self.phase else { return };
        self.searched += 1;
        if !search.step() {
            let affinities = Affinities::new(search, n, self.perplexity);
            self.phase = Phase::Descent(affinities);
        }
    }

    fn descend(&mut self) {
        let Phase::Descent(affinities) = &self.phase else { return };
        let early = self.iteration < self.params.early_exaggeration_iter;
        let exaggeration = if early { self.params.early_exaggeration } else { 1.0 };
        let momentum = if early { self.params.initial_momentum } else { self.params.final_momentum };
        let n = self.motion.points.len();
        let learning_rate = self.params.learning_rate.unwrap_or(n as f64 / exaggeration);
        let z = if self.params.repulsion.interpolates(n) {
            self.interpolation.forces(&self.motion.points, &mut self.forces)
        } else {
            self.exact.forces(&self.motion.points, &mut self.forces)
        };
        gradient(affinities, &self.motion.points, exaggeration as f32, z, &mut self.forces);
        self.motion.descend(&self.forces, learning_rate as f32, momentum as f32);
        self.iteration += 1;
    }
}

impl Projector for Tsne {
    fn step(&mut self) -> Step {
        match self.phase {
            Phase::Nothing => return Step::Done,
            Phase::Neighbors(_) => self.search(),
            Phase::Descent(_) if self.iteration < self.params.iterations() => self.descend(),
            Phase::Descent(_) => return Step::Done,
        }
        let total = self.search_steps + self.params.iterations();
        let done = self.searched + self.iteration;
        if done < total { Step::Running { done, total } } else { Step::Done }
    }

    fn output(&self) -> ArrayView2<'_, f32> {
        let points = self.motion.points.as_flattened();
        // the length is twice the number of points, so the shape always fits
        ArrayView2::from_shape((points.len() / 2, 2), points).unwrap_or_else(|_| ArrayView2::from(&[[0.0; 2]; 0]))
    }
}

fn pairs(values: &[f32]) -> Vec<[f32; 2]> {
    values.as_chunks().0.to_vec()
}

/// The first two principal components, scaled to [`START_DEVIATION`], with a little noise; noise alone where the rows
/// do not differ. One row starts, and stays, at the origin.
fn start_points(x: ArrayView2<'_, f32>, seed: u64) -> Result<Vec<[f32; 2]>, ProjectError> {
    let n = x.nrows();
    if n == 1 {
        return Ok(vec![[0.0; 2]]);
    }
    let pca = Pca::fit(x, 2)?;
    let components: Array2<f32> = pca.transform(x);
    let first = components.column(0).map(|&v| f64::from(v));
    let deviation = first.std(0.0);
    let scale = if deviation > 1e-30 { START_DEVIATION / deviation } else { 0.0 };
    let noise = START_DEVIATION * if scale > 0.0 { JITTER } else { 1.0 };
    let mut state = seed;
    let coordinate = |row: ndarray::ArrayView1<'_, f32>, axis: usize, state: &mut u64| {
        let value = row.get(axis).map_or(0.0, |&v| f64::from(v) * scale);
        (value + noise * normal(state)) as f32
    };
    let point = |row| [coordinate(row, 0, &mut state), coordinate(row, 1, &mut state)];
    Ok(components.rows().into_iter().map(point).collect())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
