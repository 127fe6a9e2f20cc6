//! OPTICS one step at a time.

use super::order::{Order, Plot};
use super::xi::{Valleys, label_below, label_valleys};
use super::{ClusterMethod, OpticsError, OpticsParams, OpticsValidParams};
use crate::cluster::distances::PAIRS;
use crate::cluster::distances::condensed::Table;
use crate::cluster::distances::core::Measuring;
use crate::cluster::distances::rows::Rows;
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use linfa::ParamGuard;
use ndarray::{ArrayBase, Data, Ix2};

/// Where the work stands.
#[derive(Debug)]
enum Stage {
    Measuring(Measuring),
    Order(Table, Order),
    Done { labels: Vec<i32>, plot: Plot },
}

/// OPTICS in progress. One step computes some distances, or takes some rows into the order.
///
/// Until `Step::Done` every label is -1: only the whole plot has clusters.
#[derive(Debug)]
pub struct OpticsRun {
    params: OpticsValidParams,
    n_samples: usize,
    empty: Plot,
    stage: Stage,
}

impl OpticsRun {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, fewer rows than `min_samples` or `min_cluster_size`, an empty matrix, a number that is not
    /// finite, or a table of distances that does not fit in memory.
    pub fn new<F: Scalar, D: Data<Elem = F>>(params: OpticsParams, x: &ArrayBase<D, Ix2>) -> Result<Self, OpticsError> {
        Self::on(params.check()?, x)
    }

    /// As [`new`](Self::new), for parameters that have been checked.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on<F: Scalar, D: Data<Elem = F>>(
        params: OpticsValidParams,
        x: &ArrayBase<D, Ix2>,
    ) -> Result<Self, OpticsError> {
        let rows = Rows::new(x)?;
        let n_samples = rows.n_samples();
        let min_cluster_size = match params.cluster_method() {
            ClusterMethod::Xi { min_cluster_size, .. } => min_cluster_size,
            ClusterMethod::Dbscan { .. } => None,
        };
        for (name, value) in [("min_samples", Some(params.min_samples())), ("min_cluster_size", min_cluster_size)] {
            if let Some(value) = value.filter(|&value| value > n_samples) {
                return Err(OpticsError::TooFewSamples { name, value, n_samples });
            }
        }
        let stage = Stage::Measuring(Measuring::new(rows, params.min_samples())?);
        Ok(Self { params, n_samples, empty: Plot::default(), stage })
    }

    /// The plot so far; empty until the distances are there.
    pub fn plot(&self) -> &Plot {
        match &self.stage {
            Stage::Order(_, order) => &order.plot,
            Stage::Done { plot, .. } => plot,
            _ => &self.empty,
        }
    }

    fn finish(&self, plot: Plot) -> Stage {
        let labels = match self.params.cluster_method() {
            ClusterMethod::Xi { xi, predecessor_correction, min_cluster_size } => {
                let min_samples = self.params.min_samples();
                let min_cluster_size = min_cluster_size.unwrap_or(min_samples);
                label_valleys(&plot, Valleys { xi, min_samples, min_cluster_size, predecessor_correction })
            }
            ClusterMethod::Dbscan { eps } => label_below(&plot, eps.unwrap_or(self.params.max_eps())),
        };
        Stage::Done { labels, plot }
    }
}

impl Clusterer for OpticsRun {
    fn step(&mut self) -> Step {
        let n = self.n_samples;
        let idle = Stage::Done { labels: Vec::new(), plot: Plot::default() };
        // In rows; distances and order count the same.
        let mut done = n;
        self.stage = match std::mem::replace(&mut self.stage, idle) {
            Stage::Measuring(mut measuring) => match measuring.step() {
                Some((table, core)) => Stage::Order(table, Order::new(&core, self.params.max_eps())),
                None => {
                    done = measuring.rows_done();
                    Stage::Measuring(measuring)
                }
            },
            Stage::Order(table, mut order) => {
                let mut pairs = 0;
                while pairs < PAIRS && order.left() > 0 {
                    pairs += order.left();
                    order.grow(|i, j| table.get(i, j));
                }
                done = 2 * n - order.left();
                if order.left() == 0 { self.finish(order.plot) } else { Stage::Order(table, order) }
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
