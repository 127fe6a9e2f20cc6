#![allow(clippy::unwrap_used)]
use super::{Hdbscan, HdbscanError, HdbscanParams, HdbscanParamsError, HdbscanRun, Selection};
use crate::cluster::Clusterer;
use crate::cluster::distances::goldens::{Case, matrix};
use crate::cluster::stepped::to_the_end;
use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, array};

fn params(case: &Case) -> HdbscanParams {
    let mut params = HdbscanParams::default();
    if let Some(size) = case.count("min_cluster_size") {
        params = params.min_cluster_size(size);
    }
    if let Some(min_samples) = case.count("min_samples") {
        params = params.min_samples(min_samples);
    }
    if let Some(size) = case.count("max_cluster_size") {
        params = params.max_cluster_size(size);
    }
    if case.text("cluster_selection_method") == Some("leaf") {
        params = params.cluster_selection_method(Selection::Leaf);
    }
    params
        .alpha(case.number("alpha").unwrap_or(1.0))
        .cluster_selection_epsilon(case.number("cluster_selection_epsilon").unwrap_or(0.0))
        .allow_single_cluster(case.golden["parameters"]["allow_single_cluster"] == true)
}

#[test]
fn labels_equal_scikit_learn() {
    let cases = Case::all("hdbscan");
    assert!(cases.len() > 15);
    for case in cases {
        let model = params(&case).fit(&DatasetBase::from(case.matrix::<f64>())).unwrap();
        assert_eq!(model.labels().to_vec(), case.labels(), "{}", case.about());
        for (found, expected) in model.probabilities().iter().zip(case.golden["probabilities"].as_array().unwrap()) {
            let expected = expected.as_f64().unwrap();
            assert!((found - expected).abs() < 2e-6, "{}: probability {found}, not {expected}", case.about());
        }
    }
}

#[test]
fn threads_change_nothing_and_steps_show_progress() {
    let x = matrix("blobs-1500-20-3");
    let with = |threads| {
        let run = HdbscanRun::new(HdbscanParams::default(), &x).unwrap();
        assert_eq!(run.labels(), vec![-1; x.nrows()]);
        let run = to_the_end(run, threads, 0);
        run.labels()
    };
    assert_eq!(with(1), with(3));
    assert!(with(1).iter().any(|&label| label > 0));
}

#[test]
fn bad_input_is_named() {
    let fit = |params: HdbscanParams, x: Array2<f64>| params.fit(&DatasetBase::from(x));
    assert_eq!(Hdbscan::params().min_cluster_size(1).check(), Err(HdbscanParamsError::MinClusterSize(1)));
    assert_eq!(Hdbscan::params().min_samples(0).check(), Err(HdbscanParamsError::MinSamples));
    assert_eq!(Hdbscan::params().max_cluster_size(0).check(), Err(HdbscanParamsError::MaxClusterSize));
    assert_eq!(Hdbscan::params().alpha(0.0).check(), Err(HdbscanParamsError::Alpha(0.0)));
    assert!(Hdbscan::params().cluster_selection_epsilon(f64::NAN).check().is_err());
    let few = fit(Hdbscan::params(), array![[1.0], [2.0]]);
    assert!(matches!(few, Err(HdbscanError::TooFewSamples { min_samples: 5, n_samples: 2 })));
    assert!(matches!(fit(Hdbscan::params(), Array2::zeros((9, 0))), Err(HdbscanError::Matrix(_))));
}
