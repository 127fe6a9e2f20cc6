//! Histograms of the gradients in 4 x 4 cells around a keypoint (Lowe, section 6).

use super::DESCRIPTOR;
use super::gradient::{bell, direction, floor, round};
use super::keypoint::Located;
use super::octave::Octave;
use super::orientation::turned;

/// Cells along each side.
const SIDE: usize = 4;
/// Orientations of a cell.
const BINS: usize = 8;
/// Width of a cell, in scales of the keypoint.
const CELL: f32 = 3.0;
/// No value exceeds this part of the descriptor's length.
const LIMIT: f32 = 0.2;
/// The descriptor's length in bytes.
const LENGTH: f32 = 512.0;
/// Pixels that are handled together.
const BLOCK: usize = 16;
/// Pixels after which sums are taken.
const CAPACITY: usize = 1024;
/// Corners of the bins that a pixel lies between: row, column and orientation.
type Corners = [f32; 8];
/// Lower corners, 5 x 5 cells with the border's and 8 orientations, rounded up so that an index can be masked.
const CORNERS: usize = 256;

/// Owns what a window needs.
#[derive(Debug)]
pub(super) struct Describer {
    /// Weights by column, from the left end of the window to its right end.
    weights: Vec<f32>,
    samples: Box<Samples>,
    /// What the pixels add to the eight bins around them, by the lower corner. Two, filled in turn, because a pixel mostly
    /// falls where its neighbour does and would have to wait for it.
    corners: Box<[[Corners; CORNERS]; 2]>,
}

/// Pixels of the window, each list with room for one block more.
#[derive(Debug)]
struct Samples {
    dx: [f32; CAPACITY],
    dy: [f32; CAPACITY],
    row: [f32; CAPACITY],
    column: [f32; CAPACITY],
    weight: [f32; CAPACITY],
    orientation: [f32; CAPACITY],
    index: [u32; CAPACITY],
}

impl Default for Describer {
    fn default() -> Self {
        let zeros = [0.0; CAPACITY];
        Self {
            weights: Vec::new(),
            samples: Box::new(Samples {
                dx: zeros,
                dy: zeros,
                row: zeros,
                column: zeros,
                weight: zeros,
                orientation: zeros,
                index: [0; CAPACITY],
            }),
            corners: Box::new([[[0.0; 8]; CORNERS]; 2]),
        }
    }
}

/// How the window lies in the picture.
struct Window {
    /// One pixel in cells, turned.
    cosine: f32,
    sine: f32,
    /// Orientation of the keypoint in degrees, counted as [`direction`] does.
    angle: f32,
    /// Half a side in pixels.
    radius: isize,
}

impl Window {
    fn new(octave: &Octave, located: &Located) -> Self {
        let angle = turned(located.keypoint.angle);
        let radians = f64::from(angle * (std::f64::consts::PI / 180.0) as f32);
        let cell = CELL * located.scale;
        let radius = (cell * std::f32::consts::SQRT_2 * (SIDE as f32 + 1.0) * 0.5).round_ties_even();
        let diagonal = (octave.width as f64).hypot(octave.height as f64);
        Self {
            cosine: radians.cos() as f32 / cell,
            sine: radians.sin() as f32 / cell,
            angle,
            radius: (radius as isize).min(diagonal as isize),
        }
    }

    /// The columns of a row of pixels, from the keypoint's, that can lie within a cell's distance of the cells; a pixel
    /// more at each end, for what is rounded.
    #[inline(always)]
    fn columns(&self, row: f32) -> (isize, isize) {
        let reach = (SIDE as f32 + 1.0) * 0.5;
        let mut range = (-self.radius, self.radius);
        // Along a row, the place in cells is `column * slope + start`.
        for (slope, start) in [(self.cosine, -row * self.sine), (self.sine, row * self.cosine)] {
            if slope.abs() > 1e-6 {
                let (a, b) = ((-reach - start) / slope, (reach - start) / slope);
                range.0 = range.0.max(a.min(b).floor() as isize - 1);
                range.1 = range.1.min(a.max(b).ceil() as isize + 1);
            }
        }
        range
    }
}

