#![allow(clippy::unwrap_used)]
use super::accuracy::{clustering_accuracy, linear_sum_assignment};
use super::ari::adjusted_rand_score;
use super::kappa::majority_vote_kappa;
use super::nmi::normalized_mutual_info_score;
use super::silhouette::{pairwise_distances, silhouette_from_distances, silhouette_score, silhouette_score_sampled};
use crate::random::RandomState;
use ndarray::{Array2, array};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert, proptest};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/golden/score/scores.json")).unwrap()
}

fn integers(value: &Value) -> Vec<i32> {
    value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap() as i32).collect()
}

/// The number, or NaN where Python had none.
fn number(value: &Value) -> f64 {
    value.as_str().map_or(f64::NAN, |text| text.parse().unwrap())
}

fn assert_scores(expected: &Value, x: &Array2<f64>, labels_true: &[i32], labels_pred: &[i32], about: &str) {
    let found = [
        ("acc", clustering_accuracy(labels_true, labels_pred)),
        ("nmi", normalized_mutual_info_score(labels_true, labels_pred)),
        ("ari", adjusted_rand_score(labels_true, labels_pred)),
        ("kappa", majority_vote_kappa(labels_true, labels_pred)),
        ("silhouette", silhouette_score(x.view(), labels_pred).unwrap_or(f64::NAN)),
    ];
    for (name, found) in found {
        let expected = number(&expected[name]);
        let equal = (found.is_nan() && expected.is_nan()) || (found - expected).abs() < 1e-9;
        assert!(equal, "{about}: {name} is {found}, not {expected}");
    }
}

#[test]
fn random_labelings_score_as_in_scikit_learn() {
    for case in golden()["random"].as_array().unwrap() {
        let seed = case["seed"].as_u64().unwrap() as u32;
        let mut rng = RandomState::new(seed);
        let n = rng.randint(2, 200).unwrap() as usize;
        let features = rng.randint(1, 9).unwrap() as usize;
        let x = Array2::from_shape_simple_fn((n, features), || rng.random_sample() * 4.0);
        let (labels_true, labels_pred) = (integers(&case["true"]), integers(&case["pred"]));
        assert_scores(case, &x, &labels_true, &labels_pred, &format!("seed {seed}"));
    }
}

#[test]
fn digits_score_as_in_scikit_learn() {
    let letter = |byte: u8| i32::from(byte - b'a');
    let rows: Vec<&[u8]> = include_str!("../../tests/golden/cluster/digits.txt").lines().map(str::as_bytes).collect();
    let x = Array2::from_shape_fn((rows.len(), 64), |(i, f)| f64::from(letter(rows[i][f + 2])));
    let classes: Vec<i32> = rows.iter().map(|row| i32::from(row[0] - b'0')).collect();
    let cases: Value = serde_json::from_str(include_str!("../../tests/golden/cluster/kmeans.json")).unwrap();
    let labels: Vec<i32> = cases[0]["labels"].as_str().unwrap().bytes().map(letter).collect();
    let expected = &golden()["digits"];
    assert_scores(expected, &x, &classes, &labels, "digits");
    let sampled = silhouette_score_sampled(x.view(), &labels, 1000, 3).unwrap();
    assert!((sampled - number(&expected["sample_1000_seed_3"])).abs() < 1e-9);
    let distances = pairwise_distances(x.view());
    let from_distances = silhouette_from_distances(distances.view(), &labels).unwrap();
    assert!((from_distances - number(&expected["silhouette"])).abs() < 1e-6);
}

#[test]
fn assignments_cost_as_in_scipy() {
    for case in golden()["assignments"].as_array().unwrap() {
        let columns = case["columns"].as_u64().unwrap() as usize;
        let cells: Vec<f64> = case["cost"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|v| v.as_f64().unwrap())
            .collect();
        let cost = Array2::from_shape_vec((cells.len() / columns, columns), cells).unwrap();
        let pairs = linear_sum_assignment(cost.view());
        assert_eq!(pairs.len(), cost.nrows().min(columns));
        for (i, a) in pairs.iter().enumerate() {
            assert!(pairs[..i].iter().all(|b| b.0 < a.0 && b.1 != a.1));
        }
        let total: f64 = pairs.iter().map(|&pair| cost[pair]).sum();
        assert!((total - number(&case["total"])).abs() < 1e-9);
    }
}

