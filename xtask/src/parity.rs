//! `cargo xtask parity NAME`: a network at full size, with a random checkpoint, against PyTorch and torchvision.
//!
//! `models/reference` writes the layout that the hub has, and what must come out; `models/examples/parity.rs` compares.
//! What a script wrote is kept as long as the script is the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::project::Project;
use crate::{seal, setup};

/// Names on the command line, and of the reference scripts.
const NETWORKS: [(&str, &str); 12] = [
    ("clip-vit-b32", "clip"),
    ("dinov2-small", "dinov2"),
    ("siglip-base", "siglip"),
    ("blip-caption", "blip_caption"),
    ("blip-vqa", "blip_vqa"),
    ("vilt-vqa", "vilt"),
    ("vit-gpt2", "vit_gpt2"),
    ("mpnet", "mpnet"),
    ("resnet18", "resnet18"),
    ("resnet50", "resnet50"),
    ("efficientnet-b0", "efficientnet_b0"),
    ("mobilenet-v3-small", "mobilenet_v3_small"),
];

/// The word that asks for a wgpu adapter in place of the processor.
const ON_WGPU: &str = "wgpu";

/// Compares the named networks, or all of them, on the processor or, where `wgpu` is among the names, on a wgpu adapter.
///
/// # Errors
/// When a name is unknown, something cannot be set up, or a network is out of its bound.
pub(crate) fn parity(project: &Project, names: &[&str]) -> Result<()> {
    let all = names.contains(&"all");
    let (on, names): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| **name == ON_WGPU);
    let on = on.first().copied().unwrap_or("flex");
    if let Some(name) = names.iter().find(|name| **name != "all" && !NETWORKS.iter().any(|(known, _)| known == *name)) {
        let known: Vec<&str> = NETWORKS.iter().map(|(known, _)| *known).collect();
        bail!("there is no network {name}; choose from {}, all", known.join(", "));
    }
    let python = python(project)?;
    let mut failed = Vec::new();
    for (name, script) in NETWORKS.iter().filter(|(name, _)| all || names.contains(name)) {
        step("parity", name);
        if let Err(error) = compare(project, &python, script, on) {
            eprintln!("    {name}: {error:#}");
            failed.push(*name);
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("not within their bounds: {}", failed.join(", ")) }
}

fn compare(project: &Project, python: &Path, script: &str, on: &str) -> Result<()> {
    let folder = reference(project, python, script)?;
    process::run(Command::new(example(project, "parity")?).arg(script).arg(&folder).arg(on))
}

/// Builds `models/examples/NAME.rs`.
pub(crate) fn example(project: &Project, name: &str) -> Result<PathBuf> {
    // Beside gistmap, whose features of Burn are built already: alone, it would ask for others.
    let build = ["build", "--release", "-p", "gistmap", "-p", "gistmap-models", "--example", name];
    process::run(project.cargo().args(build))?;
    Ok(project.target.join("release/examples").join(name))
}

/// The folder with a network's layout and what must come out, made by its script unless it is there.
pub(crate) fn reference(project: &Project, python: &Path, script: &str) -> Result<PathBuf> {
    let folder = project.target.join("parity").join(script);
    let scripts = project.root.join("models/reference");
    let (made_by, finished) = (sources(&scripts, script)?, folder.join("made-by"));
    if std::fs::read_to_string(&finished).is_ok_and(|text| text == made_by) {
        step("reference", "already there");
        return Ok(folder);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    process::make_folder(&folder)?;
    process::run(Command::new(python).arg(scripts.join(format!("{script}.py"))).arg("full").arg(&folder))?;
    std::fs::write(&finished, made_by).with_context(|| finished.display().to_string())?;
    Ok(folder)
}

/// Names a script with all those beside it that it imports, and the packages that it runs under.
fn sources(scripts: &Path, script: &str) -> Result<String> {
    let read = |path: PathBuf| std::fs::read_to_string(&path).with_context(|| path.display().to_string());
    let mut all = read(scripts.join("requirements.txt"))?;
    let (mut known, mut next) = (vec![script.to_owned()], 0);
    while let Some(name) = known.get(next) {
        let text = read(scripts.join(format!("{name}.py")))?;
        next += 1;
        let imported = text.lines().filter_map(|line| {
            let module = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "))?;
            module.split_whitespace().next().map(str::to_owned)
        });
        let beside: Vec<String> = imported.filter(|name| scripts.join(format!("{name}.py")).is_file()).collect();
        beside.into_iter().for_each(|name| {
            if !known.contains(&name) {
                known.push(name);
            }
        });
        all.push_str(&text);
    }
    Ok(seal::digest(all.as_bytes()))
}

/// The Python that has Debian's PyTorch and, in an environment of its own, transformers.
pub(crate) fn python(project: &Project) -> Result<PathBuf> {
    let system = "/usr/bin/python3";
    // Without it, Debian's PyTorch multiplies matrices sixty times slower.
    if !process::succeeds(system, &["-c", "import ctypes; ctypes.CDLL('libopenblas.so.0')"]) {
        setup::debian_packages("OpenBLAS, by which PyTorch multiplies,", &["libopenblas0-pthread"])?;
    }
    if !process::succeeds(system, &["-c", "import torch, torchvision"]) {
        let packages = ["python3-torch", "python3-torchvision", "python3-venv"];
        setup::debian_packages("PyTorch, the networks' reference,", &packages)?;
    }
    let requirements = project.root.join("models/reference/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).with_context(|| requirements.display().to_string())?;
    let venv = project.cache.join("parity-venv");
    let (python, installed) = (venv.join("bin").join("python"), venv.join("requirements.txt"));
    if python.exists() && std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    step("Python for parity", &format!("making {}", venv.display()));
    process::run(Command::new(system).args(["-m", "venv", "--clear", "--system-site-packages"]).arg(&venv))?;
    let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"];
    process::run(Command::new(&python).args(pip).arg(&requirements))?;
    std::fs::write(&installed, wanted).with_context(|| installed.display().to_string())?;
    Ok(python)
}
