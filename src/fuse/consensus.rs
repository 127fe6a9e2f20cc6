//! Consensus: one labeling of many.

use super::FuseError;
use crate::cluster::Clusterer;
use crate::cluster::kmeans::{KMeansParams, KMeansRun};
use ndarray::Array2;

/// One labeling with `n_clusters` clusters that agrees with all of `labelings` (same rows, -1 is noise).
///
/// Each labeling is written as indicator columns and the rows are clustered by K-Means (`n_init` 10): the distance of
/// two rows is how many labelings part them, so K-Means on the columns maximises the summed category utility of the
/// labelings. A. Topchy, A. K. Jain, W. Punch, "Clustering ensembles: models of consensus and weak partitions" (2005);
/// J. Wu et al., "K-means-based consensus clustering" (2015). A row that is noise in a labeling has no indicator there.
///
/// # Errors
/// [`FuseError::Nothing`] without labelings, [`FuseError::Rows`] where they differ in length, and K-Means' own.
pub fn consensus(labelings: &[Vec<i32>], n_clusters: usize, seed: u32) -> Result<Vec<i32>, FuseError> {
    let mut run = KMeansRun::new(KMeansParams::new(n_clusters).random_state(seed), &indicators(labelings)?)?;
    run.run();
    Ok(run.labels())
}

/// `[rows, clusters of all labelings]`: 1 where a row has the label.
fn indicators(labelings: &[Vec<i32>]) -> Result<Array2<f32>, FuseError> {
    let Some(first) = labelings.first() else { return Err(FuseError::Nothing("there are no labelings to agree with")) };
    let mut columns = 0;
    let mut codes = Vec::with_capacity(labelings.len());
    for labels in labelings {
        if labels.len() != first.len() {
            return Err(FuseError::Rows { first: first.len(), other: labels.len() });
        }
        let mut distinct: Vec<i32> = labels.iter().copied().filter(|&l| l >= 0).collect();
        distinct.sort_unstable();
        distinct.dedup();
        codes.push((columns, distinct.clone()));
        columns += distinct.len();
    }
    let mut matrix = Array2::zeros((first.len(), columns));
    for (labels, (start, distinct)) in labelings.iter().zip(&codes) {
        for (row, label) in labels.iter().enumerate() {
            if let Ok(at) = distinct.binary_search(label) {
                matrix[(row, start + at)] = 1.0;
            }
        }
    }
    Ok(matrix)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{FuseError, consensus};
    use crate::random::RandomState;
    use crate::score::ari::adjusted_rand_score;

    #[test]
    fn the_majority_is_found_again() {
        // Ten labelings of the same three groups under other numbers, each with a fifth of the rows at random.
        let truth: Vec<i32> = (0..150).map(|i| i / 50).collect();
        let mut rng = RandomState::new(5);
        let labelings: Vec<Vec<i32>> = (0..10)
            .map(|shift| {
                let label = |&l: &i32| {
                    if rng.random_sample() < 0.2 { rng.randint(0, 3).unwrap() as i32 } else { (l + shift) % 3 }
                };
                truth.iter().map(label).collect()
            })
            .collect();
        let single = adjusted_rand_score(&truth, &labelings[0]);
        let agreed = adjusted_rand_score(&truth, &consensus(&labelings, 3, 782).unwrap());
        assert!(single < 0.8 && agreed > 0.95, "{single} {agreed}");
    }

    #[test]
    fn one_labeling_is_its_own_consensus() {
        let labels = vec![4, 4, 9, 9, 0, 0];
        let agreed = consensus(&[labels.clone()], 3, 1).unwrap();
        assert_eq!(adjusted_rand_score(&labels, &agreed), 1.0);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert!(matches!(consensus(&[], 2, 1), Err(FuseError::Nothing(_))));
        assert!(matches!(consensus(&[vec![0], vec![0, 1]], 1, 1), Err(FuseError::Rows { first: 1, other: 2 })));
        assert!(matches!(consensus(&[vec![0, 1]], 3, 1), Err(FuseError::KMeans(_))));
        assert!(matches!(consensus(&[vec![-1, -1]], 1, 1), Err(FuseError::KMeans(_))));
    }
}
