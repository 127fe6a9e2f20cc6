//! An album as a page shows it: everything but the matrices, which stay with the engine.

use serde::{Deserialize, Serialize};

use super::studied::Row;
use super::{
    Album, Cell, ClusterSummary, CriterionClusters, Failure, NameQuality, Picture, RepresentationKind, TextColumn,
    Timing,
};

/// A representation without its matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepresentationView {
    /// As [`super::Representation::name`].
    pub name: String,
    /// What it is made from.
    pub kind: RepresentationKind,
    /// As [`super::Representation::texts`].
    pub texts: Option<String>,
    /// Columns of the matrix.
    pub dimensions: usize,
}

/// The map's facts and points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayoutView {
    /// `tsne` or `pca`.
    pub projector: String,
    /// Representation that was projected.
    pub representation: String,
    /// `x, y` of each picture, little-endian `f32`.
    #[serde(with = "serde_bytes")]
    pub points: Vec<u8>,
    /// Kullback-Leibler divergence of a t-SNE.
    pub kl: Option<f64>,
    /// Share of neighbours kept, in [0, 1].
    pub trustworthiness: Option<f64>,
}

/// A study's table; its maps and clusters stay with the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented at Studied")]
pub struct StudyView {
    pub title: String,
    pub about: String,
    pub rows: Vec<Row>,
}

/// Everything of an album that can be shown. Fields are those of [`Album`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented at Album")]
pub struct AlbumView {
    pub title: String,
    pub version: String,
    pub device: String,
    pub parameters: Vec<(String, String)>,
    pub pictures: Vec<Picture>,
    pub label_names: Vec<String>,
    pub texts: Vec<TextColumn>,
    /// The matrices that were clustered, without their numbers.
    pub representations: Vec<RepresentationView>,
    pub cells: Vec<Cell>,
    pub main_cell: usize,
    pub clusters: Vec<ClusterSummary>,
    pub name_quality: Option<NameQuality>,
    pub criteria: Vec<CriterionClusters>,
    pub layout: LayoutView,
    pub study: Option<StudyView>,
    pub failures: Vec<Failure>,
    pub timings: Vec<Timing>,
}

impl From<&Album> for AlbumView {
    fn from(album: &Album) -> Self {
        let representations = album.vectors.iter().map(|r| RepresentationView {
            name: r.name.clone(),
            kind: r.kind,
            texts: r.texts.clone(),
            dimensions: r.matrix.ncols(),
        });
        Self {
            title: album.title.clone(),
            version: album.version.clone(),
            device: album.device.clone(),
            parameters: album.parameters.clone(),
            pictures: album.pictures.clone(),
            label_names: album.label_names.clone(),
            texts: album.texts.clone(),
            representations: representations.collect(),
            cells: album.cells.clone(),
            main_cell: album.main_cell,
            clusters: album.clusters.clone(),
            name_quality: album.name_quality,
            criteria: album.criteria.clone(),
            layout: LayoutView {
                projector: album.layout.projector.clone(),
                representation: album.layout.representation.clone(),
                points: album.layout.points.iter().flat_map(|v| v.to_le_bytes()).collect(),
                kl: album.layout.kl,
                trustworthiness: album.layout.trustworthiness,
            },
            study: album.study.as_ref().map(|study| StudyView {
                title: study.title.clone(),
                about: study.about.clone(),
                rows: study.rows.clone(),
            }),
            failures: album.failures.clone(),
            timings: album.timings.clone(),
        }
    }
}
