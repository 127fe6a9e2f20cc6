//! Choosing without labels: which of several columns, which weight of a fusion.

use super::FuseError;
use ndarray::{Array1, ArrayView2};
use std::collections::BTreeMap;

/// Columns whose variance is at most this part of the largest column's are constant but for rounding.
const CONSTANT: f64 = 1e-9;

/// The K-Means loss of `labels` on `x` `[n, d]`, normalised per dimension: the mean, over the dimensions that vary, of
/// the share of a dimension's variance that the clusters leave unexplained,
///
/// `loss = 1/d · Σ_j ( Σ_i (x_ij − c_{l(i),j})² / Σ_i (x_ij − x̄_j)² )`, in [0, 1],
///
/// with `c_{l,j}` the mean of cluster `l` and `x̄_j` of all rows in dimension `j`. Numerator and denominator of one
/// dimension have the same unit, so losses of matrices of different scale and number of dimensions compare, as long as
/// the number of clusters is the same. Rows labelled -1 (noise) keep their distance to `x̄`. 1 where no dimension
/// varies.
///
/// # Errors
/// [`FuseError::Rows`] when there is not one label for each row.
pub fn normalized_loss(x: ArrayView2<'_, f32>, labels: &[i32]) -> Result<f64, FuseError> {
    let scatter = Scatter::new(x, labels)?;
    let largest = scatter.total.fold(0.0_f64, |a, &b| a.max(b));
    let varying = scatter.total.iter().zip(&scatter.within).filter(|(total, _)| **total > CONSTANT * largest);
    let shares: Vec<f64> = varying.map(|(total, within)| within / total).collect();
    Ok(if shares.is_empty() { 1.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 })
}

/// The share of the variance of `x` `[n, d]` that `labels` explain: `1 − Σ_i ‖x_i − c_{l(i)}‖² / Σ_i ‖x_i − x̄‖²`, in
/// [0, 1]. Rows labelled -1 (noise) keep their distance to `x̄`. 0 where nothing varies.
///
/// # Errors
/// [`FuseError::Rows`] when there is not one label for each row.
pub fn explained_variance(x: ArrayView2<'_, f32>, labels: &[i32]) -> Result<f64, FuseError> {
    let scatter = Scatter::new(x, labels)?;
    let total = scatter.total.sum();
    Ok(if total > 0.0 { (1.0 - scatter.within.sum() / total).clamp(0.0, 1.0) } else { 0.0 })
}

/// Squared distances of the rows, summed for each column: to the mean of all rows, and to the mean of their cluster.
struct Scatter {
    total: Array1<f64>,
    within: Array1<f64>,
}

impl Scatter {
    fn new(x: ArrayView2<'_, f32>, labels: &[i32]) -> Result<Self, FuseError> {
        check_rows(x.nrows(), labels.len())?;
        let mut groups: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for (row, &label) in labels.iter().enumerate() {
            groups.entry(label.max(-1)).or_default().push(row);
        }
        let all: Vec<usize> = (0..labels.len()).collect();
        let mean = mean_of(x, &all);
        let mut scatter = Self { total: squares(x, &all, &mean), within: Array1::zeros(x.ncols()) };
        for (label, rows) in groups {
            scatter.within += &if label < 0 { squares(x, &rows, &mean) } else { squares(x, &rows, &mean_of(x, &rows)) };
        }
        Ok(scatter)
    }
}

fn check_rows(first: usize, other: usize) -> Result<(), FuseError> {
    if first == other { Ok(()) } else { Err(FuseError::Rows { first, other }) }
}

fn mean_of(x: ArrayView2<'_, f32>, rows: &[usize]) -> Array1<f64> {
    let mut sum = Array1::<f64>::zeros(x.ncols());
    for &row in rows {
        sum.zip_mut_with(&x.row(row), |s, &v| *s += f64::from(v));
    }
    sum / rows.len().max(1) as f64
}

fn squares(x: ArrayView2<'_, f32>, rows: &[usize], mean: &Array1<f64>) -> Array1<f64> {
    let mut squares = Array1::<f64>::zeros(x.ncols());
    for &row in rows {
        for ((s, &v), m) in squares.iter_mut().zip(x.row(row)).zip(mean) {
            *s += (f64::from(v) - m).powi(2);
        }
    }
    squares
}

