//! The benchmarks that compare times.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::lab::{Lab, last_line};
use super::table::{Reach, Table, median};
use crate::process;

/// EfficientNet-lite0 on the CPU against ONNX Runtime, ms a picture at batch 32.
pub(super) fn efficientnet(lab: &Lab<'_>) -> Result<Table> {
    let graph = lab.graphs.join("efficientnet-lite0.onnx");
    let both = lab.in_turn(
        5,
        |_| {
            Ok(with(
                lab.program("efficientnet")?,
                &[lab.model("efficientnet-lite0").as_os_str(), "32".as_ref(), "8".as_ref()],
            ))
        },
        |_| Ok(with(lab.script("efficientnet.py"), &[graph.as_os_str(), "32".as_ref(), "8".as_ref()])),
    )?;
    let (ours, reference) = both.medians("ms");
    let mut table = Table::default();
    table.row("EfficientNet-lite0, CPU, batch 32, ms a picture", ours, reference, Reach::Ratio(1.5));
    Ok(table)
}

/// MiniLM on 2,000 captions against ONNX Runtime, tokenizing included.
pub(super) fn minilm(lab: &Lab<'_>) -> Result<Table> {
    let captions = lab.data("captions.txt")?;
    let model = lab.model("minilm");
    let graph = lab.graphs.join("minilm.onnx");
    let tokenizer = model.join("tokenizer.json");
    let both = lab.in_turn(
        3,
        |_| Ok(with(lab.program("minilm")?, &[model.as_os_str(), captions.as_os_str()])),
        |_| Ok(with(lab.script("minilm.py"), &[graph.as_os_str(), tokenizer.as_os_str(), captions.as_os_str()])),
    )?;
    let (ours, reference) = both.medians("ms");
    let mut table = Table::default();
    table.row("MiniLM, 2,000 captions, ms", ours, reference, Reach::Ratio(1.5));
    let mut compare = lab.script("compare.py");
    let agreement =
        last_line(compare.arg("vectors").arg(beside(&captions, ".ours.npy")).arg(beside(&captions, ".reference.npy")))?;
    table.remarks.push(format!("least cosine between the two sides' vectors: {}", agreement["least_cosine"]));
    Ok(table)
}

/// Decode, resize and crop of 2,000 JPEGs against Pillow.
pub(super) fn decode(lab: &Lab<'_>) -> Result<Table> {
    let folder = lab.shared("food101_10/images")?;
    let both = lab.in_turn(
        5,
        |_| Ok(with(lab.program("decode")?, &[folder.as_os_str()])),
        |_| Ok(with(lab.script("decode.py"), &[folder.as_os_str()])),
    )?;
    let (ours, reference) = both.medians("ms");
    let mut table = Table::default();
    table.row("decode + resize of 2,000 JPEGs, ms", ours, reference, Reach::Ratio(0.6));
    Ok(table)
}

/// Classical features of 2,000 pictures against OpenCV, scikit-image and NumPy, and how far their numbers agree.
pub(super) fn classical(lab: &Lab<'_>) -> Result<Table> {
    const KINDS: [(&str, &str); 5] = [("sift", "512"), ("hog", "324"), ("color", "96"), ("canny", "64"), ("lbp", "10")];
    let folder = lab.shared("food101_10/images")?;
    let (ours_path, reference_path) = (lab.data.join("classical.ours.npy"), lab.data.join("classical.reference.npy"));
    let both = lab.in_turn(
        3,
        |_| Ok(with(lab.program("classical")?, &[folder.as_os_str(), ours_path.as_os_str()])),
        |_| Ok(with(lab.script("classical.py"), &[folder.as_os_str(), reference_path.as_os_str()])),
    )?;
    let mut table = Table::default();
    for name in KINDS.map(|(name, _)| name).into_iter().chain(["classical"]) {
        let (ours, reference) = both.medians(name);
        table.row(format!("{name}, 1 thread, processor ms a picture"), ours, reference, Reach::Ratio(0.7));
    }
    let (ours, reference) = both.medians("threads");
    table.row("classical, all threads, wall ms a picture", ours, reference, Reach::Ratio(0.7));
    let mut compare = lab.script("compare.py");
    compare.arg("blocks").arg(&ours_path).arg(&reference_path).args(KINDS.map(|(_, width)| width));
    let agreement = last_line(&mut compare)?;
    for ((name, _), block) in KINDS.iter().zip(agreement["blocks"].as_array().into_iter().flatten()) {
        table.remarks.push(format!(
            "{name}: {} of {} pictures equal; largest difference {}, mean relative distance {}",
            block["equal"], agreement["of"], block["worst"], block["relative"]
        ));
    }
    Ok(table)
}

