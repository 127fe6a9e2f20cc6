//! The layers in f64, straight from their definitions.

use super::*;
use crate::cpu::reference::{Random, assert_close};
use crate::fused::attention::Heads;
use crate::fused::launch::Padding;

const EVERY: [Activation; 11] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Silu,
    Activation::HardSigmoid,
    Activation::HardSwish,
];

/// erf by its Maclaurin series.
fn erf(z: f64) -> f64 {
    let (mut term, mut sum) = (z, z);
    for n in 1..200 {
        term *= -z * z / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn exact(x: f64, then: Activation) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let hard = (x + 3.0).clamp(0.0, 6.0) / 6.0;
    match then {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Gelu => x / 2.0 * (1.0 + erf(x / 2f64.sqrt())),
        Activation::GeluTanh => {
            x / 2.0 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)).tanh())
        }
        Activation::QuickGelu => x * sigmoid(1.702 * x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
        Activation::Silu => x * sigmoid(x),
        Activation::HardSigmoid => hard,
        Activation::HardSwish => x * hard,
    }
}

/// A row times the weights of an output.
fn linear(row: &[f32], weight: &[f32], bias: f32) -> f64 {
    row.iter().zip(weight).fold(f64::from(bias), |sum, (x, w)| sum + f64::from(*x) * f64::from(*w))
}

#[test]
fn products_are_those_of_f64_whatever_the_threads() {
    for (rows, input, output) in [(1, 12, 40), (30, 24, 20), (57, 48, 8), (300, 40, 72)] {
        let mut random = Random((rows * input) as u64);
        let (x, weight) = (random.values(rows * input), random.values(output * input));
        let (bias, residual) = (random.values(output), random.values(rows * output));
        let packed = Packed::new(&weight, &bias, input);
        for then in EVERY {
            let cells =
                x.chunks(input).flat_map(|row| weight.chunks(input).zip(&bias).map(move |(w, b)| linear(row, w, *b)));
            let expected: Vec<f64> = cells.map(|x| exact(x, then)).collect();
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                pool.install(|| dense(&x, &packed, [input, output], None, then))
            };
            let found = run(2);
            assert_close(&found, &expected, 2e-6, &format!("{rows} x {input} x {output}, {then:?}"));
            assert!(run(1) == found && run(7) == found, "{then:?} depends on the threads");
        }
        let onto: Vec<f64> = x
            .chunks(input)
            .flat_map(|row| weight.chunks(input).zip(&bias).map(move |(w, b)| linear(row, w, *b)))
            .zip(&residual)
            .map(|(x, r)| x + f64::from(*r))
            .collect();
        let found = dense(&x, &packed, [input, output], Some(&residual), Activation::Identity);
        assert_close(&found, &onto, 2e-6, "onto a residual");
        assert_eq!(packed.output(output - 1), weight[(output - 1) * input..]);
    }
}

#[test]
fn convolutions_and_filters_are_those_of_f64() {
    let windows = [(3, 1), (3, 2), (5, 1), (5, 2), (1, 2), (7, 2)]
        .into_iter()
        .flat_map(|(kernel, stride)| [Padding::Same, Padding::Even].map(|padding| Window { kernel, stride, padding }));
    for (window, (height, width)) in windows.flat_map(|w| [(7, 9), (8, 6), (1, 13), (2, 2)].map(|e| (w, e))) {
        for (channels, output, alone) in [(3, 8, false), (12, 20, false), (24, 24, true), (40, 40, true)] {
            let mut random = Random((height * width * channels) as u64);
            let taps = window.kernel * window.kernel;
            let (x, bias) = (random.values(2 * height * width * channels), random.values(output));
            // [taps, channels] of each output, or of all together.
            let weight = random.values(if alone { taps * channels } else { output * taps * channels });
            let extents = [2, height, width, channels];
            let then = Activation::HardSwish;
            let found = if alone {
                depthwise(&x, extents, (&weight, &bias), window, then)
            } else {
                let packed = Packed::new(&weight, &bias, taps * channels);
                convolution(&x, extents, &packed, output, window, then)
            };
            let (down, across) = (window.output(height), window.output(width));
            let (top, left) = (window.padding(height).0, window.padding(width).0);
            let pixel = |n: usize, y: usize, x_: usize, c: usize, tap: usize| {
                let line = (y * window.stride + tap / window.kernel).checked_sub(top).filter(|l| *l < height);
                let column = (x_ * window.stride + tap % window.kernel).checked_sub(left).filter(|c| *c < width);
                line.zip(column).map_or(0.0, |(l, k)| f64::from(x[((n * height + l) * width + k) * channels + c]))
            };
            let mut expected = Vec::new();
            for i in 0..2 * down * across * output {
                let (o, rest) = (i % output, i / output);
                let (n, y, x_) = (rest / across / down, rest / across % down, rest % across);
                let mut sum = f64::from(bias[o]);
                for tap in 0..taps {
                    if alone {
                        sum += pixel(n, y, x_, o, tap) * f64::from(weight[tap * channels + o]);
                    } else {
                        for c in 0..channels {
                            sum += pixel(n, y, x_, c, tap) * f64::from(weight[(o * taps + tap) * channels + c]);
                        }
                    }
                }
                expected.push(exact(sum, then));
            }
            let what = format!("{window:?} of {height} x {width} x {channels}, each alone {alone}");
            assert_close(&found, &expected, 2e-6, &what);
        }
    }
}

