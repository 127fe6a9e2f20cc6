//! A representation clustered by a clusterer, scored, and kept.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayView2, Axis};

use super::cache;
use super::kept::Workings;
use super::session::Session;
use super::{Engine, RunError};
use crate::album::{Cell, Representation, Scores};
use crate::cluster::Clusterer;
use crate::cluster::auto_k::{self, AutoK, AutoKParams};
use crate::cluster::catalog::{ClustererSpec, SpecError, StartError};
use crate::cluster::consensus::ConsensusRun;
use crate::cluster::kmeans::{KMeansError, KMeansRun};
use crate::fuse::choice;
use crate::progress::Step;
use crate::protocol::{ClusterCount, Stage};
use crate::random::RandomState;
use crate::runtime::{ONE_THREAD, Stopwatch, breathe};
use crate::score::{accuracy, ari, kappa, nmi, silhouette};

/// Pictures above which the silhouette, which takes O(n² d), is measured on a seeded sample of as many; in a page, of
/// which one thread computes, only where there is no table of all distances.
const SILHOUETTE_SAMPLE: usize = if ONE_THREAD { 2_000 } else { 10_000 };
/// The share of a cell's time that the search for k takes: 19 times 3 runs of K-Means before the 10 that count.
const SEARCH_SHARE: f64 = 0.85;

/// The pictures' true labels, where they have any.
pub(super) struct Truth {
    pub(super) labels: Vec<Option<u32>>,
    /// How many different labels there are.
    pub(super) classes: usize,
}

impl Truth {
    /// Whether any picture has a label.
    pub(super) fn known(&self) -> bool {
        self.labels.iter().any(Option::is_some)
    }

    /// What `k` stands for here.
    pub(super) fn count(&self, k: ClusterCount) -> ClusterCount {
        match k {
            ClusterCount::Labels if self.classes > 0 && self.known() => ClusterCount::Fixed(self.classes),
            ClusterCount::Labels => ClusterCount::Auto,
            given => given,
        }
    }
}

/// What shall be clustered, and how.
pub(super) struct Task<'a> {
    pub(super) representation: &'a Representation,
    pub(super) clusterer: &'a str,
    /// As [`Truth::count`] gives it.
    pub(super) count: ClusterCount,
    pub(super) seed: u32,
}

/// A cell, and whether the store had it. Labels are known long before the silhouette: where they are computed, `early`
/// is called with the cell as far as it is known then.
pub(super) async fn cell(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    task: &Task<'_>,
    truth: &Truth,
    early: &mut dyn FnMut(&mut Session<'_>, &Cell),
) -> Result<(Cell, bool), RunError> {
    let matrix = task.representation.matrix.view();
    let hash = cache::matrix_hash(matrix);
    let parts =
        [hash.as_str(), task.clusterer, &format!("{:?}", task.count), &task.seed.to_string(), version(task.clusterer)];
    let key = cache::key("cell", &parts);
    // Two representations may hold the same numbers, and labels may be renamed: neither is part of the key.
    let named = |cell: Cell| {
        let Scores { silhouette, loss, .. } = cell.scores;
        let scores = Scores { silhouette, loss, ..label_scores(&truth.labels, &cell.labels) };
        Cell { representation: task.representation.name.clone(), scores, ..cell }
    };
    if let Some(cell) = cache::get_json::<Cell>(session.store, &key).filter(|c| c.labels.len() == matrix.nrows()) {
        return Ok((named(cell), true));
    }
    let workings = engine.workings(session, &hash, matrix).await?;
    let mut cell = compute(session, task, &workings).await?;
    early(session, &named(cell.clone()));
    breathe().await;
    cell.scores.silhouette = silhouette(session, task, &workings, &cell.labels).await?;
    cell.scores.loss = choice::normalized_loss(matrix, &cell.labels).ok();
    session.keep_json(&key, &cell);
    Ok((named(cell), false))
}

/// Part of the keys; raised when a clusterer changes its results.
fn version(clusterer: &str) -> &'static str {
    // DBSCAN keeps the curve that it chose by; of mixtures with variances, parts that are next to nothing are left out.
    if clusterer.starts_with("dbscan") || clusterer.starts_with("gmm") { "3" } else { "2" }
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
        loss: None,
    }
}

/// Labels alone, which are not kept: for choices that are made by clustering.
pub(super) async fn unscored(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    task: &Task<'_>,
) -> Result<Cell, RunError> {
    let matrix = task.representation.matrix.view();
    let workings = engine.workings(session, &cache::matrix_hash(matrix), matrix).await?;
    compute(session, task, &workings).await
}

