//! Core distances: how far the `min_samples`th nearest row lies, the row itself counted.

use super::condensed::Table;
use rayon::prelude::*;

/// Rows that one task looks at together.
const BLOCK: usize = 64;
/// Tasks of one step.
const TASKS: usize = 4;

/// Core distances of the rows so far.
#[derive(Debug)]
pub(in crate::cluster) struct CoreDistances {
    n: usize,
    min_samples: usize,
    pub(in crate::cluster) distances: Vec<f64>,
}

impl CoreDistances {
    pub(in crate::cluster) fn new(n: usize, min_samples: usize) -> Self {
        Self { n, min_samples, distances: Vec::with_capacity(n) }
    }

    /// Finds some; true when all are there.
    pub(in crate::cluster) fn step(&mut self, table: &Table) -> bool {
        let (n, k) = (self.n, self.min_samples - 1);
        let blocks: Vec<_> =
            (self.distances.len()..n).step_by(BLOCK).take(TASKS).map(|start| start..n.min(start + BLOCK)).collect();
        let found: Vec<Vec<f64>> = blocks.into_par_iter().map(|block| table.kth(block, k)).collect();
        self.distances.extend(found.into_iter().flatten());
        self.distances.len() == n
    }
}
