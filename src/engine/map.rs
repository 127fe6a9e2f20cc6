//! The map: a projector stepped to its end, kept on the way so that a killed run goes on.

use super::cache;
use crate::protocol::Stage;
use super::session::Session;
use super::RunError;
use crate::protocol::Plan;
use crate::album::{Layout, Representation};
use crate::progress::Step;
use crate::project::{PcaLayout, Projector, Tsne, TsneParams, TsneState};
use crate::runtime::Stopwatch;
use crate::score::trustworthiness::{trustworthiness, trustworthiness_sampled};

/// Seconds between two saved states of a long layout.
const SAVE_EVERY: f64 = 5.0;
/// Neighbours of the trustworthiness.
const NEIGHBORS: usize = 12;
/// Pictures above which trustworthiness, which takes O(n² d), is measured on a sample of as many.
const MEASURE_ALL: usize = 5_000;
/// Pictures up to which the divergence, which takes O(n²), is computed.
const DIVERGENCE_UP_TO: usize = 20_000;
/// Part of the keys; raised when the algorithm changes its results.
const VERSION: &str = "1";

/// Lays out the rows of `vectors` in the plane.
pub(super) fn lay_out(session: &mut Session<'_>, plan: &Plan, vectors: &Representation) -> Result<Layout, RunError> {
    let n = vectors.matrix.nrows();
    let params = TsneParams { random_state: plan.seed.into(), ..TsneParams::default() };
    let parameters = format!("{params:?}");
    let hash = cache::matrix_hash(vectors.matrix.view());
    let parts = [hash.as_str(), &plan.project, &parameters, VERSION];
    let (key, facts) = (cache::key("layout", &parts), cache::key("layout-facts", &parts));
    if let (Some(points), Some((kl, trustworthiness))) =
        (cache::get_matrix(session.store, &key, n, 2), cache::get_json(session.store, &facts))
    {
        session.count(n, n);
        return Ok(layout(plan, vectors, points, kl, trustworthiness));
    }
    let failed = |e: &dyn std::fmt::Display| RunError::stage(Stage::Map)(e);
    let (points, kl) = if plan.project == "pca" {
        let mut pca = PcaLayout::new(vectors.matrix.view()).map_err(|e| failed(&e))?;
        while pca.step() != Step::Done {}
        (pca.output().to_owned(), None)
    } else {
        let tsne = tsne(session, params, vectors, &cache::key("layout-state", &parts))?;
        let kl = (n <= DIVERGENCE_UP_TO).then(|| tsne.kl_divergence()).flatten();
        (tsne.output().to_owned(), kl)
    };
    // Fewer pictures than the measure needs have none.
    let trust = if n <= MEASURE_ALL {
        trustworthiness(vectors.matrix.view(), points.view(), NEIGHBORS).ok()
    } else {
        trustworthiness_sampled(vectors.matrix.view(), points.view(), NEIGHBORS, MEASURE_ALL, plan.seed.into()).ok()
    };
    session.keep(&key, &cache::floats_to_bytes(points.iter().copied()));
    session.keep_json(&facts, &(kl, trust));
    session.count(n, 0);
    Ok(layout(plan, vectors, points, kl, trust))
}

fn layout(
    plan: &Plan,
    vectors: &Representation,
    points: ndarray::Array2<f32>,
    kl: Option<f64>,
    trustworthiness: Option<f64>,
) -> Layout {
    let (projector, representation) = (plan.project.clone(), vectors.name.clone());
    Layout { projector, representation, points, kl, trustworthiness }
}

/// Steps a t-SNE to its end, from where a stopped run left it.
fn tsne(
    session: &mut Session<'_>,
    params: TsneParams,
    vectors: &Representation,
    key: &crate::store::Key,
) -> Result<Tsne, RunError> {
    let failed = |e: &dyn std::fmt::Display| RunError::stage(Stage::Map)(e);
    let matrix = vectors.matrix.view();
    let saved: Option<TsneState> = cache::get_json(session.store, key);
    let resumed = saved.and_then(|state| Tsne::resume(params.clone(), matrix, &state).ok());
    let mut tsne = match resumed {
        Some(tsne) => tsne,
        None => Tsne::new(params, matrix).map_err(|e| failed(&e))?,
    };
    let mut clock = Stopwatch::start();
    while let Step::Running { done, total } = tsne.step() {
        if clock.seconds() > SAVE_EVERY {
            clock = Stopwatch::start();
            session.keep_json(key, &tsne.state());
        }
        if let Err(stopped) = session.progress(Stage::Map, done, total, 0) {
            session.keep_json(key, &tsne.state());
            return Err(stopped);
        }
    }
    Ok(tsne)
}
