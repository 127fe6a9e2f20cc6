//! Thumbnails as an album keeps them: sheets of 32 x 32 tiles of 64 x 64 pixels, in the order of the pictures.
//!
//! One JPEG for a thousand pictures is read as one file and uploaded as one texture. Tiles are whole blocks of the JPEG
//! (8 x 8, colours at full resolution), so that none bleeds into its neighbours.

use std::cell::RefCell;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::image::{Limits, Preparer, Preprocess, Rgb, decode};
use crate::report::html::Thumbnails;

/// Side of a tile, pixels.
pub const TILE: u32 = 64;
/// Tiles in a row, and rows in a full sheet.
pub const COLUMNS: u32 = 32;
/// Pictures on a full sheet.
pub const TILES: usize = (COLUMNS * COLUMNS) as usize;

/// Pixels in a row of a sheet.
const WIDTH: u32 = TILE * COLUMNS;
/// JPEG quality, 1 to 100: tiles have been JPEGs before and are magnified on the map.
const QUALITY: u8 = 90;
/// A picture without a thumbnail.
const GREY: u8 = 128;

/// Number of sheets for so many pictures.
pub fn count(pictures: usize) -> usize {
    pictures.div_ceil(TILES)
}

/// Name of a sheet's file.
pub fn path(sheet: usize) -> String {
    format!("thumbnails/{sheet:03}.jpg")
}

/// Pixels of a sheet of an album of so many pictures: the last one is only as high as it must be.
fn height(pictures: usize, sheet: usize) -> u32 {
    let tiles = pictures.saturating_sub(sheet * TILES).min(TILES) as u32;
    tiles.div_ceil(COLUMNS) * TILE
}

/// The JPEG of sheet `sheet` of an album of `pictures` pictures.
///
/// # Errors
/// Where the encoder refuses.
pub(super) fn sheet(
    pictures: usize,
    sheet: usize,
    thumbnails: &dyn Thumbnails,
) -> Result<Vec<u8>, image::error::ImageError> {
    if let Some(whole) = thumbnails.sheet(sheet) {
        return Ok(whole);
    }
    let height = height(pictures, sheet);
    let mut pixels = vec![GREY; (WIDTH * height * 3) as usize];
    let preprocess = Preprocess { resize_short: TILE, crop: TILE, ..Preprocess::default() };
    let (mut preparer, mut tile) = (Preparer::new(), vec![0; preprocess.bytes()]);
    let first = sheet * TILES;
    for picture in first..pictures.min(first + TILES) {
        let Some(jpeg) = thumbnails.jpeg(picture) else { continue };
        // What is no picture stays grey, as what is not there.
        if preparer.prepare(&jpeg, &Limits::default(), &preprocess, &mut tile).is_ok() {
            for (to, from) in rows(picture - first).zip(tile.chunks_exact(TILE as usize * 3)) {
                pixels[to].copy_from_slice(from);
            }
        }
    }
    encode(&pixels, WIDTH, height)
}

