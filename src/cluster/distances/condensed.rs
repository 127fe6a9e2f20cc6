//! The table of all distances: row `i` holds those to the rows before it, so half a square is stored, in small square tiles.
//! Who asks for all distances of a row walks along it and then down its column; in tiles the column is near in memory too.

use super::Metric;
use super::coarse::centred;
use super::rows::{MatrixError, Rows, squared_distance, squared_norms};
use crate::cluster::Scalar;
use crate::linalg;
use crate::runtime;
use ndarray::{Array2, s};
use rayon::prelude::*;
use std::ops::Range;

/// Rows that one task computes; whole tiles.
const BLOCK: usize = 4 * SIDE;
/// Columns whose products are computed at once; whole tiles.
const TILE: usize = 16 * SIDE;
/// Multiplications of one step, about; every thread has a block at least.
const WORK: usize = if runtime::ONE_THREAD { 100_000_000 } else { 1_000_000_000 };
/// The largest table in double precision; beyond it single precision saves half.
const DOUBLE_BYTES: usize = if runtime::ONE_THREAD { 1 << 29 } else { 1 << 31 };

/// Rows and columns of a stored tile; a tile is a page of memory or two.
const SIDE: usize = 32;

/// Distances below the diagonal, tile after tile.
#[derive(Debug)]
pub(in crate::cluster) struct Condensed<T> {
    pub(in crate::cluster) n: usize,
    pub(in crate::cluster) values: Vec<T>,
}

/// Numbers that are stored for the first `rows` rows, or where the tiles of row `rows` start if it is a tile's first.
fn stored(rows: usize) -> usize {
    let tiles = rows.div_ceil(SIDE);
    tiles * (tiles + 1) / 2 * SIDE * SIDE
}

/// Where the distance from a row to one before it is.
fn place(row: usize, column: usize) -> usize {
    let (below, right) = (row / SIDE, column / SIDE);
    (below * (below + 1) / 2 + right) * SIDE * SIDE + row % SIDE * SIDE + column % SIDE
}

impl Table {
    /// The distance between two different rows.
    pub(in crate::cluster) fn get(&self, i: usize, j: usize) -> f64 {
        match self {
            Self::Double(table) => table.get(i, j),
            Self::Single(table) => table.get(i, j),
        }
    }

    /// The distance to the `k`th nearest other row, of each row of `block`; 0 for `k` 0.
    pub(in crate::cluster) fn kth(&self, block: Range<usize>, k: usize) -> Vec<f64> {
        match self {
            Self::Double(table) => table.kth(block, k),
            Self::Single(table) => table.kth(block, k),
        }
    }
}

impl<T: Scalar> Condensed<T> {
    /// The distance between two different rows.
    pub(in crate::cluster) fn get(&self, i: usize, j: usize) -> f64 {
        self.values[place(i.max(j), i.min(j))].into()
    }

    /// Sets the distance between two different rows.
    pub(in crate::cluster) fn set(&mut self, i: usize, j: usize, distance: T) {
        self.values[place(i.max(j), i.min(j))] = distance;
    }

    /// The distances from row `i` to those of `columns`, which lie before it: pieces, with the column of their first.
    pub(in crate::cluster) fn pieces(&self, i: usize, columns: Range<usize>) -> impl Iterator<Item = (usize, &[T])> {
        let mut next = columns.start;
        std::iter::from_fn(move || {
            let first = next;
            next = columns.end.min((first / SIDE + 1) * SIDE);
            (first < next).then(|| (first, &self.values[place(i, first)..][..next - first]))
        })
    }

    /// Keeps only these rows, ascending, and gives them the numbers from 0.
    pub(in crate::cluster) fn keep(&mut self, rows: &[u32]) {
        for (row, &from) in rows.iter().enumerate() {
            for (column, &other) in rows[..row].iter().enumerate() {
                self.values[place(row, column)] = self.values[place(from as usize, other as usize)];
            }
        }
        self.n = rows.len();
        self.values.truncate(stored(self.n));
    }

