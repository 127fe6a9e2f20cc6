//! The nearest centre of every row, computed anew only where it could have changed.
//!
//! C. Elkan, "Using the triangle inequality to accelerate k-means" (2003): a row whose bounds still
//! tell its own centre apart from all others keeps its label. The bounds allow for the rounding
//! of the distances, so that the labels are those of computing every distance in full.

use super::CHUNK;
use super::data::Centred;
use super::kernel::{Packed, WIDTH, add_products, blocks, row_norms};
use crate::cluster::Scalar;
use rayon::prelude::*;

/// Relative room for rounding in a stored bound.
const SLACK: f64 = 2e-6;

/// What is known of the distances from each row to each centre.
///
/// A centre's path is how far it has moved in all; a bound is stored with the path at that time, so
/// that the path of today gives the bound of today.
#[derive(Debug)]
pub(super) struct Bounds {
    n_clusters: usize,
    /// Length of each centre's path, `[n_clusters]`.
    paths: Vec<f64>,
    /// Lower bounds plus paths, `[n_samples, lanes]`; infinite for the row's own centre and beyond
    /// the last. Empty where it would take more room than the matrix: then nothing is skipped.
    lower: Vec<f32>,
    /// Upper bound for the own centre less its path, `[n_samples]`.
    upper: Vec<f64>,
    lanes: usize,
}

/// The centres as the kernel takes them, and how far off its distances may be.
struct Centers<F> {
    packed: Packed<F, WIDTH>,
    blocks: Vec<usize>,
    /// Squared norms, filled up with infinity to whole panels.
    start: Vec<F>,
    largest_norm: f64,
    rounding: f64,
}

impl<F: Scalar> Centers<F> {
    fn new(centers: &[F], n_features: usize) -> Self {
        let vectors: Vec<&[F]> = centers.chunks_exact(n_features).collect();
        let packed = Packed::<F, WIDTH>::new(&vectors, n_features);
        let mut start = row_norms(centers, n_features);
        let largest_norm = start.iter().fold(0.0, |largest: f64, &norm| largest.max(norm.into())).sqrt();
        start.resize(packed.lanes(), F::infinity());
        let rounding = (n_features + 8) as f64 * F::epsilon().into();
        Self { packed, blocks: blocks(n_features), start, largest_norm, rounding }
    }

    /// Squared distances less the rows' own squared norms, `[n, lanes]`.
    fn distances(&self, rows: &[F], n: usize) -> Vec<F> {
        let mut distances = self.start.repeat(n);
        add_products(rows, &self.packed, &self.blocks, F::of(-2.0), &mut distances);
        distances
    }

    /// The most that such a distance can be off for a row of this norm.
    fn error(&self, norm: f64) -> f64 {
        self.rounding * self.largest_norm * (2.0 * norm + self.largest_norm)
    }
}

/// One task's rows.
struct Part<'a, F> {
    rows: &'a [F],
    norms: &'a [f64],
    labels: &'a mut [i32],
    lower: &'a mut [f32],
    upper: &'a mut [f64],
}

impl Bounds {
    pub(super) fn new(n_clusters: usize) -> Self {
        Self { n_clusters, paths: vec![0.0; n_clusters], lower: Vec::new(), upper: Vec::new(), lanes: 0 }
    }

    /// Renews the labels under these centres; -1 throughout at first.
    pub(super) fn assign<F: Scalar>(&mut self, x: &Centred<F>, centers: &[F], labels: &mut [i32]) {
        let centers = Centers::new(centers, x.n_features);
        self.lanes = centers.packed.lanes();
        if self.lanes > x.n_features {
            nearest(&x.rows, x.n_features, &centers, self.n_clusters, labels);
            return;
        }
        self.lower.resize(x.n_samples * self.lanes, 0.0);
        self.upper.resize(x.n_samples, 0.0);
        let (mut lower, mut upper) = (std::mem::take(&mut self.lower), std::mem::take(&mut self.upper));
        labels
            .par_chunks_mut(CHUNK)
            .zip(x.rows.par_chunks(CHUNK * x.n_features).zip(x.norms.par_chunks(CHUNK)))
            .zip(lower.par_chunks_mut(CHUNK * self.lanes).zip(upper.par_chunks_mut(CHUNK)))
            .for_each(|((labels, (rows, norms)), (lower, upper))| {
                self.assign_part(Part { rows, norms, labels, lower, upper }, x.n_features, &centers);
            });
        (self.lower, self.upper) = (lower, upper);
    }

