//! One clustering: `cluster ALGORITHM DATA.npy ROWS LABELS.npy` fits the first ROWS rows and prints its milliseconds.
//!
//! An algorithm is a line of `ALGORITHMS`; `bench/reference/cluster.py` has the same names with the same parameters.

mod common;

use anyhow::{Context, Result};
use gistmap::cluster::Clusterer;
use gistmap::cluster::agglomerative::{Agglomerative, AgglomerativeRun, Linkage};
use gistmap::cluster::dbscan::{Dbscan, DbscanRun};
use gistmap::cluster::distances::Metric;
use gistmap::cluster::gmm::{CovarianceType, GaussianMixture, GaussianMixtureParams};
use gistmap::cluster::hdbscan::{Hdbscan, HdbscanRun};
use gistmap::cluster::kmeans::{KMeans, KMeansRun};
use gistmap::cluster::mini_batch_kmeans::{MiniBatchKMeans, MiniBatchKMeansRun};
use gistmap::cluster::optics::{Optics, OpticsRun};
use gistmap::cluster::spectral::{Affinity, SpectralClustering};
use linfa::DatasetBase;
use linfa::traits::Fit as _;
use ndarray::{Array2, s};

/// Fits an algorithm with the bench's parameters; the labels.
type Fit = fn(&Array2<f32>) -> Result<Vec<i32>>;

const ALGORITHMS: [(&str, Fit); 13] = [
    ("kmeans", |x| labels(KMeansRun::new(KMeans::params(30).n_init(1), x)?)),
    ("mini_batch_kmeans", |x| labels(MiniBatchKMeansRun::new(MiniBatchKMeans::params(30), x)?)),
    ("gmm_diag", |x| mixture(GaussianMixture::params(30).covariance_type(CovarianceType::Diag), x)),
    ("gmm_full", |x| mixture(GaussianMixture::params(30).max_iter(2), x)),
    ("spectral", |x| {
        let params = SpectralClustering::params(30).affinity(Affinity::NearestNeighbors);
        let model = params.fit(&DatasetBase::from(x.view()))?;
        Ok(model.labels().iter().map(|&label| label as i32).collect())
    }),
    ("dbscan", |x| labels(DbscanRun::new(Dbscan::params().eps(0.85), x)?)),
    ("ward", |x| joined(x, Linkage::Ward, Metric::Euclidean)),
    ("average", |x| joined(x, Linkage::Average, Metric::Euclidean)),
    ("average_cosine", |x| joined(x, Linkage::Average, Metric::Cosine)),
    ("complete", |x| joined(x, Linkage::Complete, Metric::Euclidean)),
    ("single", |x| joined(x, Linkage::Single, Metric::Euclidean)),
    ("hdbscan", |x| labels(HdbscanRun::new(Hdbscan::params().min_cluster_size(15).min_samples(5), x)?)),
    ("optics", |x| labels(OpticsRun::new(Optics::params(), x)?)),
];

fn mixture(params: GaussianMixtureParams, x: &Array2<f32>) -> Result<Vec<i32>> {
    let model = params.fit(&DatasetBase::from(x.view()))?;
    Ok(model.labels().iter().map(|&label| label as i32).collect())
}

fn joined(x: &Array2<f32>, linkage: Linkage, metric: Metric) -> Result<Vec<i32>> {
    labels(AgglomerativeRun::new(Agglomerative::params().n_clusters(30).linkage(linkage).metric(metric), x)?)
}

fn labels(mut run: impl Clusterer) -> Result<Vec<i32>> {
    run.run();
    Ok(run.labels())
}

fn main() -> Result<()> {
    let [name, data, rows, out] = common::arguments("cluster ALGORITHM DATA.npy ROWS LABELS.npy")?;
    let (_, fit) =
        ALGORITHMS.iter().find(|(known, _)| *known == name).with_context(|| format!("there is no algorithm {name}"))?;
    let rows: usize = rows.parse()?;
    let mut data = common::read_matrix(&data)?;
    if rows < data.nrows() {
        data = data.slice(s![..rows, ..]).to_owned();
    }
    let (ms, labels) = common::timed(|| fit(&data));
    let labels = labels?;
    let clusters = labels.iter().max().map_or(0, |most| most + 1);
    let noise = labels.iter().filter(|&&label| label < 0).count();
    let column = Array2::from_shape_fn((labels.len(), 1), |(row, _)| labels[row] as f32);
    common::write_matrix(&out, column.view())?;
    println!("{}", serde_json::json!({"ms": ms, "clusters": clusters, "noise": noise}));
    Ok(())
}
