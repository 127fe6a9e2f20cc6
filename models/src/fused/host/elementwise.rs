//! Activations and norms.

use multiversion::multiversion;
use rayon::prelude::*;

use super::super::kernels::Activation;
use crate::cpu::lanes::{BASE_FMA, LANES, Lanes};
use crate::cpu::math::{exp, gelu};

/// Rows of a norm that a thread takes at a time.
const ROWS: usize = 16;

/// An activation, in place.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn activate(values: &mut [Lanes], then: Activation) {
    multiversion::target::match_target! {
        "x86_64+avx2+fma" => each::<true>(values, then),
        _ => each::<BASE_FMA>(values, then),
    }
}

#[inline(always)]
fn each<const FMA: bool>(values: &mut [Lanes], then: Activation) {
    match then {
        Activation::Identity => {}
        Activation::Relu => map(values, |x| x.max(0.0)),
        Activation::Relu6 => map(values, |x| x.max(0.0).min(6.0)),
        Activation::Gelu => map(values, gelu::<FMA>),
        Activation::GeluTanh => map(values, |x| x * sigmoid::<FMA>((x + x * x * x * 0.044_715) * 1.595_769_1)),
        Activation::QuickGelu => map(values, |x| x * sigmoid::<FMA>(1.702 * x)),
        Activation::Tanh => map(values, |x| 2.0 * sigmoid::<FMA>(2.0 * x) - 1.0),
        Activation::Sigmoid => map(values, sigmoid::<FMA>),
        Activation::Silu => map(values, |x| x * sigmoid::<FMA>(x)),
        Activation::HardSigmoid => map(values, hard_sigmoid),
        Activation::HardSwish => map(values, |x| x * hard_sigmoid(x)),
    }
}

#[inline(always)]
fn map(values: &mut [Lanes], f: impl Fn(f32) -> f32) {
    for lanes in values {
        for value in &mut lanes.0 {
            *value = f(*value);
        }
    }
}

/// Below -40 it stays at 4e-18: smaller ones, times each other, would be subnormal numbers, which are many times slower.
#[inline(always)]
fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    let x = if x > -40.0 { x } else { -40.0 };
    1.0 / (1.0 + exp::<FMA>(-x))
}

#[inline(always)]
fn hard_sigmoid(x: f32) -> f32 {
    (x + 3.0).max(0.0).min(6.0) * (1.0 / 6.0)
}

/// Layer normalisation of rows, in place.
pub(in super::super) fn normalize_rows(x: &mut [f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
    let width = gamma.len();
    x.par_chunks_mut(ROWS * width)
        .for_each(|rows| rows.chunks_exact_mut(width).for_each(|row| normalize(row, gamma, beta, epsilon)));
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn normalize(row: &mut [f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
    let mean = sum(row, |x| x) / row.len() as f32;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / row.len() as f32;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for ((x, gamma), beta) in row.iter_mut().zip(gamma).zip(beta) {
        *x = (*x - mean) * scale * gamma + beta;
    }
}

/// In sixteen sums, and the rest in one: the same order on every processor.
#[inline(always)]
fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (whole, rest) = row.as_chunks::<LANES>();
    let mut sums = Lanes::ZERO;
    for part in whole {
        for (sum, x) in sums.0.iter_mut().zip(part) {
            *sum += f(*x);
        }
    }
    sums.fold(|a, b| a + b) + rest.iter().fold(0.0, |sum, x| sum + f(*x))
}
