//! The processor's kernels against the same layers made of Burn's operations, whatever the number of threads.

use burn::tensor::module::attention as attention_of_burn;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, FloatDType};

use super::super::tests::{EVERY, tensor};
use super::super::{activate, attention};
use super::*;

fn read<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec().expect("f32 values")
}

/// Runs `ours` with one thread and with three, asserts that the results are the same and within `bound` of the largest
/// of `expected`.
fn agree(what: &str, bound: f32, ours: impl Fn() -> Tensor<2> + Sync, expected: Tensor<2>) {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| read(ours()))
    };
    let (found, expected) = (run(1), read(expected));
    assert!(found == run(3), "{what}: threads change it");
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
    assert!(largest > 0.1, "{what}: nothing to compare");
    for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
        assert!((f - e).abs() <= bound * largest, "{what}: value {i} is {f}, expected {e}");
    }
}

#[test]
fn what_follows_a_product_is_burns() {
    let device = Device::flex();
    // Widths that fill no register, and rows that fill no block.
    for (rows, width) in [(1, 12), (3, 20), (700, 44), (67, 768)] {
        let x = tensor([rows, width], 1, &device).mul_scalar(8.0);
        let (bias, residual) = (tensor([width], 2, &device), tensor([rows, width], 3, &device));
        let sum = x.clone() + bias.clone().unsqueeze();
        for then in EVERY {
            let expected = activate(sum.clone(), then);
            agree(&format!("{rows} x {width}, {then:?}"), 1e-6, || follow(x.clone(), bias.clone(), then), expected);
        }
        let ours = || follow_onto(x.clone(), bias.clone(), residual.clone());
        agree(&format!("{rows} x {width} onto a residual"), 1e-6, ours, sum + residual.clone());
        // What was given is as it was.
        assert_eq!(read(x), read(tensor([rows, width], 1, &device).mul_scalar(8.0)));
    }
}

#[test]
fn norms_are_burns() {
    let device = Device::flex();
    for (rows, width) in [(1, 4), (5, 20), (700, 44), (50, 768)] {
        let (gamma, beta) = (tensor([width], 1, &device), tensor([width], 2, &device));
        // Far from zero, and turned in memory.
        let x = tensor([width, rows], 3, &device).add_scalar(20.0).transpose();
        let difference = x.clone() - x.clone().mean_dim(1);
        let variance = difference.clone().powi_scalar(2).mean_dim(1);
        let expected =
            difference / variance.add_scalar(1e-5).sqrt() * gamma.clone().unsqueeze() + beta.clone().unsqueeze();
        let ours = || normalize(x.clone(), gamma.clone(), beta.clone(), 1e-5);
        agree(&format!("{rows} x {width}"), 2e-5, ours, expected);
    }
}

/// Attention by Burn's operation, with a mask that says what each query sees.
fn composed(mixed: Tensor<2>, counts: &Tensor<1>, bias: Option<Tensor<3>>, heads: Heads) -> Tensor<2> {
    let Heads { tokens, heads, causal } = heads;
    let [rows, width] = [mixed.dims()[0], mixed.dims()[1] / 3];
    let n = rows / tokens;
    let split = mixed.reshape([n, tokens, 3, heads, width / heads]).permute([2, 0, 3, 1, 4]);
    let part = |i: usize| split.clone().narrow(0, i, 1).squeeze_dim::<4>(0);
    let hidden = attention::mask(counts, tokens).equal_elem(0.0).reshape([n, 1, 1, tokens]);
    let bias = bias.map(|bias| bias.unsqueeze::<4>().expand([n, heads, tokens, tokens]));
    let options = AttentionModuleOptions { is_causal: causal, ..AttentionModuleOptions::default() };
    let found = attention_of_burn(part(0), part(1), part(2), Some(hidden), bias, options);
    found.swap_dims(1, 2).reshape([rows, width])
}

#[test]
fn attention_is_burns() {
    let device = Device::flex();
    for (tokens, heads, width) in [(1usize, 1, 4), (5, 2, 8), (70, 3, 20), (57, 2, 64), (130, 1, 24)] {
        for (causal, biased, whole) in (0..8).map(|i| (i & 1 > 0, i & 2 > 0, i & 4 > 0)) {
            let counts = if whole { [tokens; 3] } else { [tokens, 1, tokens.div_ceil(2)] };
            let counts = counts.map(|count| count as f32);
            let counts = Tensor::<1>::from_floats(counts, &device);
            let mixed = tensor([3 * tokens, 3 * heads * width], 1, &device).mul_scalar(3.0);
            let bias = biased.then(|| tensor([heads, tokens, tokens], 2, &device).mul_scalar(3.0));
            let heads = Heads { tokens, heads, causal };
            let expected = composed(mixed.clone(), &counts, bias.clone(), heads);
            let what = format!("{heads:?} of {width}, bias {biased}, padding {}", !whole);
            agree(&what, 1e-5, || attend(mixed.clone(), counts.clone(), bias.as_ref(), heads), expected);
        }
    }
}

#[test]
fn rows_without_tokens_attend_to_nothing() {
    let device = Device::flex();
    let heads = Heads { tokens: 3, heads: 2, causal: false };
    let found = attend(tensor([6, 24], 1, &device), Tensor::from_floats([0.0, 3.0], &device), None, heads);
    let found = read(found);
    assert!(found[..24].iter().all(|value| *value == 0.0) && found[24..].iter().all(|value| *value != 0.0));
}

#[test]
fn half_precision_is_left_to_burn() {
    let device = Device::flex();
    let x = tensor([2, 4], 1, &device);
    assert!(serves(&x) && !serves(&x.cast(FloatDType::F16)));
}
