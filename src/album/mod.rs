//! What a run knows, and the files that it is made of.
//!
//! The engine fills an [`Album`]; the report and the shells read it. Row `i` of every matrix, text
//! column and labeling belongs to `pictures[i]`; pictures that could not be read are in
//! [`Album::failures`] alone.

pub mod archive;
mod check;
mod digest;
pub mod files;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
pub mod manifest;
mod open;
pub mod sheets;
pub mod source;
pub mod studied;
pub mod view;

pub use open::{OpenError, Opened, Unread, open, open_without_matrices};

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::cluster::k_distance::KDistanceCurve;
use studied::Studied;

/// One readable picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Path below the collection's root, `/`-separated.
    pub file: String,
    /// Index into [`Album::label_names`], where folders carry labels.
    pub label: Option<u32>,
    /// BLAKE3 of the file's bytes, hexadecimal.
    pub hash: String,
}

/// A picture or folder that could not be used, at which stage, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Path below the collection's root.
    pub file: String,
    /// `list`, `read`, `decode`, ...
    pub stage: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// A matrix with a row for each picture: features, text vectors, or a fusion of both.
#[derive(Debug, Clone, PartialEq)]
pub struct Representation {
    /// Name used in tables and file names, such as `efficientnet-lite0` or `efficientnet-lite0+tags@concat`.
    pub name: String,
    /// What the matrix is made from.
    pub kind: RepresentationKind,
    /// The text column that it speaks of, which names its clusters; `None` where it is made of pixels alone.
    pub texts: Option<String>,
    /// `[pictures, dimensions]`; `[0, dimensions]` where it still lies in the album's files ([`Unread`]).
    pub matrix: Array2<f32>,
}

impl Representation {
    /// Whether its numbers are here.
    pub fn is_read(&self) -> bool {
        self.matrix.nrows() > 0
    }
}

/// What a representation is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepresentationKind {
    /// Pixels.
    Image,
    /// Words.
    Text,
    /// Both.
    Fused,
}

/// One text for each picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextColumn {
    /// Name, such as `tags`.
    pub name: String,
    /// One text a picture; empty where there is none.
    pub texts: Vec<String>,
    /// How likely each text is, in [0, 1], where it was chosen out of a list; 0 where there is no text.
    #[serde(default)]
    pub probabilities: Option<Vec<f32>>,
}

impl TextColumn {
    /// Texts of which nothing more is known.
    pub fn new(name: impl Into<String>, texts: Vec<String>) -> Self {
        Self { name: name.into(), texts, probabilities: None }
    }
}

/// The scores of a labeling; the first four need labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct Scores {
    /// Accuracy after the best one-to-one matching of clusters and labels (Hungarian).
    pub acc: Option<f64>,
    /// Normalised mutual information, arithmetic mean.
    pub nmi: Option<f64>,
    /// Adjusted Rand index.
    pub ari: Option<f64>,
    /// Cohen's kappa after each cluster takes its majority label.
    pub kappa: Option<f64>,
    /// Mean silhouette, Euclidean, on the clustered matrix.
    pub silhouette: Option<f64>,
    /// K-Means loss, normalised per dimension: the share of the clustered matrix' variance that the clusters leave
    /// unexplained, in [0, 1]; the lower the better, at the same number of clusters. Needs no labels.
    #[serde(default)]
    pub loss: Option<f64>,
}

/// One representation clustered by one clusterer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Which representation.
    pub representation: String,
    /// Which clusterer, such as `kmeans`.
    pub clusterer: String,
    /// A parameter that the clusterer chose itself, such as DBSCAN's `eps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<(String, f64)>,
    /// The curve of distances that `eps` was read off, where DBSCAN chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k_distances: Option<KDistanceCurve>,
    /// Number of clusters found.
    pub k: usize,
    /// Seed of the run.
    pub seed: u64,
    /// Cluster of each picture, from 0; -1 is noise.
    pub labels: Vec<i32>,
    /// How good the labeling is.
    pub scores: Scores,
    /// Seconds that clustering took (as measured when it was first computed).
    pub seconds: f64,
    /// Silhouette for each k tried, where k was chosen automatically.
    pub k_curve: Vec<(usize, f64)>,
}

