//! The tools that make the page: Trunk, wasm-bindgen's and Binaryen's programs, npm packages, a browser for the tests.
//! Each is installed once, in the version that is pinned here or in a `package-lock.json`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::project::Project;
use crate::setup;

/// Programs from crates: name, version, and the crate. wasm-bindgen's must be the very version of the library.
const PROGRAMS: [(&str, &str, &str); 2] =
    [("trunk", "0.21.14", "trunk"), ("wasm-bindgen", "0.2.129", "wasm-bindgen-cli")];

/// Chromium, and the libraries with which it draws without a GPU.
const BROWSER: [&str; 5] = ["chromium", "libegl1", "libgles2", "libegl-mesa0", "libgl1-mesa-dri"];

/// What `trunk build --release` calls; returns the `PATH` on which it is found.
///
/// # Errors
/// When something cannot be installed; the message says what to run.
pub(crate) fn for_the_page(project: &Project) -> Result<OsString> {
    let installed = project.cache.join("tools");
    for (program, version, package) in PROGRAMS {
        if has_version(Path::new(program), version) || has_version(&installed.join("bin").join(program), version) {
            step(program, &format!("{version} is there"));
            continue;
        }
        step(program, &format!("installing {version} (some minutes)"));
        let mut cargo = project.cargo();
        cargo.args(["install", "--locked", "--version", version, package, "--root"]).arg(&installed);
        // Its own target folder, so that a second attempt goes on where the first one stopped.
        process::run(cargo.env("CARGO_TARGET_DIR", installed.join("target")))?;
    }
    node()?;
    let binaryen = installed.join("binaryen");
    npm_packages(&project.root.join("xtask/binaryen"), &binaryen)?;
    let folders = [installed.join("bin"), binaryen.join("node_modules").join(".bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path)))?)
}

/// Chromium and Playwright, which drives it.
///
/// # Errors
/// As [`for_the_page`].
pub(crate) fn for_browser_tests(project: &Project) -> Result<PathBuf> {
    node()?;
    let tests = project.root.join("tests/browser");
    npm_packages(&tests, &tests)?;
    if std::env::var_os("GISTMAP_CHROMIUM").is_some() {
        step("Chromium", "the one that GISTMAP_CHROMIUM names");
    } else if Path::new("/usr/bin/chromium").exists() && has_mesa() {
        step("Chromium", "is there");
    } else {
        setup::debian_packages("Chromium, which the end-to-end tests drive", &BROWSER)?;
    }
    Ok(tests)
}

fn has_mesa() -> bool {
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
        .iter()
        .any(|folder| Path::new(folder).join("libEGL_mesa.so.0").exists())
}

fn node() -> Result<()> {
    if process::succeeds("node", &["--version"]) && process::succeeds("npm", &["--version"]) {
        return Ok(());
    }
    setup::debian_packages("Node.js with npm, which runs wasm-opt and the end-to-end tests", &["nodejs", "npm"])
}

fn has_version(program: &Path, version: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == version))
}

/// The packages of `source`'s lock file in `target/node_modules`; done again when the lock file changes.
///
/// # Errors
/// When npm fails.
pub(crate) fn npm_packages(source: &Path, target: &Path) -> Result<()> {
    let lock = source.join("package-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| lock.display().to_string())?;
    let stamp = target.join("node_modules").join(".gistmap-lock");
    if std::fs::read(&stamp).is_ok_and(|done| done == wanted) {
        step("npm packages", &format!("{} is there", target.display()));
        return Ok(());
    }
    step("npm packages", &format!("installing into {}", target.display()));
    process::make_folder(target)?;
    if source != target {
        for name in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(name), target.join(name))
                .with_context(|| source.join(name).display().to_string())?;
        }
    }
    process::run(Command::new("npm").current_dir(target).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    if !target.join("node_modules").is_dir() {
        bail!("npm ci left no {}", target.join("node_modules").display());
    }
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())
}
