//! TF-IDF, scikit-learn's definition: texts to rows of weighted word counts.
//!
//! Called by the engine for text columns that are clustered by their words; knows nothing of pictures.
//!
//! Equal to scikit-learn 1.9's `TfidfVectorizer()` to 1e-12: texts in lower case; words are runs of two or more
//! letters, digits and underscores (`(?u)\b\w\w+\b`); `tf` is how often a word occurs in the text; with `n` texts and
//! `df` texts that have the word, `idf = ln((1 + n) / (1 + df)) + 1` (`smooth_idf`); every row `tf * idf` is divided by
//! its Euclidean length. Columns are the words in the order of their code points.
//!
//! Two things differ, both on the edge. Where `max_features` cuts between words of equal frequency, scikit-learn keeps
//! those that numpy's unstable sort puts first, which depends on the processor; here the alphabetically first are kept.
//! And the combining vowel signs of scripts such as Devanagari are letters here, while Python's `\w` breaks words
//! there.

use crate::english::is_scikit_learn_stop_word;
use ndarray::Array2;
use std::collections::{BTreeMap, HashMap};

/// Which words are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StopWords {
    /// None; scikit-learn's default.
    #[default]
    Keep,
    /// scikit-learn's `stop_words="english"`.
    English,
}

/// How texts become counts.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `max_features` | 6000 | only the words that occur most often in all texts together (scikit-learn: all) |
/// | `stop_words` | `Keep` | words left out |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TfidfParams {
    /// The most words kept; `None` keeps all.
    pub max_features: Option<usize>,
    /// Words left out.
    pub stop_words: StopWords,
}

impl Default for TfidfParams {
    fn default() -> Self {
        Self { max_features: Some(6000), stop_words: StopWords::default() }
    }
}

/// Texts that hold no word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TfidfError {
    /// No text has a word that is kept.
    #[error("TF-IDF: none of the {texts} texts has a word of two letters or more that is no stop word")]
    EmptyVocabulary {
        /// How many texts there are.
        texts: usize,
    },
    /// No word may be kept.
    #[error("TF-IDF: max_features must be at least 1")]
    MaxFeatures,
}

/// A vocabulary and its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Tfidf {
    /// The words, ascending: the columns.
    pub vocabulary: Vec<String>,
    /// The weight of each word.
    pub idf: Vec<f64>,
    index: HashMap<String, usize>,
    stop_words: StopWords,
}

/// Rows of which most entries are zero.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseRows {
    /// For each row its entries `(column, value)`, by column.
    pub rows: Vec<Vec<(usize, f64)>>,
    /// Number of columns.
    pub columns: usize,
}

impl SparseRows {
    /// The whole matrix `[rows, columns]` in single precision, as clusterers take it.
    pub fn to_dense(&self) -> Array2<f32> {
        let mut dense = Array2::zeros((self.rows.len(), self.columns));
        for (mut out, row) in dense.rows_mut().into_iter().zip(&self.rows) {
            row.iter().for_each(|&(column, value)| out[column] = value as f32);
        }
        dense
    }
}

impl Tfidf {
    /// Learns words and weights from `texts`.
    ///
    /// # Errors
    /// [`TfidfError`] when no word is left.
    pub fn fit<S: AsRef<str>>(texts: &[S], params: TfidfParams) -> Result<Self, TfidfError> {
        if params.max_features == Some(0) {
            return Err(TfidfError::MaxFeatures);
        }
        // Of each word how often it occurs, and in how many texts.
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for text in texts {
            for (word, count) in word_counts(text.as_ref(), params.stop_words) {
                let entry = counts.entry(word).or_default();
                entry.0 += count;
                entry.1 += 1;
            }
        }
        if counts.is_empty() {
            return Err(TfidfError::EmptyVocabulary { texts: texts.len() });
        }
        let mut words: Vec<(String, usize, usize)> = counts.into_iter().map(|(w, (all, df))| (w, all, df)).collect();
        if let Some(most) = params.max_features.filter(|&most| most < words.len()) {
            words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            words.truncate(most);
            words.sort_by(|a, b| a.0.cmp(&b.0));
        }
        let n = texts.len() as f64;
        let idf = words.iter().map(|&(_, _, df)| ((1.0 + n) / (1.0 + df as f64)).ln() + 1.0).collect();
        let vocabulary: Vec<String> = words.into_iter().map(|(word, _, _)| word).collect();
        let index = vocabulary.iter().enumerate().map(|(i, w)| (w.clone(), i)).collect();
        Ok(Self { vocabulary, idf, index, stop_words: params.stop_words })
    }

