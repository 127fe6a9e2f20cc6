//! Joint probabilities of the data: Gaussians of equal perplexity over the nearest neighbours, symmetrised.

use super::neighbors::Neighbors;
use super::simd::WIDTH;
use rayon::prelude::*;

/// Distances that are weighed side by side.
const LANES: usize = 8;
/// Entropy is matched to this many nats, as in openTSNE.
const TOLERANCE: f64 = 1e-8;
/// Bisections and Newton steps at most.
const MAX_STEPS: usize = 200;
/// The logarithm of `beta` changes by this much at most in a Newton step.
const MAX_STEP: f64 = 2.0;

/// The sparse symmetric matrix `P`, `[n, n]`, whose entries sum to 1.
///
/// Rows are filled up with zeros to whole vectors.
#[derive(Debug, Clone)]
pub struct Affinities {
    /// First entry of every row, and the end of the last.
    starts: Vec<usize>,
    /// Columns, ascending within a row; the row itself where it is filled up.
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl Affinities {
    /// From neighbours: conditional probabilities `p_{j|i}` of the given perplexity, then `(P + P^T) / 2n`.
    pub(crate) fn new(neighbors: &Neighbors, n: usize, perplexity: f64) -> Self {
        let k = neighbors.indices.len() / n;
        let mut conditional = vec![0.0f32; n * k];
        conditional
            .par_chunks_mut(k)
            .zip(neighbors.distances.par_chunks(k))
            .for_each(|(p, distances)| gaussian_row(distances, perplexity, p));
        symmetrise(&neighbors.indices, &conditional, n)
    }

    /// Rows, which are the points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stored entries of row `i` as (column, `p_ij`), zeros that fill the row up included.
    ///
    /// # Panics
    /// When there is no row `i`.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (columns, values) = self.wide_row(i);
        columns.as_flattened().iter().zip(values.as_flattened()).map(|(&j, &p)| (j as usize, f64::from(p)))
    }

    /// Entries of row `i` in whole vectors.
    #[inline]
    pub(crate) fn wide_row(&self, i: usize) -> (&[[u32; WIDTH]], &[[f32; WIDTH]]) {
        let range = self.starts[i]..self.starts[i + 1];
        (self.columns[range.clone()].as_chunks().0, self.values[range].as_chunks().0)
    }
}

/// `p_j = exp(-beta d_j) / sum`, with `beta` such that the entropy is `ln(perplexity)`.
///
/// Where no `beta` does that (more equal distances than the perplexity asks for) the nearest that there is.
fn gaussian_row(distances: &[f32], perplexity: f64, p: &mut [f32]) {
    let nearest = f64::from(distances[0]);
    let shifted: Vec<f64> = distances.iter().map(|&d| f64::from(d) - nearest).collect();
    let mean = shifted.iter().sum::<f64>() / shifted.len() as f64;
    if mean <= 0.0 {
        p.fill(1.0 / distances.len() as f32);
        return;
    }
    let target = perplexity.max(1.0).ln();
    let (mut log_beta, mut low, mut high) = (-mean.ln(), -mean.ln() - 60.0, -mean.ln() + 60.0);
    for _ in 0..MAX_STEPS {
        let (entropy, slope) = entropy(&shifted, log_beta.exp());
        let excess = entropy - target;
        if excess.abs() < TOLERANCE || high - low < 1e-12 {
            break;
        }
        if excess > 0.0 {
            low = log_beta
        } else {
            high = log_beta
        }
        // where the entropy is nearly flat Newton's step is far too long, and upwards is always the way to less of it
        let step = if slope < 0.0 { (-excess / slope).clamp(-MAX_STEP, MAX_STEP) } else { MAX_STEP.copysign(excess) };
        let newton = log_beta + step;
        log_beta = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    weights(&shifted, log_beta.exp(), p);
}

/// The entropy at `beta`, in nats, and its derivative with respect to `ln(beta)`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn entropy(distances: &[f64], beta: f64) -> (f64, f64) {
    let mut sums = [[0.0; LANES]; 3];
    let mut add = |distances: &[f64; LANES], valid: usize| {
        for l in 0..LANES {
            let w = if l < valid { exp(-beta * distances[l]) } else { 0.0 };
            sums[0][l] += w;
            sums[1][l] += w * distances[l];
            sums[2][l] += w * distances[l] * distances[l];
        }
    };
    let (groups, rest) = distances.as_chunks::<LANES>();
    groups.iter().for_each(|group| add(group, LANES));
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    add(&last, rest.len());
    let [total, first, second] = sums.map(|lanes| lanes.iter().sum::<f64>());
    let mean = first / total;
    (total.ln() + beta * mean, -beta * beta * (second / total - mean * mean))
}

/// `p_j = exp(-beta d_j) / sum`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn weights(distances: &[f64], beta: f64, p: &mut [f32]) {
    let mut total = 0.0;
    for (p, d) in p.iter_mut().zip(distances) {
        let w = exp(-beta * d);
        total += w;
        *p = w as f32;
    }
    p.iter_mut().for_each(|p| *p = (f64::from(*p) / total) as f32);
}

