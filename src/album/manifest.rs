//! `album.json`: what replays a run and proves its files.

use serde::{Deserialize, Serialize};

use super::files::{LAYOUT, features_path, map_path, texts_path, vectors_path};
use super::studied::{Row, Studied};
use super::{
    Album, Cell, ClusterSummary, CriterionClusters, Layout, NameQuality, Picture, Representation, RepresentationKind,
    TextColumn, Timing,
};

/// The manifest's name.
pub const MANIFEST: &str = "album.json";

/// The version of this file's shape. 2 says what is needed to open an album again.
pub const FORMAT: u32 = 2;

/// A file of the album.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Below the album's folder, `/`-separated.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// A model that the run used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Name on the command line.
    pub name: String,
    /// Of the weights file.
    pub sha256: String,
}

/// A matrix with a row for each picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixEntry {
    /// As [`Representation::name`].
    pub name: String,
    /// What it is made from.
    pub kind: RepresentationKind,
    /// As [`Representation::texts`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<String>,
    /// Columns; albums of before there were studies to open do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
    /// Its array file, one of [`Manifest::files`].
    pub path: String,
}

impl MatrixEntry {
    fn new(of: &Representation, path: fn(&str) -> String) -> Self {
        let (name, texts, dimensions) = (of.name.clone(), of.texts.clone(), Some(of.matrix.ncols()));
        Self { name, kind: of.kind, texts, dimensions, path: path(&of.name) }
    }
}

/// A text for each picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextEntry {
    /// As [`super::TextColumn::name`].
    pub name: String,
    /// Its table, one of [`Manifest::files`].
    pub path: String,
    /// Whether the table says how likely each text is.
    #[serde(default)]
    pub probable: bool,
}

impl TextEntry {
    fn new(of: &TextColumn) -> Self {
        Self { name: of.name.clone(), path: texts_path(&of.name), probable: of.probabilities.is_some() }
    }
}

/// A map's facts; its points are in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayoutEntry {
    /// `tsne` or `pca`.
    pub projector: String,
    /// What was projected.
    pub representation: String,
    /// True Kullback-Leibler divergence, for t-SNE.
    pub kl: Option<f64>,
    /// Share of neighbours kept.
    pub trustworthiness: Option<f64>,
    /// The table of its points, one of [`Manifest::files`].
    #[serde(default = "layout_path")]
    pub path: String,
}

fn layout_path() -> String {
    LAYOUT.to_owned()
}

impl LayoutEntry {
    fn new(of: &Layout, path: String) -> Self {
        let (projector, representation) = (of.projector.clone(), of.representation.clone());
        Self { projector, representation, kl: of.kl, trustworthiness: of.trustworthiness, path }
    }
}

/// The study that the album is the first seed of, as [`Studied`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented at Studied")]
pub struct StudyEntry {
    pub title: String,
    pub about: String,
    pub rows: Vec<Row>,
    pub clusters: Vec<Vec<ClusterSummary>>,
    pub maps: Vec<LayoutEntry>,
}

impl StudyEntry {
    fn new(of: &Studied) -> Self {
        let maps = of.maps.iter().map(|map| LayoutEntry::new(map, map_path(&map.representation)));
        Self {
            title: of.title.clone(),
            about: of.about.clone(),
            rows: of.rows.clone(),
            clusters: of.clusters.clone(),
            maps: maps.collect(),
        }
    }
}

/// Everything of an album that is not a matrix, a text column or a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of gistmap.
    pub gistmap: String,
    /// The collection's folder name.
    pub title: String,
    /// The device and why it was chosen.
    pub device: String,
    /// The plan, as the engine takes it.
    pub plan: crate::protocol::Plan,
    /// The plan in the command line's terms, for people.
    pub parameters: Vec<(String, String)>,
    /// The models used.
    pub models: Vec<ModelEntry>,
    /// Names of the labels.
    pub label_names: Vec<String>,
    /// The readable pictures, in row order.
    pub pictures: Vec<Picture>,
    /// How many pictures could not be read; see `errors.csv`.
    pub failures: usize,
    /// Matrices as the networks gave them.
    pub features: Vec<MatrixEntry>,
    /// Texts that describe the pictures.
    pub texts: Vec<TextEntry>,
    /// The matrices that were clustered.
    pub vectors: Vec<MatrixEntry>,
    /// Every representation x clusterer.
    pub cells: Vec<Cell>,
    /// Index of the cell that clusters, map and report follow.
    pub main_cell: usize,
    /// The clusters of the main cell.
    pub clusters: Vec<ClusterSummary>,
    /// How well names and keywords tell the labels.
    #[serde(default)]
    pub name_quality: Option<NameQuality>,
    /// The criteria, each with its clusters.
    #[serde(default)]
    pub criteria: Vec<CriterionClusters>,
    /// The map.
    pub layout: LayoutEntry,
    /// The study that the album is the first seed of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyEntry>,
    /// Where the time went.
    pub timings: Vec<Timing>,
    /// Every other file, with its sha256.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// The manifest of `album`, made by `plan` with `models` and written as `files`.
    pub fn new(album: &Album, plan: &crate::protocol::Plan, models: Vec<ModelEntry>, files: Vec<FileEntry>) -> Self {
        Self {
            format: FORMAT,
            gistmap: album.version.clone(),
            title: album.title.clone(),
            device: album.device.clone(),
            plan: plan.clone(),
            parameters: album.parameters.clone(),
            models,
            label_names: album.label_names.clone(),
            pictures: album.pictures.clone(),
            failures: album.failures.len(),
            features: album.features.iter().map(|r| MatrixEntry::new(r, features_path)).collect(),
            texts: album.texts.iter().map(TextEntry::new).collect(),
            vectors: album.vectors.iter().map(|r| MatrixEntry::new(r, vectors_path)).collect(),
            cells: album.cells.clone(),
            main_cell: album.main_cell,
            clusters: album.clusters.clone(),
            name_quality: album.name_quality,
            criteria: album.criteria.clone(),
            layout: LayoutEntry::new(&album.layout, layout_path()),
            study: album.study.as_ref().map(StudyEntry::new),
            timings: album.timings.clone(),
            files,
        }
    }
}
