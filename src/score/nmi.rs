//! Normalised mutual information.

use super::contingency::Contingency;

/// Mutual information over the arithmetic mean of the two entropies: 1 for equal partitions.
///
/// A. Strehl and J. Ghosh, "Cluster ensembles" (2002); equals scikit-learn's
/// `normalized_mutual_info_score` with `average_method="arithmetic"`. No items, or one class and one
/// cluster, give 1; otherwise labelings without mutual information give 0.
///
/// # Panics
/// When the labelings differ in length.
pub fn normalized_mutual_info_score<A: Ord, B: Ord>(labels_true: &[A], labels_pred: &[B]) -> f64 {
    let table = Contingency::new(labels_true, labels_pred);
    let (classes, clusters) = (table.class_sizes.len(), table.cluster_sizes.len());
    if classes <= 1 && clusters <= 1 {
        return 1.0;
    }
    if classes == 1 || clusters == 1 {
        return 0.0;
    }
    let information = mutual_info(&table);
    if information == 0.0 {
        return 0.0;
    }
    let total = table.total() as f64;
    information / ((entropy(&table.class_sizes, total) + entropy(&table.cluster_sizes, total)) / 2.0)
}

fn mutual_info(table: &Contingency) -> f64 {
    let total = table.total() as f64;
    let terms = table.cells.iter().map(|&(class, cluster, n)| {
        let n = n as f64;
        let outer = table.class_sizes[class] as f64 * table.cluster_sizes[cluster] as f64;
        let share = n / total;
        let term = share * (n.ln() - total.ln()) + share * (2.0 * total.ln() - outer.ln());
        if term.abs() < f64::EPSILON { 0.0 } else { term }
    });
    terms.sum::<f64>().max(0.0)
}

fn entropy(sizes: &[u64], total: f64) -> f64 {
    -sizes.iter().map(|&n| n as f64 / total * ((n as f64).ln() - total.ln())).sum::<f64>()
}
