//! How good names and keywords are, where the true names of the classes are known.
//!
//! Stephan et al., "Text-Guided Image Clustering" (EACL 2024): every cluster is given the class that it is matched to
//! by the Hungarian method, as for the accuracy; its words are then compared with the class's name, by letters (*exact
//! match*: one of the words is the name) and by meaning (cosine similarity of sentence vectors). Called by the engine,
//! which has the sentence encoder; this module makes the texts and compares the vectors.

use super::ExplainError;
use crate::score::accuracy::linear_sum_assignment;
use ndarray::{Array2, ArrayView2};
use std::collections::{BTreeMap, BTreeSet};

/// Quality of the explanations of a clustering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Share of the clusters of which one word is the class's name, in [0, 1].
    pub exact_match: f64,
    /// Mean cosine similarity of the clusters' words to the classes' names, in [-1, 1].
    pub similarity: f64,
    /// Clusters that have a class; the others count nowhere.
    pub clusters: usize,
}

/// A cluster's words beside the name of its class, as they are compared and embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The cluster.
    pub cluster: i32,
    /// Its words (keywords, or the parts of its name), best first.
    pub words: Vec<String>,
    /// The name of its class as it is spoken: lower case, `_` and `-` as spaces.
    pub class_name: String,
}

impl Explained {
    /// What is embedded for the cluster: its words, separated by commas.
    pub fn text(&self) -> String {
        self.words.join(", ")
    }

    /// Whether one of the words is the class's name.
    pub fn is_exact_match(&self) -> bool {
        self.words.iter().any(|word| spoken(word) == self.class_name)
    }
}

/// A name as it is spoken: `riding_a_bike` is "riding a bike".
pub fn spoken(name: &str) -> String {
    name.to_lowercase().replace(['_', '-'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each cluster's words beside the name of the class it is matched to, by cluster; clusters that no class is left for,
/// and noise (-1), are not among them.
///
/// `truth` has the class of each picture (`None` counts nowhere), an index into `class_names`; `words` the words of
/// each cluster (a cluster without is taken to have none).
///
/// # Errors
/// When there is not one class for each label.
pub fn explained(
    truth: &[Option<u32>],
    labels: &[i32],
    class_names: &[String],
    words: &BTreeMap<i32, Vec<String>>,
) -> Result<Vec<Explained>, ExplainError> {
    super::check("classes", truth.len(), labels)?;
    let clusters: Vec<i32> = labels.iter().copied().filter(|&l| l >= 0).collect::<BTreeSet<_>>().into_iter().collect();
    let mut cost = Array2::zeros((clusters.len(), class_names.len()));
    for (class, label) in truth.iter().zip(labels) {
        let (Some(class), Ok(cluster)) = (class, clusters.binary_search(label)) else { continue };
        if let Some(cell) = cost.get_mut((cluster, *class as usize)) {
            *cell -= 1.0;
        }
    }
    let pairs = linear_sum_assignment(cost.view());
    let explained = |(cluster, class): (usize, usize)| Explained {
        cluster: clusters[cluster],
        words: words.get(&clusters[cluster]).cloned().unwrap_or_default(),
        class_name: spoken(&class_names[class]),
    };
    Ok(pairs.into_iter().map(explained).collect())
}

/// The quality of `explained`, given the sentence vectors of its [`Explained::text`]s and class names, one row each.
/// `None` when there is no cluster.
///
/// # Errors
/// When there is not one row for each cluster.
pub fn quality(
    explained: &[Explained],
    texts: ArrayView2<'_, f32>,
    class_names: ArrayView2<'_, f32>,
) -> Result<Option<Quality>, ExplainError> {
    for rows in [texts.nrows(), class_names.nrows()] {
        if rows != explained.len() {
            return Err(ExplainError::LengthMismatch { what: "rows", items: rows, labels: explained.len() });
        }
    }
    let clusters = explained.len();
    if clusters == 0 {
        return Ok(None);
    }
    let share = |sum: f64| sum / clusters as f64;
    let exact = explained.iter().filter(|e| e.is_exact_match()).count();
    let similarity = texts.rows().into_iter().zip(class_names.rows()).map(|(a, b)| cosine(a.iter(), b.iter())).sum();
    Ok(Some(Quality { exact_match: share(exact as f64), similarity: share(similarity), clusters }))
}

/// 0 where one of them is zero.
fn cosine<'a>(a: impl Iterator<Item = &'a f32>, b: impl Iterator<Item = &'a f32>) -> f64 {
    let (mut product, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&x, &y) in a.zip(b) {
        let (x, y) = (f64::from(x), f64::from(y));
        product += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa > 0.0 && bb > 0.0 { product / (aa.sqrt() * bb.sqrt()) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Explained, explained, quality, spoken};
    use ndarray::{Array2, array};
    use std::collections::BTreeMap;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn clusters_are_matched_to_classes_and_compared() {
        let truth = [Some(0), Some(0), Some(1), Some(1), Some(2), None, Some(1)];
        let labels = [5, 5, 2, 2, 2, 7, -1];
        let words = BTreeMap::from([(5, names(&["horse", "riding a bike"])), (2, names(&["Phone"]))]);
        let found = explained(&truth, &labels, &names(&["riding_a_bike", "phoning", "cooking"]), &words).unwrap();
        assert_eq!(
            found.iter().map(|e| (e.cluster, e.class_name.as_str())).collect::<Vec<_>>(),
            [(2, "phoning"), (5, "riding a bike"), (7, "cooking")]
        );
        assert_eq!(found[1].text(), "horse, riding a bike");
        let exact: Vec<bool> = found.iter().map(Explained::is_exact_match).collect();
        assert_eq!(exact, [false, true, false]);
        let texts = array![[1.0_f32, 0.0], [0.0, 2.0], [0.0, 0.0]];
        let classes = array![[1.0_f32, 1.0], [0.0, 1.0], [1.0, 0.0]];
        let quality = quality(&found, texts.view(), classes.view()).unwrap().unwrap();
        assert_eq!((quality.clusters, quality.exact_match), (3, 1.0 / 3.0));
        assert!((quality.similarity - (0.5_f64.sqrt() + 1.0) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn more_clusters_than_classes_leave_some_without() {
        let found = explained(&[Some(0); 3], &[0, 1, 1], &names(&["cat"]), &BTreeMap::new()).unwrap();
        assert_eq!(found.iter().map(|e| e.cluster).collect::<Vec<_>>(), [1]);
        assert!(!found[0].is_exact_match());
    }

    #[test]
    fn nothing_to_compare() {
        let empty = Array2::zeros((0, 3));
        assert_eq!(quality(&[], empty.view(), empty.view()).unwrap(), None);
        assert!(explained(&[], &[], &[], &BTreeMap::new()).unwrap().is_empty());
        assert!(explained(&[None], &[], &[], &BTreeMap::new()).is_err());
        let one = [Explained { cluster: 0, words: vec![], class_name: "cat".into() }];
        assert!(quality(&one, empty.view(), empty.view()).is_err());
    }

    #[test]
    fn names_are_spoken() {
        assert_eq!(spoken("Riding_a-BIKE "), "riding a bike");
    }
}