/// Prompt-guided text: of several columns of answers, each clustered by K-Means into as many clusters, the one that
/// clusters best is the one with the lowest [`normalized_loss`], as Stephan et al., "Text-Guided Image Clustering" (EACL
/// 2024) choose among the answers to several questions. Its index, the first on ties; `None` without columns.
pub fn lowest_loss(losses: &[f64]) -> Option<usize> {
    (0..losses.len()).min_by(|a, b| losses[*a].total_cmp(&losses[*b]))
}

/// The shares of the text that are tried where the share is to be chosen; a share of 0 or 1 would be a part itself.
pub const SHARES: [f32; 5] = [0.2, 0.35, 0.5, 0.65, 0.8];

/// How well a labeling of a fusion serves both sides: the mean over the sides of the variance that it explains of the
/// side, over the variance that the side's own labeling explains of it. 1 when it is as good for both as their own.
///
/// Unlike the silhouette or the K-Means loss of the fused matrix, it is measured in the same two spaces whatever the
/// weight: those favour the side with fewer distinct vectors (a column of short answers always wins), this does not.
///
/// # Errors
/// [`FuseError::Rows`] for labelings of another length.
pub fn gain(sides: [ArrayView2<'_, f32>; 2], own: [&[i32]; 2], labels: &[i32]) -> Result<f64, FuseError> {
    let mut sum = 0.0;
    for (side, own) in sides.into_iter().zip(own) {
        let most = explained_variance(side, own)?;
        let explained = explained_variance(side, labels)?;
        sum += if most > 0.0 { explained / most } else { 1.0 };
    }
    Ok(sum / 2.0)
}

/// Which labeling of a fusion serves both sides best: the index of the one with the highest [`gain`], the first on ties,
/// and all gains. `labelings` are one for each share that was tried, `own` those of the sides themselves, all of K-Means
/// with as many clusters.
///
/// The weight of a fusion is chosen so without labels. No rule that sees no label can know that one side is about
/// something else; the parts' labels are there to be reported beside the fusion's.
///
/// # Errors
/// [`FuseError::Nothing`] without labelings, [`FuseError::Rows`] for labelings of another length.
pub fn highest_gain(
    sides: [ArrayView2<'_, f32>; 2],
    own: [&[i32]; 2],
    labelings: &[&[i32]],
) -> Result<(usize, Vec<f64>), FuseError> {
    let gains = labelings.iter().map(|labels| gain(sides, own, labels)).collect::<Result<Vec<f64>, _>>()?;
    let best = (0..gains.len()).max_by(|a, b| gains[*a].total_cmp(&gains[*b]).then(b.cmp(a)));
    Ok((best.ok_or(FuseError::Nothing("there is no share to choose from"))?, gains))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{FuseError, SHARES, explained_variance, gain, highest_gain, lowest_loss, normalized_loss};
    use crate::cluster::Clusterer;
    use crate::cluster::kmeans::{KMeansParams, KMeansRun};
    use crate::fuse::concat::{concat, weights_of_share};
    use crate::random::RandomState;
    use crate::score::ari::adjusted_rand_score;
    use ndarray::{Array2, ArrayView2, array};

    fn kmeans(x: ArrayView2<'_, f32>, n_clusters: usize) -> Vec<i32> {
        let mut run = KMeansRun::new(KMeansParams::new(n_clusters).random_state(782), &x).unwrap();
        run.run();
        run.labels()
    }

    #[test]
    fn the_loss_is_the_unexplained_share_of_each_dimension() {
        let x = array![[0.0_f32, 5.0, 7.0], [2.0, 5.0, 7.0], [10.0, 9.0, 7.0], [12.0, 9.0, 7.0]];
        // First dimension: 4 of 104 left, second: 0 of 16, third does not vary.
        let loss = normalized_loss(x.view(), &[0, 0, 1, 1]).unwrap();
        assert!((loss - 4.0 / 104.0 / 2.0).abs() < 1e-12, "{loss}");
        let scaled = &x * &array![100.0_f32, 0.01, 3.0];
        assert!((normalized_loss(scaled.view(), &[0, 0, 1, 1]).unwrap() - loss).abs() < 1e-6);
        assert_eq!(normalized_loss(x.view(), &[0, 0, 0, 0]).unwrap(), 1.0);
        // The first and the last row are noise: 72 of 104, and 8 of 16.
        let noise = normalized_loss(x.view(), &[-1, 3, 2, -1]).unwrap();
        assert!((noise - (72.0 / 104.0 + 0.5) / 2.0).abs() < 1e-12, "{noise}");
        assert_eq!(normalized_loss(Array2::ones((2, 2)).view(), &[0, 1]).unwrap(), 1.0);
        assert!(normalized_loss(x.view(), &[0]).is_err());
    }

    #[test]
    fn the_column_with_clear_clusters_is_chosen_whatever_its_scale() {
        let mut rng = RandomState::new(3);
        let mut noise = |scale: f64| Array2::from_shape_simple_fn((60, 4), || (scale * rng.standard_normal()) as f32);
        let (vague, around) = (noise(0.01), noise(30.0));
        let clear = Array2::from_shape_fn((60, 4), |(i, j)| around[(i, j)] + if i % 3 == j { 900.0 } else { 0.0 });
        let losses = [vague, clear, around].map(|x| normalized_loss(x.view(), &kmeans(x.view(), 3)).unwrap());
        assert_eq!(lowest_loss(&losses), Some(1));
        assert!(losses[1] < 0.5 * losses[0], "{losses:?}");
        assert_eq!(lowest_loss(&[]), None);
    }

    #[test]
    fn a_weight_between_serves_both_sides() {
        // Image: four groups on the left half of the rows' code, text: on the right; together eight of them.
        let mut rng = RandomState::new(7);
        let mut side = |code: fn(usize) -> usize| {
            Array2::from_shape_fn((160, 4), |(i, j)| {
                (if code(i) == j { 3.0 } else { 0.0 }) + 0.3 * rng.standard_normal() as f32
            })
        };
        let (image, text) = (side(|i| i / 2 % 4), side(|i| if i % 2 == 0 { i / 2 % 4 } else { (i / 2 + 1) % 4 }));
        let own = [kmeans(image.view(), 8), kmeans(text.view(), 8)];
        let fused = |share: f32| concat(image.view(), text.view(), weights_of_share(share)).unwrap();
        let labelings: Vec<Vec<i32>> = SHARES.iter().map(|&share| kmeans(fused(share).view(), 8)).collect();
        let labelings: Vec<&[i32]> = labelings.iter().map(Vec::as_slice).collect();
        let sides = [image.view(), text.view()];
        let parts = [own[0].as_slice(), own[1].as_slice()];
        let (best, gains) = highest_gain(sides, parts, &labelings).unwrap();
        let truth: Vec<usize> = (0..160).map(|i| i % 8).collect();
        let ari = |labels: &[i32]| adjusted_rand_score(&truth, labels);
        assert!(ari(labelings[best]) > 0.99 && ari(&own[0]) < 0.8 && ari(&own[1]) < 0.8, "{gains:?}");
        assert_eq!(gain(sides, parts, labelings[best]).unwrap(), gains[best]);
        assert!(matches!(highest_gain(sides, parts, &[]), Err(FuseError::Nothing(_))));
    }

    #[test]
    fn explained_variance_is_a_share() {
        let x = array![[0.0_f32, 5.0], [2.0, 5.0], [10.0, 9.0], [12.0, 9.0]];
        assert!((explained_variance(x.view(), &[0, 0, 1, 1]).unwrap() - (1.0 - 4.0 / 120.0)).abs() < 1e-12);
        assert_eq!(explained_variance(x.view(), &[7; 4]).unwrap(), 0.0);
        assert_eq!(explained_variance(x.view(), &[-1; 4]).unwrap(), 0.0);
        assert_eq!(explained_variance(Array2::ones((2, 2)).view(), &[0, 1]).unwrap(), 0.0);
        assert!(explained_variance(x.view(), &[0]).is_err());
    }
}