    /// Lengthens the paths by how far each centre has moved.
    pub(super) fn moved(&mut self, distances: impl Iterator<Item = f64>) {
        // Distances are rounded; a path must never be too short.
        self.paths.iter_mut().zip(distances).for_each(|(path, distance)| *path += distance * (1.0 + 1e-3));
    }

    fn assign_part<F: Scalar>(&self, part: Part<'_, F>, n_features: usize, centers: &Centers<F>) {
        let paths: Vec<f32> = self.padded_paths();
        let unsure: Vec<usize> = (0..part.labels.len()).filter(|&i| !self.is_sure(&part, i, &paths, centers)).collect();
        let mut gathered = Vec::new();
        let rows = if unsure.len() == part.labels.len() {
            part.rows
        } else {
            gathered.reserve_exact(unsure.len() * n_features);
            unsure.iter().for_each(|&i| gathered.extend_from_slice(&part.rows[i * n_features..][..n_features]));
            &gathered
        };
        let distances = centers.distances(rows, unsure.len());
        for (&i, distances) in unsure.iter().zip(distances.chunks_exact(self.lanes)) {
            let own = first_smallest(&distances[..self.n_clusters]);
            part.labels[i] = own as i32;
            let error = centers.error(part.norms[i].sqrt());
            let lower = &mut part.lower[i * self.lanes..][..self.lanes];
            lower.fill(f32::INFINITY);
            for (c, (lower, &distance)) in lower.iter_mut().zip(&distances[..self.n_clusters]).enumerate() {
                let squared = distance.into() + part.norms[i];
                if c == own {
                    part.upper[i] = (squared + error).max(0.0).sqrt() - self.paths[c];
                } else {
                    *lower = (((squared - error).max(0.0).sqrt() + self.paths[c]) * (1.0 - SLACK)) as f32;
                }
            }
        }
    }

    fn padded_paths(&self) -> Vec<f32> {
        let mut paths: Vec<f32> = self.paths.iter().map(|&path| path as f32).collect();
        paths.resize(self.lanes, 0.0);
        paths
    }

    /// Whether every other centre is farther than the row's own, by more than the distances can be off.
    fn is_sure<F: Scalar>(&self, part: &Part<'_, F>, i: usize, paths: &[f32], centers: &Centers<F>) -> bool {
        let Ok(own) = usize::try_from(part.labels[i]) else { return false };
        let (lower, _) = part.lower[i * self.lanes..][..self.lanes].as_chunks::<WIDTH>();
        let (paths, _) = paths.as_chunks::<WIDTH>();
        let mut least = [f32::INFINITY; WIDTH];
        for (lower, paths) in lower.iter().zip(paths) {
            for lane in 0..WIDTH {
                let bound = lower[lane] - paths[lane];
                least[lane] = if bound < least[lane] { bound } else { least[lane] };
            }
        }
        let others = f64::from(least.into_iter().fold(f32::INFINITY, f32::min));
        let upper = part.upper[i] + self.paths[own];
        others > upper && (others - upper) * (others + upper) > 2.0 * centers.error(part.norms[i].sqrt())
    }
}

/// The index of the nearest centre for each row; the first of equals.
pub(in crate::cluster) fn assign<F: Scalar>(rows: &[F], n_features: usize, centers: &[F]) -> Vec<i32> {
    let mut labels = vec![0; rows.len() / n_features];
    nearest(rows, n_features, &Centers::new(centers, n_features), centers.len() / n_features, &mut labels);
    labels
}

fn nearest<F: Scalar>(rows: &[F], n_features: usize, centers: &Centers<F>, n_clusters: usize, labels: &mut [i32]) {
    labels.par_chunks_mut(CHUNK).zip(rows.par_chunks(CHUNK * n_features)).for_each(|(labels, rows)| {
        let distances = centers.distances(rows, labels.len());
        for (label, distances) in labels.iter_mut().zip(distances.chunks_exact(centers.packed.lanes())) {
            *label = first_smallest(&distances[..n_clusters]) as i32;
        }
    });
}

fn first_smallest<F: Scalar>(values: &[F]) -> usize {
    let mut best = 0;
    for (i, &value) in values.iter().enumerate().skip(1) {
        if value < values[best] {
            best = i;
        }
    }
    best
}
