//! Other pictures put into the clusters of a study: the nearest centroid, in the representation as it was fitted.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::fuse::l2_normalize;

/// `matrix` `[m, d]` made ready for clustering as `fitted` `[n, d]` was: columns shifted by the means of `fitted`, each of
/// `parts` (ranges of columns, none where all weigh as they are) scaled so that it has mean squared length one in `fitted`,
/// rows of length one.
pub fn prepare(fitted: ArrayView2<'_, f32>, parts: &[Range<usize>], matrix: ArrayView2<'_, f32>) -> Array2<f32> {
    let rows = fitted.nrows().max(1) as f64;
    let mut mean = Array1::<f64>::zeros(fitted.ncols());
    for row in fitted.rows() {
        mean.zip_mut_with(&row, |sum, v| *sum += f64::from(*v));
    }
    mean /= rows;
    let mut scale = Array1::<f64>::ones(fitted.ncols());
    for part in parts {
        let squares =
            part.clone().map(|j| fitted.column(j).iter().map(|v| (f64::from(*v) - mean[j]).powi(2)).sum::<f64>());
        let length = (squares.sum::<f64>() / rows).sqrt();
        let value = if length > 0.0 { 1.0 / length } else { 1.0 };
        scale.slice_mut(ndarray::s![part.clone()]).fill(value);
    }
    let mut prepared = matrix.to_owned();
    for mut row in prepared.rows_mut() {
        for ((v, mean), scale) in row.iter_mut().zip(&mean).zip(&scale) {
            *v = ((f64::from(*v) - mean) * scale) as f32;
        }
    }
    l2_normalize(&mut prepared);
    prepared
}

/// The cluster of each row of `rows` `[m, d]`: that with the nearest mean of the rows of `fitted` `[n, d]` which `labels` put
/// into it, the lower on ties. Noise (-1) is no cluster; without any cluster all rows are noise.
pub fn nearest(fitted: ArrayView2<'_, f32>, labels: &[i32], rows: ArrayView2<'_, f32>) -> Vec<i32> {
    let mut sums: BTreeMap<i32, (Array1<f64>, f64)> = BTreeMap::new();
    for (row, label) in fitted.rows().into_iter().zip(labels).filter(|(_, label)| **label >= 0) {
        let (sum, count) = sums.entry(*label).or_insert_with(|| (Array1::zeros(fitted.ncols()), 0.0));
        sum.zip_mut_with(&row, |sum, v| *sum += f64::from(*v));
        *count += 1.0;
    }
    let centroids: Vec<(i32, Array1<f64>)> =
        sums.into_iter().map(|(label, (sum, count))| (label, sum / count)).collect();
    let distance = |row: ndarray::ArrayView1<'_, f32>, centroid: &Array1<f64>| {
        row.iter().zip(centroid).map(|(v, c)| (f64::from(*v) - c).powi(2)).sum::<f64>()
    };
    let one = |row: ndarray::ArrayView1<'_, f32>| {
        let far = centroids.iter().map(|(label, centroid)| (*label, distance(row, centroid)));
        far.reduce(|a, b| if b.1 < a.1 { b } else { a }).map_or(-1, |(label, _)| label)
    };
    rows.axis_iter(Axis(0)).map(one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{nearest, prepare};
    use crate::fuse::{balance, center_and_normalize};
    use crate::random::RandomState;
    use ndarray::{Array2, array, s};

    #[test]
    fn the_fitted_rows_are_prepared_as_they_were() {
        let mut rng = RandomState::new(3);
        let matrix = Array2::from_shape_fn((20, 6), |(_, j)| (rng.standard_normal() * (j + 1) as f64 + 2.0) as f32);
        let close = |a: &Array2<f32>, b: &Array2<f32>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-6);
        assert!(close(&prepare(matrix.view(), &[], matrix.view()), &center_and_normalize(matrix.view())));
        let (parts, mut balanced) = ([0..2, 2..6], matrix.clone());
        balance(&mut balanced, &parts);
        let wanted = center_and_normalize(balanced.view());
        assert!(close(&prepare(matrix.view(), &parts, matrix.view()), &wanted));
        // One row alone comes out as it does among the others.
        let alone = prepare(matrix.view(), &parts, matrix.slice(s![4..5, ..]));
        assert!(close(&alone, &wanted.slice(s![4..5, ..]).to_owned()));
    }

    #[test]
    fn rows_go_to_the_nearest_mean() {
        let fitted = array![[0.0f32, 0.0], [0.0, 2.0], [10.0, 0.0], [99.0, 99.0]];
        let rows = array![[1.0f32, 1.0], [9.0, 1.0], [90.0, 90.0]];
        assert_eq!(nearest(fitted.view(), &[4, 4, 7, -1], rows.view()), [4, 7, 7]);
        assert_eq!(nearest(fitted.view(), &[-1; 4], rows.view()), [-1; 3]);
    }
}
