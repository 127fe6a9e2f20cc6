//! Gaussian blur as OpenCV's `GaussianBlur` of `f32`: separable, rows first, mirrored at the edges without repeating them.

use super::octave::{LANES, grow};

/// A sampled Gaussian.
#[derive(Debug)]
pub(super) struct Kernel {
    /// By distance from the centre; the sum over both sides is 1.
    taps: Vec<f32>,
}

impl Kernel {
    /// As wide as OpenCV takes it for `f32`: four sigmas to each side.
    pub(super) fn new(sigma: f64) -> Self {
        let size = (sigma * 8.0 + 1.0).round_ties_even() as usize | 1;
        let weights: Vec<f64> = (0..=size / 2).map(|i| (-((i * i) as f64) / (2.0 * sigma * sigma)).exp()).collect();
        let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
        Self { taps: weights.iter().map(|weight| (weight / sum) as f32).collect() }
    }

    fn radius(&self) -> usize {
        self.taps.len() - 1
    }
}

/// Blurs pictures; owns the rows in between.
#[derive(Debug, Default)]
pub(super) struct Blur {
    /// One row with its mirrored ends.
    padded: Vec<f32>,
    /// The last rows that were blurred along x, as many as the kernel reaches over.
    ring: Vec<f32>,
    /// Where in `ring` the rows lie that one row of the result is made of, by distance: above, below.
    rows: Vec<(usize, usize)>,
}

impl Blur {
    /// `target` becomes `source` blurred; `size` is width, height and the distance between rows of both.
    pub(super) fn run(&mut self, source: &[f32], target: &mut [f32], size: (usize, usize, usize), kernel: &Kernel) {
        let (width, height, stride) = size;
        let radius = kernel.radius();
        // A power of two, whose remainders cost nothing.
        let slots = (2 * radius + 1).next_power_of_two();
        let place = |row: usize| (row & (slots - 1)) * stride;
        grow(&mut self.padded, stride + 2 * radius);
        grow(&mut self.ring, slots * stride);
        let mut done = 0;
        for (y, target) in target.chunks_exact_mut(stride).take(height).enumerate() {
            while done < height && done <= y + radius {
                let row = &source[done * stride..][..stride];
                pad(row, width, radius, &mut self.padded);
                blur_row(&self.padded, &kernel.taps, &mut self.ring[place(done)..][..stride]);
                done += 1;
            }
            self.rows.clear();
            for distance in 0..=radius {
                let above = mirror(y as isize - distance as isize, height);
                let below = mirror((y + distance) as isize, height);
                self.rows.push((place(above), place(below)));
            }
            add_rows(&self.ring, &self.rows, &kernel.taps, target);
        }
    }
}

/// Where a pixel beyond the edge is taken from: `cb|abcd|cb`.
#[inline(always)]
fn mirror(mut index: isize, len: usize) -> usize {
    let last = len as isize - 1;
    if last == 0 {
        return 0;
    }
    // Only pictures smaller than the kernel turn more than once.
    while index < 0 || index > last {
        index = if index < 0 { -index } else { 2 * last - index };
    }
    index as usize
}

/// A row with `radius` mirrored pixels at both ends.
fn pad(row: &[f32], width: usize, radius: usize, padded: &mut [f32]) {
    padded[radius..][..row.len()].copy_from_slice(row);
    for distance in 1..=radius as isize {
        padded[radius - distance as usize] = row[mirror(-distance, width)];
        let beyond = width as isize - 1 + distance;
        padded[radius + beyond as usize] = row[mirror(beyond, width)];
    }
}

/// One row along x. OpenCV adds the taps from left to right.
///
/// Plain loops: an iterator's closure is not inlined where the processor's features differ from its own.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn blur_row(padded: &[f32], taps: &[f32], target: &mut [f32]) {
    let radius = taps.len() - 1;
    for (start, target) in (0..).step_by(LANES).zip(target.chunks_exact_mut(LANES)) {
        let block = &padded[start..][..LANES + 2 * radius];
        let mut sums = [0.0f32; LANES];
        for (tap, values) in block.windows(LANES).enumerate() {
            let weight = taps[tap.abs_diff(radius)];
            for lane in 0..LANES {
                sums[lane] += weight * values[lane];
            }
        }
        target.copy_from_slice(&sums);
    }
}

/// One row along y, from the centre outwards.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn add_rows(ring: &[f32], rows: &[(usize, usize)], taps: &[f32], target: &mut [f32]) {
    for (start, target) in (0..).step_by(LANES).zip(target.chunks_exact_mut(LANES)) {
        let centre = &ring[rows[0].0 + start..][..LANES];
        let mut sums = [0.0f32; LANES];
        for lane in 0..LANES {
            sums[lane] = taps[0] * centre[lane];
        }
        for (&(above, below), &weight) in rows[1..].iter().zip(&taps[1..]) {
            let (above, below) = (&ring[above + start..][..LANES], &ring[below + start..][..LANES]);
            for lane in 0..LANES {
                sums[lane] += weight * (above[lane] + below[lane]);
            }
        }
        target.copy_from_slice(&sums);
    }
}
