//! Repulsion between all pairs, and the true Kullback-Leibler divergence.

use super::affinities::Affinities;
use super::simd::{WIDTH, Wide, madd, reciprocal, sum};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Points whose forces one task computes; fixed, so that results do not depend on the number of threads.
const POINTS_PER_TASK: usize = 64;
/// Points between two additions of the `f32` partial sums of `Z` into `f64`.
const PARTIAL: usize = 1024;
/// Where the points lie that fill the last vector: their `q` is 1e-36 and their force 0.
const FAR: f32 = 1e18;

/// The points as one vector of `x` and one of `y`, filled up to a multiple of the vector width.
#[derive(Debug, Default)]
pub(crate) struct ExactRepulsion {
    x: Vec<Wide>,
    y: Vec<Wide>,
}

impl ExactRepulsion {
    /// `forces[i] = sum_j q_ij^2 (y_i - y_j)` with `q_ij = 1 / (1 + |y_i - y_j|^2)`; returns `Z = sum_{i != j} q_ij`.
    pub(crate) fn forces(&mut self, points: &[[f32; 2]], forces: &mut [[f32; 2]]) -> f64 {
        let wides = points.len().div_ceil(WIDTH);
        for (coordinates, axis) in [(&mut self.x, 0), (&mut self.y, 1)] {
            coordinates.clear();
            coordinates.resize(wides, [FAR; WIDTH]);
            for (i, point) in points.iter().enumerate() {
                coordinates[i / WIDTH][i % WIDTH] = point[axis];
            }
        }
        let tasks = points.par_chunks(POINTS_PER_TASK).zip(forces.par_chunks_mut(POINTS_PER_TASK));
        let z: Vec<f64> = tasks.map(|(points, forces)| forces_on(points, &self.x, &self.y, forces)).collect();
        z.iter().sum::<f64>() - points.len() as f64
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn forces_on(points: &[[f32; 2]], x: &[Wide], y: &[Wide], forces: &mut [[f32; 2]]) -> f64 {
    const FMA: bool = multiversion::target::target_cfg_f!(target_feature = "fma");
    let mut total = 0.0;
    for (&[px, py], force) in points.iter().zip(forces) {
        let (mut fx, mut fy) = ([0.0; WIDTH], [0.0; WIDTH]);
        for (x, y) in x.chunks(PARTIAL / WIDTH).zip(y.chunks(PARTIAL / WIDTH)) {
            let mut z = [0.0; WIDTH];
            for (x, y) in x.iter().zip(y) {
                for l in 0..WIDTH {
                    let (dx, dy) = (px - x[l], py - y[l]);
                    let q = reciprocal::<FMA>(madd::<FMA>(dx, dx, madd::<FMA>(dy, dy, 1.0)));
                    z[l] += q;
                    fx[l] = madd::<FMA>(q * q, dx, fx[l]);
                    fy[l] = madd::<FMA>(q * q, dy, fy[l]);
                }
            }
            total += f64::from(sum(&z));
        }
        *force = [sum(&fx), sum(&fy)];
    }
    total
}

/// The Kullback-Leibler divergence `sum p_ij ln(p_ij / q_ij)` of an embedding `[n, 2]`, in nats.
///
/// `Z` is summed over all pairs in `f64`, whatever method moved the points: `O(n^2)` time, parallel.
/// Pairs with `p_ij = 0` count nothing, as in openTSNE and scikit-learn.
#[must_use]
pub fn kl_divergence(affinities: &Affinities, embedding: ArrayView2<'_, f32>) -> f64 {
    let points: Vec<[f64; 2]> =
        embedding.rows().into_iter().map(|row| [f64::from(row[0]), f64::from(row[1])]).collect();
    let starts: Vec<usize> = (0..points.len()).step_by(POINTS_PER_TASK).collect();
    let parts: Vec<(f64, f64, f64)> = starts
        .par_iter()
        .map(|&start| {
            let end = (start + POINTS_PER_TASK).min(points.len());
            let (mut z, mut mass, mut cost) = (0.0, 0.0, 0.0);
            for i in start..end {
                z += 2.0 * similarity_to(points[i], &points[i + 1..]);
                for (j, p) in affinities.row(i).filter(|&(_, p)| p > 0.0) {
                    let (dx, dy) = (points[i][0] - points[j][0], points[i][1] - points[j][1]);
                    mass += p;
                    cost += p * (p.ln() + (dx * dx + dy * dy).ln_1p());
                }
            }
            (z, mass, cost)
        })
        .collect();
    let (z, mass, cost) = parts.iter().fold((0.0, 0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    if z > 0.0 { cost + mass * z.ln() } else { 0.0 }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn similarity_to(point: [f64; 2], others: &[[f64; 2]]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (groups, rest) = others.as_chunks::<LANES>();
    for group in groups {
        for l in 0..LANES {
            let (dx, dy) = (point[0] - group[l][0], point[1] - group[l][1]);
            sums[l] += 1.0 / (1.0 + dx * dx + dy * dy);
        }
    }
    let mut total: f64 = sums.iter().sum();
    for other in rest {
        let (dx, dy) = (point[0] - other[0], point[1] - other[1]);
        total += 1.0 / (1.0 + dx * dx + dy * dy);
    }
    total
}
