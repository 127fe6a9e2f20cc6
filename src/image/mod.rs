//! Pictures: bytes to pixels under limits, orientation, resizing, and what networks take in.
//!
//! 1. [`decode`] turns the bytes of a file into [`Rgb`], or says what is wrong with them. Its pixels are those of
//!    Pillow's `exif_transpose(open(file)).convert("RGB")`, which torchvision's `ImageFolder` loads (orientation
//!    apart, which torchvision leaves to its user).
//! 2. [`Preprocess`] resizes the short side and cuts the centre, as torchvision's `Resize` and `CenterCrop` do, or as the
//!    processors of Hugging Face's transformers.
//! 3. [`Proportional`] resizes for networks that read pictures of any proportions.
//! 4. [`thumbnail`] makes small JPEGs for people to look at.
//!
//! Nothing here panics, whatever the bytes are, and no header makes it allocate more than [`Limits`] allow.

mod decode;
mod jpeg;
mod limits;
mod pillow;
mod pixels;
mod preprocess;
mod proportional;
mod resize;
mod thumbnail;

pub use decode::{Alpha, DecodeError, decode, decode_with};
pub use limits::Limits;
pub use preprocess::{Interpolation, PrepareError, Preparer, Preprocess, Processor};
pub use proportional::Proportional;
pub use resize::{ResizeError, Resizer};
pub use thumbnail::{THUMBNAIL_SIDE, ThumbnailError, thumbnail};

/// A picture: 8-bit RGB, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `[height, width, 3]`.
    pub pixels: Vec<u8>,
}

impl Rgb {
    /// A picture from its pixels; `None` where `pixels` is not `width * height * 3` bytes long, or empty.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let expected = u64::from(width) * u64::from(height) * 3;
        (expected > 0 && pixels.len() as u64 == expected).then_some(Self { width, height, pixels })
    }
}

/// A rectangle of whole pixels inside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}