/// Labels, without a name and scores.
async fn compute(session: &mut Session<'_>, task: &Task<'_>, workings: &Workings) -> Result<Cell, RunError> {
    let matrix = task.representation.matrix.view();
    let clock = Stopwatch::start();
    let failed = |e: &dyn std::fmt::Display| RunError::stage(Stage::Clusters)(e);
    let spec: ClustererSpec = task.clusterer.parse().map_err(|e: SpecError| failed(&e))?;
    let (k, k_curve) = match task.count {
        _ if !spec.takes_k() => (None, Vec::new()),
        ClusterCount::Fixed(k) => (Some(k.min(matrix.nrows())), Vec::new()),
        _ => {
            let (k, curve) = automatic(session, task.seed, matrix, workings).await?;
            (Some(k), curve)
        }
    };
    let mut run = start(spec, task, k, workings).map_err(|e| failed(&e))?;
    let from = if k_curve.is_empty() { 0.0 } else { SEARCH_SHARE };
    drive(session, from..1.0, || Ok(run.step())).await?;
    if let Some(reason) = run.failure() {
        return Err(failed(&reason));
    }
    let labels = run.labels();
    let mut found = labels.clone();
    found.sort_unstable();
    found.dedup();
    Ok(Cell {
        representation: String::new(),
        clusterer: spec.to_string(),
        chosen: run.chosen().map(|(name, value)| (name.to_owned(), value)),
        k_distances: run.k_distances().cloned(),
        k: found.iter().filter(|l| **l >= 0).count(),
        seed: task.seed.into(),
        labels,
        scores: Scores::default(),
        seconds: clock.seconds(),
        k_curve,
    })
}

/// Starts a clusterer on the task's matrix.
fn start(
    spec: ClustererSpec,
    task: &Task<'_>,
    k: Option<usize>,
    workings: &Workings,
) -> Result<Box<dyn Clusterer>, StartError> {
    match (spec, k) {
        // These take what is kept of the matrix.
        (ClustererSpec::KMeans(params), Some(k)) => {
            let params = params.n_clusters(k).random_state(task.seed);
            let run = KMeansRun::shared(params, Arc::clone(&workings.centred))?;
            Ok(Box::new(run.with_known(workings.squares.clone())))
        }
        (ClustererSpec::Consensus { n_labelings }, Some(k)) => {
            let run = ConsensusRun::shared(Arc::clone(&workings.centred), k, n_labelings, task.seed)?;
            Ok(Box::new(run.with_known(workings.squares.clone())))
        }
        (spec, k) => Ok(spec.start(task.representation.matrix.view(), k, task.seed)?),
    }
}

/// The mean silhouette, of a sample where there are many pictures.
async fn silhouette(
    session: &mut Session<'_>,
    task: &Task<'_>,
    workings: &Workings,
    labels: &[i32],
) -> Result<Option<f64>, RunError> {
    let matrix = task.representation.matrix.view();
    if let Some(squares) = &workings.squares {
        return Ok(silhouette::silhouette_from_squares(squares.view(), labels));
    }
    if ONE_THREAD {
        let mut chosen = RandomState::new(task.seed).permutation(labels.len());
        chosen.truncate(SILHOUETTE_SAMPLE);
        let labels: Vec<i32> = chosen.iter().map(|&row| labels[row]).collect();
        let sampled = Workings::of(matrix.select(Axis(0), &chosen).view(), session).await?;
        return Ok(sampled.squares.and_then(|s| silhouette::silhouette_from_squares(s.view(), &labels)));
    }
    Ok(silhouette::silhouette_score_sampled(matrix, labels, SILHOUETTE_SAMPLE, task.seed))
}

/// Chooses k by silhouette; one cluster where there are too few pictures to choose.
async fn automatic(
    session: &mut Session<'_>,
    seed: u32,
    matrix: ArrayView2<'_, f32>,
    workings: &Workings,
) -> Result<(usize, Vec<(usize, f64)>), RunError> {
    if matrix.nrows() < 4 {
        return Ok((1, Vec::new()));
    }
    let params = AutoKParams { random_state: seed, ..AutoKParams::default() };
    let sampled = match auto_k::sample(matrix.nrows(), &params) {
        Some(chosen) if ONE_THREAD => Some(Workings::of(matrix.select(Axis(0), &chosen).view(), session).await?),
        _ => None,
    };
    let Workings { centred, squares } = sampled.as_ref().unwrap_or(workings);
    let search = match squares {
        Some(squares) => AutoK::with_known(params, Arc::clone(centred), Arc::clone(squares)),
        None => AutoK::new(params, matrix),
    };
    let mut search = search.map_err(|e| RunError::stage(Stage::Clusters)(&e))?;
    let failed = |e: KMeansError| RunError::stage(Stage::Clusters)(&e);
    drive(session, 0.0..SEARCH_SHARE, || search.step().map_err(failed)).await?;
    let curve = search.curve().iter().filter_map(|s| s.silhouette.map(|silhouette| (s.k, silhouette))).collect();
    Ok((search.best().map_or(1, |best| best.k), curve))
}

/// Steps to the end, telling how far within `share` of the cell that is, and listening for a wish to stop.
async fn drive(
    session: &mut Session<'_>,
    share: Range<f64>,
    mut step: impl FnMut() -> Result<Step, RunError>,
) -> Result<(), RunError> {
    while let Step::Running { done, total } = step()? {
        let way = done as f64 / total.max(1) as f64;
        session.part(share.start + (share.end - share.start) * way)?;
        breathe().await;
    }
    Ok(())
}
