#![allow(clippy::unwrap_used)]
use super::{
    MiniBatchKMeans, MiniBatchKMeansError, MiniBatchKMeansParams, MiniBatchKMeansParamsError, MiniBatchKMeansRun,
};
use crate::cluster::golden::{labels, matrix, text};
use crate::cluster::kmeans::KMeansError;
use crate::cluster::stepped::to_the_end;
use crate::cluster::{Clusterer, Scalar};
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};
use ndarray::array;
use serde_json::Value;

fn params(case: &Value) -> MiniBatchKMeansParams {
    let number = |name: &str| case[name].as_u64().unwrap() as usize;
    let mut params = MiniBatchKMeansParams::new(number("k")).random_state(number("seed") as u32);
    for (name, value) in case["params"].as_object().unwrap() {
        let count = value.as_u64().map(|count| count as usize);
        params = match name.as_str() {
            "batch_size" => params.batch_size(count.unwrap()),
            "n_init" => params.n_init(count.unwrap()),
            "init_size" => params.init_size(count),
            "max_iter" => params.max_iter(count.unwrap()),
            "max_no_improvement" => params.max_no_improvement(count),
            "tol" => params.tol(value.as_f64().unwrap()),
            "reassignment_ratio" => params.reassignment_ratio(value.as_f64().unwrap()),
            _ => panic!("{name}"),
        };
    }
    params
}

fn check<F: Scalar>(case: &Value) {
    let about = format!("{} {} k {} seed {}", case["matrix"], case["dtype"], case["k"], case["seed"]);
    let x = matrix(case["matrix"].as_str().unwrap()).mapv(F::of);
    let mut run = MiniBatchKMeansRun::new(params(case), &x).unwrap();
    run.run();
    assert_eq!(run.n_steps() as u64, case["n_steps"].as_u64().unwrap(), "{about}");
    assert_eq!(run.n_iter() as u64, case["n_iter"].as_u64().unwrap(), "{about}");
    assert_eq!(run.labels(), labels(case), "{about}");
    let (inertia, expected): (f64, f64) = (run.inertia().unwrap().into(), text(&case["inertia"]));
    assert!((inertia - expected).abs() <= 1e-6 * expected, "{about}: inertia {inertia}, not {expected}");
}

#[test]
fn labels_equal_scikit_learn() {
    let text = include_str!("../../../tests/golden/cluster/mini_batch_kmeans.json");
    let cases: Value = serde_json::from_str(text).unwrap();
    for case in cases.as_array().unwrap() {
        match case["dtype"].as_str().unwrap() {
            "float32" => check::<f32>(case),
            _ => check::<f64>(case),
        }
    }
}

#[test]
fn threads_change_nothing_and_steps_show_progress() {
    let x = matrix("noise-2000-70-3").mapv(|v| v as f32);
    let with = |threads| {
        let run = MiniBatchKMeansRun::new(MiniBatchKMeansParams::new(9), &x).unwrap();
        assert_eq!((run.centroids().nrows(), run.inertia(), run.labels()), (0, None, vec![-1; 2000]));
        let run = to_the_end(run, threads, 0);
        (run.labels(), run.centroids(), run.inertia().unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn a_model_labels_the_rows_it_was_fitted_on() {
    let x = DatasetBase::from(matrix("noise-400-5-2"));
    let model = MiniBatchKMeans::params(6).batch_size(100).fit(&x).unwrap();
    assert_eq!(model.predict(&x), *model.labels());
    assert_eq!(model.centroids().dim(), (6, 5));
    assert!(model.inertia() > 0.0 && model.n_steps() > 1 && model.n_iter() > 0);
}

#[test]
fn bad_input_is_named() {
    let error = |params: MiniBatchKMeansParams| params.check().unwrap_err();
    let ok = MiniBatchKMeansParams::new(2);
    assert_eq!(error(MiniBatchKMeansParams::new(0)), MiniBatchKMeansParamsError::NClusters);
    assert_eq!(error(ok.max_iter(0)), MiniBatchKMeansParamsError::MaxIter);
    assert_eq!(error(ok.batch_size(0)), MiniBatchKMeansParamsError::BatchSize);
    assert_eq!(error(ok.tol(-1.0)), MiniBatchKMeansParamsError::Tol(-1.0));
    assert_eq!(error(ok.init_size(Some(0))), MiniBatchKMeansParamsError::InitSize);
    assert_eq!(error(ok.n_init(0)), MiniBatchKMeansParamsError::NInit);
    assert_eq!(error(ok.reassignment_ratio(1.5)), MiniBatchKMeansParamsError::ReassignmentRatio(1.5));
    let few = MiniBatchKMeansRun::new(MiniBatchKMeansParams::new(3), &array![[1.0], [2.0]]).unwrap_err();
    assert!(matches!(few, MiniBatchKMeansError::Matrix(KMeansError::TooFewSamples { n_clusters: 3, n_samples: 2 })));
    let infinite = MiniBatchKMeansRun::new(ok, &array![[1.0, 2.0], [3.0, f64::INFINITY]]).unwrap_err();
    assert_eq!(infinite.to_string(), "mini-batch K-Means: the value at row 1, column 1 is not finite");
}
