//! The bytes of a file to RGB, or what is wrong with them.

use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::error::{ImageError, LimitErrorKind};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::jpeg::Jpeg;
use super::pixels::without_alpha;
use super::{Limits, Rgb, Window};

/// What becomes of transparency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alpha {
    /// The alpha channel is dropped, as Pillow's `convert("RGB")` and so torchvision do. What lies under transparent
    /// pixels shows; most drawing programs leave black there.
    #[default]
    Drop,
    /// The picture is laid over white, as a page would show it.
    OverWhite,
}

/// Why bytes are no picture, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Zero bytes.
    #[error("the file is empty (0 bytes); copy or download it again")]
    Empty,
    /// No known format, whatever the file is called.
    #[error("not a picture that can be read{looks_like}; JPEG, PNG, WebP, GIF, BMP and TIFF are")]
    NotAnImage {
        /// ` (it looks like ...)`, or nothing.
        looks_like: String,
    },
    /// More pixels than [`Limits::max_pixels`].
    #[error("{width} x {height} pixels are more than the limit of {limit}; make the picture smaller")]
    TooLarge {
        /// Width that the header declares.
        width: u64,
        /// Height that the header declares.
        height: u64,
        /// The limit, in pixels.
        limit: u64,
    },
    /// More memory than [`Limits::max_alloc`].
    #[error("decoding takes more than the limit of {limit} bytes of memory; make the picture smaller")]
    TooMuchMemory {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The file ends before the picture does.
    #[error("truncated {}: the file ends after {bytes} bytes, before the picture does; copy or download it again", name(*.format))]
    Truncated {
        /// The format by content.
        format: ImageFormat,
        /// Size of the file.
        bytes: usize,
    },
    /// The format's rules are broken.
    #[error("damaged {}: {reason}; copy or download it again", name(*.format))]
    Corrupt {
        /// The format by content.
        format: ImageFormat,
        /// Which rule.
        reason: String,
    },
    /// A kind of file that is not read.
    #[error("not supported: {reason}; save the picture as PNG or baseline JPEG")]
    Unsupported {
        /// Which kind.
        reason: String,
    },
}

/// The format's usual name.
fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        _ => "picture",
    }
}

/// Decodes a picture as Pillow's `exif_transpose(open(file)).convert("RGB")` does: format by content, first frame,
/// orientation applied, alpha dropped, 16 bits cut to their high 8, ink (CMYK) turned to light. One case differs: Pillow
/// cuts 16-bit grey off at 255, which turns most such pictures white; here it keeps its high byte, too.
///
/// JPEG samples equal libjpeg's; lossless formats are exact; lossy WebP is within 2 levels.
///
/// # Errors
/// [`DecodeError`]; sizes are checked from the header, before memory is asked for.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Rgb, DecodeError> {
    decode_with(bytes, limits, Alpha::Drop)
}

/// [`decode`] with a choice of what becomes of transparency.
///
/// # Errors
/// As [`decode`].
pub fn decode_with(bytes: &[u8], limits: &Limits, alpha: Alpha) -> Result<Rgb, DecodeError> {
    match open(bytes, limits)? {
        Opened::Jpeg(jpeg) => whole_jpeg(*jpeg, limits),
        Opened::Other(format) => other(bytes, format, limits, alpha),
    }
}

/// A file whose format is known.
pub(super) enum Opened<'a> {
    /// A JPEG whose header is read.
    Jpeg(Box<Jpeg<'a>>),
    /// Another format.
    Other(ImageFormat),
}

/// Finds the format by content.
pub(super) fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Opened<'a>, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => Ok(Opened::Jpeg(Box::new(Jpeg::open(bytes, limits)?))),
        Ok(
            format @ (ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif | ImageFormat::Bmp | ImageFormat::Tiff),
        ) => Ok(Opened::Other(format)),
        _ => Err(DecodeError::NotAnImage { looks_like: looks_like(bytes) }),
    }
}

/// A guess that helps a person to see what happened.
fn looks_like(bytes: &[u8]) -> String {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).trim_start().to_ascii_lowercase();
    let guess = if bytes.starts_with(b"%PDF") {
        "a PDF"
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "a web page, perhaps what a failed download left"
    } else if start.starts_with("<svg") || start.contains("<svg") {
        "an SVG drawing"
    } else if start.starts_with("version https://git-lfs") {
        "a Git LFS pointer; run `git lfs pull`"
    } else if bytes.get(4..8) == Some(b"ftyp") {
        "HEIC, AVIF or a video"
    } else if bytes.iter().all(|&b| b == 0) {
        "zeros only, perhaps what a failed copy left"
    } else {
        return String::new();
    };
    format!(" (it looks like {guess})")
}

/// Decodes all of a JPEG and turns it upright.
pub(super) fn whole_jpeg(jpeg: Jpeg<'_>, limits: &Limits) -> Result<Rgb, DecodeError> {
    let (width, height) = jpeg.size();
    let orientation = jpeg.orientation();
    upright(jpeg.decode(&Window { x: 0, y: 0, width, height }, limits)?, orientation)
}