impl Describer {
    /// The descriptor of a keypoint.
    pub(super) fn describe(&mut self, octave: &Octave, located: &Located) -> [u8; DESCRIPTOR] {
        let window = Window::new(octave, located);
        self.weigh(&window, located);
        self.corners.as_flattened_mut().fill([0.0; 8]);
        collect(octave, located, &window, &self.weights, &mut self.samples, &mut self.corners);
        to_bytes(gather(&self.corners))
    }

    /// Fills `weights`: a Gaussian whose sigma is half the width of all cells.
    fn weigh(&mut self, window: &Window, located: &Located) {
        let side = window.radius as usize;
        let cell = f64::from(CELL * located.scale);
        let sigma = cell * SIDE as f64 * 0.5;
        self.weights.resize(2 * side + 1 + BLOCK, 0.0);
        bell(0.5 / (sigma * sigma), &mut self.weights[side..=2 * side]);
        for distance in 1..=side {
            self.weights[side - distance] = self.weights[side + distance];
        }
    }
}

/// Adds the gradients of all pixels of the window to `corners`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn collect(
    octave: &Octave,
    located: &Located,
    window: &Window,
    weights: &[f32],
    samples: &mut Samples,
    corners: &mut [[Corners; CORNERS]; 2],
) {
    collect_inlined(octave, located, window, weights, samples, corners);
}

/// [`collect`], in a form that takes on the features of its caller, closures included.
#[inline(always)]
fn collect_inlined(
    octave: &Octave,
    located: &Located,
    window: &Window,
    weights: &[f32],
    samples: &mut Samples,
    corners: &mut [[Corners; CORNERS]; 2],
) {
    let (x, y) = (located.x.round_ties_even() as isize, located.y.round_ties_even() as isize);
    let radius = window.radius;
    let mut count = 0;
    for i in (-radius).max(1 - y)..(radius + 1).min(octave.height as isize - 1 - y) {
        let (first, last) = window.columns(i as f32);
        let (first, last) = (first.max(1 - x), last.min(octave.width as isize - 2 - x));
        for start in (first..=last).step_by(BLOCK) {
            if count + BLOCK > CAPACITY {
                add(samples, count, window.angle, corners);
                count = 0;
            }
            let rows = [y + i - 1, y + i, y + i + 1]
                .map(|row| octave.from(located.pixel.layer, row as usize, (x + start - 1) as usize));
            let (across, along) = (weights[(i + radius) as usize], &weights[(start + radius) as usize..]);
            take(window, rows, (i as f32, start as f32), (across, along), samples, count);
            count += (last + 1 - start).min(BLOCK as isize) as usize;
        }
    }
    add(samples, count, window.angle, corners);
}

/// Writes the gradients, places and weights of a block of pixels to `samples` from `at` on.
#[inline(always)]
fn take(
    window: &Window,
    [above, here, below]: [&[f32]; 3],
    (row, column): (f32, f32),
    (across, along): (f32, &[f32]),
    samples: &mut Samples,
    at: usize,
) {
    let (above, below) = (&above[1..][..BLOCK], &below[1..][..BLOCK]);
    let (before, after, along) = (&here[..BLOCK], &here[2..][..BLOCK], &along[..BLOCK]);
    let dx = &mut samples.dx[at..][..BLOCK];
    let dy = &mut samples.dy[at..][..BLOCK];
    let rows = &mut samples.row[at..][..BLOCK];
    let columns = &mut samples.column[at..][..BLOCK];
    let weights = &mut samples.weight[at..][..BLOCK];
    let (row_sine, row_cosine) = (row * window.sine, row * window.cosine);
    let middle = SIDE as f32 * 0.5;
    for lane in 0..BLOCK {
        let j = column + lane as f32;
        let r = j * window.sine + row_cosine + middle - 0.5;
        let c = j * window.cosine - row_sine + middle - 0.5;
        let inside = (r > -1.0) & (r < SIDE as f32) & (c > -1.0) & (c < SIDE as f32);
        dx[lane] = after[lane] - before[lane];
        dy[lane] = above[lane] - below[lane];
        rows[lane] = if inside { r } else { 0.0 };
        columns[lane] = if inside { c } else { 0.0 };
        weights[lane] = if inside { along[lane] * across } else { 0.0 };
    }
}

