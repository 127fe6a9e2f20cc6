//! What happens to every value of a matrix, row by row.

use multiversion::multiversion;
use rayon::prelude::*;

use super::super::kernels::Activation;
use crate::cpu::lanes::{BASE_FMA, LANES, Lanes};
use crate::cpu::math::{gelu, gelu_tanh, hard_sigmoid, sigmoid, silu};

/// Values that a thread takes at a time, to whole rows; a matrix of fewer is not worth waking one.
const BLOCK: usize = 16_384;

/// `activation(x + bias)`, in place.
pub(super) fn follow(x: &mut [f32], bias: &[f32], then: Activation) {
    let block = block(bias.len());
    if x.len() <= block {
        return follow_rows(x, bias, then);
    }
    x.par_chunks_mut(block).for_each(|x| follow_rows(x, bias, then));
}

/// `x + bias + residual`, in place.
pub(super) fn follow_onto(x: &mut [f32], bias: &[f32], residual: &[f32]) {
    let block = block(bias.len());
    if x.len() <= block {
        return follow_rows_onto(x, bias, residual);
    }
    x.par_chunks_mut(block).zip(residual.par_chunks(block)).for_each(|(x, residual)| {
        follow_rows_onto(x, bias, residual);
    });
}

/// Layer normalisation of rows.
pub(super) fn normalize(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) -> Vec<f32> {
    let (block, mut out) = (block(gamma.len()), vec![0.0; x.len()]);
    if x.len() <= block {
        normalize_rows(x, gamma, beta, epsilon, &mut out);
        return out;
    }
    out.par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(out, x)| {
        normalize_rows(x, gamma, beta, epsilon, out);
    });
    out
}

/// Values of a block of rows of `width`.
fn block(width: usize) -> usize {
    BLOCK.div_ceil(width.max(1)) * width.max(1)
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn follow_rows(x: &mut [f32], bias: &[f32], then: Activation) {
    multiversion::target::match_target! {
        "x86_64+avx2+fma" => activate::<true>(x, bias, then),
        _ => activate::<BASE_FMA>(x, bias, then),
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn follow_rows_onto(x: &mut [f32], bias: &[f32], residual: &[f32]) {
    for (x, residual) in x.chunks_exact_mut(bias.len()).zip(residual.chunks_exact(bias.len())) {
        for ((x, bias), residual) in x.iter_mut().zip(bias).zip(residual) {
            *x = *x + bias + residual;
        }
    }
}

#[inline(always)]
fn activate<const FMA: bool>(x: &mut [f32], bias: &[f32], then: Activation) {
    match then {
        Activation::Identity => each(x, bias, |x| x),
        Activation::Relu => each(x, bias, |x| x.max(0.0)),
        Activation::Relu6 => each(x, bias, |x| x.clamp(0.0, 6.0)),
        Activation::Gelu => each(x, bias, gelu::<FMA>),
        Activation::GeluTanh => each(x, bias, gelu_tanh::<FMA>),
        Activation::QuickGelu => each(x, bias, |x| x * sigmoid::<FMA>(1.702 * x)),
        Activation::Tanh => each(x, bias, |x| 2.0 * sigmoid::<FMA>(2.0 * x) - 1.0),
        Activation::Sigmoid => each(x, bias, sigmoid::<FMA>),
        Activation::Silu => each(x, bias, silu::<FMA>),
        Activation::HardSigmoid => each(x, bias, hard_sigmoid),
        Activation::HardSwish => each(x, bias, |x| x * hard_sigmoid(x)),
    }
}

#[inline(always)]
fn each(x: &mut [f32], bias: &[f32], f: impl Fn(f32) -> f32) {
    for row in x.chunks_exact_mut(bias.len().max(1)) {
        for (x, bias) in row.iter_mut().zip(bias) {
            *x = f(*x + bias);
        }
    }
}

/// Below -40 it stays at 4e-18: smaller ones, times each other, would be subnormal numbers, which are many times slower.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn normalize_rows(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32, out: &mut [f32]) {
    let width = gamma.len();
    for (row, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let mean = sum(row, |x| x) / width as f32;
        let variance = sum(row, |x| (x - mean) * (x - mean)) / width as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for (((out, x), gamma), beta) in out.iter_mut().zip(row).zip(gamma).zip(beta) {
            *out = (x - mean) * scale * gamma + beta;
        }
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
