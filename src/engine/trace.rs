//! How K-Means found its clusters, iteration by iteration, for people who want to see it.

use super::session::Session;
use super::{Engine, RunError, cache};
use crate::album::Album;
use crate::cluster::Clusterer;
use crate::cluster::kmeans::{KMeansError, KMeansParams, KMeansRun};
use crate::progress::Step;
use crate::protocol::{Event, Stage};
use crate::runtime::breathe;

/// One K-Means run on the main cell's representation with its k and seed: what the first of the cell's runs did.
pub(super) async fn kmeans(engine: &Engine<'_>, album: &Album, emit: &mut dyn FnMut(Event)) -> Result<(), RunError> {
    let lacking = || RunError::Lacking("the album has no clusters to show; run again".to_owned());
    let cell = album.cells.get(album.main_cell).ok_or_else(lacking)?;
    let matrix = album.vectors.iter().find(|v| v.name == cell.representation).ok_or_else(lacking)?.matrix.view();
    let failed = |e: KMeansError| RunError::stage(Stage::Clusters)(&e);
    // Seeds are given as 32 bits.
    let params = KMeansParams::new(cell.k.max(1)).n_init(1).random_state(cell.seed as u32);
    let mut session = Session::new(engine.store, engine.cancel.clone(), emit);
    let workings = engine.workings(&session, &cache::matrix_hash(matrix), matrix).await?;
    let mut run = KMeansRun::shared(params, workings.centred).map_err(failed)?.with_known(workings.squares);
    let mut iteration = 0;
    loop {
        let last = run.step() == Step::Done;
        if let Some((labels, inertia)) = run.assignment() {
            session.emit(Event::KMeans { iteration, inertia: inertia.into(), labels, last });
            iteration += 1;
        }
        if last {
            return Ok(());
        }
        session.check()?;
        breathe().await;
    }
}
