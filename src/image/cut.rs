//! Everything that is made of one picture's pixels: a crop for each network, and a thumbnail.
//!
//! The terminal's threads call it and the page's hands, so it is one pure function.

use std::cell::RefCell;

use super::{Alpha, Limits, Preparer, Preprocess, Rgb, decode_with, thumbnail};
use crate::collection::Content;

/// Side of the square thumbnails that the map shows, pixels.
pub const THUMBNAIL_SIDE: u32 = 64;

/// What was cut out of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cut {
    /// `[crop, crop, 3]` RGB for each [`Preprocess`] that was asked for, in that order.
    pub pixels: Vec<Vec<u8>>,
    /// A JPEG of [`THUMBNAIL_SIDE`] of what the first network sees; empty where none could be made.
    pub thumbnail: Vec<u8>,
}

thread_local! {
    static PREPARER: RefCell<Preparer> = RefCell::new(Preparer::new());
}

/// Decodes a picture once under the default [`Limits`] and cuts out what is asked for.
///
/// # Errors
/// What is wrong with the picture, in a sentence.
pub fn cut(content: &Content, crops: &[Preprocess]) -> Result<Cut, String> {
    let limits = Limits::default();
    let whole = match content {
        Content::Rgb8 { width, height, pixels } => {
            Some(Rgb::new(*width, *height, pixels.clone()).ok_or("the record holds no picture")?)
        }
        // One crop may need a part of the picture only, several share all of it.
        Content::Encoded(bytes) if crops.len() > 1 => {
            Some(decode_with(bytes, &limits, Alpha::OverWhite).map_err(|e| e.to_string())?)
        }
        Content::Encoded(_) => None,
    };
    let mut cut = Cut::default();
    for preprocess in crops {
        let mut pixels = vec![0; preprocess.bytes()];
        PREPARER.with_borrow_mut(|preparer| match (&whole, content) {
            (Some(rgb), _) => preparer.crop(rgb, preprocess, &mut pixels).map_err(|e| e.to_string()),
            (None, Content::Encoded(bytes)) => {
                preparer.prepare(bytes, &limits, preprocess, &mut pixels).map_err(|e| e.to_string())
            }
            (None, Content::Rgb8 { .. }) => Ok(()),
        })?;
        cut.pixels.push(pixels);
    }
    if let (Some(preprocess), Some(pixels)) = (crops.first(), cut.pixels.first()) {
        // A picture without a thumbnail is shown as a point; it is no reason to set it aside.
        let square = Rgb::new(preprocess.crop, preprocess.crop, pixels.clone());
        cut.thumbnail = square.and_then(|rgb| thumbnail(&rgb, THUMBNAIL_SIDE).ok()).unwrap_or_default();
    }
    Ok(cut)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::image::decode;

    fn jpeg() -> Vec<u8> {
        let pixels = (0..90 * 70 * 3).map(|i| (i * 7 % 251) as u8).collect();
        thumbnail(&Rgb::new(90, 70, pixels).unwrap(), 90).unwrap()
    }

    #[test]
    fn several_crops_of_one_decoding_are_those_of_one_each() {
        let content = Content::Encoded(jpeg());
        let crops =
            [(48, 40), (64, 64)].map(|(resize_short, crop)| Preprocess { resize_short, crop, ..Preprocess::default() });
        let both = cut(&content, &crops).unwrap();
        for (crop, pixels) in crops.iter().zip(&both.pixels) {
            assert_eq!(cut(&content, &[*crop]).unwrap().pixels, std::slice::from_ref(pixels));
        }
        let small = decode(&both.thumbnail, &Limits::default()).unwrap();
        assert_eq!((small.width, small.height), (40, 40), "small squares keep their size");
    }

    #[test]
    fn bad_pictures_say_why() {
        let crop = [Preprocess::default()];
        assert!(!cut(&Content::Encoded(b"no picture".to_vec()), &crop).unwrap_err().is_empty());
        let empty = Content::Rgb8 { width: 2, height: 2, pixels: vec![1] };
        assert_eq!(cut(&empty, &crop).unwrap_err(), "the record holds no picture");
    }
}
