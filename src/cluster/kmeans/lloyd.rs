//! Lloyd's iteration: label every row by its nearest centre, move every centre to the mean of its rows.
//!
//! S. P. Lloyd, "Least squares quantization in PCM" (1982). Sums are rounded in the order of
//! scikit-learn's `_k_means_lloyd.pyx` run by two threads, whatever the number of threads here.

use super::bounds::{Bounds, assign};
use super::data::Centred;
use super::sums::ClusterSums;
use super::{CHUNK, REFERENCE_THREADS};
use crate::cluster::Scalar;
use rayon::prelude::*;

/// One run of K-Means, between two iterations.
#[derive(Debug)]
pub(super) struct Lloyd<F> {
    /// `[n_clusters, n_features]`, in the centred space.
    pub(super) centers: Vec<F>,
    /// Labels under the centres of the last iteration; -1 before the first.
    pub(super) labels: Vec<i32>,
    pub(super) n_iter: usize,
    n_clusters: usize,
    sums: ClusterSums<F>,
    bounds: Bounds,
}

impl<F: Scalar> Lloyd<F> {
    /// Starts from the given rows.
    pub(super) fn new(x: &Centred<F>, start: &[usize]) -> Self {
        Self::from_centers(x, start.iter().flat_map(|&i| x.row(i)).copied().collect(), 0)
    }

    /// Goes on from the given centres, `[n_clusters, n_features]`, after `n_iter` iterations.
    pub(super) fn from_centers(x: &Centred<F>, centers: Vec<F>, n_iter: usize) -> Self {
        let n_clusters = centers.len() / x.n_features;
        Self {
            centers,
            labels: vec![-1; x.n_samples],
            n_iter,
            n_clusters,
            sums: ClusterSums::new(x, n_clusters),
            bounds: Bounds::new(n_clusters),
        }
    }

    /// One iteration; true when the run has converged, by unchanged labels or by the tolerance.
    pub(super) fn iterate(&mut self, x: &Centred<F>, tolerance: F) -> bool {
        let old = self.labels.clone();
        self.bounds.assign(x, &self.centers, &mut self.labels);
        let strict = old == self.labels;
        self.sums.update(x, &old, &self.labels);
        let (mut sums, mut counts) = self.sums.totals();
        self.relocate_empty(x, &mut sums, &mut counts);
        average(&mut sums, &counts, x.n_features);
        let moves = self.moves(&sums, x.n_features);
        self.centers = sums;
        self.bounds.moved(moves.iter().map(|&distance| distance.into()));
        self.n_iter += 1;
        let shift = moves.iter().fold(F::zero(), |sum, &distance| sum + distance * distance);
        if !strict && shift <= tolerance {
            self.relabel(x);
        }
        strict || shift <= tolerance
    }

    /// Labels under the centres as they are now.
    pub(super) fn relabel(&mut self, x: &Centred<F>) {
        self.bounds.assign(x, &self.centers, &mut self.labels);
    }

    /// Sum of the squared distances of the rows to their centres.
    pub(super) fn inertia(&self, x: &Centred<F>) -> F {
        if self.n_iter == 0 {
            self.assignment(x).1
        } else {
            inertia(&x.rows, x.n_features, &self.centers, &self.labels)
        }
    }

    /// Labels under the centres as they are now, and the inertia.
    pub(super) fn assignment(&self, x: &Centred<F>) -> (Vec<i32>, F) {
        let labels = assign(&x.rows, x.n_features, &self.centers);
        let inertia = inertia(&x.rows, x.n_features, &self.centers, &labels);
        (labels, inertia)
    }

    /// Gives every empty cluster one of the rows farthest from their centres.
    fn relocate_empty(&self, x: &Centred<F>, sums: &mut [F], counts: &mut [usize]) {
        let empty: Vec<usize> = (0..self.n_clusters).filter(|&c| counts[c] == 0).collect();
        if empty.is_empty() {
            return;
        }
        let distances = distances_to_own(&x.rows, x.n_features, &self.centers, &self.labels);
        let mut farthest: Vec<usize> = (0..x.n_samples).collect();
        farthest.sort_by(|&a, &b| distances[b].partial_cmp(&distances[a]).unwrap_or(std::cmp::Ordering::Equal));
        if distances[farthest[0]] == F::zero() {
            return; // More clusters than different rows: there is nowhere to move to.
        }
        for (&new, &row) in empty.iter().zip(&farthest) {
            let old = self.labels[row] as usize;
            for (f, &v) in x.row(row).iter().enumerate() {
                sums[old * x.n_features + f] -= v;
                sums[new * x.n_features + f] = v;
            }
            counts[new] = 1;
            counts[old] -= 1;
        }
    }

    /// How far each centre moves.
    fn moves(&self, new: &[F], n_features: usize) -> Vec<F> {
        let pairs = self.centers.chunks_exact(n_features).zip(new.chunks_exact(n_features));
        pairs.map(|(old, new)| squared_distance(new, old).sqrt()).collect()
    }
}

/// Sums to means; a cluster that is still empty takes the place of the largest.
fn average<F: Scalar>(sums: &mut [F], counts: &[usize], n_features: usize) {
    let largest = (0..counts.len()).fold(0, |best, c| if counts[c] > counts[best] { c } else { best });
    for (c, &count) in counts.iter().enumerate() {
        if count > 0 {
            let factor = F::one() / F::of(count as f64);
            sums[c * n_features..][..n_features].iter_mut().for_each(|v| *v *= factor);
        } else {
            // The largest is a mean already when it comes first, else still a sum: scikit-learn's order.
            sums.copy_within(largest * n_features..(largest + 1) * n_features, c * n_features);
        }
    }
}

/// scikit-learn's `_euclidean_dense_dense`: four squares at a time.
fn squared_distance<F: Scalar>(a: &[F], b: &[F]) -> F {
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    let mut sum = F::zero();
    for (a, b) in a4.iter().zip(b4) {
        let d = [a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]];
        sum += d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + d[3] * d[3];
    }
    a_rest.iter().zip(b_rest).fold(sum, |sum, (&a, &b)| sum + (a - b) * (a - b))
}

fn distances_to_own<F: Scalar>(rows: &[F], n_features: usize, centers: &[F], labels: &[i32]) -> Vec<F> {
    let rows = rows.par_chunks(n_features).with_min_len(CHUNK).zip(labels);
    rows.map(|(row, &label)| squared_distance(row, &centers[label as usize * n_features..][..n_features])).collect()
}

/// Sum of the squared distances of the rows `[labels.len(), n_features]` to their centres.
pub(in crate::cluster) fn inertia<F: Scalar>(rows: &[F], n_features: usize, centers: &[F], labels: &[i32]) -> F {
    let distances = distances_to_own(rows, n_features, centers, labels);
    let per_thread = distances.chunks(labels.len().div_ceil(REFERENCE_THREADS));
    per_thread.map(|part| part.iter().fold(F::zero(), |sum, &d| sum + d)).fold(F::zero(), |sum, part| sum + part)
}
