//! `cargo xtask page`: builds the page into `dist/`, and serves it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, step};
use crate::project::Project;
use crate::{packs, setup, tools};

/// Builds the page with all that it loads; returns `dist/`.
///
/// # Errors
/// When a tool cannot be installed or the build fails.
pub(crate) fn build(project: &Project) -> Result<PathBuf> {
    setup::tools()?;
    setup::wasm_target(project)?;
    let path = tools::for_the_page(project)?;
    packs::make(project)?;
    step("page", "trunk build --release (the first time takes about fifteen minutes on two cores)");
    let mut trunk = Command::new("trunk");
    trunk.current_dir(&project.root).env("PATH", path).env("GISTMAP_CACHE", &project.cache);
    process::run(trunk.args(["build", "--release", "--locked"]))?;
    let dist = project.root.join("dist");
    if !dist.join("index.html").is_file() {
        bail!("trunk left no {}", dist.join("index.html").display());
    }
    Ok(dist)
}

/// Serves the built page until it is stopped, and an album with it.
///
/// # Errors
/// When the program ends otherwise than by being stopped.
pub(crate) fn serve(project: &Project, dist: &Path, album: Option<&Path>) -> Result<()> {
    step("page", "serving; Ctrl-C ends it");
    let mut view = Command::new(project.gistmap());
    view.env("GISTMAP_CACHE", &project.cache).arg("view").args(album).arg("--page").arg(dist);
    process::run(&mut view)
}
