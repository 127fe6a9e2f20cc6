//! What each cluster of the main cell is about.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::services::TextNetwork;
use super::session::Session;
use super::words::{embed_in, views};
use crate::album::{Cell, ClusterSummary, NameQuality, Representation, TextColumn};
use crate::explain::quality::{self, Explained};
use crate::explain::{ExplainError, exemplars, keywords, names};
use crate::protocol::Stage;

/// Keywords of a cluster.
const KEYWORDS: usize = 8;
/// Exemplars of a cluster.
const EXEMPLARS: usize = 8;

/// Names, keywords, exemplars and purity of every cluster of `cell`, in order of cluster index. What is said comes from the
/// column that `vectors` speak of, else from the first.
pub(super) fn explain(
    vectors: &Representation,
    cell: &Cell,
    columns: &[TextColumn],
    labels: &[Option<u32>],
    label_names: &[String],
) -> Result<Vec<ClusterSummary>, RunError> {
    let failed = |e: &dyn std::fmt::Display| RunError::stage(Stage::Names)(e);
    let texts = spoken_of(vectors, columns);
    let empty = vec![String::new(); cell.labels.len()];
    let texts = if texts.len() == cell.labels.len() { texts } else { empty.as_slice() };
    let named = names::names(texts, &cell.labels).map_err(|e| failed(&e))?;
    let words = keywords::keywords(texts, &cell.labels, KEYWORDS).map_err(|e| failed(&e))?;
    let nearest = exemplars::exemplars(vectors.matrix.view(), &cell.labels, EXEMPLARS).map_err(|e| failed(&e))?;
    let clusters: BTreeSet<i32> = cell.labels.iter().copied().collect();
    let summary = |cluster: i32| {
        let members: Vec<usize> = (0..cell.labels.len()).filter(|i| cell.labels[*i] == cluster).collect();
        let majority = majority(labels, &members);
        ClusterSummary {
            cluster,
            size: members.len(),
            name: named.get(&cluster).cloned().unwrap_or_default(),
            named_by: None,
            keywords: words.get(&cluster).into_iter().flatten().map(|k| k.word.clone()).collect(),
            exemplars: nearest.get(&cluster).cloned().unwrap_or_default(),
            purity: majority.map(|(_, share)| share),
            majority: majority.and_then(|(label, _)| label_names.get(label as usize).cloned()),
        }
    };
    Ok(clusters.into_iter().map(summary).collect())
}

/// The texts that `vectors` speak of, else those of the first column.
pub(super) fn spoken_of<'c>(vectors: &Representation, columns: &'c [TextColumn]) -> &'c [String] {
    let own = columns.iter().find(|column| Some(&column.name) == vectors.texts.as_ref());
    own.or(columns.first()).map(|column| column.texts.as_slice()).unwrap_or_default()
}

/// How well the clusters' keywords tell the labels; `None` without labels or words.
pub(super) async fn quality(
    session: &mut Session<'_>,
    (cell, clusters): (&Cell, &[ClusterSummary]),
    labels: &[Option<u32>],
    label_names: &[String],
    network: &TextNetwork,
) -> Result<Option<NameQuality>, RunError> {
    let failed = |e: ExplainError| RunError::stage(Stage::Names)(&e);
    let words = clusters.iter().map(|c| (c.cluster, c.keywords.clone())).collect();
    let explained = quality::explained(labels, &cell.labels, label_names, &words).map_err(failed)?;
    if explained.iter().all(|e| e.words.is_empty()) {
        return Ok(None);
    }
    let texts: Vec<String> = explained.iter().map(Explained::text).collect();
    let names: Vec<&str> = explained.iter().map(|e| e.class_name.as_str()).collect();
    let texts = embed_in(Stage::Names, session, network, &views(&texts)).await?;
    let names = embed_in(Stage::Names, session, network, &names).await?;
    let quality = quality::quality(&explained, texts.view(), names.view()).map_err(failed)?;
    Ok(quality.map(|q| NameQuality { exact_match: q.exact_match, similarity: q.similarity }))
}

/// The most frequent label among the members that have one, and its share of them; the lower label on ties.
fn majority(labels: &[Option<u32>], members: &[usize]) -> Option<(u32, f64)> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for label in members.iter().filter_map(|member| labels[*member]) {
        *counts.entry(label).or_default() += 1;
    }
    let labelled: usize = counts.values().sum();
    let (label, count) = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)))?;
    Some((label, count as f64 / labelled as f64))
}

#[cfg(test)]
mod tests {
    use super::majority;

    #[test]
    fn pictures_without_a_label_do_not_dilute_purity() {
        let labels = [Some(1), None, Some(0), Some(1), None];
        assert_eq!(majority(&labels, &[0, 1, 2, 3, 4]), Some((1, 2.0 / 3.0)));
        assert_eq!(majority(&labels, &[0, 2]), Some((0, 0.5)), "the lower label on ties");
        assert_eq!(majority(&labels, &[1, 4]), None);
    }
}
