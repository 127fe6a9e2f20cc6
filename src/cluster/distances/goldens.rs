//! What scikit-learn answered: the cases of tests/golden/cluster/distances.json.

#![allow(clippy::unwrap_used)]

use crate::cluster::Scalar;
pub(in crate::cluster) use crate::cluster::golden::matrix;
use ndarray::Array2;
use serde_json::Value;

const GOLDENS: &str = include_str!("../../../tests/golden/cluster/distances.json");

/// One fit of scikit-learn's.
pub(in crate::cluster) struct Case {
    pub(in crate::cluster) golden: Value,
}

impl Case {
    /// The cases of one algorithm.
    pub(in crate::cluster) fn all(algorithm: &str) -> Vec<Self> {
        let goldens: Value = serde_json::from_str(GOLDENS).unwrap();
        let cases = goldens["cases"].as_array().unwrap().iter().filter(|case| case["algorithm"] == algorithm);
        cases.map(|case| Self { golden: case.clone() }).collect()
    }

    pub(in crate::cluster) fn about(&self) -> String {
        format!("{} {} {}", self.golden["matrix"], self.golden["dtype"], self.golden["parameters"])
    }

    pub(in crate::cluster) fn is_single(&self) -> bool {
        self.golden["dtype"] == "float32"
    }

    pub(in crate::cluster) fn matrix<F: Scalar>(&self) -> Array2<F> {
        matrix(self.golden["matrix"].as_str().unwrap()).mapv(F::of)
    }

    pub(in crate::cluster) fn number(&self, name: &str) -> Option<f64> {
        self.golden["parameters"][name].as_f64()
    }

    pub(in crate::cluster) fn count(&self, name: &str) -> Option<usize> {
        self.golden["parameters"][name].as_u64().map(|count| count as usize)
    }

    pub(in crate::cluster) fn text(&self, name: &str) -> Option<&str> {
        self.golden["parameters"][name].as_str()
    }

    pub(in crate::cluster) fn labels(&self) -> Vec<i32> {
        self.golden["labels"].as_str().unwrap().bytes().map(|byte| i32::from(byte) - 49).collect()
    }
}

/// Curves of distances: matrix, k, and every so-manieth of the sorted distances.
pub(in crate::cluster) fn curves() -> Vec<(Array2<f64>, usize, Vec<f64>)> {
    let goldens: Value = serde_json::from_str(GOLDENS).unwrap();
    let curve = |curve: &Value| {
        let sorted = curve["sorted"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap());
        (matrix(curve["matrix"].as_str().unwrap()), curve["k"].as_u64().unwrap() as usize, sorted.collect())
    };
    goldens["curves"].as_array().unwrap().iter().map(curve).collect()
}
