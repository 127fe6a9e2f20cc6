#![allow(clippy::unwrap_used)]
use super::affinity::{Graph, Kernel};
use super::eigen::{Eigenvectors, State, decompose};
use super::neighbors::Search;
use super::{
    Affinity, SpectralClustering, SpectralClusteringError, SpectralClusteringParams, SpectralClusteringParamsError,
    SpectralClusteringRun,
};
use crate::cluster::golden::{classes, labels, matrix};
use crate::cluster::stepped::to_the_end;
use crate::cluster::{Clusterer, Scalar};
use crate::linalg::matmul;
use crate::random::RandomState;
use crate::score::ari::adjusted_rand_score;
use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, array, s};
use serde_json::Value;

fn params(case: &Value) -> SpectralClusteringParams {
    let affinity = if case["affinity"] == "rbf" { Affinity::Rbf } else { Affinity::NearestNeighbors };
    let params = SpectralClusteringParams::new(case["k"].as_u64().unwrap() as usize).affinity(affinity);
    let mut params = params.random_state(case["seed"].as_u64().unwrap() as u32);
    for (name, value) in case["params"].as_object().unwrap() {
        let count = value.as_u64().map(|count| count as usize);
        params = match name.as_str() {
            "n_neighbors" => params.n_neighbors(count.unwrap()),
            "n_components" => params.n_components(count),
            "n_init" => params.n_init(count.unwrap()),
            "gamma" => params.gamma(value.as_f64().unwrap()),
            _ => panic!("{name}"),
        };
    }
    params
}

fn check<F: Scalar>(case: &Value) {
    let about = format!("{} {} {} {}", case["matrix"], case["dtype"], case["affinity"], case["params"]);
    let x = matrix(case["matrix"].as_str().unwrap()).mapv(F::of);
    let model = params(case).fit(&DatasetBase::from(x.view())).unwrap();
    let found: Vec<i32> = model.labels().iter().map(|&label| label as i32).collect();
    assert_eq!(found, labels(case), "{about}");
    if let Some(ari) = case["ari"].as_str() {
        let found = adjusted_rand_score(&classes(), &found);
        assert!((found - ari.parse::<f64>().unwrap()).abs() < 1e-12, "{about}: ARI {found}, not {ari}");
    }
}

fn cases() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/cluster/spectral.json")).unwrap()
}

#[test]
fn labels_equal_scikit_learn() {
    for case in cases().as_array().unwrap() {
        match case["dtype"].as_str().unwrap() {
            "float32" => check::<f32>(case),
            _ => check::<f64>(case),
        }
    }
}

fn nearest(x: &Array2<f64>, n_neighbors: usize) -> Vec<Vec<usize>> {
    let search = Search::new(x.clone(), n_neighbors);
    let rows: Vec<f64> = x.iter().copied().collect();
    let mut nearest = Vec::new();
    while nearest.len() < x.nrows() {
        nearest.extend(search.step(&rows, nearest.len()));
    }
    nearest
}

#[test]
fn neighbors_equal_those_of_all_distances() {
    for (name, scale, offset) in
        [("noise-300-20-1", 1.0, 0.0), ("noise-200-3-2", 1e-30, 1.0), ("noise-200-3-2", 1e80, 0.0)]
    {
        let x = matrix(name) * scale + offset * scale;
        for (i, mut found) in nearest(&x, 7).into_iter().enumerate() {
            let distance = |j: usize| (&x.row(i) - &x.row(j)).mapv(|v| v * v).sum();
            let mut order: Vec<usize> = (0..x.nrows()).collect();
            order.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
            order.truncate(7);
            order.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, order, "row {i} of {name}");
        }
    }
}

#[test]
fn ties_end_as_in_scikit_learn() {
    // Of digits, where many squared distances are equal whole numbers, the very graph.
    let cases = cases();
    let case = &cases.as_array().unwrap()[0];
    let x = matrix("digits");
    let mut edges: Vec<(usize, usize)> = Vec::new();
    for (i, nearest) in nearest(&x, 10).into_iter().enumerate() {
        edges.extend(nearest.into_iter().flat_map(|j| [(i, j), (j, i)]));
    }
    edges.sort_unstable();
    edges.dedup();
    assert_eq!(edges.len() as u64, case["edges"].as_u64().unwrap());
}

fn kernel(x: &Array2<f64>, gamma: f64) -> Graph {
    let mut kernel = Kernel::new(x, gamma);
    while kernel.done() < x.nrows() {
        kernel.step(x);
    }
    kernel.finish()
}

