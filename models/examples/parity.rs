//! A network at full size against PyTorch on the same random checkpoint.
//!
//! `python3 models/reference/NAME.py full FOLDER` writes the published layout and what must come out;
//! `cargo run --release -p gistmap-models --example parity -- NAME FOLDER [wgpu]` loads it as a pulled model would be and
//! prints a line for each thing compared. On the processor, networks that have kernels of their own there run by those. It fails where one is out of its bound: 1e-4 of the largest value on the
//! processor, 1e-3 on a wgpu adapter; token ids must be the same.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use gistmap_models::blip::{BlipAnswerer, BlipCaptioner, BlipConfig};
use gistmap_models::burn::tensor::{Device, DeviceKind, Tensor};
use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::clip::{Clip, ClipConfig};
use gistmap_models::cpu::Classifier;
use gistmap_models::dinov2::{Dinov2, Dinov2Config};
use gistmap_models::efficientnet_b0::{self, EfficientNetB0};
use gistmap_models::encoder::{Answerer, Captioner, Output};
use gistmap_models::generate::{Settings, Started};
use gistmap_models::mobilenet_v3_small::{self, MobileNetV3Small};
use gistmap_models::mpnet::{Mpnet, MpnetConfig};
use gistmap_models::preprocess::Preprocessing;
use gistmap_models::processor;
use gistmap_models::resnet::{ResNet, ResNetConfig};
use gistmap_models::siglip::{Siglip, SiglipConfig};
use gistmap_models::vilt::{Vilt, ViltConfig};
use gistmap_models::vit_gpt2::{VitGpt2, VitGpt2Config};
use safetensors::SafeTensors;
use serde_json::Value;

/// Of ImageNet.
const CLASSES: usize = 1000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, folder, on) = match arguments.as_slice() {
        [name, folder] => (name, folder, "flex"),
        [name, folder, on] => (name, folder, on.as_str()),
        _ => {
            eprintln!("parity NAME FOLDER [flex|wgpu]");
            return ExitCode::FAILURE;
        }
    };
    match run(name, Path::new(folder), on) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{wrong} out of bound");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How many of the things compared are out of their bound.
fn run(name: &str, folder: &Path, on: &str) -> Result<usize> {
    let (device, bound) = match on {
        "flex" => (Device::flex(), 1e-4),
        "wgpu" => {
            let software = || Device::wgpu_options().device_kind(DeviceKind::Cpu).init();
            (Device::wgpu_options().init().or_else(|_| software())?, 1e-3)
        }
        other => return Err(format!("`{other}` is no device: flex or wgpu").into()),
    };
    let mut parity = Parity::read(name, folder, device, bound)?;
    match name {
        "clip" => clip(&mut parity)?,
        "dinov2" => dinov2(&mut parity)?,
        "siglip" => siglip(&mut parity)?,
        "blip_caption" => blip_caption(&mut parity)?,
        "blip_vqa" => blip_vqa(&mut parity)?,
        "vit_gpt2" => vit_gpt2(&mut parity)?,
        "vilt" => vilt(&mut parity)?,
        "mpnet" => mpnet(&mut parity)?,
        "resnet18" => resnet(&mut parity, &ResNetConfig::RESNET18)?,
        "resnet50" => resnet(&mut parity, &ResNetConfig::RESNET50)?,
        "efficientnet_b0" => efficientnet_b0(&mut parity)?,
        "mobilenet_v3_small" => mobilenet_v3_small(&mut parity)?,
        other => return Err(format!("there is no network `{other}`").into()),
    }
    Ok(parity.wrong)
}

