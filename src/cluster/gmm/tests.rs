#![allow(clippy::unwrap_used)]
use super::{
    CovarianceType, GaussianMixture, GaussianMixtureError, GaussianMixtureParams, GaussianMixtureParamsError,
    GaussianMixtureRun,
};
use crate::cluster::golden::{classes, labels, matrix, text};
use crate::cluster::stepped::to_the_end;
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use crate::score::ari::adjusted_rand_score;
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, array};
use proptest::prelude::{ProptestConfig, prop_assert, proptest};
use serde_json::Value;

const TYPES: [(&str, CovarianceType); 4] = [
    ("full", CovarianceType::Full),
    ("tied", CovarianceType::Tied),
    ("diag", CovarianceType::Diag),
    ("spherical", CovarianceType::Spherical),
];

fn params(case: &Value) -> GaussianMixtureParams {
    let number = |name: &str| case[name].as_u64().unwrap() as usize;
    let wanted = case["covariance_type"].as_str().unwrap();
    let (_, covariance_type) = TYPES.into_iter().find(|(name, _)| *name == wanted).unwrap();
    let params = GaussianMixtureParams::new(number("k")).covariance_type(covariance_type);
    let mut params = params.random_state(number("seed") as u32);
    for (name, value) in case["params"].as_object().unwrap() {
        params = match name.as_str() {
            "n_init" => params.n_init(value.as_u64().unwrap() as usize),
            "max_iter" => params.max_iter(value.as_u64().unwrap() as usize),
            "reg_covar" => params.reg_covar(value.as_f64().unwrap()),
            _ => panic!("{name}"),
        };
    }
    params
}

/// scikit-learn's own `float32` results are only as good as this.
fn check<F: Scalar>(case: &Value, tolerance: f64) {
    let about = format!("{} {} {}", case["matrix"], case["dtype"], case["covariance_type"]);
    let x = matrix(case["matrix"].as_str().unwrap()).mapv(F::of);
    let model = params(case).fit(&DatasetBase::from(x.view())).unwrap();
    let close = |what: &str, found: f64, expected: f64| {
        let enough = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(enough, "{about}: {what} {found}, not {expected}");
    };
    let found: Vec<i32> = model.labels().iter().map(|&label| label as i32).collect();
    assert_eq!(found, labels(case), "{about}");
    assert_eq!(model.n_iter() as u64, case["n_iter"].as_u64().unwrap(), "{about}");
    assert_eq!(model.converged(), case["converged"].as_bool().unwrap(), "{about}");
    close("lower bound", model.lower_bound(), text(&case["lower_bound"]));
    let lists = [("weights", model.weights().to_vec()), ("first_mean", model.means().row(0).to_vec())];
    let probabilities = ("probability", model.predict_proba(&x).row(7).to_vec());
    for (name, values) in lists.into_iter().chain([probabilities]) {
        for (found, expected) in values.iter().zip(case[name].as_array().unwrap()) {
            close(name, *found, text(expected));
        }
    }
    if let Some(ari) = case["ari"].as_str() {
        close("ARI", adjusted_rand_score(&classes(), &found), ari.parse().unwrap());
    }
    assert_eq!(model.predict(&x), *model.labels(), "{about}");
}

#[test]
fn labels_equal_scikit_learn() {
    let cases: Value = serde_json::from_str(include_str!("../../../tests/golden/cluster/gmm.json")).unwrap();
    for case in cases.as_array().unwrap() {
        match case["dtype"].as_str().unwrap() {
            "float32" => check::<f32>(case, 1e-4),
            _ => check::<f64>(case, 1e-7),
        }
    }
}

#[test]
fn threads_change_nothing_and_steps_show_progress() {
    let x = matrix("noise-700-70-3").mapv(|v| v as f32);
    for (_, covariance_type) in TYPES {
        let with = |threads| {
            let params = GaussianMixtureParams::new(5).covariance_type(covariance_type).n_init(2).max_iter(5);
            let run = GaussianMixtureRun::new(params, &x).unwrap();
            assert_eq!((run.labels(), run.lower_bound()), (vec![-1; 700], None));
            let run = to_the_end(run, threads, 0);
            assert!(run.error().is_none() && run.n_iter() > 0);
            let model = run.into_model().unwrap();
            (model.labels().clone(), model.means(), model.lower_bound())
        };
        assert_eq!(with(1), with(3));
    }
}

