//! The table of distances and the core distances: how far the `min_samples`th nearest row lies, the row itself counted.

use super::Metric;
use super::condensed::{Filling, Table};
use super::rows::{MatrixError, Rows};
use crate::cluster::Scalar;
use rayon::prelude::*;

/// Rows that one task looks at together.
const BLOCK: usize = 64;
/// Tasks of one step.
const TASKS: usize = 4;

/// Distances being measured: first all of them, then the core distances.
#[derive(Debug)]
pub(in crate::cluster) struct Measuring {
    n: usize,
    min_samples: usize,
    filling: Option<Filling>,
    table: Option<Table>,
    core: Vec<f64>,
}

impl Measuring {
    /// Starts on the rows' Euclidean distances.
    ///
    /// # Errors
    /// When the table does not fit in memory.
    pub(in crate::cluster) fn new<F: Scalar>(rows: Rows<F>, min_samples: usize) -> Result<Self, MatrixError> {
        let n = rows.n_samples();
        let filling = Some(Filling::new(rows, Metric::Euclidean)?);
        Ok(Self { n, min_samples, filling, table: None, core: Vec::with_capacity(n) })
    }

    /// Does some work; the table and the core distances when all are there.
    pub(in crate::cluster) fn step(&mut self) -> Option<(Table, Vec<f64>)> {
        let Some(table) = &self.table else {
            if self.filling.as_mut().is_none_or(Filling::step) {
                self.table = self.filling.take().map(Filling::table);
            }
            return None;
        };
        let (n, k) = (self.n, self.min_samples - 1);
        let starts = (self.core.len()..n).step_by(BLOCK).take(TASKS);
        let blocks: Vec<_> = starts.map(|start| start..n.min(start + BLOCK)).collect();
        let found: Vec<Vec<f64>> = blocks.into_par_iter().map(|block| table.kth(block, k)).collect();
        self.core.extend(found.into_iter().flatten());
        if self.core.len() < n {
            return None;
        }
        self.table.take().map(|table| (table, std::mem::take(&mut self.core)))
    }

    /// What is done, in rows of as many as there are.
    pub(in crate::cluster) fn rows_done(&self) -> usize {
        let Some(filling) = &self.filling else { return self.n };
        let (filled, all) = filling.progress();
        (self.n * (filled / 1000)).checked_div(all / 1000).unwrap_or(self.n)
    }
}
