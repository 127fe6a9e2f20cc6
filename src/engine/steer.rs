//! Steering: another representation, k or seed for the open album, without anything upstream.

use super::cells::{self, Task, Truth};
use super::session::Session;
use super::{Engine, RunError, map, names};
use crate::album::{Album, Cell, ClusterSummary, Layout, Representation};
use crate::cluster::catalog::ClustererSpec;
use crate::protocol::{CellRequest, ClusterCount, Event, PlanError, Stage};
use crate::runtime::{Stopwatch, breathe};

/// Makes the cell that is asked for the main one of `album`; names, exemplars and map follow it.
pub(super) async fn show(
    engine: &Engine<'_>,
    album: &mut Album,
    request: &CellRequest,
    emit: &mut dyn FnMut(Event),
) -> Result<(), RunError> {
    let Asked { vectors, clusterer, truth, count, known } = look_up(album, request)?;
    let mut session = Session::new(engine.store, engine.cancel.clone(), emit);
    let representation = &album.vectors[vectors];
    let task = Task { representation, clusterer: &clusterer.to_string(), count, seed: request.seed };
    let clock = Stopwatch::start();
    let mut cells = album.cells.clone();
    let main_cell = match known {
        Some(known) => known,
        None => {
            session.progress(Stage::Clusters, 0, 1, 0)?;
            let tried = cells.clone();
            let mut early = |session: &mut Session<'_>, cell: &Cell| {
                let cells = tried.iter().cloned().chain([cell.clone()]).collect();
                session.emit(Event::Clustered { cells, main_cell: tried.len() });
            };
            let (cell, cached) = cells::cell(engine, &mut session, &task, &truth, &mut early).await?;
            session.count(1, usize::from(cached));
            cells.push(cell);
            cells.len() - 1
        }
    };
    session.emit(Event::Clustered { cells: cells.clone(), main_cell });
    session.done(Stage::Clusters, clock);
    breathe().await;

    let clock = Stopwatch::start();
    let clusters = match of_study(album, main_cell) {
        Some(known) => known.clone(),
        None => names::explain(representation, &cells[main_cell], &album.texts, &truth.labels, &album.label_names)?,
    };
    session.done(Stage::Names, clock);

    let clock = Stopwatch::start();
    let layout = if album.layout.representation == representation.name {
        None
    } else if let Some(map) = map_of_study(album, &representation.name) {
        map::emit_final(&mut session, map);
        Some(map.clone())
    } else {
        // The map's seed is that of the run, which made the first cell.
        let seed = album.cells.first().map_or(request.seed, |cell| cell.seed as u32);
        Some(map::lay_out(&mut session, &album.layout.projector, seed, representation).await?)
    };
    if main_cell != album.main_cell {
        // It was that of the former one's names.
        album.name_quality = None;
    }
    (album.cells, album.main_cell, album.clusters) = (cells, main_cell, clusters);
    if let Some(layout) = layout {
        album.layout = layout;
    } else {
        map::emit_final(&mut session, &album.layout);
    }
    session.done(Stage::Map, clock);
    Ok(())
}

/// Lays out a representation of `album`; clusters and names stay as they are.
pub(super) async fn map(
    engine: &Engine<'_>,
    album: &mut Album,
    representation: &str,
    emit: &mut dyn FnMut(Event),
) -> Result<(), RunError> {
    let vectors = position(album, representation)?;
    let mut session = Session::new(engine.store, engine.cancel.clone(), emit);
    let clock = Stopwatch::start();
    let seed = album.cells.first().map_or(0, |cell| cell.seed as u32);
    album.layout = map::lay_out(&mut session, &album.layout.projector, seed, &album.vectors[vectors]).await?;
    session.done(Stage::Map, clock);
    Ok(())
}

/// The representation that `request` computes on; none where album and study have all that is asked for, or it is refused.
pub(super) fn computes_on<'a>(album: &'a Album, request: &CellRequest) -> Option<&'a Representation> {
    let asked = look_up(album, request).ok()?;
    let representation = &album.vectors[asked.vectors];
    let is_mapped =
        album.layout.representation == representation.name || map_of_study(album, &representation.name).is_some();
    let is_known = asked.known.is_some_and(|cell| of_study(album, cell).is_some());
    (!is_known || !is_mapped).then_some(representation)
}

/// The clusters of a cell of the study.
fn of_study(album: &Album, cell: usize) -> Option<&Vec<ClusterSummary>> {
    album.study.as_ref()?.clusters.get(cell)
}

fn map_of_study<'a>(album: &'a Album, representation: &str) -> Option<&'a Layout> {
    album.study.as_ref()?.maps.iter().find(|map| map.representation == representation)
}

/// What a request comes to in an album.
struct Asked {
    /// Index into [`Album::vectors`].
    vectors: usize,
    clusterer: ClustererSpec,
    truth: Truth,
    count: ClusterCount,
    /// The cell, where it has been tried.
    known: Option<usize>,
}

fn look_up(album: &Album, request: &CellRequest) -> Result<Asked, RunError> {
    let (vectors, clusterer) = check(album, request)?;
    let truth = Truth { labels: album.pictures.iter().map(|p| p.label).collect(), classes: album.label_names.len() };
    let (count, name) = (truth.count(request.k), clusterer.to_string());
    let same = |cell: &Cell| {
        cell.representation == request.representation
            && cell.clusterer == name
            && cell.seed == u64::from(request.seed)
            && has_count(cell, count, &clusterer)
    };
    let known = album.cells.iter().position(same);
    Ok(Asked { vectors, clusterer, truth, count, known })
}

/// The index of the representation that is asked for, and the clusterer.
fn check(album: &Album, request: &CellRequest) -> Result<(usize, ClustererSpec), RunError> {
    let wrong = |reason: String| PlanError::Parameters { option: "--cluster", reason };
    let clusterer = request.clusterer.parse::<ClustererSpec>().map_err(|e| wrong(e.to_string()))?;
    if request.k == ClusterCount::Fixed(0) {
        return Err(PlanError::NoClusters.into());
    }
    Ok((position(album, &request.representation)?, clusterer))
}

fn position(album: &Album, representation: &str) -> Result<usize, RunError> {
    album.vectors.iter().position(|v| v.name == representation).ok_or_else(|| {
        let known: Vec<&str> = album.vectors.iter().map(|v| v.name.as_str()).collect();
        let known = known.join(", ");
        RunError::Lacking(format!("the album has no representation `{representation}`; choose from {known}"))
    })
}

/// Whether a cell has as many clusters as are asked for.
fn has_count(cell: &Cell, count: ClusterCount, clusterer: &ClustererSpec) -> bool {
    match count {
        _ if !clusterer.takes_k() => true,
        ClusterCount::Fixed(k) => cell.k == k,
        ClusterCount::Labels | ClusterCount::Auto => !cell.k_curve.is_empty(),
    }
}
