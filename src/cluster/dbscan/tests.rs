#![allow(clippy::unwrap_used)]
use super::{Dbscan, DbscanError, DbscanParams, DbscanParamsError, DbscanRun};
use crate::cluster::distances::goldens::Case;
use crate::cluster::stepped::to_the_end;
use crate::cluster::{Clusterer, Scalar};
use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, array};
use proptest::prelude::{prop_assert_eq, proptest};

fn check<F: Scalar>(case: &Case) {
    let params =
        DbscanParams::default().eps(case.number("eps").unwrap()).min_samples(case.count("min_samples").unwrap());
    let model = params.fit(&DatasetBase::from(case.matrix::<F>())).unwrap();
    assert_eq!(model.labels().to_vec(), case.labels(), "{}", case.about());
}

#[test]
fn labels_equal_scikit_learn() {
    let cases = Case::all("dbscan");
    assert!(cases.len() > 10);
    for case in cases {
        if case.is_single() { check::<f32>(&case) } else { check::<f64>(&case) }
    }
}

/// DBSCAN as its definition reads, pair by pair.
fn plain(x: &Array2<f64>, eps: f64, min_samples: usize) -> Vec<i32> {
    let near = |i: usize| {
        let squared = move |j: &usize| (&x.row(i) - &x.row(*j)).mapv(|v| v * v).sum() <= eps * eps;
        (0..x.nrows()).filter(squared).collect::<Vec<_>>()
    };
    let near: Vec<Vec<usize>> = (0..x.nrows()).map(near).collect();
    let (mut labels, mut next) = (vec![-1; x.nrows()], 0);
    for start in 0..x.nrows() {
        if labels[start] != -1 || near[start].len() < min_samples {
            continue;
        }
        let mut open = vec![start];
        while let Some(i) = open.pop() {
            if labels[i] == -1 {
                labels[i] = next;
                if near[i].len() >= min_samples {
                    open.extend(&near[i]);
                }
            }
        }
        next += 1;
    }
    labels
}

proptest! {
    #[test]
    fn labels_equal_the_definition(
        cells in proptest::collection::vec((0i32..12, 0i32..12), 1..300),
        eps in 0.5f64..4.0,
        min_samples in 1usize..9,
    ) {
        // A grid has many rows exactly at the limit, and many twice.
        let x = Array2::from_shape_fn((cells.len(), 2), |(i, f)| f64::from(if f == 0 { cells[i].0 } else { cells[i].1 }));
        for eps in [eps, eps.round()] {
            let mut run = DbscanRun::new(DbscanParams::default().eps(eps).min_samples(min_samples), &x).unwrap();
            run.run();
            prop_assert_eq!(run.labels(), plain(&x, eps, min_samples));
        }
    }
}

#[test]
fn far_from_the_origin_and_at_any_scale() {
    for scale in [1e-30, 1.0, 1e30] {
        let x = array![[0.0], [1.0], [2.0], [10.0], [20.0], [21.0]].mapv(|v: f64| (v + 1000.0) * scale);
        let model = Dbscan::params().eps(1.001 * scale).min_samples(2).fit(&DatasetBase::from(x)).unwrap();
        assert_eq!(model.labels().to_vec(), [0, 0, 0, -1, 1, 1]);
        assert_eq!(model.core_sample_indices(), [0, 1, 2, 4, 5]);
    }
}

#[test]
fn threads_change_nothing_and_steps_show_progress() {
    let x = Case::all("dbscan")[0].matrix::<f32>();
    let with = |threads| {
        let run = DbscanRun::new(DbscanParams::default().eps(20.0).min_samples(10), &x).unwrap();
        assert_eq!(run.labels(), vec![-1; x.nrows()]);
        let run = to_the_end(run, threads, 1);
        run.labels()
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn bad_input_is_named() {
    let fit = |params: DbscanParams, x: Array2<f64>| params.fit(&DatasetBase::from(x));
    assert!(matches!(Dbscan::params().eps(0.0).check(), Err(DbscanParamsError::Eps(0.0))));
    assert!(Dbscan::params().eps(f64::NAN).check().is_err());
    assert_eq!(Dbscan::params().min_samples(0).check(), Err(DbscanParamsError::MinSamples));
    assert!(matches!(fit(Dbscan::params(), Array2::zeros((0, 3))), Err(DbscanError::Matrix(_))));
    let error = fit(Dbscan::params(), array![[1.0, f64::NAN]]).unwrap_err();
    assert_eq!(error.to_string(), "DBSCAN: the value at row 0, column 1 is not finite");
}
