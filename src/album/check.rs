//! Whether a manifest agrees with itself: what was read may be damaged or meant to harm, and everything that works on an
//! album indexes by what it says.

use std::collections::HashSet;

use super::ClusterSummary;
use super::manifest::{Manifest, StudyEntry};

/// Checks every index and every name that must be there.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check(manifest: &Manifest) -> Result<(), String> {
    let n = manifest.pictures.len();
    if n == 0 {
        return Err("it names no picture".to_owned());
    }
    let labels = manifest.label_names.len();
    if let Some(picture) = manifest.pictures.iter().find(|p| p.label.is_some_and(|l| l as usize >= labels)) {
        return Err(format!("{}: its label is not one of the {labels}", picture.file));
    }
    names(manifest.features.iter().map(|f| &f.name))?;
    let vectors = names(manifest.vectors.iter().map(|v| &v.name))?;
    for cell in &manifest.cells {
        let name = format!("{}/{}", cell.representation, cell.clusterer);
        if !vectors.contains(cell.representation.as_str()) {
            return Err(format!("cell {name}: there is no such representation"));
        }
        if cell.labels.len() != n {
            return Err(format!("cell {name}: {} clusters for {n} pictures", cell.labels.len()));
        }
        if let Some(label) = cell.labels.iter().find(|l| !is_cluster(**l, n)) {
            return Err(format!("cell {name}: {label} is not a cluster"));
        }
        if cell.k > n {
            return Err(format!("cell {name}: {} clusters of {n} pictures", cell.k));
        }
    }
    if manifest.main_cell >= manifest.cells.len() {
        return Err(format!("main_cell is {}, and there are {} cells", manifest.main_cell, manifest.cells.len()));
    }
    if !vectors.contains(manifest.layout.representation.as_str()) {
        return Err(format!("layout: there is no representation {}", manifest.layout.representation));
    }
    for criterion in &manifest.criteria {
        if criterion.cell >= manifest.cells.len() {
            return Err(format!("criterion {}: there is no cell {}", criterion.criterion, criterion.cell));
        }
    }
    let texts = names(manifest.texts.iter().map(|t| &t.name))?;
    let of = manifest.vectors.iter().filter_map(|v| v.texts.as_deref());
    if let Some(missing) = of.into_iter().find(|name| !texts.contains(name)) {
        return Err(format!("vectors: there is no text column {missing}"));
    }
    clusters(manifest.criteria.iter().flat_map(|c| &c.clusters).chain(&manifest.clusters), n)?;
    manifest.study.as_ref().map_or(Ok(()), |of| study(of, manifest, &vectors))
}

fn clusters<'a>(clusters: impl Iterator<Item = &'a ClusterSummary>, pictures: usize) -> Result<(), String> {
    for cluster in clusters {
        if !is_cluster(cluster.cluster, pictures) {
            return Err(format!("clusters: {} is not a cluster", cluster.cluster));
        }
        if cluster.exemplars.iter().any(|e| *e >= pictures) || cluster.size > pictures {
            return Err(format!("cluster {} names pictures that there are not", cluster.cluster));
        }
    }
    Ok(())
}

fn study(study: &StudyEntry, manifest: &Manifest, vectors: &HashSet<&str>) -> Result<(), String> {
    let is_cell = |representation: &str, clusterer: &str| {
        manifest.cells.iter().any(|cell| cell.representation == representation && cell.clusterer == clusterer)
    };
    if let Some(row) = study.rows.iter().find(|row| !is_cell(&row.representation, &row.clusterer)) {
        return Err(format!("study: there is no cell {}/{}", row.representation, row.clusterer));
    }
    if study.clusters.len() > manifest.cells.len() {
        return Err(format!(
            "study: clusters of {} cells, and there are {}",
            study.clusters.len(),
            manifest.cells.len()
        ));
    }
    let maps = names(study.maps.iter().map(|map| &map.representation))?;
    if let Some(missing) = maps.iter().find(|name| !vectors.contains(*name)) {
        return Err(format!("study: there is no representation {missing}"));
    }
    clusters(study.clusters.iter().flatten(), manifest.pictures.len())
}

/// There are never more clusters than pictures, so that tables by cluster stay small; -1 is noise.
fn is_cluster(cluster: i32, pictures: usize) -> bool {
    cluster == -1 || usize::try_from(cluster).is_ok_and(|c| c < pictures)
}

/// The names, of which no two may be equal.
fn names<'a>(names: impl Iterator<Item = &'a String>) -> Result<HashSet<&'a str>, String> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.as_str()) {
            return Err(format!("{name} is there twice"));
        }
    }
    Ok(seen)
}
