//! The graph of the rows: its normalized adjacency `D^-1/2 A D^-1/2`, as something to multiply by.
//!
//! As in scipy's `laplacian` a row's affinity to itself does not count, and a row without any
//! affinity has the degree 1.

use super::neighbors::Nearest;
use crate::linalg::matmul;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a block; fixed, so that results do not depend on the number of threads.
pub(super) const BLOCK: usize = 256;

/// Normalized adjacency and the roots of the degrees.
pub(super) struct Graph {
    weights: Weights,
    /// `[n]`
    pub(super) roots: Vec<f64>,
}

enum Weights {
    /// Compressed rows: where each begins, and columns with their weights in ascending order.
    Sparse { starts: Vec<usize>, entries: Vec<(usize, f64)> },
    /// The lower triangle in square blocks: block (i, j) is `tiles[i][j]`, for j up to i.
    Dense { tiles: Vec<Vec<Array2<f64>>> },
}

impl Graph {
    /// `0.5 (C + C^T)` of the connectivity.
    pub(super) fn of_neighbors(nearest: &[Nearest]) -> Self {
        let n = nearest.len();
        let mut rows: Vec<Vec<(usize, f64)>> = vec![Vec::new(); n];
        for (i, nearest) in nearest.iter().enumerate() {
            for &j in nearest.iter().filter(|&&j| j != i) {
                rows[i].push((j, 0.5));
                rows[j].push((i, 0.5));
            }
        }
        for row in &mut rows {
            row.sort_by_key(|&(j, _)| j);
            row.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 += if same { next.1 } else { 0.0 };
                same
            });
        }
        let roots: Vec<f64> = rows.iter().map(|row| root(row.iter().map(|(_, weight)| weight).sum())).collect();
        let mut starts = vec![0];
        let mut entries = Vec::new();
        for (i, row) in rows.into_iter().enumerate() {
            entries.extend(row.into_iter().map(|(j, weight)| (j, weight / roots[i] / roots[j])));
            starts.push(entries.len());
        }
        Self { weights: Weights::Sparse { starts, entries }, roots }
    }

    pub(super) fn n(&self) -> usize {
        self.roots.len()
    }

    /// Multiplications for one row and one vector.
    pub(super) fn work_per_row(&self) -> usize {
        match &self.weights {
            Weights::Sparse { entries, .. } => entries.len() / self.n() + 1,
            Weights::Dense { .. } => self.n(),
        }
    }

    /// Some rows of the product with `x`, `[n, vectors]`; the range begins and ends with a block.
    pub(super) fn multiply(&self, x: ArrayView2<'_, f64>, rows: Range<usize>) -> Array2<f64> {
        let mut out = Array2::zeros((rows.len(), x.ncols()));
        let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
        blocks.into_par_iter().enumerate().for_each(|(block, mut out)| {
            let first = rows.start + block * BLOCK;
            match &self.weights {
                Weights::Sparse { starts, entries } => {
                    for (row, mut out) in (first..).zip(out.rows_mut()) {
                        for &(j, weight) in &entries[starts[row]..starts[row + 1]] {
                            out.scaled_add(weight, &x.row(j));
                        }
                    }
                }
                Weights::Dense { tiles } => {
                    let own = first / BLOCK;
                    for (j, row) in tiles.iter().enumerate() {
                        let part = x.slice(s![j * BLOCK..x.nrows().min((j + 1) * BLOCK), ..]);
                        let tile = if j <= own { tiles[own][j].view() } else { row[own].t() };
                        out += &matmul(tile, part);
                    }
                }
            }
        });
        out
    }

    /// A number that no eigenvalue lies below.
    pub(super) fn lowest(&self) -> f64 {
        match &self.weights {
            Weights::Sparse { .. } => -1.0,
            // With its diagonal of 1 the kernel is positive semidefinite.
            Weights::Dense { .. } => {
                let least = self.roots.iter().fold(f64::INFINITY, |least, root| least.min(root * root));
                -(1.0 / least).min(1.0)
            }
        }
    }

    /// The eigenvector of the eigenvalue 1 that every graph has, of length 1 (0 where nothing is alike).
    pub(super) fn trivial(&self) -> Array1<f64> {
        let connected = |row: usize| match &self.weights {
            Weights::Sparse { starts, .. } => starts[row] < starts[row + 1],
            Weights::Dense { .. } => true,
        };
        let vector: Array1<f64> =
            self.roots.iter().enumerate().map(|(row, &root)| if connected(row) { root } else { 0.0 }).collect();
        let length = vector.dot(&vector).sqrt();
        if length > 0.0 { vector / length } else { vector }
    }

    /// The whole matrix, `[n, n]`; for small graphs.
    pub(super) fn to_dense(&self) -> Array2<f64> {
        self.multiply(Array2::eye(self.n()).view(), 0..self.n())
    }
}

/// Root of a degree.
fn root(degree: f64) -> f64 {
    if degree == 0.0 { 1.0 } else { degree.sqrt() }
}

/// The dense graph under way, a row of blocks at a time.
pub(super) struct Kernel {
    gamma: f64,
    norms: Vec<f64>,
    tiles: Vec<Vec<Array2<f64>>>,
}

impl Kernel {
    pub(super) fn new(x: &Array2<f64>, gamma: f64) -> Self {
        let norms = x.rows().into_iter().map(|row| row.dot(&row)).collect();
        Self { gamma, norms, tiles: Vec::new() }
    }

    /// Rows that are finished.
    pub(super) fn done(&self) -> usize {
        self.norms.len().min(self.tiles.len() * BLOCK)
    }

    /// Affinities of some more rows of `x` to all before them.
    pub(super) fn step(&mut self, x: &Array2<f64>) {
        let n = self.norms.len();
        let first = self.tiles.len();
        let own = x.slice(s![first * BLOCK..n.min((first + 1) * BLOCK), ..]);
        let tiles: Vec<Array2<f64>> = (0..=first)
            .into_par_iter()
            .map(|j| {
                let mut tile = matmul(own, x.slice(s![j * BLOCK..n.min((j + 1) * BLOCK), ..]).t());
                for ((r, c), value) in tile.indexed_iter_mut() {
                    let (r, c) = (first * BLOCK + r, j * BLOCK + c);
                    let squared = (self.norms[r] + self.norms[c] - 2.0 * *value).max(0.0);
                    *value = if r == c { 0.0 } else { (-self.gamma * squared).exp() };
                }
                tile
            })
            .collect();
        self.tiles.push(tiles);
    }

    /// The graph, once all rows are finished.
    pub(super) fn finish(mut self) -> Graph {
        let mut degrees = vec![0.0; self.norms.len()];
        for (i, tiles) in self.tiles.iter().enumerate() {
            for (j, tile) in tiles.iter().enumerate() {
                for ((r, c), &value) in tile.indexed_iter() {
                    degrees[i * BLOCK + r] += value;
                    if j < i {
                        degrees[j * BLOCK + c] += value;
                    }
                }
            }
        }
        let roots: Vec<f64> = degrees.into_iter().map(root).collect();
        self.tiles.par_iter_mut().enumerate().for_each(|(i, tiles)| {
            for (j, tile) in tiles.iter_mut().enumerate() {
                for ((r, c), value) in tile.indexed_iter_mut() {
                    *value = *value / roots[i * BLOCK + r] / roots[j * BLOCK + c];
                }
            }
        });
        Graph { weights: Weights::Dense { tiles: self.tiles }, roots }
    }
}
