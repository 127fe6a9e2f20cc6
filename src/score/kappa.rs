//! Cohen's kappa of a clustering, after each cluster has voted for a class.

use super::contingency::Contingency;

/// Cohen's kappa between the classes and the majority class of each item's cluster.
///
/// Every cluster takes the class that most of its items have (the lowest of equals); then
/// J. Cohen, "A coefficient of agreement for nominal scales" (1960), as scikit-learn's
/// `cohen_kappa_score`. NaN where kappa is undefined: no items, or only one class.
///
/// # Panics
/// When the labelings differ in length.
pub fn majority_vote_kappa<A: Ord, B: Ord>(labels_true: &[A], labels_pred: &[B]) -> f64 {
    let table = Contingency::new(labels_true, labels_pred);
    let mut votes = vec![(0, 0); table.cluster_sizes.len()];
    for &(class, cluster, n) in &table.cells {
        if n > votes[cluster].1 {
            votes[cluster] = (class, n);
        }
    }
    let mut predicted = vec![0; table.class_sizes.len()];
    for (&(class, _), &size) in votes.iter().zip(&table.cluster_sizes) {
        predicted[class] += size;
    }
    let total = table.total() as f64;
    let agreed: u64 = votes.iter().map(|&(_, n)| n).sum();
    let by_chance: f64 = table.class_sizes.iter().zip(&predicted).map(|(&t, &p)| t as f64 * p as f64 / total).sum();
    1.0 - (total - agreed as f64) / (total - by_chance)
}
