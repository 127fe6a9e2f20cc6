//! The tree of joins, and cutting it.

/// Two clusters joined to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The two: a row's index, or the number of rows plus the index of an earlier join.
    pub children: [usize; 2],
    /// How far apart they were.
    pub height: f64,
}

/// All joins, the lowest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    merges: Vec<Merge>,
}

impl Tree {
    /// From pairs of rows that stand for their clusters; of equal heights the earlier is joined first. With `sorted` the
    /// lower of two children comes first, else they come as the pair does.
    pub(in crate::cluster) fn new(mut pairs: Vec<([usize; 2], f64)>, sorted: bool) -> Self {
        pairs.sort_by(|a, b| a.1.total_cmp(&b.1));
        let n = pairs.len() + 1;
        let mut parents: Vec<usize> = (0..2 * n - 1).collect();
        let mut merges = Vec::with_capacity(pairs.len());
        for (index, (rows, height)) in pairs.into_iter().enumerate() {
            let mut children = rows.map(|row| find(&mut parents, row));
            children.iter().for_each(|&child| parents[child] = n + index);
            if sorted {
                children.sort_unstable();
            }
            merges.push(Merge { children, height });
        }
        Self { merges }
    }

    /// The joins; join `i` makes cluster `n_samples + i`.
    pub fn merges(&self) -> &[Merge] {
        &self.merges
    }

    /// Labels of each row when the tree is cut into `n_clusters`, or as many as there are rows. The numbers are
    /// scikit-learn's: places in a binary heap in which the highest join is replaced by its two children.
    pub fn cut(&self, n_clusters: usize) -> Vec<i32> {
        let n = self.merges.len() + 1;
        let mut nodes = vec![2 * n - 2];
        while nodes.len() < n_clusters.min(n) {
            let [first, second] = self.merges[nodes[0] - n].children;
            push(&mut nodes, first);
            nodes[0] = second;
            replace_top(&mut nodes);
        }
        let mut labels = vec![-1; n];
        for (label, &node) in nodes.iter().enumerate() {
            let mut below = vec![node];
            while let Some(node) = below.pop() {
                match node.checked_sub(n) {
                    Some(merge) => below.extend(self.merges[merge].children),
                    None => labels[node] = label as i32,
                }
            }
        }
        labels
    }

    /// Clusters that are left when those `threshold` apart or farther are not joined.
    pub fn clusters_below(&self, threshold: f64) -> usize {
        1 + self.merges.iter().filter(|merge| merge.height >= threshold).count()
    }
}

/// The cluster that a row is in.
fn find(parents: &mut [usize], row: usize) -> usize {
    let mut root = row;
    while parents[root] != root {
        root = parents[root];
    }
    let mut at = row;
    while parents[at] != root {
        at = std::mem::replace(&mut parents[at], root);
    }
    root
}

/// Adds to a heap with the largest on top.
fn push(heap: &mut Vec<usize>, value: usize) {
    heap.push(value);
    let last = heap.len() - 1;
    rise(heap, last);
}

/// Moves a value up while it is larger than its parent.
fn rise(heap: &mut [usize], mut at: usize) {
    while at > 0 && heap[at] > heap[(at - 1) / 2] {
        heap.swap(at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

/// Brings a heap with a new top in order as Python's `heapq` does: down along the larger children to a leaf, then up.
fn replace_top(heap: &mut [usize]) {
    let mut at = 0;
    while 2 * at + 1 < heap.len() {
        let left = 2 * at + 1;
        let larger = if left + 1 < heap.len() && heap[left + 1] >= heap[left] { left + 1 } else { left };
        heap.swap(at, larger);
        at = larger;
    }
    rise(heap, at);
}
