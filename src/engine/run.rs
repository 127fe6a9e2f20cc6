//! One run, stage by stage.

use std::collections::HashMap;
use std::rc::Rc;

use ndarray::Array2;

use super::asking::Asking;
use super::captions::Gallery;
use super::cells::Truth;
use super::criteria::{self, Answer};
use super::grid::{self, Clustered};
use super::pictures::{self, Extracted};
use super::services::{ImageNetwork, TextNetwork, image_network};
use super::session::Session;
use super::words::{self, Words};
use super::{Engine, RunError, fusions, map, names, naming, published};
use crate::album::{Album, Cell, CriterionClusters, Failure, Picture, Representation, RepresentationKind, TextColumn};
use crate::classical::Kind;
use crate::collection::Collection;
use crate::describe::import::TextTable;
use crate::device::Selected;
use crate::fuse::{self, FusionMethod};
use crate::protocol::{CLASSIFIER, DESCRIBERS, Event, Networks as Named, Plan, Stage, namer};
use crate::runtime::Stopwatch;

struct Networks {
    image: Vec<ImageNetwork>,
    text: Option<Rc<TextNetwork>>,
}

/// Makes an album of `collection` as `plan` says; cells of the other `seeds` come behind those of the plan's.
pub(super) async fn run(
    engine: &Engine<'_>,
    collection: &Collection,
    plan: &Plan,
    imports: &[(String, TextTable)],
    seeds: &[u32],
    emit: &mut dyn FnMut(Event),
) -> Result<Album, RunError> {
    let known = engine.models.networks();
    plan.check(&known)?;
    let mut session = Session::new(engine.store, engine.cancel.clone(), emit);
    for failure in &collection.failures {
        let (file, stage, reason) = (failure.file.clone(), failure.stage.to_owned(), failure.reason.clone());
        session.failed(Failure { file, stage, reason });
    }
    let mut asking = Asking::new(engine.chat);
    if let Some(name) = asking.name() {
        session.note(format!("keywords and texts of clusters are sent to {name}"));
    }
    let clock = Stopwatch::start();
    let device = engine.device(Some(plan.device)).await?;
    session.emit(Event::Device { name: device.name.clone(), why: device.why.clone() });
    let networks = open(engine, plan, &device)?;
    let kinds: Vec<Kind> = plan.features.iter().filter_map(|name| Kind::from_name(name)).collect();
    session.done(Stage::Models, clock);

    let (pictures, extracted) =
        pictures::extract(&mut session, &collection.items, (&networks.image, &kinds), engine.hands, device.batch)
            .await?;

    let clock = Stopwatch::start();
    let spoken = match networks.text.as_deref() {
        Some(network) => {
            let gallery = Gallery { pictures: &pictures, items: &collection.items, hands: engine.hands };
            let mut told = told(engine, &mut session, plan, (&known, &device), gallery).await?;
            told.extend(naming::columns(&mut session, plan, &networks.image, &extracted).await?);
            speak(&mut session, plan, (imports, told), (&pictures, &extracted), network, &mut asking).await?
        }
        None => Spoken::default(),
    };
    session.done(Stage::Words, clock);
    // Weights are the largest thing in memory, and little below needs them.
    drop(networks);
    engine.forget_sentences();

    let Spoken { words: Words { columns, vectors: texts }, answers, nouns } = spoken;
    let parts = parts(plan, &extracted, texts, &answers);
    // Pictures that lie beside the class folders have no label; scores are over those that have one.
    let truth = Truth { labels: pictures.iter().map(|p| p.label).collect(), classes: collection.label_names.len() };
    let clock = Stopwatch::start();
    let Clustered { vectors, cells, main_cell } =
        grid::cluster(engine, &mut session, (plan, seeds), parts, (&answers, &nouns), &truth).await?;
    session.done(Stage::Clusters, clock);

    let main = &cells[main_cell];
    let matrix = vectors.iter().find(|v| v.name == main.representation).unwrap_or(&vectors[0]);
    let clock = Stopwatch::start();
    let layout = map::lay_out(&mut session, &plan.project, plan.seed, matrix).await?;
    session.done(Stage::Map, clock);

    let clock = Stopwatch::start();
    let label_names = &collection.label_names;
    let mut clusters = names::explain(matrix, main, &columns, &truth.labels, label_names)?;
    asking.name_clusters(&mut session, &mut clusters, names::spoken_of(matrix, &columns), None)?;
    let mut name_quality = None;
    if truth.known() && !columns.is_empty() {
        let network = engine.sentences(&plan.sentences, &device)?;
        name_quality = names::quality(&mut session, (main, &clusters), &truth.labels, label_names, &network).await?;
        engine.forget_sentences();
    }
    let mut criteria = by_criterion(&answers, &cells, &columns, (&truth.labels, label_names))?;
    for of in &mut criteria {
        let Some(answer) = answers.iter().find(|answer| answer.criterion.text == of.criterion) else { continue };
        let texts = names::spoken_of(&answer.vectors, &columns);
        asking.name_clusters(&mut session, &mut of.clusters, texts, Some(&of.criterion))?;
    }
    session.done(Stage::Names, clock);

    let asked = engine.chat.map(|chat| ("--endpoint".to_owned(), chat.name()));
    Ok(Album {
        title: collection.title.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        device: format!("{}: {}", device.name, device.why),
        parameters: plan.parameters().into_iter().chain(asked).collect(),
        pictures,
        label_names: if truth.known() { collection.label_names.clone() } else { Vec::new() },
        features: extracted.into_iter().filter(|e| plan.features.contains(&e.name)).map(features).collect(),
        texts: columns,
        vectors,
        cells,
        main_cell,
        clusters,
        name_quality,
        criteria,
        layout,
        study: None,
        failures: session.failures,
        timings: session.timings,
    })
}