/// Adds the first `count` samples to the corners of their bins.
#[inline(always)]
fn add(samples: &mut Samples, count: usize, angle: f32, corners: &mut [[Corners; CORNERS]; 2]) {
    let Samples { dx, dy, row, column, weight, orientation, index } = samples;
    let blocks = count.next_multiple_of(BLOCK);
    for s in 0..blocks.min(CAPACITY) {
        let o = (direction(dx[s], dy[s]) - angle) * (BINS as f32 / 360.0);
        let (r0, c0, o0) = (floor(row[s]), floor(column[s]), floor(o));
        weight[s] *= (dx[s] * dx[s] + dy[s] * dy[s]).sqrt();
        row[s] -= r0;
        column[s] -= c0;
        orientation[s] = o - o0;
        let bin = round(o0) & (BINS as i32 - 1);
        let cell = round(r0) * (SIDE as i32 + 1) + round(c0) + SIDE as i32 + 2;
        index[s] = (cell * BINS as i32 + bin) as u32;
    }
    let [even, odd] = corners;
    for pair in 0..count.div_ceil(2) {
        let s = 2 * pair;
        add_one(&mut even[index[s] as usize % CORNERS], weight[s], row[s], column[s], orientation[s]);
        if s + 1 < count {
            let s = s + 1;
            add_one(&mut odd[index[s] as usize % CORNERS], weight[s], row[s], column[s], orientation[s]);
        }
    }
}

/// Adds a gradient to the eight corners around it, linearly by distance.
#[inline(always)]
fn add_one(corners: &mut Corners, length: f32, row: f32, column: f32, orientation: f32) {
    // The distance from a lower corner's far side is `1 - x`, from an upper's `x`.
    const ROW: Corners = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    const COLUMN: Corners = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    const ORIENTATION: Corners = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    for corner in 0..8 {
        corners[corner] += length
            * (ROW[corner] - row).abs()
            * (COLUMN[corner] - column).abs()
            * (ORIENTATION[corner] - orientation).abs();
    }
}

/// Sums of the corners in the bins of the 4 x 4 cells.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn gather(corners: &[[Corners; CORNERS]; 2]) -> [f32; DESCRIPTOR] {
    let mut bins = [0.0; DESCRIPTOR];
    for (cell, bins) in bins.chunks_exact_mut(BINS).enumerate() {
        let (row, column) = (cell / SIDE, cell % SIDE);
        // A cell is the lower corner's right and far neighbour, and so on; the first cells are those of the border.
        for corner in 0..4 {
            let from = (row + 1 - corner / 2) * (SIDE + 1) + column + 1 - corner % 2;
            let even = &corners[0][from * BINS..][..BINS];
            let odd = &corners[1][from * BINS..][..BINS];
            for bin in 0..BINS {
                let before = (bin + BINS - 1) % BINS;
                let (lower, upper) = (2 * corner, 2 * corner + 1);
                bins[bin] += even[bin][lower] + odd[bin][lower] + even[before][upper] + odd[before][upper];
            }
        }
    }
    bins
}

/// Cuts what stands out, normalises, rounds.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn to_bytes(mut bins: [f32; DESCRIPTOR]) -> [u8; DESCRIPTOR] {
    let mut sums = [0.0f32; BLOCK];
    for bins in bins.chunks_exact(BLOCK) {
        for (sum, bin) in sums.iter_mut().zip(bins) {
            *sum += bin * bin;
        }
    }
    let mut length = 0.0;
    for sum in sums {
        length += sum;
    }
    let limit = length.sqrt() * LIMIT;
    let mut length = 0.0;
    for bin in &mut bins {
        *bin = if *bin < limit { *bin } else { limit };
        length += *bin * *bin;
    }
    let factor = LENGTH / length.sqrt().max(f32::EPSILON);
    let mut bytes = [0; DESCRIPTOR];
    for (byte, bin) in bytes.iter_mut().zip(bins) {
        *byte = round(bin * factor).clamp(0, 255) as u8;
    }
    bytes
}
