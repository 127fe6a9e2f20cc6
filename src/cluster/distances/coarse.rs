//! Near pairs of rows by products in `f32`, of whose error a bound is known: what is surely far is left out at once, and
//! only a pair too close to call needs its exact distance.

use super::rows::{Rows, squared_norms};
use crate::cluster::Scalar;
use crate::linalg;
use multiversion::multiversion;
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Rows that one task compares with all others.
pub(in crate::cluster) const BLOCK: usize = 256;
/// Rows of one tile's other side; a tile of products stays in the second-level cache.
const TILE: usize = 512;
/// Values that are tested together.
const LANES: usize = 16;

/// The rows less their mean, scaled to numbers of at most 1, in single precision.
#[derive(Debug)]
pub(in crate::cluster) struct Coarse {
    x: Array2<f32>,
    norms: Vec<f64>,
    /// What a distance here is multiplied by to be one between the rows themselves.
    scale: f64,
    /// A squared distance is wrong by at most this part of the sum of the two squared norms.
    relative: f64,
}

impl Coarse {
    pub(in crate::cluster) fn new<F: Scalar>(rows: &Rows<F>) -> Self {
        let (x, scale) = centred(&rows.x);
        // A sum of n products is wrong by at most n roundings of the sum of their sizes, which the squared norms bound;
        // the rest is for the rounded inputs and the test itself.
        let relative = (x.ncols() + 16) as f64 * f64::from(f32::EPSILON) / 2.0;
        Self { norms: squared_norms(&x), x, scale, relative }
    }

    /// Calls `near(i, j, surely)` for every row `i` of `block` and every `j` of `others` whose squared distance may be
    /// `limit` or less; `surely` when it is, whatever the error.
    pub(in crate::cluster) fn near(
        &self,
        block: Range<usize>,
        others: Range<usize>,
        limit: f64,
        mut near: impl FnMut(usize, usize, bool),
    ) {
        let limit = limit / self.scale / self.scale;
        let half = |j: usize| ((1.0 - self.relative) * self.norms[j] / 2.0) as f32;
        let least: Vec<f32> = block.clone().map(|i| (half(i) - (limit / 2.0) as f32).next_down()).collect();
        let mut products = Array2::zeros((block.len(), TILE));
        let mut hits = [0u32; TILE];
        for first in others.clone().step_by(TILE) {
            let tile = first..others.end.min(first + TILE);
            let halves: Vec<f32> = tile.clone().map(half).collect();
            let mut products = products.slice_mut(s![.., ..tile.len()]);
            self.products(block.clone(), tile.clone(), products.view_mut());
            for ((i, row), &least) in block.clone().zip(products.rows()).zip(&least) {
                let Some(row) = row.to_slice() else { continue };
                let count = at_least(row, &halves, least, &mut hits);
                for &hit in &hits[..count] {
                    let j = first + hit as usize;
                    let sum = self.norms[i] + self.norms[j];
                    let squared = sum - 2.0 * f64::from(row[hit as usize]);
                    near(i, j, squared + self.relative * sum <= limit);
                }
            }
        }
    }

    /// The distance to the `k`th nearest other row, of each row of `block`.
    pub(in crate::cluster) fn kth_distances<F: Scalar>(
        &self,
        rows: &Rows<F>,
        block: Range<usize>,
        k: usize,
    ) -> Vec<f64> {
        let n = self.norms.len();
        let mut products = Array2::zeros((block.len(), n));
        self.products(block.clone(), 0..n, products.view_mut());
        let largest = self.norms.iter().fold(0.0, |most: f64, &norm| most.max(norm));
        let kth = |(i, products): (usize, ndarray::ArrayView1<'_, f32>)| {
            let squared: Vec<f64> =
                (0..n)
                    .map(|j| {
                        if i == j {
                            f64::INFINITY
                        } else {
                            self.norms[i] + self.norms[j] - 2.0 * f64::from(products[j])
                        }
                    })
                    .collect();
            let (_, &mut around, _) = squared.clone().select_nth_unstable_by(k - 1, f64::total_cmp);
            let limit = around + 2.0 * self.relative * (self.norms[i] + largest);
            let may_be = |j: &usize| *j != i && squared[*j].total_cmp(&limit).is_le();
            let mut exact: Vec<f64> = (0..n).filter(may_be).map(|j| rows.squared(i, j)).collect();
            exact.select_nth_unstable_by(k - 1, f64::total_cmp).1.sqrt()
        };
        block.zip(products.rows()).map(kth).collect()
    }