fn clip(parity: &mut Parity) -> Result<()> {
    let config = ClipConfig::from_json(&parity.config)?;
    let network = Clip::load(&config, parity.preprocessing()?, parity.checkpoint()?, &parity.device)?;
    let sentences = parity.sentences("sentences")?;
    let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
    parity.compare("image_states", network.image_states(&parity.pixels))?;
    let images = parity.compare("image_features", network.image_features(&parity.pixels))?;
    let texts = parity.compare("text_features", network.text_features(&sentences))?;
    let width = config.projection_dim;
    let row = |image| texts.chunks(width).map(move |text| (image, text));
    let logits = images.chunks(width).flat_map(row).map(|(image, text)| network.similarity().logit(image, text));
    parity.compare_values("logits_per_image", &logits.collect::<Vec<_>>())
}

fn mpnet(parity: &mut Parity) -> Result<()> {
    let config = MpnetConfig::from_json(&parity.config)?;
    let network = Mpnet::load(&config, parity.checkpoint()?, &parity.device)?;
    let sentences = parity.sentences("sentences")?;
    let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
    parity.compare("vectors", network.sentence_vectors(&sentences))?;
    Ok(())
}

fn resnet(parity: &mut Parity, config: &ResNetConfig) -> Result<()> {
    let (preprocessing, checkpoint) = (parity.preprocessing()?, parity.checkpoint()?);
    if parity.on_processor {
        return parity.sorted(&processor::resnet(config, preprocessing, checkpoint)?);
    }
    let network = ResNet::load(config, preprocessing, checkpoint, &parity.device)?;
    parity.classified(network.features_and_logits(&parity.pixels))
}

fn efficientnet_b0(parity: &mut Parity) -> Result<()> {
    let stages = &efficientnet_b0::STAGES;
    let (preprocessing, checkpoint) = (parity.preprocessing()?, parity.checkpoint()?);
    if parity.on_processor {
        return parity.sorted(&processor::efficientnet_b0(stages, CLASSES, preprocessing, checkpoint)?);
    }
    let network = EfficientNetB0::load(stages, CLASSES, preprocessing, checkpoint, &parity.device)?;
    parity.classified(network.features_and_logits(&parity.pixels))
}

fn mobilenet_v3_small(parity: &mut Parity) -> Result<()> {
    let rows = &mobilenet_v3_small::ROWS;
    let (preprocessing, checkpoint) = (parity.preprocessing()?, parity.checkpoint()?);
    if parity.on_processor {
        return parity.sorted(&processor::mobilenet_v3_small(rows, CLASSES, preprocessing, checkpoint)?);
    }
    let network = MobileNetV3Small::load(rows, CLASSES, preprocessing, checkpoint, &parity.device)?;
    parity.classified(network.features_and_logits(&parity.pixels))
}

fn dinov2(parity: &mut Parity) -> Result<()> {
    let config = Dinov2Config::from_json(&parity.config)?;
    let network = Dinov2::load(&config, parity.preprocessing()?, parity.checkpoint()?, &parity.device)?;
    parity.compare("states", network.states(&parity.pixels))?;
    parity.compare("features", network.features(&parity.pixels))?;
    Ok(())
}

fn siglip(parity: &mut Parity) -> Result<()> {
    let config = SiglipConfig::from_json(&parity.config)?;
    let network = Siglip::load(&config, parity.preprocessing()?, parity.checkpoint()?, &parity.device)?;
    let sentences = parity.sentences("sentences")?;
    let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
    parity.compare("image_states", network.image_states(&parity.pixels))?;
    parity.compare("image_features", network.image_features(&parity.pixels))?;
    parity.compare("text_features", network.text_features(&sentences))?;
    Ok(())
}

fn blip_caption(parity: &mut Parity) -> Result<()> {
    let config = BlipConfig::from_json(&parity.config)?;
    let network = BlipCaptioner::load(&config, parity.preprocessing()?, parity.checkpoint()?, &parity.device)?;
    parity.compare("image_states", network.image_states(&parity.pixels))?;
    let prefix = parity.tokens("prefix")?;
    let pixels = parity.pixels.clone();
    parity.search("", |settings| Ok(network.caption(&pixels, &[], settings)?))?;
    parity.search("prefixed_", |settings| Ok(network.caption(&pixels, &prefix, settings)?))
}

