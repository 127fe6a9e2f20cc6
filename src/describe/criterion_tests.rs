#![allow(clippy::unwrap_used)]
use super::{CriterionError, answering_column, criterion_vectors, relevance};
use crate::describe::phrases::{Phrases, Role};
use ndarray::{Array2, array};

/// Captions of two actions in two places; vectors whose first two numbers are the action, the last two the place.
fn example() -> (Phrases, Array2<f32>) {
    let texts =
        ["riding a horse in a field", "reading a book in a field", "riding a horse at home", "reading a book at home"];
    let phrases = Phrases::new(&texts);
    let vectors = Array2::from_shape_fn((phrases.distinct.len(), 4), |(i, j)| {
        let axis = match phrases.distinct[i].text.as_str() {
            "riding a horse" => 0,
            "reading a book" => 1,
            "in a field" => 2,
            _ => 3,
        };
        if axis == j { 1.0 } else { 0.0 }
    });
    (phrases, vectors)
}

#[test]
fn a_criterion_keeps_what_speaks_of_it() {
    let (phrases, vectors) = example();
    let texts = Array2::zeros((4, 4));
    let kinds = array![[0.0_f32, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let by = |criterion: ndarray::Array1<f32>| {
        let relevance = relevance(&phrases, kinds.view(), criterion.view()).unwrap();
        criterion_vectors(&phrases, vectors.view(), &relevance, texts.view()).unwrap()
    };
    let by_action = by(array![3.0, 0.0]);
    let distance = |m: &Array2<f32>, a: usize, b: usize| (&m.row(a) - &m.row(b)).mapv(|v| v * v).sum();
    assert!(distance(&by_action, 0, 2) < 0.01 && distance(&by_action, 0, 1) > 1.5);
    let by_place = by(array![0.1, 1.0]);
    assert!(distance(&by_place, 0, 1) < 0.01 && distance(&by_place, 0, 2) > 1.5);
}

#[test]
fn relevance_is_rarity_times_kind() {
    let phrases = Phrases::new(&["the cat is riding a horse in a field", "the cat is in a field", "the cat"]);
    let roles: Vec<Role> = phrases.distinct.iter().map(|p| p.role).collect();
    assert_eq!(roles, [Role::Place, Role::Action, Role::Thing]);
    let even = relevance(&phrases, Array2::ones((3, 2)).view(), array![1.0_f32, 1.0].view()).unwrap();
    let rarity = [(4.0_f64 / 3.0).ln(), 2.0_f64.ln(), 0.0];
    assert!(even.iter().zip(rarity).all(|(w, r)| (w - r / 3.0).abs() < 1e-12), "{even:?}");
    let kinds = array![[0.0_f32, 1.0], [1.0, 0.0], [0.0, 1.0]];
    let action = relevance(&phrases, kinds.view(), array![1.0_f32, 0.0].view()).unwrap();
    assert!((action[1] - rarity[1]).abs() < 1e-6 && action[0] < 1e-6);
}

#[test]
fn a_picture_without_phrases_keeps_its_own_vector() {
    let phrases = Phrases::new(&["riding", "", "riding"]);
    let texts = array![[0.0_f32, 2.0], [3.0, 0.0], [0.0, 2.0]];
    let vectors = array![[1.0_f32, 1.0]];
    let matrix = criterion_vectors(&phrases, vectors.view(), &[0.7], texts.view()).unwrap();
    assert_eq!(matrix.row(1).to_vec(), [1.0, 0.0]);
    assert!((matrix[(0, 0)] - 0.5_f32.sqrt()).abs() < 1e-6);
}

#[test]
fn the_column_whose_name_is_nearest_answers() {
    let names = array![[0.0_f32, 1.0], [1.0, 0.2], [1.0, 0.0]];
    let (column, cosine) = answering_column(array![2.0, 0.0].view(), names.view()).unwrap().unwrap();
    assert_eq!((column, cosine), (2, 1.0));
    assert_eq!(answering_column(array![-1.0, 0.0].view(), names.view()).unwrap(), None);
    assert_eq!(answering_column(array![1.0, 0.0].view(), Array2::zeros((0, 2)).view()).unwrap(), None);
    let error = answering_column(array![1.0].view(), names.view()).unwrap_err();
    assert_eq!(error, CriterionError::Columns { what: "columns", criterion: 1, columns: 2 });
}

#[test]
fn what_does_not_fit_is_named() {
    let (phrases, vectors) = example();
    let error = relevance(&phrases, vectors.view(), ndarray::Array1::ones(4).view()).unwrap_err();
    assert_eq!(error, CriterionError::Rows { what: "kinds", rows: 4, items: 3 });
    let texts = Array2::zeros((4, 4));
    let error = criterion_vectors(&phrases, vectors.view(), &[1.0], texts.view()).unwrap_err();
    assert_eq!(error, CriterionError::Rows { what: "phrases", rows: 1, items: 4 });
    assert!(criterion_vectors(&phrases, texts.slice(ndarray::s![..2, ..]), &[1.0; 4], texts.view()).is_err());
    assert!(criterion_vectors(&phrases, vectors.view(), &[1.0; 4], Array2::zeros((4, 3)).view()).is_err());
    assert!(criterion_vectors(&phrases, vectors.view(), &[1.0; 4], Array2::zeros((3, 4)).view()).is_err());
}
