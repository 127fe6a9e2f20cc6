//! Choosing without labels: which of several columns, which weight of a fusion.

use super::FuseError;
use super::concat::{concat, weights_of_share};
use crate::cluster::Clusterer;
use crate::cluster::kmeans::{KMeansParams, KMeansRun};
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

/// Which column was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnChoice {
    /// Index of the column with the lowest loss; the first on ties.
    pub chosen: usize,
    /// The [`normalized_loss`] of each column.
    pub losses: Vec<f64>,
    /// The K-Means labels of each column.
    pub labels: Vec<Vec<i32>>,
}

/// Prompt-guided text: of several columns of answers, each a matrix of vectors with one row a picture, the one that
/// clusters best. Every column is clustered by K-Means with `n_clusters` clusters (`n_init` 10, `seed`); the one with
/// the lowest [`normalized_loss`] is chosen, as Stephan et al., "Text-Guided Image Clustering" (EACL 2024) choose among
/// the answers to several questions.
///
/// # Errors
/// [`FuseError::Nothing`] without columns, [`FuseError::Rows`] where they differ in rows, and K-Means' own.
pub fn choose_column(columns: &[ArrayView2<'_, f32>], n_clusters: usize, seed: u32) -> Result<ColumnChoice, FuseError> {
    let Some(first) = columns.first() else { return Err(FuseError::Nothing("there is no column to choose from")) };
    let mut choice = ColumnChoice { chosen: 0, losses: Vec::new(), labels: Vec::new() };
    for column in columns {
        check_rows(first.nrows(), column.nrows())?;
        let labels = kmeans(*column, n_clusters, seed)?;
        choice.losses.push(normalized_loss(*column, &labels)?);
        choice.labels.push(labels);
    }
    choice.chosen = lowest(&choice.losses);
    Ok(choice)
}

fn kmeans(x: ArrayView2<'_, f32>, n_clusters: usize, seed: u32) -> Result<Vec<i32>, FuseError> {
    let mut run = KMeansRun::new(KMeansParams::new(n_clusters).random_state(seed), &x)?;
    run.run();
    Ok(run.labels())
}

/// The shares of the text that [`choose_weight`] tries; 0 and 1 are the parts themselves.
pub const SHARES: [f32; 7] = [0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0];

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

/// Which weight was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightChoice {
    /// Index of the share with the highest gain, the first on ties.
    pub chosen: usize,
    /// The text's share of the squared distance, as in [`weights_of_share`]: [`SHARES`].
    pub shares: Vec<f32>,
    /// The [`gain`] of each share.
    pub gains: Vec<f64>,
    /// The K-Means labels of each share; the first are the image's own, the last the text's.
    pub labels: Vec<Vec<i32>>,
}

/// Chooses the weight of [`concat`] without labels: the fusion is clustered by K-Means (`n_init` 10, `seed`) for each
/// of [`SHARES`], and the share with the highest [`gain`] is taken. No rule that sees no label can know that one side
/// is about something else; the parts' labels are there to be reported beside the fusion's.
///
/// # Errors
/// [`FuseError::Rows`] where the sides differ in rows, and K-Means' own.
pub fn choose_weight(
    image: ArrayView2<'_, f32>,
    text: ArrayView2<'_, f32>,
    n_clusters: usize,
    seed: u32,
) -> Result<WeightChoice, FuseError> {
    check_rows(image.nrows(), text.nrows())?;
    let mut labels = Vec::with_capacity(SHARES.len());
    for share in SHARES {
        let Some(fused) = concat(image, text, weights_of_share(share)) else { continue };
        labels.push(kmeans(fused.view(), n_clusters, seed)?);
    }
    let own = [labels[0].as_slice(), labels[labels.len() - 1].as_slice()];
    let sides = [image.view(), text.view()];
    let gains = labels.iter().map(|labels| gain(sides, own, labels)).collect::<Result<Vec<_>, _>>()?;
    let chosen = lowest(&gains.iter().map(|g| -g).collect::<Vec<_>>());
    Ok(WeightChoice { chosen, shares: SHARES.to_vec(), gains, labels })
}

/// Index of the lowest value, the first on ties.
fn lowest(values: &[f64]) -> usize {
    values.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{FuseError, choose_column, choose_weight, explained_variance, gain, normalized_loss};
    use crate::random::RandomState;
    use crate::score::ari::adjusted_rand_score;
    use ndarray::{Array2, array};

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
        let choice = choose_column(&[vague.view(), clear.view(), around.view()], 3, 782).unwrap();
        assert_eq!(choice.chosen, 1);
        assert!(choice.losses[1] < 0.5 * choice.losses[0] && choice.labels[1][0] == choice.labels[1][3]);
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
        let choice = choose_weight(image.view(), text.view(), 8, 782).unwrap();
        let truth: Vec<usize> = (0..160).map(|i| i % 8).collect();
        let ari = |at: usize| adjusted_rand_score(&truth, &choice.labels[at]);
        assert!(choice.chosen > 0 && choice.chosen < 6, "{:?}", choice.gains);
        assert!(ari(choice.chosen) > 0.99 && ari(0) < 0.8 && ari(6) < 0.8);
        let own = [choice.labels[0].as_slice(), choice.labels[6].as_slice()];
        let again = gain([image.view(), text.view()], own, &choice.labels[choice.chosen]).unwrap();
        assert_eq!(again, choice.gains[choice.chosen]);
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

    #[test]
    fn what_does_not_fit_is_named() {
        assert!(matches!(choose_column(&[], 2, 1), Err(FuseError::Nothing(_))));
        let (a, b) = (Array2::zeros((3, 1)), Array2::zeros((4, 1)));
        assert!(matches!(choose_column(&[a.view(), b.view()], 2, 1), Err(FuseError::Rows { first: 3, other: 4 })));
        assert!(matches!(choose_weight(a.view(), b.view(), 2, 1), Err(FuseError::Rows { first: 3, other: 4 })));
        assert!(matches!(choose_column(&[a.view()], 5, 1), Err(FuseError::KMeans(_))));
    }
}
