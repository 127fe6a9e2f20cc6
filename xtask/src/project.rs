//! Where things are: the repository, the build, the cache, the shared pictures.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// The folders that the commands work in.
pub(crate) struct Project {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Models, sample pictures and the benches' Python: `$GISTMAP_CACHE`, `$XDG_CACHE_HOME/gistmap` or
    /// `~/.cache/gistmap`, the same rule as the program's own.
    pub(crate) cache: PathBuf,
    /// Cargo's target folder, which `CARGO_TARGET_DIR` and cargo's configuration can move.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Finds the folders.
    ///
    /// # Errors
    /// When there is no home folder to put the cache in, or cargo does not answer.
    pub(crate) fn find() -> Result<Self> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().context("xtask lies in no workspace")?.to_path_buf();
        let metadata = process::output(Self::cargo_in(&root).args(["metadata", "--format-version", "1", "--no-deps"]))?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
        let target = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
        Ok(Self { cache: cache_folder()?, target: PathBuf::from(target), root })
    }

    fn cargo_in(root: &Path) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(root);
        command
    }

    /// A cargo command in the repository's root.
    pub(crate) fn cargo(&self) -> Command {
        Self::cargo_in(&self.root)
    }

    /// The built program.
    pub(crate) fn gistmap(&self) -> PathBuf {
        self.target.join("release").join(format!("gistmap{}", std::env::consts::EXE_SUFFIX))
    }

    /// Pictures to measure on that are not part of the repository: `$GISTMAP_SHARED`, else `../shared`.
    pub(crate) fn shared(&self) -> PathBuf {
        std::env::var_os("GISTMAP_SHARED").map_or_else(|| self.root.join("../shared"), PathBuf::from)
    }
}

fn cache_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("GISTMAP_CACHE") {
        return std::path::absolute(folder).context("GISTMAP_CACHE");
    }
    if let Some(folder) = set("XDG_CACHE_HOME") {
        return Ok(folder.join("gistmap"));
    }
    match set("HOME").or_else(|| set("USERPROFILE")) {
        Some(home) => Ok(home.join(".cache").join("gistmap")),
        None => bail!("there is no home folder for the cache: set GISTMAP_CACHE to a folder that can be written"),
    }
}
