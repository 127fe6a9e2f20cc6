//! The clusters' centres, from which ward's distances follow without a table: squared, `2 a b / (a + b)` times the squared
//! distance between the centres of clusters of `a` and `b` rows.
//!
//! Products in `f32`, of whose error a bound is known, tell for many clusters at once which others may be nearest; only
//! those few distances are computed in `f64`.

use crate::cluster::Scalar;
use crate::cluster::distances::coarse::mean_and_largest;
use crate::cluster::distances::rows::{Rows, squared_distance, squared_norms};
use crate::linalg;
use crate::runtime;
use multiversion::multiversion;
use ndarray::{Array2, ArrayView1, ArrayViewMut1, Axis, s};
use std::ops::Range;

/// Clusters that are compared with all others together.
pub(super) const BLOCK: usize = if runtime::ONE_THREAD { 64 } else { 256 };
/// Clusters of one tile's other side; a tile of products stays in the second-level cache.
const TILE: usize = 512;
/// Values that are tested together.
const LANES: usize = 16;
/// Others that are kept of each cluster.
pub(super) const KEPT: usize = 12;
/// Others that are collected before all but the nearest are dropped.
const COLLECTED: usize = 8 * KEPT;

/// Clusters in slots; a slot is empty once its cluster is joined to another.
#[derive(Debug)]
pub(super) struct Centers {
    /// `[slots, n_features]`, divided by `scale`, a power of two, so that no square overflows and no bit is lost.
    exact: Array2<f64>,
    /// The same less the mean of all rows, which makes products more exact where all lie far from the origin.
    coarse: Array2<f32>,
    mean: Vec<f64>,
    /// Rows of each cluster.
    sizes: Vec<f64>,
    bounds: Bounds,
    /// A squared distance by products is wrong by at most this part of the sum of the two squared norms.
    relative: f64,
    scale: f64,
}

/// What products are turned to distances with: sizes, and squared norms less and plus what rounding may do to a distance;
/// infinite in empty slots.
#[derive(Debug)]
struct Bounds {
    sizes: Vec<f32>,
    low: Vec<f32>,
    high: Vec<f32>,
}

/// Slots that may hold a cluster's nearest: with a squared distance that each is at least away, and that of all others.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) near: Vec<(f32, u32)>,
    pub(super) beyond: f32,
}

impl Centers {
    pub(super) fn new<F: Scalar>(rows: Rows<F>) -> Self {
        let (mean, largest) = mean_and_largest(&rows.x);
        let scale = power_of_two(largest);
        let exact = rows.x.mapv(|v| Into::<f64>::into(v) / scale);
        drop(rows);
        let mean: Vec<f64> = mean.into_iter().map(|v| v / scale).collect();
        let n = exact.nrows();
        let mut coarse = Array2::zeros(exact.dim());
        coarse.outer_iter_mut().zip(exact.outer_iter()).for_each(|(coarse, exact)| less_mean(exact, &mean, coarse));
        // A sum of n products is wrong by at most n roundings of the sum of their sizes, which the squared norms bound;
        // the rest is for the rounded inputs and what is made of the products.
        let relative = (exact.ncols() + 48) as f64 * f64::from(f32::EPSILON) / 2.0;
        let bounds = Bounds { sizes: vec![1.0; n], low: vec![0.0; n], high: vec![0.0; n] };
        let norms = squared_norms(&coarse);
        let mut centers = Self { exact, coarse, mean, sizes: vec![1.0; n], bounds, relative, scale };
        norms.into_iter().enumerate().for_each(|(slot, norm)| centers.set_norm(slot, norm));
        centers
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.sizes.len()
    }

    /// Multiplications that comparing one cluster with all takes.
    pub(super) fn work(&self) -> usize {
        self.exact.len()
    }

    /// Rows of a slot's cluster.
    pub(super) fn size(&self, slot: usize) -> f64 {
        self.sizes[slot]
    }

    /// The distance between rows that a squared distance here stands for.
    pub(super) fn height(&self, squared: f64) -> f64 {
        squared.sqrt() * self.scale
    }

    /// The squared distance between two clusters, to rounding of double precision; the same either way round.
    pub(super) fn squared(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (self.sizes[i], self.sizes[j]);
        2.0 * (a * b) / (a + b) * squared_distance(self.exact.row(i), self.exact.row(j))
    }

    /// Joins the cluster in slot `from` to that in slot `into`; `from` is empty then.
    pub(super) fn join(&mut self, from: usize, into: usize) {
        let (a, b) = (self.sizes[from], self.sizes[into]);
        let (from_row, mut row) = self.exact.multi_slice_mut((s![from, ..], s![into, ..]));
        row.zip_mut_with(&from_row, |v, &other| *v = (a * other + b * *v) / (a + b));
        less_mean(row.view(), &self.mean, self.coarse.row_mut(into));
        let norm = self.coarse.row(into).iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        self.sizes[into] = a + b;
        self.bounds.sizes[into] = (a + b) as f32;
        self.set_norm(into, norm);
        (self.bounds.low[from], self.bounds.high[from]) = (f32::INFINITY, f32::INFINITY);
    }

    fn set_norm(&mut self, slot: usize, norm: f64) {
        // Products that are too small for their format are off by more than their part.
        let error = self.relative * norm + f64::from(f32::MIN_POSITIVE) * self.exact.ncols() as f64;
        self.bounds.low[slot] = ((norm - error) as f32).next_down();
        self.bounds.high[slot] = ((norm + error) as f32).next_up();
    }

