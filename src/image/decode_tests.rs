#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/image")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(golden().join(name)).unwrap()
}

/// What Pillow reads, stored as PNG; read with the `image` crate, not with the code under test.
fn expected(name: &str) -> Rgb {
    let picture = image::load_from_memory_with_format(&file(name), ImageFormat::Png).unwrap().into_rgb8();
    Rgb { width: picture.width(), height: picture.height(), pixels: picture.into_raw() }
}

fn worst(a: &Rgb, b: &Rgb) -> u8 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    a.pixels.iter().zip(&b.pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// All golden pictures that have an expectation.
fn all() -> Vec<String> {
    let names = std::fs::read_dir(golden()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter_map(|n| n.strip_suffix(".expected.png").map(str::to_owned)).collect();
    names.sort();
    assert!(names.len() > 60, "the golden pictures are missing: run tests/golden/image/make.py");
    names
}

#[test]
fn every_golden_picture_is_what_pillow_reads() {
    let mut wrong = Vec::new();
    for name in all() {
        // Pillow's decoders of lossy WebP and ink in TIFF round otherwise; JPEG and the lossless formats are exact.
        let allowed = match name.as_str() {
            "webp_lossy.webp" => 2,
            "tiff_cmyk.tif" => 1,
            _ => 0,
        };
        match decode(&file(&name), &Limits::default()) {
            Ok(picture) => {
                let expected = expected(&format!("{name}.expected.png"));
                if (picture.width, picture.height) != (expected.width, expected.height) {
                    wrong.push(format!("{name}: {} x {}", picture.width, picture.height));
                } else if worst(&picture, &expected) > allowed {
                    let off = picture.pixels.iter().zip(&expected.pixels).filter(|(a, b)| a != b).count();
                    wrong.push(format!("{name}: {} levels, {off} samples", worst(&picture, &expected)));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn transparency_over_white() {
    let file = file("png_rgba.png");
    let dropped = decode(&file, &Limits::default()).unwrap();
    let white = decode_with(&file, &Limits::default(), Alpha::OverWhite).unwrap();
    assert_eq!(white.pixels[..3], [255; 3]);
    let last = white.pixels.len() - 3;
    assert_eq!(white.pixels[last..], dropped.pixels[last..]);
}

#[test]
fn the_content_decides_the_format() {
    // `decode` never sees a name: a PNG in a file called .jpg is this very call.
    assert!(decode(&file("png_rgb.png"), &Limits::default()).is_ok());
}

#[test]
fn what_is_no_picture_is_told_apart() {
    let fails = |bytes: &[u8]| decode(bytes, &Limits::default()).unwrap_err();
    assert_eq!(fails(b""), DecodeError::Empty);
    for (bytes, word) in [
        (&b"hello"[..], "not a picture that can be read;"),
        (b"%PDF-1.7", "a PDF"),
        (b"<!DOCTYPE html><p>404", "a web page"),
        (b"  <html>", "a web page"),
        (b"<svg xmlns=", "an SVG"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (&[0; 5000], "zeros"),
    ] {
        let error = fails(bytes).to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn truncated_files_are_errors() {
    for name in all() {
        let bytes = file(&name);
        for part in [2, 3, 10, 15] {
            let cut = &bytes[..bytes.len() * part / 16];
            match decode(cut, &Limits::default()) {
                Err(DecodeError::Truncated { .. } | DecodeError::Corrupt { .. } | DecodeError::NotAnImage { .. }) => {}
                Err(DecodeError::Unsupported { .. }) if !name.ends_with("jpg") => {}
                // The first frame of an animation may be whole, and metadata may stand behind the pixels.
                Ok(_) if name.contains("animated") || name.contains("exif") && !name.ends_with("jpg") => {}
                other => panic!("{name} cut to {part}/16: {:?}", other.map(|p| (p.width, p.height))),
            }
        }
    }
}

#[test]
fn a_truncated_jpeg_says_so() {
    for name in ["jpeg_420.jpg", "jpeg_restart.jpg", "jpeg_grey.jpg", "jpeg_progressive_420.jpg", "jpeg_scans.jpg"] {
        let bytes = file(name);
        let start = bytes.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap() + 16;
        for cut in (start..bytes.len() - 6).step_by(7) {
            let error = decode(&bytes[..cut], &Limits::default()).unwrap_err();
            assert_eq!(error, DecodeError::Truncated { format: ImageFormat::Jpeg, bytes: cut }, "{name} {cut}");
            assert!(error.to_string().contains(&format!("truncated JPEG: the file ends after {cut} bytes")));
            // An end marker put where the data was cut does not make the picture whole.
            let ended = [&bytes[..cut], &[0xFF, 0xD9]].concat();
            assert!(decode(&ended, &Limits::default()).is_err() || name.contains("progressive"), "{name} {cut}");
        }
        // All of the picture is there, only the end marker is not: Pillow reads that, too.
        if !name.contains("progressive") && !name.contains("scans") {
            assert!(decode(&bytes[..bytes.len() - 2], &Limits::default()).is_ok(), "{name}");
        }
    }
}

/// A PNG of one colour with chunks before its data.
fn png(width: u32, height: u32, extra: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut png = Vec::new();
    let row = vec![0; width as usize];
    image::ImageEncoder::write_image(
        image::codecs::png::PngEncoder::new(&mut png),
        &row.repeat(height as usize),
        width,
        height,
        image::ExtendedColorType::L8,
    )
    .unwrap();
    for (kind, body) in extra {
        let mut chunk = (body.len() as u32).to_be_bytes().to_vec();
        chunk.extend_from_slice(*kind);
        chunk.extend_from_slice(body);
        chunk.extend(crc(&chunk[4..]).to_be_bytes());
        png.splice(33..33, chunk);
    }
    png
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
    })
}

/// A picture whose header is changed to claim 30,000 x 30,000 pixels.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let side = 30_000u32;
    let mut png = png(1, 1, &[]);
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    let sum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    let mut bombs = vec![("png", png)];
    for name in ["jpeg_420.jpg", "jpeg_progressive_420.jpg"] {
        let mut jpeg = file(name);
        let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0] || w == [0xFF, 0xC2]).unwrap();
        jpeg[frame + 5..frame + 7].copy_from_slice(&(side as u16).to_be_bytes());
        jpeg[frame + 7..frame + 9].copy_from_slice(&(side as u16).to_be_bytes());
        bombs.push((name, jpeg));
    }
    let mut gif = file("gif_still.gif");
    gif[6..8].copy_from_slice(&(side as u16).to_le_bytes());
    gif[8..10].copy_from_slice(&(side as u16).to_le_bytes());
    bombs.push(("gif", gif));
    let mut bmp = file("bmp_rgb.bmp");
    bmp[18..22].copy_from_slice(&side.to_le_bytes());
    bmp[22..26].copy_from_slice(&side.to_le_bytes());
    bombs.push(("bmp", bmp));
    bombs
}

#[test]
fn bombs_are_refused_from_their_headers() {
    for (name, bytes) in bombs() {
        let start = std::time::Instant::now();
        let error = decode(&bytes, &Limits::default()).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { width: 30_000, height: 30_000, limit: 178_956_970 }, "{name}");
        assert!(start.elapsed().as_millis() < 200, "{name}: {:?}", start.elapsed());
        assert!(error.to_string().contains("30000 x 30000"));
    }
}

#[test]
fn memory_is_limited() {
    let limits = Limits { max_alloc: 1000, ..Limits::default() };
    for name in ["jpeg_420.jpg", "jpeg_progressive_420.jpg", "png_rgb.png", "webp_lossless.webp", "tiff_rgb.tif"] {
        let error = decode(&file(name), &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooMuchMemory { limit: 1000 }, "{name}");
    }
}

#[test]
fn a_profile_that_inflates_to_a_gigabyte_is_limited() {
    // image-png#696: deflate's best ratio is about 1:1030; stored blocks of a fixed-Huffman run of zeros.
    let mut body = b"bomb\0\0\x78\x9c".to_vec();
    let mut bits: Vec<bool> = vec![true, true, false];
    bits.extend([false, false, true, true, false, false, false, false]);
    for _ in 0..400_000 {
        // Length 258 (code 285: 11000101), distance 1 (code 0: 00000).
        bits.extend([true, true, false, false, false, true, false, true, false, false, false, false, false]);
    }
    bits.extend([false; 7]);
    body.extend(bits.chunks(8).map(|c| c.iter().enumerate().fold(0u8, |b, (i, &bit)| b | u8::from(bit) << i)));
    body.extend([0; 4]);
    let bytes = png(4, 4, &[(b"iCCP", body)]);
    assert!(bytes.len() < 700_000);
    let start = std::time::Instant::now();
    // 103 MB of profile: ignored or refused, but not held.
    match decode(&bytes, &Limits::default()) {
        Ok(picture) => assert_eq!(picture.pixels, [0; 48]),
        Err(error) => {
            assert!(matches!(error, DecodeError::TooMuchMemory { .. } | DecodeError::Corrupt { .. }), "{error}")
        }
    }
    assert!(start.elapsed().as_secs() < 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// Any damage to any golden picture gives a picture or an error; never a panic that leaves `decode`, nor a hang.
    #[test]
    fn damaged_files_never_panic(
        which in any::<prop::sample::Index>(),
        cut in 0.0..1.2f64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let names = all();
        let mut bytes = file(&names[which.index(names.len())]);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        let limits = Limits { max_pixels: 1 << 20, max_alloc: 1 << 24 };
        if let Ok(picture) = decode(&bytes, &limits) {
            prop_assert_eq!(picture.pixels.len() as u64, u64::from(picture.width) * u64::from(picture.height) * 3);
        }
    }

    #[test]
    fn bytes_behind_a_jpeg_start_never_panic(tail in prop::collection::vec(any::<u8>(), 0..600), keep in 0usize..700) {
        let mut bytes = file("jpeg_420.jpg");
        bytes.truncate(keep.max(3));
        bytes.extend(tail);
        let _ = decode(&bytes, &Limits { max_pixels: 1 << 20, max_alloc: 1 << 24 });
    }
}
