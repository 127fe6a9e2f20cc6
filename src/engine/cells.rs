//! Every representation clustered by every clusterer, scored, and kept.

use ndarray::ArrayView2;

use super::RunError;
use super::cache;
use crate::protocol::Stage;
use crate::protocol::{ClusterCount, Plan};
use super::session::Session;
use crate::album::{Cell, Representation, Scores};
use crate::cluster::Clusterer;
use crate::cluster::auto_k::{AutoK, AutoKParams};
use crate::cluster::kmeans::{KMeansError, KMeansParams, KMeansRun};
use crate::progress::Step;
use crate::runtime::Stopwatch;
use crate::score::{accuracy, ari, kappa, nmi, silhouette};

/// Pictures above which the silhouette, which takes O(n² d), is measured on a seeded sample of as many.
const SILHOUETTE_SAMPLE: usize = 10_000;
/// Part of the keys; raised when a clusterer changes its results.
const VERSION: &str = "1";

/// Clusters every representation of `vectors`; `labels` are the pictures' true labels, `classes` different ones.
pub(super) fn cluster(
    session: &mut Session<'_>,
    plan: &Plan,
    vectors: &[Representation],
    labels: &[Option<u32>],
    classes: usize,
) -> Result<Vec<Cell>, RunError> {
    let total = vectors.len() * plan.cluster.len();
    let (mut cells, mut cached) = (Vec::with_capacity(total), 0);
    for representation in vectors {
        let matrix = representation.matrix.view();
        let hash = cache::matrix_hash(matrix);
        for clusterer in &plan.cluster {
            session.progress(Stage::Clusters, cells.len(), total, cached)?;
            let count = match plan.k {
                ClusterCount::Labels if classes > 0 && labels.iter().any(Option::is_some) => {
                    ClusterCount::Fixed(classes)
                }
                ClusterCount::Labels => ClusterCount::Auto,
                given => given,
            };
            let parts = [hash.as_str(), clusterer, &format!("{count:?}"), &plan.seed.to_string(), VERSION];
            let key = cache::key("cell", &parts);
            let mut cell: Cell = match cache::get_json(session.store, &key) {
                Some(cell) => {
                    cached += 1;
                    cell
                }
                None => {
                    let cell = compute(session, plan, clusterer, matrix, count)?;
                    session.keep_json(&key, &cell);
                    cell
                }
            };
            // Two representations may hold the same numbers, and labels may be renamed: neither is part of the key.
            cell.representation.clone_from(&representation.name);
            cell.scores = Scores { silhouette: cell.scores.silhouette, ..label_scores(labels, &cell.labels) };
            cells.push(cell);
        }
    }
    session.count(total, cached);
    Ok(cells)
}

/// Scores over the pictures that have a label; none where no picture has.
fn label_scores(truth: &[Option<u32>], labels: &[i32]) -> Scores {
    let (truth, labels): (Vec<u32>, Vec<i32>) =
        truth.iter().zip(labels).filter_map(|(truth, label)| truth.map(|truth| (truth, *label))).unzip();
    if truth.is_empty() {
        return Scores::default();
    }
    // Kappa is undefined where chance alone would agree always.
    let kappa = Some(kappa::majority_vote_kappa(&truth, &labels)).filter(|k| k.is_finite());
    Scores {
        acc: Some(accuracy::clustering_accuracy(&truth, &labels)),
        nmi: Some(nmi::normalized_mutual_info_score(&truth, &labels)),
        ari: Some(ari::adjusted_rand_score(&truth, &labels)),
        kappa,
        silhouette: None,
    }
}

fn compute(
    session: &mut Session<'_>,
    plan: &Plan,
    clusterer: &str,
    matrix: ArrayView2<'_, f32>,
    count: ClusterCount,
) -> Result<Cell, RunError> {
    let clock = Stopwatch::start();
    let (k, k_curve) = match count {
        ClusterCount::Fixed(k) => (k.min(matrix.nrows()), Vec::new()),
        _ => automatic(session, plan, matrix)?,
    };
    let labels = kmeans(session, plan, matrix, k)?;
    let seconds = clock.seconds();
    let silhouette = silhouette::silhouette_score_sampled(matrix, &labels, SILHOUETTE_SAMPLE, plan.seed);
    let mut found = labels.clone();
    found.sort_unstable();
    found.dedup();
    Ok(Cell {
        representation: String::new(),
        clusterer: clusterer.to_owned(),
        k: found.iter().filter(|l| **l >= 0).count(),
        seed: plan.seed.into(),
        labels,
        scores: Scores { silhouette, ..Scores::default() },
        seconds,
        k_curve,
    })
}

/// Chooses k by silhouette; one cluster where there are too few pictures to choose.
fn automatic(
    session: &mut Session<'_>,
    plan: &Plan,
    matrix: ArrayView2<'_, f32>,
) -> Result<(usize, Vec<(usize, f64)>), RunError> {
    if matrix.nrows() < 4 {
        return Ok((1, Vec::new()));
    }
    let params = AutoKParams { random_state: plan.seed, ..AutoKParams::default() };
    let mut search = AutoK::new(params, matrix).map_err(|e| RunError::stage(Stage::Clusters)(&e))?;
    let failed = |e: KMeansError| RunError::stage(Stage::Clusters)(&e);
    drive(session, || search.step().map_err(failed))?;
    let curve = search.curve().iter().filter_map(|s| s.silhouette.map(|silhouette| (s.k, silhouette))).collect();
    Ok((search.best().map_or(1, |best| best.k), curve))
}

fn kmeans(session: &mut Session<'_>, plan: &Plan, matrix: ArrayView2<'_, f32>, k: usize) -> Result<Vec<i32>, RunError> {
    let params = KMeansParams::new(k).random_state(plan.seed);
    let mut run = KMeansRun::new(params, &matrix).map_err(|e| RunError::stage(Stage::Clusters)(&e))?;
    drive(session, || Ok(run.step()))?;
    Ok(run.labels())
}

/// Steps to the end, listening for a wish to stop.
fn drive(session: &mut Session<'_>, mut step: impl FnMut() -> Result<Step, RunError>) -> Result<(), RunError> {
    while let Step::Running { .. } = step()? {
        session.check()?;
    }
    Ok(())
}