fn features(extracted: Extracted) -> Representation {
    Representation { name: extracted.name, kind: RepresentationKind::Image, texts: None, matrix: extracted.features }
}

/// Everything that was said of the pictures, as vectors.
#[derive(Default)]
struct Spoken {
    words: Words,
    answers: Vec<Answer>,
    /// By the column's name, where counterparts are wanted.
    nouns: HashMap<String, Array2<f32>>,
}

async fn speak(
    session: &mut Session<'_>,
    plan: &Plan,
    (imports, told): (&[(String, TextTable)], Vec<TextColumn>),
    (pictures, extracted): (&[Picture], &[Extracted]),
    network: &TextNetwork,
    asking: &mut Asking<'_>,
) -> Result<Spoken, RunError> {
    let mut words = words::imported(session, imports, pictures, &plan.vectors, network).await?;
    for column in told {
        let name = words::unused(&column.name, |name| words.columns.iter().any(|column| column.name == name));
        words.add(session, TextColumn { name, ..column }, &plan.vectors, network).await?;
    }
    if let Some(tagger) = extracted.iter().find(|e| e.name == CLASSIFIER) {
        words.append(words::describe(session, &plan.text, tagger, &plan.vectors, network).await?);
    }
    let answers = criteria::answers(session, &plan.criteria, &mut words, network, asking).await?;
    for answer in &answers {
        session.note(format!("criterion {}: answered by {}", answer.criterion.text, answer.answered_by));
    }
    let wanted = plan.fuse.iter().any(|fusion| fusion.starts_with(FusionMethod::Counterparts.name()));
    let nouns = if wanted { fusions::nouns(session, &words.columns, network).await? } else { HashMap::new() };
    Ok(Spoken { words, answers, nouns })
}

/// What networks say of the pictures: captions, and answers to the plan's questions.
async fn told(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    plan: &Plan,
    (known, device): (&Named, &Selected),
    gallery: Gallery<'_>,
) -> Result<Vec<TextColumn>, RunError> {
    let mut columns = Vec::new();
    for name in plan.text.iter().filter(|name| known.captioners.contains(name) || known.answerers.contains(name)) {
        let model = engine.models.open(name).map_err(RunError::Model)?;
        let network = published::speaking_network(model, device);
        let network = network.map_err(|e| RunError::Model(format!("{name}: {e}")))?;
        columns.extend(network.columns(session, gallery, &plan.ask).await?);
    }
    Ok(columns)
}

/// The clusters by each criterion, of the first clusterer that had some.
fn by_criterion(
    answers: &[Answer],
    cells: &[Cell],
    columns: &[TextColumn],
    (labels, label_names): (&[Option<u32>], &[String]),
) -> Result<Vec<CriterionClusters>, RunError> {
    let summary = |answer: &Answer| {
        let cell = cells.iter().position(|cell| cell.representation == answer.vectors.name)?;
        let clusters = names::explain(&answer.vectors, &cells[cell], columns, labels, label_names);
        let (criterion, answered_by) = (answer.criterion.text.clone(), answer.answered_by.clone());
        Some(clusters.map(|clusters| CriterionClusters { criterion, answered_by, cell, clusters }))
    };
    answers.iter().filter_map(summary).collect()
}

fn open(engine: &Engine<'_>, plan: &Plan, device: &Selected) -> Result<Networks, RunError> {
    let networks = plan.features.iter().filter(|name| Kind::from_name(name).is_none());
    let mut names: Vec<&str> = networks.map(String::as_str).collect();
    for compared in plan.text.iter().filter_map(|text| namer(text)) {
        if !names.contains(&compared) {
            names.push(compared);
        }
    }
    let tagged = plan.text.iter().any(|text| DESCRIBERS.contains(&text.as_str()));
    if tagged && !names.contains(&CLASSIFIER) {
        names.push(CLASSIFIER);
    }
    let image = names.iter().map(|name| image_network(engine.models, name, device)).collect::<Result<_, _>>();
    let image = image.map_err(RunError::Model)?;
    let text = (!plan.text.is_empty()).then(|| engine.sentences(&plan.sentences, device)).transpose()?;
    Ok(Networks { image, text })
}

/// The matrices that are clustered and fused: features made ready, text vectors, answers to criteria.
fn parts(plan: &Plan, extracted: &[Extracted], texts: Vec<Representation>, answers: &[Answer]) -> Vec<Representation> {
    let images = extracted.iter().filter(|e| plan.features.contains(&e.name)).map(|e| Representation {
        name: e.name.clone(),
        kind: RepresentationKind::Image,
        texts: None,
        matrix: comparable(e),
    });
    images.chain(texts).chain(answers.iter().map(|answer| answer.vectors.clone())).collect()
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
