//! Clustering accuracy: the share of items that the best match of clusters to classes gets right.

use super::contingency::Contingency;
use ndarray::{Array2, ArrayView2};

/// Accuracy under the one-to-one match of clusters to classes that makes it highest.
///
/// The match is found by the Hungarian method on the contingency table, which need not be square:
/// a cluster without a class (or a class without a cluster) counts as wrong. 1 for no items.
///
/// # Panics
/// When the labelings differ in length.
pub fn clustering_accuracy<A: Ord, B: Ord>(labels_true: &[A], labels_pred: &[B]) -> f64 {
    let table = Contingency::new(labels_true, labels_pred);
    if table.total() == 0 {
        return 1.0;
    }
    let mut cost = Array2::zeros((table.class_sizes.len(), table.cluster_sizes.len()));
    for &(class, cluster, n) in &table.cells {
        cost[(class, cluster)] = -(n as f64);
    }
    let right: f64 = linear_sum_assignment(cost.view()).into_iter().map(|(row, column)| -cost[(row, column)]).sum();
    right / table.total() as f64
}

/// The pairs `(row, column)` of least total cost, no row and no column twice, `min(rows, columns)` of
/// them, sorted by row; scipy's `linear_sum_assignment`.
///
/// Shortest augmenting paths: H. W. Kuhn, "The Hungarian method for the assignment problem" (1955), in
/// the O(n^3) form of J. Munkres and R. Jonker / A. Volgenant. Costs must be finite.
pub fn linear_sum_assignment(cost: ArrayView2<'_, f64>) -> Vec<(usize, usize)> {
    if cost.nrows() > cost.ncols() {
        let mut pairs: Vec<_> = linear_sum_assignment(cost.t()).into_iter().map(|(r, c)| (c, r)).collect();
        pairs.sort_unstable();
        return pairs;
    }
    let (rows, columns) = cost.dim();
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; columns];
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for row in 0..rows {
        augment(cost, row, &mut row_price, &mut column_price, &mut row_of);
    }
    let mut pairs: Vec<_> = row_of.iter().enumerate().filter_map(|(c, r)| r.map(|r| (r, c))).collect();
    pairs.sort_unstable();
    pairs
}

/// Gives `free_row` a column, moving other rows along the cheapest path (Dijkstra on reduced costs).
fn augment(
    cost: ArrayView2<'_, f64>,
    free_row: usize,
    row_price: &mut [f64],
    column_price: &mut [f64],
    row_of: &mut [Option<usize>],
) {
    let columns = row_of.len();
    let mut distance = vec![f64::INFINITY; columns];
    // The column from whose row each column was reached; none for columns reached from `free_row`.
    let mut reached_from: Vec<Option<usize>> = vec![None; columns];
    let mut visited = Vec::new();
    let mut open: Vec<usize> = (0..columns).collect();
    let (mut row, mut last, mut so_far) = (free_row, None, 0.0);
    let end = loop {
        let mut nearest = 0;
        for (i, &column) in open.iter().enumerate() {
            let through = so_far + cost[(row, column)] - row_price[row] - column_price[column];
            if through < distance[column] {
                distance[column] = through;
                reached_from[column] = last;
            }
            if distance[column] < distance[open[nearest]] {
                nearest = i;
            }
        }
        // There are at least as many columns as rows, so an open column is left.
        let column = open.swap_remove(nearest);
        so_far = distance[column];
        visited.push(column);
        match row_of[column] {
            None => break column,
            Some(taken_by) => (row, last) = (taken_by, Some(column)),
        }
    };
    row_price[free_row] += so_far;
    for &column in &visited {
        if let Some(row) = row_of[column] {
            row_price[row] += so_far - distance[column];
        }
        column_price[column] -= so_far - distance[column];
    }
    let mut column = end;
    while let Some(previous) = reached_from[column] {
        row_of[column] = row_of[previous];
        column = previous;
    }
    row_of[column] = Some(free_row);
}
