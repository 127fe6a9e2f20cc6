//! A name of at most three words for each cluster.

use super::keywords::Counts;
use super::terms::Terms;
use super::{ExplainError, check};
use std::collections::{BTreeMap, BTreeSet};

/// Words of the longest name.
const MAX_WORDS: usize = 3;
/// A name takes further terms until this share of the cluster's pictures has one of them.
const ENOUGH: f64 = 0.5;
/// ... but only terms whose score is at least this part of the best one's.
const CLOSE: f64 = 1.0 / 3.0;

/// Terms of a cluster by how well they would name it.
struct Candidates {
    cluster: i32,
    /// `(term, score)`, best first.
    ranked: Vec<(usize, f64)>,
}

/// A name for each cluster: at most three words, lower case, different for every cluster.
///
/// `texts` has one text a picture, `labels` the cluster of each picture. A term's worth is its share in
/// the cluster times the logarithm of that share over its share elsewhere (its part of the
/// Kullback-Leibler divergence), so a name is frequent inside and rare outside. Where the best term covers
/// less than half of the pictures, further close ones follow after a comma (`taco, burrito`). Clusters
/// take names in the order of their best term's worth; one that finds its name taken extends it or takes
/// its next term. A cluster without a term of its own is `cluster 3`; noise (-1) is `noise`.
///
/// # Errors
/// When there is not one text for each label.
pub fn names<S: AsRef<str>>(texts: &[S], labels: &[i32]) -> Result<BTreeMap<i32, String>, ExplainError> {
    check("texts", texts.len(), labels)?;
    let terms = Terms::new(texts);
    let counts = Counts::new(&terms, labels);
    let documents: Vec<Vec<usize>> = (0..labels.len()).map(|i| terms.distinct(i)).collect();
    let mut candidates = rank(&counts, labels.len());
    let worth = |c: &Candidates| c.ranked.first().map_or(0.0, |&(_, score)| score);
    candidates.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.cluster.cmp(&b.cluster)));
    let mut names: BTreeMap<i32, String> = BTreeMap::new();
    let noise = terms.vocabulary.iter().position(|t| t == "noise");
    let mut taken: BTreeSet<Vec<usize>> = noise.into_iter().map(|t| vec![t]).collect();
    for c in &candidates {
        let members: Vec<&Vec<usize>> =
            labels.iter().zip(&documents).filter(|(l, _)| **l == c.cluster).map(|(_, d)| d).collect();
        let name = match free_name(c, &members, &terms.vocabulary, &taken) {
            Some(chosen) => {
                taken.insert(key(&chosen));
                joined(&chosen, &terms.vocabulary)
            }
            None => format!("cluster {}", c.cluster),
        };
        names.insert(c.cluster, name);
    }
    if counts.sizes.contains_key(&-1) {
        names.insert(-1, "noise".to_owned());
    }
    Ok(names)
}

fn rank(counts: &Counts, pictures: usize) -> Vec<Candidates> {
    let common = counts.common();
    let clusters = counts.by_cluster.iter().filter(|(cluster, _)| **cluster >= 0);
    clusters
        .map(|(&cluster, found)| {
            let outside = pictures - counts.sizes[&cluster];
            let mut ranked: Vec<(usize, f64)> = found
                .iter()
                .filter(|(term, _)| !common.contains(term))
                .map(|(&term, &count)| {
                    let inside = counts.share(cluster, term);
                    // Half a picture more, so that a term that is nowhere else has a finite ratio; where the
                    // cluster is everything, only its own share decides.
                    let size = if outside > 0 { outside } else { pictures };
                    let elsewhere = ((counts.total[term] - count) as f64 + 0.5) / (size as f64 + 1.0);
                    (term, inside * (inside / elsewhere).ln())
                })
                .collect();
            ranked.retain(|&(_, score)| score > 0.0);
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            Candidates { cluster, ranked }
        })
        .collect()
}

/// The first name that no other cluster has: from the best term on, extended if need be.
fn free_name(
    candidates: &Candidates,
    members: &[&Vec<usize>],
    vocabulary: &[String],
    taken: &BTreeSet<Vec<usize>>,
) -> Option<Vec<usize>> {
    for start in 0..candidates.ranked.len() {
        let mut chosen = cover(candidates, start, members, vocabulary);
        loop {
            if !taken.contains(&key(&chosen)) {
                return Some(chosen);
            }
            let next = candidates.ranked.iter().map(|&(t, _)| t).find(|t| fits(&chosen, *t, vocabulary));
            match next {
                Some(term) => chosen.push(term),
                None => break,
            }
        }
    }
    None
}

