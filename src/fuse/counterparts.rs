//! Text counterparts: every row becomes a mean of the vocabulary's vectors that are nearest to it.
//!
//! Li et al., "Image Clustering with External Guidance" (ICML 2024), the training-free variant of TAC: of a large list
//! of nouns those that discriminate between the pictures are kept ([`select_nouns`]), each picture's counterpart is the
//! mean of the kept nouns' vectors weighted by a softmax of the cosine similarities ([`counterparts`]), and picture and
//! counterpart are concatenated and clustered. There pictures and nouns share CLIP's space; here the queries may be any
//! vectors in the space of the nouns, such as those of the pictures' own texts, which the counterparts then pull
//! together: wordings of one thing get one vector.

use super::{FuseError, l2_normalize};
use crate::cluster::Clusterer;
use crate::cluster::kmeans::{KMeansParams, KMeansRun};
use crate::linalg::matmul;
use ndarray::{Array2, ArrayView2, ArrayViewMut1};

/// TAC's temperature, for CLIP's cosines.
pub const TEMPERATURE: f32 = 0.005;
/// Pictures for each of the centres that nouns are selected by, as in TAC.
const ROWS_PER_CENTER: usize = 300;
/// Nouns kept for each centre, as in TAC.
const NOUNS_PER_CENTER: usize = 5;

/// The counterparts of `queries` `[n, d]` among `nouns` `[m, d]`: `[n, d]`, rows of length 1.
///
/// Row i is `Σ_j softmax_j(cos(query_i, noun_j) / temperature) · noun_j`, nouns L2-normalised.
///
/// # Errors
/// [`FuseError::Columns`] for vectors of two lengths, [`FuseError::Nothing`] without nouns, [`FuseError::Parameter`]
/// when the temperature is not above 0.
pub fn counterparts(
    queries: ArrayView2<'_, f32>,
    nouns: ArrayView2<'_, f32>,
    temperature: f32,
) -> Result<Array2<f32>, FuseError> {
    check(queries, nouns)?;
    if !(temperature > 0.0 && temperature.is_finite()) {
        let (name, value, range) = ("temperature", f64::from(temperature), "above 0");
        return Err(FuseError::Parameter { name, value, range });
    }
    let (queries, nouns) = (unit(queries), unit(nouns));
    let mut shares = matmul(queries.view(), nouns.t());
    for row in shares.rows_mut() {
        softmax(row, temperature);
    }
    let mut result = matmul(shares.view(), nouns.view());
    l2_normalize(&mut result);
    Ok(result)
}

/// Indices of the `nouns` that discriminate between the `queries`, ascending.
///
/// The queries are clustered by K-Means into one centre for every 300 rows, at least `n_clusters`; every noun is
/// classified to the centres by a softmax of cosines; of each centre the five nouns with the highest probability among
/// those that fall to it are kept.
///
/// # Errors
/// As [`counterparts`], and K-Means' own.
pub fn select_nouns(
    queries: ArrayView2<'_, f32>,
    nouns: ArrayView2<'_, f32>,
    n_clusters: usize,
    seed: u32,
) -> Result<Vec<usize>, FuseError> {
    check(queries, nouns)?;
    let centers = (queries.nrows() / ROWS_PER_CENTER).max(n_clusters).min(queries.nrows());
    let mut run = KMeansRun::new(KMeansParams::new(centers).n_init(1).random_state(seed), &unit(queries))?;
    run.run();
    let mut shares = matmul(unit(nouns).view(), unit(run.centroids().view()).t());
    let mut of_center: Vec<Vec<(f32, usize)>> = vec![Vec::new(); centers];
    for (noun, mut row) in shares.rows_mut().into_iter().enumerate() {
        softmax(row.view_mut(), 1.0);
        let best = row.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        if let Some((center, share)) = best {
            of_center[center].push((share, noun));
        }
    }
    let mut kept = Vec::new();
    for mut nouns in of_center {
        nouns.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        kept.extend(nouns.into_iter().take(NOUNS_PER_CENTER).map(|(_, noun)| noun));
    }
    kept.sort_unstable();
    Ok(kept)
}

fn check(queries: ArrayView2<'_, f32>, nouns: ArrayView2<'_, f32>) -> Result<(), FuseError> {
    if nouns.nrows() == 0 {
        return Err(FuseError::Nothing("there are no nouns to take counterparts from"));
    }
    if queries.ncols() != nouns.ncols() {
        return Err(FuseError::Columns { first: queries.ncols(), other: nouns.ncols() });
    }
    Ok(())
}

fn unit(matrix: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut unit = matrix.to_owned();
    l2_normalize(&mut unit);
    unit
}

/// `exp(v / temperature)` over its sum, without overflow.
fn softmax(mut row: ArrayViewMut1<'_, f32>, temperature: f32) {
    let largest = row.fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    row.mapv_inplace(|v| ((v - largest) / temperature).exp());
    let total = row.sum();
    row.mapv_inplace(|v| v / total);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{FuseError, TEMPERATURE, counterparts, select_nouns};
    use ndarray::{Array2, array};

    #[test]
    fn a_cold_softmax_takes_the_nearest_and_a_warm_one_mixes() {
        let nouns = array![[2.0_f32, 0.0], [0.0, 1.0]];
        let queries = array![[5.0_f32, 1.0], [0.1, 0.2]];
        let cold = counterparts(queries.view(), nouns.view(), TEMPERATURE).unwrap();
        assert!((&cold - &array![[1.0_f32, 0.0], [0.0, 1.0]]).iter().all(|d| d.abs() < 1e-6), "{cold}");
        let warm = counterparts(queries.view(), nouns.view(), 100.0).unwrap();
        assert!(warm.iter().all(|v| (v - 0.5_f32.sqrt()).abs() < 5e-3), "{warm}");
    }

    #[test]
    fn nouns_of_every_group_are_selected_and_the_far_ones_left() {
        // Three groups of pictures; eight nouns near each, of which the five nearest stay.
        let angle = |degrees: f32| [degrees.to_radians().cos(), degrees.to_radians().sin()];
        let at = |angles: &[f32]| Array2::from_shape_fn((angles.len(), 2), |(i, j)| angle(angles[i])[j]);
        let groups = [0.0_f32, 120.0, 240.0];
        let queries: Vec<f32> = groups.iter().flat_map(|g| (0..20).map(move |i| g + i as f32 * 0.1 - 1.0)).collect();
        let nouns: Vec<f32> = groups.iter().flat_map(|g| (0..8).map(move |i| g + 5.0 * i as f32)).collect();
        let kept = select_nouns(at(&queries).view(), at(&nouns).view(), 3, 782).unwrap();
        assert_eq!(kept, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (a, b) = (array![[1.0_f32, 0.0]], array![[1.0_f32]]);
        assert!(matches!(counterparts(a.view(), b.view(), 1.0), Err(FuseError::Columns { first: 2, other: 1 })));
        assert!(matches!(counterparts(a.view(), a.view(), 0.0), Err(FuseError::Parameter { .. })));
        let none = Array2::zeros((0, 2));
        assert!(matches!(counterparts(a.view(), none.view(), 1.0), Err(FuseError::Nothing(_))));
        assert!(select_nouns(none.view(), a.view(), 2, 1).is_err());
    }
}
