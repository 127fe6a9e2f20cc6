//! Published networks through the built program, from a hub's layout to what it says of pictures, against transformers at
//! tiny configurations; `golden/published/make.py` made the values.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{csv, golden, stderr};
use gistmap::report::npy;
use gistmap_models::manifest;
use serde_json::{Map, Value, json};

/// Of the largest value.
const BOUND: f32 = 1e-4;

/// As `Random` in `models/src/cpu/reference.rs`.
fn random(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// As `tensor` there.
fn tensor(name: &str, shape: &[usize], gain: f32) -> Vec<f32> {
    let seed = name.bytes().fold(782, |h: u64, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    let inputs: usize = shape.iter().skip(1).product();
    let scale = if shape.len() > 1 { (3.0 / inputs as f32).sqrt() } else { 0.2 };
    let centre = if name.ends_with("var") || (shape.len() == 1 && name.ends_with("weight")) { 1.0 } else { 0.0 };
    random(seed, shape.iter().product()).into_iter().map(|v| (centre + scale * v) * gain).collect()
}

/// As `pictures` in `models/reference/common.py`, one of them.
fn picture(width: u32, height: u32) -> image::RgbImage {
    let levels = |seed: u64, n: u32| random(seed, n as usize).into_iter().map(|v| ((v + 1.0) * 128.0) as u16);
    let (down, across) = (height.div_ceil(8), width.div_ceil(8));
    let squares: Vec<u16> = levels(1, down * across * 3).collect();
    let level = |(i, noise): (u32, u16)| {
        let (channel, x, y) = (i % 3, i / 3 % width, i / 3 / width);
        ((3 * squares[((y / 8 * across + x / 8) * 3 + channel) as usize] + noise) / 4) as u8
    };
    let pixels = (0..).zip(levels(2, height * width * 3)).map(level).collect();
    image::RgbImage::from_raw(width, height, pixels).unwrap()
}

/// A safetensors file of a golden model's tensors.
fn safetensors(tensors: &Map<String, Value>) -> Vec<u8> {
    let (mut header, mut bytes) = (Map::new(), Vec::new());
    for (name, entry) in tensors {
        let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
        let start = bytes.len();
        let values = tensor(name, &shape, entry["gain"].as_f64().unwrap() as f32);
        bytes.extend(values.into_iter().flat_map(f32::to_le_bytes));
        let offsets = [start, bytes.len()];
        header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": offsets}));
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &bytes].concat()
}

/// Writes the models as clones of the hub's repositories.
fn write_hub(root: &Path, models: &Map<String, Value>) {
    let manifests = manifest::all().unwrap();
    for (name, model) in models {
        let hub = manifests.iter().find(|m| m.name == *name).and_then(|m| m.hub()).unwrap();
        let folder = root.join(&hub.repo);
        fs::create_dir_all(&folder).unwrap();
        for file in &hub.files {
            fs::write(folder.join(file), serde_json::to_vec(&model[file]).unwrap()).unwrap();
        }
        fs::write(folder.join("model.safetensors"), safetensors(model["tensors"].as_object().unwrap())).unwrap();
    }
}

/// The album's file of this name, of `kind`.
fn file_of(album: &Value, kind: &str, name: &str) -> String {
    let entries = album[kind].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["name"] == name);
    entry.unwrap_or_else(|| panic!("no {kind} of {name} in {entries:?}"))["path"].as_str().unwrap().to_owned()
}

fn check_rows(what: &str, path: &Path, expected: &Value) {
    let found = npy::read(&fs::read(path).unwrap()).unwrap();
    let expected: Vec<Vec<f32>> = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(found.nrows(), expected.len(), "{what}");
    let largest = found.iter().fold(0f32, |a, b| a.max(b.abs()));
    for (found, expected) in found.rows().into_iter().zip(&expected) {
        let difference = found.iter().zip(expected).fold(0f32, |a, (f, e)| a.max((f - e).abs()));
        assert!(difference <= BOUND * largest, "{what}: {difference} of {largest}");
    }
}

#[test]
fn a_run_says_of_pictures_what_transformers_say() {
    let golden: Value = serde_json::from_slice(&fs::read(golden("published/golden.json")).unwrap()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir(at("pictures")).unwrap();
    let sizes: Vec<(u32, u32)> = serde_json::from_value(golden["sizes"].clone()).unwrap();
    for (i, (width, height)) in sizes.iter().enumerate() {
        picture(*width, *height).save(at("pictures").join(format!("{i}.png"))).unwrap();
    }
    let names: Vec<String> = serde_json::from_value(golden["names"].clone()).unwrap();
    fs::write(at("names.txt"), names.join("\n")).unwrap();
    let models = golden["models"].as_object().unwrap();
    write_hub(&at("hub"), models);

    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gistmap"));
        command.env("GISTMAP_CACHE", root.path());
        command
    };
    for name in models.keys() {
        let pulled = program().args(["models", "pull", name, "--from"]).arg(at("hub")).output().unwrap();
        assert!(pulled.status.success(), "{name}: {}", stderr(&pulled));
    }
    let question = golden["question"].as_str().unwrap();
    let features = "clip-vit-b32,siglip-base,dinov2-small";
    let text = "clip-names,siglip-names,blip-caption,vit-gpt2,blip-vqa,vilt-vqa";
    let run = || {
        let mut command = program();
        command.arg("run").arg(at("pictures")).arg("-o").arg(at("out")).arg("--names").arg(at("names.txt"));
        command.args(["--features", features, "--text", text, "--ask", question, "--sentences", "mpnet"]);
        command.args(["--fuse", "none", "-k", "2", "--project", "pca", "--device", "cpu", "--json"]).output().unwrap()
    };
    let first = run();
    assert!(first.status.success(), "{}", stderr(&first));
    let album: Value = serde_json::from_slice(&fs::read(at("out/album.json")).unwrap()).unwrap();
    for (name, expected) in golden["features"].as_object().unwrap() {
        check_rows(name, &at("out").join(file_of(&album, "features", name)), expected);
    }
    for (name, expected) in golden["vectors"].as_object().unwrap() {
        check_rows(name, &at("out").join(file_of(&album, "vectors", name)), expected);
    }
    for (name, expected) in golden["texts"].as_object().unwrap() {
        // Two networks answer the same question.
        let column = name.strip_prefix("vilt ").map_or(name.clone(), |question| format!("{question}-2"));
        let rows = csv(&at("out").join(file_of(&album, "texts", &column)));
        let found: Vec<(String, &str)> = rows[1..].iter().map(|row| (row[0].clone(), row[1].as_str())).collect();
        let expected: Vec<String> = serde_json::from_value(expected.clone()).unwrap();
        let expected: Vec<(String, &str)> =
            expected.iter().enumerate().map(|(i, text)| (format!("{i}.png"), text.as_str())).collect();
        assert_eq!(found, expected, "{name}");
    }
    let used: Vec<&str> = album["models"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert!(models.keys().all(|name| used.contains(&name.as_str())), "{used:?}");

    // All of it is kept: a second run computes nothing anew.
    let again = run();
    assert!(again.status.success(), "{}", stderr(&again));
    let summary: Value = serde_json::from_slice(&again.stdout).unwrap();
    let computed = |stage: &Value| stage["items"].as_u64().unwrap() - stage["cached"].as_u64().unwrap();
    let stages: Vec<u64> = summary["timings"].as_array().unwrap().iter().map(computed).collect();
    assert!(stages.iter().all(|computed| *computed == 0), "{}", summary["timings"]);

    // What is missing is said before any picture is read.
    let nameless = program().arg("run").arg(at("pictures")).args(["--text", "clip-names"]).output().unwrap();
    assert_eq!(nameless.status.code(), Some(2));
    assert!(stderr(&nameless).contains("--names FILE"), "{}", stderr(&nameless));
}

#[test]
fn a_pack_that_pictures_calibrated_is_nearer_to_the_published_weights() {
    let golden: Value = serde_json::from_slice(&fs::read(golden("published/golden.json")).unwrap()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for (folder, sizes) in [("some", 0..40), ("others", 40..48)] {
        fs::create_dir(at(folder)).unwrap();
        for i in sizes {
            picture(50 + i, 90 - i).save(at(folder).join(format!("{i}.png"))).unwrap();
        }
    }
    write_hub(&at("hub"), golden["models"].as_object().unwrap());
    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gistmap"));
        command.env("GISTMAP_CACHE", root.path()).current_dir(root.path()).args(arguments).output().unwrap()
    };
    let done = |arguments: &[&str]| {
        let output = program(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    };
    for name in ["dinov2-small", "blip-caption", "mpnet"] {
        done(&["models", "pull", name, "--from", "hub"]);
    }
    let features = |out: &str, packs: &[&str]| {
        let run = ["run", "others", "-o", out, "--features", "dinov2-small", "--text", "none", "-k", "2"];
        done(&[&run[..], &["--project", "pca", "--device", "cpu"], packs].concat());
        let album: Value = serde_json::from_slice(&fs::read(at(out).join("album.json")).unwrap()).unwrap();
        npy::read(&fs::read(at(out).join(file_of(&album, "features", "dinov2-small"))).unwrap()).unwrap()
    };
    let exact = features("exact", &[]);
    for to in ["q8", "q4"] {
        let moved = |folder: &str, calibrate: &[&str]| {
            fs::create_dir(at(folder)).unwrap();
            let file = format!("{folder}/dinov2-small.{to}.safetensors");
            done(&[&["models", "convert", "dinov2-small", "--to", to, "-o", &file], calibrate].concat());
            let found = features(&format!("out-{folder}"), &["--packs", folder]);
            (&found - &exact).mapv(|error| error * error).mean().unwrap().sqrt()
        };
        let nearest = moved(&format!("nearest-{to}"), &[]);
        let calibrated = moved(&format!("calibrated-{to}"), &["--calibrate", "some"]);
        assert!(calibrated < 0.7 * nearest, "{to}: {calibrated} of {nearest}");
    }

    // A network that writes, and one of texts.
    done(&["models", "convert", "blip-caption", "--calibrate", "some"]);
    fs::write(at("texts.csv"), "file,text\n1.png,a red house\n2.png,two big dogs\n").unwrap();
    done(&["models", "convert", "mpnet", "--calibrate", "texts.csv"]);

    // What nothing can be calibrated by is said at once, and nothing is written.
    for (arguments, said) in [
        (["mpnet", "--calibrate", "nowhere.csv", "-o", "nothing"], "nowhere.csv"),
        (["dinov2-small", "--calibrate", "hub", "-o", "nothing"], "hub"),
        (["dinov2-small", "--calibrate", "some", "-o", "nowhere/nothing"], "there is no folder nowhere"),
    ] {
        let output = program(&[&["models", "convert"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
    let halves = program(&["models", "convert", "dinov2-small", "--to", "f16", "--calibrate", "some"]);
    assert_eq!(halves.status.code(), Some(2));
    assert!(stderr(&halves).contains("--to q8 or q4"), "{}", stderr(&halves));
    assert!(!at("nothing").exists());
}
