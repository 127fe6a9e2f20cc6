//! The leading eigenvectors of a graph's normalized adjacency, which are the first ones of its Laplacian.
//!
//! Y. Zhou, Y. Saad, M. L. Tiago and J. R. Chelikowsky, "Self-consistent-field calculations using
//! Chebyshev-filtered subspace iteration" (2006): a block of vectors is multiplied by a polynomial in
//! the matrix that is small over the unwanted eigenvalues, made orthonormal and rotated onto the
//! matrix' eigenvectors within the block, until the wanted ones stand still. The eigenvector of
//! eigenvalue 1 that every graph has is known and left out.

use super::affinity::{BLOCK, Graph};
use crate::linalg::{eigh, matmul};
use crate::random::RandomState;
use ndarray::{Array1, Array2, Axis, Zip, s};
use std::ops::Range;

/// Rows up to which the whole matrix is decomposed at once.
const SMALL: usize = 400;
/// Multiplications after which a step ends.
const STEP_WORK: usize = 1 << 27;
/// Iterations at most.
pub(super) const MAX_ITER: usize = 500;
/// What a filter should gain for the last wanted vector, and may gain for the first, as logarithms.
const GAIN: f64 = 7.0;
const MOST_GAIN: f64 = 25.0;
/// Degree of a filter at most.
const MOST_DEGREE: usize = 60;

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Done,
    Failed,
}

/// The polynomial under way: one multiplication after the other.
struct Filter {
    degree: usize,
    done: usize,
    center: f64,
    half_width: f64,
    sigma: f64,
    first_sigma: f64,
    previous: Array2<f64>,
}

/// Rows of the next block that are finished.
struct Product {
    of_trivial: Array1<f64>,
    out: Array2<f64>,
    row: usize,
}

/// The search for eigenvectors under way.
pub(super) struct Eigenvectors {
    wanted: usize,
    tolerance: f64,
    trivial: Array1<f64>,
    lowest: f64,
    /// `[n, block]`
    block: Array2<f64>,
    product: Product,
    /// `None` while the block is rotated.
    filter: Option<Filter>,
    iterations: usize,
    /// Largest residual of a wanted vector.
    residual: f64,
}

impl Eigenvectors {
    /// Starts on `wanted` vectors; `None` when the graph is so small that [`decompose`] is quicker.
    pub(super) fn new(graph: &Graph, wanted: usize, tolerance: f64, mut rng: RandomState) -> Option<Self> {
        let n = graph.n();
        let width = wanted + (wanted / 2).max(10);
        if n <= SMALL.max(4 * width) {
            return None;
        }
        let block = orthonormal(Array2::from_shape_simple_fn((n, width), || rng.standard_normal()))?;
        let trivial = graph.trivial();
        let product = Product::new(&trivial, &block);
        let lowest = graph.lowest();
        let (filter, iterations, residual) = (None, 0, f64::INFINITY);
        Some(Self { wanted: wanted - 1, tolerance, trivial, lowest, block, product, filter, iterations, residual })
    }

    /// Iterations done.
    pub(super) fn iterations(&self) -> usize {
        self.iterations
    }