impl Cell {
    /// The clusterer and what it chose itself, for people: `dbscan (eps 0.712)`.
    pub fn clustered_by(&self) -> String {
        match &self.chosen {
            None => self.clusterer.clone(),
            Some((name, value)) => format!("{} ({name} {value:.3})", self.clusterer),
        }
    }
}

/// One cluster of the main cell, explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterSummary {
    /// Cluster index; -1 is noise.
    pub cluster: i32,
    /// Number of pictures.
    pub size: usize,
    /// A few words.
    pub name: String,
    /// The language model that gave the name, where it is not gistmap's own: `MODEL at ADDRESS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_by: Option<String>,
    /// Best first.
    pub keywords: Vec<String>,
    /// Indices of the pictures nearest the centre, nearest first.
    pub exemplars: Vec<usize>,
    /// Share of the majority label, where there are labels.
    pub purity: Option<f64>,
    /// The majority label's name, where there are labels.
    pub majority: Option<String>,
}

/// How one criterion divides the pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriterionClusters {
    /// In a person's words; its representation may be called otherwise, where a text has that name.
    pub criterion: String,
    /// What answered it, for people: `the column action`, or `what location_caption says of actions`.
    pub answered_by: String,
    /// Index into [`Album::cells`].
    pub cell: usize,
    /// The cell's clusters, by cluster index.
    pub clusters: Vec<ClusterSummary>,
}

/// How well the main cell's names and keywords tell the label folders, each cluster matched to one of them (Stephan et al.,
/// "Text-Guided Image Clustering").
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NameQuality {
    /// Share of the clusters of which one keyword is the label's name, in [0, 1].
    pub exact_match: f64,
    /// Mean cosine similarity of a cluster's keywords to its label's name, as sentence vectors, in [-1, 1].
    pub similarity: f64,
}

/// The map: a place in the plane for each picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// `tsne` or `pca`.
    pub projector: String,
    /// Representation that was projected.
    pub representation: String,
    /// `[pictures, 2]`.
    pub points: Array2<f32>,
    /// Kullback-Leibler divergence of a t-SNE.
    pub kl: Option<f64>,
    /// Share of neighbours kept (k = 12), in [0, 1].
    pub trustworthiness: Option<f64>,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Stage, as shown to people.
    pub stage: String,
    /// Wall seconds in this run.
    pub seconds: f64,
    /// Things handled (pictures, sentences, points).
    pub items: usize,
    /// How many of them came from the cache.
    pub cached: usize,
}

/// Everything that a run knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Album {
    /// Title: the collection's folder name.
    pub title: String,
    /// Version of gistmap that made it.
    pub version: String,
    /// The device that ran the networks, and why it was chosen.
    pub device: String,
    /// Run parameters as `(name, value)`, in the command line's terms, for people.
    pub parameters: Vec<(String, String)>,
    /// The readable pictures.
    pub pictures: Vec<Picture>,
    /// Label names; empty where the folders carry none.
    pub label_names: Vec<String>,
    /// Feature matrices as the networks gave them (before centring and scaling).
    pub features: Vec<Representation>,
    /// Texts that describe the pictures.
    pub texts: Vec<TextColumn>,
    /// The matrices that were clustered: prepared features, text vectors, fusions.
    pub vectors: Vec<Representation>,
    /// Every representation x clusterer.
    pub cells: Vec<Cell>,
    /// Index into `cells` of the one that names, map and report follow.
    pub main_cell: usize,
    /// The main cell's clusters, by cluster index.
    pub clusters: Vec<ClusterSummary>,
    /// How well names and keywords tell the labels, where there are labels and texts, and the main cell is the run's.
    pub name_quality: Option<NameQuality>,
    /// The criteria of the plan, each with its clusters.
    pub criteria: Vec<CriterionClusters>,
    /// The map.
    pub layout: Layout,
    /// The study that the album is the first seed of.
    pub study: Option<Studied>,
    /// What could not be read.
    pub failures: Vec<Failure>,
    /// Where the time went.
    pub timings: Vec<Timing>,
}
