//! DBSCAN one step at a time.

use super::{DbscanError, DbscanParams, DbscanValidParams};
use crate::cluster::distances::coarse::{BLOCK, Coarse};
use crate::cluster::distances::rows::Rows;
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use crate::runtime;
use linfa::ParamGuard;
use ndarray::{ArrayBase, Data, Ix2};
use rayon::prelude::*;
use std::ops::Range;

/// Multiplications of one step, about; every thread has a block at least.
const WORK: usize = if runtime::ONE_THREAD { 100_000_000 } else { 1_000_000_000 };
/// A row that is not settled.
const NONE: u32 = u32::MAX;

/// DBSCAN in progress. One step compares some rows with those before them.
///
/// Until `Step::Done` the labels are those of the rows that have been compared.
#[derive(Debug)]
pub struct DbscanRun<F> {
    rows: Rows<F>,
    coarse: Coarse,
    params: DbscanValidParams,
    /// Rows that have been compared with all before them.
    done: usize,
    joined: Joined,
}

impl<F: Scalar> DbscanRun<F> {
    /// Checks the parameters and the matrix `[n_samples, n_features]`, and copies the matrix.
    ///
    /// # Errors
    /// Parameters out of range, an empty matrix or a number that is not finite.
    pub fn new<D: Data<Elem = F>>(params: DbscanParams, x: &ArrayBase<D, Ix2>) -> Result<Self, DbscanError> {
        Self::on(params.check()?, x)
    }

    /// As [`new`](Self::new), for parameters that have been checked.
    ///
    /// # Errors
    /// An empty matrix or a number that is not finite.
    pub fn on<D: Data<Elem = F>>(params: DbscanValidParams, x: &ArrayBase<D, Ix2>) -> Result<Self, DbscanError> {
        let rows = Rows::new(x)?;
        let coarse = Coarse::new(&rows);
        Ok(Self::of(params, rows, coarse))
    }

    /// As [`on`](Self::on), on a matrix that has been checked.
    pub(super) fn of(params: DbscanValidParams, rows: Rows<F>, coarse: Coarse) -> Self {
        let joined = Joined::new(rows.n_samples(), params.min_samples());
        Self { rows, coarse, params, done: 0, joined }
    }

    /// The largest distance between near rows.
    pub(super) fn eps(&self) -> f64 {
        self.params.eps()
    }

    /// The core samples' rows so far, ascending.
    pub fn core_sample_indices(&self) -> Vec<usize> {
        (0..self.rows.n_samples()).filter(|&i| self.joined.is_core(i)).collect()
    }

    /// The pairs of a block's rows and the rows before them that are near each other, but for those that are known to
    /// be core samples of one cluster.
    fn near(&self, block: Range<usize>, settled: &[u32]) -> Vec<(u32, u32)> {
        let limit = self.params.eps() * self.params.eps();
        let mut pairs = Vec::new();
        self.coarse.near(block.clone(), 0..block.end, limit, |i, j, surely| {
            let known = settled[i] != NONE && settled[i] == settled[j];
            if j < i && !known && (surely || self.rows.squared(i, j) <= limit) {
                pairs.push((i as u32, j as u32));
            }
        });
        pairs
    }
}

impl<F: Scalar> Clusterer for DbscanRun<F> {
    fn step(&mut self) -> Step {
        let n = self.rows.n_samples();
        let (mut blocks, mut work) = (Vec::new(), 0);
        while self.done < n && (blocks.len() < rayon::current_num_threads() || work < WORK) {
            let block = self.done..n.min(self.done + BLOCK);
            work += block.len() * block.end * self.rows.x.ncols();
            self.done = block.end;
            blocks.push(block);
        }
        let settled = self.joined.settled();
        let found: Vec<Vec<(u32, u32)>> = blocks.into_par_iter().map(|block| self.near(block, &settled)).collect();
        for (i, j) in found.into_iter().flatten() {
            self.joined.add(i, j);
        }
        if self.done == n {
            return Step::Done;
        }
        // Pairs, in thousands, so that progress keeps an even pace.
        let pairs = |rows: usize| rows * rows / 2000;
        Step::Running { done: pairs(self.done), total: pairs(n).max(1) }
    }

    fn labels(&self) -> Vec<i32> {
        self.joined.labels()
    }
}

/// Which rows are core samples, and which of them belong together.
#[derive(Debug)]
struct Joined {
    min_samples: usize,
    /// Near rows of each row so far, itself counted; not counted on once it is a core sample.
    counts: Vec<usize>,
    /// Near rows of each row that is no core sample yet: fewer than `min_samples`.
    waiting: Vec<Vec<u32>>,
    /// A row of the same cluster with a lower index, or the row itself.
    parents: Vec<u32>,
}

impl Joined {
    fn new(n: usize, min_samples: usize) -> Self {
        Self { min_samples, counts: vec![1; n], waiting: vec![Vec::new(); n], parents: (0..n as u32).collect() }
    }

    fn is_core(&self, i: usize) -> bool {
        self.counts[i] >= self.min_samples
    }

    /// Takes note that two rows are near each other.
    fn add(&mut self, i: u32, j: u32) {
        let before = [i, j].map(|row| self.is_core(row as usize));
        for (row, other, was_core) in [(i, j, before[0]), (j, i, before[1])] {
            if !was_core {
                self.counts[row as usize] += 1;
                self.waiting[row as usize].push(other);
            }
        }
        if before == [true, true] {
            self.join(i, j);
        }
        for (row, was_core) in [(i, before[0]), (j, before[1])] {
            if !was_core && self.is_core(row as usize) {
                self.promote(row);
            }
        }
    }

    /// Joins a new core sample with those near it; a row near it that is none knows of it itself.
    fn promote(&mut self, row: u32) {
        for other in std::mem::take(&mut self.waiting[row as usize]) {
            if self.is_core(other as usize) {
                self.join(row, other);
            }
        }
    }

    fn root(&self, mut row: u32) -> u32 {
        while self.parents[row as usize] != row {
            row = self.parents[row as usize];
        }
        row
    }

    fn join(&mut self, i: u32, j: u32) {
        let (a, b) = (self.root(i), self.root(j));
        let low = a.min(b);
        for mut row in [i, j] {
            while row != low {
                let next = std::mem::replace(&mut self.parents[row as usize], low);
                if next == row {
                    break;
                }
                row = next;
            }
        }
    }

    /// The cluster of each core sample, as its lowest row; `NONE` for other rows.
    fn settled(&self) -> Vec<u32> {
        let rows = 0..self.parents.len() as u32;
        rows.map(|row| if self.is_core(row as usize) { self.root(row) } else { NONE }).collect()
    }

    fn labels(&self) -> Vec<i32> {
        let settled = self.settled();
        let (mut numbers, mut next) = (vec![-1; settled.len()], 0);
        for (row, &root) in settled.iter().enumerate() {
            if root as usize == row {
                numbers[row] = next;
                next += 1;
            }
        }
        let number = |&root: &u32| numbers.get(root as usize).copied();
        let border = |row: usize| self.waiting[row].iter().filter_map(|&near| number(&settled[near as usize])).min();
        settled.iter().enumerate().map(|(row, root)| number(root).or_else(|| border(row)).unwrap_or(-1)).collect()
    }
}
