//! What a cluster is about: words that are frequent in it, pictures nearest its centre, a name.
//!
//! Everything here works on texts (one a picture), matrices and labels (`0..k`, -1 is noise).
//! Noise is not a cluster: it has exemplars and the name `noise`, but no keywords.

pub mod ctfidf;
pub mod exemplars;
pub mod keywords;
pub mod names;
pub mod quality;
pub mod terms;

/// Texts or rows that do not fit the labels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// There must be one text, or one row, for each label.
    #[error("{items} {what} for {labels} labels: there must be one for each picture")]
    LengthMismatch {
        /// `texts`, `rows` or `classes`.
        what: &'static str,
        /// How many there are.
        items: usize,
        /// How many labels there are.
        labels: usize,
    },
}

/// A word or phrase that is frequent in a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyword {
    /// Lower-case word, or up to three words that stand together (`ice cream`).
    pub word: String,
    /// Number of the cluster's pictures whose text has it ([`keywords::keywords`]), or how often it
    /// occurs in the cluster's texts ([`ctfidf::ctfidf`]).
    pub count: usize,
    /// Share of the cluster's pictures that have it, in (0, 1], or its c-TF-IDF weight.
    pub score: f64,
}

fn check(what: &'static str, items: usize, labels: &[i32]) -> Result<(), ExplainError> {
    if items == labels.len() { Ok(()) } else { Err(ExplainError::LengthMismatch { what, items, labels: labels.len() }) }
}