/// K-Means 15,000 x 768, k 30, n_init 1 against scikit-learn; the labels must be equal.
pub(super) fn kmeans(lab: &Lab<'_>) -> Result<Table> {
    let data = lab.data("pictures768.npy")?;
    let (ours_path, reference_path) = (lab.data.join("labels.ours.npy"), lab.data.join("labels.reference.npy"));
    let both = lab.in_turn(
        5,
        |_| Ok(with(lab.program("kmeans")?, &[data.as_os_str(), "30".as_ref(), ours_path.as_os_str()])),
        |_| Ok(with(lab.script("kmeans.py"), &[data.as_os_str(), "30".as_ref(), reference_path.as_os_str()])),
    )?;
    let (ours, reference) = both.medians("ms");
    let mut table = Table::default();
    table.row("K-Means 15,000 x 768, k 30, n_init 1, ms", ours, reference, Reach::Ratio(0.5));
    let (ours, reference) = both.medians("inertia");
    table.row("its inertia", ours, reference, Reach::None);
    let agreement = last_line(lab.script("compare.py").arg("labels").arg(&ours_path).arg(&reference_path))?;
    table.remarks.push(format!("labels that differ: {} of {}", agreement["different"], agreement["of"]));
    Ok(table)
}

/// t-SNE against openTSNE: time, true KL and trustworthiness.
pub(super) fn tsne(lab: &Lab<'_>) -> Result<Table> {
    let mut table = Table::default();
    for (name, what, reach) in [
        ("food50", "food101_10, 2,000 x 50", Reach::None),
        ("pictures50_5000", "5,000 x 50", Reach::Ratio(0.3)),
        ("pictures50", "15,000 x 50", Reach::Ratio(0.5)),
    ] {
        let data = lab.data(&format!("{name}.npy"))?;
        let (ours_path, reference_path) = (beside(&data, ".ours.npy"), beside(&data, ".reference.npy"));
        let both = lab.in_turn(
            3,
            |_| Ok(with(lab.program("tsne")?, &[data.as_os_str(), ours_path.as_ref()])),
            |_| Ok(with(lab.script("tsne.py"), &[data.as_os_str(), reference_path.as_ref()])),
        )?;
        let (ours, reference) = both.medians("ms");
        table.row(format!("t-SNE {what}, ms"), ours, reference, reach);
        let judged = last_line(lab.script("judge_layout.py").arg(&data).arg(&ours_path).arg(&reference_path))?;
        let number =
            |side: usize, key: &str| judged[side][key].as_f64().with_context(|| format!("judge_layout.py: no {key}"));
        table.row("  its true KL", number(0, "kl")?, number(1, "kl")?, Reach::Above(0.03));
        let key = "trustworthiness";
        table.row("  its trustworthiness", number(0, key)?, number(1, key)?, Reach::Below(0.01));
    }
    Ok(table)
}

/// The whole run on food101_10 with an empty cache against the same steps in Python: wall time and peak memory.
pub(super) fn run(lab: &Lab<'_>) -> Result<Table> {
    let folder = lab.shared("food101_10/images")?;
    let scratch = lab.project.cache.join("bench").join("run");
    let names = lab.project.root.join("models/src/imagenet_classes.txt");
    let both = lab.in_turn(
        3,
        |_| {
            let cache = empty_cache(lab, &scratch)?;
            let mut command = lab.script("measure.py");
            command.arg(lab.project.gistmap()).arg("run").arg(&folder).arg("-o").arg(scratch.join("ours"));
            command.env("GISTMAP_CACHE", cache);
            Ok(command)
        },
        |_| {
            let mut command = lab.script("measure.py");
            command.arg(&lab.python).arg(lab.project.root.join("bench/reference/run.py")).arg(&folder).arg(&lab.graphs);
            command.arg(lab.model("minilm").join("tokenizer.json")).arg(&names).arg(scratch.join("reference"));
            Ok(command)
        },
    )?;
    let mut table = Table::default();
    let (ours, reference) = both.medians("ms");
    table.row("whole run on food101_10, s", ours / 1000.0, reference / 1000.0, Reach::Ratio(0.6));
    let (ours, reference) = both.medians("peak_mib");
    table.row("its peak memory, MiB", ours, reference, Reach::Ratio(0.6));
    let walls: Vec<f64> = both.ours.iter().filter_map(|line| line["ms"].as_f64()).collect();
    table.remarks.push(format!(
        "runs: {}, median {:.1} s; the cache was empty but for the models",
        walls.len(),
        median(&walls) / 1000.0
    ));
    std::fs::remove_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    Ok(table)
}

/// A cache with the models and nothing else, and no output of an earlier run.
fn empty_cache(lab: &Lab<'_>, scratch: &Path) -> Result<std::path::PathBuf> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).with_context(|| scratch.display().to_string())?;
    }
    let cache = scratch.join("cache");
    for name in ["efficientnet-lite0", "minilm"] {
        let target = cache.join("models").join(name);
        process::make_folder(&target)?;
        for entry in std::fs::read_dir(lab.model(name)).with_context(|| lab.model(name).display().to_string())? {
            let from = entry?.path();
            let to = target.join(from.file_name().unwrap_or_default());
            // A hard link costs nothing; where the file system has none, a copy serves.
            if std::fs::hard_link(&from, &to).is_err() {
                std::fs::copy(&from, &to).with_context(|| from.display().to_string())?;
            }
        }
    }
    Ok(cache)
}

fn with(mut command: Command, arguments: &[&std::ffi::OsStr]) -> Command {
    command.args(arguments);
    command
}

/// The path with an ending more.
fn beside(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
