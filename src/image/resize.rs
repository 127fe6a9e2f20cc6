//! Resizing as Pillow does it: antialiased convolution in fixed point, each axis by itself.

use fast_image_resize::images::{ImageRef, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions};

use super::Interpolation;

/// Why a picture cannot be resized.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// The crop is larger than what the picture is resized to.
    #[error("a crop of {crop} does not fit pictures whose short side is {resize_short}; choose crop <= resize_short")]
    CropTooLarge {
        /// Side of the crop.
        crop: u32,
        /// Short side before the crop.
        resize_short: u32,
    },
    /// The output buffer has another length.
    #[error("the output holds {got} bytes instead of {expected}")]
    Output {
        /// Bytes that were given.
        got: usize,
        /// `crop * crop * 3`.
        expected: usize,
    },
    /// The resizing library refused.
    #[error("resizing failed: {0}")]
    Library(String),
}

/// Resizes pictures; one for each thread, because it keeps its buffers.
#[derive(Debug, Default)]
pub struct Resizer {
    inner: fast_image_resize::Resizer,
    /// Rows that are resized across and not yet down.
    between: Vec<u8>,
}

/// A rectangle of a source picture in fractions of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Resizer {
    /// A resizer without buffers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Resizes `area` of a picture (`[height, width, 3]` in `pixels`) to `out`, `[out_height, out_width, 3]`.
    ///
    /// Equal to resizing the whole picture by the same factors and cutting: samples around the area take part.
    /// Across first, then down, with 8 bits between, as Pillow does (up to version 12 always, in 13 but for some tall
    /// pictures): the library alone goes down first, which moves a fifth of the samples by a level, and more at hard
    /// edges with `Bicubic`.
    pub(super) fn area(
        &mut self,
        source: (u32, u32, &[u8]),
        area: Area,
        (out_width, out_height, out): (u32, u32, &mut [u8]),
        interpolation: Interpolation,
    ) -> Result<(), ResizeError> {
        let (width, height, pixels) = source;
        let whole_columns = area.width == f64::from(out_width) && area.left.fract() == 0.0;
        let whole_rows = area.height == f64::from(out_height) && area.top.fract() == 0.0;
        if whole_columns || whole_rows {
            return pass(&mut self.inner, source, area, (out_width, out_height, out), interpolation);
        }
        let (first, rows) = interpolation.reach(area.top, area.height, out_height, height);
        let mut between = std::mem::take(&mut self.between);
        between.resize(out_width as usize * rows as usize * 3, 0);
        let across = Area { top: first.into(), height: rows.into(), ..area };
        let target = (out_width, rows, between.as_mut_slice());
        let outcome = pass(&mut self.inner, (width, height, pixels), across, target, interpolation).and_then(|()| {
            let down = Area { left: 0.0, width: out_width.into(), top: area.top - f64::from(first), ..area };
            let target = (out_width, out_height, out);
            pass(&mut self.inner, (out_width, rows, &between), down, target, interpolation)
        });
        self.between = between;
        outcome
    }
}

impl Interpolation {
    /// The first whole source pixel that `length` pixels from `start` depend on when they become `new` pixels, and
    /// their number; `old` is the side of the source.
    pub(super) fn reach(self, start: f64, length: f64, new: u32, old: u32) -> (u32, u32) {
        let radius = match self {
            Interpolation::Bilinear => 1.0,
            Interpolation::Bicubic => 2.0,
        };
        let margin = radius * (length / f64::from(new)).max(1.0) + 1.0;
        let first = ((start - margin).floor().max(0.0) as u32).min(old.saturating_sub(1));
        let end = ((start + length + margin).ceil() as u32).clamp(first + 1, old);
        (first, end - first)
    }
}

/// One run of the library.
fn pass(
    inner: &mut fast_image_resize::Resizer,
    (width, height, pixels): (u32, u32, &[u8]),
    area: Area,
    (out_width, out_height, out): (u32, u32, &mut [u8]),
    interpolation: Interpolation,
) -> Result<(), ResizeError> {
    let library = |e: &dyn std::fmt::Display| ResizeError::Library(e.to_string());
    let source = ImageRef::new(width, height, pixels, PixelType::U8x3).map_err(|e| library(&e))?;
    let source: TypedImageRef<'_, U8x3> =
        source.typed_image().ok_or_else(|| ResizeError::Library("wrong pixel type".to_owned()))?;
    let mut target = TypedImage::<U8x3>::from_buffer(out_width, out_height, out).map_err(|e| library(&e))?;
    let filter = match interpolation {
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
    };
    // Rounding must not push the area over the border.
    let (left, top) = (area.left.max(0.0), area.top.max(0.0));
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(left, top, area.width.min(f64::from(width) - left), area.height.min(f64::from(height) - top))
        .use_alpha(false);
    inner.resize_typed(&source, &mut target, &options).map_err(|e| library(&e))
}
