//! Known answers of the kernels that tensor cores need, on the device at hand: a driver that breaks one is found here.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::{Activation, Dense, Heads, Lengths, RowNorm, attention};
use crate::precision::Precision;

/// A half has eleven bits, and sums of some hundred are compared.
const BOUND: f32 = 5e-3;
/// Of the matrices tried: a head of 64 values, which most networks have.
const WIDTH: usize = 128;
/// Few rows, the next token of some captions; some, and so many that each workgroup makes more.
const ROWS: [usize; 3] = [4, 100, 1 << 14];
/// Keys of one block, and of more.
const TOKENS: [usize; 2] = [50, 150];

/// [`passed`], tried once a device: every network that is loaded asks.
pub(super) fn remembered(device: &Device) -> bool {
    static TRIED: Mutex<Vec<(Device, bool)>> = Mutex::new(Vec::new());
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, passed)) = tried.iter().find(|(known, _)| known == device) {
        return *passed;
    }
    let passed = passed(device);
    tried.push((device.clone(), passed));
    passed
}

/// Whether `device` gives in half precision what the processor gives in single precision.
fn passed(device: &Device) -> bool {
    ROWS.into_iter().all(|rows| alike(device, |device, precision| layer(rows, device, precision)))
        && TOKENS.into_iter().all(|tokens| alike(device, |device, precision| attend(tokens, device, precision)))
}

/// A norm, a layer with an activation, and one onto a residual.
pub(super) fn layer(rows: usize, device: &Device, precision: Precision) -> Tensor<2> {
    let x = given([rows, WIDTH], 1, device, precision);
    let norm = precision.of(RowNorm::new(values(WIDTH, 2), values(WIDTH, 3), 1e-5, device));
    let up = precision.of(Dense::new(&values(2 * WIDTH * WIDTH, 4), values(2 * WIDTH, 5), device));
    let down = precision.of(Dense::new(&values(2 * WIDTH * WIDTH, 6), values(WIDTH, 7), device));
    down.forward_onto(up.forward(norm.forward(x.clone()), Activation::QuickGelu), x)
}

fn attend(tokens: usize, device: &Device, precision: Precision) -> Tensor<2> {
    let (sentences, heads) = (2, Heads { tokens, heads: 2, causal: false });
    let mixed = given([sentences * tokens, 3 * WIDTH], 8, device, precision);
    attention(mixed, &Lengths::whole(sentences, tokens, device), None, heads)
}

fn alike(device: &Device, make: impl Fn(&Device, Precision) -> Tensor<2>) -> bool {
    let read = |x: Tensor<2>| x.cast(FloatDType::F32).into_data().try_into_vec::<f32>().unwrap_or_default();
    let (found, expected) = (read(make(device, Precision::F16)), read(make(&Device::flex(), Precision::F32)));
    let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
    let near = |(f, e): (&f32, &f32)| (f - e).abs() <= BOUND * largest;
    !expected.is_empty() && found.len() == expected.len() && found.iter().zip(&expected).all(near)
}

fn given(shape: [usize; 2], seed: usize, device: &Device, precision: Precision) -> Tensor<2> {
    let x = Tensor::from_data(TensorData::new(values(shape[0] * shape[1], seed), shape), device);
    match precision {
        Precision::F32 => x,
        Precision::F16 => x.cast(FloatDType::F16),
    }
}

/// Values between -1 and 1 that do not repeat in step with any extent.
fn values(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
}
