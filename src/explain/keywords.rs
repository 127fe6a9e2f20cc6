//! Counted keywords: the words that most of a cluster's pictures have, without those that all
//! clusters share.

use super::terms::Terms;
use super::{ExplainError, Keyword, check};
use std::collections::{BTreeMap, BTreeSet};

/// A word is common to all clusters when its share in the cluster that has it least is at least this
/// part of its share in the cluster that has it most.
const COMMON_RATIO: f64 = 0.5;

/// How many pictures of each cluster have each term.
pub(super) struct Counts {
    /// Pictures of each cluster (noise included).
    pub(super) sizes: BTreeMap<i32, usize>,
    /// For each cluster `(term, pictures)`.
    pub(super) by_cluster: BTreeMap<i32, BTreeMap<usize, usize>>,
    /// Pictures with the term in the whole collection, noise included, by term.
    pub(super) total: Vec<usize>,
}

impl Counts {
    pub(super) fn new(terms: &Terms, labels: &[i32]) -> Self {
        let mut sizes: BTreeMap<i32, usize> = BTreeMap::new();
        let mut by_cluster: BTreeMap<i32, BTreeMap<usize, usize>> = BTreeMap::new();
        let mut total = vec![0; terms.vocabulary.len()];
        for (i, &label) in labels.iter().enumerate() {
            *sizes.entry(label).or_default() += 1;
            let counts = by_cluster.entry(label).or_default();
            for term in terms.distinct(i) {
                *counts.entry(term).or_default() += 1;
                total[term] += 1;
            }
        }
        Self { sizes, by_cluster, total }
    }

    /// Share of the cluster's pictures that have the term.
    pub(super) fn share(&self, cluster: i32, term: usize) -> f64 {
        let count = self.by_cluster.get(&cluster).and_then(|c| c.get(&term)).copied().unwrap_or(0);
        count as f64 / self.sizes.get(&cluster).copied().unwrap_or(1).max(1) as f64
    }

    /// Terms that all clusters have to a similar degree; none where there is a single cluster.
    pub(super) fn common(&self) -> BTreeSet<usize> {
        let clusters: Vec<i32> = self.sizes.keys().copied().filter(|&c| c >= 0).collect();
        let Some(first) = clusters.first().filter(|_| clusters.len() > 1) else { return BTreeSet::new() };
        let candidates = self.by_cluster[first].keys().copied();
        candidates
            .filter(|&term| {
                let shares = clusters.iter().map(|&c| self.share(c, term));
                let (least, most) = shares.fold((f64::INFINITY, 0.0_f64), |(l, m), s| (l.min(s), m.max(s)));
                least > 0.0 && least >= COMMON_RATIO * most
            })
            .collect()
    }
}

/// The `top` keywords of each cluster, best first: most pictures of the cluster first, then fewest
/// pictures elsewhere, then alphabetical.
///
/// `texts` has one text a picture (empty where there is none), `labels` the cluster of each picture.
/// `count` is the number of the cluster's pictures whose text has the word, `score` their share. Stop
/// words and words common to all clusters are out (those whose share in every cluster is at least half
/// of their largest). Noise (-1) has an empty list.
///
/// # Errors
/// When there is not one text for each label.
pub fn keywords<S: AsRef<str>>(
    texts: &[S],
    labels: &[i32],
    top: usize,
) -> Result<BTreeMap<i32, Vec<Keyword>>, ExplainError> {
    check("texts", texts.len(), labels)?;
    let terms = Terms::new(texts);
    let counts = Counts::new(&terms, labels);
    let common = counts.common();
    let mut result = BTreeMap::new();
    for (&cluster, found) in &counts.by_cluster {
        let mut ranked: Vec<(usize, usize)> = Vec::new();
        if cluster >= 0 {
            ranked.extend(found.iter().filter(|(term, _)| !common.contains(term)).map(|(&t, &c)| (t, c)));
        }
        ranked.sort_by_key(|&(term, count)| (std::cmp::Reverse(count), counts.total[term] - count, term));
        ranked.truncate(top);
        let words = ranked.into_iter().map(|(term, count)| Keyword {
            word: terms.vocabulary[term].clone(),
            count,
            score: counts.share(cluster, term),
        });
        result.insert(cluster, words.collect());
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::keywords;
    use crate::explain::ExplainError;
    use serde_json::Value;

    #[test]
    fn counts_agree_with_the_python_reference() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/explain/keywords.json")).unwrap();
        let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
        let labels: Vec<i32> = serde_json::from_value(golden["labels"].clone()).unwrap();
        let got = keywords(&texts, &labels, 8).unwrap();
        let want = golden["keywords"].as_object().unwrap();
        assert_eq!(got.len(), want.len() + 1);
        assert!(got[&-1].is_empty());
        for (cluster, words) in want {
            let got = &got[&cluster.parse::<i32>().unwrap()];
            assert_eq!(got.len(), words.as_array().unwrap().len());
            for (g, w) in got.iter().zip(words.as_array().unwrap()) {
                assert_eq!((g.word.as_str(), g.count as u64), (w[0].as_str().unwrap(), w[1].as_u64().unwrap()));
                assert!((g.score - w[2].as_f64().unwrap()).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_single_cluster_keeps_its_words() {
        let got = keywords(&["a red car", "a red bus", ""], &[0, 0, 0], 5).unwrap();
        let words: Vec<_> = got[&0].iter().map(|k| (k.word.as_str(), k.count)).collect();
        assert_eq!(words, [("red", 2), ("bus", 1), ("car", 1)]);
    }

    #[test]
    fn template_words_fall_out_because_every_cluster_has_them() {
        let texts = ["rendering with cat", "rendering with cat", "rendering with dog", "rendering with dog"];
        let got = keywords(&texts, &[0, 0, 1, 1], 5).unwrap();
        assert_eq!(got[&0].iter().map(|k| k.word.as_str()).collect::<Vec<_>>(), ["cat"]);
        assert_eq!(got[&1].iter().map(|k| k.word.as_str()).collect::<Vec<_>>(), ["dog"]);
    }

    #[test]
    fn wrong_length_is_named() {
        let error = keywords(&["a"], &[0, 1], 3).unwrap_err();
        assert_eq!(error, ExplainError::LengthMismatch { what: "texts", items: 1, labels: 2 });
        assert_eq!(error.to_string(), "1 texts for 2 labels: there must be one for each picture");
    }
}
