#![allow(clippy::unwrap_used)]
use super::Metric;
use super::condensed::{Filling, Table};
use super::goldens::{curves, matrix};
use super::rows::Rows;
use crate::cluster::k_distance::{KDistanceError, k_distances, knee};
use ndarray::Array2;

fn table(x: &Array2<f64>, metric: Metric, double: bool) -> Table {
    let mut filling = Filling::with_precision(Rows::new(x).unwrap(), metric, double).unwrap();
    while !filling.step() {}
    let (done, total) = filling.progress();
    assert_eq!(done, total);
    filling.table()
}

#[test]
fn tables_hold_the_distances() {
    for name in ["noise-700-33-4", "twins-300-3-6", "noise-1-3-1"] {
        let x = matrix(name);
        for (metric, double, tolerance) in [
            (Metric::Euclidean, true, 1e-13),
            (Metric::Euclidean, false, 3e-6),
            (Metric::Cosine, true, 1e-13),
            (Metric::Cosine, false, 3e-6),
        ] {
            let table = table(&x, metric, double);
            for i in 0..x.nrows() {
                for j in (0..i).step_by(7) {
                    let (a, b) = (x.row(i), x.row(j));
                    let expected = match metric {
                        Metric::Euclidean => (&a - &b).mapv(|v| v * v).sum().sqrt(),
                        Metric::Cosine => 1.0 - a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt(),
                    };
                    assert!((table.get(j, i) - expected).abs() < tolerance, "{name} {metric:?} {double} {i} {j}");
                }
            }
        }
    }
}

#[test]
fn a_curve_of_distances_equals_scikit_learn() {
    for (x, k, expected) in curves() {
        let sorted = k_distances(&x, k).unwrap();
        let every = (x.nrows() / 50).max(1);
        for (found, expected) in sorted.iter().step_by(every).zip(expected) {
            assert!((found - expected).abs() < 1e-9, "k {k}: {found}, not {expected}");
        }
        let kth = table(&x, Metric::Euclidean, true).kth(0..x.nrows(), k);
        let mut kth = kth;
        kth.sort_by(f64::total_cmp);
        assert!(kth.iter().zip(&sorted).all(|(a, b)| (a - b).abs() < 1e-7));
    }
}

#[test]
fn the_knee_is_where_the_curve_bends() {
    let curve: Vec<f64> =
        (0..100).map(|i| if i < 80 { 1.0 + 0.001 * f64::from(i) } else { f64::from(i - 78) }).collect();
    assert_eq!(knee(&curve), Some(79));
    assert_eq!(knee(&[2.0; 9]), None);
    assert_eq!(knee(&[]), None);
    assert_eq!(knee(&[1.0]), None);
}

#[test]
fn impossible_neighbours_are_named() {
    let x = matrix("noise-5-3-2");
    assert_eq!(k_distances(&x, 0), Err(KDistanceError::K { k: 0, n_samples: 5 }));
    assert_eq!(k_distances(&x, 5), Err(KDistanceError::K { k: 5, n_samples: 5 }));
    assert!(k_distances(&x, 4).is_ok());
    assert!(k_distances(&Array2::<f32>::zeros((0, 1)), 1).is_err());
}
