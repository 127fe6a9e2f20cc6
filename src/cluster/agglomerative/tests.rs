#![allow(clippy::unwrap_used)]
use super::chain::Chain;
use super::{
    Agglomerative, AgglomerativeError, AgglomerativeParams, AgglomerativeParamsError, AgglomerativeRun, Linkage,
};
use crate::cluster::distances::Metric;
use crate::cluster::distances::condensed::{Filling, Table};
use crate::cluster::distances::goldens::{Case, matrix};
use crate::cluster::distances::rows::Rows;
use crate::cluster::stepped::to_the_end;
use crate::cluster::{Clusterer, Scalar};
use crate::score::ari::adjusted_rand_score;
use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, array};

fn linkage(name: &str) -> Linkage {
    match name {
        "ward" => Linkage::Ward,
        "average" => Linkage::Average,
        "complete" => Linkage::Complete,
        _ => Linkage::Single,
    }
}

fn check<F: Scalar>(case: &Case) {
    let mut params = AgglomerativeParams::default().linkage(linkage(case.text("linkage").unwrap()));
    if case.text("metric") == Some("cosine") {
        params = params.metric(Metric::Cosine);
    }
    params = match case.count("n_clusters") {
        Some(n_clusters) => params.n_clusters(n_clusters),
        None => params.distance_threshold(case.number("distance_threshold").unwrap()),
    };
    let model = params.fit(&DatasetBase::from(case.matrix::<F>())).unwrap();
    assert_eq!(model.labels().to_vec(), case.labels(), "{}", case.about());
}

#[test]
fn labels_equal_scikit_learn() {
    let cases = Case::all("agglomerative");
    assert!(cases.len() > 30);
    for case in cases {
        if case.is_single() { check::<f32>(&case) } else { check::<f64>(&case) }
    }
}

#[test]
fn single_precision_finds_the_same_clusters() {
    let x = matrix("blobs-600-9-3");
    for linkage in [Linkage::Ward, Linkage::Average, Linkage::Complete] {
        let labels = [true, false].map(|double| {
            let mut filling = Filling::with_precision(Rows::new(&x).unwrap(), Metric::Euclidean, double).unwrap();
            while !filling.step() {}
            let pairs = match filling.table() {
                Table::Double(table) => joined(Chain::new(linkage, table)),
                Table::Single(table) => joined(Chain::new(linkage, table)),
            };
            super::Tree::new(pairs, true).cut(7)
        });
        assert!(adjusted_rand_score(&labels[0], &labels[1]) > 0.99, "{linkage:?}");
    }
}

fn joined<T: Scalar>(mut chain: Chain<T>) -> Vec<([usize; 2], f64)> {
    while chain.join() {}
    chain.pairs
}

/// The tree by its definition: of all pairs of clusters the nearest, again and again.
fn plain(x: &Array2<f64>, linkage: Linkage) -> Vec<f64> {
    let mut clusters: Vec<Vec<usize>> = (0..x.nrows()).map(|i| vec![i]).collect();
    let distance = |i: usize, j: usize| (&x.row(i) - &x.row(j)).mapv(|v| v * v).sum().sqrt();
    let mean = |cluster: &[usize]| x.select(ndarray::Axis(0), cluster).mean_axis(ndarray::Axis(0)).unwrap();
    let between = |a: &[usize], b: &[usize]| {
        let all = a.iter().flat_map(|&i| b.iter().map(move |&j| distance(i, j)));
        let (na, nb) = (a.len() as f64, b.len() as f64);
        match linkage {
            Linkage::Ward => {
                let squared = (&mean(a) - &mean(b)).mapv(|v| v * v).sum();
                (2.0 * na * nb / (na + nb) * squared).sqrt()
            }
            Linkage::Average => all.sum::<f64>() / na / nb,
            Linkage::Complete => all.fold(0.0, f64::max),
            Linkage::Single => all.fold(f64::INFINITY, f64::min),
        }
    };
    let mut heights = Vec::new();
    while clusters.len() > 1 {
        let pairs = (0..clusters.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let nearest = pairs.map(|(a, b)| (between(&clusters[a], &clusters[b]), a, b));
        let (height, a, b) = nearest.min_by(|x, y| x.0.total_cmp(&y.0)).unwrap();
        let joined = clusters.remove(b);
        clusters[a].extend(joined);
        heights.push(height);
    }
    heights
}

#[test]
fn heights_equal_the_definition() {
    let x = matrix("noise-40-3-9");
    for linkage in [Linkage::Ward, Linkage::Average, Linkage::Complete, Linkage::Single] {
        let model = Agglomerative::params().linkage(linkage).fit(&DatasetBase::from(x.clone())).unwrap();
        let found = model.tree().merges().iter().map(|merge| merge.height);
        for (found, expected) in found.zip(plain(&x, linkage)) {
            assert!((found - expected).abs() < 1e-12, "{linkage:?}: {found}, not {expected}");
        }
    }
}

#[test]
fn threads_change_nothing_and_steps_show_progress() {
    let x = matrix("noise-1500-20-3");
    let with = |threads| {
        let run = AgglomerativeRun::new(AgglomerativeParams::default().n_clusters(9), &x).unwrap();
        assert_eq!(run.labels(), vec![-1; x.nrows()]);
        let run = to_the_end(run, threads, 1);
        run.labels()
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn far_numbers_end_in_clusters_too() {
    let x = array![[0.0f64], [1e200], [-1e200], [1e-200], [3.0]];
    for linkage in [Linkage::Ward, Linkage::Average, Linkage::Complete, Linkage::Single] {
        let model = Agglomerative::params().n_clusters(2).linkage(linkage).fit(&DatasetBase::from(x.clone())).unwrap();
        assert!(model.labels().iter().all(|label| (0..2).contains(label)));
    }
}

#[test]
fn bad_input_is_named() {
    let fit = |params: AgglomerativeParams, x: Array2<f64>| params.fit(&DatasetBase::from(x));
    let params = Agglomerative::params;
    assert_eq!(params().n_clusters(0).check(), Err(AgglomerativeParamsError::NClusters));
    assert_eq!(params().metric(Metric::Cosine).check(), Err(AgglomerativeParamsError::WardMetric));
    assert_eq!(params().distance_threshold(-1.0).check(), Err(AgglomerativeParamsError::DistanceThreshold(-1.0)));
    let few = fit(params().n_clusters(3), array![[1.0], [2.0]]);
    assert!(matches!(few, Err(AgglomerativeError::TooFewSamples { n_clusters: 3, n_samples: 2 })));
    let cosine = params().linkage(Linkage::Average).metric(Metric::Cosine);
    let error = fit(cosine, array![[1.0, 0.0], [0.0, 0.0]]).unwrap_err();
    assert!(error.to_string().contains("row 1 is all zeros"), "{error}");
}
