//! Exact nearest neighbours by blocked products.

use crate::linalg::matmul_into;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

/// Rows that one task searches for, and rows it compares them with at a time: a tile of 1 MiB stays in the cache.
const QUERIES: usize = 128;
const TILE: usize = 2048;
/// Columns that are tested against the farthest neighbour so far at once.
const GROUP: usize = 16;

/// The `k` nearest rows of every row of a matrix, found block by block.
#[derive(Debug)]
pub(crate) struct Neighbors {
    /// Centred data, `[n, d]`: distances are differences of squares, which lose digits far from the origin.
    x: Array2<f32>,
    norms: Vec<f32>,
    k: usize,
    rows_per_step: usize,
    next_row: usize,
    /// Row by row, nearest first.
    pub indices: Vec<u32>,
    /// Squared Euclidean distances, beside `indices`.
    pub distances: Vec<f32>,
}

impl Neighbors {
    /// Starts the search; `k` is less than the number of rows.
    pub(crate) fn new(x: ArrayView2<'_, f32>, k: usize) -> Self {
        let (n, _) = x.dim();
        let mean = x.map(|&v| f64::from(v)).mean_axis(Axis(0)).unwrap_or_default();
        let mut centred = x.as_standard_layout().into_owned();
        for mut row in centred.rows_mut() {
            row.iter_mut().zip(&mean).for_each(|(v, m)| *v = (f64::from(*v) - m) as f32);
        }
        let norms = centred.rows().into_iter().map(|row| row.dot(&row)).collect();
        let rows_per_step = if cfg!(target_arch = "wasm32") { QUERIES } else { 16 * QUERIES };
        Self { x: centred, norms, k, rows_per_step, next_row: 0, indices: vec![0; n * k], distances: vec![0.0; n * k] }
    }

    /// Calls of [`Self::step`] that are needed in all.
    pub(crate) fn steps(&self) -> usize {
        self.x.nrows().div_ceil(self.rows_per_step)
    }

    /// Finds the neighbours of the next rows; false when there are no more.
    pub(crate) fn step(&mut self) -> bool {
        let (start, k) = (self.next_row, self.k);
        let end = (start + self.rows_per_step).min(self.x.nrows());
        let (x, norms) = (&self.x, &self.norms);
        let indices = self.indices[start * k..end * k].par_chunks_mut(QUERIES * k);
        let distances = self.distances[start * k..end * k].par_chunks_mut(QUERIES * k);
        indices.zip(distances).enumerate().for_each(|(task, (indices, distances))| {
            search(x, norms, start + task * QUERIES, k, indices, distances);
        });
        self.next_row = end;
        end < self.x.nrows()
    }
}

/// Neighbours of the rows from `first` on, as many as `indices` has room for.
fn search(x: &Array2<f32>, norms: &[f32], first: usize, k: usize, indices: &mut [u32], distances: &mut [f32]) {
    let (n, rows) = (x.nrows(), indices.len() / k);
    let queries = x.slice(s![first..first + rows, ..]);
    let mut found: Vec<Nearest> = (0..rows).map(|_| Nearest::new(k)).collect();
    let mut buffer = vec![0.0; rows * TILE.min(n)];
    for tile in (0..n).step_by(TILE) {
        let end = (tile + TILE).min(n);
        let width = end - tile;
        let products = &mut buffer[..rows * width];
        if let Ok(out) = ArrayViewMut2::from_shape((rows, width), &mut *products) {
            matmul_into(queries, x.slice(s![tile..end, ..]).t(), -2.0, out);
        }
        for (r, (row, nearest)) in products.chunks_exact(width).zip(&mut found).enumerate() {
            nearest.scan(row, &norms[tile..end], tile, first + r);
        }
    }
    let outputs = indices.chunks_exact_mut(k).zip(distances.chunks_exact_mut(k));
    for ((nearest, query), (indices, distances)) in found.into_iter().zip(queries.rows()).zip(outputs) {
        // the products only chose them: distances are computed again, from the differences
        let squared = |j: u32| -> f64 {
            match (query.as_slice(), x.row(j as usize).as_slice()) {
                (Some(a), Some(b)) => squared_distance(a, b),
                _ => f64::INFINITY,
            }
        };
        let mut rows: Vec<(f64, u32)> = nearest.finish().into_iter().map(|j| (squared(j), j)).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for ((distance, j), (index, out)) in rows.into_iter().zip(indices.iter_mut().zip(distances)) {
            *index = j;
            *out = distance as f32;
        }
    }
}

