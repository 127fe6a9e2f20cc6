//! c-TF-IDF, the keywords of BERTopic: Grootendorst, "BERTopic: Neural topic modeling with a
//! class-based TF-IDF procedure", 2022, arXiv:2203.05794.
//!
//! With `tf(x, c)` the share of term `x` among all terms of cluster `c` (the L1-normalised frequency of
//! the reference implementation), `f(x)` how often it occurs in all clusters and `A` the mean number of
//! terms in a cluster: `W(x, c) = tf(x, c) * ln(1 + A / f(x))`. The reference truncates `A` to a whole
//! number; here it is exact. Noise is not a class.

use super::terms::Terms;
use super::{ExplainError, Keyword, check};
use std::collections::BTreeMap;

/// The `top` terms of each cluster by c-TF-IDF, best first, ties in alphabetical order.
///
/// `texts` has one text a picture, `labels` the cluster of each picture. `count` is how often the term
/// occurs in the cluster's texts, `score` its weight `W`. Noise (-1) has an empty list and counts nowhere.
///
/// # Errors
/// When there is not one text for each label.
pub fn ctfidf<S: AsRef<str>>(
    texts: &[S],
    labels: &[i32],
    top: usize,
) -> Result<BTreeMap<i32, Vec<Keyword>>, ExplainError> {
    check("texts", texts.len(), labels)?;
    let terms = Terms::new(texts);
    let mut frequency: BTreeMap<i32, BTreeMap<usize, usize>> = BTreeMap::new();
    let mut overall = vec![0_usize; terms.vocabulary.len()];
    for (document, &label) in terms.documents.iter().zip(labels) {
        let counts = frequency.entry(label).or_default();
        if label < 0 {
            continue;
        }
        for &term in document {
            *counts.entry(term).or_default() += 1;
            overall[term] += 1;
        }
    }
    let clusters = frequency.keys().filter(|&&c| c >= 0).count().max(1);
    let mean = overall.iter().sum::<usize>() as f64 / clusters as f64;
    let weigh = |counts: &BTreeMap<usize, usize>| {
        let length = counts.values().sum::<usize>() as f64;
        let mut words: Vec<(usize, usize, f64)> = counts
            .iter()
            .map(|(&t, &count)| (t, count, count as f64 / length * (1.0 + mean / overall[t] as f64).ln()))
            .collect();
        words.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        words.truncate(top);
        let keyword =
            |(t, count, score): (usize, usize, f64)| Keyword { word: terms.vocabulary[t].clone(), count, score };
        words.into_iter().map(keyword).collect()
    };
    Ok(frequency.iter().map(|(&cluster, counts)| (cluster, weigh(counts))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::ctfidf;
    use serde_json::Value;

    #[test]
    fn weights_agree_with_the_python_reference() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/explain/keywords.json")).unwrap();
        let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
        let labels: Vec<i32> = serde_json::from_value(golden["labels"].clone()).unwrap();
        let got = ctfidf(&texts, &labels, 8).unwrap();
        assert!(got[&-1].is_empty());
        for (cluster, words) in golden["ctfidf"].as_object().unwrap() {
            let got = &got[&cluster.parse::<i32>().unwrap()];
            assert_eq!(got.len(), words.as_array().unwrap().len());
            for (g, w) in got.iter().zip(words.as_array().unwrap()) {
                assert_eq!((g.word.as_str(), g.count as u64), (w[0].as_str().unwrap(), w[1].as_u64().unwrap()));
                assert!((g.score - w[2].as_f64().unwrap()).abs() < 1e-12, "{} {}", g.word, g.score);
            }
        }
    }

    #[test]
    fn no_words_no_keywords() {
        let got = ctfidf(&["", "the"], &[0, 1], 5).unwrap();
        assert!(got[&0].is_empty() && got[&1].is_empty());
        assert!(ctfidf(&["a"], &[], 5).is_err());
    }
}
