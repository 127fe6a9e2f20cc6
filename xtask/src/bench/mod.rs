//! `cargo xtask bench NAME`: gistmap and the Python reference run in turn on the same input, and their medians stand
//! side by side in a table.

use anyhow::{Result, bail};

use crate::process::{self, step};
use crate::project::Project;

mod cases;
mod cluster;
mod lab;
mod page;
mod quality;
mod table;

use lab::Lab;
use table::Table;

/// One benchmark: measures, and returns the lines of its table.
type Measure = fn(&Lab) -> Result<Table>;

const BENCHES: [(&str, Measure); 10] = [
    ("efficientnet", cases::efficientnet),
    ("minilm", cases::minilm),
    ("decode", cases::decode),
    ("classical", cases::classical),
    ("kmeans", cases::kmeans),
    ("cluster", cluster::cluster),
    ("tsne", cases::tsne),
    ("run", cases::run),
    ("quality", quality::quality),
    ("page", page::page),
];

/// Runs the named benchmarks, or all of them.
///
/// # Errors
/// When a name is unknown, something cannot be set up, or a side of a benchmark fails.
pub(crate) fn bench(project: &Project, names: &[&str]) -> Result<()> {
    let all = names.contains(&"all");
    if let Some(name) = names.iter().find(|name| **name != "all" && !BENCHES.iter().any(|(known, _)| known == *name)) {
        let known: Vec<&str> = BENCHES.iter().map(|(known, _)| *known).collect();
        bail!("there is no bench {name}; choose from {}, all", known.join(", "));
    }
    let lab = Lab::prepare(project)?;
    let results = project.root.join("bench").join("results");
    process::make_folder(&results)?;
    let mut failed = Vec::new();
    for (name, measure) in BENCHES.iter().filter(|(name, _)| all || names.contains(name)) {
        step("bench", name);
        match measure(&lab) {
            Ok(table) => {
                println!("\n{}\n{}", table.text(), lab.machine());
                let path = results.join(format!("{name}.json"));
                std::fs::write(&path, format!("{:#}\n", table.json(&lab.machine())))?;
                println!("(written to {})\n", path.display());
            }
            Err(error) => {
                eprintln!("    {name}: {error:#}");
                failed.push(*name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join(", "));
    }
    Ok(())
}
