//! The condensed tree: the tree of joins without the small branches. Downwards, a cluster either loses a few rows and
//! stays itself, or parts into two clusters.

use crate::cluster::agglomerative::Tree;
use std::collections::VecDeque;

/// A cluster of the condensed tree. Lambda is 1 / distance: it grows downwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch {
    /// The cluster that it comes from; the root's is itself.
    pub(super) parent: usize,
    /// The lambda at which it appears.
    pub(super) birth: f64,
    /// Rows when it appears.
    pub(super) size: usize,
    /// The two that it parts into, or none.
    pub(super) children: Vec<usize>,
    /// Sum over its rows of how long, in lambda, they stay.
    pub(super) stability: f64,
    /// The largest lambda at which it loses rows.
    pub(super) death: f64,
}

/// Clusters, parents first, and what becomes of each row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CondensedTree {
    /// The first is the root.
    pub(super) branches: Vec<Branch>,
    /// The cluster that each row leaves last, and the lambda at which it does.
    pub(super) rows: Vec<(usize, f64)>,
}

impl CondensedTree {
    pub(super) fn new(tree: &Tree, min_cluster_size: usize) -> Self {
        let merges = tree.merges();
        let n = merges.len() + 1;
        let mut sizes = vec![1; 2 * n - 1];
        for (index, merge) in merges.iter().enumerate() {
            sizes[n + index] = sizes[merge.children[0]] + sizes[merge.children[1]];
        }
        let mut condensed = Self { branches: Vec::new(), rows: vec![(0, 0.0); n] };
        condensed.appear(0, 0.0, n);
        // Breadth first: scikit-learn numbers clusters in this order.
        let mut queue = VecDeque::from([(2 * n - 2, 0)]);
        while let Some((node, branch)) = queue.pop_front() {
            let Some(merge) = node.checked_sub(n).map(|index| merges[index]) else { continue };
            let lambda = if merge.height > 0.0 { 1.0 / merge.height } else { f64::INFINITY };
            let large = |child: &usize| sizes[*child] >= min_cluster_size;
            let parts = merge.children.iter().all(large);
            for child in merge.children {
                condensed.leave(branch, lambda, if large(&child) && !parts { 0 } else { sizes[child] });
                if parts {
                    let new = condensed.appear(branch, lambda, sizes[child]);
                    condensed.branches[branch].children.push(new);
                    queue.push_back((child, new));
                } else if large(&child) {
                    queue.push_back((child, branch));
                } else {
                    condensed.drop_rows(tree, child, (branch, lambda));
                }
            }
        }
        condensed
    }

    fn appear(&mut self, parent: usize, birth: f64, size: usize) -> usize {
        self.branches.push(Branch { parent, birth, size, children: Vec::new(), stability: 0.0, death: 0.0 });
        self.branches.len() - 1
    }

    /// Rows leave a cluster, for a cluster of their own or none.
    fn leave(&mut self, branch: usize, lambda: f64, rows: usize) {
        if rows > 0 {
            let branch = &mut self.branches[branch];
            branch.stability += (lambda - branch.birth) * rows as f64;
            branch.death = branch.death.max(lambda);
        }
    }

    /// All rows below a node leave for none.
    fn drop_rows(&mut self, tree: &Tree, node: usize, from: (usize, f64)) {
        let mut below = vec![node];
        while let Some(node) = below.pop() {
            match node.checked_sub(self.rows.len()) {
                Some(merge) => below.extend(tree.merges()[merge].children),
                None => self.rows[node] = from,
            }
        }
    }
}
