#![allow(clippy::unwrap_used)]
use super::settings::OpticsMethod;
use super::{ClustererSpec, SpecError, StartError};
use crate::cluster::agglomerative::{Agglomerative, Linkage};
use crate::cluster::dbscan::Dbscan;
use crate::cluster::distances::Metric;
use crate::cluster::gmm::{CovarianceType, GaussianMixture};
use crate::cluster::golden::matrix;
use crate::cluster::hdbscan::Hdbscan;
use crate::cluster::k_distance::{k_distances, suggested_eps};
use crate::cluster::kmeans::KMeans;
use crate::cluster::mini_batch_kmeans::MiniBatchKMeans;
use crate::cluster::optics::{ClusterMethod, Optics};
use crate::cluster::spectral::{Affinity, SpectralClustering};
use crate::progress::Step;
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, Array2, array};
use proptest::prelude::{Just, Strategy, any};
use proptest::{prop_assert_eq, prop_oneof, proptest};

fn spec(text: &str) -> ClustererSpec {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn refused(text: &str) -> String {
    text.parse::<ClustererSpec>().unwrap_err().to_string()
}

/// The labels that a spec finds, and what it chose.
fn clustered(text: &str, x: &Array2<f32>, k: Option<usize>) -> (Vec<i32>, Option<(&'static str, f64)>) {
    let mut run = spec(text).start(x.view(), k, 7).unwrap();
    while let Step::Running { done, total } = run.step() {
        assert!(done <= total, "{text}: {done} of {total}");
    }
    assert!(run.failure().is_none(), "{text}");
    (run.labels(), run.chosen())
}

#[test]
fn a_name_means_the_algorithm() {
    let x = matrix("corners-240-8-3").mapv(|v| v as f32);
    let data = DatasetBase::from(x.view());
    let same = |text: &str, k: Option<usize>, expected: Vec<i32>| {
        assert_eq!(clustered(text, &x, k), (expected, None), "{text}");
    };
    let numbers = |labels: &Array1<usize>| labels.iter().map(|&label| label as i32).collect::<Vec<i32>>();
    let kmeans = KMeans::params(5).n_init(2).random_state(7).fit(&data).unwrap();
    same("kmeans:n_init=2", Some(5), numbers(kmeans.labels()));
    let batches = MiniBatchKMeans::params(5).batch_size(50).random_state(7).fit(&data).unwrap();
    same("minibatch-kmeans:batch_size=50", Some(5), numbers(batches.labels()));
    let mixture = GaussianMixture::params(5).covariance_type(CovarianceType::Diag).random_state(7).fit(&data).unwrap();
    same("gmm:covariance_type=diag", Some(5), numbers(mixture.labels()));
    let spectral = SpectralClustering::params(5).affinity(Affinity::NearestNeighbors).n_neighbors(8).random_state(7);
    let spectral = spectral.fit(&data).unwrap();
    same("spectral:affinity=nearest_neighbors:n_neighbors=8", Some(5), numbers(spectral.labels()));
    let joined = Agglomerative::params().n_clusters(5).linkage(Linkage::Average).metric(Metric::Cosine);
    same("agglomerative:metric=cosine:linkage=average", Some(5), joined.fit(&data).unwrap().labels().to_vec());
    let cut = Agglomerative::params().distance_threshold(2.0).fit(&data).unwrap();
    same("agglomerative:distance_threshold=2", None, cut.labels().to_vec());
    let dense = Dbscan::params().eps(0.9).min_samples(4).fit(&data).unwrap();
    same("dbscan:eps=0.9:min_samples=4", None, dense.labels().to_vec());
    let hdbscan = Hdbscan::params().min_cluster_size(12).fit(&data).unwrap();
    same("hdbscan:min_cluster_size=12", None, hdbscan.labels().to_vec());
    let optics = Optics::params().cluster_method(ClusterMethod::Dbscan { eps: Some(0.9) }).fit(&data).unwrap();
    same("optics:cluster_method=dbscan:eps=0.9", None, optics.labels().to_vec());
}

#[test]
fn a_missing_eps_is_chosen_and_told() {
    let x = matrix("corners-240-8-3").mapv(|v| v as f32);
    let (labels, chosen) = clustered("dbscan:min_samples=4", &x, None);
    let eps = suggested_eps(&k_distances(&x, 3).unwrap());
    assert_eq!(chosen, Some(("eps", eps)));
    let expected = Dbscan::params().eps(eps).min_samples(4).fit(&DatasetBase::from(x)).unwrap();
    assert_eq!(labels, expected.labels().to_vec());
    assert!(labels.iter().max() >= Some(&3), "the six corners are not one heap");
}

#[test]
fn eps_is_chosen_where_rows_are_few_or_equal() {
    let chosen = |x: Array2<f32>| clustered("dbscan", &x, None);
    assert_eq!(chosen(array![[1.0]]).0, [-1]);
    assert_eq!(chosen(array![[1.0], [2.0]]).0, [-1, -1]);
    assert_eq!(chosen(Array2::ones((9, 2))).0, [0; 9]);
    // Many equal rows do not say how near the others shall be.
    let x = Array2::from_shape_fn((60, 1), |(i, _)| if i < 30 { 5.0 } else { i as f32 / 10.0 + 5.0 });
    let (labels, eps) = chosen(x);
    assert!(eps.unwrap().1 > 0.1);
    assert_eq!(labels[..30], [0; 30]);
    assert_eq!(labels[30..].iter().max(), Some(&1), "{labels:?}");
}

#[test]
fn threads_do_not_change_what_is_chosen() {
    let x = matrix("noise-1500-20-3").mapv(|v| v as f32);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| clustered("dbscan", &x, None))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn who_needs_a_number_of_clusters_says_so() {
    let x = Array2::<f32>::ones((9, 2));
    for spec in ClustererSpec::all() {
        let refused =
            matches!(spec.start(x.view(), None, 1), Err(StartError::NoCount { clusterer }) if clusterer == spec.name());
        assert_eq!(refused, spec.takes_k(), "{spec}");
    }
    assert!(!spec("agglomerative:distance_threshold=0.5").takes_k());
    assert!(spec("gmm").start(x.view(), Some(10), 1).is_err_and(|e| e.to_string().contains("10")));
}

#[test]
fn a_failure_is_told() {
    let mut run = spec("gmm:reg_covar=0").start(Array2::<f32>::ones((9, 2)).view(), Some(1), 1).unwrap();
    while run.step() != Step::Done {}
    assert!(run.failure().unwrap().to_string().contains("reg_covar"));
}

#[test]
fn texts_are_as_short_as_can_be() {
    for (given, text) in [
        ("kmeans", "kmeans"),
        ("kmeans:n_init=10", "kmeans"),
        ("dbscan:min_samples=5:eps=0.60", "dbscan:eps=0.6"),
        ("gmm:reg_covar=1e-3:covariance_type=diag", "gmm:covariance_type=diag:reg_covar=0.001"),
        ("minibatch-kmeans:max_no_improvement=none", "minibatch-kmeans:max_no_improvement=none"),
        ("optics:max_eps=inf:xi=0.1", "optics:xi=0.1"),
        ("hdbscan:allow_single_cluster=true", "hdbscan:allow_single_cluster=true"),
    ] {
        assert_eq!(spec(given).to_string(), text);
    }
    let json = serde_json::to_string(&spec("spectral:gamma=0.5")).unwrap();
    assert_eq!(json, "\"spectral:gamma=0.5\"");
    assert_eq!(serde_json::from_str::<ClustererSpec>(&json).unwrap(), spec("spectral:gamma=0.5"));
    assert!(serde_json::from_str::<ClustererSpec>("\"spectral:gamma\"").is_err());
}

#[test]
fn what_is_wrong_is_named() {
    let names = "kmeans, minibatch-kmeans, gmm, spectral, consensus, agglomerative, dbscan, hdbscan, optics";
    assert_eq!(refused("k-means"), format!("there is no clusterer \"k-means\"; there are {names}"));
    assert_eq!(refused(""), format!("there is no clusterer \"\"; there are {names}"));
    assert_eq!(refused("dbscan:epsilon=1"), "dbscan has no parameter \"epsilon\"; it has eps, min_samples");
    assert_eq!(refused("dbscan:eps"), "dbscan: \"eps\" is not of the form key=value");
    assert_eq!(refused("dbscan:"), "dbscan: \"\" is not of the form key=value");
    assert_eq!(refused("dbscan:eps=wide"), "dbscan: eps must be a number, or none, got \"wide\"");
    assert_eq!(refused("dbscan:eps=-1"), "dbscan: eps must be above 0 and finite, got -1");
    assert_eq!(refused("dbscan:eps=1:eps=2"), "dbscan: eps is given twice");
    assert_eq!(refused("kmeans:n_init=1.5"), "kmeans: n_init must be a whole number, 0 or more, got \"1.5\"");
    assert_eq!(refused("kmeans:n_init=0"), "kmeans: n_init must be at least 1");
    assert_eq!(
        refused("gmm:covariance_type=round"),
        "gmm: covariance_type must be full or tied or diag or spherical, got \"round\""
    );
    assert_eq!(refused("agglomerative:metric=cosine"), "agglomerative: ward linkage needs the Euclidean metric");
    assert_eq!(refused("optics:eps=1"), "optics: eps needs cluster_method=dbscan");
    assert_eq!(refused("optics:xi=0.1:cluster_method=dbscan"), "optics: xi needs cluster_method=xi");
    for text in ["kmeans:n_clusters=3", "gmm:n_components=3", "spectral:random_state=1"] {
        assert!(matches!(text.parse::<ClustererSpec>(), Err(SpecError::Elsewhere { .. })), "{text}");
    }
    let broken = ClustererSpec::Optics(super::OpticsSpec {
        cluster_method: OpticsMethod::Dbscan,
        xi: Some(0.1),
        ..Default::default()
    });
    assert!(matches!(broken.start(array![[1.0]].view(), None, 1), Err(StartError::OpticsSpec(_))));
}

/// A value that the parameter may take.
fn value(key: &'static str) -> proptest::strategy::BoxedStrategy<String> {
    let text = |words: &'static [&'static str]| proptest::sample::select(words).prop_map(str::to_owned).boxed();
    match key {
        "covariance_type" => text(&["full", "tied", "diag", "spherical"]),
        "affinity" => text(&["rbf", "nearest_neighbors"]),
        "linkage" => text(&["ward", "average", "complete", "single"]),
        "metric" => text(&["euclidean"]),
        "cluster_selection_method" => text(&["eom", "leaf"]),
        "cluster_method" => text(&["xi"]),
        "allow_single_cluster" | "predecessor_correction" => text(&["true", "false"]),
        "reassignment_ratio" | "xi" => (0.0..=1.0).prop_map(|v: f64| v.to_string()).boxed(),
        "tol"
        | "reg_covar"
        | "gamma"
        | "eigen_tol"
        | "eps"
        | "alpha"
        | "distance_threshold"
        | "max_eps"
        | "cluster_selection_epsilon" => {
            (1e-12..1e12).prop_map(|v: f64| if v < 1.0 { format!("{v:e}") } else { v.to_string() }).boxed()
        }
        "max_no_improvement" | "init_size" | "n_components" | "max_cluster_size" => {
            prop_oneof![Just("none".to_owned()), (1usize..).prop_map(|v| v.to_string())].boxed()
        }
        _ => (2usize..).prop_map(|v| v.to_string()).boxed(),
    }
}

/// A text that is right.
fn right() -> impl Strategy<Value = String> {
    proptest::sample::select(ClustererSpec::all().to_vec()).prop_flat_map(|spec| {
        let keys = spec.keys().into_iter().filter(move |key| (spec.name(), *key) != ("optics", "eps"));
        let keys: Vec<&'static str> = keys.collect();
        let count = keys.len();
        let settings = proptest::sample::subsequence(keys, 0..=count).prop_shuffle();
        let settings = settings.prop_flat_map(|keys| {
            keys.into_iter().map(|key| value(key).prop_map(move |value| format!(":{key}={value}"))).collect::<Vec<_>>()
        });
        settings.prop_map(move |settings| format!("{}{}", spec.name(), settings.concat()))
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(text in right()) {
        let read = spec(&text);
        let written = read.to_string();
        prop_assert_eq!(spec(&written), read);
        prop_assert_eq!(spec(&written).to_string(), written);
    }

    #[test]
    fn nothing_makes_it_panic(name in 0usize..9, key in any::<String>(), value in any::<String>()) {
        let name = ClustererSpec::all().get(name).map_or("other", ClustererSpec::name);
        if let Ok(spec) = format!("{name}:{key}={value}").parse::<ClustererSpec>() {
            prop_assert_eq!(spec.to_string().parse::<ClustererSpec>(), Ok(spec));
        }
    }

    #[test]
    fn a_key_of_another_is_refused_by_name(key in "[a-z_]{1,12}") {
        for spec in ClustererSpec::all().into_iter().filter(|spec| !spec.keys().contains(&key.as_str())) {
            let said = refused(&format!("{}:{key}=1", spec.name()));
            assert!(said.contains(&key), "{said}");
            assert!(said.contains("number of clusters") || spec.keys().iter().all(|known| said.contains(known)), "{said}");
        }
    }
}
