#![allow(clippy::unwrap_used)]
use super::{ClusterMethod, Optics, OpticsError, OpticsParams, OpticsParamsError, OpticsRun};
use crate::cluster::distances::goldens::{Case, matrix};
use crate::cluster::stepped::to_the_end;
use crate::cluster::{Clusterer, Scalar};
use crate::score::ari::adjusted_rand_score;
use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, array};

fn params(case: &Case) -> OpticsParams {
    let method = match case.text("cluster_method") {
        Some("dbscan") => ClusterMethod::Dbscan { eps: case.number("eps") },
        _ => ClusterMethod::Xi {
            xi: case.number("xi").unwrap_or(0.05),
            predecessor_correction: case.golden["parameters"]["predecessor_correction"] != false,
            min_cluster_size: case.count("min_cluster_size"),
        },
    };
    OpticsParams::default()
        .min_samples(case.count("min_samples").unwrap_or(5))
        .max_eps(case.number("max_eps").unwrap_or(f64::INFINITY))
        .cluster_method(method)
}

fn check<F: Scalar>(case: &Case) {
    let model = params(case).fit(&DatasetBase::from(case.matrix::<F>())).unwrap();
    let agreement = adjusted_rand_score(&case.labels(), &model.labels().to_vec());
    assert!(agreement > 0.99, "{}: ARI {agreement}", case.about());
    if case.golden["matrix"] != "digits" {
        assert_eq!(model.labels().to_vec(), case.labels(), "{}", case.about());
        let ordering = case.golden["ordering"].as_array().unwrap();
        assert!(ordering.iter().zip(&model.plot().ordering).all(|(a, &b)| a.as_u64() == Some(b as u64)));
        for (found, expected) in model.plot().reachability.iter().zip(case.golden["reachability"].as_array().unwrap()) {
            let expected: f64 = expected.as_str().unwrap().parse().unwrap();
            assert!(*found == expected || (found - expected).abs() < 1e-12, "{}", case.about());
        }
    }
}

#[test]
fn labels_equal_scikit_learn() {
    let cases = Case::all("optics");
    assert!(cases.len() > 15);
    for case in cases {
        if case.is_single() { check::<f32>(&case) } else { check::<f64>(&case) }
    }
}

#[test]
fn threads_change_nothing_and_steps_show_progress() {
    let x = matrix("blobs-1500-20-3");
    let with = |threads| {
        let run = OpticsRun::new(OpticsParams::default(), &x).unwrap();
        assert_eq!((run.labels(), run.plot().ordering.len()), (vec![-1; x.nrows()], 0));
        let run = to_the_end(run, threads, 0);
        (run.labels(), run.plot().clone())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn bad_input_is_named() {
    let fit = |params: OpticsParams, x: Array2<f64>| params.fit(&DatasetBase::from(x));
    assert_eq!(Optics::params().min_samples(1).check(), Err(OpticsParamsError::MinSamples(1)));
    assert_eq!(Optics::params().max_eps(-1.0).check(), Err(OpticsParamsError::MaxEps(-1.0)));
    let dbscan = |eps| ClusterMethod::Dbscan { eps: Some(eps) };
    assert_eq!(Optics::params().max_eps(1.0).cluster_method(dbscan(2.0)).check(), Err(OpticsParamsError::Eps(2.0)));
    let xi = |xi, size| ClusterMethod::Xi { xi, predecessor_correction: true, min_cluster_size: size };
    assert_eq!(Optics::params().cluster_method(xi(1.5, None)).check(), Err(OpticsParamsError::Xi(1.5)));
    let small = Optics::params().cluster_method(xi(0.1, Some(1)));
    assert_eq!(small.check(), Err(OpticsParamsError::MinClusterSize(1)));
    let few = fit(Optics::params(), array![[1.0], [2.0]]);
    assert!(matches!(few, Err(OpticsError::TooFewSamples { name: "min_samples", value: 5, n_samples: 2 })));
}

/// linfa-clustering orders as well, but not as scikit-learn does: its start has a reachability and ties go the other way.
#[test]
fn linfas_order_is_another() {
    use linfa::traits::Transformer;
    let x = matrix("blobs-400-4-3");
    let analysis = linfa_clustering::Optics::params(5).check().unwrap().transform(x.view());
    let theirs: Vec<usize> = analysis.iter().map(linfa_clustering::Sample::index).collect();
    let ours = Optics::params().fit(&DatasetBase::from(x)).unwrap();
    let same = theirs.iter().zip(&ours.plot().ordering).filter(|(a, b)| a == b).count();
    let reach: Vec<f64> = analysis.iter().filter_map(|sample| *sample.reachability_distance()).collect();
    println!("{same} of {} places, {} with a reachability", theirs.len(), reach.len());
    assert!(same < theirs.len());
}
