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
use crate::describe::keywords::keyword_text;
use crate::describe::tags;
use crate::describe::tfidf::{Tfidf, TfidfParams};
use crate::fuse;
use crate::protocol::{DESCRIBERS, Stage};

/// Sentences that are embedded before they are kept: what a killed run can lose.
const SENTENCES_PER_ROUND: usize = 256;

/// What the describers gave.
#[derive(Default)]
pub(super) struct Words {
    /// Texts for people and for keywords.
    pub(super) columns: Vec<TextColumn>,
    /// One matrix for each text of the plan and each way to make vectors of it.
    pub(super) vectors: Vec<Representation>,
}

impl Words {
    pub(super) fn append(&mut self, mut more: Self) {
        self.columns.append(&mut more.columns);
        self.vectors.append(&mut more.vectors);
    }

    /// Adds a column and its vectors, in each of the ways.
    pub(super) async fn add(
        &mut self,
        session: &mut Session<'_>,
        column: TextColumn,
        ways: &[String],
        network: &TextNetwork,
    ) -> Result<(), RunError> {
        for way in ways {
            let (name, matrix) = match way.as_str() {
                "tfidf" => match tfidf(&column.texts) {
                    Ok(matrix) => (format!("{}-tfidf", column.name), matrix),
                    Err(reason) => {
                        session.note(format!("{}: {reason}; it is left out", column.name));
                        continue;
                    }
                },
                "keywords" => {
                    let texts: Vec<String> = column.texts.iter().map(|text| keyword_text(text)).collect();
                    (format!("{}-keywords", column.name), embed(session, network, &views(&texts)).await?)
                }
                _ => (column.name.clone(), embed(session, network, &views(&column.texts)).await?),
            };
            let (kind, texts) = (RepresentationKind::Text, Some(column.name.clone()));
            self.vectors.push(Representation { name, kind, texts, matrix });
        }
        self.columns.push(column);
        Ok(())
    }
}

fn tfidf(texts: &[String]) -> Result<Array2<f32>, String> {
    let fitted = Tfidf::fit(texts, TfidfParams::default()).map_err(|e| e.to_string())?;
    Ok(fitted.transform(texts).to_dense())
}

pub(super) fn views(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The columns of texts made elsewhere, as vectors. How file and pictures go together is told; a picture without a text
/// has the vector of an empty one.
pub(super) async fn imported(
    session: &mut Session<'_>,
    imports: &[(String, TextTable)],
    pictures: &[Picture],
    ways: &[String],
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
            let taken = |name: &str| DESCRIBERS.contains(&name) || words.columns.iter().any(|c| c.name == name);
            let name = unused(&column.name, taken);
            words.add(session, TextColumn::new(name, column.texts), ways, network).await?;
        }
    }
    Ok(words)
}

/// A name, with a number behind it where it is taken.
pub(super) fn unused(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}-{n}")));
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// Describes every picture by the classifier's logits.
pub(super) async fn describe(
    session: &mut Session<'_>,
    describers: &[String],
    tagger: &Extracted,
    ways: &[String],
    network: &TextNetwork,
) -> Result<Words, RunError> {
    let names: Vec<&str> = imagenet::class_names().collect();
    let probabilities = tags::probabilities(tagger.logits.view());
    let texts = probabilities.axis_iter(Axis(0)).map(|p| tags::sentence(p, &names)).collect();
    let column = TextColumn::new(DESCRIBERS[0], texts);
    let mut words = Words::default();
    let wanted = |describer: &str| describers.iter().any(|name| name == describer);
    if wanted("tags") {
        words.add(session, column, ways, network).await?;
    } else if wanted("tag-mean") {
        words.columns.push(column);
    }
    if wanted("tag-mean") {
        let matrix = tag_mean(session, network, probabilities.view(), &names).await?;
        let (name, texts) = ("tag-mean".to_owned(), Some(DESCRIBERS[0].to_owned()));
        words.vectors.push(Representation { name, kind: RepresentationKind::Text, texts, matrix });
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
    let classes = embed(session, network, &views(&sentences)).await?;
    Ok(fuse::center_and_normalize(tags::mean_vectors(probabilities, classes.view()).view()))
}

/// Vectors `[texts, dimension]` of sentences, in the words' stage.
pub(super) async fn embed(
    session: &mut Session<'_>,
    network: &TextNetwork,
    texts: &[&str],
) -> Result<Array2<f32>, RunError> {
    embed_in(Stage::Words, session, network, texts).await
}

/// Vectors `[texts, dimension]`; equal texts are embedded once, known ones are read back.
pub(super) async fn embed_in(
    stage: Stage,
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
    session.progress(stage, cached, unique.len(), cached)?;
    for round in missing.chunks(SENTENCES_PER_ROUND) {
        let before = vectors.len();
        let mut tick = |done: usize| session.progress(stage, before + done, unique.len(), cached).is_ok();
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