    fn kth(&self, block: Range<usize>, k: usize) -> Vec<f64> {
        let mut nearest = vec![vec![T::infinity(); k]; block.len()];
        if k == 0 {
            return vec![0.0; block.len()];
        }
        let insert = |nearest: &mut Vec<T>, distance: T| {
            if distance < nearest[k - 1] {
                let at = nearest.partition_point(|&other| other <= distance);
                nearest.pop();
                nearest.insert(at, distance);
            }
        };
        for (nearest, i) in nearest.iter_mut().zip(block.clone()) {
            let distances = self.pieces(i, 0..i).flat_map(|(_, piece)| piece);
            distances.for_each(|&distance| insert(nearest, distance));
        }
        for i in block.start + 1..self.n {
            for (first, piece) in self.pieces(i, block.start..block.end.min(i)) {
                let nearest = &mut nearest[first - block.start..];
                nearest.iter_mut().zip(piece).for_each(|(nearest, &distance)| insert(nearest, distance));
            }
        }
        nearest.into_iter().map(|nearest| nearest[k - 1].into()).collect()
    }
}

/// A table in either precision.
#[derive(Debug)]
pub(in crate::cluster) enum Table {
    /// Exact to rounding; for as many rows as memory allows.
    Double(Condensed<f64>),
    /// Half the memory.
    Single(Condensed<f32>),
}

/// A table being filled.
#[derive(Debug)]
pub(in crate::cluster) enum Filling {
    Double(Part<f64>),
    Single(Part<f32>),
}

impl Filling {
    /// Starts the table of the rows' distances.
    ///
    /// # Errors
    /// When memory does not suffice, or the metric is cosine and a row has no direction.
    pub(in crate::cluster) fn new<F: Scalar>(rows: Rows<F>, metric: Metric) -> Result<Self, MatrixError> {
        let bytes = stored(rows.n_samples()).saturating_mul(size_of::<f64>());
        Self::with_precision(rows, metric, bytes <= DOUBLE_BYTES)
    }

    pub(in crate::cluster) fn with_precision<F: Scalar>(
        rows: Rows<F>,
        metric: Metric,
        double: bool,
    ) -> Result<Self, MatrixError> {
        let x = match metric {
            Metric::Euclidean if double => rows.x.mapv(Into::into),
            Metric::Euclidean => {
                let (x, scale) = centred(&rows.x);
                drop(rows);
                return Ok(Self::Single(Part::new(x, metric, scale)?));
            }
            Metric::Cosine => directions(&rows)?,
        };
        if double {
            Ok(Self::Double(Part::new(x, metric, 1.0)?))
        } else {
            let (x, scale) = centred(&x);
            Ok(Self::Single(Part::new(x, metric, scale)?))
        }
    }

    /// Computes some rows; true when all are there.
    pub(in crate::cluster) fn step(&mut self) -> bool {
        match self {
            Self::Double(part) => part.step(),
            Self::Single(part) => part.step(),
        }
    }

    /// Pairs that are there, and all.
    pub(in crate::cluster) fn progress(&self) -> (usize, usize) {
        match self {
            Self::Double(part) => (part.table.values.len(), stored(part.table.n)),
            Self::Single(part) => (part.table.values.len(), stored(part.table.n)),
        }
    }

    /// The table; whole when [`step`](Self::step) has returned true.
    pub(in crate::cluster) fn table(self) -> Table {
        match self {
            Self::Double(part) => Table::Double(part.table),
            Self::Single(part) => Table::Single(part.table),
        }
    }
}

/// Rows scaled to length 1.
fn directions<F: Scalar>(rows: &Rows<F>) -> Result<Array2<f64>, MatrixError> {
    let mut x: Array2<f64> = rows.x.mapv(Into::into);
    for (row, mut values) in x.outer_iter_mut().enumerate() {
        let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(MatrixError::Zero { row });
        }
        values.mapv_inplace(|v| v / length);
    }
    Ok(x)
}

/// A table in one precision, its rows so far, and what they are computed from.
#[derive(Debug)]
pub(in crate::cluster) struct Part<T> {
    x: Array2<T>,
    norms: Vec<f64>,
    metric: Metric,
    /// What the rows were divided by.
    scale: f64,
    table: Condensed<T>,
    /// Rows that are there.
    done: usize,
}

impl<T: Scalar> Part<T> {
    fn new(x: Array2<T>, metric: Metric, scale: f64) -> Result<Self, MatrixError> {
        let n = x.nrows();
        let mut values = Vec::new();
        let too_large = |_| MatrixError::TooLarge { n_samples: n, bytes: stored(n).saturating_mul(size_of::<T>()) };
        values.try_reserve_exact(stored(n)).map_err(too_large)?;
        Ok(Self { norms: squared_norms(&x), x, metric, scale, table: Condensed { n, values }, done: 0 })
    }

