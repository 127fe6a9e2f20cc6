//! Attraction, and gradient descent with momentum and gains, as in openTSNE.

use super::affinities::Affinities;
use super::simd::{WIDTH, madd, reciprocal, sum};
use rayon::prelude::*;

/// Points that one task handles; fixed, so that results do not depend on the number of threads.
const POINTS_PER_TASK: usize = 256;
/// Gains never fall to nothing: this much is added to those that shrink.
const MIN_GAIN: f32 = 0.01;
/// No point moves farther in one step; openTSNE's `max_step_norm`.
const MAX_STEP_NORM: f32 = 5.0;

/// What the descent carries from one step to the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Motion {
    pub points: Vec<[f32; 2]>,
    pub velocity: Vec<[f32; 2]>,
    pub gains: Vec<[f32; 2]>,
}

/// `gradient[i] = exaggeration sum_j p_ij q_ij (y_i - y_j) - forces[i] / Z`: a quarter of the derivative of the
/// Kullback-Leibler divergence, as in openTSNE, whose learning rates are made for that.
pub(crate) fn gradient(
    affinities: &Affinities,
    points: &[[f32; 2]],
    exaggeration: f32,
    z: f64,
    forces: &mut [[f32; 2]],
) {
    let scale = (1.0 / z.max(f64::MIN_POSITIVE)) as f32;
    // a power of two, so that a masked index needs no bounds check and the loads become gathers
    let filled = points.len().next_power_of_two();
    let [x, y] = [0, 1].map(|axis| {
        let mut coordinates: Vec<f32> = points.iter().map(|point| point[axis]).collect();
        coordinates.resize(filled, 0.0);
        coordinates
    });
    forces.par_chunks_mut(POINTS_PER_TASK).enumerate().for_each(|(task, forces)| {
        attract(affinities, (&x, &y), task * POINTS_PER_TASK, exaggeration, scale, forces);
    });
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn attract(
    affinities: &Affinities,
    (x, y): (&[f32], &[f32]),
    first: usize,
    exaggeration: f32,
    scale: f32,
    forces: &mut [[f32; 2]],
) {
    const FMA: bool = multiversion::target::target_cfg_f!(target_feature = "fma");
    let mask = x.len() - 1;
    let y = &y[..x.len()];
    for (i, force) in forces.iter_mut().enumerate() {
        let (px, py) = (x[(first + i) & mask], y[(first + i) & mask]);
        let (columns, values) = affinities.wide_row(first + i);
        let (mut fx, mut fy) = ([0.0; WIDTH], [0.0; WIDTH]);
        for (columns, values) in columns.iter().zip(values) {
            for l in 0..WIDTH {
                let j = columns[l] as usize & mask;
                let (dx, dy) = (px - x[j], py - y[j]);
                let pq = values[l] * reciprocal::<FMA>(madd::<FMA>(dx, dx, madd::<FMA>(dy, dy, 1.0)));
                fx[l] = madd::<FMA>(pq, dx, fx[l]);
                fy[l] = madd::<FMA>(pq, dy, fy[l]);
            }
        }
        *force = [exaggeration * sum(&fx) - scale * force[0], exaggeration * sum(&fy) - scale * force[1]];
    }
}

impl Motion {
    /// At rest at `points`.
    pub(crate) fn at_rest(points: Vec<[f32; 2]>) -> Self {
        let n = points.len();
        Self { points, velocity: vec![[0.0; 2]; n], gains: vec![[1.0; 2]; n] }
    }

    /// Moves all points against the gradient, then centres them.
    pub(crate) fn descend(&mut self, gradient: &[[f32; 2]], learning_rate: f32, momentum: f32) {
        let points = self.points.par_chunks_mut(POINTS_PER_TASK);
        let motion = self.velocity.par_chunks_mut(POINTS_PER_TASK).zip(self.gains.par_chunks_mut(POINTS_PER_TASK));
        let tasks = points.zip(motion).zip(gradient.par_chunks(POINTS_PER_TASK));
        let sums: Vec<[f64; 2]> = tasks
            .map(|((points, (velocity, gains)), gradient)| {
                let mut sum = [0.0; 2];
                for (((point, velocity), gains), gradient) in points.iter_mut().zip(velocity).zip(gains).zip(gradient) {
                    for axis in 0..2 {
                        let same = sign(velocity[axis]) == sign(gradient[axis]);
                        gains[axis] = if same { gains[axis] * 0.8 + MIN_GAIN } else { gains[axis] + 0.2 };
                        velocity[axis] = momentum * velocity[axis] - learning_rate * gains[axis] * gradient[axis];
                    }
                    let norm = (velocity[0] * velocity[0] + velocity[1] * velocity[1]).sqrt();
                    let limit = if norm > MAX_STEP_NORM { MAX_STEP_NORM / norm } else { 1.0 };
                    for axis in 0..2 {
                        velocity[axis] *= limit;
                        point[axis] += velocity[axis];
                        sum[axis] += f64::from(point[axis]);
                    }
                }
                sum
            })
            .collect();
        let n = self.points.len() as f64;
        let mean = [0, 1].map(|axis| (sums.iter().map(|sum| sum[axis]).sum::<f64>() / n) as f32);
        for point in &mut self.points {
            point[0] -= mean[0];
            point[1] -= mean[1];
        }
    }
}

fn sign(v: f32) -> i8 {
    i8::from(v > 0.0) - i8::from(v < 0.0)
}
