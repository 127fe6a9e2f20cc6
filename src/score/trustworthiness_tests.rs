#![allow(clippy::unwrap_used)]
use super::*;

/// The numbers of `tests/golden/project/make_golden.py`.
fn uniform(count: usize, mut state: u64) -> Vec<f64> {
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

fn data() -> (Array2<f64>, Array2<f64>) {
    let x = Array2::from_shape_vec((400, 8), uniform(3200, 1)).unwrap();
    let noise = uniform(800, 2);
    let y = Array2::from_shape_fn((400, 2), |(i, j)| x[[i, j]] + 0.5 * noise[2 * i + j]);
    (x, y)
}

#[test]
fn equals_scikit_learn() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/golden/project/golden.json")).unwrap();
    let (x, y) = data();
    for (k, expected) in golden["trustworthiness"].as_object().unwrap() {
        let found = trustworthiness(x.view(), y.view(), k.parse().unwrap()).unwrap();
        assert!((found - expected.as_f64().unwrap()).abs() < 1e-12, "{k}: {found} for {expected}");
    }
}

#[test]
fn a_perfect_map_scores_one_and_ties_do_not_matter() {
    let x = Array2::from_shape_fn((30, 2), |(i, j)| ((i * (j + 1)) % 5) as f32);
    assert_eq!(trustworthiness(x.view(), x.view(), 4).unwrap(), 1.0);
}

#[test]
fn a_sample_estimates_the_score() {
    let (x, y) = data();
    let full = trustworthiness(x.view(), y.view(), 5).unwrap();
    let sampled = |rows, seed| trustworthiness_sampled(x.view(), y.view(), 5, rows, seed).unwrap();
    assert_eq!(sampled(400, 1), full);
    assert_eq!(sampled(9000, 1), full);
    assert_eq!(sampled(100, 7), sampled(100, 7));
    assert_ne!(sampled(100, 7), sampled(100, 8));
    assert!((sampled(200, 782) - full).abs() < 0.03);
}

#[test]
fn what_is_not_defined_is_refused() {
    let (x, y) = data();
    let (x, y) = (x.view(), y.view());
    for k in [0, 200] {
        let error = trustworthiness(x, y, k).unwrap_err();
        assert_eq!(error, TrustworthinessError::Neighbors { n_neighbors: k, rows: 400 });
    }
    let fewer = y.slice(ndarray::s![..9, ..]);
    assert_eq!(trustworthiness(x, fewer, 5), Err(TrustworthinessError::Rows { data: 400, layout: 9 }));
    assert_eq!(trustworthiness_sampled(x, y, 5, 0, 1), Err(TrustworthinessError::EmptySample));
}
