//! How long a network takes on the processor or on a wgpu adapter: `speed NAME FOLDER BATCH ROUNDS [flex|wgpu]`.
//!
//! FOLDER is as `models/reference/NAME.py full FOLDER` writes it. Prints a line of JSON: `ms`, the median of the rounds, for
//! a picture, a sentence of 16 tokens, or a question of 12 tokens about a picture of 384 x 384. Of networks that write, `ms`
//! is a caption of 20 tokens by greedy search. `cargo xtask bench networks` runs it beside ONNX Runtime.

mod layout;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use gistmap_models::burn::tensor::{Device, DeviceKind};
use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::generate::Settings;
use layout::{Layout, Network, Result, values};

/// Tokens of what is measured.
const SENTENCE: usize = 16;
const QUESTION: usize = 12;
const CAPTION: usize = 20;
/// Of the picture that a question is about.
const SIDE: usize = 384;

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
    let (name, folder, batch, rounds, on) = match arguments {
        [name, folder, batch, rounds] => (name, folder, batch, rounds, "flex"),
        [name, folder, batch, rounds, on] => (name, folder, batch, rounds, on.as_str()),
        _ => return Err("speed NAME FOLDER BATCH ROUNDS [flex|wgpu]".into()),
    };
    let (batch, rounds): (usize, usize) = (batch.parse()?, rounds.parse()?);
    let device = match on {
        "flex" => Device::flex(),
        "wgpu" => {
            let software = || Device::wgpu_options().device_kind(DeviceKind::Cpu).init();
            Device::wgpu_options().init().or_else(|_| software())?
        }
        other => return Err(format!("`{other}` is no device: flex or wgpu").into()),
    };
    let layout = Layout::read(Path::new(folder))?;
    let network = layout.network(name, Checkpoint::from_safetensors(&layout.weights)?, &device)?;
    drop(layout);
    pass(&network, batch)?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        pass(&network, batch)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0 / batch as f64);
    }
    times.sort_by(f64::total_cmp);
    println!("{}", serde_json::json!({ "ms": times[times.len() / 2] }));
    Ok(())
}

/// A batch through the network, to its end.
fn pass(network: &Network, batch: usize) -> Result<()> {
    let pixels =
        |side: usize| (0..batch * side * side * 3).map(|i| ((i * 2_654_435_761) >> 13) as u8).collect::<Vec<_>>();
    let tokens =
        |count: usize| (0..batch).map(move |s| (0..count).map(move |t| (1000 + 31 * s + 7 * t) as u32).collect());
    match network {
        Network::Pictures(encoder, side) => values(encoder.forward(&pixels(*side)).features).map(|_| ()),
        Network::Both(encoder, _, side) => values(encoder.forward(&pixels(*side)).features).map(|_| ()),
        Network::Sentences(encoder) => {
            let sentences: Vec<Vec<u32>> = tokens(SENTENCE).collect();
            let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
            values(encoder.forward(&sentences)).map(|_| ())
        }
        Network::Answers(chooser) => {
            let questions: Vec<Vec<u32>> = tokens(QUESTION).collect();
            let questions: Vec<&[u32]> = questions.iter().map(Vec::as_slice).collect();
            values(chooser.choose(&pixels(SIDE), SIDE, SIDE, &questions)).map(|_| ())
        }
        Network::Captions(captioner, side) => {
            let settings = Settings { max_length: CAPTION, ..Settings::default() };
            let (mut generation, logits) = captioner.caption(&pixels(*side), &[], &settings)?;
            let mut logits = Some(logits);
            while let Some(next) = logits {
                logits = generation.advance(&values(next)?);
            }
            Ok(())
        }
    }
}
