//! `cargo xtask packs`: what the page loads besides its programs. `web/packs` holds the networks' weights in few bytes,
//! as `gistmap models convert` writes them, and `packs.json`, which lists them; `web/sample` the sample pictures one
//! after the other in one file, and `index.json`, which says where each lies. Neither is committed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::process::{self, step};
use crate::project::Project;
use crate::{samples, seal, setup};

/// The models that every page offers.
const MODELS: [&str; 2] = ["efficientnet-lite0", "minilm"];
/// q8 for every device; f16 for GPUs that compute in it.
const QUANTIZATIONS: [&str; 2] = ["q8", "f16"];

/// Makes both folders where they are not there or out of date.
///
/// # Errors
/// When the program cannot be built, or models or pictures cannot be got.
pub(crate) fn make(project: &Project) -> Result<()> {
    packs(project)?;
    sample(project)
}

/// Adds packs of these models, which must be on this machine, to those that the page offers.
///
/// # Errors
/// As [`make`], and when a model is not on this machine.
pub(crate) fn offer(project: &Project, models: &[&str]) -> Result<()> {
    make(project)?;
    setup::build(project)?;
    let folder = folder(project);
    let index = folder.join("packs.json");
    let text = std::fs::read(&index).with_context(|| index.display().to_string())?;
    let mut list: Vec<Value> = serde_json::from_slice(&text).with_context(|| index.display().to_string())?;
    for model in models {
        list.retain(|entry| entry["name"] != *model);
        list.push(pack(project, &folder, model, QUANTIZATIONS[0])?);
    }
    std::fs::write(&index, format!("{:#}\n", Value::Array(list))).with_context(|| index.display().to_string())
}

/// The folder of the packs.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.root.join("web/packs")
}

fn packs(project: &Project) -> Result<()> {
    let folder = folder(project);
    let sources = sources(project)?;
    let stamp = project.target.join("gistmap-packs.stamp");
    if folder.join("packs.json").is_file() && std::fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == sources) {
        step("model packs", "already there");
        return Ok(());
    }
    setup::tools()?;
    setup::build(project)?;
    setup::models(project)?;
    let work = project.root.join("web/packs.partial");
    remake(&work)?;
    let mut list = Vec::new();
    for model in MODELS {
        for quantization in QUANTIZATIONS {
            list.push(pack(project, &work, model, quantization)?);
        }
    }
    std::fs::write(work.join("packs.json"), format!("{:#}\n", Value::Array(list)))?;
    replace(&work, &folder)?;
    std::fs::write(&stamp, sources).with_context(|| stamp.display().to_string())
}

/// Converts one model and returns its entry in the list.
fn pack(project: &Project, work: &Path, model: &str, quantization: &str) -> Result<Value> {
    step("model pack", &format!("{model} {quantization}"));
    let path = work.join("pack.safetensors");
    let mut convert = Command::new(project.gistmap());
    convert.env("GISTMAP_CACHE", &project.cache).args(["models", "convert", model, "--to", quantization, "-o"]);
    process::run(convert.arg(&path))?;
    let mut entry = named_by_hash(work, &path, &format!("{model}-{quantization}"), "safetensors")?;
    entry["name"] = json!(model);
    entry["quantization"] = json!(quantization);
    Ok(entry)
}

/// Renames a file to `STEM-HASH.ENDING`: it can then be cached for ever. Returns `file`, `sha256` and `bytes`.
fn named_by_hash(folder: &Path, path: &Path, stem: &str, ending: &str) -> Result<Value> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let name = format!("{stem}-{}.{ending}", seal::digest(&bytes));
    std::fs::rename(path, folder.join(&name)).with_context(|| path.display().to_string())?;
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({"file": name, "sha256": sha256, "bytes": bytes.len()}))
}

/// Names what the packs are made by: the sources of the conversion, and the models' manifests.
fn sources(project: &Project) -> Result<String> {
    let mut files = Vec::new();
    for folder in ["src/weights", "models/src"] {
        for entry in std::fs::read_dir(project.root.join(folder)).with_context(|| folder.to_owned())? {
            let path = entry?.path();
            let of_models = || path.extension().is_some_and(|ending| ending == "toml") || path.ends_with("pack.rs");
            if path.is_file() && (folder == "src/weights" || of_models()) {
                files.push(path);
            }
        }
    }
    files.push(project.root.join("xtask/src/packs.rs"));
    files.sort();
    let mut all = Vec::new();
    for path in files {
        all.extend(std::fs::read(&path).with_context(|| path.display().to_string())?);
    }
    Ok(seal::digest(&all))
}

fn sample(project: &Project) -> Result<()> {
    let folder = project.root.join("web/sample");
    if folder.join("index.json").is_file() {
        step("sample of the page", "already there");
        return Ok(());
    }
    let pictures = samples::pictures(project)?;
    let work = project.root.join("web/sample.partial");
    remake(&work)?;
    let mut paths = Vec::new();
    collect(&pictures, &mut paths)?;
    paths.sort();
    let (mut index, mut all) = (Vec::new(), Vec::new());
    for path in &paths {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let below = path.strip_prefix(&pictures)?.to_string_lossy().replace('\\', "/");
        index.push(json!({"path": below, "offset": all.len(), "bytes": bytes.len()}));
        all.extend(bytes);
    }
    if index.is_empty() {
        bail!("{} holds no sample pictures: remove the folder and try again", pictures.display());
    }
    std::fs::write(work.join("pictures.bin"), all)?;
    std::fs::write(work.join("index.json"), Value::Array(index).to_string())?;
    replace(&work, &folder)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

fn remake(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    process::make_folder(folder)
}

/// The finished folder appears under its name at once.
fn replace(work: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::rename(work, folder).with_context(|| folder.display().to_string())
}
