//! The end-to-end tests of the built page (`tests/browser`), and its screenshots: Node, Playwright and Chromium.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::project::Project;
use crate::test::Counts;
use crate::{page, samples, setup, tools};

/// Runs every test on the page in `dist`; returns the counts, and whether Node was content.
///
/// # Errors
/// When Chromium or Playwright cannot be installed.
pub(crate) fn test(project: &Project, dist: &Path) -> Result<(Counts, bool)> {
    let tests = tools::for_browser_tests(project)?;
    let pictures = samples::pictures(project)?;
    step("end-to-end tests", "running");
    let mut node = node(project, &tests, dist, &pictures);
    // One after the other: WebGPU is computed by the processor here.
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]).args(files(&tests)?).stdout(Stdio::piped());
    println!("    $ {}", process::shown(&node));
    let mut child = node.spawn().context("could not start node")?;
    let mut counts = Counts::default();
    for line in BufReader::new(child.stdout.take().context("node has no output")?).lines() {
        let line = line.context("could not read what node prints")?;
        println!("{line}");
        counts.add_node(&line);
    }
    let status = child.wait().context("node --test")?;
    Ok((counts, status.success()))
}

/// The test files, by name: Node's versions differ in what they make of a folder.
fn files(tests: &Path) -> Result<Vec<PathBuf>> {
    let folder = tests.join("tests");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.js") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Pictures of the page into `out/screenshots`.
///
/// # Errors
/// When the page cannot be built or driven.
pub(crate) fn screenshots(project: &Project) -> Result<()> {
    setup::build(project)?;
    let dist = page::build(project)?;
    let tests = tools::for_browser_tests(project)?;
    let pictures = samples::pictures(project)?;
    let out = project.root.join("out").join("screenshots");
    process::make_folder(&out)?;
    let mut node = node(project, &tests, &dist, &pictures);
    process::run(node.arg("screenshots.js").arg(&out))?;
    if std::fs::read_dir(&out)?.next().is_none() {
        bail!("{} stayed empty", out.display());
    }
    println!("{}", out.display());
    Ok(())
}

/// Node in the tests' folder, told where everything is.
pub(crate) fn node(project: &Project, tests: &Path, dist: &Path, pictures: &Path) -> Command {
    let mut node = Command::new("node");
    node.current_dir(tests)
        .env("GISTMAP", project.gistmap())
        .env("GISTMAP_CACHE", &project.cache)
        .env("GISTMAP_DIST", dist)
        .env("GISTMAP_SAMPLE", pictures)
        .env("GISTMAP_SHARED", project.shared());
    node
}
