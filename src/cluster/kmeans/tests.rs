#![allow(clippy::unwrap_used)]
use super::descent::Descent;
use super::{Centred, KMeans, KMeansError, KMeansParams, KMeansRun, Squares};
use crate::cluster::golden::{labels, matrix, text};
use crate::cluster::{Clusterer, Scalar};
use crate::progress::Step;
use crate::random::RandomState;
use linfa::DatasetBase;
use linfa::traits::{Fit, Predict, PredictInplace};
use ndarray::{Array1, Array2, array};
use serde_json::Value;
use std::sync::Arc;

fn check<F: Scalar>(case: &Value) {
    let number = |name: &str| case[name].as_u64().unwrap() as usize;
    let x = matrix(case["matrix"].as_str().unwrap()).mapv(F::of);
    let params = KMeansParams::new(number("k")).n_init(number("n_init")).random_state(number("seed") as u32);
    let mut run = KMeansRun::new(params, &x).unwrap();
    if let Some(start) = case["start"].as_array() {
        let start: Vec<usize> = start.iter().map(|row| row.as_u64().unwrap() as usize).collect();
        run.current = Some(Descent::new(&run.x, None, &start));
    }
    run.run();
    let about = format!("{} {} k {} seed {}", case["matrix"], case["dtype"], case["k"], case["seed"]);
    assert_eq!(run.labels(), labels(case), "{about}");
    assert_eq!(run.n_iter(), number("n_iter"), "{about}");
    let inertia: f64 = run.inertia().unwrap().into();
    let expected = text(&case["inertia"]);
    assert!((inertia - expected).abs() <= 1e-6 * expected.abs() + 1e-9, "{about}: inertia {inertia}, not {expected}");
    for (found, expected) in run.centroids().row(0).iter().zip(case["first_center"].as_array().unwrap()) {
        let found: f64 = (*found).into();
        assert!((found - text(expected)).abs() < 1e-5, "{about}: centre {found}, not {expected}");
    }
}

#[test]
fn labels_equal_scikit_learn() {
    let cases: Value = serde_json::from_str(include_str!("../../../tests/golden/cluster/kmeans.json")).unwrap();
    for case in cases.as_array().unwrap() {
        match case["dtype"].as_str().unwrap() {
            "float32" => check::<f32>(case),
            _ => check::<f64>(case),
        }
    }
}

