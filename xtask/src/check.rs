//! `cargo xtask check`: format, types and lints, natively and for wasm32, without running a test.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, step};
use crate::project::Project;
use crate::setup;

/// Runs every check and fails at the end, naming those that failed.
pub(crate) fn check(project: &Project) -> Result<()> {
    setup::tools()?;
    setup::wasm_target(project)?;
    let failed = all(project);
    deny(project);
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    step("check", "all passed");
    Ok(())
}

/// The checks that the tests run too; returns the names of those that failed.
///
/// Clippy type-checks as it goes, and works on the same metadata as `cargo check`, so one pass serves both. The release
/// profile shares its procedural macros and build scripts with the release build.
pub(crate) fn all(project: &Project) -> Vec<&'static str> {
    let native = ["clippy", "--release", "--workspace", "--all-targets", "--no-deps", "--", "--deny", "warnings"];
    let mut checks =
        vec![("format", cargo(project, &["fmt", "--all", "--check"])), ("lints, native", cargo(project, &native))];
    checks.extend(PROGRAMS.map(|(name, program)| (name, web_lints(project, program))));
    let mut failed = Vec::new();
    for (name, mut command) in checks {
        step(name, "checking");
        if let Err(error) = process::run(&mut command) {
            eprintln!("    {error:#}");
            failed.push(name);
        }
    }
    failed
}

fn cargo(project: &Project, words: &[&str]) -> Command {
    let mut command = project.cargo();
    command.args(words);
    command
}

/// The programs of the page, each with all that it compiles of the core.
const PROGRAMS: [(&str, &str); 3] =
    [("lints, wasm32: page", "page"), ("lints, wasm32: engine", "engine"), ("lints, wasm32: hand", "hand")];

/// `cargo clippy` would check every dependency anew, for metadata that a build has made already: Burn for many minutes.
/// So the workspace's own packages are built by clippy's compiler, upon the dependencies of the page's build.
fn web_lints(project: &Project, program: &str) -> Command {
    let mut command = project.cargo();
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings");
    let words = ["build", "--profile", "web", "--target", setup::WASM, "--package", "gistmap-web", "--bin", program];
    command.args(words).args(["--features", program]);
    command
}

/// Licences and advisories, where cargo-deny is installed; its advisories need the network.
fn deny(project: &Project) {
    if !process::succeeds("cargo-deny", &["--version"]) {
        step("licences", "skipped: cargo-deny is not installed (cargo install --locked cargo-deny)");
        return;
    }
    if let Err(error) = process::run(project.cargo().args(["deny", "check", "licenses", "bans", "sources"])) {
        eprintln!("    {error:#}");
    }
}
