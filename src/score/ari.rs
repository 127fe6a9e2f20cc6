//! Adjusted Rand index.

use super::contingency::Contingency;

/// The Rand index adjusted for chance: 1 for equal partitions, about 0 for independent ones.
///
/// L. Hubert and P. Arabie, "Comparing partitions" (1985); equals scikit-learn's
/// `adjusted_rand_score`. No items, or both labelings trivial, give 1.
///
/// # Panics
/// When the labelings differ in length.
pub fn adjusted_rand_score<A: Ord, B: Ord>(labels_true: &[A], labels_pred: &[B]) -> f64 {
    let table = Contingency::new(labels_true, labels_pred);
    let squares = |sizes: &[u64]| sizes.iter().map(|&n| i128::from(n) * i128::from(n)).sum::<i128>();
    let total = i128::from(table.total());
    let cells: i128 = table.cells.iter().map(|&(_, _, n)| i128::from(n) * i128::from(n)).sum();
    // Ordered pairs of different items: together in both, in one only, in neither.
    let both = cells - total;
    let clusters_only = squares(&table.cluster_sizes) - cells;
    let classes_only = squares(&table.class_sizes) - cells;
    let neither = total * total - clusters_only - classes_only - cells;
    if clusters_only == 0 && classes_only == 0 {
        return 1.0;
    }
    let chance = (both + classes_only) * (classes_only + neither) + (both + clusters_only) * (clusters_only + neither);
    2.0 * (both * neither - classes_only * clusters_only) as f64 / chance as f64
}