/// Applies the EXIF orientation.
fn upright(picture: Rgb, orientation: Orientation) -> Result<Rgb, DecodeError> {
    if orientation == Orientation::NoTransforms {
        return Ok(picture);
    }
    let wrong = || DecodeError::Unsupported { reason: "a picture of no pixels".to_owned() };
    let buffer = image::RgbImage::from_raw(picture.width, picture.height, picture.pixels).ok_or_else(wrong)?;
    let mut turned = DynamicImage::ImageRgb8(buffer);
    turned.apply_orientation(orientation);
    let (width, height) = (turned.width(), turned.height());
    Rgb::new(width, height, turned.into_bytes()).ok_or_else(wrong)
}

/// Decodes what is not JPEG, with the `image` crate. Its decoders are fuzzed, but a panic of one of them must cost
/// one picture, not the run.
fn other(bytes: &[u8], format: ImageFormat, limits: &Limits, alpha: Alpha) -> Result<Rgb, DecodeError> {
    let outcome = catch_unwind(AssertUnwindSafe(|| other_unguarded(bytes, format, limits, alpha)));
    outcome.unwrap_or_else(|_| {
        Err(DecodeError::Corrupt { format, reason: "the decoder gave up on it (a panic, printed above)".to_owned() })
    })
}

fn other_unguarded(bytes: &[u8], format: ImageFormat, limits: &Limits, alpha: Alpha) -> Result<Rgb, DecodeError> {
    let fail = |error| explain(error, bytes, format, limits);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder_limits = image::Limits::no_limits();
    decoder_limits.max_alloc = Some(side_memory(bytes, format, limits)?);
    reader.limits(decoder_limits);
    let mut decoder = reader.into_decoder().map_err(fail)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width.into(), height.into())?;
    let color = decoder.color_type();
    let size = decoder.total_bytes();
    limits.check_memory(size.saturating_add(u64::from(width) * u64::from(height) * 3))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let size = usize::try_from(size).map_err(|_| DecodeError::TooMuchMemory { limit: limits.max_alloc })?;
    let mut raw = vec![0; size];
    decoder.read_image(&mut raw).map_err(fail)?;
    let pixels = to_rgb(raw, color, alpha)?;
    let empty = || DecodeError::Corrupt { format, reason: "a picture without pixels".to_owned() };
    upright(Rgb::new(width, height, pixels).ok_or_else(empty)?, orientation)
}

/// What a decoder may allocate by itself. PNG holds a few rows and its metadata, some of it compressed: a profile that
/// inflates to gigabytes must not pass (image-png#696). Its size is checked here, before the decoder sees it.
fn side_memory(bytes: &[u8], format: ImageFormat, limits: &Limits) -> Result<u64, DecodeError> {
    if format != ImageFormat::Png {
        return Ok(limits.max_alloc);
    }
    let number = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
    let (Some(width), Some(height)) = (number(16), number(20)) else {
        return Err(DecodeError::Truncated { format, bytes: bytes.len() });
    };
    limits.check_size(width.into(), height.into())?;
    Ok(limits.max_alloc.min((64 << 20) + 32 * u64::from(width)))
}

/// 8-bit RGB of the layouts that decoders give; 16-bit values are in the machine's byte order.
fn to_rgb(raw: Vec<u8>, color: ColorType, alpha: Alpha) -> Result<Vec<u8>, DecodeError> {
    // Pillow reads the high byte of 16-bit samples (but for grey ones, see `decode`).
    let high = |pair: &[u8; 2]| u16::from_ne_bytes(*pair).to_be_bytes()[0];
    let halved = |raw: Vec<u8>| raw.as_chunks::<2>().0.iter().map(high).collect::<Vec<u8>>();
    let rgb = match color {
        ColorType::Rgb8 => raw,
        ColorType::L8 => raw.iter().flat_map(|&v| [v; 3]).collect(),
        ColorType::La8 => {
            raw.as_chunks::<2>().0.iter().flat_map(|&[v, a]| without_alpha([v, v, v, a], alpha)).collect()
        }
        ColorType::Rgba8 => raw.as_chunks::<4>().0.iter().flat_map(|&p| without_alpha(p, alpha)).collect(),
        ColorType::L16 => return to_rgb(halved(raw), ColorType::L8, alpha),
        ColorType::La16 => return to_rgb(halved(raw), ColorType::La8, alpha),
        ColorType::Rgb16 => halved(raw),
        ColorType::Rgba16 => return to_rgb(halved(raw), ColorType::Rgba8, alpha),
        other => return Err(DecodeError::Unsupported { reason: format!("pixels of kind {other:?}") }),
    };
    Ok(rgb)
}

/// A decoder's error in this module's words.
fn explain(error: ImageError, bytes: &[u8], format: ImageFormat, limits: &Limits) -> DecodeError {
    match &error {
        ImageError::Limits(limit) if limit.kind() == LimitErrorKind::InsufficientMemory => {
            return DecodeError::TooMuchMemory { limit: limits.max_alloc };
        }
        ImageError::IoError(io) if io.kind() == ErrorKind::UnexpectedEof => {
            return DecodeError::Truncated { format, bytes: bytes.len() };
        }
        ImageError::Unsupported(what) => return DecodeError::Unsupported { reason: what.to_string() },
        _ => {}
    }
    let reason = error.to_string();
    let ends = ["unexpected end", "UnexpectedEof", "unexpected EOF", "failed to fill whole buffer", "no more data"];
    if ends.iter().any(|end| reason.to_lowercase().contains(&end.to_lowercase())) {
        return DecodeError::Truncated { format, bytes: bytes.len() };
    }
    DecodeError::Corrupt { format, reason }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
