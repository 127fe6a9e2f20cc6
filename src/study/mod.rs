//! Studies: a grid of representations × clusterers × seeds over one collection, as a recipe says, and its tables.
//!
//! Called by the command line, which runs the recipe's plan by the engine; [`crate::report::study`] shows what comes of it.
//! Owns the recipe's words ([`recipe`]), which pictures take part ([`split`]), what is compared with what ([`table`]) and
//! how other pictures get the clusters ([`predict`]).
//! Knows neither networks nor the file system.

pub mod predict;
pub mod recipe;
pub mod split;
pub mod table;

use serde::{Deserialize, Serialize};

use crate::album::studied::{Row, Studied};
use crate::album::{Album, Cell, ClusterSummary, Layout, RepresentationKind, Timing};
use recipe::{PassedOver, Recipe};
use split::Part;
use table::Difference;

/// A representation, without its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Represented {
    /// As in the album.
    pub name: String,
    /// What it is made from.
    pub kind: RepresentationKind,
    /// Columns of its matrix.
    pub dimensions: usize,
    /// The text column that it speaks of.
    pub texts: Option<String>,
    /// The image's and the text's representation that a fusion is made of.
    pub parts: Option<[String; 2]>,
}

/// A study that was run.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// What was asked for.
    pub recipe: Recipe,
    /// What could not be had.
    pub passed_over: Vec<PassedOver>,
    /// The collection's name.
    pub collection: String,
    /// Version of gistmap.
    pub version: String,
    /// The device that ran the networks, and why.
    pub device: String,
    /// The pictures that were clustered: file and label.
    pub pictures: Vec<(String, Option<u32>)>,
    /// Names of the labels; empty where there are none.
    pub label_names: Vec<String>,
    /// The part of every picture of the subset, where the recipe splits it.
    pub parts: Vec<(String, Part)>,
    /// Pictures that could not be read.
    pub failures: usize,
    /// What was clustered.
    pub representations: Vec<Represented>,
    /// Every representation × clusterer × seed.
    pub cells: Vec<Cell>,
    /// Maps of representations, all made with the first seed.
    pub maps: Vec<Layout>,
    /// Representations that answer a criterion, by name, and what answered it, for people.
    pub answered: Vec<(String, String)>,
    /// Where the time went.
    pub timings: Vec<Timing>,
}

impl Study {
    /// Of the album that the engine made of a recipe, with the cells of all seeds; `maps` are those of its representations.
    pub fn new(recipe: Recipe, passed_over: Vec<PassedOver>, album: &Album, maps: Vec<Layout>) -> Self {
        let part = |of: &str| {
            let fits = |image: &str, text: &str| of.starts_with(&format!("{image}+{text}@"));
            let named = |kind| album.vectors.iter().filter(move |v| v.kind == kind).map(|v| v.name.clone());
            let pairs = named(RepresentationKind::Image)
                .flat_map(|image| named(RepresentationKind::Text).map(move |text| [image.clone(), text]));
            pairs.into_iter().find(|[image, text]| fits(image, text))
        };
        let represented = album.vectors.iter().map(|v| Represented {
            name: v.name.clone(),
            kind: v.kind,
            dimensions: v.matrix.ncols(),
            texts: v.texts.clone(),
            parts: (v.kind == RepresentationKind::Fused).then(|| part(&v.name)).flatten(),
        });
        let answered = album.criteria.iter().filter_map(|criterion| {
            let cell = album.cells.get(criterion.cell)?;
            Some((cell.representation.clone(), criterion.answered_by.clone()))
        });
        Self {
            recipe,
            passed_over,
            collection: album.title.clone(),
            version: album.version.clone(),
            device: album.device.clone(),
            pictures: album.pictures.iter().map(|p| (p.file.clone(), p.label)).collect(),
            label_names: album.label_names.clone(),
            parts: Vec::new(),
            failures: album.failures.len(),
            representations: represented.collect(),
            cells: album.cells.clone(),
            maps,
            answered: answered.collect(),
            timings: album.timings.clone(),
        }
    }

    /// What the page shows of it, with the clusters of each cell of the first seed.
    pub fn shown(&self, clusters: Vec<Vec<ClusterSummary>>) -> Studied {
        let (title, about) = (self.recipe.title.clone(), self.recipe.about.trim().to_owned());
        Studied { title, about, rows: self.rows(), clusters, maps: self.maps.clone() }
    }

    /// Mean and spread of every representation × clusterer.
    pub fn rows(&self) -> Vec<Row> {
        table::rows(&self.cells)
    }

    /// What everything is compared with: the recipe's baseline, else the first representation. `None` where the recipe
    /// names one that there is not.
    pub fn baseline(&self) -> Option<&str> {
        let names = || self.representations.iter().map(|r| r.name.as_str());
        match &self.recipe.report.baseline {
            Some(wanted) => names().find(|name| name == wanted),
            None => names().next(),
        }
    }

    /// Every representation's paired differences to the baseline, clusterer by clusterer.
    pub fn differences(&self) -> Vec<Difference> {
        self.baseline().map(|baseline| table::differences(&self.cells, baseline)).unwrap_or_default()
    }

    /// Every fusion's paired differences to the best of its parts.
    pub fn gains(&self) -> Vec<Difference> {
        let fusions = self.representations.iter().filter_map(|r| r.parts.as_ref().map(|parts| (&r.name, parts)));
        fusions.flat_map(|(fusion, parts)| table::gains(&self.cells, fusion, parts)).collect()
    }
}
