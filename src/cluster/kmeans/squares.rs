//! The squared distances between all rows, for when many K-Means and silhouettes of the same rows will ask for them.
//!
//! They do not depend on k, on the seed or on the run. One thread computes them all in about the time of one clustering;
//! starts then look their candidates' distances up, and iterations need no vectors ([`super::table`]).

use super::CHUNK;
use super::data::Centred;
use super::init::WIDTH;
use super::kernel::{Packed, wide_products};
use crate::cluster::Scalar;
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Rows that are computed in one step, against all others.
const ROWS: usize = 4 * WIDTH;

/// Squared distances, the very numbers that K-Means computes from the same rows; filled step by step.
#[derive(Debug)]
pub struct Squares<F> {
    n: usize,
    /// `[n, n]`; element (i, j) is the distance from candidate i to row j.
    values: Vec<F>,
    /// Rows that are whole.
    done: usize,
}

impl<F: Scalar> Squares<F> {
    /// A table for the rows of `x`, yet empty.
    pub fn new(x: &Centred<F>) -> Self {
        Self { n: x.n_samples, values: vec![F::zero(); x.n_samples * x.n_samples], done: 0 }
    }

    /// How many rows there are.
    pub(super) fn n(&self) -> usize {
        self.n
    }

    /// Memory held.
    pub fn bytes(&self) -> usize {
        self.values.len() * size_of::<F>()
    }

    /// Computes some rows; true when all are there. A product serves both its rows.
    pub fn step(&mut self, x: &Centred<F>) -> bool {
        let (n, first) = (self.n, self.done);
        let end = n.min(first + ROWS);
        let candidates: Vec<&[F]> = (first..end).map(|i| x.row(i)).collect();
        let packed = Packed::<f64, WIDTH>::new(&candidates, x.n_features);
        let products: Vec<Vec<f64>> = x.rows[first * x.n_features..]
            .par_chunks(CHUNK * x.n_features)
            .map(|rows| wide_products(rows, &packed))
            .collect();
        for (j, products) in (first..n).zip(products.iter().flat_map(|part| part.chunks_exact(packed.lanes()))) {
            for (i, product) in (first..end).zip(products) {
                let squared =
                    |from: usize, to: usize| F::of(-2.0 * product + x.norms[from] + x.norms[to]).max(F::zero());
                self.values[i * n + j] = squared(i, j);
                self.values[j * n + i] = squared(j, i);
            }
        }
        self.done = end;
        end == n
    }

    /// The distances from row `i` to every row.
    pub(super) fn row(&self, i: usize) -> &[F] {
        &self.values[i * self.n..][..self.n]
    }

    /// All of them, `[n, n]`.
    pub fn view(&self) -> ArrayView2<'_, F> {
        // The table always has n * n numbers.
        ArrayView2::from_shape((self.n, self.n), &self.values).unwrap_or_else(|_| ArrayView2::from(&[] as &[[F; 0]]))
    }
}
