//! K-Means, one run: `kmeans DATA.npy K LABELS.npy`.

mod common;

use gistmap::cluster::kmeans::KMeans;
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::Array2;

fn main() -> anyhow::Result<()> {
    let [data, k, out] = common::arguments("kmeans DATA.npy K LABELS.npy")?;
    let data = DatasetBase::from(common::read_matrix(&data)?);
    let params = KMeans::params(k.parse()?).n_init(1).random_state(common::SEED);
    let (ms, model) = common::timed(|| params.fit(&data));
    let model = model?;
    let labels = Array2::from_shape_fn((model.labels().len(), 1), |(row, _)| model.labels()[row] as f32);
    common::write_matrix(&out, labels.view())?;
    let line = serde_json::json!({"ms": ms, "iterations": model.n_iter(), "inertia": model.inertia()});
    println!("{line}");
    Ok(())
}
