//! Prim's minimum spanning tree over a full graph, one vertex at a time.
//!
//! R. C. Prim, "Shortest connection networks and some generalizations" (1957). Of equal edges the one to the vertex with
//! the lowest index is taken, and of its sources the earliest, as scikit-learn does.

/// An edge, in the order in which the tree grew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::cluster) struct Edge {
    /// The vertex of the tree that the edge leaves.
    pub(in crate::cluster) source: usize,
    /// The vertex that joined the tree just before.
    pub(in crate::cluster) last: usize,
    /// The vertex that joins.
    pub(in crate::cluster) vertex: usize,
    pub(in crate::cluster) weight: f64,
}

/// A tree that grows from vertex 0.
#[derive(Debug)]
pub(in crate::cluster) struct Prim {
    /// Vertices outside, ascending.
    outside: Vec<u32>,
    /// The lightest edge from the tree to each of them, and where it leaves the tree.
    weights: Vec<f64>,
    sources: Vec<u32>,
    last: usize,
    pub(in crate::cluster) edges: Vec<Edge>,
}

impl Prim {
    pub(in crate::cluster) fn new(n: usize) -> Self {
        Self {
            outside: (1..n as u32).collect(),
            weights: vec![f64::INFINITY; n.saturating_sub(1)],
            sources: vec![0; n.saturating_sub(1)],
            last: 0,
            edges: Vec::with_capacity(n.saturating_sub(1)),
        }
    }

    /// Vertices that are not in the tree yet.
    pub(in crate::cluster) fn left(&self) -> usize {
        self.outside.len()
    }

    /// Adds a vertex; `weight(i, j)` is that of the edge between two vertices. False when all are in the tree.
    pub(in crate::cluster) fn grow(&mut self, weight: impl Fn(usize, usize) -> f64) -> bool {
        let (last, mut best) = (self.last, None::<usize>);
        for (at, &vertex) in self.outside.iter().enumerate() {
            let weight = weight(last, vertex as usize);
            if weight < self.weights[at] {
                self.weights[at] = weight;
                self.sources[at] = last as u32;
            }
            if best.is_none_or(|best| self.weights[at] < self.weights[best]) {
                best = Some(at);
            }
        }
        let Some(best) = best else { return false };
        let vertex = self.outside.remove(best) as usize;
        let (weight, source) = (self.weights.remove(best), self.sources.remove(best) as usize);
        self.edges.push(Edge { source, last, vertex, weight });
        self.last = vertex;
        true
    }
}
