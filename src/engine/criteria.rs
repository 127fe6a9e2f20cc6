//! Criteria: the vectors by which texts that are there already answer each of them.

use std::collections::BTreeSet;

use ndarray::{Array2, Axis};

use super::RunError;
use super::asking::Asking;
use super::services::TextNetwork;
use super::session::Session;
use super::words::{Words, embed, unused, views};
use crate::album::{Representation, RepresentationKind, TextColumn};
use crate::describe::criterion::{self, CriterionError, KINDS};
use crate::describe::phrases::{Phrases, Role};
use crate::explain::quality::spoken;
use crate::fuse;
use crate::protocol::{Criterion, Stage};

/// What answers a criterion.
pub(super) struct Answer {
    pub(super) criterion: Criterion,
    /// For people: where the vectors come from.
    pub(super) answered_by: String,
    /// Named as the criterion, with a number behind it where a text has that name.
    pub(super) vectors: Representation,
}

/// The vectors of every criterion, from the texts there are; no model is asked about a picture again. Where a person has
/// given a language model, it answers from the most general texts what no column answers, and its answers become a column.
pub(super) async fn answers(
    session: &mut Session<'_>,
    criteria: &[Criterion],
    words: &mut Words,
    network: &TextNetwork,
    asking: &mut Asking<'_>,
) -> Result<Vec<Answer>, RunError> {
    let Words { columns, vectors } = words;
    let Some(general) = most_general(columns) else { return Ok(Vec::new()) };
    let names: Vec<String> = columns.iter().map(|column| spoken(&column.name)).collect();
    let names = embed(session, network, &views(&names)).await?;
    let kinds = embed(session, network, &KINDS.map(|(_, name)| name)).await?;
    let mut captions = None;
    let mut taken: BTreeSet<String> = vectors.iter().map(|vectors| vectors.name.clone()).collect();
    let (mut answers, mut added) = (Vec::with_capacity(criteria.len()), Vec::new());
    for criterion in criteria {
        let asked = embed(session, network, &[&criterion.text]).await?;
        let asked = asked.index_axis(Axis(0), 0);
        let column = criterion::answering_column(asked, names.view()).map_err(failed)?;
        let replies = match column {
            Some(_) => None,
            None => asking.answers(session, &criterion.text, general)?,
        };
        let (texts, answered_by, matrix) = match (column, replies) {
            (Some((at, _)), _) => {
                let column = &columns[at];
                let matrix = embed(session, network, &views(&column.texts)).await?;
                (column.name.clone(), format!("the column {}", column.name), matrix)
            }
            (None, Some(texts)) => {
                let matrix = embed(session, network, &views(&texts)).await?;
                let taken = |name: &str| columns.iter().chain(&added).any(|column: &TextColumn| column.name == name);
                let name = unused(&criterion.text, taken);
                added.push(TextColumn::new(name.clone(), texts));
                let by = asking.name().unwrap_or_default();
                (name, format!("{by}, which read {}", general.name), matrix)
            }
            (None, None) => {
                let kind = criterion::kind(asked, kinds.view()).map_err(failed)?;
                if captions.is_none() {
                    captions = Some(Captions::new(session, general, network).await?);
                }
                // Filled a line above.
                let Some(captions) = &captions else { continue };
                let about = kind.map_or("", plural);
                let said = if about.is_empty() { String::new() } else { format!(" of {about}") };
                (general.name.clone(), format!("what {} says{said}", general.name), captions.speaking_of(kind)?)
            }
        };
        let name = unused(&criterion.text, |name| taken.contains(name));
        taken.insert(name.clone());
        let vectors = Representation { name, kind: RepresentationKind::Text, texts: Some(texts), matrix };
        answers.push(Answer { criterion: criterion.clone(), answered_by, vectors });
    }
    columns.append(&mut added);
    Ok(answers)
}

fn failed(error: CriterionError) -> RunError {
    RunError::stage(Stage::Words)(&error)
}

fn plural(role: Role) -> &'static str {
    match role {
        Role::Thing => "things",
        Role::Action => "actions",
        Role::Place => "places",
    }
}

/// The column that says most: the one with the most words.
fn most_general(columns: &[TextColumn]) -> Option<&TextColumn> {
    let words = |column: &&TextColumn| column.texts.iter().map(|text| text.split_whitespace().count()).sum::<usize>();
    // The first of equals.
    columns.iter().rev().max_by_key(words)
}

/// General captions, cut into phrases, and the vectors of both.
struct Captions {
    phrases: Phrases,
    of_phrases: Array2<f32>,
    of_texts: Array2<f32>,
}

impl Captions {
    async fn new(session: &mut Session<'_>, column: &TextColumn, network: &TextNetwork) -> Result<Self, RunError> {
        let phrases = Phrases::new(&column.texts);
        let texts: Vec<&str> = phrases.distinct.iter().map(|phrase| phrase.text.as_str()).collect();
        let of_phrases = embed(session, network, &texts).await?;
        let of_texts = embed(session, network, &views(&column.texts)).await?;
        Ok(Self { phrases, of_phrases, of_texts })
    }

    /// The captions' vectors, turned to what they say of one kind of thing; as a whole where the criterion asks for none.
    fn speaking_of(&self, kind: Option<Role>) -> Result<Array2<f32>, RunError> {
        let Some(kind) = kind else { return Ok(fuse::center_and_normalize(self.of_texts.view())) };
        let (phrases, texts) = (self.of_phrases.view(), self.of_texts.view());
        criterion::criterion_vectors(&self.phrases, phrases, kind, texts).map_err(failed)
    }
}
