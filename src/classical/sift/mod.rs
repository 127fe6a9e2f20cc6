//! SIFT: keypoints and descriptors equal to OpenCV 4's `SIFT_create()` with its defaults, and their means in quadrants.
//!
//! Called with the grey pixels of one picture. Owns the pyramid, the search for extrema, orientations and descriptors;
//! knows nothing of colours, files or other features.
//!
//! Source: Lowe, *Distinctive Image Features from Scale-Invariant Keypoints* (IJCV 2004). Where the paper leaves a choice
//! (borders, kernel sizes, the approximate arc tangent, rounding, order of keypoints), OpenCV's is taken: no features are
//! dropped, 3 layers an octave, contrast threshold 0.04, edge threshold 10, sigma 1.6, the picture doubled first.
//!
//! Only additions, products, divisions and roots of single numbers are used in what is done for each pixel, never fused, so
//! that every processor and the page compute the same bits.

mod descriptor;
mod extrema;
mod gaussian;
mod gradient;
mod keypoint;
mod octave;
mod orientation;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use self::descriptor::Describer;
use self::extrema::{Candidate, Scanner};
use self::keypoint::Located;
use self::octave::Pyramid;
use self::orientation::Orienter;

/// Numbers in a descriptor: 4 x 4 cells of 8 orientations, by row, column, orientation.
pub const DESCRIPTOR: usize = 128;

/// Numbers in the pooled feature: four quadrants of [`DESCRIPTOR`].
pub const POOLED: usize = 4 * DESCRIPTOR;

/// Why a picture has no features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SiftError {
    /// No pixels.
    #[error("a picture of {width} x {height} pixels has nothing to find")]
    Empty {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The pixels are not those of a grey picture of this size.
    #[error("{found} pixels are not a grey picture of {width} x {height}")]
    Size {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Pixels that were given.
        found: usize,
    },
}

/// A point of interest, as OpenCV's `KeyPoint`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keypoint {
    /// Column in pixels of the picture; the centre of the first pixel is 0.
    pub x: f32,
    /// Row in pixels of the picture.
    pub y: f32,
    /// Diameter of what the descriptor looks at, in pixels.
    pub size: f32,
    /// Orientation in degrees, `0..360`, clockwise.
    pub angle: f32,
    /// Contrast.
    pub response: f32,
    /// OpenCV's packed number: octave in the lowest byte (-1 is the doubled picture), layer in the next, and the offset
    /// between layers in the third.
    pub octave: i32,
}

/// Keypoints and their descriptors, in OpenCV's order: by column, row, size (large first), angle.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// Where, how large, which way.
    pub keypoints: Vec<Keypoint>,
    /// One a keypoint; OpenCV gives the same whole numbers as `f32`.
    pub descriptors: Vec<[u8; DESCRIPTOR]>,
}

/// Finds and describes keypoints. Keeps its buffers between pictures: make one a thread.
#[derive(Debug, Default)]
pub struct Sift {
    pyramid: Pyramid,
    scanner: Scanner,
    candidates: Vec<Candidate>,
    orienter: Orienter,
    describer: Describer,
    found: Vec<Located>,
    described: Vec<(Keypoint, [u8; DESCRIPTOR])>,
}

impl Sift {
    /// An extractor without buffers; the first picture makes them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keypoints and descriptors of a grey picture, `pixels` row by row: OpenCV's `detectAndCompute(image, None)`.
    ///
    /// # Errors
    /// When `pixels` is empty or is not `width * height` long.
    pub fn detect_and_compute(&mut self, pixels: &[u8], width: usize, height: usize) -> Result<Features, SiftError> {
        self.run(pixels, width, height)?;
        let (keypoints, descriptors) = self.described.iter().copied().unzip();
        Ok(Features { keypoints, descriptors })
    }

    /// The mean descriptor in each quadrant (top left, top right, bottom left, bottom right, by the keypoint's
    /// position), `[4, 128]`; zeros where a quadrant has no keypoint.
    ///
    /// # Errors
    /// When `pixels` is empty or is not `width * height` long.
    pub fn pooled(&mut self, pixels: &[u8], width: usize, height: usize) -> Result<[f32; POOLED], SiftError> {
        self.run(pixels, width, height)?;
        let (middle, centre) = (width as f32 / 2.0, height as f32 / 2.0);
        let mut sums = [[0u32; DESCRIPTOR]; 4];
        let mut counts = [0u32; 4];
        for (keypoint, descriptor) in &self.described {
            let quadrant = 2 * usize::from(keypoint.y >= centre) + usize::from(keypoint.x >= middle);
            counts[quadrant] += 1;
            sums[quadrant].iter_mut().zip(descriptor).for_each(|(sum, &value)| *sum += u32::from(value));
        }
        let mut means = [0.0; POOLED];
        for ((means, sums), &count) in means.chunks_exact_mut(DESCRIPTOR).zip(&sums).zip(&counts) {
            means.iter_mut().zip(sums).for_each(|(mean, &sum)| *mean = sum as f32 / count.max(1) as f32);
        }
        Ok(means)
    }

    /// Fills `described`, octave after octave, in the buffers of one.
    fn run(&mut self, pixels: &[u8], width: usize, height: usize) -> Result<(), SiftError> {
        if width == 0 || height == 0 {
            return Err(SiftError::Empty { width, height });
        }
        if width.checked_mul(height) != Some(pixels.len()) {
            return Err(SiftError::Size { width, height, found: pixels.len() });
        }
        self.described.clear();
        self.pyramid.start(pixels, width, height);
        while self.pyramid.is_searchable() {
            self.pyramid.blur();
            self.search();
            self.pyramid.halve();
        }
        self.described.sort_unstable_by(|(a, _), (b, _)| order(a, b));
        self.described.dedup_by(|(b, _), (a, _)| same(a, b));
        Ok(())
    }

    /// Keypoints and descriptors of the present octave.
    fn search(&mut self) {
        let octave = &self.pyramid.octave;
        self.candidates.clear();
        self.scanner.scan(octave, &mut self.candidates);
        self.found.clear();
        for &candidate in &self.candidates {
            if let Some(located) = keypoint::locate(octave, candidate) {
                self.orienter.orientations(octave, &located, |angle| {
                    self.found.push(Located { keypoint: Keypoint { angle, ..located.keypoint }, ..located });
                });
            }
        }
        // Neighbouring candidates may end at one place, which is described once. By rows, as the pixels lie.
        self.found.sort_unstable_by(|Located { keypoint: a, .. }, Located { keypoint: b, .. }| {
            a.y.total_cmp(&b.y).then_with(|| order(a, b))
        });
        self.found.dedup_by(|b, a| same(&a.keypoint, &b.keypoint));
        for located in &self.found {
            self.described.push((located.keypoint, self.describer.describe(octave, located)));
        }
    }
}

/// OpenCV's order of keypoints.
fn order(a: &Keypoint, b: &Keypoint) -> Ordering {
    a.x.total_cmp(&b.x)
        .then(a.y.total_cmp(&b.y))
        .then(b.size.total_cmp(&a.size))
        .then(a.angle.total_cmp(&b.angle))
        .then(b.response.total_cmp(&a.response))
        .then(b.octave.cmp(&a.octave))
}

/// Whether OpenCV takes `b`, next after `a`, for its duplicate.
fn same(a: &Keypoint, b: &Keypoint) -> bool {
    (a.x, a.y, a.size, a.angle) == (b.x, b.y, b.size, b.angle)
}
