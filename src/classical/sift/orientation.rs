//! Main directions of the gradients around a keypoint (Lowe, section 5).

use super::gradient::{bell, direction, round};
use super::keypoint::Located;
use super::octave::Octave;

const BINS: usize = 36;
/// Sigma of the weights, in scales of the keypoint.
const SIGMA: f32 = 1.5;
/// Radius of the window, in scales of the keypoint.
const RADIUS: f32 = 3.0 * SIGMA;
/// Other peaks count from this part of the highest on.
const PEAK: f32 = 0.8;
/// Pixels that are handled together.
const BLOCK: usize = 16;

/// Owns what a window needs.
#[derive(Debug, Default)]
pub(super) struct Orienter {
    /// Weights by distance.
    weights: Vec<f32>,
    /// Bin and weighted length of each gradient of a row.
    samples: Vec<([i32; BLOCK], [f32; BLOCK])>,
}

impl Orienter {
    /// Calls `found` with each orientation in degrees.
    pub(super) fn orientations(&mut self, octave: &Octave, located: &Located, mut found: impl FnMut(f32)) {
        let histogram = smooth(&self.histogram(octave, located));
        let highest = histogram.iter().copied().fold(0.0, f32::max);
        for (bin, &here) in histogram.iter().enumerate() {
            let (before, after) = (histogram[(bin + BINS - 1) % BINS], histogram[(bin + 1) % BINS]);
            if here > before && here > after && here >= highest * PEAK {
                let peak = bin as f32 + 0.5 * (before - after) / (before - 2.0 * here + after);
                let peak = if peak < 0.0 { BINS as f32 + peak } else { peak };
                let peak = if peak >= BINS as f32 { peak - BINS as f32 } else { peak };
                found(turned(360.0 / BINS as f32 * peak));
            }
        }
    }

    /// Lengths of the gradients around a pixel by direction.
    fn histogram(&mut self, octave: &Octave, located: &Located) -> [f32; BINS] {
        let radius = (RADIUS * located.scale).round_ties_even() as isize;
        let sigma = f64::from(SIGMA * located.scale);
        // By column, from the left end of the window to its right end, and what fills the last block.
        self.weights.resize(2 * radius as usize + 1 + BLOCK, 0.0);
        let side = radius as usize;
        bell(0.5 / (sigma * sigma), &mut self.weights[side..=2 * side]);
        for distance in 1..=side {
            self.weights[side - distance] = self.weights[side + distance];
        }
        collect(octave, located, radius, &self.weights, &mut self.samples)
    }
}

/// The angle that is counted the other way round, as OpenCV gives it.
pub(super) fn turned(angle: f32) -> f32 {
    let turned = 360.0 - angle;
    if (turned - 360.0).abs() < f32::EPSILON { 0.0 } else { turned }
}

/// Sums of the lengths of all gradients of a window.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn collect(
    octave: &Octave,
    located: &Located,
    radius: isize,
    weights: &[f32],
    samples: &mut Vec<([i32; BLOCK], [f32; BLOCK])>,
) -> [f32; BINS] {
    collect_inlined(octave, located, radius, weights, samples)
}

/// [`collect`], in a form that takes on the features of its caller, closures included.
#[inline(always)]
fn collect_inlined(
    octave: &Octave,
    located: &Located,
    radius: isize,
    weights: &[f32],
    samples: &mut Vec<([i32; BLOCK], [f32; BLOCK])>,
) -> [f32; BINS] {
    let (row, column) = (located.pixel.row as isize, located.pixel.column as isize);
    let rows = (row - radius).max(1)..(row + radius + 1).min(octave.height as isize - 1);
    let columns = (column - radius).max(1)..(column + radius + 1).min(octave.width as isize - 1);
    let along = &weights[(columns.start - column + radius) as usize..];
    samples.resize(columns.len().div_ceil(BLOCK), ([0; BLOCK], [0.0; BLOCK]));
    let mut sums = [0.0; 64];
    for y in rows {
        let around =
            [y - 1, y, y + 1].map(|y| octave.from(located.pixel.layer, y as usize, columns.start as usize - 1));
        gradients(around, weights[(y - row + radius) as usize], along, samples);
        let mut left = columns.len();
        for (bins, lengths) in samples.iter() {
            for (&bin, &length) in bins.iter().zip(lengths).take(left) {
                // The mask spares a check; full circle is bin 0.
                sums[bin as usize % 64] += length;
            }
            left = left.saturating_sub(BLOCK);
        }
    }
    std::array::from_fn(|bin| if bin == 0 { sums[0] + sums[BINS] } else { sums[bin] })
}

/// Bins and weighted lengths of the gradients of a row of pixels; the rows begin one pixel to the left of it.
#[inline(always)]
fn gradients(
    [above, here, below]: [&[f32]; 3],
    weight: f32,
    along: &[f32],
    samples: &mut [([i32; BLOCK], [f32; BLOCK])],
) {
    for (start, (bins, lengths)) in (0..).step_by(BLOCK).zip(samples) {
        let (above, below) = (&above[start + 1..][..BLOCK], &below[start + 1..][..BLOCK]);
        let (before, after) = (&here[start..][..BLOCK], &here[start + 2..][..BLOCK]);
        let along = &along[start..][..BLOCK];
        for lane in 0..BLOCK {
            let (dx, dy) = (after[lane] - before[lane], above[lane] - below[lane]);
            bins[lane] = round(direction(dx, dy) * (BINS as f32 / 360.0));
            lengths[lane] = along[lane] * weight * (dx * dx + dy * dy).sqrt();
        }
    }
}

/// Each bin with its two neighbours to both sides, weighted 1, 4, 6, 4, 1.
fn smooth(sums: &[f32; BINS]) -> [f32; BINS] {
    std::array::from_fn(|bin| {
        let at = |offset: usize| sums[(bin + BINS + offset - 2) % BINS];
        (at(0) + at(4)) * (1.0 / 16.0) + (at(1) + at(3)) * (4.0 / 16.0) + at(2) * (6.0 / 16.0)
    })
}
