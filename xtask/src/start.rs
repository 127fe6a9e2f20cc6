//! `cargo xtask start`: from a fresh clone to the page, and with pictures to their album in it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::project::Project;
use crate::{page, setup};

/// Sets up, builds, runs gistmap on `pictures` if any are named, and serves the page until it is stopped.
pub(crate) fn start(project: &Project, pictures: Option<&str>) -> Result<()> {
    setup::tools()?;
    setup::wasm_target(project)?;
    if let Err(error) = setup::vulkan() {
        // Only the tests need it: a run without it computes on the CPU.
        step("Vulkan driver", &format!("going on without: {error:#}"));
    }
    setup::build(project)?;
    setup::models(project)?;
    let dist = page::build(project)?;
    let Some(pictures) = pictures else {
        return page::serve(project, &dist, None);
    };
    let out = project.root.join("out").join("start");
    step("run", &format!("{pictures} -> {}", out.display()));
    process::run(
        Command::new(project.gistmap())
            .env("GISTMAP_CACHE", &project.cache)
            .arg("run")
            .arg(pictures)
            .arg("-o")
            .arg(&out),
    )?;
    announce(&out)?;
    page::serve(project, &dist, Some(&out))
}

fn announce(out: &Path) -> Result<()> {
    let report = out.join("report.html");
    let report = report.canonicalize().with_context(|| report.display().to_string())?;
    if !report.is_file() {
        bail!("the run ended without {}", report.display());
    }
    println!("\nThe report: {}\n            file://{}", report.display(), uri_path(&report));
    Ok(())
}

/// The path as it stands in a file URI: all but the unreserved characters of RFC 3986 percent-encoded.
fn uri_path(path: &Path) -> String {
    let mut encoded = String::new();
    for byte in path.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_and_umlauts_is_percent_encoded() {
        assert_eq!(uri_path(Path::new("/a b/ü.html")), "/a%20b/%C3%BC.html");
    }
}
