//! Resizing to the last bit as Pillow does it, for networks whose published processors use it: every picture that comes out
//! is theirs. Slower than [`super::Resizer`], which may be a level off.
//!
//! Pillow averages each axis by itself, across first, with 8 bits between. The weights of a new pixel are computed in f64,
//! made to add up to one and kept with 22 bits behind the point; sums are rounded by adding a half.

use super::{Interpolation, Rgb};

/// Bits behind the point of a weight.
const BITS: u32 = 22;

/// The source pixels of one new pixel: the first, and the weights from there.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// `picture` resized to `width` x `height`.
pub(super) fn resize(picture: &Rgb, (width, height): (u32, u32), interpolation: Interpolation) -> Rgb {
    let (old_width, old_height) = (picture.width as usize, picture.height as usize);
    let (new_width, new_height) = (width as usize, height as usize);
    let mut pixels = picture.pixels.clone();
    if new_width != old_width {
        let taps = taps(old_width, new_width, interpolation);
        let mut across = Vec::with_capacity(old_height * new_width * 3);
        for row in pixels.chunks_exact(old_width * 3) {
            for Taps { first, weights } in &taps {
                across.extend(weighted(&row[first * 3..], 3, weights));
            }
        }
        pixels = across;
    }
    if new_height != old_height {
        let stride = new_width * 3;
        let mut down = Vec::with_capacity(new_height * stride);
        for Taps { first, weights } in taps(old_height, new_height, interpolation) {
            for x in 0..new_width {
                down.extend(weighted(&pixels[first * stride + x * 3..], stride, &weights));
            }
        }
        pixels = down;
    }
    Rgb { width, height, pixels }
}

/// The weighted sum of pixels that lie `stride` bytes apart.
fn weighted(from: &[u8], stride: usize, weights: &[i32]) -> [u8; 3] {
    let mut sums = [1i32 << (BITS - 1); 3];
    for (i, weight) in weights.iter().enumerate() {
        for (sum, level) in sums.iter_mut().zip(&from[i * stride..]) {
            *sum += i32::from(*level) * weight;
        }
    }
    sums.map(|sum| (sum >> BITS).clamp(0, 255) as u8)
}

fn taps(old: usize, new: usize, interpolation: Interpolation) -> Vec<Taps> {
    let scale = old as f64 / new as f64;
    let stretch = scale.max(1.0);
    let support = stretch * if interpolation == Interpolation::Bicubic { 2.0 } else { 1.0 };
    let of = |pixel: usize| {
        let centre = (pixel as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(old);
        let weight = |x: usize| weight((x as f64 - centre + 0.5) * (1.0 / stretch), interpolation);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| {
            let scaled = weight / sum * f64::from(1u32 << BITS);
            (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
        };
        Taps { first, weights: weights.iter().map(fixed).collect() }
    };
    (0..new).map(of).collect()
}

fn weight(x: f64, interpolation: Interpolation) -> f64 {
    let x = x.abs();
    match interpolation {
        Interpolation::Bilinear if x < 1.0 => 1.0 - x,
        Interpolation::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
        _ => 0.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::resize;
    use crate::image::{Interpolation, Rgb};
    use serde_json::Value;

    /// A picture of any size, the same in `tests/golden/image/pillow.py`.
    fn picture(width: u32, height: u32) -> Rgb {
        let level = |i: u32| (i.wrapping_mul(7919).wrapping_add((i / 3).wrapping_mul(104_729)) % 251 + i % 5) as u8;
        Rgb::new(width, height, (0..width * height * 3).map(level).collect()).unwrap()
    }

    #[test]
    fn every_byte_is_pillows() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/image/pillow.json")).unwrap();
        let cases = golden.as_array().unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let number = |name: &str| case[name].as_u64().unwrap() as u32;
            let bicubic = case["filter"] == "bicubic";
            let filter = if bicubic { Interpolation::Bicubic } else { Interpolation::Bilinear };
            let (from, to) = ((number("width"), number("height")), (number("new_width"), number("new_height")));
            let resized = resize(&picture(from.0, from.1), to, filter);
            let hash = blake3::hash(&resized.pixels).to_hex().to_string();
            assert_eq!(hash, case["blake3"], "{from:?} to {to:?} {filter:?}");
        }
    }
}
