//! Plain f64 versions of what the kernels compute, for their tests.

use super::lanes::{LANES, Lanes, planes_of};
use crate::fused::{Padding, Window};

/// A seeded stream of values in -1..1 (the multiplier and increment of PCG's generator).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub(crate) fn values(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }
}

/// A tensor of a network that keeps its signal: weights shrink with their inputs, variances are positive.
pub(crate) fn tensor(name: &str, shape: &[usize]) -> Vec<f32> {
    let seed = name.bytes().fold(782, |h: u64, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    let inputs: usize = shape.iter().skip(1).product();
    let scale = if shape.len() > 1 { (3.0 / inputs as f32).sqrt() } else { 0.2 };
    let centre = if name.ends_with("var") || (shape.len() == 1 && name.ends_with("weight")) { 1.0 } else { 0.0 };
    Random(seed).values(shape.iter().product()).into_iter().map(|v| centre + scale * v).collect()
}

/// `[rows][inputs] x [outputs][inputs]^T + bias`.
pub(crate) fn linear(rows: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let inputs = weight.len() / bias.len();
    let dot = |row: &[f64], w: &[f32]| row.iter().zip(w).map(|(a, b)| a * f64::from(*b)).sum::<f64>();
    let outputs = |row| weight.chunks(inputs).zip(bias).map(move |(w, b)| dot(row, w) + f64::from(*b));
    rows.chunks(inputs).flat_map(|row| outputs(row).collect::<Vec<_>>()).collect()
}

/// A convolution of a square picture `[side][side][channels]`; `weight` is `[outputs][channels / groups][k][k]`. "SAME"
/// padding is counted on both sides together, the odd pixel behind; even padding is half of the kernel.
pub(crate) fn conv(x: &[f64], side: usize, weight: &[f32], bias: &[f32], window: Window, groups: usize) -> Vec<f64> {
    let (k, s) = (window.kernel, window.stride);
    let channels = x.len() / (side * side);
    let (part, outputs) = (channels / groups, bias.len());
    let out = side.div_ceil(s);
    let before = match window.padding {
        Padding::Same => (((out - 1) * s + k) as i64 - side as i64).max(0) / 2,
        Padding::Even => k as i64 / 2,
    };
    let mut y = Vec::with_capacity(out * out * outputs);
    for (oy, ox, o) in (0..out * out * outputs).map(|i| (i / (out * outputs), i / outputs % out, i % outputs)) {
        let mut sum = f64::from(bias[o]);
        for (ky, kx) in (0..k * k).map(|i| (i / k, i % k)) {
            let (iy, ix) = ((oy * s + ky) as i64 - before, (ox * s + kx) as i64 - before);
            if (0..side as i64).contains(&iy) && (0..side as i64).contains(&ix) {
                let pixel = &x[(iy as usize * side + ix as usize) * channels..][..channels];
                let first = o / (outputs / groups) * part;
                for c in 0..part {
                    sum += pixel[first + c] * f64::from(weight[((o * part + c) * k + ky) * k + kx]);
                }
            }
        }
        y.push(sum);
    }
    y
}

pub(crate) fn relu6(x: Vec<f64>) -> Vec<f64> {
    x.into_iter().map(|v| v.clamp(0.0, 6.0)).collect()
}

/// Asserts that `got` is `want` within `tolerance` of its largest value.
pub(crate) fn assert_close(got: &[f32], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    let largest = want.iter().fold(1e-30f64, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*g) - w).abs() <= tolerance * largest, "{what}: {i}: {g} is not {w} (largest {largest})");
    }
}

/// Random planes whose filling is not zero, so that reading it would show.
pub(crate) fn dirty_planes(rows: &[f32], channels: usize) -> Vec<Lanes> {
    let mut planes = super::lanes::to_planes(rows, channels);
    let count = rows.len() / channels;
    let filled = channels - (planes_of(channels) - 1) * LANES;
    let last = (planes_of(channels) - 1) * count;
    planes[last..].iter_mut().for_each(|lanes| lanes.0[filled..].fill(1e30));
    planes
}