#[test]
fn the_thread_count_changes_nothing() {
    let x = matrix("noise-2000-70-3").mapv(|v| v as f32);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut run = KMeansRun::new(KMeansParams::new(9).n_init(2), &x).unwrap();
        pool.install(|| run.run());
        (run.labels(), run.centroids(), run.inertia().unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn every_step_shows_where_it_stands() {
    let x = matrix("noise-300-5-1");
    let mut run = KMeansRun::new(KMeansParams::new(4).n_init(2), &x).unwrap();
    assert_eq!((run.centroids().nrows(), run.inertia(), run.labels()), (0, None, vec![-1; 300]));
    assert_eq!(run.step(), Step::Running { done: 1, total: 602 });
    assert_eq!(run.centroids().dim(), (4, 5));
    let (mut last, mut done) = (run.inertia().unwrap(), 1);
    while run.finished_runs() == 0 {
        let Step::Running { done: now, .. } = run.step() else { panic!("there is a second run to do") };
        assert!(now > done);
        done = now;
        let inertia = run.inertia().unwrap();
        assert!(inertia <= last + 1e-9, "inertia rose from {last} to {inertia}");
        assert!(run.labels().iter().all(|label| (0..4).contains(label)));
        last = inertia;
    }
    run.run();
    let result = (run.labels(), run.inertia());
    assert_eq!(run.step(), Step::Done);
    assert_eq!((run.labels(), run.inertia()), result);
    assert!(result.1.unwrap() <= last);
}

/// All distances between the rows.
fn table<F: Scalar>(x: &Centred<F>) -> Arc<Squares<F>> {
    let mut squares = Squares::new(x);
    while !squares.step(x) {}
    Arc::new(squares)
}

#[test]
fn a_table_of_distances_leads_to_the_same_clusters() {
    let x = matrix("noise-2000-70-3").mapv(|v| v as f32);
    let centred = Arc::new(Centred::new(&x).unwrap());
    let squares = table(&centred);
    for k in [3, 12] {
        let with = |known| {
            let params = KMeansParams::new(k).n_init(3);
            let mut run = KMeansRun::shared(params, Arc::clone(&centred)).unwrap().with_known(known);
            run.run();
            run
        };
        let (known, plain) = (with(Some(Arc::clone(&squares))), with(None));
        assert_eq!((known.labels(), known.n_iter()), (plain.labels(), plain.n_iter()));
        assert!((known.centroids() - plain.centroids()).iter().all(|d| d.abs() < 1e-5));
        let (known, plain) = (known.inertia().unwrap(), plain.inertia().unwrap());
        assert!((known - plain).abs() < 1e-5 * plain, "{known} with a table, {plain} without");
    }
}

/// Fewer different rows than clusters: centres lose all of their rows.
#[test]
fn a_table_gives_way_to_vectors_where_clusters_are_empty() {
    let x = Array2::from_shape_fn((40, 3), |(i, f)| (i % 4 * (f + 1)) as f64);
    let centred = Arc::new(Centred::new(&x).unwrap());
    let squares = table(&centred);
    for k in [4, 6] {
        let with = |known| {
            let mut run = KMeansRun::shared(KMeansParams::new(k), Arc::clone(&centred)).unwrap().with_known(known);
            run.run();
            (run.labels(), run.n_iter(), run.inertia().unwrap())
        };
        let (known, plain) = (with(Some(Arc::clone(&squares))), with(None));
        assert_eq!((&known.0, known.1), (&plain.0, plain.1));
        assert!((known.2 - plain.2).abs() < 1e-9);
    }
}

/// On a table every step shows what it shows on vectors.
#[test]
fn a_table_goes_the_same_way() {
    let x = matrix("noise-500-20-1");
    let centred = Arc::new(Centred::new(&x).unwrap());
    let squares = table(&centred);
    let params = KMeansParams::new(6).n_init(2);
    let mut plain = KMeansRun::shared(params, Arc::clone(&centred)).unwrap();
    let mut known = KMeansRun::shared(params, centred).unwrap().with_known(Some(squares));
    loop {
        let step = known.step();
        assert_eq!(step, plain.step());
        let (ours, theirs) = (known.assignment().unwrap(), plain.assignment().unwrap());
        assert_eq!(ours.0, theirs.0);
        assert!((ours.1 - theirs.1).abs() < 1e-9 * theirs.1);
        assert!((known.centroids() - plain.centroids()).iter().all(|d| d.abs() < 1e-9));
        assert!((known.inertia().unwrap() - plain.inertia().unwrap()).abs() < 1e-9 * theirs.1);
        if step == Step::Done {
            break;
        }
    }
}

#[test]
fn an_assignment_is_what_the_next_iteration_finds() {
    let x = matrix("noise-500-20-1");
    let mut run = KMeansRun::new(KMeansParams::new(6).n_init(1), &x).unwrap();
    assert!(run.assignment().is_none());
    run.step();
    let (mut expected, mut last) = run.assignment().unwrap();
    while run.step() != Step::Done {
        assert_eq!(run.labels(), expected);
        let (labels, inertia) = run.assignment().unwrap();
        assert!(inertia <= last + 1e-9);
        (expected, last) = (labels, inertia);
    }
    assert_eq!(run.assignment(), Some((run.labels(), run.inertia().unwrap())));
}

#[test]
fn max_iter_ends_a_run() {
    let x = matrix("noise-500-20-1");
    let mut run = KMeansRun::new(KMeansParams::new(20).n_init(1).max_iter(2), &x).unwrap();
    run.run();
    assert_eq!(run.n_iter(), 2);
    let model = KMeans::from(&run);
    assert_eq!(model.predict(&x), *model.labels());
}

#[test]
fn bad_input_is_named() {
    let fit = |k, x: Array2<f64>| KMeansParams::new(k).fit(&DatasetBase::from(x));
    assert!(matches!(fit(0, array![[1.0]]), Err(KMeansError::Params(_))));
    assert!(matches!(fit(3, array![[1.0], [2.0]]), Err(KMeansError::TooFewSamples { n_clusters: 3, n_samples: 2 })));
    assert!(matches!(fit(1, Array2::zeros((0, 4))), Err(KMeansError::Empty { n_samples: 0, n_features: 4 })));
    assert!(matches!(fit(1, Array2::zeros((4, 0))), Err(KMeansError::Empty { n_samples: 4, n_features: 0 })));
    let error = fit(1, array![[1.0, 2.0], [3.0, f64::INFINITY]]).unwrap_err();
    assert_eq!(error.to_string(), "K-Means: the value at row 1, column 1 is not finite");
}

/// Any linfa algorithm that labels rows: ours and linfa-clustering's own.
fn fit_and_predict<P, E>(params: P, x: Array2<f64>) -> Array1<usize>
where
    E: std::error::Error + From<linfa::Error>,
    P: Fit<Array2<f64>, Array1<()>, E>,
    P::Object: PredictInplace<Array2<f64>, Array1<usize>>,
{
    let dataset = DatasetBase::from(x);
    let model = params.fit(&dataset).unwrap();
    model.predict(&dataset)
}

#[test]
fn ours_and_linfas_serve_one_caller() {
    let mut rng = RandomState::new(5);
    let x = Array2::from_shape_fn((90, 3), |(i, _)| (i % 3) as f64 * 20.0 + rng.standard_normal());
    let ours = fit_and_predict(KMeans::params(3), x.clone());
    let theirs = fit_and_predict(linfa_clustering::KMeans::params(3), x.clone());
    for i in 0..90 {
        for j in 0..90 {
            assert_eq!(ours[i] == ours[j], i % 3 == j % 3);
            assert_eq!(theirs[i] == theirs[j], i % 3 == j % 3);
        }
    }
    let single = KMeans::params(3).fit(&DatasetBase::from(x.mapv(|v| v as f32))).unwrap();
    assert_eq!(*single.labels(), ours);
    assert_eq!(single.centroids().dim(), (3, 3));
    assert!(single.inertia() > 0.0 && single.n_iter() > 0);
}
