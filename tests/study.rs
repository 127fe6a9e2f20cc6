//! `gistmap study` through the built program: tables over seeds, what is passed over, predictions.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{Program, csv, drawn_classes, models, stderr};
use gistmap::album::archive;
use serde_json::Value;

const RECIPE: &str = r#"
title = "Drawn"
[collection]
images = "pictures"
per_class = 8
split = { use = ["train", "test"] }
[representations]
features = ["classical", "lbp", "efficientnet-lite0", "resnet50"]
text = ["tags"]
fuse = ["concat"]
[clusterings]
clusterers = ["kmeans:n_init=1", "agglomerative"]
seeds = [782, 1, 2]
"#;

/// `gistmap study ARGUMENTS` with a cache of its own, in which there is no model.
fn bare(cache: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gistmap"));
    command.env("GISTMAP_CACHE", cache).arg("study").args(arguments).args(["--device", "cpu"]).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_study_goes_on_without_models_that_are_not_here() {
    let folder = tempfile::tempdir().unwrap();
    let (recipe, out, cache) = (folder.path().join("r.toml"), folder.path().join("out"), folder.path().join("cache"));
    drawn_classes(&folder.path().join("pictures"), 10);
    fs::write(&recipe, RECIPE).unwrap();
    let output = bare(&cache, &[text(&recipe), "-o", text(&out), "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    for name in ["efficientnet-lite0", "resnet50", "tags", "concat"] {
        assert!(stderr(&output).contains(&format!("passed over: {name}")), "{}", stderr(&output));
    }
    let study: Value = serde_json::from_slice(&output.stdout).unwrap();
    // 8 of each of three classes, of which 5 are train, 1 or 2 validation, the rest test.
    let split = csv(&out.join("tables/split.csv"));
    assert_eq!(split.len(), 1 + 24);
    let used = split.iter().filter(|row| row[1] == "train" || row[1] == "test").count();
    assert_eq!(study["pictures"], used);
    // Two representations by K-Means with three seeds and by Ward's once.
    let cells = csv(&out.join("tables/supervised-by-seed.csv"));
    assert_eq!(cells.len(), 1 + 2 * (3 + 1));
    let means = csv(&out.join("tables/supervised.csv"));
    assert_eq!(means[1][..3].join(","), "classical,kmeans:n_init=1,3");
    let acc = |row: &Vec<String>| row[3].parse::<f64>().unwrap();
    let own: Vec<f64> = cells[1..].iter().filter(|c| c[..2] == means[1][..2]).map(acc).collect();
    let mean = own.iter().sum::<f64>() / 3.0;
    let sd = (own.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    assert!((acc(&means[1]) - mean).abs() < 1e-12 && (means[1][4].parse::<f64>().unwrap() - sd).abs() < 1e-12);
    assert_eq!(means[2][4], "", "one run has no deviation");
    let header = fs::read_to_string(out.join("tables/label-free.csv")).unwrap();
    assert!(header.starts_with("representation,clusterer,seeds,silhouette_mean"), "{header}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("resnet50") && page.contains("Table 3") && !page.contains("What fusing brought"));
    for figure in ["scores.svg", "map-classical.svg", "map-lbp.svg"] {
        assert!(out.join("figures").join(figure).is_file(), "{figure}");
    }
    // The album is that of the first seed.
    let album: Value = serde_json::from_slice(&fs::read(out.join("album/album.json")).unwrap()).unwrap();
    let seeds: Vec<&Value> = album["cells"].as_array().unwrap().iter().map(|c| &c["seed"]).collect();
    assert_eq!(seeds, [782; 4]);
    // One file of it is what the page opens: the table, and what is seen of each row.
    let page = archive::open(fs::File::open(out.join("study.gistmap")).unwrap()).unwrap().album;
    let shown = page.study.unwrap();
    let listed =
        shown.rows.iter().map(|row| vec![row.representation.clone(), row.clusterer.clone(), row.k.n.to_string()]);
    assert_eq!(listed.collect::<Vec<_>>(), means[1..].iter().map(|row| row[..3].to_vec()).collect::<Vec<_>>());
    assert_eq!(shown.rows[0].supervised[0].unwrap().mean.to_string(), means[1][3]);
    assert_eq!(shown.clusters.iter().map(Vec::len).collect::<Vec<_>>(), [3; 4]);
    assert_eq!(shown.maps.iter().map(|map| map.representation.as_str()).collect::<Vec<_>>(), ["classical", "lbp"]);
    assert_eq!((page.main_cell, page.layout.representation.as_str(), page.features.len()), (0, "classical", 0));
    assert_eq!(page.layout, shown.maps[0]);
    // Again: everything is read back, and nothing differs.
    let again = bare(&cache, &[text(&recipe), "-o", text(&out)]);
    assert!(stderr(&again).contains("8 items, 8 from the cache"), "{}", stderr(&again));
    assert_eq!(csv(&out.join("tables/supervised-by-seed.csv")), cells);
}

#[test]
fn other_pictures_get_the_nearest_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let (recipe, cache) = (folder.path().join("r.toml"), folder.path().join("cache"));
    drawn_classes(&folder.path().join("pictures"), 8);
    drawn_classes(&folder.path().join("others"), 5);
    fs::write(&recipe, RECIPE).unwrap();
    let out = folder.path().join("submission.csv");
    let output = bare(&cache, &[text(&recipe), "--predict", text(&folder.path().join("others")), "-o", text(&out)]);
    assert!(output.status.success(), "{}", stderr(&output));
    let rows = csv(&out);
    assert_eq!((rows.len(), rows[0].join(",")), (16, "file,cluster".to_owned()));
    // Discs, gradients and stripes: a class, a cluster.
    let clusters = |class: &str| {
        let of = rows.iter().filter(|row| row[0].starts_with(class)).map(|row| row[1].clone());
        of.collect::<std::collections::BTreeSet<String>>()
    };
    let all = ["discs", "gradients", "stripes"].map(clusters);
    assert!(all.iter().all(|one| one.len() == 1), "{all:?}");
    assert_eq!(all.iter().flatten().collect::<std::collections::BTreeSet<_>>().len(), 3, "{all:?}");
}

#[test]
fn wrong_recipes_and_foreign_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (recipe, cache) = (folder.path().join("r.toml"), folder.path().join("cache"));
    drawn_classes(&folder.path().join("pictures"), 2);
    fs::write(&recipe, RECIPE.replace("per_class", "per_klass")).unwrap();
    let output = bare(&cache, &[text(&recipe)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("line 5") && stderr(&output).contains("per_klass"), "{}", stderr(&output));
    fs::write(&recipe, RECIPE).unwrap();
    let output = bare(&cache, &[text(&recipe), "-o", text(folder.path())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("which is no study's"), "{}", stderr(&output));
}

#[test]
fn fusions_stand_beside_their_best_part() {
    let Some(models) = models() else { return };
    let (program, folder) = (Program::new(&models), tempfile::tempdir().unwrap());
    let (recipe, out) = (folder.path().join("r.toml"), folder.path().join("out"));
    drawn_classes(&folder.path().join("pictures"), 4);
    let words =
        RECIPE.replace("[\"classical\", \"lbp\", \"efficientnet-lite0\", \"resnet50\"]", "[\"efficientnet-lite0\"]");
    fs::write(&recipe, words).unwrap();
    let output =
        program.command().arg("study").args([text(&recipe), "-o", text(&out), "--device", "cpu"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let fusion = csv(&out.join("tables/fusion.csv"));
    assert_eq!(fusion.len(), 1 + 2 * 4, "two clusterers, four scores");
    assert!(fusion[1..].iter().all(|row| row[0] == "efficientnet-lite0+tags@concat"));
    assert!(fusion[1..].iter().all(|row| row[1] == "efficientnet-lite0" || row[1] == "tags"));
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("What fusing brought"));
}

#[test]
fn shipped_recipes_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 5);
    for path in names {
        let recipe = gistmap::study::recipe::Recipe::parse(&fs::read_to_string(&path).unwrap());
        assert!(recipe.is_ok(), "{}: {:?}", path.display(), recipe.err());
    }
}
