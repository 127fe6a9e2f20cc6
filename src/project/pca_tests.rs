#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::Value;

fn digits() -> Array2<f32> {
    let bytes = include_bytes!("../../tests/golden/project/digits.u8");
    Array2::from_shape_vec((1797, 64), bytes.iter().map(|&b| f32::from(b)).collect()).unwrap()
}

fn golden(name: &str, key: &str) -> Vec<f64> {
    let golden: Value = serde_json::from_str(include_str!("../../tests/golden/project/golden.json")).unwrap();
    golden[name][key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn assert_close<'a>(found: impl IntoIterator<Item = &'a f64>, expected: &[f64], tolerance: f64, what: &str) {
    let found: Vec<f64> = found.into_iter().copied().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what} {i}: {a} for {b}");
    }
}

#[test]
fn equals_scikit_learn_for_tall_and_wide_matrices() {
    for (name, rows) in [("pca_tall", 1797), ("pca_wide", 40)] {
        let x = digits();
        let x = x.slice(s![..rows, ..]);
        let pca = Pca::fit(x, 10).unwrap();
        let transformed = pca.transform(x).slice(s![..5, ..]).map(|&v| f64::from(v));
        assert_close(pca.explained_variance(), &golden(name, "explained_variance"), 1e-6, name);
        assert_close(&pca.explained_variance_ratio(), &golden(name, "explained_variance_ratio"), 1e-6, name);
        assert_close(pca.components().slice(s![..3, ..]), &golden(name, "components"), 1e-5, name);
        assert_close(&transformed, &golden(name, "transformed"), 1e-5, name);
    }
}

#[test]
fn randomised_equals_exact() {
    let x = digits();
    let exact = Pca::fit(x.view(), 3).unwrap();
    let randomised = Pca::fit_with(x.view(), 3, 16).unwrap();
    assert_close(randomised.explained_variance(), &exact.explained_variance().to_vec(), 1e-5, "variance");
    assert_close(randomised.components(), &exact.components().iter().copied().collect::<Vec<_>>(), 1e-3, "axes");
}

#[test]
fn components_are_orthonormal_whatever_the_rank() {
    let line = Array2::from_shape_fn((6, 9), |(i, j)| i as f32 * (j as f32 - 4.0));
    let same = Array2::from_elem((5, 3), 2.5f32);
    for x in [line.view(), line.t(), same.view(), same.t(), digits().slice(s![..12, ..])] {
        let pca = Pca::fit(x, 50).unwrap();
        let k = x.nrows().min(x.ncols());
        let gram = pca.components().dot(&pca.components().t());
        assert_eq!(gram.dim(), (k, k));
        for ((i, j), v) in gram.indexed_iter() {
            assert!((v - if i == j { 1.0 } else { 0.0 }).abs() < 1e-9, "{i} {j}: {v}");
        }
        assert!(pca.transform(x).iter().all(|v| v.is_finite()));
    }
    assert_eq!(Pca::fit(same.view(), 1).unwrap().explained_variance_ratio()[0], 0.0);
}

#[test]
fn far_from_the_origin_the_variance_is_as_near() {
    let x = Array2::from_shape_fn((100, 4), |(i, j)| 1e4 + ((i * (j + 3) * 31) % 17) as f32);
    let near = x.map(|v| v - 1e4);
    let (far, near) = (Pca::fit(x.view(), 2).unwrap(), Pca::fit(near.view(), 2).unwrap());
    assert_close(far.explained_variance(), &near.explained_variance().to_vec(), 1e-6, "variance");
}

#[test]
fn layout_has_two_columns_and_nothing_to_step() {
    for columns in [1, 2, 7] {
        let x = Array2::from_shape_fn((9, columns), |(i, j)| (i * (j + 2)) as f32);
        let mut layout = PcaLayout::new(x.view()).unwrap();
        assert_eq!(layout.step(), Step::Done);
        assert_eq!(layout.output().dim(), (9, 2));
    }
    assert_eq!(PcaLayout::new(Array2::from_elem((1, 4), 3.0).view()).unwrap().output(), Array2::<f32>::zeros((1, 2)));
}

#[test]
fn what_cannot_be_projected_is_named() {
    let empty = Pca::fit(Array2::zeros((0, 3)).view(), 2).unwrap_err();
    assert_eq!(empty, ProjectError::Empty { rows: 0, columns: 3 });
    let mut x = Array2::zeros((4, 3));
    x[[2, 1]] = f32::NAN;
    assert_eq!(Pca::fit(x.view(), 2).unwrap_err(), ProjectError::NotFinite { row: 2, column: 1 });
    assert!(matches!(Pca::fit(Array2::zeros((4, 3)).view(), 0), Err(ProjectError::Parameter { .. })));
}
