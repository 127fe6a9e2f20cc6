//! Greedy k-means++: the start of every run.
//!
//! D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding" (2007), with
//! scikit-learn's greedy choice: of `2 + floor(ln k)` candidates the one that lowers the inertia
//! most becomes the next centre. The draws are scikit-learn's, one by one.

use super::CHUNK;
use super::data::Centred;
use super::kernel::{Packed, wide_products};
use super::squares::Squares;
use crate::cluster::Scalar;
use crate::random::RandomState;
use rayon::prelude::*;

/// Candidates side by side in one panel of the kernel; there are more for 403 clusters and up.
pub(super) const WIDTH: usize = 8;

/// Multiplications after which a step of a start ends, so that whoever drives it can listen.
const STEP_WORK: usize = 1 << 27;

/// The rows that start the clusters, chosen one after the other.
#[derive(Debug)]
pub(in crate::cluster) struct Start<F> {
    n_clusters: usize,
    chosen: Vec<usize>,
    /// Squared distance of each row to the nearest centre so far.
    closest: Vec<F>,
    /// Their sum.
    potential: f64,
}

impl<F: Scalar> Start<F> {
    /// Draws the first centre.
    pub(in crate::cluster) fn new(
        x: &Centred<F>,
        known: Option<&Squares<F>>,
        n_clusters: usize,
        rng: &mut RandomState,
    ) -> Self {
        let weight: f64 = (F::one() / F::of(x.n_samples as f64)).into();
        let first = rng.choice(&vec![weight; x.n_samples]).unwrap_or(0);
        let mut closest = vec![F::infinity(); x.n_samples];
        let potential = Trials::new(x, known, &[first], &closest).adopt(0, &mut closest);
        Self { n_clusters, chosen: vec![first], closest, potential }
    }

    /// Chooses some of the rest; true when all are chosen.
    pub(in crate::cluster) fn step(
        &mut self,
        x: &Centred<F>,
        known: Option<&Squares<F>>,
        rng: &mut RandomState,
    ) -> bool {
        let count = 2 + (self.n_clusters as f64).ln() as usize;
        let work = x.n_samples * if known.is_some() { count } else { x.n_features * count.next_multiple_of(WIDTH) };
        for _ in 0..(STEP_WORK / work).max(1) {
            if self.chosen.len() == self.n_clusters {
                break;
            }
            let draws = rng.uniform(0.0, 1.0, count);
            let candidates = rows_at(&self.closest, draws.iter().map(|u| u * self.potential));
            let trial = Trials::new(x, known, &candidates, &self.closest);
            let best = trial.best();
            self.potential = trial.adopt(best, &mut self.closest);
            self.chosen.push(candidates[best]);
        }
        self.chosen.len() == self.n_clusters
    }

    /// The rows chosen so far.
    pub(in crate::cluster) fn rows(&self) -> &[usize] {
        &self.chosen
    }
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
    fn new(x: &Centred<F>, known: Option<&Squares<F>>, candidates: &[usize], closest: &[F]) -> Self {
        let count = candidates.len();
        let distances = match known {
            Some(squares) => look_up(squares, candidates, closest),
            None => compute(x, candidates, closest),
        };
        let potentials = match count {
            1 => vec![F::of(distances.iter().map(|&d| d.into()).sum())],
            _ => (0..count).into_par_iter().map(|t| potential(&distances, count, t)).collect(),
        };
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

/// The smaller of each row's distance to each candidate and to its centre so far, `[n_samples, candidates]`. Distances
/// are computed in double precision and rounded, as scikit-learn does for `float32`.
fn compute<F: Scalar>(x: &Centred<F>, candidates: &[usize], closest: &[F]) -> Vec<F> {
    let count = candidates.len();
    let vectors: Vec<&[F]> = candidates.iter().map(|&i| x.row(i)).collect();
    let packed = Packed::<f64, WIDTH>::new(&vectors, x.n_features);
    let mut distances = vec![F::zero(); x.n_samples * count];
    distances
        .par_chunks_mut(CHUNK * count)
        .zip(x.rows.par_chunks(CHUNK * x.n_features))
        .zip(x.norms.par_chunks(CHUNK).zip(closest.par_chunks(CHUNK)))
        .for_each(|((distances, rows), (norms, closest))| {
            let products = wide_products(rows, &packed);
            for (i, distances) in distances.chunks_exact_mut(count).enumerate() {
                for (t, distance) in distances.iter_mut().enumerate() {
                    let exact = -2.0 * products[i * packed.lanes() + t] + x.norms[candidates[t]] + norms[i];
                    *distance = F::of(exact).max(F::zero()).min(closest[i]);
                }
            }
        });
    distances
}

/// The same, where the distances are known.
fn look_up<F: Scalar>(squares: &Squares<F>, candidates: &[usize], closest: &[F]) -> Vec<F> {
    let rows: Vec<&[F]> = candidates.iter().map(|&i| squares.row(i)).collect();
    let mut distances = Vec::with_capacity(closest.len() * rows.len());
    for (i, &closest) in closest.iter().enumerate() {
        distances.extend(rows.iter().map(|row| row[i].min(closest)));
    }
    distances
}

/// Rows that OpenBLAS's `sgemv_t` sums at a time (`NBMAX`).
const GEMV_ROWS: usize = 4096;

/// The sum of one column of `distances`, `[n_samples, count]`, rounded as by OpenBLAS's `sgemv_t`
/// with AVX2 or AVX-512.
///
/// The sum scales the next draws, and these are fine enough for its last bit to matter now and then.
/// Columns are summed in eight lanes, but for a pair that is left over from the groups of four.
fn potential<F: Scalar>(distances: &[F], count: usize, column: usize) -> F {
    let n_samples = distances.len() / count;
    let value = |row: usize| distances[row * count + column];
    let grouped = count - count % 4;
    let in_pair = count - grouped >= 2 && (grouped..grouped + 2).contains(&column);
    let lanes = if in_pair { 4 } else { 8 };
    let whole = n_samples - n_samples % 4;
    let mut total = F::zero();
    for start in (0..whole).step_by(GEMV_ROWS) {
        let end = whole.min(start + GEMV_ROWS);
        // Half a group of lanes, where there is one, comes first.
        let half = (end - start) % lanes;
        let mut sums = [F::zero(); 8];
        (start..start + half).for_each(|row| sums[row - start] += value(row));
        (start + half..end).for_each(|row| sums[(row - start - half) % lanes] += value(row));
        let quarter = |lane: usize| sums[lane] + sums[lane + 4];
        total += (quarter(0) + quarter(1)) + (quarter(2) + quarter(3));
    }
    (whole..n_samples).map(value).reduce(|sum, v| sum + v).map_or(total, |rest| total + rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::potential;
    use crate::random::RandomState;
    use serde_json::Value;

    #[test]
    fn potentials_equal_numpy() {
        let cases: Value = serde_json::from_str(include_str!("../../../tests/golden/cluster/potentials.json")).unwrap();
        for case in cases.as_array().unwrap() {
            let number = |name: &str| case[name].as_u64().unwrap() as usize;
            let (count, n_samples) = (number("count"), number("n_samples"));
            let mut rng = RandomState::new(number("seed") as u32);
            let rows: Vec<f32> = (0..count * n_samples).map(|_| (rng.random_sample() * 50.0) as f32).collect();
            for (t, expected) in case["potentials"].as_array().unwrap().iter().enumerate() {
                let expected: f32 = expected.as_str().unwrap().parse().unwrap();
                assert_eq!(potential(&rows, count, t), expected, "{n_samples} rows, column {t} of {count}");
            }
        }
    }
}
