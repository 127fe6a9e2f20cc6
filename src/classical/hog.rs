//! Histograms of oriented gradients (Dalal and Triggs, *Histograms of Oriented Gradients for Human Detection*, CVPR
//! 2005), as scikit-image defines them.

use super::{PIXELS, SIDE};

/// Directions of a histogram, 20 degrees each; opposite gradients are the same.
const ORIENTATIONS: usize = 9;

/// Side of a cell, pixels.
const CELL: usize = 56;

/// The last row.
const LAST: usize = SIDE - 1;

/// Cells along a side.
const CELLS: usize = SIDE / CELL;

/// Blocks along a side.
const BLOCKS: usize = CELLS - 1;

/// Numbers of a block of 2 x 2 cells.
const BLOCK: usize = 4 * ORIENTATIONS;

/// Numbers that [`hog`] gives: blocks row by row, in each four cells row by row, in each nine orientations.
pub(super) const COLUMNS: usize = BLOCKS * BLOCKS * BLOCK;

/// Cotangents of 20, 40, 60 and 80 degrees; those beyond 90 are their opposites.
const COTANGENTS: [f64; 4] =
    [2.747_477_419_454_622, 1.191_753_592_594_21, 0.577_350_269_189_625_8, 0.176_326_980_708_464_98];

/// Histograms of a row of cells; single precision, as in scikit-image.
type Histograms = [[f32; ORIENTATIONS]; CELLS];

/// HOG of a `[224, 224]` grey picture in [0, 1].
///
/// `skimage.feature.hog(grey, orientations=9, pixels_per_cell=(56, 56), cells_per_block=(2, 2))` with its default
/// `block_norm="L2-Hys"`, for single precision.
pub(super) fn hog(grey: &[f32; PIXELS], out: &mut [f32]) {
    let mut cells = [Histograms::default(); CELLS];
    let (mut magnitudes, mut bins) = ([0.0; SIDE], [0; SIDE]);
    let zeros = [0.0; SIDE];
    for (y, row) in grey.chunks_exact(SIDE).enumerate() {
        // Gradients across the border are zero.
        let (above, below) = match y {
            0 | LAST => (&zeros[..], &zeros[..]),
            _ => (&grey[(y - 1) * SIDE..][..SIDE], &grey[(y + 1) * SIDE..][..SIDE]),
        };
        gradients(row, above, below, &mut magnitudes, &mut bins);
        add(&magnitudes, &bins, &mut cells[y / CELL]);
    }
    for histogram in cells.iter_mut().flatten() {
        histogram.iter_mut().for_each(|sum| *sum /= (CELL * CELL) as f32);
    }
    for (index, out) in out.chunks_exact_mut(BLOCK).enumerate() {
        let (row, column) = (index / BLOCKS, index % BLOCKS);
        let cell = |down: usize, right: usize| &cells[row + down][column + right];
        normalize([cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)], out);
    }
}

/// Lengths of a row's gradients and their bins.
#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn gradients(row: &[f32], above: &[f32], below: &[f32], magnitudes: &mut [f64; SIDE], bins: &mut [u8; SIDE]) {
    let mut across = [0.0f32; SIDE];
    for ((out, left), right) in across[1..LAST].iter_mut().zip(row).zip(&row[2..]) {
        *out = right - left;
    }
    let (above, below) = (&above[..SIDE], &below[..SIDE]);
    for x in 0..SIDE {
        let (down, across) = (f64::from(below[x] - above[x]), f64::from(across[x]));
        magnitudes[x] = (across * across + down * down).sqrt();
        // Turned into the upper half: an angle of at least `a` has a cotangent of at most that of `a`.
        let flipped = if down < 0.0 { -across } else { across };
        let across = if down == 0.0 { across.abs() } else { flipped };
        let down = down.abs();
        let mut bin = 0;
        for cotangent in COTANGENTS {
            bin += u8::from(across <= down * cotangent) + u8::from(across <= -(down * cotangent));
        }
        bins[x] = bin;
    }
}

/// Adds a row to the histograms of its cells: one pixel of each in turn, so that sums need not wait for each other.
fn add(magnitudes: &[f64; SIDE], bins: &[u8; SIDE], histograms: &mut Histograms) {
    for x in 0..CELL {
        for (cell, histogram) in histograms.iter_mut().enumerate() {
            let sum = &mut histogram[usize::from(bins[cell * CELL + x])];
            *sum = (f64::from(*sum) + magnitudes[cell * CELL + x]) as f32;
        }
    }
}

/// L2-Hys: to unit length, no number above 0.2, to unit length again.
fn normalize(cells: [&[f32; ORIENTATIONS]; 4], out: &mut [f32]) {
    let mut block = [0.0; BLOCK];
    for (value, &sum) in block.iter_mut().zip(cells.into_iter().flatten()) {
        *value = f64::from(sum);
    }
    let length = |block: &[f64; BLOCK]| (block.iter().map(|v| v * v).sum::<f64>() + 1e-5 * 1e-5).sqrt();
    let before = length(&block);
    block.iter_mut().for_each(|v| *v = (*v / before).min(0.2));
    let after = length(&block);
    for (out, value) in out.iter_mut().zip(block) {
        *out = (value / after) as f32;
    }
}
