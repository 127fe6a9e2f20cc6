//! `cv2.resize(picture, (224, 224))`: bilinear, without antialiasing, in OpenCV's fixed point.
//!
//! Each axis has weights of 11 bits. Rows are resized across first and kept with 15 bits; two of them make a row of the
//! result. OpenCV takes a shortcut where both sides halve: there it averages 2 x 2 pixels.

use super::SIDE;
use crate::image::Rgb;

/// Samples in a row of the result.
const ROW: usize = SIDE * 3;

/// A source picture's row that was resized across.
#[derive(Debug, Clone)]
struct Across {
    /// Which row of the picture it is; `None` before the first.
    index: Option<usize>,
    /// Sums of 11 + 8 bits without their last four.
    sums: Box<[i16; ROW]>,
}

/// Resizes pictures; one for each thread, because it keeps its buffers.
#[derive(Debug, Clone)]
pub(super) struct Resizer {
    /// Width that `offsets` and `weights` were made for.
    width: u32,
    /// Where the left one of two samples begins in a row of the picture.
    offsets: Box<[usize; SIDE]>,
    /// Weights of the left and the right one, for each channel.
    weights: Box<[[i16; ROW]; 2]>,
    /// A row of the picture, and space behind it.
    row: Vec<u8>,
    /// The left and the right samples.
    pairs: Box<[[u8; ROW + 1]; 2]>,
    /// The last two rows.
    across: [Across; 2],
}

impl Default for Resizer {
    fn default() -> Self {
        let across = Across { index: None, sums: Box::new([0; ROW]) };
        Self {
            width: 0,
            offsets: Box::new([0; SIDE]),
            weights: Box::new([[0; ROW]; 2]),
            row: Vec::new(),
            pairs: Box::new([[0; ROW + 1]; 2]),
            across: [across.clone(), across],
        }
    }
}

impl Resizer {
    /// Resizes `picture` to `out`, `[224, 224, 3]`.
    ///
    /// Byte for byte `cv2.resize(picture, (224, 224))` of OpenCV 4 (`INTER_LINEAR`).
    ///
    /// # Panics
    /// Where `picture.pixels` is shorter than its sides say; [`super::Extractor`] checks that.
    pub(super) fn resize(&mut self, picture: &Rgb, out: &mut [u8; SIDE * ROW]) {
        let (width, height) = (picture.width as usize, picture.height as usize);
        match (width, height) {
            (SIDE, SIDE) => out.copy_from_slice(&picture.pixels[..SIDE * ROW]),
            (448, 448) => halve(&picture.pixels, out),
            _ => self.bilinear(picture, out),
        }
    }

    fn bilinear(&mut self, picture: &Rgb, out: &mut [u8; SIDE * ROW]) {
        let height = picture.height as usize;
        self.set_width(picture.width);
        self.across.iter_mut().for_each(|row| row.index = None);
        for (y, out) in out.chunks_exact_mut(ROW).enumerate() {
            let (first, fraction) = place(y, picture.height);
            // Beyond the border lies the border's row, with the weights that it would have had outside.
            let row = |index: i64| index.clamp(0, height as i64 - 1) as usize;
            let (upper, lower) = (row(first), row(first + 1));
            if self.across[1].index == Some(upper) {
                self.across.swap(0, 1);
            }
            self.make_row(picture, 0, upper);
            self.make_row(picture, 1, lower);
            down(&self.across[0].sums, &self.across[1].sums, weights(fraction), out);
        }
    }

    /// Columns that the samples come from, and their weights; beyond the border lies the border's pixel alone.
    fn set_width(&mut self, width: u32) {
        if self.width == width {
            return;
        }
        self.width = width;
        self.row = vec![0; width as usize * 3 + 8];
        for x in 0..SIDE {
            let (first, fraction) = place(x, width);
            let (column, fraction) = match first {
                ..0 => (0, 0.0),
                first if first >= i64::from(width) - 1 => (width as usize - 1, 0.0),
                first => (first as usize, fraction),
            };
            self.offsets[x] = column * 3;
            let [left, right] = weights(fraction);
            self.weights[0][x * 3..][..3].fill(left);
            self.weights[1][x * 3..][..3].fill(right);
        }
    }

    fn make_row(&mut self, picture: &Rgb, slot: usize, index: usize) {
        if self.across[slot].index == Some(index) {
            return;
        }
        let bytes = picture.width as usize * 3;
        self.row[..bytes].copy_from_slice(&picture.pixels[index * bytes..][..bytes]);
        let [left, right] = &mut *self.pairs;
        gather(&self.row, &self.offsets, left, right);
        across(left, right, &self.weights, &mut self.across[slot].sums);
        self.across[slot].index = Some(index);
    }
}

/// The pixel before the centre of pixel `index` of the result, along a side of `old` pixels, and how far behind it the
/// centre lies; single precision, as in OpenCV.
fn place(index: usize, old: u32) -> (i64, f32) {
    let scale = 1.0 / (SIDE as f64 / f64::from(old));
    let centre = ((index as f64 + 0.5) * scale - 0.5) as f32;
    let first = centre.floor();
    (first as i64, centre - first)
}

/// Weights of 11 bits.
fn weights(fraction: f32) -> [i16; 2] {
    [1.0 - fraction, fraction].map(|weight| (weight * 2048.0).round_ties_even() as i16)
}

/// Two neighbouring pixels for each pixel of the result.
fn gather(row: &[u8], offsets: &[usize; SIDE], left: &mut [u8; ROW + 1], right: &mut [u8; ROW + 1]) {
    // Four bytes are moved at a time: the fourth is written over by the next pixel.
    for (x, &offset) in offsets.iter().enumerate() {
        let mut eight = [0; 8];
        eight.copy_from_slice(&row[offset..offset + 8]);
        let pair = u64::from_le_bytes(eight);
        left[x * 3..x * 3 + 4].copy_from_slice(&(pair as u32).to_le_bytes());
        right[x * 3..x * 3 + 4].copy_from_slice(&((pair >> 24) as u32).to_le_bytes());
    }
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn across(left: &[u8; ROW + 1], right: &[u8; ROW + 1], weights: &[[i16; ROW]; 2], sums: &mut [i16; ROW]) {
    for i in 0..ROW {
        let left = i32::from(left[i]) * i32::from(weights[0][i]);
        let right = i32::from(right[i]) * i32::from(weights[1][i]);
        sums[i] = ((left + right) >> 4) as i16;
    }
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn down(upper: &[i16; ROW], lower: &[i16; ROW], weights: [i16; 2], out: &mut [u8]) {
    let product = |a: i16, b: i16| ((i32::from(a) * i32::from(b)) >> 16) as i16;
    for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = ((product(upper, weights[0]) + product(lower, weights[1]) + 2) >> 2) as u8;
    }
}

/// The mean of each 2 x 2 pixels.
fn halve(pixels: &[u8], out: &mut [u8; SIDE * ROW]) {
    for (out, rows) in out.chunks_exact_mut(ROW).zip(pixels.chunks_exact(4 * ROW)) {
        let (upper, lower) = rows.split_at(2 * ROW);
        for (x, out) in out.chunks_exact_mut(3).enumerate() {
            for (channel, out) in out.iter_mut().enumerate() {
                let pair = |row: &[u8]| u16::from(row[x * 6 + channel]) + u16::from(row[x * 6 + 3 + channel]);
                *out = ((pair(upper) + pair(lower) + 2) >> 2) as u8;
            }
        }
    }
}