/// `exp(x)` for `x <= 0`, to 1e-15; the library's is a call for every number, this becomes vector instructions.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // adding this rounds to a whole number, which stands in the lowest bits
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    let x = x.max(-700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let mut sum = 1.0;
    for inverse in INVERSES {
        sum = 1.0 + sum * r * inverse;
    }
    f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52) * sum
}

/// `1 / 13`, `1 / 12`, ... `1`: Taylor's series in Horner's form.
const INVERSES: [f64; 13] = {
    let mut inverses = [0.0; 13];
    let mut k = 0;
    while k < 13 {
        inverses[k] = 1.0 / (13 - k) as f64;
        k += 1;
    }
    inverses
};

/// Merges row `i` of the conditional matrix with its column `i`.
fn symmetrise(indices: &[u32], conditional: &[f32], n: usize) -> Affinities {
    let k = indices.len() / n;
    let scale = 0.5 / n as f64;
    let mut counts = vec![0usize; n + 1];
    for &j in indices {
        counts[j as usize + 1] += 1;
    }
    for i in 0..n {
        counts[i + 1] += counts[i];
    }
    let mut cursor = counts.clone();
    let mut transposed = vec![(0u32, 0.0f32); n * k];
    for (entry, (&j, &p)) in indices.iter().zip(conditional).enumerate() {
        transposed[cursor[j as usize]] = ((entry / k) as u32, p);
        cursor[j as usize] += 1;
    }
    let rows: Vec<Vec<(u32, f32)>> = (0..n)
        .into_par_iter()
        .map(|i| {
            let own = indices[i * k..(i + 1) * k].iter().copied().zip(conditional[i * k..(i + 1) * k].iter().copied());
            let mut row: Vec<(u32, f32)> = own.chain(transposed[counts[i]..counts[i + 1]].iter().copied()).collect();
            row.sort_by_key(|&(j, _)| j);
            row.dedup_by(|later, first| {
                later.0 == first.0 && {
                    first.1 += later.1;
                    true
                }
            });
            row
        })
        .collect();
    let mut affinities = Affinities { starts: vec![0], columns: Vec::new(), values: Vec::new() };
    for (i, row) in rows.into_iter().enumerate() {
        let filled = row.len().next_multiple_of(WIDTH);
        affinities.columns.extend(row.iter().map(|&(j, _)| j));
        affinities.values.extend(row.iter().map(|&(_, p)| (f64::from(p) * scale) as f32));
        let end = affinities.starts[i] + filled;
        affinities.columns.resize(end, i as u32);
        affinities.values.resize(end, 0.0);
        affinities.starts.push(end);
    }
    affinities
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn affinities(x: &Array2<f32>, k: usize, perplexity: f64) -> Affinities {
        let mut neighbors = Neighbors::new(x.view(), k);
        while neighbors.step() {}
        Affinities::new(&neighbors, x.nrows(), perplexity)
    }

    #[test]
    fn symmetric_and_sums_to_one() {
        let x = Array2::from_shape_fn((90, 3), |(i, j)| (((i + 1) * (j + 3) * 7919) % 997) as f32 / 100.0);
        let p = affinities(&x, 30, 10.0);
        let mut dense = Array2::<f64>::zeros((90, 90));
        for i in 0..90 {
            p.row(i).for_each(|(j, v)| dense[[i, j]] += v);
        }
        assert!((dense.sum() - 1.0).abs() < 1e-6);
        assert!((&dense - &dense.t()).iter().all(|v| v.abs() < 1e-10));
        assert!((0..90).all(|i| dense[[i, i]] == 0.0));
    }

    #[test]
    fn exp_equals_the_library() {
        for i in 0..70_000 {
            let x = -0.01 * f64::from(i);
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn rows_have_the_perplexity_asked_for() {
        let distances: Vec<f32> = (0..90).map(|i| 1e4 + 3.0 * (i * i) as f32).collect();
        let mut p = vec![0.0; 90];
        for perplexity in [1.5, 30.0, 80.0] {
            gaussian_row(&distances, perplexity, &mut p);
            let entropy: f64 = p.iter().filter(|&&v| v > 0.0).map(|&v| -f64::from(v) * f64::from(v).ln()).sum();
            assert!((entropy.exp() - perplexity).abs() < 1e-3, "{perplexity} {}", entropy.exp());
        }
    }

    #[test]
    fn ties_and_equal_rows_stay_finite() {
        let mut p = vec![0.0; 5];
        gaussian_row(&[2.0; 5], 2.0, &mut p);
        assert_eq!(p, [0.2; 5]);
        gaussian_row(&[0.0, 0.0, 0.0, 0.0, 9.0], 2.0, &mut p);
        assert!(p.iter().all(|v| v.is_finite()) && (p[0] - 0.25).abs() < 1e-6 && p[4] < 1e-6, "{p:?}");
    }
}
