//! Gradients of blurred pictures in polar form.

/// Adding this rounds a small number to a whole one (half to even) and leaves it in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// The nearest whole number, half to even, of a number smaller than 4 million. Unlike `as`, it has no special cases.
#[inline(always)]
pub(super) fn round(value: f32) -> i32 {
    (value + ROUNDER).to_bits() as i32 - ROUNDER.to_bits() as i32
}

/// The largest whole number that is not above a number smaller than 4 million.
#[inline(always)]
pub(super) fn floor(value: f32) -> f32 {
    let rounded = (value + ROUNDER) - ROUNDER;
    if rounded > value { rounded - 1.0 } else { rounded }
}

/// Direction in degrees, `0..=360`, by OpenCV's `fastAtan2`: a polynomial with errors of 0.01 degrees, which the
/// histograms must share.
#[inline(always)]
pub(super) fn direction(dx: f32, dy: f32) -> f32 {
    let (ax, ay) = (dx.abs(), dy.abs());
    let steep = ay > ax;
    let (low, high) = if steep { (ax, ay) } else { (ay, ax) };
    let c = low / (high + f64::EPSILON as f32);
    let c2 = c * c;
    let angle = (((-2.539_725 * c2 + 8.914_001) * c2 - 18.667_446) * c2 + 57.283_627) * c;
    let angle = if steep { 90.0 - angle } else { angle };
    let angle = if dx < 0.0 { 180.0 - angle } else { angle };
    if dy < 0.0 { 360.0 - angle } else { angle }
}

/// Fills `weights[i]` with `exp(-step * i^2)`, each from the one before.
pub(super) fn bell(step: f64, weights: &mut [f32]) {
    let (mut weight, mut factor) = (1.0, (-step).exp());
    let change = factor * factor;
    for slot in weights {
        *slot = weight as f32;
        weight *= factor;
        factor *= change;
    }
}
