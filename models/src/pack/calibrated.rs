//! Integers of weights whose errors cancel in what a layer gives, for inputs like those that it has read.
//!
//! With the mean products `H` of a layer's inputs, the errors `e` of the weights of one output move it by `e H e` in the mean
//! square. As in GPTQ (Frantar et al., 2023), weights are rounded one after the other, each after it was moved by what makes up
//! best for the errors so far. Of the factor `H = R'R`, `R` upper triangular, that is Babai's nearest plane, from the last row up:
//! weight `j` moves by the sum of `R[j, k] e[k] / R[j, j]` over `k > j`. Inputs of much power are rounded first.

use faer::{Mat, Side};
use half::f16;
use multiversion::multiversion;
use rayon::prelude::*;

use super::integers::Grid;
use crate::calibration::Moments;

/// Outputs whose weights are rounded together: the factor is read once for them.
const LANES: usize = 32;
/// What is added to the diagonal, in parts of its mean: pictures to come are not quite those that were read.
const DAMPING: f64 = 0.01;

/// Integers of the rows of `row` weights `values`, whose blocks have these `scales`; `None` where `moments` are of other inputs, or
/// hold numbers that no inputs have.
pub(super) fn integers(grid: &Grid, values: &[f32], row: usize, scales: &[f16], moments: &Moments) -> Option<Vec<i8>> {
    let rows = values.len() / row;
    let (inputs, outputs) = if moments.turned { (rows, row) } else { (row, rows) };
    if moments.width != inputs {
        return None;
    }
    let order = by_power(moments);
    let factor = factor(moments, &order)?;
    let blocks = row.div_ceil(grid.block);
    // Where the weight lies that leads from an input to an output, and its scale.
    let at = |input: usize, output: usize| if moments.turned { (input, output) } else { (output, input) };
    let weight = |input, output| {
        let (r, c) = at(input, output);
        (values[r * row + c], scales[r * blocks + c / grid.block].to_f32())
    };
    let rounded: Vec<Vec<[i8; LANES]>> = (0..outputs.div_ceil(LANES))
        .into_par_iter()
        .map(|group| {
            let mut errors = vec![[0.0; LANES]; inputs];
            let mut rounded = vec![[0; LANES]; inputs];
            for j in (0..inputs).rev() {
                let row = &factor[j * inputs + j + 1..(j + 1) * inputs];
                let moved = moved(row, &errors[j + 1..]);
                for (lane, output) in (group * LANES..outputs).take(LANES).enumerate() {
                    let (weight, scale) = weight(order[j], output);
                    let integer = grid.integer(weight + moved[lane], scale);
                    errors[j][lane] = weight - integer * scale;
                    rounded[j][lane] = integer as i8;
                }
            }
            rounded
        })
        .collect();
    let mut integers = vec![0; values.len()];
    for (group, rounded) in rounded.iter().enumerate() {
        for (input, lanes) in order.iter().zip(rounded) {
            for (output, integer) in (group * LANES..outputs).zip(lanes) {
                let (r, c) = at(*input, output);
                integers[r * row + c] = *integer;
            }
        }
    }
    Some(integers)
}

/// Inputs from the least power to the most.
fn by_power(moments: &Moments) -> Vec<usize> {
    let power = |input: &usize| moments.products[input * (moments.width + 1)];
    let mut order: Vec<usize> = (0..moments.width).collect();
    order.sort_by(|a, b| power(a).total_cmp(&power(b)));
    order
}

/// `R[j, k] / R[j, j]`, `[inputs, inputs]`, of which what lies right of the diagonal counts, of the inputs in this order.
fn factor(moments: &Moments, order: &[usize]) -> Option<Vec<f32>> {
    let n = moments.width;
    let product = |a: usize, b: usize| f64::from(moments.products[order[a] * n + order[b]]);
    let damping = DAMPING * (0..n).map(|i| product(i, i)).sum::<f64>() / n as f64;
    if !moments.products.iter().all(|p| p.is_finite()) || damping <= 0.0 {
        return None;
    }
    let damped = Mat::from_fn(n, n, |a, b| product(a, b) + if a == b { damping } else { 0.0 });
    let lower = damped.llt(Side::Lower).ok()?;
    let lower = lower.L();
    let mut factor = vec![0.0; n * n];
    for (j, row) in factor.chunks_exact_mut(n).enumerate() {
        for (k, value) in row.iter_mut().enumerate().skip(j) {
            *value = (lower[(k, j)] / lower[(j, j)]) as f32;
        }
    }
    Some(factor)
}

