#![allow(clippy::unwrap_used)]

use serde_json::Value;

use super::*;
use crate::image::{Alpha, Limits, Preparer, Rgb, decode_with};
use crate::shared::shared;

fn check(what: &str, width: u32, height: u32, pixels: &[u8], golden: &Value) {
    assert_eq!(
        (width, height),
        (golden["width"].as_u64().unwrap() as u32, golden["height"].as_u64().unwrap() as u32),
        "{what}"
    );
    assert_eq!(blake3::hash(pixels).to_hex().as_str(), golden["blake3"].as_str().unwrap(), "{what}");
}

fn check_cut(what: &str, cut: &Cut, photograph: &Rgb, golden: &Value) {
    match cut {
        Cut::Square(preprocess) => {
            let mut pixels = vec![0; preprocess.bytes()];
            Preparer::new().crop(photograph, preprocess, &mut pixels).unwrap();
            check(what, preprocess.crop, preprocess.crop, &pixels, golden);
        }
        Cut::Proportional(proportional) => {
            let resized = proportional.resize(photograph);
            check(what, resized.width, resized.height, &resized.pixels, golden);
        }
    }
}

/// `tests/golden/published/crops.py` made the hashes.
#[test]
fn real_photographs_are_cut_to_the_last_bit_as_the_published_processors_cut_them() {
    let Some(data) = shared("") else { return };
    let golden: Value = serde_json::from_str(include_str!("../../tests/golden/published/crops.json")).unwrap();
    let photographs: Vec<Rgb> = golden["photographs"]
        .as_array()
        .unwrap()
        .iter()
        .zip(golden["decoded"].as_array().unwrap())
        .map(|(name, decoded)| {
            let bytes = std::fs::read(data.join(name.as_str().unwrap())).unwrap();
            let photograph = decode_with(&bytes, &Limits::default(), Alpha::OverWhite).unwrap();
            check(name.as_str().unwrap(), photograph.width, photograph.height, &photograph.pixels, decoded);
            photograph
        })
        .collect();
    assert_eq!(photographs.len(), 5);
    let check_all = |model: &Value, preprocessing: &Preprocessing| {
        let (name, cut) = (model["name"].as_str().unwrap(), cut(preprocessing).unwrap());
        let crops = model["crops"].as_array().unwrap();
        assert_eq!(crops.len(), photographs.len());
        for (i, (photograph, golden)) in photographs.iter().zip(crops).enumerate() {
            check_cut(&format!("{name}, photograph {i}"), &cut, photograph, golden);
        }
    };
    let hub = golden["hub"].as_array().unwrap();
    for model in hub {
        let config = model["preprocessor_config.json"].to_string();
        check_all(model, &Preprocessing::from_json(config.as_bytes()).unwrap());
    }
    let manifests = gistmap_models::manifest::all().unwrap();
    let torchvision = golden["torchvision"].as_array().unwrap();
    for model in torchvision {
        let manifest = manifests.iter().find(|m| m.name == model["name"].as_str().unwrap()).unwrap();
        check_all(model, &preset(manifest));
    }
    assert_eq!((hub.len(), torchvision.len()), (6, 4));
}
