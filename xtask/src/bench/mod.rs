//! `cargo xtask bench NAME`: gistmap and the Python reference run in turn on the same input, and their medians stand
//! side by side in a table.

use anyhow::{Result, bail};

use crate::process::{self, step};
use crate::project::Project;

mod cases;
mod cluster;
mod lab;
mod networks;
mod page;
mod quality;
mod table;

use lab::{Lab, Needs};
use table::Table;

/// One benchmark.
struct Bench {
    name: &'static str,
    /// What is built and fetched for it.
    needs: Needs,
    /// Measures, and returns the lines of its table.
    measure: fn(&Lab) -> Result<Table>,
}

const BENCHES: [Bench; 12] = [
    Bench { name: "efficientnet", needs: Needs::Networks, measure: cases::efficientnet },
    Bench { name: "minilm", needs: Needs::Networks, measure: cases::minilm },
    Bench { name: "decode", needs: Needs::ItsProgram, measure: cases::decode },
    Bench { name: "classical", needs: Needs::ItsProgram, measure: cases::classical },
    Bench { name: "kmeans", needs: Needs::ItsProgram, measure: cases::kmeans },
    Bench { name: "cluster", needs: Needs::ItsProgram, measure: cluster::cluster },
    Bench { name: "tsne", needs: Needs::Networks, measure: cases::tsne },
    Bench { name: "run", needs: Needs::Networks, measure: cases::run },
    Bench { name: "quality", needs: Needs::Networks, measure: quality::quality },
    Bench { name: "networks", needs: Needs::Networks, measure: networks::networks },
    Bench { name: "page", needs: Needs::Networks, measure: page::page },
    Bench { name: "page-networks", needs: Needs::Networks, measure: page::networks },
];

/// Runs the named benchmarks, or all of them; of `NAME:ROW,ROW` only these rows.
///
/// # Errors
/// When a name is unknown, something cannot be set up, or a side of a benchmark fails.
pub(crate) fn bench(project: &Project, words: &[&str]) -> Result<()> {
    let named = words.iter().map(|word| word.split_once(':').map_or((*word, None), |(name, rows)| (name, Some(rows))));
    let (names, rows): (Vec<&str>, Vec<Option<&str>>) = named.unzip();
    let all = names.contains(&"all");
    if let Some(name) = names.iter().find(|name| **name != "all" && !BENCHES.iter().any(|bench| bench.name == **name)) {
        let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("there is no bench {name}; choose from {}, all", known.join(", "));
    }
    let chosen: Vec<&Bench> = BENCHES.iter().filter(|bench| all || names.contains(&bench.name)).collect();
    let wanted: Vec<(&str, Needs)> = chosen.iter().map(|bench| (bench.name, bench.needs)).collect();
    let mut lab = Lab::prepare(project, &wanted)?;
    let results = project.root.join("bench").join("results");
    process::make_folder(&results)?;
    let mut failed = Vec::new();
    for Bench { name, measure, .. } in chosen {
        step("bench", name);
        let only = names.iter().zip(&rows).find(|(named, _)| *named == name).and_then(|(_, rows)| *rows);
        lab.rows = only.map(|rows| rows.split(',').map(str::to_owned).collect());
        match measure(&lab) {
            Ok(table) if only.is_some() => println!("\n{}\n{}", table.text(), lab.machine()),
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