#[test]
fn the_likelihood_never_falls() {
    let x = matrix("noise-500-4-9");
    for (_, covariance_type) in TYPES {
        let params = GaussianMixtureParams::new(3).tol(0.0).max_iter(15).covariance_type(covariance_type);
        let mut run = GaussianMixtureRun::new(params, &x).unwrap();
        let mut last = f64::NEG_INFINITY;
        while run.step() != Step::Done {
            let bound = run.lower_bound().unwrap_or(last);
            assert!(bound >= last - 1e-9, "{covariance_type:?}: {last}, then {bound}");
            last = bound;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Rows that are given up early are those that have no part: densities are the textbook's.
    #[test]
    fn full_densities_equal_the_definition(seed in 0u32..1000, n_features in 1usize..150, far in 0.0f64..60.0) {
        let mut x = matrix(&format!("noise-80-{n_features}-{seed}"));
        (0..80).for_each(|i| x[(i, i % n_features.min(3))] += far * (i % 2) as f64);
        let params = GaussianMixtureParams::new(2).reg_covar(0.01).tol(0.0).max_iter(3);
        let model = params.fit(&DatasetBase::from(x.view())).unwrap();
        let found = model.predict_proba(&x);
        let sums = found.sum_axis(ndarray::Axis(1));
        prop_assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-9));
        // The same from the parameters of one more M-step, without any shortcut.
        let expected = one_step_further(&x, &found);
        let again = params.max_iter(4).fit(&DatasetBase::from(x.view())).unwrap().predict_proba(&x);
        prop_assert!(again.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{again} {expected}");
    }
}

/// An M-step and an E-step, written as the definition reads.
fn one_step_further(x: &Array2<f64>, responsibilities: &Array2<f64>) -> Array2<f64> {
    let mut log_probs = Array2::zeros(responsibilities.dim());
    for (c, part) in responsibilities.columns().into_iter().enumerate() {
        let count = part.sum() + 10.0 * f64::EPSILON;
        let mean = x.t().dot(&part) / count;
        let deviations = x - &mean;
        let weighted = &deviations * &part.insert_axis(ndarray::Axis(1));
        let covariance = weighted.t().dot(&deviations) / count + Array2::<f64>::eye(x.ncols()) * 0.01;
        let (values, vectors) = crate::linalg::eigh(covariance.view()).unwrap();
        let whitened = deviations.dot(&vectors) / values.mapv(f64::sqrt);
        let log_det: f64 = values.iter().map(|v| v.ln()).sum();
        for (i, row) in whitened.rows().into_iter().enumerate() {
            log_probs[(i, c)] = count.ln() - 0.5 * (log_det + row.dot(&row));
        }
    }
    for mut row in log_probs.rows_mut() {
        let highest = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|v| (v - highest).exp());
        let sum = row.sum();
        row.mapv_inplace(|v| v / sum);
    }
    log_probs
}

#[test]
fn bad_input_is_named() {
    let error = |params: GaussianMixtureParams| params.check().unwrap_err();
    let ok = GaussianMixture::params(2);
    assert_eq!(error(GaussianMixture::params(0)), GaussianMixtureParamsError::NComponents);
    assert_eq!(error(ok.tol(-1.0)), GaussianMixtureParamsError::Tol(-1.0));
    assert_eq!(error(ok.reg_covar(-1.0)), GaussianMixtureParamsError::RegCovar(-1.0));
    assert_eq!(error(ok.max_iter(0)), GaussianMixtureParamsError::MaxIter);
    assert_eq!(error(ok.n_init(0)), GaussianMixtureParamsError::NInit);
    let few = GaussianMixtureRun::new(GaussianMixture::params(3), &array![[1.0], [2.0]]).unwrap_err();
    assert!(matches!(few, GaussianMixtureError::Start(_)));
    // One row twice has no variance.
    for (_, covariance_type) in TYPES {
        let params = GaussianMixture::params(1).reg_covar(0.0).covariance_type(covariance_type);
        let mut run = GaussianMixtureRun::new(params, &array![[1.0, 2.0], [1.0, 2.0]]).unwrap();
        run.run();
        assert!(
            matches!(run.error(), Some(GaussianMixtureError::Covariance { component: 0, .. })),
            "{covariance_type:?}"
        );
        assert!(run.into_model().is_err());
    }
}