fn blip_vqa(parity: &mut Parity) -> Result<()> {
    let config = BlipConfig::from_json(&parity.config)?;
    let network = BlipAnswerer::load(&config, parity.preprocessing()?, parity.checkpoint()?, &parity.device)?;
    let questions = parity.sentences("questions")?;
    let questions: Vec<&[u32]> = questions.iter().map(Vec::as_slice).collect();
    parity.compare("image_states", network.image_states(&parity.pixels))?;
    let states = values(Output::Device(network.question_states(&parity.pixels, &questions)))?;
    let longest = questions.iter().map(|question| question.len()).max().unwrap_or(0);
    let rows = states.chunks(states.len() / questions.len()).zip(&questions);
    let whole = rows.flat_map(|(rows, question)| &rows[..rows.len() / longest * question.len()]);
    parity.compare_values("question_states", &whole.copied().collect::<Vec<_>>())?;
    let pixels = parity.pixels.clone();
    parity.search("", |settings| Ok(network.answer(&pixels, &questions, settings)?))
}

fn vit_gpt2(parity: &mut Parity) -> Result<()> {
    let config = VitGpt2Config::from_json(&parity.config)?;
    let network = VitGpt2::load(&config, parity.preprocessing()?, parity.checkpoint()?, &parity.device)?;
    parity.compare("image_states", network.image_states(&parity.pixels))?;
    let pixels = parity.pixels.clone();
    parity.search("", |settings| Ok(network.caption(&pixels, &[], settings)?))
}

fn vilt(parity: &mut Parity) -> Result<()> {
    let config = ViltConfig::from_json(&parity.config)?;
    let network = Vilt::load(&config, parity.preprocessing()?, parity.checkpoint()?, &parity.device)?;
    let questions = parity.sentences("questions")?;
    let questions: Vec<&[u32]> = questions.iter().map(Vec::as_slice).collect();
    let [_, height, width, _] = parity.extents;
    parity.compare("logits", network.logits(&parity.pixels, height, width, &questions))?;
    Ok(())
}

/// A folder, and what was compared with it so far.
struct Parity {
    name: String,
    device: Device,
    /// Where networks that have kernels of their own for it run by those.
    on_processor: bool,
    bound: f32,
    config: Vec<u8>,
    preprocessing: Option<Preprocessing>,
    weights: Vec<u8>,
    reference: Vec<u8>,
    lists: Value,
    pixels: Vec<u8>,
    extents: [usize; 4],
    wrong: usize,
}

impl Parity {
    fn read(name: &str, folder: &Path, device: Device, bound: f32) -> Result<Self> {
        let read =
            |file: &str| fs::read(folder.join(file)).map_err(|e| format!("{}: {e}", folder.join(file).display()));
        let reference = read("reference.safetensors")?;
        let file = SafeTensors::deserialize(&reference)?;
        let (pixels, extents) = match file.tensor("pictures") {
            Ok(pictures) => (pictures.data().to_vec(), pictures.shape().try_into()?),
            Err(_) => (Vec::new(), [0; 4]),
        };
        Ok(Self {
            name: name.to_owned(),
            on_processor: device == Device::flex(),
            device,
            bound,
            // Some networks are published without the one, some without the other.
            config: read("config.json").unwrap_or_default(),
            preprocessing: match read("preprocessor_config.json") {
                Ok(json) => Some(Preprocessing::from_json(&json)?),
                Err(_) => None,
            },
            weights: read("model.safetensors")?,
            lists: serde_json::from_slice(&read("reference.json")?)?,
            reference,
            pixels,
            extents,
            wrong: 0,
        })
    }

    fn preprocessing(&self) -> Result<&Preprocessing> {
        self.preprocessing.as_ref().ok_or_else(|| "there is no preprocessor_config.json".into())
    }

    /// What the processor's own kernels give.
    fn sorted(&mut self, network: &Classifier) -> Result<()> {
        let found = network.forward(&self.pixels, self.extents[0])?;
        self.compare_values("features", &found.features)?;
        self.compare_values("logits", &found.logits)
    }