    /// One row a text, of length 1, or empty where the text has no known word.
    pub fn transform<S: AsRef<str>>(&self, texts: &[S]) -> SparseRows {
        let rows = texts.iter().map(|text| self.row(text.as_ref())).collect();
        SparseRows { rows, columns: self.vocabulary.len() }
    }

    fn row(&self, text: &str) -> Vec<(usize, f64)> {
        let counts = word_counts(text, self.stop_words);
        let known = counts.iter().filter_map(|(word, &count)| Some((*self.index.get(word)?, count)));
        let mut row: Vec<(usize, f64)> = known.map(|(i, count)| (i, count as f64 * self.idf[i])).collect();
        row.sort_unstable_by_key(|&(i, _)| i);
        let length = row.iter().map(|(_, v)| v * v).sum::<f64>().sqrt();
        row.iter_mut().for_each(|(_, v)| *v /= length);
        row
    }
}

/// How often each word of a text occurs.
fn word_counts(text: &str, stop_words: StopWords) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.to_lowercase().split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        let dropped = stop_words == StopWords::English && is_scikit_learn_stop_word(word);
        if !dropped && word.chars().nth(1).is_some() {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{StopWords, Tfidf, TfidfError, TfidfParams};
    use proptest::prelude::{prop_assert, proptest};
    use serde_json::Value;

    #[test]
    fn weights_equal_scikit_learn() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/describe/tfidf.json")).unwrap();
        let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        assert!(cases.len() >= 4);
        for case in cases {
            let params = TfidfParams {
                max_features: case["max_features"].as_u64().map(|n| n as usize),
                stop_words: if case["stop_words"].is_null() { StopWords::Keep } else { StopWords::English },
            };
            let tfidf = Tfidf::fit(&texts, params).unwrap();
            let vocabulary: Vec<String> = serde_json::from_value(case["vocabulary"].clone()).unwrap();
            assert_eq!(tfidf.vocabulary, vocabulary);
            for (got, want) in tfidf.idf.iter().zip(case["idf"].as_array().unwrap()) {
                assert!((got - want.as_f64().unwrap()).abs() < 1e-12);
            }
            let rows = tfidf.transform(&texts);
            let dense = rows.to_dense();
            assert_eq!(dense.dim(), (texts.len(), vocabulary.len()));
            for (i, (got, want)) in rows.rows.iter().zip(case["rows"].as_array().unwrap()).enumerate() {
                let want: Vec<(usize, f64)> = serde_json::from_value(want.clone()).unwrap();
                assert_eq!(got.len(), want.len());
                for (g, w) in got.iter().zip(&want) {
                    assert!(g.0 == w.0 && (g.1 - w.1).abs() < 1e-12, "text {i}: {g:?} {w:?}");
                    assert_eq!(dense[(i, g.0)], g.1 as f32);
                }
            }
        }
    }

    #[test]
    fn unknown_words_count_nowhere() {
        let tfidf = Tfidf::fit(&["red car", "red bus"], TfidfParams::default()).unwrap();
        let rows = tfidf.transform(&["green red red", "", "a"]);
        assert_eq!(rows.rows, [vec![(2, 1.0)], vec![], vec![]]);
    }

    #[test]
    fn equally_frequent_words_are_kept_in_alphabetical_order() {
        let params = TfidfParams { max_features: Some(3), ..TfidfParams::default() };
        let tfidf = Tfidf::fit(&["bb dd aa cc zz", "zz"], params).unwrap();
        assert_eq!(tfidf.vocabulary, ["aa", "bb", "zz"]);
    }

    #[test]
    fn no_word_is_an_error() {
        let english = TfidfParams { stop_words: StopWords::English, ..TfidfParams::default() };
        assert_eq!(Tfidf::fit(&["the", "a ."], english), Err(TfidfError::EmptyVocabulary { texts: 2 }));
        assert_eq!(Tfidf::fit::<&str>(&[], english), Err(TfidfError::EmptyVocabulary { texts: 0 }));
        let none = TfidfParams { max_features: Some(0), ..english };
        assert_eq!(Tfidf::fit(&["horse"], none), Err(TfidfError::MaxFeatures));
    }

    proptest! {
        #[test]
        fn rows_have_length_one(texts in proptest::collection::vec("\\PC{0,30}", 1..12), most in 1_usize..20) {
            let params = TfidfParams { max_features: Some(most), ..TfidfParams::default() };
            if let Ok(tfidf) = Tfidf::fit(&texts, params) {
                prop_assert!(tfidf.vocabulary.len() <= most);
                for row in tfidf.transform(&texts).rows {
                    let length: f64 = row.iter().map(|(_, v)| v * v).sum();
                    prop_assert!(row.is_empty() || (length - 1.0).abs() < 1e-12);
                }
            }
        }
    }
}
