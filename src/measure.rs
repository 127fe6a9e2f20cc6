//! All that is made of one picture's pixels: a crop for each network, classical features, and a thumbnail.
//!
//! The terminal's threads call it and the page's hands, so it is one pure function. It knows no network, batch or cache.

use std::cell::RefCell;

use crate::classical::{Extractor, Kind};
use crate::collection::Content;
use crate::image::{Alpha, Limits, Preparer, Preprocess, Rgb, THUMBNAIL_SIDE, decode_with, thumbnail};

/// What is to be made of a picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wanted {
    /// A crop for each network that has not seen it.
    pub crops: Vec<Preprocess>,
    /// Classical features that are not known.
    pub kinds: Vec<Kind>,
    /// Whether its thumbnail is not known.
    pub thumbnail: bool,
}

impl Wanted {
    /// Whether nothing is to be made; a thumbnail alone is no reason to decode a picture.
    pub fn is_empty(&self) -> bool {
        self.crops.is_empty() && self.kinds.is_empty()
    }
}

/// What was made of a picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    /// `[crop, crop, 3]` RGB for each of [`Wanted::crops`].
    pub pixels: Vec<Vec<u8>>,
    /// The numbers of each of [`Wanted::kinds`].
    pub features: Vec<Vec<f32>>,
    /// A JPEG of [`THUMBNAIL_SIDE`] of what the first network sees; empty where none was wanted or could be made.
    pub thumbnail: Vec<u8>,
}

thread_local! {
    static PREPARER: RefCell<Preparer> = RefCell::new(Preparer::new());
    static EXTRACTOR: RefCell<Option<Extractor>> = const { RefCell::new(None) };
}

/// Decodes a picture once under the default [`Limits`] and makes what is wanted of it.
///
/// # Errors
/// What is wrong with the picture, in a sentence.
pub fn measure(content: &Content, wanted: &Wanted) -> Result<Measured, String> {
    let limits = Limits::default();
    let whole = match content {
        Content::Rgb8 { width, height, pixels } => {
            Some(Rgb::new(*width, *height, pixels.clone()).ok_or("the record holds no picture")?)
        }
        // One crop may need a part of the picture only; several, and classical features, share all of it.
        Content::Encoded(bytes) if wanted.crops.len() != 1 || !wanted.kinds.is_empty() => {
            Some(decode_with(bytes, &limits, Alpha::OverWhite).map_err(|e| e.to_string())?)
        }
        Content::Encoded(_) => None,
    };
    let crop = |preprocess: &Preprocess| -> Result<Vec<u8>, String> {
        let mut pixels = vec![0; preprocess.bytes()];
        PREPARER.with_borrow_mut(|preparer| match (&whole, content) {
            (Some(rgb), _) => preparer.crop(rgb, preprocess, &mut pixels).map_err(|e| e.to_string()),
            (None, Content::Encoded(bytes)) => {
                preparer.prepare(bytes, &limits, preprocess, &mut pixels).map_err(|e| e.to_string())
            }
            (None, Content::Rgb8 { .. }) => Ok(()),
        })?;
        Ok(pixels)
    };
    let pixels = wanted.crops.iter().map(crop).collect::<Result<Vec<_>, _>>()?;
    let features = match &whole {
        Some(rgb) if !wanted.kinds.is_empty() => classical(rgb, &wanted.kinds)?,
        _ => Vec::new(),
    };
    let thumbnail = match (wanted.crops.first(), pixels.first()) {
        _ if !wanted.thumbnail => Vec::new(),
        (Some(preprocess), Some(pixels)) => small(preprocess, pixels.clone()),
        _ => small(&Preprocess::default(), crop(&Preprocess::default())?),
    };
    Ok(Measured { pixels, features, thumbnail })
}

/// By this thread's extractor, made anew when other features are wanted.
fn classical(rgb: &Rgb, kinds: &[Kind]) -> Result<Vec<Vec<f32>>, String> {
    EXTRACTOR.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|extractor| extractor.kinds() != kinds) {
            *kept = None;
        }
        let extractor = kept.get_or_insert_with(|| Extractor::new(kinds));
        extractor.extract(rgb).map_err(|e| e.to_string())
    })
}

/// A picture without a thumbnail is shown as a point; it is no reason to set it aside.
fn small(preprocess: &Preprocess, pixels: Vec<u8>) -> Vec<u8> {
    let square = Rgb::new(preprocess.crop, preprocess.crop, pixels);
    square.and_then(|rgb| thumbnail(&rgb, THUMBNAIL_SIDE).ok()).unwrap_or_default()
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

    fn wanted(crops: &[Preprocess], kinds: &[Kind]) -> Wanted {
        Wanted { crops: crops.to_vec(), kinds: kinds.to_vec(), thumbnail: true }
    }

    #[test]
    fn several_crops_of_one_decoding_are_those_of_one_each() {
        let content = Content::Encoded(jpeg());
        let crops =
            [(48, 40), (64, 64)].map(|(resize_short, crop)| Preprocess { resize_short, crop, ..Preprocess::default() });
        let cut = |crops: &[Preprocess]| measure(&content, &wanted(crops, &[])).unwrap();
        let both = cut(&crops);
        for (crop, pixels) in crops.iter().zip(&both.pixels) {
            assert_eq!(cut(&[*crop]).pixels, std::slice::from_ref(pixels));
        }
        let small = decode(&both.thumbnail, &Limits::default()).unwrap();
        assert_eq!((small.width, small.height), (40, 40), "small squares keep their size");
    }

    #[test]
    fn bad_pictures_say_why() {
        let crop = wanted(&[Preprocess::default()], &[]);
        assert!(!measure(&Content::Encoded(b"no picture".to_vec()), &crop).unwrap_err().is_empty());
        let empty = Content::Rgb8 { width: 2, height: 2, pixels: vec![1] };
        assert_eq!(measure(&empty, &crop).unwrap_err(), "the record holds no picture");
    }

    #[test]
    fn classical_features_are_those_of_the_whole_picture_and_bring_a_thumbnail() {
        let content = Content::Encoded(jpeg());
        let kinds = [Kind::Hog, Kind::Canny];
        let measured = measure(&content, &wanted(&[], &kinds)).unwrap();
        let whole = decode(&jpeg(), &Limits::default()).unwrap();
        assert_eq!(measured.features, Extractor::new(&kinds).extract(&whole).unwrap());
        assert!(measured.pixels.is_empty() && !measured.thumbnail.is_empty());
        let color = measure(&content, &wanted(&[Preprocess::default()], &[Kind::Color])).unwrap();
        assert_eq!((color.pixels.len(), color.features[0].len()), (1, 96));
        let known = Wanted { thumbnail: false, ..wanted(&[], &kinds) };
        let again = measure(&content, &known).unwrap();
        assert!(again.thumbnail.is_empty() && again.features == measured.features);
    }
}