/// What the errors of later inputs move the weights of an input by.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn moved(factor: &[f32], errors: &[[f32; LANES]]) -> [f32; LANES] {
    let mut sums = [0.0; LANES];
    for (factor, errors) in factor.iter().zip(errors) {
        for (sum, error) in sums.iter_mut().zip(errors) {
            *sum += factor * error;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::integers::{EIGHT_BITS, FOUR_BITS};
    use super::*;
    use crate::cpu::reference::Random;

    /// Rows that lie near a few directions, as those of real layers.
    fn inputs(rows: usize, width: usize) -> Vec<f32> {
        let (directions, noise) = (Random(1).values(4 * width), Random(2).values(rows * width));
        let shares = Random(3).values(rows * 4);
        let value = |i: usize| {
            let (row, column) = (i / width, i % width);
            let along: f32 = (0..4).map(|d| shares[row * 4 + d] * directions[d * width + column]).sum();
            along + 0.1 * noise[i]
        };
        (0..rows * width).map(value).collect()
    }

    fn moments(inputs: &[f32], width: usize, turned: bool) -> Moments {
        let mut products = vec![0.0; width * width];
        for row in inputs.chunks_exact(width) {
            for (a, line) in row.iter().zip(products.chunks_exact_mut(width)) {
                row.iter().zip(line).for_each(|(b, sum)| *sum += a * b / (inputs.len() / width) as f32);
            }
        }
        Moments { products, width, turned }
    }

    /// Mean square of what integers move a layer's outputs by; `weights` `[outputs, width]`.
    fn moved_by(grid: &Grid, weights: &[f32], integers: &[i8], scales: &[f16], inputs: &[f32], width: usize) -> f64 {
        let blocks = width.div_ceil(grid.block);
        let mut sum = 0.0;
        for (o, (row, integers)) in weights.chunks_exact(width).zip(integers.chunks_exact(width)).enumerate() {
            let scale = |i: usize| scales[o * blocks + i / grid.block].to_f32();
            let errors: Vec<f32> = (0..width).map(|i| row[i] - f32::from(integers[i]) * scale(i)).collect();
            let output = |x: &[f32]| x.iter().zip(&errors).map(|(x, e)| f64::from(x * e)).sum::<f64>();
            sum += inputs.chunks_exact(width).map(|x| output(x).powi(2)).sum::<f64>();
        }
        sum
    }

    #[test]
    fn errors_cancel_for_inputs_like_those_that_were_read() {
        let (width, outputs) = (96, 40);
        let all = inputs(600, width);
        let (read, others) = all.split_at(400 * width);
        let weights = Random(4).values(outputs * width);
        for grid in [&EIGHT_BITS, &FOUR_BITS] {
            let scales = grid.scales(&weights, width);
            let nearest = grid.nearest(&weights, width, &scales);
            let found = integers(grid, &weights, width, &scales, &moments(read, width, false));
            let found = found.expect("inputs of this width");
            let moved = |integers: &[i8]| moved_by(grid, &weights, integers, &scales, others, width);
            assert!(moved(&found) < 0.3 * moved(&nearest), "{} of {}", moved(&found), moved(&nearest));
        }
    }

    #[test]
    fn turned_weights_are_rounded_as_those_that_are_not() {
        let (width, outputs) = (64, 64);
        let read = inputs(300, width);
        let weights = Random(4).values(outputs * width);
        let turned: Vec<f32> = (0..weights.len()).map(|i| weights[i % outputs * width + i / outputs]).collect();
        // One scale for all, so that both have the same.
        let scales = vec![f16::from_f32(1.0 / 127.0); outputs];
        let straight = integers(&EIGHT_BITS, &weights, width, &scales, &moments(&read, width, false));
        let turned = integers(&EIGHT_BITS, &turned, outputs, &scales, &moments(&read, width, true));
        let (straight, turned) = (straight.expect("integers"), turned.expect("integers"));
        assert!((0..weights.len()).all(|i| turned[i] == straight[i % outputs * width + i / outputs]));
    }

    #[test]
    fn moments_of_other_inputs_or_of_none_serve_nobody() {
        let weights = Random(4).values(64 * 64);
        let scales = EIGHT_BITS.scales(&weights, 64);
        let of = |moments: Moments| integers(&EIGHT_BITS, &weights, 64, &scales, &moments);
        assert_eq!(of(moments(&inputs(10, 32), 32, false)), None);
        assert_eq!(of(Moments { products: vec![0.0; 64 * 64], width: 64, turned: false }), None);
        assert_eq!(of(Moments { products: vec![f32::NAN; 64 * 64], width: 64, turned: false }), None);
    }
}