#[test]
fn edges() {
    let none: [i32; 0] = [];
    assert_eq!(adjusted_rand_score(&none, &none), 1.0);
    assert_eq!(normalized_mutual_info_score(&none, &none), 1.0);
    assert_eq!(clustering_accuracy(&none, &none), 1.0);
    assert!(majority_vote_kappa(&none, &none).is_nan());
    assert!(majority_vote_kappa(&["a", "a"], &[0, 1]).is_nan());
    assert_eq!(normalized_mutual_info_score(&["a", "a", "a"], &[0, 1, 1]), 0.0);
    let x = array![[0.0f32], [1.0], [5.0]];
    assert_eq!(silhouette_score(x.view(), &[0, 0, 0]), None);
    assert_eq!(silhouette_score(x.view(), &[0, 1, 2]), None);
    assert!(silhouette_score(x.view(), &[-1, -1, 0]).unwrap() > 0.5);
    assert_eq!(silhouette_score(array![[2.0], [2.0], [2.0], [2.0]].view(), &[0, 0, 1, 1]), Some(0.0));
}

#[test]
#[should_panic(expected = "labelings of the same items")]
fn labelings_of_different_length_are_a_mistake() {
    adjusted_rand_score(&[0, 1], &[0]);
}

/// Two labelings of the same items, and an order to put the items in.
fn labelings() -> impl Strategy<Value = (Vec<u8>, Vec<i32>, Vec<usize>)> {
    (2usize..60).prop_flat_map(|n| {
        let classes = proptest::collection::vec(0u8..6, n);
        let clusters = proptest::collection::vec(-1i32..7, n);
        (classes, clusters, Just((0..n).collect::<Vec<_>>()).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scores_ignore_names_and_order((classes, clusters, order) in labelings()) {
        let new_classes: Vec<u8> = order.iter().map(|&i| classes[i] ^ 5).collect();
        let new_clusters: Vec<i32> = order.iter().map(|&i| 100 - 3 * clusters[i]).collect();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        prop_assert!(close(adjusted_rand_score(&classes, &clusters), adjusted_rand_score(&new_classes, &new_clusters)));
        prop_assert!(close(
            normalized_mutual_info_score(&classes, &clusters),
            normalized_mutual_info_score(&new_classes, &new_clusters)
        ));
        prop_assert!(close(clustering_accuracy(&classes, &clusters), clustering_accuracy(&new_classes, &new_clusters)));
    }

    #[test]
    fn symmetric_scores_are_symmetric((classes, clusters, _) in labelings()) {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        prop_assert!(close(adjusted_rand_score(&classes, &clusters), adjusted_rand_score(&clusters, &classes)));
        prop_assert!(close(
            normalized_mutual_info_score(&classes, &clusters),
            normalized_mutual_info_score(&clusters, &classes)
        ));
        prop_assert!(close(clustering_accuracy(&classes, &clusters), clustering_accuracy(&clusters, &classes)));
    }

    #[test]
    fn scores_keep_their_bounds((classes, clusters, _) in labelings()) {
        let accuracy = clustering_accuracy(&classes, &clusters);
        prop_assert!((1.0 / classes.len() as f64..=1.0).contains(&accuracy));
        let nmi = normalized_mutual_info_score(&classes, &clusters);
        prop_assert!((-1e-12..=1.0 + 1e-9).contains(&nmi));
        let ari = adjusted_rand_score(&classes, &clusters);
        prop_assert!((-1.0..=1.0).contains(&ari));
        prop_assert!((adjusted_rand_score(&classes, &classes) - 1.0).abs() < 1e-12);
        prop_assert!((normalized_mutual_info_score(&classes, &classes) - 1.0).abs() < 1e-9);
        prop_assert!(clustering_accuracy(&classes, &classes) == 1.0);
    }

    #[test]
    fn silhouettes_ignore_shifts_names_and_order((_, clusters, order) in labelings(), seed in 0u32..1000) {
        let mut rng = RandomState::new(seed);
        let x = Array2::from_shape_simple_fn((clusters.len(), 3), || rng.standard_normal());
        let moved = Array2::from_shape_fn(x.dim(), |(i, f)| 2.0 - 3.0 * x[(order[i], f)]);
        let renamed: Vec<i32> = order.iter().map(|&i| 9 - clusters[i]).collect();
        match (silhouette_score(x.view(), &clusters), silhouette_score(moved.view(), &renamed)) {
            (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-7 && (-1.0..=1.0).contains(&a)),
            (a, b) => prop_assert!(a.is_none() && b.is_none()),
        }
    }
}