    /// Keeps only these slots, ascending, and gives them the places from 0.
    pub(super) fn keep(&mut self, slots: &[u32]) {
        for (to, from) in slots.iter().map(|&slot| slot as usize).enumerate() {
            if to < from {
                let (source, mut row) = self.exact.multi_slice_mut((s![from, ..], s![to, ..]));
                row.assign(&source);
                let (source, mut row) = self.coarse.multi_slice_mut((s![from, ..], s![to, ..]));
                row.assign(&source);
            }
            self.sizes[to] = self.sizes[from];
            for values in [&mut self.bounds.sizes, &mut self.bounds.low, &mut self.bounds.high] {
                values[to] = values[from];
            }
        }
        self.sizes.truncate(slots.len());
        for values in [&mut self.bounds.sizes, &mut self.bounds.low, &mut self.bounds.high] {
            values.truncate(slots.len());
        }
        self.exact.slice_axis_inplace(Axis(0), (..slots.len()).into());
        self.coarse.slice_axis_inplace(Axis(0), (..slots.len()).into());
    }

    /// Compares the clusters in these slots, at most [`BLOCK`], with all others.
    pub(super) fn near(&self, slots: &[u32]) -> Vec<Found> {
        let rows = self.coarse.select(Axis(0), &slots.iter().map(|&slot| slot as usize).collect::<Vec<_>>());
        let mut products = Array2::zeros((slots.len(), TILE));
        let mut found = vec![Found { near: Vec::with_capacity(COLLECTED + TILE), beyond: f32::INFINITY }; slots.len()];
        for first in (0..self.slots()).step_by(TILE) {
            let tile = first..self.slots().min(first + TILE);
            let mut products = products.slice_mut(s![.., ..tile.len()]);
            let others = self.coarse.slice(s![tile.clone(), ..]);
            linalg::matmul_into(rows.view(), others.t(), 1.0, products.view_mut());
            for ((mut row, found), &slot) in products.outer_iter_mut().zip(&mut found).zip(slots) {
                if let Some(row) = row.as_slice_mut() {
                    self.collect(slot as usize, tile.clone(), row, found);
                }
            }
        }
        for (found, &slot) in found.iter_mut().zip(slots) {
            self.trim(slot as usize, found);
        }
        found
    }

    /// Takes those of a tile that may be among the nearest of the cluster in `slot`, from their products.
    fn collect(&self, slot: usize, tile: Range<usize>, products: &mut [f32], found: &mut Found) {
        let mut hits = [0u32; TILE];
        if tile.contains(&slot) {
            products[slot - tile.start] = f32::NEG_INFINITY;
        }
        let (sizes, low) = (&self.bounds.sizes[tile.clone()], &self.bounds.low[tile.clone()]);
        least_distances(products, sizes, low, (self.bounds.sizes[slot], self.bounds.low[slot]));
        let count = below(products, found.beyond, &mut hits);
        found.near.extend(hits[..count].iter().map(|&hit| (products[hit as usize], tile.start as u32 + hit)));
        if found.near.len() > COLLECTED {
            self.trim(slot, found);
        }
    }

    /// Drops what is surely not the nearest and not among the first either.
    fn trim(&self, slot: usize, found: &mut Found) {
        if found.near.len() <= KEPT {
            return;
        }
        let (before, last, _) = found.near.select_nth_unstable_by(KEPT, |a, b| a.0.total_cmp(&b.0));
        let last = *last;
        let Some(first) = before.iter().copied().reduce(|first, near| if near.0 < first.0 { near } else { first })
        else {
            return;
        };
        // No farther than this is the nearest.
        let other = first.1 as usize;
        let (a, b) = (self.bounds.sizes[slot], self.bounds.sizes[other]);
        let errors = |i: usize| self.bounds.high[i] - self.bounds.low[i];
        let most = first.0 + 2.0 * (a * b) / (a + b) * (errors(slot) + errors(other)) * (1.0 + 4.0 * f32::EPSILON);
        found.beyond = found.beyond.min(last.0.max(most));
        found.near.retain(|near| near.0 < found.beyond);
    }
}

fn less_mean(exact: ArrayView1<'_, f64>, mean: &[f64], mut coarse: ArrayViewMut1<'_, f32>) {
    coarse.iter_mut().zip(exact).zip(mean).for_each(|((coarse, v), mean)| *coarse = (v - mean) as f32);
}

/// The largest power of two that is at most `value`; 1 for 0.
fn power_of_two(value: f64) -> f64 {
    if value > 0.0 { value.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 }
}

/// Turns products with a cluster of some size and norm into the least that squared distances may be.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
fn least_distances(products: &mut [f32], sizes: &[f32], low: &[f32], (size, norm): (f32, f32)) {
    for ((product, other), low) in products.iter_mut().zip(sizes).zip(low) {
        let squared = (norm + low) - 2.0 * *product;
        *product = 2.0 * (size * other) / (size + other) * squared.max(0.0);
    }
}

/// Where a value is less than `limit`: writes the places, returns how many.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
fn below(values: &[f32], limit: f32, hits: &mut [u32; TILE]) -> usize {
    let mut count = 0;
    for (chunk, values) in values.chunks(LANES).enumerate() {
        if values.iter().fold(false, |any, value| any | (*value < limit)) {
            for (lane, value) in values.iter().enumerate() {
                hits[count] = (chunk * LANES + lane) as u32;
                count += usize::from(*value < limit);
            }
        }
    }
    count
}
