//! Pixels that are extreme among their 26 neighbours in the differences of Gaussians.

use super::octave::{BORDER, LANES, LAYERS, LEVELS, Octave};

/// Differences of Gaussians of an octave.
const DIFFERENCES: usize = LEVELS - 1;
/// Extrema must lie further from zero than this: OpenCV's `floor(0.5 * contrastThreshold / layers * 255)`.
const THRESHOLD: f32 = 1.0;

/// Where a keypoint may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Difference of Gaussians, `1..=LAYERS`.
    pub(super) layer: usize,
    /// Row in the octave.
    pub(super) row: usize,
    /// Column in the octave.
    pub(super) column: usize,
}

/// Owns the few rows that a scan needs; the differences of a whole octave are never written.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// The last three rows of each difference: `[3][DIFFERENCES][stride]`.
    differences: Vec<f32>,
    /// The largest and smallest of three rows: `[DIFFERENCES][2][stride]`.
    columns: Vec<f32>,
    /// The largest and smallest of three rows in three differences, `[2][stride]`, and some more.
    around: Vec<f32>,
    /// Whether a pixel is extreme.
    flags: Vec<u8>,
}

impl Scanner {
    /// Appends the extrema of an octave that has pixels within the border.
    pub(super) fn scan(&mut self, octave: &Octave, candidates: &mut Vec<Candidate>) {
        let stride = octave.stride;
        let plane = DIFFERENCES * stride;
        self.differences.resize(3 * plane, 0.0);
        self.columns.resize(2 * plane, 0.0);
        self.around.resize(2 * (stride + LANES), 0.0);
        self.flags.resize(stride, 0);
        for row in BORDER - 1..=octave.height - BORDER {
            let slot = &mut self.differences[row % 3 * plane..][..plane];
            for (layer, slot) in slot.chunks_exact_mut(stride).enumerate() {
                subtract(octave.row(layer + 1, row), octave.row(layer, row), slot);
            }
            if row > BORDER {
                self.scan_row(octave, row - 1, candidates);
            }
        }
    }

    fn scan_row(&mut self, octave: &Octave, row: usize, candidates: &mut Vec<Candidate>) {
        let stride = octave.stride;
        let plane = DIFFERENCES * stride;
        for (layer, columns) in self.columns.chunks_exact_mut(2 * stride).enumerate() {
            let [a, b, c] = [0, 1, 2].map(|slot| &self.differences[slot * plane + layer * stride..][..stride]);
            let (largest, smallest) = columns.split_at_mut(stride);
            extremes([a, b, c], largest, smallest);
        }
        for layer in 1..=LAYERS {
            let (largest, smallest) = self.around.split_at_mut(stride + LANES);
            let of = |layer: usize, side: usize| &self.columns[(2 * layer + side) * stride..][..stride];
            largest_of([of(layer - 1, 0), of(layer, 0), of(layer + 1, 0)], largest);
            smallest_of([of(layer - 1, 1), of(layer, 1), of(layer + 1, 1)], smallest);
            let centre = &self.differences[row % 3 * plane + layer * stride..][..stride];
            if !flag(centre, largest, smallest, &mut self.flags) {
                continue;
            }
            for (block, flags) in self.flags.chunks_exact(LANES).enumerate() {
                // Nearly all blocks are empty, which is seen faster in whole.
                if flags == [0; LANES] {
                    continue;
                }
                for (column, _) in (1 + block * LANES..).zip(flags).filter(|&(_, &flag)| flag != 0) {
                    if (BORDER..octave.width - BORDER).contains(&column) {
                        candidates.push(Candidate { layer, row, column });
                    }
                }
            }
        }
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn subtract(above: &[f32], below: &[f32], difference: &mut [f32]) {
    for ((difference, above), below) in difference.iter_mut().zip(above).zip(below) {
        *difference = above - below;
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn extremes([a, b, c]: [&[f32]; 3], largest: &mut [f32], smallest: &mut [f32]) {
    for ((((&a, &b), &c), largest), smallest) in a.iter().zip(b).zip(c).zip(largest).zip(smallest) {
        *largest = larger(larger(a, b), c);
        *smallest = smaller(smaller(a, b), c);
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn largest_of([a, b, c]: [&[f32]; 3], largest: &mut [f32]) {
    for (((&a, &b), &c), largest) in a.iter().zip(b).zip(c).zip(largest) {
        *largest = larger(larger(a, b), c);
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn smallest_of([a, b, c]: [&[f32]; 3], smallest: &mut [f32]) {
    for (((&a, &b), &c), smallest) in a.iter().zip(b).zip(c).zip(smallest) {
        *smallest = smaller(smaller(a, b), c);
    }
}

/// Flags extreme pixels, the flag of pixel `x` at `x - 1`; whether there is any, borders and padding included.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn flag(centre: &[f32], largest: &[f32], smallest: &[f32], flags: &mut [u8]) -> bool {
    let len = centre.len() - 1;
    flags[len] = 0;
    let (largest, smallest) = (&largest[..len + 2], &smallest[..len + 2]);
    let mut any = 0;
    for (x, (flag, &value)) in flags[..len].iter_mut().zip(&centre[1..]).enumerate() {
        let high = larger(larger(largest[x], largest[x + 1]), largest[x + 2]);
        let low = smaller(smaller(smallest[x], smallest[x + 1]), smallest[x + 2]);
        *flag = u8::from((value > THRESHOLD) & (value >= high)) | u8::from((value < -THRESHOLD) & (value <= low));
        any |= *flag;
    }
    any != 0
}
