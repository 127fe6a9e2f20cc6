//! What the tests of the clusterers share: the matrices and labels of `tests/golden/cluster`.
#![allow(clippy::unwrap_used)]

use crate::random::RandomState;
use ndarray::{Array2, Axis};
use serde_json::Value;

const DIGITS: &str = include_str!("../../tests/golden/cluster/digits.txt");

/// A label or grey level from its letter.
pub(super) fn letter(letter: u8) -> i32 {
    i32::from(if letter.is_ascii_uppercase() { letter - b'A' + 26 } else { letter - b'a' })
}

/// The labels of a case.
pub(super) fn labels(case: &Value) -> Vec<i32> {
    case["labels"].as_str().unwrap().bytes().map(letter).collect()
}

/// A number that is kept as text, so that no reader rounds it.
pub(super) fn text(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// The classes of scikit-learn's digits.
pub(super) fn classes() -> Vec<i32> {
    DIGITS.lines().map(|line| i32::from(line.as_bytes()[0] - b'0')).collect()
}

/// The matrix that the scripts mean by this name.
pub(super) fn matrix(name: &str) -> Array2<f64> {
    if name == "digits" {
        let rows: Vec<&[u8]> = DIGITS.lines().map(|line| &line.as_bytes()[2..]).collect();
        return Array2::from_shape_fn((rows.len(), 64), |(i, f)| f64::from(letter(rows[i][f])));
    }
    let parts: Vec<&str> = name.split('-').collect();
    let mut rng = RandomState::new(parts[3].parse().unwrap());
    let shape = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
    let mut x = Array2::from_shape_simple_fn(shape, || rng.random_sample());
    match parts[0] {
        "twins" => x.select(Axis(0), &(0..x.nrows()).map(|i| i * i % 23).collect::<Vec<_>>()),
        "corners" => {
            (0..x.nrows()).for_each(|i| x[(i, i % 6)] += 1.5);
            x
        }
        "blobs" => {
            for ((i, f), v) in x.indexed_iter_mut() {
                let group = i * i % 7;
                let corner = ((group >> (f % 3)) % 2) as f64;
                *v = corner + (*v - 0.5) * (0.5 + group as f64 * 0.125);
            }
            x
        }
        _ => x,
    }
}
