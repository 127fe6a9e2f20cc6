//! HDBSCAN one step at a time.

use super::condense::CondensedTree;
use super::select::label;
use super::{HdbscanError, HdbscanParams, HdbscanValidParams};
use crate::cluster::agglomerative::Tree;
use crate::cluster::distances::PAIRS;
use crate::cluster::distances::condensed::Table;
use crate::cluster::distances::core::Measuring;
use crate::cluster::distances::rows::Rows;
use crate::cluster::distances::spanning::Prim;
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use linfa::ParamGuard;
use ndarray::{ArrayBase, Data, Ix2};

/// Where the work stands.
#[derive(Debug)]
enum Stage {
    Measuring(Measuring),
    Spanning(Table, Vec<f64>, Prim),
    Done { labels: Vec<i32>, probabilities: Vec<f64> },
}

/// HDBSCAN in progress. One step computes some distances, or grows the tree by some rows.
///
/// Until `Step::Done` every label is -1: only the whole tree has clusters.
#[derive(Debug)]
pub struct HdbscanRun {
    params: HdbscanValidParams,
    n_samples: usize,
    stage: Stage,
}

impl HdbscanRun {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, fewer rows than `min_samples` or than two, an empty matrix, a number that is not finite, or
    /// a table of distances that does not fit in memory.
    pub fn new<F: Scalar, D: Data<Elem = F>>(
        params: HdbscanParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, HdbscanError> {
        Self::on(params.check()?, x)
    }

    /// As [`new`](Self::new), for parameters that have been checked.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on<F: Scalar, D: Data<Elem = F>>(
        params: HdbscanValidParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, HdbscanError> {
        let rows = Rows::new(x)?;
        let (n_samples, min_samples) = (rows.n_samples(), params.min_samples());
        if n_samples < min_samples.max(2) {
            return Err(HdbscanError::TooFewSamples { min_samples, n_samples });
        }
        Ok(Self { params, n_samples, stage: Stage::Measuring(Measuring::new(rows, min_samples)?) })
    }

    /// How firmly each row belongs to its cluster, 0 to 1; 0 for noise, and for all before the run is done.
    pub fn probabilities(&self) -> Vec<f64> {
        match &self.stage {
            Stage::Done { probabilities, .. } => probabilities.clone(),
            _ => vec![0.0; self.n_samples],
        }
    }

    fn finish(&self, prim: &Prim) -> Stage {
        let pairs = prim.edges.iter().map(|edge| ([edge.source, edge.vertex], edge.weight)).collect();
        let tree = CondensedTree::new(&Tree::new(pairs, false), self.params.min_cluster_size());
        let (labels, probabilities) = label(&tree, &self.params);
        Stage::Done { labels, probabilities }
    }
}

impl Clusterer for HdbscanRun {
    fn step(&mut self) -> Step {
        let (n, alpha) = (self.n_samples, self.params.alpha());
        let idle = Stage::Done { labels: Vec::new(), probabilities: Vec::new() };
        // In rows; distances and tree count the same.
        let mut done = n;
        self.stage = match std::mem::replace(&mut self.stage, idle) {
            Stage::Measuring(mut measuring) => match measuring.step() {
                Some((table, core)) => Stage::Spanning(table, core, Prim::new(n)),
                None => {
                    done = measuring.rows_done();
                    Stage::Measuring(measuring)
                }
            },
            Stage::Spanning(table, core, mut prim) => {
                let mut pairs = 0;
                while pairs < PAIRS && prim.left() > 0 {
                    pairs += prim.left();
                    prim.grow(|i, j| core[i].max(core[j]).max(table.get(i, j) / alpha));
                }
                done = 2 * n - prim.left();
                if prim.left() == 0 { self.finish(&prim) } else { Stage::Spanning(table, core, prim) }
            }
            finished @ Stage::Done { .. } => finished,
        };
        if matches!(self.stage, Stage::Done { .. }) { Step::Done } else { Step::Running { done, total: 2 * n } }
    }

    fn labels(&self) -> Vec<i32> {
        match &self.stage {
            Stage::Done { labels, .. } => labels.clone(),
            _ => vec![-1; self.n_samples],
        }
    }
}
