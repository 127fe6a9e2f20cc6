//! What an album knows of the study that it is the first seed of: the table of all seeds, and what is seen when one of its
//! rows is chosen, so that nothing has to be computed then.

use serde::{Deserialize, Serialize};

use super::{ClusterSummary, Layout};

/// Mean and standard deviation over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The sample's standard deviation (n − 1); none of a single run.
    pub sd: Option<f64>,
    /// Runs.
    pub n: usize,
}

impl Spread {
    /// Of some values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let sd = (n > 1).then(|| (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1) as f64).sqrt());
        (n > 0).then_some(Self { mean, sd, n })
    }
}

/// One representation clustered by one clusterer, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which representation.
    pub representation: String,
    /// Which clusterer.
    pub clusterer: String,
    /// Parameter that it chose itself in the first run.
    pub chosen: Option<(String, f64)>,
    /// Clusters found.
    pub k: Spread,
    /// Share of the pictures that belong to no cluster.
    pub noise: Spread,
    /// Seconds of a run, as measured when it was first computed.
    pub seconds: Spread,
    /// ACC, NMI, ARI, kappa: as [`SUPERVISED`](crate::study::table::SUPERVISED).
    pub supervised: [Option<Spread>; 4],
    /// Silhouette and loss: as [`LABEL_FREE`](crate::study::table::LABEL_FREE).
    pub label_free: [Option<Spread>; 2],
}

/// A study, of which the album holds the clusterings of the first seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Studied {
    /// The recipe's title.
    pub title: String,
    /// What it is about, a paragraph; may be empty.
    pub about: String,
    /// Mean and spread of every representation × clusterer. Each has a cell in the album.
    pub rows: Vec<Row>,
    /// The clusters of the album's first cells, by cell.
    pub clusters: Vec<Vec<ClusterSummary>>,
    /// Maps of representations, each once. One that has none is laid out when it is asked for.
    pub maps: Vec<Layout>,
}
