//! What image networks take in: the short side resized, the centre cut out.

use super::decode::{Alpha, Opened, decode_with, open, whole_jpeg};
use super::pillow;
use super::resize::Area;
use serde::{Deserialize, Serialize};

use super::{DecodeError, Limits, ResizeError, Resizer, Rgb, Window};

/// How pixels between pixels are found; both are antialiased when a picture shrinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Interpolation {
    /// Triangle filter: Pillow's and torchvision's `BILINEAR`.
    #[default]
    Bilinear,
    /// Cubic convolution with a = -0.5: Pillow's and torchvision's `BICUBIC`.
    Bicubic,
}

/// Whose pixels are wanted to the last bit. Both resize as Pillow does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Processor {
    /// transformers': where the middle is half a pixel off, the crop lies to the left and above.
    Transformers,
    /// torchvision's: the crop lies an even number of pixels away.
    Torchvision,
}

/// A network's preprocessing up to 8-bit pixels; networks normalise on their device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Length of the shorter side after resizing, in pixels.
    pub resize_short: u32,
    /// Side of the square cut from the centre, in pixels; at most `resize_short`.
    pub crop: u32,
    /// Whether the whole picture becomes a square of side `resize_short`, whatever its proportions were, in place of
    /// keeping them.
    pub squash: bool,
    /// Whose pixels these are to the last bit, which takes longer; `None`: torchvision's but for a level here and there.
    pub exact: Option<Processor>,
    /// How to interpolate.
    pub interpolation: Interpolation,
    /// Mean of each channel, for values in [0, 1].
    pub mean: [f32; 3],
    /// Standard deviation of each channel, for values in [0, 1].
    pub std: [f32; 3],
}

impl Default for Preprocess {
    /// torchvision's ImageNet evaluation: 256, 224, bilinear, ImageNet mean and deviation.
    fn default() -> Self {
        Self {
            resize_short: 256,
            crop: 224,
            squash: false,
            exact: None,
            interpolation: Interpolation::Bilinear,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }
}

/// Where the crop of a picture of one size comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    /// In source pixels.
    area: Area,
    /// Whole source pixels that the crop depends on.
    window: Window,
}

impl Preprocess {
    /// Version of decoding, resizing and cropping: part of cache keys, raised when pixels change.
    pub const VERSION: u32 = 1;

    /// Bytes of a prepared picture: `crop * crop * 3`.
    pub fn bytes(&self) -> usize {
        self.crop as usize * self.crop as usize * 3
    }

    /// What cached features depend on: the version and every parameter that changes pixels.
    pub fn key(&self) -> String {
        let kind = match self.interpolation {
            Interpolation::Bilinear => "bilinear",
            Interpolation::Bicubic => "bicubic",
        };
        let squash = if self.squash { "-squash" } else { "" };
        let exact = match self.exact {
            None => "",
            Some(Processor::Transformers) => "-exact",
            Some(Processor::Torchvision) => "-exact-torchvision",
        };
        format!("pre{}-{}-{}-{kind}{squash}{exact}", Self::VERSION, self.resize_short, self.crop)
    }

    /// Size after resizing: torchvision's `Resize(int)`, the longer side cut to a whole number; `Resize((int, int))` where
    /// pictures are squashed.
    pub fn resized(&self, width: u32, height: u32) -> (u32, u32) {
        let short = self.resize_short;
        if self.squash {
            return (short, short);
        }
        let long = |long: u32, of: u32| (f64::from(short) * f64::from(long) / f64::from(of)) as u32;
        if width <= height { (short, long(height, width)) } else { (long(width, height), short) }
    }

    fn plan(&self, width: u32, height: u32) -> Plan {
        let (new_width, new_height) = self.resized(width, height);
        let (left, area_width, x, window_width) = self.axis(width, new_width);
        let (top, area_height, y, window_height) = self.axis(height, new_height);
        Plan {
            area: Area { left, top, width: area_width, height: area_height },
            window: Window { x, y, width: window_width, height: window_height },
        }
    }

    /// Along one axis: start and length of the crop in source pixels, and the whole pixels it depends on.
    fn axis(&self, old: u32, new: u32) -> (f64, f64, u32, u32) {
        let scale = f64::from(old) / f64::from(new);
        // torchvision's CenterCrop: Python's round, half to even.
        let offset = (f64::from(new - self.crop.min(new)) / 2.0).round_ties_even();
        let (start, length) = (offset * scale, f64::from(self.crop) * scale);
        if old == new {
            return (start, length, start as u32, self.crop);
        }
        let (first, count) = self.interpolation.reach(start, length, self.crop, old);
        (start, length, first, count)
    }

