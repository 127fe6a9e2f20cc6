//! One octave of the Gaussian pyramid, in buffers that every octave of every picture uses in turn.

use super::gaussian::{Blur, Kernel};

/// Layers of an octave in which extrema are sought.
pub(super) const LAYERS: usize = 3;
/// Blurred pictures of an octave.
pub(super) const LEVELS: usize = LAYERS + 3;
/// Pixels at each edge in which no extremum is sought.
pub(super) const BORDER: usize = 5;
/// Blur of the first level of an octave, in its pixels.
pub(super) const SIGMA: f64 = 1.6;
/// Rows are padded to a multiple of this many pixels, so that loops over them have no rest.
pub(super) const LANES: usize = 32;

/// Six blurred pictures of the same size.
#[derive(Debug, Default)]
pub(super) struct Octave {
    /// Pixels in a row.
    pub(super) width: usize,
    /// Rows.
    pub(super) height: usize,
    /// Distance between rows; what lies behind `width` is finite and means nothing.
    pub(super) stride: usize,
    /// 0 is the doubled picture.
    pub(super) index: u32,
    /// `[LEVELS][height * stride]`, with some more behind, so that a whole block can be read from any pixel.
    levels: [Vec<f32>; LEVELS],
}

impl Octave {
    /// Sets the size; values of the last picture stay where they are.
    fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height, self.stride) = (width, height, width.next_multiple_of(LANES));
        let len = self.stride * height + 2 * LANES;
        for level in &mut self.levels {
            grow(level, len);
        }
    }

    /// A level from pixel (`row`, `column`) on: at least the rest of the row and [`LANES`] values more.
    #[inline(always)]
    pub(super) fn from(&self, level: usize, row: usize, column: usize) -> &[f32] {
        &self.levels[level][row * self.stride + column..]
    }

    /// A row of a level, with its padding.
    #[inline(always)]
    pub(super) fn row(&self, level: usize, row: usize) -> &[f32] {
        &self.levels[level][row * self.stride..][..self.stride]
    }

    /// The difference of Gaussians `layer + 1` and `layer` at a pixel.
    #[inline(always)]
    pub(super) fn difference(&self, layer: usize, row: usize, column: usize) -> f32 {
        let at = row * self.stride + column;
        self.levels[layer + 1][at] - self.levels[layer][at]
    }
}

/// Makes room for `len` numbers, keeping what is there.
pub(super) fn grow(buffer: &mut Vec<f32>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}

/// Makes the octaves of a picture one after the other.
#[derive(Debug)]
pub(super) struct Pyramid {
    /// The present octave.
    pub(super) octave: Octave,
    /// From the doubled picture to the first level.
    first: Kernel,
    /// From each level to the next.
    next: [Kernel; LEVELS - 1],
    blur: Blur,
}

impl Default for Pyramid {
    fn default() -> Self {
        // The camera's blur, 0.5 pixels, is 1 in the doubled picture. OpenCV computes this one in single precision.
        let first = (SIGMA as f32 * SIGMA as f32 - 1.0).sqrt();
        let factor = 2f64.powf(1.0 / LAYERS as f64);
        let next = std::array::from_fn(|level| {
            let before = factor.powi(level as i32) * SIGMA;
            let after = before * factor;
            Kernel::new((after * after - before * before).sqrt())
        });
        Self { octave: Octave::default(), first: Kernel::new(f64::from(first)), next, blur: Blur::default() }
    }
}

impl Pyramid {
    /// Begins with the doubled picture.
    pub(super) fn start(&mut self, pixels: &[u8], width: usize, height: usize) {
        self.octave.resize(2 * width, 2 * height);
        self.octave.index = 0;
        let octave = &mut self.octave;
        let [first, doubled, ..] = &mut octave.levels;
        double(pixels, width, doubled, octave.stride);
        self.blur.run(doubled, first, (octave.width, octave.height, octave.stride), &self.first);
    }

    /// Whether the octave has a pixel that is not on the border.
    pub(super) fn is_searchable(&self) -> bool {
        self.octave.width.min(self.octave.height) > 2 * BORDER
    }

    /// Makes the levels above the first.
    pub(super) fn blur(&mut self) {
        let octave = &mut self.octave;
        let size = (octave.width, octave.height, octave.stride);
        for (level, kernel) in self.next.iter().enumerate() {
            if let [source, target, ..] = &mut octave.levels[level..] {
                self.blur.run(source, target, size, kernel);
            }
        }
    }

    /// Goes to the next octave, whose first level is every second pixel of the level of twice the blur.
    pub(super) fn halve(&mut self) {
        let before = self.octave.stride;
        self.octave.resize(self.octave.width / 2, self.octave.height / 2);
        self.octave.index += 1;
        let Octave { stride, height, levels: [target, .., source, _, _], .. } = &mut self.octave;
        for (target, source) in target.chunks_exact_mut(*stride).zip(source.chunks_exact(2 * before)).take(*height) {
            target.iter_mut().zip(source[..before].chunks_exact(2)).for_each(|(value, pair)| *value = pair[0]);
        }
    }
}

/// Twice the width and height, linearly between the centres of pixels: exact in single precision.
fn double(pixels: &[u8], width: usize, doubled: &mut [f32], stride: usize) {
    let rows: Vec<&[u8]> = pixels.chunks_exact(width).collect();
    let mut mixed = vec![0.0f32; width];
    for (y, target) in doubled.chunks_exact_mut(stride).take(2 * rows.len()).enumerate() {
        let near = rows[y / 2];
        let far = if y % 2 == 0 { rows[(y / 2).saturating_sub(1)] } else { rows[(y / 2 + 1).min(rows.len() - 1)] };
        for ((mixed, &near), &far) in mixed.iter_mut().zip(near).zip(far) {
            *mixed = 0.75 * f32::from(near) + 0.25 * f32::from(far);
        }
        let (first, last) = (mixed[0], mixed[width - 1]);
        target[0] = first;
        target[2 * width - 1] = last;
        for (pair, target) in mixed.windows(2).zip(target[1..].chunks_exact_mut(2)) {
            target[0] = 0.75 * pair[0] + 0.25 * pair[1];
            target[1] = 0.25 * pair[0] + 0.75 * pair[1];
        }
    }
}