    fn classified(&mut self, (features, logits): (Tensor<2>, Tensor<2>)) -> Result<()> {
        self.compare("features", features)?;
        self.compare("logits", logits)?;
        Ok(())
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        Ok(Checkpoint::from_safetensors(&self.weights)?)
    }

    fn list<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_value(self.lists[name].clone()).map_err(|e| format!("reference.json, `{name}`: {e}").into())
    }

    fn sentences(&self, name: &str) -> Result<Vec<Vec<u32>>> {
        self.list(name)
    }

    fn tokens(&self, name: &str) -> Result<Vec<u32>> {
        self.list(name)
    }

    fn settings(&self, beams: usize) -> Result<Settings> {
        let max_length = self.list("max_length")?;
        Ok(Settings { max_length, beams, output_logits: true, ..Settings::default() })
    }

    /// Reads `found` and compares it with the matrix `what`.
    fn compare(&mut self, what: &str, found: Tensor<2>) -> Result<Vec<f32>> {
        let found = values(Output::Device(found))?;
        self.compare_values(what, &found)?;
        Ok(found)
    }

    fn compare_values(&mut self, what: &str, found: &[f32]) -> Result<()> {
        let expected = self.expected(what)?;
        self.line(what, found, &expected)
    }

    fn expected(&self, what: &str) -> Result<Vec<f32>> {
        let file = SafeTensors::deserialize(&self.reference)?;
        let tensor = file.tensor(what)?;
        Ok(tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn line(&mut self, what: &str, found: &[f32], expected: &[f32]) -> Result<()> {
        if found.len() != expected.len() {
            return Err(format!("{what}: {} values, expected {}", found.len(), expected.len()).into());
        }
        let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
        let difference = found.iter().zip(expected).fold(0f32, |a, (f, e)| a.max((f - e).abs()));
        let error = difference / largest;
        let within = error <= self.bound;
        self.wrong += usize::from(!within);
        let verdict = if within { "ok" } else { "WRONG" };
        println!("{:<14} {what:<24} {error:>10.2e} {:>8.0e}  {verdict}", self.name, self.bound);
        Ok(())
    }

    fn compare_ids(&mut self, what: &str, found: &[Vec<u32>]) -> Result<()> {
        let same = self.sentences(what)? == found;
        self.wrong += usize::from(!same);
        let verdict = if same { "ok" } else { "WRONG" };
        println!("{:<14} {:<24} {:>10} {:>8}  {verdict}", self.name, format!("{what} ids"), "", "equal");
        Ok(())
    }

    /// Greedy ids, the logits of all of its steps, and ids of three beams.
    fn search<'n>(&mut self, name: &str, start: impl Fn(&Settings) -> Result<Started<'n>>) -> Result<()> {
        let (greedy, steps) = drive(start(&self.settings(1)?)?)?;
        self.compare_ids(&format!("{name}greedy"), &greedy)?;
        self.compare_values(&format!("{name}logits"), &steps.concat())?;
        let (beam, _) = drive(start(&self.settings(3)?)?)?;
        self.compare_ids(&format!("{name}beam"), &beam)
    }
}

/// The sequences of a search, and the logits of each step.
type Searched = (Vec<Vec<u32>>, Vec<Vec<f32>>);

/// Runs a search to its end.
fn drive((mut generation, logits): Started<'_>) -> Result<Searched> {
    let (mut logits, mut steps) = (Some(logits), Vec::new());
    while let Some(output) = logits {
        let step = values(output)?;
        logits = generation.advance(&step);
        steps.push(step);
    }
    Ok((generation.finish(), steps))
}

fn values(output: Output) -> Result<Vec<f32>> {
    match output {
        Output::Host { values, .. } => Ok(values),
        Output::Device(tensor) => tensor.into_data().try_into_vec().map_err(|e| format!("{e:?}").into()),
    }
}
