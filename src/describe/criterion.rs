//! Criteria: one collection, many clusterings, from texts that are there already.
//!
//! *IC|TC* (Kwon et al., "Image Clustering Conditioned on Text Criteria", ICLR 2024) asks a large model about every
//! picture again for each criterion. Here a criterion (`what are they doing`) is one sentence vector, and the vectors
//! to cluster by it come from texts made before:
//!
//! 1. a column that answers the criterion is used as it is: [`answering_column`] compares the criterion with the
//!    columns' names;
//! 2. from general captions [`criterion_vectors`] takes what speaks of the criterion: captions are cut into
//!    [`Phrases`], every phrase is embedded once, and a picture's vector is the mean of its phrases' vectors, weighted
//!    by their [`relevance`] to the criterion.
//!
//! Called by the engine, which embeds; everything here is a function of texts and matrices.

use super::phrases::{Phrases, Role};
use crate::fuse::l2_normalize;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Cosine similarity from which on a column's name answers a criterion. With MiniLM and 16 wordings of three criteria,
/// the names `action`, `location` and `mood` lie at 0.42 to 1.0 to their own criterion and at 0.10 to 0.41 to the
/// others.
pub const ANSWERS_FROM: f32 = 0.4;
/// Temperature of the softmax over the kinds.
const TEMPERATURE: f64 = 0.05;
/// The kinds of phrases and what they are called; the names are embedded as they stand.
pub const KINDS: [(Role, &str); 3] = [(Role::Thing, "thing"), (Role::Action, "action"), (Role::Place, "place")];

/// Vectors that do not go with the texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CriterionError {
    /// There must be one vector for each.
    #[error("criterion: {rows} vectors for {items} {what}")]
    Rows {
        /// `kinds`, `phrases` or `texts`.
        what: &'static str,
        /// Vectors there are.
        rows: usize,
        /// Kinds, phrases or texts there are.
        items: usize,
    },
    /// Vectors come from different networks.
    #[error("criterion: vectors of {criterion} numbers do not go with {what} of {columns}")]
    Columns {
        /// `columns`, `kinds` or `texts`.
        what: &'static str,
        /// Numbers of the one.
        criterion: usize,
        /// Numbers of the other.
        columns: usize,
    },
}

/// The column that answers `criterion` `[d]` itself, and how similar its name is: of the columns whose names have the
/// sentence vectors `names` `[columns, d]` the most similar one, if it is at least [`ANSWERS_FROM`]; the first on ties.
///
/// Names tell better than answers: the mean answer of a column of whole sentences about "the person" is closer to every
/// question about a person than the short answers to that very question.
///
/// # Errors
/// [`CriterionError::Columns`] for vectors of two lengths.
pub fn answering_column(
    criterion: ArrayView1<'_, f32>,
    names: ArrayView2<'_, f32>,
) -> Result<Option<(usize, f32)>, CriterionError> {
    let similarity = cosines(criterion, names, "columns")?;
    let mut best: Option<(usize, f32)> = None;
    for (column, cosine) in similarity.into_iter().enumerate() {
        let cosine = cosine as f32;
        if cosine >= ANSWERS_FROM && best.is_none_or(|(_, b)| cosine > b) {
            best = Some((column, cosine));
        }
    }
    Ok(best)
}

/// How much each phrase says about `criterion` `[d]`: its rarity (0 for what every caption says) times the share of its
/// kind in the criterion, a softmax of the criterion's cosines to the kinds' names, whose sentence vectors are `kinds`
/// `[3, d]` in the order of [`KINDS`].
///
/// The criterion is compared with the kinds and not with every phrase: a question's similarity to one phrase is mostly
/// noise ("the person" is nearest to every question about a person).
///
/// # Errors
/// [`CriterionError`] for vectors that do not go with the kinds.
pub fn relevance(
    phrases: &Phrases,
    kinds: ArrayView2<'_, f32>,
    criterion: ArrayView1<'_, f32>,
) -> Result<Vec<f64>, CriterionError> {
    check("kinds", kinds.nrows(), KINDS.len())?;
    let cosines = cosines(criterion, kinds, "kinds")?;
    let largest = cosines.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = cosines.iter().map(|c| ((c - largest) / TEMPERATURE).exp()).collect();
    let total: f64 = shares.iter().sum();
    let share = |role: Role| KINDS.iter().zip(&shares).find(|((r, _), _)| *r == role).map_or(0.0, |(_, s)| s / total);
    Ok(phrases.distinct.iter().zip(phrases.rarity()).map(|(p, rarity)| rarity * share(p.role)).collect())
}

/// The matrix to cluster by a criterion, `[n, d]`, rows of length 1: of every picture the mean of its phrases' `vectors`
/// `[phrases, d]`, weighted by `relevance`. A picture of which no phrase has weight keeps its text's vector from `texts`
/// `[n, d]`.
///
/// # Errors
/// [`CriterionError`] for vectors that do not go with the phrases or the texts.
pub fn criterion_vectors(
    phrases: &Phrases,
    vectors: ArrayView2<'_, f32>,
    relevance: &[f64],
    texts: ArrayView2<'_, f32>,
) -> Result<Array2<f32>, CriterionError> {
    check("phrases", vectors.nrows(), phrases.distinct.len())?;
    check("phrases", relevance.len(), phrases.distinct.len())?;
    check("texts", texts.nrows(), phrases.documents.len())?;
    if texts.ncols() != vectors.ncols() && vectors.nrows() > 0 {
        return Err(CriterionError::Columns { what: "texts", criterion: vectors.ncols(), columns: texts.ncols() });
    }
    let mut result = texts.to_owned();
    for (mut out, document) in result.rows_mut().into_iter().zip(&phrases.documents) {
        let mut sum = Array1::<f64>::zeros(vectors.ncols());
        for &phrase in document {
            sum.zip_mut_with(&vectors.row(phrase), |s, &v| *s += relevance[phrase] * f64::from(v));
        }
        if sum.iter().any(|&v| v != 0.0) {
            out.zip_mut_with(&sum, |o, &s| *o = s as f32);
        }
    }
    l2_normalize(&mut result);
    Ok(result)
}

/// The cosine of each row of `vectors` to `criterion`; 0 for a zero vector.
fn cosines(
    criterion: ArrayView1<'_, f32>,
    vectors: ArrayView2<'_, f32>,
    what: &'static str,
) -> Result<Vec<f64>, CriterionError> {
    if vectors.ncols() != criterion.len() && vectors.nrows() > 0 {
        return Err(CriterionError::Columns { what, criterion: criterion.len(), columns: vectors.ncols() });
    }
    let norm = |v: ArrayView1<'_, f32>| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let length = norm(criterion);
    let cosine = |row: ArrayView1<'_, f32>| {
        let product: f64 = row.iter().zip(criterion).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        let lengths = norm(row) * length;
        if lengths > 0.0 { product / lengths } else { 0.0 }
    };
    Ok(vectors.rows().into_iter().map(cosine).collect())
}

fn check(what: &'static str, rows: usize, items: usize) -> Result<(), CriterionError> {
    if rows == items { Ok(()) } else { Err(CriterionError::Rows { what, rows, items }) }
}

#[cfg(test)]
#[path = "criterion_tests.rs"]
mod tests;
