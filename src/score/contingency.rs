//! The contingency table of two labelings: how many items have each pair of labels.

/// Counts of the pairs of labels that occur, with classes and clusters numbered in sorted order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    /// `(class, cluster, count)` for every pair that occurs, sorted.
    pub cells: Vec<(usize, usize, u64)>,
    /// Items of each class.
    pub class_sizes: Vec<u64>,
    /// Items of each cluster.
    pub cluster_sizes: Vec<u64>,
}

impl Contingency {
    /// Counts two labelings of the same items.
    ///
    /// # Panics
    /// When the labelings differ in length.
    pub fn new<A: Ord, B: Ord>(labels_true: &[A], labels_pred: &[B]) -> Self {
        assert_eq!(labels_true.len(), labels_pred.len(), "labelings of the same items");
        let (classes, n_classes) = encode(labels_true);
        let (clusters, n_clusters) = encode(labels_pred);
        let mut class_sizes = vec![0; n_classes];
        let mut cluster_sizes = vec![0; n_clusters];
        let mut pairs: Vec<(usize, usize)> = classes.into_iter().zip(clusters).collect();
        for &(class, cluster) in &pairs {
            class_sizes[class] += 1;
            cluster_sizes[cluster] += 1;
        }
        pairs.sort_unstable();
        let cells = pairs.chunk_by(|a, b| a == b).map(|run| (run[0].0, run[0].1, run.len() as u64)).collect();
        Self { cells, class_sizes, cluster_sizes }
    }

    /// Number of items.
    pub fn total(&self) -> u64 {
        self.class_sizes.iter().sum()
    }
}

/// Each label's place among the sorted distinct labels, and how many of those there are.
pub(crate) fn encode<T: Ord>(labels: &[T]) -> (Vec<usize>, usize) {
    let mut distinct: Vec<&T> = labels.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let codes = labels.iter().map(|label| distinct.partition_point(|d| *d < label)).collect();
    (codes, distinct.len())
}