    fn step(&mut self) -> bool {
        let n = self.table.n;
        let (first, mut blocks) = (self.done, Vec::new());
        let mut work = 0;
        while self.done < n && (blocks.len() < rayon::current_num_threads() || work < WORK) {
            let block = self.done..n.min(self.done + BLOCK);
            work += block.len() * block.end * self.x.ncols();
            self.done = block.end;
            blocks.push(block);
        }
        self.table.values.resize(stored(self.done), T::zero());
        let mut rest = &mut self.table.values[stored(first)..];
        let mut parts = Vec::new();
        for block in blocks {
            let (part, after) = rest.split_at_mut(stored(block.end) - stored(block.start));
            parts.push((block, part));
            rest = after;
        }
        let (x, norms, metric, scale) = (&self.x, &self.norms, self.metric, self.scale);
        parts.into_par_iter().for_each(|(block, part)| {
            fill(x, norms, metric, block, part);
            if scale != 1.0 {
                // Twice the scale's power where the values are half squares.
                let scale = T::of(if metric == Metric::Cosine { scale * scale } else { scale });
                part.iter_mut().for_each(|distance| *distance *= scale);
            }
        });
        self.done == n
    }
}

/// Computes the rows of `block` into `part` of the table.
fn fill<T: Scalar>(x: &Array2<T>, norms: &[f64], metric: Metric, block: Range<usize>, part: &mut [T]) {
    let mut products = Array2::zeros((block.len(), TILE));
    for first in (0..block.end).step_by(TILE) {
        let tile = first..block.end.min(first + TILE);
        let mut products = products.slice_mut(s![.., ..tile.len()]);
        let (a, b) = (x.slice(s![block.clone(), ..]), x.slice(s![tile.clone(), ..]));
        linalg::matmul_into(a, b.t(), T::one(), products.view_mut());
        for (i, products) in block.clone().zip(products.rows()) {
            let Some(products) = products.to_slice() else { continue };
            for (piece, products) in products.chunks(SIDE).enumerate() {
                let column = first + piece * SIDE;
                let width = products.len().min(i.saturating_sub(column));
                if width > 0 {
                    let out = &mut part[place(i, column) - stored(block.start)..][..width];
                    distances(x, norms, metric, (i, column), &products[..width], out);
                }
            }
        }
    }
}

/// The distances from row `i` to the rows from `column` on, from their products.
fn distances<T: Scalar>(
    x: &Array2<T>,
    norms: &[f64],
    metric: Metric,
    (i, column): (usize, usize),
    products: &[T],
    out: &mut [T],
) {
    if metric == Metric::Cosine && size_of::<T>() == size_of::<f64>() {
        out.iter_mut().zip(products).for_each(|(out, &product)| *out = (T::one() - product).max(T::zero()));
        return;
    }
    lengths(norms[i], &norms[column..][..out.len()], products, out);
    mend(x, norms, i, column, out);
    if metric == Metric::Cosine {
        // Between unit vectors the squared length is twice the cosine distance, and exact for small angles.
        out.iter_mut().for_each(|out| *out = *out * *out * T::of(0.5));
    }
}

/// The lengths of differences, from products and squared norms.
fn lengths<T: Scalar>(norm: f64, norms: &[f64], products: &[T], out: &mut [T]) {
    for ((out, &product), other) in out.iter_mut().zip(products).zip(norms) {
        let product: f64 = product.into();
        *out = T::of((norm + other - 2.0 * product).max(0.0).sqrt());
    }
}

/// Computes again, from the differences, the lengths that are so short that rounding of the products shows.
fn mend<T: Scalar>(x: &Array2<T>, norms: &[f64], i: usize, column: usize, out: &mut [T]) {
    let short = if size_of::<T>() == size_of::<f64>() { 1e-6 } else { 1e-2 };
    let is_short = |length: T, norm: f64| {
        let length: f64 = length.into();
        length * length < short * (norms[i] + norm)
    };
    let norms = &norms[column..][..out.len()];
    let any = out.iter().zip(norms).fold(false, |any, (&length, &norm)| any | is_short(length, norm));
    if any {
        for (at, (out, &norm)) in out.iter_mut().zip(norms).enumerate() {
            if is_short(*out, norm) {
                *out = T::of(squared_distance(x.row(i), x.row(column + at)).sqrt());
            }
        }
    }
}
