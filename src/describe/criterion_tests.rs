#![allow(clippy::unwrap_used)]
use super::{CriterionError, answering_column, criterion_vectors, kind};
use crate::describe::phrases::{Phrases, Role};
use crate::random::RandomState;
use ndarray::{Array1, Array2, array, s};

/// Captions of two actions in two places. The first two numbers of a vector are the action, the next two the place, the
/// last is what all have; a caption's vector is the sum of its phrases' and some noise.
fn example() -> (Phrases, Array2<f32>, Array2<f32>) {
    let mut rng = RandomState::new(3);
    let texts: Vec<String> = (0..40)
        .map(|i| {
            let action = ["is riding a horse", "is reading a book"][i % 2];
            format!("the person {action} {}", ["in a field", "at home"][i / 2 % 2])
        })
        .collect();
    let phrases = Phrases::new(&texts);
    let names = ["riding a horse", "reading a book", "in a field", "at home", "the person"];
    let vectors = Array2::from_shape_fn((phrases.distinct.len(), 5), |(i, j)| {
        if phrases.distinct[i].text == names[j] { [1.0, 1.0, 3.0, 3.0, 1.0][j] } else { 0.0 }
    });
    let captions = Array2::from_shape_fn((40, 5), |(i, j)| {
        phrases.documents[i].iter().map(|&p| vectors[(p, j)]).sum::<f32>() + 0.05 * rng.standard_normal() as f32
    });
    (phrases, vectors, captions)
}

#[test]
fn a_criterion_keeps_what_speaks_of_it() {
    let (phrases, vectors, captions) = example();
    let by = |kind| criterion_vectors(&phrases, vectors.view(), kind, captions.view()).unwrap();
    let distance = |m: &Array2<f32>, a: usize, b: usize| (&m.row(a) - &m.row(b)).mapv(|v| v * v).sum();
    let action = by(Role::Action);
    assert!(distance(&action, 0, 2) < 0.2 && distance(&action, 0, 1) > 3.5, "{action}");
    let place = by(Role::Place);
    assert!(distance(&place, 0, 1) < 0.2 && distance(&place, 0, 2) > 3.5, "{place}");
    assert!(action.rows().into_iter().all(|r| (r.dot(&r) - 1.0).abs() < 1e-5));
}

#[test]
fn without_phrases_of_the_kind_captions_are_centred() {
    let phrases = Phrases::new(&["a cat", "a dog"]);
    let texts = array![[1.0_f32, 5.0], [3.0, 5.0]];
    let vectors = array![[1.0_f32, 0.0], [0.0, 1.0]];
    let matrix = criterion_vectors(&phrases, vectors.view(), Role::Action, texts.view()).unwrap();
    assert_eq!(matrix, array![[-1.0, 0.0], [1.0, 0.0]]);
    let none = Phrases::new::<&str>(&[]);
    let empty = Array2::zeros((0, 2));
    assert_eq!(criterion_vectors(&none, empty.view(), Role::Place, empty.view()).unwrap(), empty);
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
    assert_eq!(kind(array![0.1, 1.0].view(), names.view()).unwrap(), Some(Role::Thing));
    assert_eq!(kind(array![1.0, 0.0].view(), names.view()).unwrap(), Some(Role::Place));
    assert_eq!(kind(array![-1.0, -1.0].view(), names.view()).unwrap(), None);
}

#[test]
fn what_does_not_fit_is_named() {
    let (phrases, mut vectors, texts) = example();
    let error = kind(Array1::ones(5).view(), vectors.slice(s![..2, ..])).unwrap_err();
    assert_eq!(error, CriterionError::Rows { what: "kinds", rows: 2, items: 3 });
    let with = |vectors: &Array2<f32>, texts: ndarray::ArrayView2<'_, f32>| {
        criterion_vectors(&phrases, vectors.view(), Role::Action, texts).unwrap_err()
    };
    let few = vectors.slice(s![..2, ..]).to_owned();
    assert_eq!(with(&few, texts.view()), CriterionError::Rows { what: "phrases", rows: 2, items: 5 });
    let short = texts.slice(s![..7, ..]);
    assert_eq!(with(&vectors, short), CriterionError::Rows { what: "texts", rows: 7, items: 40 });
    let narrow = texts.slice(s![.., ..4]);
    assert_eq!(with(&vectors, narrow), CriterionError::Columns { what: "texts", criterion: 5, columns: 4 });
    vectors.fill(f32::NAN);
    assert_eq!(with(&vectors, texts.view()), CriterionError::Decomposition);
}
