//! Agglomerative clustering one step at a time.

use super::chain::Chain;
use super::rounds::Rounds;
use super::{AgglomerativeError, AgglomerativeParams, AgglomerativeValidParams, Linkage, Tree};
use crate::cluster::distances::condensed::{Condensed, Filling, Table};
use crate::cluster::distances::rows::Rows;
use crate::cluster::distances::spanning::Prim;
use crate::cluster::distances::{Metric, PAIRS};
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use linfa::ParamGuard;
use ndarray::{ArrayBase, Data, Ix2};

/// Rows from which on ward does without a table: at fewer, equal distances are joined in scipy's order.
const TABLE_ROWS: usize = 4096;

/// Where the work stands.
#[derive(Debug)]
enum Stage {
    Distances(Filling),
    Double(Joining<f64>),
    Single(Joining<f32>),
    Rounds(Box<Rounds>),
    Done(Tree),
}

/// Clusters being joined, by either method.
#[derive(Debug)]
enum Joining<T> {
    Chain(Box<Chain<T>>),
    Spanning(Condensed<T>, Prim),
}

/// Agglomerative clustering in progress. One step computes some distances, or joins some clusters.
///
/// Until `Step::Done` every label is -1: only the whole tree can be cut.
#[derive(Debug)]
pub struct AgglomerativeRun {
    params: AgglomerativeValidParams,
    n_samples: usize,
    stage: Stage,
}

impl AgglomerativeRun {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, fewer rows than clusters or than two, an empty matrix, a number that is not finite, a row
    /// of zeros for the cosine metric, or a table of distances that does not fit in memory.
    pub fn new<F: Scalar, D: Data<Elem = F>>(
        params: AgglomerativeParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, AgglomerativeError> {
        Self::on(params.check()?, x)
    }

    /// As [`new`](Self::new), for parameters that have been checked.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on<F: Scalar, D: Data<Elem = F>>(
        params: AgglomerativeValidParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, AgglomerativeError> {
        let rows = Rows::new(x)?;
        let n_samples = rows.n_samples();
        let n_clusters = if params.distance_threshold().is_some() { 1 } else { params.n_clusters() };
        if n_samples < n_clusters.max(2) {
            return Err(AgglomerativeError::TooFewSamples { n_clusters, n_samples });
        }
        let stage = if params.linkage() == Linkage::Ward && n_samples > TABLE_ROWS {
            Stage::Rounds(Box::new(Rounds::new(rows)))
        } else {
            Stage::Distances(Filling::new(rows, params.metric())?)
        };
        Ok(Self { params, n_samples, stage })
    }

    /// The tree; `None` until the run is done.
    pub fn tree(&self) -> Option<&Tree> {
        if let Stage::Done(tree) = &self.stage { Some(tree) } else { None }
    }

    /// Runs to the end and gives the tree.
    pub(super) fn into_tree(mut self) -> Tree {
        self.run();
        match self.stage {
            Stage::Done(tree) => tree,
            _ => Tree::new(Vec::new(), true),
        }
    }

    fn joining<T: Scalar>(&self, table: Condensed<T>) -> Joining<T> {
        match self.params.linkage() {
            Linkage::Single => {
                let prim = Prim::new(table.n);
                Joining::Spanning(table, prim)
            }
            linkage => Joining::Chain(Box::new(Chain::new(linkage, table))),
        }
    }

    /// The tree of a finished joining.
    fn finish(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Done(Tree::new(Vec::new(), true)));
        let pairs = match stage {
            Stage::Double(joining) => joining.pairs(),
            Stage::Single(joining) => joining.pairs(),
            Stage::Rounds(rounds) => rounds.pairs,
            other => {
                self.stage = other;
                return;
            }
        };
        // scikit-learn has its own single linkage for the Euclidean metric, which leaves the two children as they come.
        let as_they_come = self.params.linkage() == Linkage::Single && self.params.metric() == Metric::Euclidean;
        self.stage = Stage::Done(Tree::new(pairs, !as_they_come));
    }
}

impl<T: Scalar> Joining<T> {
    /// Joins some clusters: how many are left.
    fn step(&mut self) -> usize {
        let (mut pairs, mut left) = (0, self.left());
        while pairs < PAIRS && left > 1 {
            pairs += left;
            match self {
                Self::Chain(chain) => chain.join(),
                Self::Spanning(table, prim) => prim.grow(|i, j| table.get(i, j)),
            };
            left = self.left();
        }
        left
    }

    fn left(&self) -> usize {
        match self {
            Self::Chain(chain) => chain.left(),
            Self::Spanning(_, prim) => prim.left() + 1,
        }
    }

    fn pairs(self) -> Vec<([usize; 2], f64)> {
        match self {
            Self::Chain(chain) => chain.pairs,
            Self::Spanning(_, prim) => prim.edges.iter().map(|edge| ([edge.last, edge.vertex], edge.weight)).collect(),
        }
    }
}

impl Clusterer for AgglomerativeRun {
    fn step(&mut self) -> Step {
        let left = match &mut self.stage {
            Stage::Distances(filling) => {
                let whole = filling.step();
                let (done, total) = filling.progress();
                if whole {
                    let placeholder = Stage::Done(Tree::new(Vec::new(), true));
                    if let Stage::Distances(filling) = std::mem::replace(&mut self.stage, placeholder) {
                        self.stage = match filling.table() {
                            Table::Double(table) => Stage::Double(self.joining(table)),
                            Table::Single(table) => Stage::Single(self.joining(table)),
                        };
                    }
                }
                // In thousands of pairs; joining takes about as long as the distances.
                return Step::Running { done: done / 1000, total: (2 * total / 1000).max(1) };
            }
            Stage::Double(joining) => joining.step(),
            Stage::Single(joining) => joining.step(),
            Stage::Rounds(rounds) => {
                rounds.step();
                let total = 2 * self.n_samples;
                if rounds.left() > 1 {
                    return Step::Running { done: total - rounds.left() - rounds.not_compared(), total };
                }
                1
            }
            Stage::Done(_) => return Step::Done,
        };
        if left == 1 {
            self.finish();
            return Step::Done;
        }
        let pairs = |rows: usize| rows * rows.saturating_sub(1) / 2000;
        let total = pairs(self.n_samples);
        Step::Running { done: 2 * total - pairs(left), total: (2 * total).max(1) }
    }

    fn labels(&self) -> Vec<i32> {
        let Some(tree) = self.tree() else { return vec![-1; self.n_samples] };
        let n_clusters = match self.params.distance_threshold() {
            Some(threshold) => tree.clusters_below(threshold),
            None => self.params.n_clusters(),
        };
        tree.cut(n_clusters)
    }
}
