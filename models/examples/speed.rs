//! How long a network takes: `speed NAME FOLDER BATCHES ROUNDS [flex|wgpu|cuda] [f32|f16]`.
//!
//! FOLDER is as `models/reference/NAME.py full FOLDER` writes it. Prints a line of JSON for each of BATCHES (`1,8,32`): `ms`,
//! the median of the rounds, for a picture, a sentence of 16 tokens, or a question of 12 tokens about a picture of 384 x
//! 384; `enqueued`, how much of it the processor is busy; `first`, the seconds of the first pass, in which kernels are
//! compiled. Of networks that write, `ms` is a caption of
//! 20 tokens by greedy search. As in gistmap, a batch of pictures is enqueued before the one before it is read.
//! Where there is `FOLDER/expected.safetensors` (`pictures` and `features`, or the `ids` of captions, of PyTorch), a last
//! line says how near the network comes to it. `cargo xtask bench networks` runs it beside ONNX Runtime.

mod layout;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use gistmap_models::burn::tensor::{Device, DeviceKind};
use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::encoder::{ImageEncoder, Output};
use gistmap_models::precision::Precision;
use layout::{Layout, Network, Result, captions, cosines, values};
use safetensors::SafeTensors;

/// Tokens of what is measured.
const SENTENCE: usize = 16;
const QUESTION: usize = 12;
const CAPTION: usize = 20;
/// Of the picture that a question is about.
const SIDE: usize = 384;
const USAGE: &str = "speed NAME FOLDER BATCHES ROUNDS [flex|wgpu|cuda] [f32|f16]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let [name, folder, batches, rounds, rest @ ..] = arguments else { return Err(USAGE.into()) };
    let (on, kept) = match rest {
        [] => ("flex", "f32"),
        [on] => (on.as_str(), "f32"),
        [on, kept] => (on.as_str(), kept.as_str()),
        _ => return Err(USAGE.into()),
    };
    let precision = match kept {
        "f32" => Precision::F32,
        "f16" => Precision::F16,
        other => return Err(format!("`{other}` is no precision: f32 or f16").into()),
    };
    let (folder, rounds): (&Path, usize) = (Path::new(folder), rounds.parse()?);
    let layout = Layout::read(folder)?;
    let checkpoint = Checkpoint::from_safetensors(&layout.weights)?;
    let network = layout.network(name, checkpoint, &device(on)?, precision)?;
    drop(layout);
    for batch in batches.split(',') {
        let batch: usize = batch.parse()?;
        let batch = Batch::new(&network, batch);
        let start = Instant::now();
        batch.pass(&network)?;
        let first = start.elapsed().as_secs_f64();
        batch.pass(&network)?;
        let (enqueued, all) = batch.times(&network, rounds)?;
        let ms = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2] * 1000.0 / batch.count as f64
        };
        let line = serde_json::json!({
            "ms": ms(all), "enqueued": ms(enqueued), "first": first, "batch": batch.count,
            "network": name, "device": on, "precision": kept,
        });
        println!("{line}");
    }
    let expected = folder.join("expected.safetensors");
    if expected.exists() { compare(&network, &std::fs::read(expected)?) } else { Ok(()) }
}

fn device(on: &str) -> Result<Device> {
    match on {
        "flex" => Ok(Device::flex()),
        "wgpu" => {
            let software = || Device::wgpu_options().device_kind(DeviceKind::Cpu).init();
            Ok(Device::wgpu_options().init().or_else(|_| software())?)
        }
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(gistmap_models::burn::tensor::DeviceIndex::Default)),
        other => Err(format!("`{other}` is no device: flex, wgpu, or cuda where it is compiled in").into()),
    }
}

/// What goes through a network.
struct Batch {
    count: usize,
    pixels: Vec<u8>,
    tokens: Vec<Vec<u32>>,
}

impl Batch {
    fn new(network: &Network, count: usize) -> Self {
        let (side, tokens) = match network {
            Network::Pictures(_, side) | Network::Both(_, _, side) | Network::Captions(_, side) => (*side, 0),
            Network::Sentences(_) => (0, SENTENCE),
            Network::Answers(_) => (SIDE, QUESTION),
        };
        let pixels = (0..count * side * side * 3).map(|i| ((i * 2_654_435_761) >> 13) as u8).collect();
        let row = |s: usize| (0..tokens).map(move |t| (1000 + 31 * s + 7 * t) as u32).collect();
        Self { count, pixels, tokens: (0..count).map(row).collect() }
    }

    /// Enqueues it; a caption is made to its end.
    fn enqueue(&self, network: &Network) -> Result<Output> {
        let tokens: Vec<&[u32]> = self.tokens.iter().map(Vec::as_slice).collect();
        Ok(match network {
            Network::Pictures(encoder, _) => encoder.forward(&self.pixels).features,
            Network::Both(encoder, ..) => encoder.forward(&self.pixels).features,
            Network::Sentences(encoder) => encoder.forward(&tokens),
            Network::Answers(chooser) => chooser.choose(&self.pixels, SIDE, SIDE, &tokens),
            Network::Captions(captioner, _) => {
                captions(captioner.as_ref(), &self.pixels, CAPTION)?;
                Output::Host { values: Vec::new(), columns: 1 }
            }
        })
    }

    fn pass(&self, network: &Network) -> Result<()> {
        values(self.enqueue(network)?).map(|_| ())
    }

    /// Seconds of each of `rounds` passes: until they were enqueued, and all.
    fn times(&self, network: &Network, rounds: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let (mut enqueued, mut times) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
        let mut before = self.enqueue(network)?;
        for _ in 0..rounds {
            let start = Instant::now();
            let next = self.enqueue(network)?;
            enqueued.push(start.elapsed().as_secs_f64());
            values(before)?;
            before = next;
            times.push(start.elapsed().as_secs_f64());
        }
        values(before)?;
        Ok((enqueued, times))
    }
}

fn compare(network: &Network, expected: &[u8]) -> Result<()> {
    let file = SafeTensors::deserialize(expected)?;
    let pixels = file.tensor("pictures")?.data().to_vec();
    let encoder: Option<&dyn ImageEncoder> = match network {
        Network::Pictures(encoder, _) => Some(encoder.as_ref()),
        Network::Both(encoder, ..) => Some(encoder.as_ref()),
        _ => None,
    };
    let line = match (encoder, network) {
        (Some(encoder), _) => {
            let tensor = file.tensor("features")?;
            let width = tensor.shape()[1];
            let expected: Vec<f32> = tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let found = values(encoder.forward(&pixels).features)?;
            let cosines = cosines(&found, &expected, width).into_iter();
            let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
            let error = found.iter().zip(&expected).fold(0f32, |a, (f, e)| a.max((f - e).abs())) / largest;
            serde_json::json!({ "cosine": cosines.fold(1.0, f64::min), "error": error })
        }
        (None, Network::Captions(captioner, _)) => {
            let tensor = file.tensor("ids")?;
            let width = tensor.shape()[1];
            let expected: Vec<i32> = tensor.data().as_chunks().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
            let found = captions(captioner.as_ref(), &pixels, CAPTION)?;
            let equal = found.iter().zip(expected.chunks(width));
            let equal: usize = equal.map(|(f, e)| f.iter().zip(e).take_while(|(f, e)| **f as i32 == **e).count()).sum();
            serde_json::json!({ "ids": equal, "of": expected.len() })
        }
        _ => return Ok(()),
    };
    println!("{line}");
    Ok(())
}