    /// How much of the way is done, 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        (self.residual.ln() / self.tolerance.ln()).clamp(0.0, 1.0)
    }

    /// Multiplies some rows.
    pub(super) fn step(&mut self, graph: &Graph) -> State {
        let n = graph.n();
        if self.product.row < n {
            let work = graph.work_per_row().saturating_mul(self.block.ncols());
            let blocks = (STEP_WORK / work / BLOCK).max(rayon::current_num_threads());
            let rows = self.product.row..n.min(self.product.row + blocks * BLOCK);
            self.multiply(graph, rows);
        }
        if self.product.row < n { State::Running } else { self.end_product() }
    }

    /// The wanted vectors, `[n, wanted]`, once all is done.
    pub(super) fn finish(self) -> Array2<f64> {
        let mut vectors = Array2::zeros((self.block.nrows(), self.wanted + 1));
        vectors.column_mut(0).assign(&self.trivial);
        vectors.slice_mut(s![.., 1..]).assign(&self.block.slice(s![.., ..self.wanted]));
        vectors
    }

    fn multiply(&mut self, graph: &Graph, rows: Range<usize>) {
        let mut product = graph.multiply(self.block.view(), rows.clone());
        for (mut row, &trivial) in product.rows_mut().into_iter().zip(self.trivial.slice(s![rows.clone()])) {
            row.scaled_add(-trivial, &self.product.of_trivial);
        }
        if let Some(filter) = &self.filter {
            let (scale, back) = filter.factors();
            let block = self.block.slice(s![rows.clone(), ..]);
            let previous = filter.previous.slice(s![rows.clone(), ..]);
            Zip::from(&mut product).and(&block).and(&previous).for_each(|product, &block, &previous| {
                *product = (*product - filter.center * block) * scale - previous * back;
            });
        }
        self.product.out.slice_mut(s![rows.clone(), ..]).assign(&product);
        self.product.row = rows.end;
    }

    /// What follows a whole multiplication.
    fn end_product(&mut self) -> State {
        let empty = Product { of_trivial: Array1::zeros(0), out: Array2::zeros((0, 0)), row: 0 };
        let product = std::mem::replace(&mut self.product, empty).out;
        match self.filter.take() {
            None => {
                let Some(values) = self.rotate(product) else { return State::Failed };
                if self.residual <= self.tolerance {
                    return State::Done;
                }
                if self.iterations == MAX_ITER {
                    return State::Failed;
                }
                self.iterations += 1;
                self.filter = Some(self.new_filter(&values));
            }
            Some(mut filter) => {
                filter.previous = std::mem::replace(&mut self.block, product);
                if filter.advance() {
                    self.filter = Some(filter);
                } else {
                    let block = std::mem::take(&mut self.block);
                    let Some(block) = orthonormal(block) else { return State::Failed };
                    self.block = block;
                }
            }
        }
        self.product = Product::new(&self.trivial, &self.block);
        State::Running
    }

    /// Turns the block to the matrix' eigenvectors within it, the largest eigenvalue first; the eigenvalues.
    fn rotate(&mut self, product: Array2<f64>) -> Option<Vec<f64>> {
        let inner = matmul(self.block.t(), product.view());
        let (values, vectors) = eigh(((&inner + &inner.t()) * 0.5).view())?;
        let values: Vec<f64> = values.iter().rev().copied().collect();
        let turn = vectors.slice(s![.., ..;-1]).to_owned();
        self.block = matmul(self.block.view(), turn.view());
        let product = matmul(product.view(), turn.view());
        self.residual = (0..self.wanted).fold(0.0, |worst: f64, c| {
            let squares = Zip::from(product.column(c)).and(self.block.column(c));
            worst.max(squares.fold(0.0, |sum, p, v| sum + (p - values[c] * v).powi(2)).sqrt())
        });
        Some(values)
    }

    /// A polynomial that is small from the lowest eigenvalue to the block's last.
    fn new_filter(&self, values: &[f64]) -> Filter {
        let edge = values[values.len() - 1].max(self.lowest + 1e-3 * (values[0] - self.lowest).max(f64::EPSILON));
        let (center, half_width) = ((edge + self.lowest) / 2.0, (edge - self.lowest) / 2.0);
        let gain = |value: f64| ((value - center) / half_width).max(1.0 + 1e-9).acosh();
        let last = values[self.wanted.saturating_sub(1)];
        let degree = (GAIN / gain(last)).min(MOST_GAIN / gain(values[0])).ceil();
        let degree = (degree as usize).clamp(2, MOST_DEGREE);
        let sigma = half_width / (values[0] - center).max(half_width);
        let previous = Array2::zeros(self.block.dim());
        Filter { degree, done: 0, center, half_width, sigma, first_sigma: sigma, previous }
    }
}

impl Product {
    fn new(trivial: &Array1<f64>, block: &Array2<f64>) -> Self {
        Self { of_trivial: block.t().dot(trivial), out: Array2::zeros(block.dim()), row: 0 }
    }
}

impl Filter {
    /// What the shifted product and the vectors before last are scaled by: the recurrence of the Chebyshev polynomials,
    /// scaled so that the largest eigenvalue stays as it is.
    fn factors(&self) -> (f64, f64) {
        if self.done == 0 {
            return (self.sigma / self.half_width, 0.0);
        }
        let next = self.next_sigma();
        (2.0 * next / self.half_width, self.sigma * next)
    }

    fn next_sigma(&self) -> f64 {
        1.0 / (2.0 / self.first_sigma - self.sigma)
    }

    /// Takes note of a multiplication; whether there is another.
    fn advance(&mut self) -> bool {
        if self.done > 0 {
            self.sigma = self.next_sigma();
        }
        self.done += 1;
        self.done < self.degree
    }
}

/// The `wanted` leading eigenvectors of a small graph, `[n, wanted]`.
pub(super) fn decompose(graph: &Graph, wanted: usize) -> Option<Array2<f64>> {
    let (_, vectors) = eigh(graph.to_dense().view())?;
    Some(vectors.slice(s![.., ..;-1]).slice(s![.., ..wanted]).to_owned())
}

/// An orthonormal basis of the columns' span; twice, for what the first pass rounds off.
fn orthonormal(mut block: Array2<f64>) -> Option<Array2<f64>> {
    for _ in 0..2 {
        let lengths = block.map_axis(Axis(0), |column| column.dot(&column).sqrt().max(f64::MIN_POSITIVE));
        block /= &lengths;
        let (values, vectors) = eigh(matmul(block.t(), block.view()).view())?;
        let least = values.iter().fold(0.0, |largest: f64, &v| largest.max(v)) * f64::EPSILON;
        let scaled = &vectors / &values.mapv(|v| v.max(least).sqrt());
        block = matmul(block.view(), scaled.view());
    }
    Some(block)
}
