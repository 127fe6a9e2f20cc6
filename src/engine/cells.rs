//! A representation clustered by a clusterer, scored, and kept.

use ndarray::ArrayView2;

use super::cache;
use super::session::Session;
use super::{Engine, RunError};
use crate::album::{Cell, Representation, Scores};
use crate::cluster::Clusterer;
use crate::cluster::auto_k::{AutoK, AutoKParams};
use crate::cluster::kmeans::{KMeansError, KMeansParams, KMeansRun};
use crate::progress::Step;
use crate::protocol::{ClusterCount, Stage};
use crate::runtime::{Stopwatch, breathe};
use crate::score::{accuracy, ari, kappa, nmi, silhouette};

/// Pictures above which the silhouette, which takes O(n² d), is measured on a seeded sample of as many.
const SILHOUETTE_SAMPLE: usize = 10_000;
/// Part of the keys; raised when a clusterer changes its results.
const VERSION: &str = "1";

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
    let parts = [hash.as_str(), task.clusterer, &format!("{:?}", task.count), &task.seed.to_string(), VERSION];
    let key = cache::key("cell", &parts);
    // Two representations may hold the same numbers, and labels may be renamed: neither is part of the key.
    let named = |cell: Cell| {
        let scores = Scores { silhouette: cell.scores.silhouette, ..label_scores(&truth.labels, &cell.labels) };
        Cell { representation: task.representation.name.clone(), scores, ..cell }
    };
    if let Some(cell) = cache::get_json::<Cell>(session.store, &key).filter(|c| c.labels.len() == matrix.nrows()) {
        return Ok((named(cell), true));
    }
    let mut cell = compute(engine, session, task, &hash).await?;
    early(session, &named(cell.clone()));
    breathe().await;
    cell.scores.silhouette = silhouette::silhouette_score_sampled(matrix, &cell.labels, SILHOUETTE_SAMPLE, task.seed);
    session.keep_json(&key, &cell);
    Ok((named(cell), false))
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

/// Labels, without a name and scores.
async fn compute(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    task: &Task<'_>,
    hash: &str,
) -> Result<Cell, RunError> {
    let matrix = task.representation.matrix.view();
    let clock = Stopwatch::start();
    let (k, k_curve) = match task.count {
        ClusterCount::Fixed(k) => (k.min(matrix.nrows()), Vec::new()),
        _ => automatic(session, task.seed, matrix).await?,
    };
    let failed = |e: KMeansError| RunError::stage(Stage::Clusters)(&e);
    let centred = engine.centred(hash, matrix).map_err(failed)?;
    let mut run = KMeansRun::shared(KMeansParams::new(k).random_state(task.seed), centred).map_err(failed)?;
    drive(session, || Ok(run.step())).await?;
    let labels = run.labels();
    let mut found = labels.clone();
    found.sort_unstable();
    found.dedup();
    Ok(Cell {
        representation: String::new(),
        clusterer: task.clusterer.to_owned(),
        k: found.iter().filter(|l| **l >= 0).count(),
        seed: task.seed.into(),
        labels,
        scores: Scores::default(),
        seconds: clock.seconds(),
        k_curve,
    })
}

/// Chooses k by silhouette; one cluster where there are too few pictures to choose.
async fn automatic(
    session: &mut Session<'_>,
    seed: u32,
    matrix: ArrayView2<'_, f32>,
) -> Result<(usize, Vec<(usize, f64)>), RunError> {
    if matrix.nrows() < 4 {
        return Ok((1, Vec::new()));
    }
    let params = AutoKParams { random_state: seed, ..AutoKParams::default() };
    let mut search = AutoK::new(params, matrix).map_err(|e| RunError::stage(Stage::Clusters)(&e))?;
    let failed = |e: KMeansError| RunError::stage(Stage::Clusters)(&e);
    drive(session, || search.step().map_err(failed)).await?;
    let curve = search.curve().iter().filter_map(|s| s.silhouette.map(|silhouette| (s.k, silhouette))).collect();
    Ok((search.best().map_or(1, |best| best.k), curve))
}

/// Steps to the end, listening for a wish to stop.
async fn drive(session: &mut Session<'_>, mut step: impl FnMut() -> Result<Step, RunError>) -> Result<(), RunError> {
    while let Step::Running { .. } = step()? {
        session.check()?;
        breathe().await;
    }
    Ok(())
}