/// Terms from `start` on, until enough of the pictures have one.
fn cover(candidates: &Candidates, start: usize, members: &[&Vec<usize>], vocabulary: &[String]) -> Vec<usize> {
    let (first, best) = candidates.ranked[start];
    let mut chosen = vec![first];
    for &(term, score) in &candidates.ranked[start + 1..] {
        let covered = members.iter().filter(|d| chosen.iter().any(|t| d.binary_search(t).is_ok())).count();
        if covered as f64 >= ENOUGH * members.len() as f64 || score < CLOSE * best {
            break;
        }
        let adds = members.iter().any(|d| d.binary_search(&term).is_ok() && !chosen.iter().any(|t| d.contains(t)));
        if adds && fits(&chosen, term, vocabulary) {
            chosen.push(term);
        }
    }
    chosen
}

/// Whether `term` may follow `chosen`: not a word of them, and three words at most.
fn fits(chosen: &[usize], term: usize, vocabulary: &[String]) -> bool {
    let words = |t: usize| vocabulary[t].split([' ', '-']);
    let used: usize = chosen.iter().map(|&t| words(t).count()).sum();
    used + words(term).count() <= MAX_WORDS
        && !words(term).any(|w| chosen.iter().any(|&t| words(t).any(|other| other == w)))
}

/// The terms of a name whatever their order: `taco, burrito` and `burrito, taco` are one name.
fn key(chosen: &[usize]) -> Vec<usize> {
    let mut sorted = chosen.to_vec();
    sorted.sort_unstable();
    sorted
}

fn joined(chosen: &[usize], vocabulary: &[String]) -> String {
    chosen.iter().map(|&t| vocabulary[t].as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::names;
    use proptest::prelude::{Strategy, proptest};
    use std::collections::BTreeSet;

    #[test]
    fn names_are_frequent_inside_and_rare_outside() {
        let mut texts = vec!["a photo of ice cream, perhaps plate or trifle"; 8];
        texts.extend(["a photo of hot dog, perhaps plate or burrito"; 8]);
        texts.extend(["a photo of pizza, perhaps potpie", "a photo of bagel, perhaps dough"].repeat(4));
        texts.push("a photo of umbrella");
        let labels: Vec<i32> = (0..24).map(|i| i / 8).chain([-1]).collect();
        let got = names(&texts, &labels).unwrap();
        assert_eq!(got[&0], "ice cream");
        assert_eq!(got[&1], "burrito");
        assert_eq!(got[&2], "bagel");
        assert_eq!(got[&-1], "noise");
    }

    #[test]
    fn a_mixed_cluster_takes_more_than_one_term() {
        let texts = ["taco", "taco", "burrito", "burrito", "nacho", "plate, salad", "plate, salad", "plate, salad"];
        let got = names(&texts, &[0, 0, 0, 0, 0, 1, 1, 1]).unwrap();
        assert_eq!(got[&0], "burrito, taco");
        assert_eq!(got[&1], "plate");
    }

    #[test]
    fn a_single_cluster_is_named_by_its_commonest_word() {
        let texts = ["cat, sofa", "cat, garden", "dog, sofa", "cat, bowl", "", ""];
        assert_eq!(names(&texts, &[0; 6]).unwrap()[&0], "cat");
        assert_eq!(names(&["", ""], &[0; 2]).unwrap()[&0], "cluster 0");
    }

    #[test]
    fn equal_texts_get_different_names_or_a_number() {
        let texts = ["dog, park", "dog, park", "dog, park", "cat", "", ""];
        let got = names(&texts, &[0, 0, 1, 2, 3, 4]).unwrap();
        assert_eq!(got.values().collect::<BTreeSet<_>>().len(), 5);
        assert_eq!((got[&3].as_str(), got[&4].as_str()), ("cluster 3", "cluster 4"));
    }

    proptest! {
        #[test]
        fn at_most_three_words_and_distinct(
            rows in proptest::collection::vec(("[a-d '-]{0,20}".prop_map(String::from), -1..6_i32), 0..40),
        ) {
            let (texts, labels): (Vec<String>, Vec<i32>) = rows.into_iter().unzip();
            let got = names(&texts, &labels).unwrap();
            assert_eq!(got.keys().copied().collect::<BTreeSet<_>>(), labels.iter().copied().collect());
            assert_eq!(got.values().collect::<BTreeSet<_>>().len(), got.len());
            let sets: BTreeSet<Vec<&str>> = got.values().map(|n| {
                let mut terms: Vec<&str> = n.split(", ").collect();
                terms.sort_unstable();
                terms
            }).collect();
            assert_eq!(sets.len(), got.len());
            for name in got.values() {
                let words = name.split([' ', ',']).filter(|w| !w.is_empty()).count();
                assert!((1..=3).contains(&words), "{name:?}");
            }
        }
    }
}
