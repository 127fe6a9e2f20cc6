//! Greedy k-means++: the start of every run.
//!
//! D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding" (2007), with
//! scikit-learn's greedy choice: of `2 + floor(ln k)` candidates the one that lowers the inertia
//! most becomes the next centre. The draws are scikit-learn's, one by one.

use super::CHUNK;
use super::data::Centred;
use super::kernel::{wide_products, widen};
use crate::cluster::Scalar;
use crate::random::RandomState;
use rayon::prelude::*;

/// The rows of `x` that start the clusters, `n_clusters` of them.
pub(super) fn kmeans_plusplus<F: Scalar>(x: &Centred<F>, n_clusters: usize, rng: &mut RandomState) -> Vec<usize> {
    let trials = 2 + (n_clusters as f64).ln() as usize;
    let weight: f64 = (F::one() / F::of(x.n_samples as f64)).into();
    let first = rng.choice(&vec![weight; x.n_samples]).unwrap_or(0);
    let mut chosen = vec![first];
    let mut closest = vec![F::infinity(); x.n_samples];
    let mut potential = Trials::new(x, &[first], &closest).adopt(0, &mut closest);
    while chosen.len() < n_clusters {
        let draws = rng.uniform(0.0, 1.0, trials);
        let candidates = rows_at(&closest, draws.iter().map(|u| u * potential));
        let trial = Trials::new(x, &candidates, &closest);
        let best = trial.best();
        potential = trial.adopt(best, &mut closest);
        chosen.push(candidates[best]);
    }
    chosen
}

/// The rows at which the running sum of `weights` reaches each of the values.
fn rows_at<F: Scalar>(weights: &[F], values: impl Iterator<Item = f64>) -> Vec<usize> {
    let mut sum = F::zero();
    let sums: Vec<F> = weights
        .iter()
        .map(|&w| {
            sum += w;
            sum
        })
        .collect();
    values.map(|value| sums.partition_point(|&s| s.into() < value).min(weights.len() - 1)).collect()
}

/// What the squared distances to the nearest centre would be with each candidate.
struct Trials<F> {
    count: usize,
    /// `[n_samples, count]`
    distances: Vec<F>,
    /// Sum of each column of `distances`.
    potentials: Vec<F>,
}

impl<F: Scalar> Trials<F> {
    /// Distances are computed in double precision and rounded, as scikit-learn does for `float32`.
    fn new(x: &Centred<F>, candidates: &[usize], closest: &[F]) -> Self {
        let count = candidates.len();
        let vectors: Vec<_> = candidates.iter().map(|&i| widen(x.row(i))).collect();
        let mut distances = vec![F::zero(); x.n_samples * count];
        let sums: Vec<Vec<f64>> = distances
            .par_chunks_mut(CHUNK * count)
            .zip(x.rows.par_chunks(CHUNK * x.n_features))
            .zip(x.norms.par_chunks(CHUNK).zip(closest.par_chunks(CHUNK)))
            .map(|((distances, rows), (norms, closest))| {
                let mut products = vec![0.0; norms.len() * count];
                wide_products(rows, x.n_features, &vectors, &mut products);
                let mut sums = vec![0.0; count];
                for (i, distances) in distances.chunks_exact_mut(count).enumerate() {
                    for (t, distance) in distances.iter_mut().enumerate() {
                        let exact = -2.0 * products[i * count + t] + x.norms[candidates[t]] + norms[i];
                        *distance = F::of(exact).max(F::zero()).min(closest[i]);
                        sums[t] += (*distance).into();
                    }
                }
                sums
            })
            .collect();
        let potentials = (0..count).map(|t| F::of(sums.iter().map(|s| s[t]).sum())).collect();
        Self { count, distances, potentials }
    }

    /// The first candidate with the lowest potential.
    fn best(&self) -> usize {
        (1..self.count).fold(0, |best, t| if self.potentials[t] < self.potentials[best] { t } else { best })
    }

    /// Makes the candidate a centre and tells the new potential.
    fn adopt(&self, candidate: usize, closest: &mut [F]) -> f64 {
        for (closest, distances) in closest.iter_mut().zip(self.distances.chunks_exact(self.count)) {
            *closest = distances[candidate];
        }
        self.potentials[candidate].into()
    }
}