/// Where the rows of a tile lie among the bytes of its sheet.
fn rows(tile: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let (columns, side) = (COLUMNS as usize, TILE as usize);
    let (left, top) = (tile % columns * side, tile / columns * side);
    (0..side).map(move |y| {
        let start = ((top + y) * WIDTH as usize + left) * 3;
        start..start + side * 3
    })
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, image::error::ImageError> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode(pixels, width, height, ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}

/// The sheets of an album that was opened; they are decoded when a tile is asked for, one at a time.
#[derive(Debug)]
pub struct Sheets {
    pictures: usize,
    jpegs: Vec<Option<Vec<u8>>>,
    /// The last sheet that was wanted; one that is damaged is not tried again for each of its pictures.
    decoded: RefCell<Option<(usize, Option<Rgb>)>>,
}

impl Sheets {
    /// The sheets of an album of `pictures` pictures, `None` where one is missing.
    pub(super) fn new(pictures: usize, jpegs: Vec<Option<Vec<u8>>>) -> Self {
        Self { pictures, jpegs, decoded: RefCell::new(None) }
    }

    fn decode(&self, sheet: usize) -> Option<Rgb> {
        let expected = (WIDTH, height(self.pictures, sheet));
        let limits = Limits { max_pixels: u64::from(WIDTH * WIDTH), ..Limits::default() };
        let rgb = decode(self.jpegs.get(sheet)?.as_ref()?, &limits).ok()?;
        ((rgb.width, rgb.height) == expected).then_some(rgb)
    }

    /// The pixels of a picture's tile, `[TILE, TILE, 3]`; `None` where its sheet is missing or no sheet.
    pub fn tile(&self, picture: usize) -> Option<Vec<u8>> {
        let sheet = picture / TILES;
        if picture >= self.pictures {
            return None;
        }
        let mut decoded = self.decoded.borrow_mut();
        if decoded.as_ref().is_none_or(|(known, _)| *known != sheet) {
            *decoded = Some((sheet, self.decode(sheet)));
        }
        let rgb = decoded.as_ref().and_then(|(_, rgb)| rgb.as_ref())?;
        Some(rows(picture % TILES).flat_map(|row| &rgb.pixels[row]).copied().collect())
    }
}

impl Thumbnails for Sheets {
    fn jpeg(&self, picture: usize) -> Option<Vec<u8>> {
        encode(&self.tile(picture)?, TILE, TILE).ok()
    }

    fn sheet(&self, sheet: usize) -> Option<Vec<u8>> {
        self.jpegs.get(sheet)?.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::image::thumbnail;

    /// Every picture in a colour of its own, but some without a thumbnail and one that is no picture.
    struct Coloured;

    fn colour(picture: usize) -> [u8; 3] {
        [(picture * 83 % 256) as u8, (picture * 41 % 256) as u8, (picture * 7 % 256) as u8]
    }

    impl Thumbnails for Coloured {
        fn jpeg(&self, picture: usize) -> Option<Vec<u8>> {
            match picture % 10 {
                3 => None,
                4 => Some(b"no picture".to_vec()),
                _ => Some(thumbnail(&Rgb::new(96, 64, colour(picture).repeat(96 * 64)).unwrap(), 96).unwrap()),
            }
        }
    }

    #[test]
    fn tiles_are_where_they_belong_and_do_not_bleed() {
        let pictures = TILES + 40;
        assert_eq!((count(0), count(TILES), count(pictures)), (0, 1, 2));
        let jpegs = (0..2).map(|i| Some(sheet(pictures, i, &Coloured).unwrap())).collect();
        let sheets = Sheets::new(pictures, jpegs);
        let last = decode(&sheets.sheet(1).unwrap(), &Limits::default()).unwrap();
        assert_eq!((last.width, last.height), (2048, 128));
        for picture in [0, 1, 2, 3, 4, 31, 32, 33, 1000, 1022, TILES, TILES + 5, TILES + 32, pictures - 1] {
            let expected = if matches!(picture % 10, 3 | 4) { [GREY; 3] } else { colour(picture) };
            let tile = sheets.tile(picture).unwrap();
            // Edges as well as the middle.
            for pixel in tile.chunks_exact(3) {
                assert!(
                    pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 6),
                    "{picture}: {pixel:?} {expected:?}"
                );
            }
        }
        assert_eq!(sheets.tile(pictures), None);
        let small = decode(&sheets.jpeg(TILES).unwrap(), &Limits::default()).unwrap();
        assert_eq!((small.width, small.height), (64, 64));
    }

    #[test]
    fn what_is_no_sheet_gives_no_tiles() {
        let small = encode(&[0; 64 * 64 * 3], 64, 64).unwrap();
        for jpeg in [None, Some(Vec::new()), Some(b"\xff\xd8\xff".to_vec()), Some(small)] {
            assert_eq!(Sheets::new(5, vec![jpeg]).jpeg(2), None);
        }
    }
}