    /// The products of two ranges of rows.
    fn products(&self, rows: Range<usize>, others: Range<usize>, out: ndarray::ArrayViewMut2<'_, f32>) {
        let (a, b) = (self.x.slice(s![rows, ..]), self.x.slice(s![others, ..]));
        linalg::matmul_into(a, b.t(), 1.0, out);
    }
}

/// Rows less the mean of each column, which makes distances more exact where all rows lie far from the origin, and
/// divided by their largest number, so that no square overflows; and that number.
pub(super) fn centred<F: Scalar>(x: &Array2<F>) -> (Array2<f32>, f64) {
    let (mean, largest) = mean_and_largest(x);
    let scale = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
    let mut out = Array2::zeros(x.dim());
    out.axis_iter_mut(Axis(0)).into_par_iter().zip(x.axis_iter(Axis(0))).with_min_len(BLOCK).for_each(
        |(mut out, row)| {
            let values = row.iter().zip(&mean).map(|(&v, mean)| Into::<f64>::into(v) - mean);
            out.iter_mut().zip(values).for_each(|(out, v)| *out = (v / scale) as f32);
        },
    );
    (out, scale)
}

/// The mean of each column, and the largest number less it, whatever its sign.
pub(in crate::cluster) fn mean_and_largest<F: Scalar>(x: &Array2<F>) -> (Vec<f64>, f64) {
    let blocks = || x.axis_chunks_iter(Axis(0), BLOCK).into_par_iter();
    let sums: Vec<Vec<f64>> = blocks().map(column_sums).collect();
    let mean = |column: usize| sums.iter().map(|sums| sums[column]).sum::<f64>() / x.nrows() as f64;
    let mean: Vec<f64> = (0..x.ncols()).map(mean).collect();
    let largest = blocks().map(|block| largest(block, &mean)).reduce(|| 0.0, f64::max);
    (mean, largest)
}

fn column_sums<F: Scalar>(x: ArrayView2<'_, F>) -> Vec<f64> {
    let mut sums = vec![0.0f64; x.ncols()];
    for row in x.outer_iter() {
        sums.iter_mut().zip(row.iter()).for_each(|(sum, &v)| *sum += v.into());
    }
    sums
}

/// The largest number less its column's mean, whatever its sign.
fn largest<F: Scalar>(x: ArrayView2<'_, F>, mean: &[f64]) -> f64 {
    let mut most = vec![0.0f64; x.ncols()];
    for row in x.outer_iter() {
        let values = row.into_iter().zip(mean).map(|(&v, mean)| (Into::<f64>::into(v) - mean).abs());
        most.iter_mut().zip(values).for_each(|(most, v)| *most = if v > *most { v } else { *most });
    }
    most.into_iter().fold(0.0, f64::max)
}

/// Where `product - half` is at least `least`: writes the places, returns how many.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
fn at_least(products: &[f32], halves: &[f32], least: f32, hits: &mut [u32; TILE]) -> usize {
    let mut count = 0;
    for (chunk, (products, halves)) in products.chunks(LANES).zip(halves.chunks(LANES)).enumerate() {
        let any = products.iter().zip(halves).fold(false, |any, (product, half)| any | (product - half >= least));
        if any {
            for (lane, (product, half)) in products.iter().zip(halves).enumerate() {
                hits[count] = (chunk * LANES + lane) as u32;
                count += usize::from(product - half >= least);
            }
        }
    }
    count
}
