//! The mean silhouette: how much nearer each row is to its own cluster than to the next one.
//!
//! P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
//! analysis" (1987); equals scikit-learn's `silhouette_score` with Euclidean distances.

use super::contingency::encode;
use crate::linalg::{Real, matmul};
use crate::random::RandomState;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Rows whose distances to all others are held at once by one task.
const ROWS: usize = 128;
/// Columns of those distances that are computed at once.
const COLUMNS: usize = 2048;

/// The mean silhouette of the rows of `x`, `[n, features]`, under `labels`, in [-1, 1].
///
/// Computed in double precision from all n² distances, which are never held at once. `None` when
/// there are fewer than 2 or more than n - 1 clusters.
///
/// # Panics
/// When there are not as many labels as rows.
pub fn silhouette_score<T: Real + Into<f64>, L: Ord>(x: ArrayView2<'_, T>, labels: &[L]) -> Option<f64> {
    let clusters = Clusters::of(labels, x.nrows())?;
    let x = x.mapv(Into::into);
    let norms: Array1<f64> = x.rows().into_iter().map(|row| row.dot(&row)).collect();
    let n = x.nrows();
    Some(clusters.mean(|first, sums| {
        let rows = x.slice(s![first..first + sums.nrows(), ..]);
        for start in (0..n).step_by(COLUMNS) {
            let others = x.slice(s![start..n.min(start + COLUMNS), ..]);
            let distances = block_distances(rows, others, first, start, norms.view());
            clusters.add(sums, distances.view(), start);
        }
    }))
}

/// [`silhouette_score`] of `sample_size` rows drawn without replacement, with scikit-learn's draw for
/// the seed; of all rows where there are no more.
///
/// # Panics
/// When there are not as many labels as rows.
pub fn silhouette_score_sampled<T: Real + Into<f64>, L: Ord + Copy>(
    x: ArrayView2<'_, T>,
    labels: &[L],
    sample_size: usize,
    random_state: u32,
) -> Option<f64> {
    assert_eq!(x.nrows(), labels.len(), "one label for each row");
    if sample_size >= x.nrows() {
        return silhouette_score(x, labels);
    }
    let mut chosen = RandomState::new(random_state).permutation(x.nrows());
    chosen.truncate(sample_size);
    let labels: Vec<L> = chosen.iter().map(|&i| labels[i]).collect();
    silhouette_score(x.select(Axis(0), &chosen).view(), &labels)
}

/// The Euclidean distances between all rows of `x`, `[n, n]`: computed in double, kept in single
/// precision. For many silhouettes of the same rows; takes `4 n²` bytes.
pub fn pairwise_distances<T: Real + Into<f64>>(x: ArrayView2<'_, T>) -> Array2<f32> {
    let x = x.mapv(Into::into);
    let norms: Array1<f64> = x.rows().into_iter().map(|row| row.dot(&row)).collect();
    let mut distances = Array2::zeros((x.nrows(), x.nrows()));
    let blocks: Vec<_> = distances.axis_chunks_iter_mut(Axis(0), ROWS).collect();
    blocks.into_par_iter().enumerate().for_each(|(block, mut out)| {
        let first = block * ROWS;
        let rows = x.slice(s![first..first + out.nrows(), ..]);
        let exact = block_distances(rows, x.view(), first, 0, norms.view());
        out.zip_mut_with(&exact, |out, &d| *out = d as f32);
    });
    distances
}

/// The mean silhouette from the distances between all rows, `[n, n]`; `None` as in [`silhouette_score`].
///
/// # Panics
/// When there are not as many labels as rows.
pub fn silhouette_from_distances<L: Ord>(distances: ArrayView2<'_, f32>, labels: &[L]) -> Option<f64> {
    let clusters = Clusters::of(labels, distances.nrows())?;
    Some(clusters.mean(|first, sums| {
        clusters.add(sums, distances.slice(s![first..first + sums.nrows(), ..]), 0);
    }))
}

