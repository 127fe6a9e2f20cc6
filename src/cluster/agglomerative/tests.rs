#![allow(clippy::unwrap_used)]
use super::chain::Chain;
use super::rounds::Rounds;
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

fn by_rounds<F: Scalar>(x: &Array2<F>) -> Vec<([usize; 2], f64)> {
    let mut rounds = Rounds::new(Rows::new(x).unwrap());
    while rounds.step() {}
    rounds.pairs
}

fn by_table<F: Scalar>(x: &Array2<F>) -> Vec<([usize; 2], f64)> {
    let mut filling = Filling::with_precision(Rows::new(x).unwrap(), Metric::Euclidean, true).unwrap();
    while !filling.step() {}
    let Table::Double(table) = filling.table() else { panic!("double precision was asked for") };
    joined(Chain::new(Linkage::Ward, table))
}

#[test]
fn rounds_make_the_tree_of_the_table() {
    for name in ["blobs-700-9-3", "noise-1500-20-3", "noise-40-3-9", "blobs-600-9-3"] {
        let x = matrix(name);
        let single = x.mapv(|v| v as f32);
        for (rounds, table) in [(by_rounds(&x), by_table(&x)), (by_rounds(&single), by_table(&single))] {
            let [rounds, table] = [rounds, table].map(|pairs| super::Tree::new(pairs, true));
            for (a, b) in rounds.merges().iter().zip(table.merges()) {
                assert_eq!(a.children, b.children, "{name}");
                assert!((a.height - b.height).abs() <= 1e-9 * b.height, "{name}: {} and {}", a.height, b.height);
            }
            assert_eq!(rounds.cut(7), table.cut(7));
        }
    }
}

#[test]
fn rounds_join_rows_in_any_order() {
    let x = matrix("noise-1500-20-3");
    let reversed = x.slice(ndarray::s![..;-1, ..]).to_owned();
    let [labels, backwards] = [&x, &reversed].map(|x| super::Tree::new(by_rounds(x), true).cut(12));
    let backwards: Vec<i32> = backwards.into_iter().rev().collect();
    assert_eq!(adjusted_rand_score(&labels, &backwards), 1.0);
}

#[test]
fn rounds_end_whatever_the_rows() {
    let equal = Array2::<f64>::ones((100, 3));
    assert!(by_rounds(&equal).iter().all(|pair| pair.1 == 0.0));
    // A grid, on which many distances are equal, of rows that are there four times.
    let grid = Array2::from_shape_fn((400, 2), |(i, f)| [(i % 10) as f64, (i / 10 % 10) as f64][f]);
    let heights = |pairs: Vec<([usize; 2], f64)>| {
        let mut heights: Vec<f64> = pairs.into_iter().map(|pair| pair.1).collect();
        heights.sort_by(f64::total_cmp);
        heights
    };
    let found = heights(by_rounds(&grid));
    assert_eq!((found.len(), found.iter().filter(|&&height| height == 0.0).count()), (399, 300));
    // Each row's nearest is the one before it, so that only two can be joined at a time.
    let steep = Array2::from_shape_fn((60, 1), |(i, _)| 1.5f64.powi(i as i32));
    for (found, expected) in heights(by_rounds(&steep)).into_iter().zip(heights(by_table(&steep))) {
        assert!((found - expected).abs() <= 1e-9 * expected, "{found}, not {expected}");
    }
    let far = array![[0.0f64], [1e200], [-1e200], [1e-200], [3.0]];
    assert_eq!(by_rounds(&far).len(), 4);
}

#[test]
fn rounds_have_the_same_bits_with_any_number_of_threads() {
    let x = matrix("noise-1500-20-3");
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        super::Tree::new(pool.install(|| by_rounds(&x)), true)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn many_rows_are_joined_in_rounds() {
    let x = matrix("blobs-4200-6-5");
    let params = AgglomerativeParams::default().n_clusters(9);
    let run = to_the_end(AgglomerativeRun::new(params, &x).unwrap(), 2, 0);
    assert_eq!(run.labels(), super::Tree::new(by_table(&x), true).cut(9));
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