    fn check(&self, out: &[u8]) -> Result<(), ResizeError> {
        if self.crop > self.resize_short || self.crop == 0 {
            return Err(ResizeError::CropTooLarge { crop: self.crop, resize_short: self.resize_short });
        }
        if out.len() != self.bytes() {
            return Err(ResizeError::Output { got: out.len(), expected: self.bytes() });
        }
        Ok(())
    }
}

/// The square in the middle.
fn cut_centre(picture: &Rgb, side: u32, processor: Processor, out: &mut [u8]) {
    let offset = |length: u32| match (length.saturating_sub(side), processor) {
        (rest, Processor::Transformers) => rest as usize / 2,
        (rest, Processor::Torchvision) => (f64::from(rest) / 2.0).round_ties_even() as usize,
    };
    let (left, top) = (offset(picture.width), offset(picture.height));
    let (side, width) = (side as usize, picture.width as usize);
    for (row, out) in out.chunks_exact_mut(side * 3).enumerate() {
        out.copy_from_slice(&picture.pixels[((top + row) * width + left) * 3..][..side * 3]);
    }
}

/// Why a picture could not be prepared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The bytes are no picture.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The picture cannot be resized as asked.
    #[error(transparent)]
    Resize(#[from] ResizeError),
}

/// Prepares pictures for a network; one for each thread, because it keeps its buffers.
#[derive(Debug, Default)]
pub struct Preparer {
    resizer: Resizer,
}

impl Preparer {
    /// A preparer without buffers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes, resizes and crops a file into `out`, `[crop, crop, 3]` bytes.
    ///
    /// Equal to [`decode_with`] over white and [`Self::crop`], but of a JPEG that needs no turning only the part under the
    /// crop is turned into pixels. White, because what lies under transparency is arbitrary, and people see cut-out
    /// pictures on paper.
    ///
    /// # Errors
    /// [`PrepareError`]: what is wrong with the bytes, or with the parameters.
    pub fn prepare(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        preprocess: &Preprocess,
        out: &mut [u8],
    ) -> Result<(), PrepareError> {
        preprocess.check(out)?;
        if preprocess.exact.is_some() {
            return Ok(self.crop(&decode_with(bytes, limits, Alpha::OverWhite)?, preprocess, out)?);
        }
        let jpeg = match open(bytes, limits)? {
            Opened::Jpeg(jpeg) => jpeg,
            Opened::Other(_) => {
                return Ok(self.crop(&decode_with(bytes, limits, Alpha::OverWhite)?, preprocess, out)?);
            }
        };
        if jpeg.orientation() != image::metadata::Orientation::NoTransforms {
            return Ok(self.crop(&whole_jpeg(*jpeg, limits)?, preprocess, out)?);
        }
        let (width, height) = jpeg.size();
        let Plan { mut area, window } = preprocess.plan(width, height);
        let part = jpeg.decode(&window, limits)?;
        area.left -= f64::from(window.x);
        area.top -= f64::from(window.y);
        Ok(self.area(&part, area, preprocess, out)?)
    }

    /// Resizes and crops a decoded picture into `out`, `[crop, crop, 3]` bytes.
    ///
    /// # Errors
    /// [`ResizeError`] where the parameters or `out` do not fit.
    pub fn crop(&mut self, picture: &Rgb, preprocess: &Preprocess, out: &mut [u8]) -> Result<(), ResizeError> {
        preprocess.check(out)?;
        if let Some(processor) = preprocess.exact {
            let resized =
                pillow::resize(picture, preprocess.resized(picture.width, picture.height), preprocess.interpolation);
            cut_centre(&resized, preprocess.crop, processor, out);
            return Ok(());
        }
        let plan = preprocess.plan(picture.width, picture.height);
        self.area(picture, plan.area, preprocess, out)
    }

    fn area(&mut self, picture: &Rgb, area: Area, preprocess: &Preprocess, out: &mut [u8]) -> Result<(), ResizeError> {
        let source = (picture.width, picture.height, picture.pixels.as_slice());
        self.resizer.area(source, area, (preprocess.crop, preprocess.crop, out), preprocess.interpolation)
    }
}

#[cfg(test)]
#[path = "preprocess_tests.rs"]
mod tests;
