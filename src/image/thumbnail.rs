//! Small JPEGs for people to look at.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::resize::Area;
use super::{Interpolation, ResizeError, Resizer, Rgb};

/// Side of the square thumbnails that the map shows, pixels.
pub const THUMBNAIL_SIDE: u32 = 64;
/// JPEG quality of thumbnails, 1 to 100.
const QUALITY: u8 = 80;

/// Why a thumbnail could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThumbnailError {
    /// Resizing failed.
    #[error(transparent)]
    Resize(#[from] ResizeError),
    /// Encoding failed.
    #[error("the thumbnail cannot be encoded: {0}")]
    Encode(String),
}

/// A JPEG (quality 80) of the picture, its longer side at most `max_side` pixels; small pictures keep their size.
///
/// # Errors
/// [`ThumbnailError`] where `max_side` is 0 or larger than JPEG allows, 65,535.
pub fn thumbnail(picture: &Rgb, max_side: u32) -> Result<Vec<u8>, ThumbnailError> {
    let (width, height) = (picture.width, picture.height);
    if max_side == 0 {
        return Err(ThumbnailError::Encode("a side of 0 pixels".to_owned()));
    }
    let factor = (f64::from(max_side) / f64::from(width.max(height))).min(1.0);
    let side = |old: u32| ((f64::from(old) * factor).round() as u32).clamp(1, max_side.max(1));
    let (new_width, new_height) = (side(width), side(height));
    let mut pixels = vec![0; new_width as usize * new_height as usize * 3];
    let area = Area { left: 0.0, top: 0.0, width: width.into(), height: height.into() };
    let source = (width, height, picture.pixels.as_slice());
    Resizer::new().area(source, area, (new_width, new_height, &mut pixels), Interpolation::Bilinear)?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(&pixels, new_width, new_height, ExtendedColorType::Rgb8)
        .map_err(|e| ThumbnailError::Encode(e.to_string()))?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::image::{Limits, decode};

    #[test]
    fn the_longer_side_fits_and_colours_stay() {
        let picture = Rgb::new(400, 100, [200, 40, 90].repeat(40_000)).unwrap();
        let small = decode(&thumbnail(&picture, 120).unwrap(), &Limits::default()).unwrap();
        assert_eq!((small.width, small.height), (120, 30));
        assert!(small.pixels.chunks_exact(3).all(|p| p.iter().zip([200, 40, 90]).all(|(a, b)| a.abs_diff(b) <= 3)));
        let same = decode(&thumbnail(&picture, 4000).unwrap(), &Limits::default()).unwrap();
        assert_eq!((same.width, same.height), (400, 100));
        let line = Rgb::new(5000, 1, vec![7; 15_000]).unwrap();
        let line = decode(&thumbnail(&line, 100).unwrap(), &Limits::default()).unwrap();
        assert_eq!((line.width, line.height), (100, 1));
        assert!(thumbnail(&picture, 0).is_err());
    }
}
