//! Pictures to words to vectors, each sentence embedded once and kept.

use std::collections::{BTreeSet, HashMap};

use gistmap_models::imagenet;
use ndarray::{Array2, ArrayView2, Axis};

use super::RunError;
use super::cache::{self, bytes_to_floats, floats_to_bytes};
use super::pictures::Extracted;
use super::services::TextNetwork;
use super::session::Session;
use crate::album::{Picture, Representation, RepresentationKind, TextColumn};
use crate::describe::import::TextTable;
use crate::describe::tags;
use crate::fuse;
use crate::protocol::{DESCRIBERS, Stage};

/// Sentences that are embedded before they are kept: what a killed run can lose.
const SENTENCES_PER_ROUND: usize = 256;

/// What the describers gave.
#[derive(Default)]
pub(super) struct Words {
    /// Texts for people and for keywords.
    pub(super) columns: Vec<TextColumn>,
    /// One matrix for each describer of the plan.
    pub(super) vectors: Vec<Representation>,
}

impl Words {
    pub(super) fn append(&mut self, mut more: Self) {
        self.columns.append(&mut more.columns);
        self.vectors.append(&mut more.vectors);
    }
}

/// The columns of texts made elsewhere, as sentence vectors. How file and pictures go together is told; a picture
/// without a text has the vector of an empty one.
pub(super) async fn imported(
    session: &mut Session<'_>,
    imports: &[(String, TextTable)],
    pictures: &[Picture],
    network: &TextNetwork,
) -> Result<Words, RunError> {
    let files: Vec<String> = pictures.iter().map(|picture| picture.file.clone()).collect();
    let mut words = Words::default();
    for (source, table) in imports {
        let matched = table.matched(&files);
        session.note(format!("{source}: {}", matched.report));
        if let Some(problem) = table.problems.first() {
            session.note(format!("{source}: {} lines could not be used; {problem}", table.problems.len()));
        }
        if matched.report.matched == 0 {
            let reason = format!("{source}: none of its {} names is a picture's", table.rows.len());
            return Err(RunError::Lacking(reason));
        }
        for column in matched.columns {
            let name = unused(&column.name, &words.columns);
            let matrix = embed(session, network, &column.texts.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            words.vectors.push(Representation { name: name.clone(), kind: RepresentationKind::Text, matrix });
            words.columns.push(TextColumn { name, texts: column.texts });
        }
    }
    Ok(words)
}

/// A column's name, with a number behind it where a describer or another column has it.
fn unused(name: &str, columns: &[TextColumn]) -> String {
    let taken = |name: &str| DESCRIBERS.contains(&name) || columns.iter().any(|column| column.name == name);
    let mut names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}-{n}")));
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// Describes every picture by the classifier's logits.
pub(super) async fn describe(
    session: &mut Session<'_>,
    describers: &[String],
    tagger: &Extracted,
    network: &TextNetwork,
) -> Result<Words, RunError> {
    let names: Vec<&str> = imagenet::class_names().collect();
    let probabilities = tags::probabilities(tagger.logits.view());
    let texts: Vec<String> = probabilities.axis_iter(Axis(0)).map(|p| tags::sentence(p, &names)).collect();
    let mut words = Words::default();
    for describer in describers.iter().filter(|name| DESCRIBERS.contains(&name.as_str())) {
        let matrix = match describer.as_str() {
            "tags" => embed(session, network, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await?,
            _ => tag_mean(session, network, probabilities.view(), &names).await?,
        };
        words.vectors.push(Representation { name: describer.clone(), kind: RepresentationKind::Text, matrix });
    }
    if !words.vectors.is_empty() {
        words.columns.push(TextColumn { name: "tags".to_owned(), texts });
    }
    Ok(words)
}

/// Probability-weighted mean of the class names' vectors, centred and normalised.
async fn tag_mean(
    session: &mut Session<'_>,
    network: &TextNetwork,
    probabilities: ArrayView2<'_, f32>,
    names: &[&str],
) -> Result<Array2<f32>, RunError> {
    let sentences: Vec<String> = names.iter().map(|n| tags::class_sentence(n)).collect();
    let classes = embed(session, network, &sentences.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    Ok(fuse::center_and_normalize(tags::mean_vectors(probabilities, classes.view()).view()))
}

/// Vectors `[texts, dimension]`; equal texts are embedded once, known ones are read back.
pub(super) async fn embed(
    session: &mut Session<'_>,
    network: &TextNetwork,
    texts: &[&str],
) -> Result<Array2<f32>, RunError> {
    let dimension = network.embedder.dimension();
    let unique: BTreeSet<&str> = texts.iter().copied().collect();
    let key = |text: &str| cache::key("sentence", &[&network.weights, network.kernels, text]);
    let mut vectors: HashMap<&str, Vec<f32>> = HashMap::new();
    for text in &unique {
        if let Some(vector) = session.store.get(&key(text)).and_then(|b| bytes_to_floats(&b, dimension)) {
            vectors.insert(text, vector);
        }
    }
    let cached = vectors.len();
    let missing: Vec<&str> = unique.iter().copied().filter(|t| !vectors.contains_key(t)).collect();
    session.progress(Stage::Words, cached, unique.len(), cached)?;
    for round in missing.chunks(SENTENCES_PER_ROUND) {
        let before = vectors.len();
        let mut tick = |done: usize| session.progress(Stage::Words, before + done, unique.len(), cached).is_ok();
        let matrix = network.embedder.embed(round, &mut tick).await?;
        for (text, vector) in round.iter().zip(matrix.rows()) {
            session.keep(&key(text), &floats_to_bytes(vector.iter().copied()));
            vectors.insert(text, vector.to_vec());
        }
    }
    session.count(unique.len(), cached);
    let mut result = Array2::zeros((texts.len(), dimension));
    for (mut row, text) in result.axis_iter_mut(Axis(0)).zip(texts) {
        row.assign(&ndarray::ArrayView1::from(&vectors[text]));
    }
    Ok(result)
}
