//! Classical features: what was measured on pictures before networks were, equal to OpenCV 4 and scikit-image.
//!
//! A picture is resized to 224 x 224 (as `cv2.resize` does: bilinear, no antialiasing) and turned grey once; from that are
//! made
//!
//! | [`Kind`] | numbers | what |
//! |---|---|---|
//! | `sift` | 512 | mean SIFT descriptor in each quadrant, zeros where there is none; of 8-bit grey |
//! | `hog` | 324 | 9 orientations in cells of 56 x 56, blocks of 2 x 2 cells, L2-Hys; of grey in [0, 1] |
//! | `color` | 96 | counts of 32 bins a channel: B, G, R |
//! | `canny` | 64 | share of edge pixels (thresholds 100, 200) in an 8 x 8 grid; of 8-bit grey |
//! | `lbp` | 10 | shares of uniform patterns (8 neighbours at distance 1); of grey in [0, 1] |
//! | `classical` | 1006 | all of these side by side |
//!
//! The kinds differ in scale: `color` counts pixels up to 50,176, `sift` lies in [0, 255], all others in [0, 1]. Scale
//! `classical` before distances are measured in it, by column or by part ([`Kind::range`] says where each lies).
//!
//! The engine's hands call [`Extractor`], one a thread, on decoded pictures; nothing here knows of files, formats,
//! batches or caches.

mod canny;
mod color;
mod grey;
mod hog;
mod lbp;
mod resize;
pub mod sift;

use std::ops::Range;

use crate::image::Rgb;

/// Side of what the features are made of, pixels.
pub const SIDE: usize = 224;

/// Pixels of it.
const PIXELS: usize = SIDE * SIDE;

/// Changes whenever a picture's numbers change: part of the keys of caches.
pub const VERSION: u32 = 1;

/// A classical feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Descriptors of points of interest: `cv2.SIFT_create`.
    Sift,
    /// Histograms of oriented gradients: `skimage.feature.hog`.
    Hog,
    /// Colour histograms: `np.histogram`.
    Color,
    /// Density of edges: `cv2.Canny`.
    Canny,
    /// Local binary patterns: `skimage.feature.local_binary_pattern`.
    Lbp,
    /// All of [`Kind::PARTS`] side by side.
    Classical,
}

impl Kind {
    /// What stands side by side in [`Kind::Classical`], in this order.
    pub const PARTS: [Self; 5] = [Self::Sift, Self::Hog, Self::Color, Self::Canny, Self::Lbp];

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::PARTS.into_iter().chain([Self::Classical]).find(|kind| kind.name() == name)
    }

    /// Its name on the command line, in albums and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sift => "sift",
            Self::Hog => "hog",
            Self::Color => "color",
            Self::Canny => "canny",
            Self::Lbp => "lbp",
            Self::Classical => "classical",
        }
    }

    /// How many numbers it has.
    pub fn columns(self) -> usize {
        match self {
            Self::Sift => sift::POOLED,
            Self::Hog => hog::COLUMNS,
            Self::Color => color::COLUMNS,
            Self::Canny => canny::COLUMNS,
            Self::Lbp => lbp::COLUMNS,
            Self::Classical => Self::PARTS.into_iter().map(Self::columns).sum(),
        }
    }

    /// Its columns among those of [`Kind::Classical`].
    pub fn range(self) -> Range<usize> {
        let before = match self {
            Self::Classical => 0,
            _ => Self::PARTS.into_iter().take_while(|part| *part != self).map(Self::columns).sum(),
        };
        before..before + self.columns()
    }
}

/// Why a picture has no features.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The picture's pixels are not those of its sides.
    #[error("a picture of {width} x {height} pixels cannot have {got} bytes")]
    Pixels {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes that it has.
        got: usize,
    },
    /// SIFT refused.
    #[error(transparent)]
    Sift(#[from] sift::SiftError),
}

/// Makes features of pictures; one for each thread, because it keeps its buffers.
#[derive(Debug)]
pub struct Extractor {
    kinds: Vec<Kind>,
    resizer: resize::Resizer,
    sift: sift::Sift,
    canny: canny::Canny,
    lbp: lbp::Lbp,
    rgb: Box<[u8; PIXELS * 3]>,
    grey: Box<[u8; PIXELS]>,
    floats: Box<[f32; PIXELS]>,
    /// The parts that are wanted, in their places; zeros elsewhere.
    parts: Vec<f32>,
}

impl Extractor {
    /// Makes `kinds`, in that order.
    pub fn new(kinds: &[Kind]) -> Self {
        Self {
            kinds: kinds.to_vec(),
            resizer: resize::Resizer::default(),
            sift: sift::Sift::new(),
            canny: canny::Canny::default(),
            lbp: lbp::Lbp::default(),
            rgb: Box::new([0; PIXELS * 3]),
            grey: Box::new([0; PIXELS]),
            floats: Box::new([0.0; PIXELS]),
            parts: vec![0.0; Kind::Classical.columns()],
        }
    }

    /// What it makes.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The features of a whole picture, upright, any transparency laid over white: for each kind its numbers.
    ///
    /// The picture is resized once and each part made once, whatever is asked for.
    ///
    /// # Errors
    /// Where the picture has no pixels, or more or fewer than its sides say.
    pub fn extract(&mut self, picture: &Rgb) -> Result<Vec<Vec<f32>>, ExtractError> {
        let &Rgb { width, height, ref pixels } = picture;
        let expected = (u64::from(width) * u64::from(height)).saturating_mul(3);
        if expected == 0 || pixels.len() as u64 != expected {
            return Err(ExtractError::Pixels { width, height, got: pixels.len() });
        }
        self.resizer.resize(picture, &mut self.rgb);
        if self.wants(Kind::Sift) || self.wants(Kind::Canny) {
            grey::bytes(&self.rgb, &mut self.grey);
        }
        if self.wants(Kind::Hog) || self.wants(Kind::Lbp) {
            grey::floats(&self.rgb, &mut self.floats);
        }
        for part in Kind::PARTS {
            if self.wants(part) {
                self.make(part)?;
            }
        }
        Ok(self.kinds.iter().map(|kind| self.parts[kind.range()].to_vec()).collect())
    }

    fn wants(&self, part: Kind) -> bool {
        self.kinds.iter().any(|kind| [part, Kind::Classical].contains(kind))
    }

    fn make(&mut self, part: Kind) -> Result<(), sift::SiftError> {
        let out = &mut self.parts[part.range()];
        match part {
            Kind::Sift => out.copy_from_slice(&self.sift.pooled(&*self.grey, SIDE, SIDE)?),
            Kind::Hog => hog::hog(&self.floats, out),
            Kind::Color => color::histogram(&self.rgb, out),
            Kind::Canny => self.canny.density(&self.grey, out),
            Kind::Lbp => self.lbp.histogram(&self.floats, out),
            Kind::Classical => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
