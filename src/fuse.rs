//! Matrices made ready for clustering, and made one.

use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// Every row divided by its Euclidean length; a zero row stays zero.
pub fn l2_normalize(matrix: &mut Array2<f32>) {
    for mut row in matrix.axis_iter_mut(Axis(0)) {
        let length = row.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.mapv_inplace(|v| (f64::from(v) / length) as f32);
        }
    }
}

/// Columns brought to mean zero, then rows to length one: what a network's pooled features need before
/// Euclidean distances between them mean much (their common offset otherwise dominates).
pub fn center_and_normalize(matrix: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut result = matrix.to_owned();
    if result.nrows() > 0 {
        let sum = matrix.axis_iter(Axis(0)).fold(ndarray::Array1::<f64>::zeros(matrix.ncols()), |mut sum, row| {
            sum.zip_mut_with(&row, |s, v| *s += f64::from(*v));
            sum
        });
        let mean = sum.mapv(|s| (s / matrix.nrows() as f64) as f32);
        result -= &mean;
    }
    l2_normalize(&mut result);
    result
}

/// Every part of the columns brought to mean zero and to rows of mean squared length one, so that no part outweighs
/// another by its unit alone. A part that is the same in all rows becomes zero.
pub fn balance(matrix: &mut Array2<f32>, parts: &[std::ops::Range<usize>]) {
    let rows = matrix.nrows().max(1) as f64;
    for part in parts {
        let mut part = matrix.slice_mut(ndarray::s![.., part.clone()]);
        for mut column in part.columns_mut() {
            let mean = column.iter().map(|v| f64::from(*v)).sum::<f64>() / rows;
            column.mapv_inplace(|v| (f64::from(v) - mean) as f32);
        }
        let length = (part.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>() / rows).sqrt();
        if length > 0.0 {
            part.mapv_inplace(|v| (f64::from(v) / length) as f32);
        }
    }
}

/// `concat`: both sides L2-normalised, weighted and set side by side, `[n, a + b]`.
///
/// Squared distances add up as `image_weight² · d_image² + text_weight² · d_text²`. `None` when the sides do not have
/// the same number of rows.
pub fn concat(image: ArrayView2<'_, f32>, text: ArrayView2<'_, f32>, weights: [f32; 2]) -> Option<Array2<f32>> {
    let side = |matrix: ArrayView2<'_, f32>, weight: f32| {
        let mut side = matrix.to_owned();
        l2_normalize(&mut side);
        side * weight
    };
    concatenate(Axis(1), &[side(image, weights[0]).view(), side(text, weights[1]).view()]).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_have_length_one_and_zero_stays() {
        let mut m = array![[3.0, 4.0], [0.0, 0.0]];
        l2_normalize(&mut m);
        assert_eq!(m, array![[0.6, 0.8], [0.0, 0.0]]);
        let c = center_and_normalize(array![[1.0, 5.0], [3.0, 5.0]].view());
        assert_eq!(c, array![[-1.0, 0.0], [1.0, 0.0]]);
    }

    #[test]
    fn parts_of_different_units_weigh_the_same() {
        let mut m = array![[1000.0f32, 3000.0, 0.1, 7.0], [3000.0, 1000.0, 0.3, 7.0]];
        balance(&mut m, &[0..2, 2..3, 3..4]);
        let half = 0.5f32.sqrt();
        let expected = array![[-half, half, -1.0, 0.0], [half, -half, 1.0, 0.0]];
        assert!((&m - &expected).iter().all(|d| d.abs() < 1e-6), "{m}");
    }

    #[test]
    fn concat_weighs_each_side() {
        let fused = concat(array![[2.0f32, 0.0]].view(), array![[0.0f32, 5.0]].view(), [0.5, 0.25]).unwrap();
        assert_eq!(fused, array![[0.5, 0.0, 0.0, 0.25]]);
        assert!(concat(array![[1.0f32]].view(), array![[1.0f32], [2.0]].view(), [1.0, 1.0]).is_none());
    }
}
