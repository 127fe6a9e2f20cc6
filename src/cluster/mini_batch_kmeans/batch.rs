//! The centres, and what one batch of rows does to them.
//!
//! The order of sums is that of scikit-learn's `_k_means_minibatch.pyx`, cluster by cluster.

use super::MiniBatchKMeansValidParams;
use crate::cluster::Scalar;
use crate::cluster::kmeans::{assign, inertia};
use crate::random::RandomState;
use multiversion::multiversion;
use rayon::prelude::*;

/// Centres and the rows that each has averaged.
#[derive(Debug)]
pub(super) struct Centers<F> {
    /// `[n_clusters, n_features]`
    pub(super) vectors: Vec<F>,
    n_features: usize,
    /// Rows that each centre is the mean of, `[n_clusters]`.
    counts: Vec<F>,
    /// Rows seen since centres were last looked at for reassignment.
    since_reassignment: usize,
}

impl<F: Scalar> Centers<F> {
    pub(super) fn new(vectors: Vec<F>, n_features: usize) -> Self {
        let counts = vec![F::zero(); vectors.len() / n_features];
        Self { vectors, n_features, counts, since_reassignment: 0 }
    }

    /// Moves the centres by the rows of a batch, `[batch, n_features]`; the rows' inertia before the move.
    pub(super) fn learn(&mut self, batch: &[F], params: &MiniBatchKMeansValidParams, rng: &mut RandomState) -> F {
        let reassign = self.reassignment_is_due(batch.len() / self.n_features);
        let labels = assign(batch, self.n_features, &self.vectors);
        let inertia = inertia(batch, self.n_features, &self.vectors, &labels);
        let n_features = self.n_features;
        let centers = self.vectors.par_chunks_mut(n_features).zip(&mut self.counts).enumerate();
        centers.for_each(|(cluster, (center, count))| {
            average(center, count, batch, &labels, cluster as i32);
        });
        if reassign && params.reassignment_ratio > 0.0 {
            self.reassign(batch, params.reassignment_ratio, rng);
        }
        inertia
    }

    /// Whether some centre has no rows, or enough have been seen for another look.
    fn reassignment_is_due(&mut self, batch_size: usize) -> bool {
        self.since_reassignment += batch_size;
        let due = self.counts.contains(&F::zero()) || self.since_reassignment >= 10 * self.counts.len();
        if due {
            self.since_reassignment = 0;
        }
        due
    }

    /// Puts centres that have far fewer rows than the largest on random rows of the batch, at most on half of them.
    fn reassign(&mut self, batch: &[F], ratio: f64, rng: &mut RandomState) {
        let batch_size = batch.len() / self.n_features;
        let largest = self.counts.iter().fold(F::zero(), |largest, &count| largest.max(count));
        let mut weak: Vec<bool> = self.counts.iter().map(|&count| count < F::of(ratio) * largest).collect();
        if 2 * weak.iter().filter(|weak| **weak).count() > batch_size {
            let mut order: Vec<usize> = (0..self.counts.len()).collect();
            order.sort_by(|&a, &b| self.counts[a].partial_cmp(&self.counts[b]).unwrap_or(std::cmp::Ordering::Equal));
            order[batch_size / 2..].iter().for_each(|&cluster| weak[cluster] = false);
        }
        let weak: Vec<usize> = (0..weak.len()).filter(|&cluster| weak[cluster]).collect();
        if weak.is_empty() {
            return;
        }
        let rows = rng.permutation(batch_size);
        for (&cluster, row) in weak.iter().zip(rows) {
            let row = &batch[row * self.n_features..][..self.n_features];
            self.vectors[cluster * self.n_features..][..self.n_features].copy_from_slice(row);
        }
        // Not so few that they would be due again at once.
        let strong = self.counts.iter().enumerate().filter(|(cluster, _)| !weak.contains(cluster));
        let fewest = strong.fold(F::infinity(), |fewest, (_, &count)| fewest.min(count));
        weak.iter().for_each(|&cluster| self.counts[cluster] = fewest);
    }
}

/// Takes the rows of a cluster into its mean of `count` rows.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn average<F: Scalar>(center: &mut [F], count: &mut F, batch: &[F], labels: &[i32], cluster: i32) {
    let mut more = F::zero();
    let rows = batch.chunks_exact(center.len()).zip(labels);
    for (row, _) in rows.filter(|(_, label)| **label == cluster) {
        if more == F::zero() {
            center.iter_mut().for_each(|v| *v *= *count);
        }
        center.iter_mut().zip(row).for_each(|(sum, &v)| *sum += v);
        more += F::one();
    }
    if more > F::zero() {
        *count += more;
        let factor = F::one() / *count;
        center.iter_mut().for_each(|v| *v *= factor);
    }
}