#[test]
fn a_graph_is_its_definition() {
    let x = matrix("noise-300-4-5");
    let distances = Array2::from_shape_fn((300, 300), |(i, j)| (&x.row(i) - &x.row(j)).mapv(|v| v * v).sum());
    let near = nearest(&x, 5);
    let connected = |i: usize, j: usize| f64::from(u8::from(near[i].contains(&j)));
    let connectivity = Array2::from_shape_fn((300, 300), |(i, j)| 0.5 * (connected(i, j) + connected(j, i)));
    for (graph, mut affinity) in
        [(kernel(&x, 2.0), distances.mapv(|d| (-2.0 * d).exp())), (Graph::of_neighbors(&near), connectivity)]
    {
        affinity.diag_mut().fill(0.0);
        let roots = affinity.sum_axis(ndarray::Axis(1)).mapv(f64::sqrt);
        let expected = Array2::from_shape_fn((300, 300), |(i, j)| affinity[(i, j)] / roots[i] / roots[j]);
        assert!(graph.to_dense().iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
        let trivial = graph.trivial();
        assert!((expected.dot(&trivial) - &trivial).iter().all(|v| v.abs() < 1e-12));
        let (values, _) = crate::linalg::eigh(expected.view()).unwrap();
        assert!(values[0] >= graph.lowest() - 1e-12);
    }
}

#[test]
fn the_filtered_block_finds_the_eigenvectors() {
    let blobs = matrix("corners-900-8-3");
    let mut two = matrix("noise-900-3-5");
    // Two parts without a connection: the eigenvalue 1 comes twice.
    (450..900).for_each(|i| two.row_mut(i).map_inplace(|v| *v += 100.0));
    for graph in
        [kernel(&blobs, 1.0), Graph::of_neighbors(&nearest(&blobs, 10)), Graph::of_neighbors(&nearest(&two, 8))]
    {
        let mut solver = Eigenvectors::new(&graph, 6, 1e-10, RandomState::new(1)).unwrap();
        while solver.step(&graph) == State::Running {}
        assert!(solver.iterations() < 60, "{} iterations", solver.iterations());
        let vectors = solver.finish();
        assert!((vectors.t().dot(&vectors) - Array2::<f64>::eye(6)).iter().all(|v| v.abs() < 1e-9));
        // The same subspace as by a whole decomposition.
        let expected = decompose(&graph, 6).unwrap();
        let inner = matmul(expected.t(), vectors.view());
        let (values, _) = crate::linalg::eigh(inner.dot(&inner.t()).view()).unwrap();
        assert!(values[0] > 1.0 - 1e-8, "cosines {values}");
    }
}

#[test]
fn threads_change_nothing_and_steps_show_progress() {
    let x = matrix("noise-700-20-3").mapv(|v| v as f32);
    for affinity in [Affinity::Rbf, Affinity::NearestNeighbors] {
        let with = |threads| {
            let run = SpectralClusteringRun::new(SpectralClusteringParams::new(5).affinity(affinity), &x).unwrap();
            assert_eq!((run.labels(), run.inertia()), (vec![-1; 700], None));
            let run = to_the_end(run, threads, 0);
            assert!(run.error().is_none() && run.labels().iter().all(|label| (0..5).contains(label)));
            (run.labels(), run.inertia().unwrap())
        };
        assert_eq!(with(1), with(3));
    }
}

#[test]
fn rows_that_are_like_no_other_are_labelled_too() {
    let x = Array2::from_shape_fn((6, 1), |(i, _)| i as f64 * 1e6);
    let model = SpectralClustering::params(2).fit(&DatasetBase::from(x)).unwrap();
    assert!(model.labels().iter().all(|label| *label < 2));
    let same = Array2::<f32>::ones((500, 3));
    let model =
        SpectralClustering::params(2).affinity(Affinity::NearestNeighbors).fit(&DatasetBase::from(same)).unwrap();
    assert_eq!(model.labels().len(), 500);
}

#[test]
fn bad_input_is_named() {
    let error = |params: SpectralClusteringParams| params.check().unwrap_err();
    let ok = SpectralClusteringParams::new(2);
    assert_eq!(error(SpectralClusteringParams::new(0)), SpectralClusteringParamsError::NClusters);
    assert_eq!(error(ok.n_components(Some(0))), SpectralClusteringParamsError::NComponents);
    assert_eq!(error(ok.n_init(0)), SpectralClusteringParamsError::NInit);
    assert_eq!(error(ok.gamma(-1.0)), SpectralClusteringParamsError::Gamma(-1.0));
    assert_eq!(error(ok.n_neighbors(0)), SpectralClusteringParamsError::NNeighbors);
    assert_eq!(error(ok.eigen_tol(0.0)), SpectralClusteringParamsError::EigenTol(0.0));
    let new = |params| SpectralClusteringRun::new(params, &array![[1.0], [2.0], [3.0]]).unwrap_err();
    assert!(matches!(new(SpectralClusteringParams::new(4)), SpectralClusteringError::Matrix(_)));
    let few = new(ok.affinity(Affinity::NearestNeighbors));
    assert_eq!(few.to_string(), "spectral clustering: n_neighbors is 10, but there are only 3 rows");
    assert!(matches!(new(ok.n_components(Some(4))), SpectralClusteringError::TooFewSamples { wanted: 4, .. }));
    let mut x = matrix("noise-20-2-1");
    x.slice_mut(s![3, 1..]).fill(f64::NAN);
    let error = SpectralClusteringRun::new(ok, &x).unwrap_err();
    assert_eq!(error.to_string(), "spectral clustering: K-Means: the value at row 3, column 1 is not finite");
}