/// The nearest rows so far, and the distance that a new one has to beat.
struct Nearest {
    k: usize,
    candidates: Vec<(f32, u32)>,
    limit: f32,
}

impl Nearest {
    fn new(k: usize) -> Self {
        Self { k, candidates: Vec::with_capacity(2 * k), limit: f32::INFINITY }
    }

    /// Looks at rows `offset..` of which `products` holds `-2 x_i . x_j`.
    fn scan(&mut self, products: &[f32], norms: &[f32], offset: usize, query: usize) {
        let mut start = 0;
        while let Some(group) = first_below(&products[start..], &norms[start..], self.limit) {
            start += group * GROUP;
            let end = (start + GROUP).min(products.len());
            for at in start..end {
                let distance = products[at] + norms[at];
                if distance < self.limit && offset + at != query {
                    self.push((distance, (offset + at) as u32));
                }
            }
            start = end;
        }
    }

    fn push(&mut self, candidate: (f32, u32)) {
        self.candidates.push(candidate);
        if self.candidates.len() == 2 * self.k {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.candidates.len() > self.k {
            let (_, &mut (limit, _), _) =
                self.candidates.select_nth_unstable_by(self.k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            self.candidates.truncate(self.k);
            self.limit = limit;
        }
    }

    fn finish(mut self) -> Vec<u32> {
        self.shrink();
        self.candidates.into_iter().map(|(_, j)| j).collect()
    }
}

/// The first group of [`GROUP`] columns of which one may be nearer than `limit`; the last, incomplete one always may.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn first_below(products: &[f32], norms: &[f32], limit: f32) -> Option<usize> {
    let (groups, rest) = products.as_chunks::<GROUP>();
    let (norm_groups, _) = norms.as_chunks::<GROUP>();
    let found = groups.iter().zip(norm_groups).position(|(products, norms)| {
        let mut below = false;
        for l in 0..GROUP {
            below |= products[l] + norms[l] < limit;
        }
        below
    });
    found.or(if rest.is_empty() { None } else { Some(groups.len()) })
}

/// The squared Euclidean distance, summed in `f64`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0f64; LANES];
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            let difference = f64::from(a[l] - b[l]);
            sums[l] += difference * difference;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_brute_force_with_duplicates_and_a_far_origin() {
        let n = 300;
        let x = Array2::from_shape_fn((n, 7), |(i, j)| 100.0 + (((i / 2) * 37 + j * 11) % 101) as f32 * 0.1);
        let mut neighbors = Neighbors::new(x.view(), 9);
        let mut steps = 1;
        while neighbors.step() {
            steps += 1;
        }
        assert_eq!(steps, neighbors.steps());
        for i in 0..n {
            let mut all: Vec<f64> = (0..n)
                .filter(|&j| j != i)
                .map(|j| x.row(i).iter().zip(x.row(j)).map(|(a, b)| f64::from(a - b).powi(2)).sum())
                .collect();
            all.sort_by(f64::total_cmp);
            for (rank, found) in neighbors.distances[i * 9..(i + 1) * 9].iter().enumerate() {
                assert!((f64::from(*found) - all[rank]).abs() < 1e-4, "{i} {rank}");
            }
            assert!(!neighbors.indices[i * 9..(i + 1) * 9].contains(&(i as u32)));
        }
    }
}
