//! `cargo xtask check`: format, types and lints, natively and for wasm32, without running a test.

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
/// Clippy type-checks as it goes, and works on the same metadata as `cargo check`, so one pass a target serves both.
/// The release profile shares its procedural macros and build scripts with the release build.
pub(crate) fn all(project: &Project) -> Vec<&'static str> {
    let checks: [(&str, &[&str]); 3] = [
        ("format", &["fmt", "--all", "--check"]),
        (
            "lints, native",
            &["clippy", "--release", "--workspace", "--all-targets", "--no-deps", "--", "--deny", "warnings"],
        ),
        (
            "lints, wasm32",
            &[
                "clippy",
                "--release",
                "--package",
                "gistmap",
                "--lib",
                "--target",
                setup::WASM,
                "--no-deps",
                "--",
                "--deny",
                "warnings",
            ],
        ),
    ];
    let mut failed = Vec::new();
    for (name, arguments) in checks {
        step(name, "checking");
        if let Err(error) = process::run(project.cargo().args(arguments)) {
            eprintln!("    {error:#}");
            failed.push(name);
        }
    }
    failed
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
