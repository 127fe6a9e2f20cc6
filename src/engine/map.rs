//! The map: a projector stepped to its end, kept on the way so that a killed run goes on.

use ndarray::ArrayView2;

use super::RunError;
use super::cache;
use super::session::Session;
use crate::album::{Layout, Representation};
use crate::progress::Step;
use crate::project::{PcaLayout, Projector, Tsne, TsneParams, TsneState};
use crate::protocol::{Event, Stage};
use crate::runtime::{ONE_THREAD, Stopwatch, breathe};
use crate::score::trustworthiness::{trustworthiness, trustworthiness_sampled};

/// Seconds between two saved states of a long layout.
const SAVE_EVERY: f64 = 5.0;
/// Seconds between two maps that are shown while they form.
const SHOW_EVERY: f64 = 0.1;
/// Neighbours of the trustworthiness.
const NEIGHBORS: usize = 12;
/// Pictures above which trustworthiness, which takes O(n² d), is measured on a sample of as many.
const MEASURE_ALL: usize = if ONE_THREAD { 500 } else { 5_000 };
/// Pictures up to which the divergence, which takes O(n²), is computed.
const DIVERGENCE_UP_TO: usize = if ONE_THREAD { 4_000 } else { 20_000 };
/// Part of the keys; raised when the algorithm changes its results.
const VERSION: &str = "1";

/// Lays out the rows of `vectors` in the plane by `projector`.
pub(super) async fn lay_out(
    session: &mut Session<'_>,
    projector: &str,
    seed: u32,
    vectors: &Representation,
) -> Result<Layout, RunError> {
    let matrix = vectors.matrix.view();
    let n = matrix.nrows();
    let params = TsneParams { random_state: seed.into(), ..TsneParams::default() };
    let parameters = format!("{params:?}");
    let hash = cache::matrix_hash(matrix);
    let parts = [hash.as_str(), projector, &parameters, VERSION];
    let (key, facts) = (cache::key("layout", &parts), cache::key("layout-facts", &parts));
    let layout = |points, kl, trustworthiness| {
        let (projector, representation) = (projector.to_owned(), vectors.name.clone());
        Layout { projector, representation, points, kl, trustworthiness }
    };
    if let (Some(points), Some((kl, trustworthiness))) =
        (cache::get_matrix(session.store, &key, n, 2), cache::get_json(session.store, &facts))
    {
        session.count(n, n);
        let layout = layout(points, kl, trustworthiness);
        emit_final(session, &layout);
        return Ok(layout);
    }
    let (points, kl) = if projector == "pca" {
        let mut pca = PcaLayout::new(matrix).map_err(|e| RunError::stage(Stage::Map)(&e))?;
        while pca.step() != Step::Done {}
        (pca.output().to_owned(), None)
    } else {
        let tsne = tsne(session, params, vectors, &cache::key("layout-state", &parts)).await?;
        let kl = (n <= DIVERGENCE_UP_TO).then(|| tsne.kl_divergence()).flatten();
        (tsne.output().to_owned(), kl)
    };
    breathe().await;
    // Fewer pictures than the measure needs have none.
    let trust = if n <= MEASURE_ALL {
        trustworthiness(matrix, points.view(), NEIGHBORS).ok()
    } else {
        trustworthiness_sampled(matrix, points.view(), NEIGHBORS, MEASURE_ALL, seed.into()).ok()
    };
    session.keep(&key, &cache::floats_to_bytes(points.iter().copied()));
    session.keep_json(&facts, &(kl, trust));
    session.count(n, 0);
    let layout = layout(points, kl, trust);
    emit_final(session, &layout);
    Ok(layout)
}

/// Shows a map that will not change any more.
pub(super) fn emit_final(session: &mut Session<'_>, layout: &Layout) {
    let total = TsneParams::default().iterations();
    emit(session, &layout.representation, layout.points.view(), (total, total));
}

fn emit(session: &mut Session<'_>, representation: &str, points: ArrayView2<'_, f32>, (done, total): (usize, usize)) {
    let points = cache::floats_to_bytes(points.iter().copied());
    session.emit(Event::Layout { representation: representation.to_owned(), done, total, points });
}

/// Steps a t-SNE to its end, from where a stopped run left it.
async fn tsne(
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
    let (mut saved, mut shown) = (Stopwatch::start(), Stopwatch::start());
    while let Step::Running { done, total } = tsne.step() {
        if saved.seconds() > SAVE_EVERY {
            saved = Stopwatch::start();
            session.keep_json(key, &tsne.state());
        }
        if shown.seconds() > SHOW_EVERY {
            shown = Stopwatch::start();
            emit(session, &vectors.name, tsne.output(), (done, total));
        }
        if let Err(stopped) = session.progress(Stage::Map, done, total, 0) {
            session.keep_json(key, &tsne.state());
            return Err(stopped);
        }
        breathe().await;
    }
    Ok(tsne)
}
