//! Every feature with every text, made one matrix in each of the ways that the plan names.

use std::collections::{BTreeSet, HashMap};

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::cells::{self, Task};
use super::services::TextNetwork;
use super::session::Session;
use super::words::embed;
use super::{Engine, RunError, cache};
use crate::album::{Representation, RepresentationKind, TextColumn};
use crate::describe::keywords::nouns_and_adjectives;
use crate::fuse::choice::{SHARES, highest_gain};
use crate::fuse::concat::weights_of_share;
use crate::fuse::counterparts::{TEMPERATURE, counterparts, select_nouns};
use crate::fuse::{self, FuseError, FusionMethod, FusionSpec, Share};
use crate::protocol::{ClusterCount, DESCRIBERS, Stage};

/// Weights of the sides in `concat` with a classifier's guesses: pixels separate better than guessed words, so that words
/// refine and do not lead.
const GUESSED_WEIGHTS: [f32; 2] = [0.8, 0.2];
/// The text's share with texts that were made by who has seen the pictures.
const MADE_SHARE: f32 = 0.5;
/// Part of the keys; raised when the choice of a share changes.
const VERSION: &str = "1";

/// What a fusion is made of.
pub(super) struct Pair<'a> {
    pub(super) image: &'a Representation,
    pub(super) text: &'a Representation,
    /// The nouns and adjectives of the text's column, each with its vector; where counterparts are wanted.
    pub(super) nouns: Option<&'a Array2<f32>>,
}

/// A share that was chosen without labels.
#[derive(Serialize, Deserialize)]
struct Chosen {
    share: f32,
    gain: f64,
}

/// The vectors of all nouns and adjectives of each column, by its name.
pub(super) async fn nouns(
    session: &mut Session<'_>,
    columns: &[TextColumn],
    network: &TextNetwork,
) -> Result<HashMap<String, Array2<f32>>, RunError> {
    let mut nouns = HashMap::new();
    for column in columns {
        let words: BTreeSet<String> = column.texts.iter().flat_map(|text| nouns_and_adjectives(text)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        nouns.insert(column.name.clone(), embed(session, network, &words).await?);
    }
    Ok(nouns)
}

/// The fusion of `pair` as `spec` says; `count` is how many clusters are wanted, for shares that are chosen by clustering.
pub(super) async fn fuse(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    spec: FusionSpec,
    pair: &Pair<'_>,
    (count, seed): (ClusterCount, u32),
) -> Result<Representation, RunError> {
    let text = text_side(spec.method, pair, count, seed).map_err(failed)?;
    let sides =
        Sides { method: spec.method, image: &pair.image.matrix, text: text.as_ref().unwrap_or(&pair.text.matrix) };
    let mut named = spec;
    let matrix = match spec.share {
        Share::Fixed(share) => sides.at(share),
        Share::Usual if DESCRIBERS.contains(&pair.text.name.as_str()) && spec.method == FusionMethod::Concat => {
            sides.weighing(GUESSED_WEIGHTS)
        }
        Share::Usual => sides.at(MADE_SHARE),
        Share::Auto => {
            let Chosen { share, gain } =
                chosen(engine, session, &sides, (pair.image, pair.text), (count, seed)).await?;
            let parts = format!("{} and {}", pair.image.name, pair.text.name);
            session.note(format!("{parts}: the text's share {share} was chosen without labels (gain {gain:.3})"));
            named.share = Share::Fixed(share);
            sides.at(share)
        }
    };
    let name = format!("{}+{}@{named}", pair.image.name, pair.text.name);
    let (kind, texts) = (RepresentationKind::Fused, pair.text.texts.clone());
    Ok(Representation { name, kind, texts, matrix: matrix.map_err(failed)? })
}

fn failed(error: FuseError) -> RunError {
    RunError::stage(Stage::Clusters)(&error)
}

/// What stands for the text where it is not its vectors themselves: their counterparts.
fn text_side(
    method: FusionMethod,
    pair: &Pair<'_>,
    count: ClusterCount,
    seed: u32,
) -> Result<Option<Array2<f32>>, FuseError> {
    let (FusionMethod::Counterparts, Some(nouns)) = (method, pair.nouns) else { return Ok(None) };
    let wanted = if let ClusterCount::Fixed(k) = count { k } else { 1 };
    let queries = pair.text.matrix.view();
    let kept = select_nouns(queries, nouns.view(), wanted, seed)?;
    let nouns = nouns.select(ndarray::Axis(0), &kept);
    counterparts(queries, nouns.view(), TEMPERATURE).map(Some)
}

/// Two matrices and how they become one.
struct Sides<'a> {
    method: FusionMethod,
    image: &'a Array2<f32>,
    text: &'a Array2<f32>,
}

impl Sides<'_> {
    fn at(&self, share: f32) -> Result<Array2<f32>, FuseError> {
        match self.method {
            FusionMethod::Weighted => fuse::weighted(self.image.view(), self.text.view(), share, None),
            FusionMethod::Concat | FusionMethod::Counterparts => self.weighing(weights_of_share(share)),
        }
    }

    fn weighing(&self, weights: [f32; 2]) -> Result<Array2<f32>, FuseError> {
        let rows = FuseError::Rows { first: self.image.nrows(), other: self.text.nrows() };
        fuse::concat(self.image.view(), self.text.view(), weights).ok_or(rows)
    }
}

/// The share under which K-Means serves both sides best, and its gain.
async fn chosen(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    sides: &Sides<'_>,
    (image, text): (&Representation, &Representation),
    (count, seed): (ClusterCount, u32),
) -> Result<Chosen, RunError> {
    let hashes = [sides.image, sides.text].map(|matrix| cache::matrix_hash(matrix.view()));
    let (count_text, seed_text, method) = (format!("{count:?}"), seed.to_string(), sides.method.name());
    let key = cache::key("share", &[&hashes[0], &hashes[1], method, &count_text, &seed_text, VERSION]);
    if let Some(known) = cache::get_json(session.store, &key) {
        return Ok(known);
    }
    let (mut own, mut k) = (Vec::new(), count);
    for representation in [image, text] {
        let task = Task { representation, clusterer: "kmeans", count: k, seed };
        let cell = cells::unscored(engine, session, &task).await?;
        // Labelings compare where they have as many clusters.
        k = ClusterCount::Fixed(cell.k.max(1));
        own.push(cell.labels);
    }
    let mut labelings = Vec::with_capacity(SHARES.len());
    for share in SHARES {
        let (matrix, kind) = (sides.at(share).map_err(failed)?, RepresentationKind::Fused);
        let representation = &Representation { name: String::new(), kind, texts: None, matrix };
        let task = Task { representation, clusterer: "kmeans", count: k, seed };
        labelings.push(cells::unscored(engine, session, &task).await?.labels);
    }
    let labelings: Vec<&[i32]> = labelings.iter().map(Vec::as_slice).collect();
    let (best, gains) =
        highest_gain([sides.image.view(), sides.text.view()], [&own[0], &own[1]], &labelings).map_err(failed)?;
    let chosen = Chosen { share: SHARES[best], gain: gains[best] };
    session.keep_json(&key, &chosen);
    Ok(chosen)
}
