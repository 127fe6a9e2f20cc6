//! DBSCAN that chooses its `eps`.

use super::{DbscanError, DbscanParams, DbscanRun, DbscanValidParams};
use crate::cluster::distances::coarse::Coarse;
use crate::cluster::distances::rows::Rows;
use crate::cluster::k_distance::{KDistanceCurve, KDistanceRun, suggested_eps};
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use linfa::ParamGuard;
use ndarray::{ArrayBase, Data, Ix2};

/// Steps that are told; the distances are two thirds of the work, since each of them is computed twice there.
const TOTAL: usize = 3000;
const MEASURED: usize = 2000;

/// DBSCAN in progress that takes `eps` from the curve of distances to the `min_samples - 1`th nearest row: the curve
/// first, then the clusters. Rows that are there several times are left out of the curve, as they tell nothing of how
/// dense the others lie.
#[derive(Debug)]
pub struct AutoDbscanRun<F> {
    n_samples: usize,
    params: DbscanValidParams,
    stage: Stage<F>,
    curve: Option<KDistanceCurve>,
}

#[derive(Debug)]
enum Stage<F> {
    /// `None` only while one stage becomes the next.
    Measuring(Option<KDistanceRun<F>>),
    Clustering(DbscanRun<F>),
}

impl<F: Scalar> AutoDbscanRun<F> {
    /// Checks the parameters, of which `eps` is of no account, and the matrix `[n_samples, n_features]`, and copies the
    /// matrix.
    ///
    /// # Errors
    /// Parameters out of range, an empty matrix or a number that is not finite.
    pub fn new<D: Data<Elem = F>>(params: DbscanParams, x: &ArrayBase<D, Ix2>) -> Result<Self, DbscanError> {
        let params = params.eps(1.0).check()?;
        let rows = Rows::new(x)?;
        let coarse = Coarse::new(&rows);
        let n_samples = rows.n_samples();
        let k = (params.min_samples() - 1).max(1).min(n_samples - 1);
        let stage = if k == 0 {
            Stage::Clustering(DbscanRun::of(DbscanValidParams { eps: suggested_eps(&[]), ..params }, rows, coarse))
        } else {
            Stage::Measuring(Some(KDistanceRun::of(rows, coarse, k)))
        };
        Ok(Self { n_samples, params, stage, curve: None })
    }

    /// The `eps` that was chosen; `None` before it is.
    pub fn eps(&self) -> Option<f64> {
        match &self.stage {
            Stage::Measuring(_) => None,
            Stage::Clustering(run) => Some(run.eps()),
        }
    }
}

impl<F: Scalar> Clusterer for AutoDbscanRun<F> {
    fn step(&mut self) -> Step {
        let part = |done: usize, total: usize, of: usize| (done as f64 / total as f64 * of as f64) as usize;
        match &mut self.stage {
            Stage::Measuring(measuring) => {
                if let Some(Step::Running { done, total }) = measuring.as_mut().map(KDistanceRun::step) {
                    return Step::Running { done: part(done, total, MEASURED), total: TOTAL };
                }
                if let Some(measured) = measuring.take() {
                    let sorted = measured.sorted();
                    self.curve = KDistanceCurve::new(&sorted, measured.k());
                    let params = DbscanValidParams { eps: suggested_eps(&sorted), ..self.params };
                    let (rows, coarse) = measured.into_rows();
                    self.stage = Stage::Clustering(DbscanRun::of(params, rows, coarse));
                }
                Step::Running { done: MEASURED, total: TOTAL }
            }
            Stage::Clustering(run) => match run.step() {
                Step::Running { done, total } => {
                    Step::Running { done: MEASURED + part(done, total, TOTAL - MEASURED), total: TOTAL }
                }
                Step::Done => Step::Done,
            },
        }
    }

    /// Before `eps` is chosen no row has a cluster.
    fn labels(&self) -> Vec<i32> {
        match &self.stage {
            Stage::Measuring(_) => vec![-1; self.n_samples],
            Stage::Clustering(run) => run.labels(),
        }
    }

    fn chosen(&self) -> Option<(&'static str, f64)> {
        self.eps().map(|eps| ("eps", eps))
    }

    fn k_distances(&self) -> Option<&KDistanceCurve> {
        self.curve.as_ref()
    }
}
