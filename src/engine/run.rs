//! One run, stage by stage.

use std::rc::Rc;

use ndarray::Array2;

use super::cells::{self, Task, Truth};
use super::pictures::{self, Extracted};
use super::services::{ImageNetwork, TextNetwork, image_network};
use super::session::Session;
use super::words::{self, Words};
use super::{Engine, RunError, map, names};
use crate::album::{Album, Cell, Failure, Representation, RepresentationKind};
use crate::classical::Kind;
use crate::collection::Collection;
use crate::describe::import::TextTable;
use crate::device::Selected;
use crate::fuse;
use crate::protocol::{DESCRIBERS, Event, IMPORT, Plan, Stage};
use crate::runtime::Stopwatch;

/// The classifier whose opinion becomes words.
const TAGGER: &str = "efficientnet-lite0";
/// Weights of the sides in `concat`: pixels separate better than guessed words, so that words refine and do not lead.
const CONCAT_WEIGHTS: [f32; 2] = [0.8, 0.2];
/// The same with texts that were made elsewhere, by who has seen the pictures.
const IMPORT_WEIGHTS: [f32; 2] = [0.5, 0.5];

struct Networks {
    image: Vec<ImageNetwork>,
    text: Option<Rc<TextNetwork>>,
}

/// Makes an album of `collection` as `plan` says.
pub(super) async fn run(
    engine: &Engine<'_>,
    collection: &Collection,
    plan: &Plan,
    imports: &[(String, TextTable)],
    emit: &mut dyn FnMut(Event),
) -> Result<Album, RunError> {
    let encoders = engine.models.image_encoders();
    plan.check(&encoders.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut session = Session::new(engine.store, engine.cancel.clone(), emit);
    for failure in &collection.failures {
        let (file, stage, reason) = (failure.file.clone(), failure.stage.to_owned(), failure.reason.clone());
        session.failed(Failure { file, stage, reason });
    }
    let clock = Stopwatch::start();
    let device = engine.device(Some(plan.device)).await?;
    session.emit(Event::Device { name: device.name.clone(), why: device.why.clone() });
    let networks = open(engine, plan, &device)?;
    let kinds: Vec<Kind> = plan.features.iter().filter_map(|name| Kind::from_name(name)).collect();
    session.done(Stage::Models, clock);

    let clock = Stopwatch::start();
    let (pictures, extracted) =
        pictures::extract(&mut session, &collection.items, (&networks.image, &kinds), engine.hands, device.batch)
            .await?;
    if pictures.is_empty() {
        let first = session.failures.first().map(|f| format!("{}: {}", f.file, f.reason)).unwrap_or_default();
        return Err(RunError::NoPictures(collection.items.len(), first));
    }
    session.done(Stage::Pictures, clock);

    let clock = Stopwatch::start();
    let words = match networks.text.as_deref() {
        Some(network) => {
            let mut words = words::imported(&mut session, imports, &pictures, network).await?;
            if let Some(tagger) = extracted.iter().find(|e| e.name == TAGGER) {
                words.append(words::describe(&mut session, &plan.text, tagger, network).await?);
            }
            words
        }
        None => Words::default(),
    };
    session.done(Stage::Words, clock);
    // Weights are the largest thing in memory, and nothing below needs them.
    drop(networks);
    engine.forget_sentences();

    let vectors = represent(plan, &extracted, words.vectors);
    // Pictures that lie beside the class folders have no label; scores are over those that have one.
    let truth = Truth { labels: pictures.iter().map(|p| p.label).collect(), classes: collection.label_names.len() };
    let clock = Stopwatch::start();
    let cells = cluster(engine, &mut session, plan, &vectors, &truth).await?;
    session.done(Stage::Clusters, clock);

    let main_cell = main_cell(&cells, &vectors);
    let main = &cells[main_cell];
    let matrix = vectors.iter().find(|v| v.name == main.representation).unwrap_or(&vectors[0]);
    let clock = Stopwatch::start();
    let layout = map::lay_out(&mut session, &plan.project, plan.seed, matrix).await?;
    session.done(Stage::Map, clock);

    let clock = Stopwatch::start();
    let texts = words.columns.first().map(|c| c.texts.as_slice()).unwrap_or_default();
    let clusters = names::explain(matrix, main, texts, &truth.labels, &collection.label_names)?;
    session.done(Stage::Names, clock);

    Ok(Album {
        title: collection.title.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        device: format!("{}: {}", device.name, device.why),
        parameters: plan.parameters(),
        pictures,
        label_names: if truth.known() { collection.label_names.clone() } else { Vec::new() },
        features: extracted.into_iter().filter(|e| plan.features.contains(&e.name)).map(features).collect(),
        texts: words.columns,
        vectors,
        cells,
        main_cell,
        clusters,
        layout,
        failures: session.failures,
        timings: session.timings,
    })
}

fn features(extracted: Extracted) -> Representation {
    Representation { name: extracted.name, kind: RepresentationKind::Image, matrix: extracted.features }
}

fn open(engine: &Engine<'_>, plan: &Plan, device: &Selected) -> Result<Networks, RunError> {
    let networks = plan.features.iter().filter(|name| Kind::from_name(name).is_none());
    let mut names: Vec<&str> = networks.map(String::as_str).collect();
    let tagged = plan.text.iter().any(|text| !text.starts_with(IMPORT));
    if tagged && !names.contains(&TAGGER) {
        names.push(TAGGER);
    }
    let image = names.iter().map(|name| image_network(engine.models, name, device)).collect::<Result<_, _>>();
    let image = image.map_err(RunError::Model)?;
    let text = (!plan.text.is_empty()).then(|| engine.sentences(device)).transpose()?;
    Ok(Networks { image, text })
}

/// The matrices that are clustered: features made ready, text vectors, and each fusion of the two.
fn represent(plan: &Plan, extracted: &[Extracted], texts: Vec<Representation>) -> Vec<Representation> {
    let images = extracted.iter().filter(|e| plan.features.contains(&e.name)).map(|e| Representation {
        name: e.name.clone(),
        kind: RepresentationKind::Image,
        matrix: comparable(e),
    });
    let images: Vec<_> = images.collect();
    let mut fused = Vec::new();
    for fusion in &plan.fuse {
        for (image, text) in images.iter().flat_map(|i| texts.iter().map(move |t| (i, t))) {
            // Both sides have one row a picture, so the fusion exists.
            let weights = if DESCRIBERS.contains(&text.name.as_str()) { CONCAT_WEIGHTS } else { IMPORT_WEIGHTS };
            if let Some(matrix) = fuse::concat(image.matrix.view(), text.matrix.view(), weights) {
                let name = format!("{}+{}@{fusion}", image.name, text.name);
                fused.push(Representation { name, kind: RepresentationKind::Fused, matrix });
            }
        }
    }
    images.into_iter().chain(texts).chain(fused).collect()
}

/// Features whose distances mean something; the parts of `classical`, which are counts, bytes and shares, weigh the same.
fn comparable(extracted: &Extracted) -> Array2<f32> {
    if Kind::from_name(&extracted.name) != Some(Kind::Classical) {
        return fuse::center_and_normalize(extracted.features.view());
    }
    let mut features = extracted.features.clone();
    fuse::balance(&mut features, &Kind::PARTS.map(Kind::range));
    fuse::center_and_normalize(features.view())
}

/// Every representation clustered by every clusterer of the plan; shown as soon as labels are known.
async fn cluster(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    plan: &Plan,
    vectors: &[Representation],
    truth: &Truth,
) -> Result<Vec<Cell>, RunError> {
    let total = vectors.len() * plan.cluster.len();
    let (mut cells, mut known): (Vec<Cell>, usize) = (Vec::with_capacity(total), 0);
    for (representation, clusterer) in vectors.iter().flat_map(|v| plan.cluster.iter().map(move |c| (v, c))) {
        session.progress(Stage::Clusters, cells.len(), total, known)?;
        let task = Task { representation, clusterer, count: truth.count(plan.k), seed: plan.seed };
        let mut early = |session: &mut Session<'_>, cell: &Cell| {
            let cells: Vec<Cell> = cells.iter().cloned().chain([cell.clone()]).collect();
            let main_cell = main_cell(&cells, vectors);
            session.emit(Event::Clustered { cells, main_cell });
        };
        let (cell, cached) = cells::cell(engine, session, &task, truth, &mut early).await?;
        known += usize::from(cached);
        cells.push(cell);
    }
    session.count(total, known);
    session.emit(Event::Clustered { main_cell: main_cell(&cells, vectors), cells: cells.clone() });
    Ok(cells)
}

/// The first fused cell, else the first: clusters, map and report follow it.
fn main_cell(cells: &[Cell], vectors: &[Representation]) -> usize {
    let fused = |name: &str| vectors.iter().any(|v| v.name == name && v.kind == RepresentationKind::Fused);
    cells.iter().position(|c| fused(&c.representation)).unwrap_or(0)
}
