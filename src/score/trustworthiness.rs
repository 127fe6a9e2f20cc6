//! Trustworthiness of a layout: how far neighbours on the map are neighbours in the data.
//!
//! Venna and Kaski, *Neighborhood preservation in nonlinear projection methods*, ICANN 2001; equal to
//! `sklearn.manifold.trustworthiness` with Euclidean distances in `f64`. Where distances are equal, the row that comes
//! first is the nearer one.

use crate::linalg::matmul_into;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Rows that are compared with all others at a time; fixed, so that sums do not depend on the number of threads.
const ROWS_PER_TASK: usize = 32;

/// Why trustworthiness is not defined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustworthinessError {
    /// The data and the layout have different numbers of rows.
    #[error("the data has {data} rows, the layout {layout}")]
    Rows {
        /// Rows of the data.
        data: usize,
        /// Rows of the layout.
        layout: usize,
    },
    /// The score lies in [0, 1] only where fewer than half of the rows are neighbours.
    #[error("n_neighbors is {n_neighbors}, but must be at least 1 and less than half of the {rows} rows")]
    Neighbors {
        /// What was asked for.
        n_neighbors: usize,
        /// Rows of the data.
        rows: usize,
    },
    /// A sample of no rows.
    #[error("the sample of rows is empty")]
    EmptySample,
}

/// Trustworthiness in [0, 1] of the layout `embedding`, `[n, m]`, of the rows of `x`, `[n, d]`.
///
/// `n_neighbors` is 5 in scikit-learn. `O(n^2 d)` time, parallel; `O(n)` memory besides copies of both in `f64`.
///
/// # Errors
/// See [`TrustworthinessError`].
pub fn trustworthiness<T: Copy + Into<f64>>(
    x: ArrayView2<'_, T>,
    embedding: ArrayView2<'_, T>,
    n_neighbors: usize,
) -> Result<f64, TrustworthinessError> {
    let rows: Vec<usize> = (0..x.nrows()).collect();
    score(x, embedding, n_neighbors, &rows)
}

/// [`trustworthiness`] as the mean over `sample` rows, drawn without replacement with `seed`; each is compared with
/// all rows, so that the expectation is the full score. All rows where the sample is not smaller.
///
/// # Errors
/// See [`TrustworthinessError`].
pub fn trustworthiness_sampled<T: Copy + Into<f64>>(
    x: ArrayView2<'_, T>,
    embedding: ArrayView2<'_, T>,
    n_neighbors: usize,
    sample: usize,
    seed: u64,
) -> Result<f64, TrustworthinessError> {
    if sample == 0 {
        return Err(TrustworthinessError::EmptySample);
    }
    let mut rows: Vec<usize> = (0..x.nrows()).collect();
    let mut state = seed;
    let drawn = sample.min(rows.len());
    for i in 0..drawn {
        let left = (rows.len() - i) as u64;
        rows.swap(i, i + (split_mix(&mut state) % left) as usize);
    }
    rows.truncate(drawn);
    rows.sort_unstable();
    score(x, embedding, n_neighbors, &rows)
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn score<T: Copy + Into<f64>>(
    x: ArrayView2<'_, T>,
    embedding: ArrayView2<'_, T>,
    k: usize,
    rows: &[usize],
) -> Result<f64, TrustworthinessError> {
    let n = x.nrows();
    if embedding.nrows() != n {
        return Err(TrustworthinessError::Rows { data: n, layout: embedding.nrows() });
    }
    if k == 0 || 2 * k >= n {
        return Err(TrustworthinessError::Neighbors { n_neighbors: k, rows: n });
    }
    // columns of the layout are read one by one
    let (x, embedding) = (centred(x), centred(embedding).reversed_axes().as_standard_layout().into_owned());
    let embedding = embedding.t();
    let norms: Vec<f64> = x.rows().into_iter().map(|row| row.dot(&row)).collect();
    // penalties are whole numbers: their sum is exact in any order
    let penalty: u64 = rows.par_chunks(ROWS_PER_TASK).map(|rows| penalties(x.view(), &norms, embedding, k, rows)).sum();
    let (n, k, m) = (n as f64, k as f64, rows.len() as f64);
    Ok(1.0 - penalty as f64 * (2.0 / (m * k * (2.0 * n - 3.0 * k - 1.0))))
}

/// A copy in `f64` whose columns have mean 0: distances are differences of squares, which lose digits elsewhere.
fn centred<T: Copy + Into<f64>>(x: ArrayView2<'_, T>) -> Array2<f64> {
    let x: Array2<f64> = x.map(|&v| v.into()).as_standard_layout().into_owned();
    match x.mean_axis(Axis(0)) {
        Some(mean) => x - mean,
        None => x,
    }
}

/// How far the neighbours of some rows on the map rank behind the `k` nearest rows in the data, summed.
fn penalties(x: ArrayView2<'_, f64>, norms: &[f64], embedding: ArrayView2<'_, f64>, k: usize, rows: &[usize]) -> u64 {
    let n = x.nrows();
    let mut products = vec![0.0; rows.len() * n];
    if let Ok(out) = ArrayViewMut2::from_shape((rows.len(), n), &mut products) {
        matmul_into(x.select(Axis(0), rows).view(), x.t(), -2.0, out);
    }
    let mut penalty = 0;
    let (mut on_map, mut nearest) = (vec![0.0; n], Vec::with_capacity(k + 1));
    for (&i, distances) in rows.iter().zip(products.chunks_exact_mut(n)) {
        distances.iter_mut().zip(norms).for_each(|(distance, norm)| *distance += norm);
        distances[i] = f64::INFINITY;
        map_distances(embedding, i, &mut on_map);
        smallest(&on_map, k, &mut nearest);
        for &(_, j) in &nearest {
            let rank = not_above(&distances[..j], distances[j]) + below(&distances[j..], distances[j]) + 1;
            penalty += rank.saturating_sub(k) as u64;
        }
    }
    penalty
}

/// Squared distances on the map from row `i`, which itself is infinitely far.
fn map_distances(embedding: ArrayView2<'_, f64>, i: usize, out: &mut [f64]) {
    out.fill(0.0);
    for axis in 0..embedding.ncols() {
        let column = embedding.column(axis);
        let own = column[i];
        match column.as_slice() {
            Some(column) => add_squares(column, own, out),
            None => out.iter_mut().zip(column).for_each(|(out, v)| *out += (v - own) * (v - own)),
        }
    }
    out[i] = f64::INFINITY;
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_squares(values: &[f64], own: f64, out: &mut [f64]) {
    for (out, v) in out.iter_mut().zip(values) {
        *out += (v - own) * (v - own);
    }
}

/// The `k` smallest values and where they are, smallest first; of equal ones the first.
fn smallest(values: &[f64], k: usize, found: &mut Vec<(f64, usize)>) {
    found.clear();
    let mut limit = f64::INFINITY;
    for (j, &value) in values.iter().enumerate() {
        if value < limit || (found.len() < k && value.is_finite()) {
            let at = found.partition_point(|&(other, _)| other <= value);
            found.insert(at, (value, j));
            found.truncate(k);
            limit = if found.len() == k { found[k - 1].0 } else { f64::INFINITY };
        }
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn below(values: &[f64], limit: f64) -> usize {
    values.iter().map(|&v| usize::from(v < limit)).sum()
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn not_above(values: &[f64], limit: f64) -> usize {
    values.iter().map(|&v| usize::from(v <= limit)).sum()
}

#[cfg(test)]
#[path = "trustworthiness_tests.rs"]
mod tests;
