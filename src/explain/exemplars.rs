//! The pictures that stand for a cluster: those nearest its centre.

use super::{ExplainError, check};
use ndarray::{Array1, ArrayView2, Axis};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// For each cluster the indices of the `count` rows nearest the mean of its rows (Euclidean, in `f64`),
/// nearest first, the lower index first on ties.
///
/// `matrix` is `[pictures, dimensions]`, `labels` the cluster of each picture. Noise (-1) is treated like
/// a cluster: its exemplars are the pictures nearest the mean of all noise.
///
/// # Errors
/// When there is not one row for each label.
pub fn exemplars(
    matrix: ArrayView2<'_, f32>,
    labels: &[i32],
    count: usize,
) -> Result<BTreeMap<i32, Vec<usize>>, ExplainError> {
    check("rows", matrix.nrows(), labels)?;
    let mut members: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (i, &label) in labels.iter().enumerate() {
        members.entry(label).or_default().push(i);
    }
    let nearest = |rows: &[usize]| {
        let mut centre = Array1::<f64>::zeros(matrix.ncols());
        for &i in rows {
            centre.zip_mut_with(&matrix.index_axis(Axis(0), i), |c, &x| *c += f64::from(x));
        }
        centre /= rows.len() as f64;
        let mut ranked: Vec<(f64, usize)> = rows
            .iter()
            .map(|&i| {
                let row = matrix.index_axis(Axis(0), i);
                (row.iter().zip(&centre).map(|(&x, c)| (f64::from(x) - c).powi(2)).sum(), i)
            })
            .collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        ranked.into_iter().take(count).map(|(_, i)| i).collect::<Vec<_>>()
    };
    Ok(members.par_iter().map(|(&label, rows)| (label, nearest(rows))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::exemplars;
    use ndarray::array;

    #[test]
    fn nearest_first_and_ties_by_index() {
        let x = array![[0.0_f32, 0.0], [2.0, 0.0], [1.0, 0.0], [1.0, 5.0], [9.0, 9.0], [1.0, -5.0]];
        let got = exemplars(x.view(), &[0, 0, 0, 0, -1, 0], 4).unwrap();
        assert_eq!(got[&0], [2, 0, 1, 3]);
        assert_eq!(got[&-1], [4]);
        assert_eq!(exemplars(x.view(), &[0, 0, 0, 0, -1, 0], 1).unwrap()[&0], [2]);
    }

    #[test]
    fn wrong_length_is_named() {
        assert!(exemplars(array![[0.0_f32]].view(), &[], 3).unwrap_err().to_string().starts_with("1 rows for 0"));
    }
}
