//! The nearest rows of every row, found in single precision and decided in double.

use crate::cluster::Scalar;
use crate::linalg::matmul;
use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

/// Rows that one task searches for, and rows that it looks at in one go.
const ROWS: usize = 128;
const COLUMNS: usize = 1024;

/// The rows in single precision, and what is known of them.
pub(super) struct Search {
    /// Centred and scaled to -1..1, so that single precision says much of the distances; `[n, n_features]`.
    single: Array2<f32>,
    /// Squared norms of these, `[n]`.
    norms: Vec<f64>,
    n_neighbors: usize,
}

/// Indices of the nearest rows of one row, itself among them, in no order.
pub(super) type Nearest = Vec<usize>;

impl Search {
    /// A search in the rows `x`.
    pub(super) fn new(x: Array2<f64>, n_neighbors: usize) -> Self {
        let means = x.sum_axis(Axis(0)) / x.nrows() as f64;
        let x = x - means;
        let largest = x.fold(f64::MIN_POSITIVE, |largest, v| largest.max(v.abs()));
        let single = x.mapv(|v| (v / largest) as f32);
        let norms = single.rows().into_iter().map(|row| row.iter().map(|&v| f64::from(v) * f64::from(v)).sum());
        Self { norms: norms.collect(), single, n_neighbors }
    }

    /// The nearest of a block of rows for each thread, from row `first` on. `rows` are the same rows as they are.
    pub(super) fn step<F: Scalar>(&self, rows: &[F], first: usize) -> Vec<Nearest> {
        let end = self.norms.len().min(first + ROWS * rayon::current_num_threads());
        let starts: Vec<usize> = (first..end).step_by(ROWS).collect();
        starts.into_par_iter().flat_map_iter(|start| self.block(rows, start, end.min(start + ROWS))).collect()
    }

    fn block<F: Scalar>(&self, rows: &[F], start: usize, end: usize) -> Vec<Nearest> {
        let (n, n_features) = self.single.dim();
        let own = self.single.slice(s![start..end, ..]);
        let mut candidates: Vec<Candidates> = (start..end).map(|_| Candidates::new(self.n_neighbors)).collect();
        for column in (0..n).step_by(COLUMNS) {
            let others = self.single.slice(s![column..n.min(column + COLUMNS), ..]);
            let products = matmul(own, others.t());
            for (i, (candidates, products)) in candidates.iter_mut().zip(products.rows()).enumerate() {
                let norm = self.norms[start + i];
                for (j, &product) in products.iter().enumerate() {
                    let other = self.norms[column + j];
                    candidates.offer(column + j, norm + other - 2.0 * f64::from(product), self.error(norm, other));
                }
            }
        }
        (start..end)
            .zip(candidates)
            .map(|(row, candidates)| {
                let distance = |other: usize| (exact(rows, n_features, row, other), other);
                candidates.decide(self.n_neighbors, distance)
            })
            .collect()
    }

    /// The most that a squared distance in single precision can be off: of the inner product, summed in any order,
    /// and of the rows, which are rounded when they are converted and centred.
    fn error(&self, norm: f64, other: f64) -> f64 {
        let terms = self.single.ncols() as f64 + 8.0;
        terms * (f64::from(f32::EPSILON) * (norm + other) + f64::from(f32::MIN_POSITIVE))
    }
}

/// Squared distance of two rows.
fn exact<F: Scalar>(rows: &[F], n_features: usize, a: usize, b: usize) -> f64 {
    let (a, b) = (&rows[a * n_features..][..n_features], &rows[b * n_features..][..n_features]);
    let square = |(&a, &b): (&F, &F)| {
        let difference: f64 = Into::<f64>::into(a) - b.into();
        difference * difference
    };
    a.iter().zip(b).map(square).sum()
}

/// Rows that could be among the nearest.
struct Candidates {
    /// Upper bounds of the smallest distances.
    bounds: Heap,
    /// Row and lower bound of its distance.
    rows: Vec<(usize, f64)>,
}

impl Candidates {
    fn new(n_neighbors: usize) -> Self {
        Self { bounds: Heap::new(n_neighbors), rows: Vec::new() }
    }

    #[inline]
    fn offer(&mut self, row: usize, distance: f64, error: f64) {
        if distance - error <= self.bounds.largest() {
            self.bounds.push(distance + error, row);
            self.rows.push((row, distance - error));
        }
    }

    /// The nearest by their exact distances.
    fn decide(self, n_neighbors: usize, distance: impl Fn(usize) -> (f64, usize)) -> Nearest {
        let bound = self.bounds.largest();
        let remaining = self.rows.iter().filter(|&&(_, lowest)| lowest <= bound);
        let exact: Vec<(f64, usize)> = remaining.map(|&(row, _)| distance(row)).collect();
        let heap = Heap::of(n_neighbors, exact.iter().copied());
        let ties = exact.iter().filter(|(value, _)| *value == heap.largest()).count();
        let kept = heap.entries.iter().filter(|(value, _)| *value == heap.largest()).count();
        if ties == kept {
            return heap.into_indices();
        }
        // Which of equal rows stay depends on all that came before them.
        Heap::of(n_neighbors, self.rows.iter().map(|&(row, _)| distance(row))).into_indices()
    }
}

/// The smallest values so far, the largest of them first: a binary heap. Of equal values the first that came stay, and
/// which of them goes for a smaller one is as in scikit-learn's `heap_push`, so that ties end alike.
struct Heap {
    entries: Vec<(f64, usize)>,
}

impl Heap {
    fn new(size: usize) -> Self {
        Self { entries: vec![(f64::INFINITY, 0); size] }
    }

    fn of(size: usize, entries: impl Iterator<Item = (f64, usize)>) -> Self {
        let mut heap = Self::new(size);
        entries.for_each(|(value, index)| heap.push(value, index));
        heap
    }

    #[inline]
    fn largest(&self) -> f64 {
        self.entries[0].0
    }

    fn push(&mut self, value: f64, index: usize) {
        if value >= self.largest() {
            return;
        }
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let Some(&(of_left, _)) = self.entries.get(left) else { break };
            let larger = match self.entries.get(right) {
                Some(&(of_right, _)) if of_right > of_left => right,
                _ => left,
            };
            if self.entries[larger].0 <= value {
                break;
            }
            self.entries[at] = self.entries[larger];
            at = larger;
        }
        self.entries[at] = (value, index);
    }

    fn into_indices(self) -> Vec<usize> {
        self.entries.into_iter().map(|(_, index)| index).collect()
    }
}
