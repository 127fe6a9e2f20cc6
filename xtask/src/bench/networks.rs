//! The hub's networks at full size, with random weights: the processor beside ONNX Runtime's, and a wgpu adapter alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::lab::{Lab, last_line};
use super::table::{Reach, Table};
use crate::parity;
use crate::process::{self, step};

/// A network, by the name of its reference script.
struct Network {
    script: &'static str,
    /// What stands in the table.
    what: &'static str,
    /// Rows of a batch.
    batch: usize,
    /// Whether ONNX Runtime has a graph of all that it does; of those that write it has the pictures' states alone.
    whole: bool,
}

/// Part of ONNX Runtime's time that ours may take on the processor.
const REACH: f64 = 1.5;
const ROUNDS: usize = 3;
/// Passes of a round, of which the median counts.
const PASSES: &str = "3";

const NETWORKS: [Network; 11] = [
    Network { script: "resnet18", what: "ResNet-18", batch: 8, whole: true },
    Network { script: "resnet50", what: "ResNet-50", batch: 8, whole: true },
    Network { script: "efficientnet_b0", what: "EfficientNet-B0", batch: 8, whole: true },
    Network { script: "mobilenet_v3_small", what: "MobileNetV3-small", batch: 8, whole: true },
    Network { script: "clip", what: "CLIP ViT-B/32, pictures", batch: 8, whole: true },
    Network { script: "dinov2", what: "DINOv2-small", batch: 8, whole: true },
    Network { script: "siglip", what: "SigLIP-base, pictures", batch: 4, whole: true },
    Network { script: "mpnet", what: "mpnet, 16 tokens", batch: 8, whole: true },
    Network { script: "vilt", what: "ViLT, 384 x 384", batch: 2, whole: true },
    Network { script: "blip_caption", what: "BLIP, caption of 20 tokens", batch: 2, whole: false },
    Network { script: "vit_gpt2", what: "ViT-GPT2, caption of 20 tokens", batch: 2, whole: false },
];

/// Milliseconds of every network.
pub(super) fn networks(lab: &Lab<'_>) -> Result<Table> {
    let python = parity::python(lab.project)?;
    let speed = parity::example(lab.project, "speed")?;
    let mut table = Table::default();
    for network in lab.wanted(&NETWORKS, |network| network.script)? {
        let Network { script, what, batch, whole } = network;
        let folder = parity::reference(lab.project, &python, script)?;
        let ours = |on: &str, passes: &str| {
            let mut command = lab.limited(Command::new(&speed));
            command.arg(script).arg(&folder).arg(batch.to_string()).arg(passes).arg(on);
            command
        };
        if *whole {
            let graph = graph(lab, &python, script, &folder)?;
            let theirs = |_| {
                let mut command = lab.script("networks.py");
                command.arg(&graph).arg(batch.to_string()).arg(PASSES);
                Ok(command)
            };
            let both = lab.in_turn(ROUNDS, |_| Ok(ours("flex", PASSES)), theirs)?;
            let (ours, reference) = both.medians("ms");
            table.row(format!("{what}, batch {batch}, ms"), ours, reference, Reach::Ratio(REACH));
        } else {
            let alone = last_line(&mut ours("flex", PASSES))?;
            table.remarks.push(format!("{what}, batch {batch}, processor: {} ms", alone["ms"]));
        }
        // One pass: where the adapter is software, as here, it takes long.
        let on_wgpu = last_line(&mut ours("wgpu", "1"))?;
        table.remarks.push(format!("{what}, batch {batch}, wgpu: {} ms", on_wgpu["ms"]));
    }
    Ok(table)
}

/// A network as an ONNX graph, exported from the folder of its reference unless it is there.
fn graph(lab: &Lab<'_>, python: &Path, script: &str, folder: &Path) -> Result<PathBuf> {
    let path = lab.graphs.join(format!("{script}.onnx"));
    if path.is_file() {
        step("ONNX graph", "already there");
        return Ok(path);
    }
    let export = lab.project.root.join("models/reference/export.py");
    let whole = path.with_extension("partial");
    process::run(Command::new(python).arg(export).arg(script).arg(folder).arg(&whole))?;
    std::fs::rename(&whole, &path)?;
    Ok(path)
}

/// The network of the reference script `script` at full size as the page takes it: its graph for onnxruntime-web is made, and
/// its pack, `model`'s, returned.
pub(super) fn brought(lab: &Lab<'_>, script: &str, model: &str) -> Result<PathBuf> {
    let python = parity::python(lab.project)?;
    let folder = parity::reference(lab.project, &python, script)?;
    graph(lab, &python, script, &folder)?;
    let tokenizer = folder.join("tokenizer.json");
    if !tokenizer.is_file() {
        // References are made on token ids; random weights know no words of any tokenizer.
        let any = lab.model("minilm").join("tokenizer.json");
        std::fs::copy(&any, tokenizer).with_context(|| any.display().to_string())?;
    }
    // Not among the models of whoever runs this: its weights are random.
    let models = lab.project.cache.join("bench").join("random");
    let pack = models.join(format!("{model}.q8.safetensors"));
    let gistmap = |words: &[&str]| {
        let mut command = Command::new(lab.project.gistmap());
        command.env("GISTMAP_CACHE", &models).args(words);
        command
    };
    process::run(gistmap(&["models", "pull", model, "--from"]).arg(&folder))?;
    process::run(gistmap(&["models", "convert", model, "--to", "q8", "-o"]).arg(&pack))?;
    Ok(pack)
}
