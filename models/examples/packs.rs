//! What packs cost: `packs NAME FOLDER [PART...]`, where FOLDER is as `models/reference/NAME.py full FOLDER` writes it and
//! may hold `photos.safetensors`, real pictures as `models/reference/photos.py` cuts them, and `sentences.json`, token ids.
//!
//! Of a q4 pack, tensors whose names hold a PART are stored as q8; without any PART, those that the network's manifest
//! names. Prints a line for each way to store weights: the pack's size, and the least and mean cosine of pictures' and
//! sentences' vectors to those of the weights as they are; of a network that writes, how many of the greedy tokens are the
//! same. Where FOLDER holds `calibration.safetensors` and `calibration.json`, others of both, integers are calibrated by them
//! too.

mod layout;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use gistmap_models::burn::tensor::Device;
use gistmap_models::calibration::Calibration;
use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::manifest::{self, Packing};
use gistmap_models::pack::{self, Origin, Quantization, Rounding};
use gistmap_models::precision::Precision;
use layout::{Layout, Network, Result, captions, cosines, values};
use safetensors::SafeTensors;

/// Tokens of a caption at most.
const CAPTION: usize = 12;
/// Of a question about a photograph, the same for all.
const QUESTION: [u32; 6] = [101, 2054, 2003, 2023, 1029, 102];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder, eights @ ..] = arguments.as_slice() else {
        eprintln!("packs NAME FOLDER [PART...]");
        return ExitCode::FAILURE;
    };
    match run(name, Path::new(folder), eights) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, folder: &Path, eights: &[String]) -> Result<()> {
    let layout = Layout::read(folder)?;
    let eights = if eights.is_empty() { packing(name)?.q8 } else { eights.to_vec() };
    let photos = std::fs::read(folder.join("photos.safetensors")).unwrap_or_default();
    let sentences = sentences(&folder.join("sentences.json"))?;
    let device = Device::flex();
    let given = |network: &Network| given(network, &photos, &sentences);
    let exact =
        given(&layout.network(name, Checkpoint::from_safetensors(&layout.weights)?, &device, Precision::F32)?)?;
    let mut roundings = vec![(Rounding { eights, ..Rounding::default() }, "")];
    if let Ok(others) = std::fs::read(folder.join("calibration.safetensors")) {
        let calibration = Calibration::default();
        let mut checkpoint = Checkpoint::from_safetensors(&layout.weights)?;
        checkpoint.watch(&calibration);
        let sentences = self::sentences(&folder.join("calibration.json"))?;
        self::given(&layout.network(name, checkpoint, &device, Precision::F32)?, &others, &sentences)?;
        println!("{name:<20} {} matrices of layers that read something", calibration.matrices());
        roundings.push((Rounding { calibration, ..roundings[0].0.clone() }, " calibrated"));
    }
    let integers = [Quantization::Q8, Quantization::Q4];
    let ways = roundings.iter().flat_map(|rounding| integers.map(|quantization| (quantization, rounding)));
    for (quantization, (rounding, calibrated)) in [(Quantization::F16, &roundings[0])].into_iter().chain(ways) {
        let origin = Origin { model: name.to_owned(), quantization, weights: String::new() };
        let checkpoint = Checkpoint::from_safetensors(&layout.weights)?;
        let bytes = pack::pack(checkpoint, &BTreeMap::new(), &origin, rounding, &mut |_, _| true)?;
        let network = layout.network(name, Checkpoint::from_safetensors(&bytes)?, &device, Precision::F32)?;
        let told = given(&network)?.iter().zip(&exact).map(|(found, exact)| found.beside(exact)).collect::<Vec<_>>();
        let (size, how) = (bytes.len() as f64 / 1e6, quantization.name());
        println!("{name:<20} {how}{calibrated} {size:.1} MB  {}", told.join("; "));
    }
    Ok(())
}

/// How the network is packed that the reference script `name` is of; a script's name may leave out a network's size.
fn packing(name: &str) -> Result<Packing> {
    let manifests = manifest::all()?.into_iter();
    let found = manifests.map(|m| (m.name.replace('-', "_"), m.packing)).find(|(known, _)| known.starts_with(name));
    Ok(found.ok_or_else(|| format!("no network is called {name}"))?.1)
}

/// Token ids; none where there is no such file.
fn sentences(path: &Path) -> Result<Vec<Vec<u32>>> {
    Ok(match std::fs::read(path) {
        Ok(json) => serde_json::from_slice(&json)?,
        Err(_) => Vec::new(),
    })
}

/// What a network gives.
enum Given {
    /// Of what, rows and their columns.
    Vectors(&'static str, Vec<f32>, usize),
    Tokens(Vec<Vec<u32>>),
}

impl Given {
    /// How far it is from the exact one.
    fn beside(&self, exact: &Self) -> String {
        match (self, exact) {
            (Self::Vectors(what, found, columns), Self::Vectors(_, exact, _)) => {
                let cosines = cosines(found, exact, *columns);
                let least = cosines.iter().fold(f64::INFINITY, |a, b| a.min(*b));
                let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
                format!("{what} {}: cosine {least:.6} at least, {mean:.6} on average", cosines.len())
            }
            (Self::Tokens(found), Self::Tokens(exact)) => {
                let same = |(a, b): (&Vec<u32>, &Vec<u32>)| a.iter().zip(b).skip(1).filter(|(a, b)| a == b).count();
                let same: usize = found.iter().zip(exact).map(same).sum();
                let all: usize = exact.iter().map(|tokens| tokens.len() - 1).sum();
                format!("captions {}: {same} of {all} tokens the same", exact.len())
            }
            _ => String::new(),
        }
    }
}

fn given(network: &Network, photos: &[u8], sentences: &[Vec<u32>]) -> Result<Vec<Given>> {
    let pictures = |side: usize| -> Result<Vec<u8>> {
        Ok(SafeTensors::deserialize(photos)?.tensor(&side.to_string())?.data().to_vec())
    };
    let vectors = |what, found: Vec<f32>, rows: usize| {
        let columns = found.len() / rows;
        Given::Vectors(what, found, columns)
    };
    let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
    match network {
        Network::Pictures(encoder, side) => {
            let pixels = pictures(*side)?;
            let rows = pixels.len() / (side * side * 3);
            Ok(vec![vectors("pictures", values(encoder.forward(&pixels).features)?, rows)])
        }
        Network::Both(encoder, texts, side) => {
            let pixels = pictures(*side)?;
            let rows = pixels.len() / (side * side * 3);
            let pictures = vectors("pictures", values(encoder.forward(&pixels).features)?, rows);
            Ok(vec![pictures, vectors("sentences", values(texts.forward(&sentences))?, sentences.len())])
        }
        Network::Sentences(texts) => {
            Ok(vec![vectors("sentences", values(texts.forward(&sentences))?, sentences.len())])
        }
        Network::Answers(chooser) => {
            let pixels = pictures(384)?;
            let rows = pixels.len() / (384 * 384 * 3);
            let questions = vec![&QUESTION[..]; rows];
            Ok(vec![vectors("answers", values(chooser.choose(&pixels, 384, 384, &questions))?, rows)])
        }
        Network::Captions(captioner, side) => {
            let pixels = pictures(*side)?;
            let batches = pixels.chunks(5 * side * side * 3);
            let batches = batches.map(|pixels| captions(captioner.as_ref(), pixels, CAPTION));
            Ok(vec![Given::Tokens(batches.collect::<Result<Vec<_>>>()?.concat())])
        }
    }
}
