#![allow(clippy::unwrap_used)]
use super::*;
use crate::image::decode;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> Rgb {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/image").join(name);
    decode(&std::fs::read(path).unwrap(), &Limits::default()).unwrap()
}

/// Real pictures outside the repository; none where they are absent.
fn shared(count: usize) -> Vec<PathBuf> {
    let Some(classes) = crate::shared::shared("stanford40/images") else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(classes)
        .unwrap()
        .flat_map(|c| std::fs::read_dir(c.unwrap().path()).unwrap())
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    let step = (files.len() / count).max(1);
    files.into_iter().step_by(step).collect()
}

fn golden_parameters(interpolation: Interpolation) -> Preprocess {
    Preprocess { resize_short: 64, crop: 57, interpolation, ..Preprocess::default() }
}

#[test]
fn crops_are_pillows_within_a_level() {
    for name in ["wide", "tall", "up", "same", "odd"] {
        for (kind, interpolation) in [("bilinear", Interpolation::Bilinear), ("bicubic", Interpolation::Bicubic)] {
            let preprocess = golden_parameters(interpolation);
            let mut out = vec![0; preprocess.bytes()];
            Preparer::new().crop(&golden(&format!("resize_{name}.png")), &preprocess, &mut out).unwrap();
            let expected = golden(&format!("resize_{name}.{kind}.png"));
            let worst = out.iter().zip(&expected.pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            let off = out.iter().zip(&expected.pixels).filter(|(a, b)| a != b).count();
            println!("{name} {kind}: {worst} levels, {off} of {} samples", out.len());
            assert!(worst <= 1, "{name} {kind}: {worst} levels, {off} samples");
        }
    }
}

#[test]
fn a_crop_equals_the_crop_of_the_whole() {
    for name in ["wide", "tall", "up", "odd"] {
        let picture = golden(&format!("resize_{name}.png"));
        let preprocess = golden_parameters(Interpolation::Bilinear);
        let (width, height) = preprocess.resized(picture.width, picture.height);
        let mut whole = vec![0; (width * height * 3) as usize];
        let area = Area { left: 0.0, top: 0.0, width: picture.width.into(), height: picture.height.into() };
        let source = (picture.width, picture.height, picture.pixels.as_slice());
        Resizer::new().area(source, area, (width, height, &mut whole), Interpolation::Bilinear).unwrap();
        let mut out = vec![0; preprocess.bytes()];
        Preparer::new().crop(&picture, &preprocess, &mut out).unwrap();
        let left = (f64::from(width - 57) / 2.0).round_ties_even() as usize;
        let top = (f64::from(height - 57) / 2.0).round_ties_even() as usize;
        for (y, row) in out.chunks_exact(57 * 3).enumerate() {
            let at = ((top + y) * width as usize + left) * 3;
            assert_eq!(row, &whole[at..at + 57 * 3], "{name}, row {y}");
        }
    }
}

#[test]
fn sizes_are_torchvisions() {
    let p = Preprocess::default();
    assert_eq!(p.resized(500, 375), (341, 256));
    assert_eq!(p.resized(375, 500), (256, 341));
    assert_eq!(p.resized(256, 256), (256, 256));
    assert_eq!(p.resized(1, 100_000), (256, 25_600_000));
    assert_eq!((p.bytes(), p.key().as_str()), (150_528, "pre1-256-224-bilinear"));
}

#[test]
fn half_a_pixel_falls_as_each_processor_has_it() {
    // Of 50 x 60 pixels, 47 x 47: 3 to share out across, 13 down.
    let picture = Rgb::new(50, 60, (0..50 * 60 * 3).map(|i| (i / 3 % 241) as u8).collect()).unwrap();
    let first = |processor| {
        let exact = Some(processor);
        let preprocess = Preprocess { resize_short: 50, crop: 47, exact, ..Preprocess::default() };
        let mut out = vec![0; preprocess.bytes()];
        Preparer::new().crop(&picture, &preprocess, &mut out).unwrap();
        (u32::from(out[0]), preprocess.key())
    };
    // PIL.Image.crop as torchvision 0.14.1 asks for it, round(3 / 2) = 2 and round(13 / 2) = 6; floors in transformers.
    let (torchvision, transformers) = ((6 * 50 + 2) % 241, (6 * 50 + 1) % 241);
    assert_eq!(first(Processor::Torchvision), (torchvision, "pre1-50-47-bilinear-exact-torchvision".to_owned()));
    assert_eq!(first(Processor::Transformers), (transformers, "pre1-50-47-bilinear-exact".to_owned()));
}

#[test]
fn a_window_of_a_jpeg_equals_the_whole() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/image");
    let mut files: Vec<PathBuf> = std::fs::read_dir(golden).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "jpg"));
    files.extend(shared(60));
    for (resize_short, crop) in [(256, 224), (20, 9), (27, 27), (100, 1)] {
        let preprocess = Preprocess { resize_short, crop, ..Preprocess::default() };
        let (mut whole, mut window) = (vec![0; preprocess.bytes()], vec![0; preprocess.bytes()]);
        let mut preparer = Preparer::new();
        for file in &files {
            let bytes = std::fs::read(file).unwrap();
            preparer.prepare(&bytes, &Limits::default(), &preprocess, &mut window).unwrap();
            preparer.crop(&decode(&bytes, &Limits::default()).unwrap(), &preprocess, &mut whole).unwrap();
            // A shifted origin moves the weights by less than rounding shows, but for ties.
            let worst = whole.iter().zip(&window).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            let off = whole.iter().zip(&window).filter(|(a, b)| a != b).count();
            assert!(worst <= 1 && off * 1000 <= whole.len(), "{}: {worst} levels, {off} samples", file.display());
        }
    }
}

#[test]
fn long_pictures_take_no_memory() {
    let preprocess = Preprocess::default();
    let mut out = vec![9; preprocess.bytes()];
    let line = Rgb::new(60_000, 1, vec![50; 180_000]).unwrap();
    Preparer::new().crop(&line, &preprocess, &mut out).unwrap();
    assert!(out.iter().all(|&v| v == 50));
}

#[test]
fn wrong_parameters_are_refused() {
    let picture = golden("resize_odd.png");
    let mut out = vec![0; 300 * 300 * 3];
    let large = Preprocess { crop: 300, ..Preprocess::default() };
    let error = Preparer::new().crop(&picture, &large, &mut out).unwrap_err();
    assert_eq!(error, ResizeError::CropTooLarge { crop: 300, resize_short: 256 });
    let error = Preparer::new().crop(&picture, &Preprocess::default(), &mut out).unwrap_err();
    assert_eq!(error, ResizeError::Output { got: 270_000, expected: 150_528 });
    let error = Preparer::new().prepare(b"", &Limits::default(), &large, &mut out).unwrap_err();
    assert!(matches!(error, PrepareError::Resize(_)));
}
