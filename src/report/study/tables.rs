//! A study's tables as CSV. Scores with labels and without are in files of their own.

use crate::album::Cell;
use crate::album::studied::Spread;
use crate::report::csv::{optional, row};
use crate::study::Study;
use crate::study::table::{Difference, LABEL_FREE, Metric, SUPERVISED};

/// Names and texts of all tables; those of scores with labels only where there are labels.
pub(super) fn all(study: &Study) -> Vec<(&'static str, String)> {
    let mut tables = vec![
        ("label-free", means(study, &LABEL_FREE)),
        ("label-free-by-seed", by_seed(study, &LABEL_FREE)),
        ("clusterings", clusterings(study)),
        ("representations", representations(study)),
        ("labels", labels(study)),
    ];
    if !study.label_names.is_empty() {
        tables.push(("supervised", means(study, &SUPERVISED)));
        tables.push(("supervised-by-seed", by_seed(study, &SUPERVISED)));
        tables.push(("differences", differences(&study.differences())));
    }
    let gains = study.gains();
    if !gains.is_empty() {
        tables.push(("fusion", differences(&gains)));
    }
    if !study.parts.is_empty() {
        tables.push(("split", split(study)));
    }
    if !study.passed_over.is_empty() {
        let rows = study.passed_over.iter().map(|p| vec![p.name.clone(), p.reason.clone()]);
        tables.push(("passed-over", table(&["name", "reason"], rows)));
    }
    tables
}

fn table<S: AsRef<str>>(header: &[S], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = String::new();
    row(&mut out, header.iter().map(AsRef::as_ref));
    for cells in rows {
        row(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// `mean`, `sd` (empty of a single run) of some spreads.
fn numbers(spread: Option<Spread>) -> [String; 2] {
    [optional(spread.map(|s| s.mean)), optional(spread.and_then(|s| s.sd))]
}

/// `representation,clusterer,seeds`, then `NAME_mean,NAME_sd` of each score.
fn means(study: &Study, metrics: &[Metric]) -> String {
    let mut header: Vec<String> = ["representation", "clusterer", "seeds"].map(String::from).to_vec();
    header.extend(metrics.iter().flat_map(|m| ["mean", "sd"].map(|of| format!("{}_{of}", name(*m)))));
    let rows = study.rows();
    let line = rows.iter().map(|r| {
        let spreads: &[Option<Spread>] = if metrics == SUPERVISED { &r.supervised } else { &r.label_free };
        let mut cells = vec![r.representation.clone(), r.clusterer.clone(), r.k.n.to_string()];
        cells.extend(spreads.iter().flat_map(|s| numbers(*s)));
        cells
    });
    table(&header, line)
}

fn name(metric: Metric) -> String {
    metric.title().to_lowercase()
}

/// One line a cell: `representation,clusterer,seed` and the scores.
fn by_seed(study: &Study, metrics: &[Metric]) -> String {
    let mut header: Vec<String> = ["representation", "clusterer", "seed"].map(String::from).to_vec();
    header.extend(metrics.iter().map(|m| name(*m)));
    let line = |cell: &Cell| {
        let mut cells = vec![cell.representation.clone(), cell.clusterer.clone(), cell.seed.to_string()];
        cells.extend(metrics.iter().map(|m| optional(m.of(&cell.scores))));
        cells
    };
    table(&header, study.cells.iter().map(line))
}

/// What was found, without a score: clusters, noise, what was chosen, seconds.
fn clusterings(study: &Study) -> String {
    let header = [
        "representation",
        "clusterer",
        "chosen",
        "k_mean",
        "k_sd",
        "noise_mean",
        "noise_sd",
        "seconds_mean",
        "seconds_sd",
    ];
    let rows = study.rows();
    let line = rows.iter().map(|r| {
        let chosen = r.chosen.as_ref().map(|(name, value)| format!("{name}={value}")).unwrap_or_default();
        let mut cells = vec![r.representation.clone(), r.clusterer.clone(), chosen];
        cells.extend([r.k, r.noise, r.seconds].into_iter().flat_map(|s| numbers(Some(s))));
        cells
    });
    table(&header, line)
}

fn representations(study: &Study) -> String {
    let line = study.representations.iter().map(|r| {
        let parts = r.parts.as_ref().map(|parts| parts.join(";")).unwrap_or_default();
        let kind = format!("{:?}", r.kind).to_lowercase();
        vec![r.name.clone(), kind, r.dimensions.to_string(), r.texts.clone().unwrap_or_default(), parts]
    });
    table(&["representation", "kind", "dimensions", "texts", "parts"], line)
}

/// `file,label`, then a column for each cell, named `representation/clusterer/seed`.
fn labels(study: &Study) -> String {
    let mut header = vec!["file".to_owned(), "label".to_owned()];
    header.extend(study.cells.iter().map(|c| format!("{}/{}/{}", c.representation, c.clusterer, c.seed)));
    let line = study.pictures.iter().enumerate().map(|(i, (file, label))| {
        let label = label.and_then(|label| study.label_names.get(label as usize)).cloned().unwrap_or_default();
        let clusters = study.cells.iter().map(|c| c.labels.get(i).map(i32::to_string).unwrap_or_default());
        [file.clone(), label].into_iter().chain(clusters).collect()
    });
    table(&header, line)
}

fn differences(all: &[Difference]) -> String {
    let header = ["representation", "to", "clusterer", "score", "mean", "sd", "pairs", "better"];
    let line = all.iter().map(|d| {
        let [mean, sd] = numbers(Some(d.spread));
        let (pairs, better) = (d.spread.n.to_string(), d.better.to_string());
        vec![d.representation.clone(), d.to.clone(), d.clusterer.clone(), name(d.metric), mean, sd, pairs, better]
    });
    table(&header, line)
}

fn split(study: &Study) -> String {
    table(&["file", "part"], study.parts.iter().map(|(file, part)| vec![file.clone(), part.name().to_owned()]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::all;
    use crate::report::study::testing::study;

    #[test]
    fn every_table_reads_back_and_kinds_of_scores_stay_apart() {
        for labelled in [true, false] {
            let tables = all(&study(labelled));
            for (name, text) in &tables {
                let mut reader = csv::Reader::from_reader(text.as_bytes());
                let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
                assert!(reader.records().all(|r| r.unwrap().len() == header.len()), "{name}");
                let has = |of: &[&str]| header.iter().any(|h| of.iter().any(|of| h.starts_with(of)));
                assert!(!(has(&["acc", "nmi", "ari", "kappa"]) && has(&["silhouette", "loss"])), "{name}");
            }
            let count = |name: &str| tables.iter().filter(|(n, _)| *n == name).count();
            assert_eq!((count("supervised"), count("differences")), (usize::from(labelled), usize::from(labelled)));
        }
    }

    #[test]
    fn means_are_over_seeds() {
        let tables = all(&study(true));
        let text = &tables.iter().find(|(n, _)| *n == "supervised").unwrap().1;
        assert!(text.starts_with("representation,clusterer,seeds,acc_mean,acc_sd,nmi_mean"), "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with("image <i>,kmeans,3,0.52,0.01"), "{text}");
        assert!(text.lines().nth(2).unwrap().starts_with("image <i>,dbscan,1,0.51,,"), "{text}");
    }
}
