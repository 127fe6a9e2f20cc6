//! `bench quality`: clustering scores of gistmap and of the Python reference over five seeds.

use std::process::Command;

use anyhow::{Context, Result};

use super::lab::{Lab, last_line};
use super::table::{Reach, Table, mean_and_spread};
use crate::process;

const SEEDS: [&str; 5] = ["782", "783", "784", "785", "786"];
const SCORES: [&str; 3] = ["acc", "nmi", "ari"];

/// ACC, NMI and ARI for image, text and fused on food101_10 and stanford40.
pub(super) fn quality(lab: &Lab<'_>) -> Result<Table> {
    let mut table = Table::default();
    for set in ["food101_10", "stanford40"] {
        let folder = lab.shared(&format!("{set}/images"))?;
        let mut ours = Vec::new();
        for seed in SEEDS {
            let out = lab.project.cache.join("bench").join("quality");
            let mut command = Command::new(lab.project.gistmap());
            command.env("GISTMAP_CACHE", &lab.project.cache).arg("run").arg(&folder).arg("-o").arg(&out);
            process::run(command.args(["--seed", seed, "--project", "pca"]))?;
            ours.push(read_scores(&out.join("scores.csv"))?);
        }
        let mut script = lab.script("quality.py");
        script.arg(&folder).arg(&lab.graphs).arg(lab.model("minilm").join("tokenizer.json"));
        script.arg(lab.project.root.join("models/src/imagenet_classes.txt")).args(SEEDS);
        let reference = last_line(&mut script)?;
        for (position, representation) in ["image", "text", "fused"].into_iter().enumerate() {
            for score in SCORES {
                let mine: Vec<f64> = ours.iter().filter_map(|run| run.get(position)?.value(score)).collect();
                let theirs = reference[representation].as_array().context("quality.py: a representation is missing")?;
                let theirs: Vec<f64> = theirs.iter().filter_map(|run| run[score].as_f64()).collect();
                let ((mean, spread), (their_mean, their_spread)) = (mean_and_spread(&mine), mean_and_spread(&theirs));
                let what = format!("{set} {representation} {score} (sd {spread:.3} | {their_spread:.3})");
                table.row(what, mean, their_mean, Reach::Below(0.0));
            }
        }
        let names: Vec<&str> = ours.first().into_iter().flatten().map(|line| line.representation.as_str()).collect();
        table.remarks.push(format!("{set}: image, text and fused are gistmap's {}", names.join(", ")));
    }
    Ok(table)
}

/// One line of `scores.csv`.
struct Line {
    representation: String,
    values: Vec<(String, f64)>,
}

impl Line {
    fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

/// The lines of `scores.csv` in the order that a default run writes: image, text, fused.
fn read_scores(path: &std::path::Path) -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let header = lines.next().with_context(|| format!("{} is empty", path.display()))?;
    let mut found: Vec<Line> = lines
        .map(|fields| {
            let named = header.iter().zip(&fields);
            let values = named.filter_map(|(name, field)| Some(((*name).to_owned(), field.parse().ok()?))).collect();
            let at = header.iter().position(|name| *name == "representation").unwrap_or(0);
            Line { representation: fields.get(at).copied().unwrap_or_default().to_owned(), values }
        })
        .collect();
    found.sort_by_key(|line| rank(&line.representation));
    Ok(found)
}

/// Image first, then text, then what fuses both; the order within the file decides otherwise.
fn rank(representation: &str) -> usize {
    match representation {
        "tags" | "tag-mean" => 1,
        name if name.contains('+') || name.contains("concat") => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn scores_are_read_by_column_name_and_sorted() {
        let path = std::env::temp_dir().join(format!("xtask-scores-{}.csv", std::process::id()));
        let text = "representation,clusterer,k,acc,nmi\ntags,kmeans,10,0.5,\na concat b,kmeans,10,0.7,0.6\nnet,kmeans,10,0.6,0.5\n";
        std::fs::write(&path, text).unwrap();
        let lines = read_scores(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let names: Vec<&str> = lines.iter().map(|line| line.representation.as_str()).collect();
        assert_eq!(names, ["net", "tags", "a concat b"]);
        assert_eq!((lines[1].value("acc"), lines[1].value("nmi")), (Some(0.5), None));
    }
}