/// The mean silhouette from the squared distances between all rows, `[n, n]`; `None` as in [`silhouette_score`].
///
/// # Panics
/// When there are not as many labels as rows.
pub fn silhouette_from_squares<T: Real + Into<f64>, L: Ord>(squares: ArrayView2<'_, T>, labels: &[L]) -> Option<f64> {
    let clusters = Clusters::of(labels, squares.nrows())?;
    Some(clusters.mean(|first, sums| {
        let distances = squares.slice(s![first..first + sums.nrows(), ..]).mapv(|square| square.into().sqrt());
        clusters.add(sums, distances.view(), 0);
    }))
}

/// Distances of `rows` (from `first_row` on) to `others` (from `first_other` on); 0 to themselves.
fn block_distances(
    rows: ArrayView2<'_, f64>,
    others: ArrayView2<'_, f64>,
    first_row: usize,
    first_other: usize,
    norms: ArrayView1<'_, f64>,
) -> Array2<f64> {
    let mut products = matmul(rows, others.t());
    for (i, mut row) in products.rows_mut().into_iter().enumerate() {
        let own = norms[first_row + i];
        for (j, value) in row.iter_mut().enumerate() {
            let squared = own - 2.0 * *value + norms[first_other + j];
            *value = if first_row + i == first_other + j { 0.0 } else { squared.max(0.0).sqrt() };
        }
    }
    products
}

struct Clusters {
    labels: Vec<usize>,
    sizes: Vec<usize>,
}

impl Clusters {
    fn of<L: Ord>(labels: &[L], n: usize) -> Option<Self> {
        assert_eq!(n, labels.len(), "one label for each row");
        let (labels, count) = encode(labels);
        let mut sizes = vec![0; count];
        labels.iter().for_each(|&label| sizes[label] += 1);
        (count >= 2 && count < n).then_some(Self { labels, sizes })
    }

    /// The mean silhouette; `add_sums(first, sums)` sums the distances of the rows from `first` on.
    fn mean(&self, add_sums: impl Fn(usize, &mut Array2<f64>) + Sync) -> f64 {
        let n = self.labels.len();
        let blocks: Vec<f64> = (0..n.div_ceil(ROWS))
            .into_par_iter()
            .map(|block| {
                let first = block * ROWS;
                let mut sums = Array2::zeros((ROWS.min(n - first), self.sizes.len()));
                add_sums(first, &mut sums);
                self.values(&sums, first).iter().sum()
            })
            .collect();
        blocks.iter().sum::<f64>() / n as f64
    }

    /// Adds distances `[rows, columns]` to the sums `[rows, clusters]`; the columns are the items from `first` on.
    fn add<D: Copy + Into<f64>>(&self, sums: &mut Array2<f64>, distances: ArrayView2<'_, D>, first: usize) {
        for (mut sums, distances) in sums.rows_mut().into_iter().zip(distances.rows()) {
            for (&distance, &label) in distances.iter().zip(&self.labels[first..]) {
                sums[label] += distance.into();
            }
        }
    }

    /// The silhouette of each row, from its summed distances to every cluster; 0 where it is alone.
    fn values(&self, sums: &Array2<f64>, first: usize) -> Vec<f64> {
        let silhouette = |(sums, &own): (ArrayView1<'_, f64>, &usize)| {
            if self.sizes[own] == 1 {
                return 0.0;
            }
            let inside = sums[own] / (self.sizes[own] - 1) as f64;
            let others = (0..self.sizes.len()).filter(|&c| c != own).map(|c| sums[c] / self.sizes[c] as f64);
            let outside = others.fold(f64::INFINITY, f64::min);
            let larger = inside.max(outside);
            if larger == 0.0 { 0.0 } else { (outside - inside) / larger }
        };
        sums.rows().into_iter().zip(&self.labels[first..]).map(silhouette).collect()
    }
}