#[test]
fn norms_are_those_of_f64() {
    for (rows, width) in [(1, 20), (40, 48)] {
        let mut random = Random(9);
        let (mut x, gamma, beta) = (random.values(rows * width), random.values(width), random.values(width));
        let row = |row: &[f32]| {
            let mean = row.iter().map(|v| f64::from(*v)).sum::<f64>() / width as f64;
            let variance = row.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / width as f64;
            let affine = gamma.iter().zip(&beta);
            row.iter()
                .zip(affine)
                .map(|(v, (g, b))| (f64::from(*v) - mean) / (variance + 1e-5).sqrt() * f64::from(*g) + f64::from(*b))
                .collect::<Vec<_>>()
        };
        let expected: Vec<f64> = x.chunks(width).flat_map(row).collect();
        normalize_rows(&mut x, &gamma, &beta, 1e-5);
        assert_close(&x, &expected, 2e-6, "norm");
    }
}

#[test]
fn attention_is_that_of_f64() {
    for (tokens, heads, head, causal, biased) in
        [(5, 2, 8, false, false), (70, 1, 32, true, true), (33, 3, 24, false, true), (130, 1, 64, true, false)]
    {
        let width = heads * head;
        let lengths = [tokens as f32, 3.0];
        let mut random = Random(tokens as u64);
        let values: Vec<f32> = random.values(2 * tokens * 3 * width).iter().map(|v| 3.0 * v).collect();
        let bias = random.values(heads * tokens * tokens);
        let mixed = Mixed { values: &values, width, lengths: &lengths, bias: biased.then_some(&bias) };
        let found = attention(&mixed, Heads { tokens, heads, causal });
        let at = |row: usize, t: usize, part: usize, c: usize| {
            f64::from(values[((row * tokens + t) * 3 + part) * width + c])
        };
        let (mut kept, mut expected) = (Vec::new(), Vec::new());
        for (row, length) in lengths.iter().enumerate() {
            for t in 0..*length as usize {
                for h in 0..heads {
                    let reach = if causal { (t + 1).min(*length as usize) } else { *length as usize };
                    let score = |k: usize| {
                        let dot: f64 = (h * head..(h + 1) * head).map(|c| at(row, t, 0, c) * at(row, k, 1, c)).sum();
                        let bias = if biased { f64::from(bias[(h * tokens + t) * tokens + k]) } else { 0.0 };
                        dot / (head as f64).sqrt() + bias
                    };
                    let weights: Vec<f64> = (0..reach).map(|k| score(k).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    for c in h * head..(h + 1) * head {
                        kept.push(found[(row * tokens + t) * width + c]);
                        expected.push(weights.iter().enumerate().map(|(k, w)| w / total * at(row, k, 2, c)).sum());
                    }
                }
            }
        }
        assert_close(&kept, &expected, 5e-6, &format!("{tokens} tokens, causal {causal}, bias {biased}"));
    }
}
