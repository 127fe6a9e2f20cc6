//! A study as a paper's section on experiments: `report.html`, its tables as CSV, its figures as SVG, `study.json`.
//!
//! Called by the command line; each part is a function from a [`Study`] to text.

mod figure;
mod html;
mod results;
mod tables;

use serde::Serialize;

use super::csv::row;
use crate::album::files::file_name;
use crate::album::studied::Row;
use crate::study::recipe::{PassedOver, Recipe};
use crate::study::table::Difference;
use crate::study::{Represented, Study};

/// What `study.json` holds: everything but the pictures' labels and places, which are in `tables/` and `album/`.
#[derive(Serialize)]
struct Summary<'a> {
    gistmap: &'a str,
    device: &'a str,
    recipe: &'a Recipe,
    collection: &'a str,
    pictures: usize,
    failures: usize,
    labels: &'a [String],
    representations: &'a [Represented],
    passed_over: &'a [PassedOver],
    rows: Vec<Row>,
    baseline: Option<&'a str>,
    differences: Vec<Difference>,
    gains: Vec<Difference>,
    timings: &'a [crate::album::Timing],
}

/// `study.json`.
pub fn json(study: &Study) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Summary {
        gistmap: &study.version,
        device: &study.device,
        recipe: &study.recipe,
        collection: &study.collection,
        pictures: study.pictures.len(),
        failures: study.failures,
        labels: &study.label_names,
        representations: &study.representations,
        passed_over: &study.passed_over,
        rows: study.rows(),
        baseline: study.baseline(),
        differences: study.differences(),
        gains: study.gains(),
        timings: &study.timings,
    })
}

/// A submission, `file,cluster`: a line for each picture.
pub fn predictions<'a>(clusters: impl Iterator<Item = (&'a str, i32)>) -> String {
    let mut out = "file,cluster\n".to_owned();
    for (file, cluster) in clusters {
        row(&mut out, [file, &cluster.to_string()].into_iter());
    }
    out
}

/// Every other file: its path below the study's folder, and its text.
pub fn files(study: &Study) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> =
        tables::all(study).into_iter().map(|(name, text)| (format!("tables/{name}.csv"), text)).collect();
    if let Some(scores) = figure::scores_file(study) {
        files.push(("figures/scores.svg".to_owned(), scores));
    }
    for map in &study.maps {
        let path = format!("figures/map-{}.svg", file_name(&map.representation));
        files.push((path, figure::map_file(study, map)));
    }
    files.push(("report.html".to_owned(), html::render(study)));
    files
}

#[cfg(test)]
pub(super) mod testing {
    //! A study to test the formats with.
    #![allow(clippy::unwrap_used)]

    use crate::album::{Representation, RepresentationKind, Scores};
    use crate::report::testing::album;
    use crate::study::Study;
    use crate::study::recipe::{PassedOver, Recipe};
    use crate::study::split::Part;

    /// Two parts and their fusion, by K-Means with three seeds and by DBSCAN; `labelled` or not.
    pub(crate) fn study(labelled: bool) -> Study {
        let recipe = Recipe::parse(
            "title = \"Cats & <dogs>\"\nabout = \"What & why.\"\n[collection]\nimages = \"x\"\n[representations]\n\
             features = [\"lbp\"]\n[clusterings]\nclusterers = [\"kmeans\", \"dbscan\"]\nseeds = [1, 2, 3]\n",
        );
        let mut album = album(40, 3, labelled);
        let layout = album.layout.clone();
        let template = album.cells[0].clone();
        album.cells.clear();
        for (at, (name, kind)) in [
            ("image <i>", RepresentationKind::Image),
            ("text", RepresentationKind::Text),
            ("image <i>+text@concat", RepresentationKind::Fused),
        ]
        .into_iter()
        .enumerate()
        {
            let matrix = ndarray::Array2::zeros((40, 5 + at));
            album.vectors.push(Representation { name: name.into(), kind, texts: None, matrix });
            for (clusterer, seed) in [("kmeans", 1), ("dbscan", 1), ("kmeans", 2), ("kmeans", 3)] {
                let mut cell = template.clone();
                (cell.representation, cell.clusterer, cell.seed) = (name.into(), clusterer.into(), seed);
                let acc = [0.5, 0.3, 0.45][at] + seed as f64 / 100.0;
                cell.scores = Scores { acc: labelled.then_some(acc), silhouette: Some(0.25), ..cell.scores };
                album.cells.push(cell);
            }
        }
        let passed = PassedOver { name: "resnet<50>".into(), reason: "not here & there".into() };
        let maps = album.vectors.iter().map(|v| {
            let mut map = layout.clone();
            map.representation = v.name.clone();
            map
        });
        let mut study = Study::new(recipe.unwrap(), vec![passed], &album, maps.collect());
        study.parts = vec![("a<b>.jpg".into(), Part::Test)];
        study
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::testing::study;
    use super::{files, json};

    #[test]
    fn files_have_names_that_a_file_can_have() {
        let names: Vec<String> = files(&study(true)).into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| !name.contains(['<', ' ', '>'])), "{names:?}");
        assert_eq!(names.iter().filter(|name| name.ends_with(".svg")).count(), 4);
        assert_eq!(names.last().map(String::as_str), Some("report.html"));
    }

    #[test]
    fn json_holds_rows_and_differences() {
        let value: serde_json::Value = serde_json::from_str(&json(&study(true)).unwrap()).unwrap();
        assert_eq!(value["rows"].as_array().unwrap().len(), 6);
        assert_eq!(value["rows"][0]["supervised"][0]["n"], 3);
        assert_eq!(value["gains"][0]["to"], "image <i>");
        assert!(value["gains"][0]["spread"]["mean"].as_f64().unwrap() < 0.0);
    }
}
