#![allow(clippy::unwrap_used)]
use super::*;
use crate::image::{Limits, decode};
use crate::report::npy;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/classical").join(name)).unwrap()
}

/// The same formulas as in `tests/golden/classical/make.py`.
fn pattern(kind: &str, width: u32, height: u32) -> Rgb {
    let value = |x: u32, y: u32, c: u32| match kind {
        "noise" => {
            let mixed = x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663) ^ (c + 1).wrapping_mul(83_492_791);
            let mixed = mixed.wrapping_mul(2_654_435_761);
            (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519) >> 24
        }
        "rings" => (x * x + y * y * (c + 1)) / 97,
        "blocks" => (x / 13 + y / 17 * 3 + c * 5) * 40,
        "flat" => 77 + 50 * c,
        other => panic!("no pattern {other}"),
    };
    let places = (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| (x, y, c))));
    Rgb::new(width, height, places.map(|(x, y, c)| value(x, y, c) as u8).collect()).unwrap()
}

fn picture(case: &Value) -> Rgb {
    match case["png"].as_str() {
        Some(name) => decode(&golden(name), &Limits::default()).unwrap(),
        None => {
            let side = |key: &str| case[key].as_u64().unwrap() as u32;
            pattern(case["pattern"].as_str().unwrap(), side("width"), side("height"))
        }
    }
}

fn cases() -> Vec<Value> {
    serde_json::from_slice(&golden("golden.json")).unwrap()
}

fn assert_digest(case: &Value, key: &str, bytes: &[u8]) {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, case[key].as_str().unwrap(), "{key} of {case}");
}

#[test]
fn pixels_are_those_of_opencv() {
    let mut extractor = Extractor::new(&[Kind::Canny, Kind::Lbp]);
    for case in cases() {
        extractor.extract(&picture(&case)).unwrap();
        assert_digest(&case, "resized", &*extractor.rgb);
        assert_digest(&case, "grey", &*extractor.grey);
        let floats: Vec<u8> = extractor.floats.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_digest(&case, "floats", &floats);
        let rows = extractor.canny.find(&extractor.grey);
        let edge = |x: usize, y: usize| if rows[y][x / 64] >> (x % 64) & 1 == 1 { 255 } else { 0 };
        let edges: Vec<u8> = (0..PIXELS).map(|i| edge(i % SIDE, i / SIDE)).collect();
        assert_digest(&case, "edges", &edges);
    }
}

#[test]
fn features_are_those_of_opencv_and_scikit_image() {
    let expected = npy::read(&golden("features.npy")).unwrap();
    let mut extractor = Extractor::new(&[Kind::Hog, Kind::Color, Kind::Canny, Kind::Lbp]);
    let cases = cases();
    assert_eq!(cases.len(), expected.nrows());
    for (case, expected) in cases.iter().zip(expected.rows()) {
        let ours = extractor.extract(&picture(case)).unwrap();
        let expected = expected.as_slice().unwrap();
        let (hog, exact) = expected.split_at(hog::COLUMNS);
        let worst = ours[0].iter().zip(hog).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{case}: HOG within {worst}");
        assert!(worst <= 2e-6, "HOG within {worst} of {case}");
        assert_eq!(ours[1..].concat(), exact, "{case}");
    }
}

#[test]
fn each_kind_is_the_same_alone_and_after_other_pictures() {
    let pictures = [pattern("noise", 90, 333), pattern("rings", 224, 224), pattern("blocks", 333, 90)];
    let mut both = Extractor::new(&[Kind::Classical, Kind::Canny]);
    for picture in &pictures {
        let [all, canny] = both.extract(picture).unwrap().try_into().unwrap();
        assert_eq!(canny, all[Kind::Canny.range()]);
        for kind in Kind::PARTS {
            let alone = Extractor::new(&[kind]).extract(picture).unwrap();
            assert_eq!(alone, [&all[kind.range()]], "{}", kind.name());
        }
    }
}

#[test]
fn kinds_have_names_and_places() {
    let mut end = 0;
    for kind in Kind::PARTS {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
        assert_eq!(kind.range(), end..end + kind.columns());
        end += kind.columns();
    }
    assert_eq!(Kind::Classical.range(), 0..end);
    assert_eq!(end, 1006);
    assert_eq!(Kind::from_name("classical"), Some(Kind::Classical));
    assert_eq!(Kind::from_name("surf"), None);
}

#[test]
fn pictures_that_are_none_are_named() {
    let mut extractor = Extractor::new(&[Kind::Color]);
    for (width, height, bytes) in [(0, 0, 0), (3, 0, 0), (2, 2, 11), (2, 2, 13), (u32::MAX, u32::MAX, 12)] {
        let picture = Rgb { width, height, pixels: vec![0; bytes] };
        let error = extractor.extract(&picture).unwrap_err();
        assert_eq!(error, ExtractError::Pixels { width, height, got: bytes });
    }
    assert_eq!(extractor.kinds(), [Kind::Color]);
}
