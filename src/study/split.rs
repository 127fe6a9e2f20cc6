//! Which pictures take part, and in which part: a subset of each class, divided into train, validation and test.
//!
//! One generator, numpy's `RandomState(seed)`, permutes the pictures of each class in the order of the labels; pictures
//! without a label come last, as a class of their own. The first `per_class` of a permutation are the subset; of those the
//! first share is train, the next validation, the rest test. So a smaller subset is part of a larger one, and in Python:
//!
//! ```python
//! rng = numpy.random.RandomState(782)
//! for label in range(classes):
//!     chosen = rng.permutation(numpy.flatnonzero(labels == label))[:per_class]
//!     train, validation, test = numpy.split(chosen, [round(0.6 * len(chosen)), round(0.8 * len(chosen))])
//! ```

use serde::{Deserialize, Serialize};

use super::recipe::{Pictures, Split};
use crate::collection::Collection;
use crate::random::RandomState;

/// A part of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// To fit.
    Train,
    /// To choose.
    Validation,
    /// To report.
    Test,
}

impl Part {
    /// As recipes and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Shares that are none.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("train, validation and test must lie in [0, 1] and sum to 1, not to {0}")]
pub struct SplitError(f64);

/// Checks that `shares` divide something.
///
/// # Errors
/// When one is negative or not finite, or their sum is not 1.
pub fn check_shares(shares: [f64; 3]) -> Result<(), SplitError> {
    let sum: f64 = shares.iter().sum();
    let fine = shares.iter().all(|share| (0.0..=1.0).contains(share)) && (sum - 1.0).abs() < 1e-9;
    if fine { Ok(()) } else { Err(SplitError(sum)) }
}

/// The part of each picture; `None` for those that the subset leaves out.
pub fn split(labels: &[Option<u32>], per_class: Option<usize>, split: &Split) -> Vec<Option<Part>> {
    let mut classes: Vec<Option<u32>> = labels.to_vec();
    classes.sort_unstable_by_key(|label| (label.is_none(), *label));
    classes.dedup();
    let mut rng = RandomState::new(split.seed);
    let mut parts = vec![None; labels.len()];
    for class in classes {
        let members: Vec<usize> = (0..labels.len()).filter(|i| labels[*i] == class).collect();
        let chosen = rng.permutation(members.len());
        let count = per_class.unwrap_or(members.len()).min(members.len());
        // numpy's and Python's rounding: halves to even.
        let end = |share: f64| (share * count as f64).round_ties_even() as usize;
        let (train, validation) = (end(split.train), end(split.train + split.validation));
        for (rank, at) in chosen.into_iter().take(count).enumerate() {
            parts[members[at]] = Some(match rank {
                _ if rank < train => Part::Train,
                _ if rank < validation => Part::Validation,
                _ => Part::Test,
            });
        }
    }
    parts
}

/// The pictures of `collection` that a recipe clusters, and the part of every picture of its subset, where it is split.
pub fn choose(mut collection: Collection, pictures: &Pictures) -> (Collection, Vec<(String, Part)>) {
    let given = pictures.split.clone();
    let labels: Vec<Option<u32>> = collection.items.iter().map(|item| item.label).collect();
    let parts = split(&labels, pictures.per_class, &given.clone().unwrap_or_default());
    let items = std::mem::take(&mut collection.items);
    let mut named = Vec::new();
    for (item, part) in items.into_iter().zip(parts) {
        let Some(part) = part else { continue };
        if given.as_ref().is_none_or(|split| split.used.contains(&part)) {
            named.extend(given.is_some().then(|| (item.file.clone(), part)));
            collection.items.push(item);
        } else {
            named.push((item.file, part));
        }
    }
    (collection, named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(parts: &[Option<Part>], part: Option<Part>) -> usize {
        parts.iter().filter(|p| **p == part).count()
    }

    #[test]
    fn parts_are_numpy_s() {
        // What the module's Python prints with numpy 2.
        let labels: Vec<Option<u32>> = (0..15).map(|i| Some(u32::from(i % 3 == 2))).collect();
        let parts = split(&labels, None, &Split::default());
        let of = |part| (0..15).filter(|i| parts[*i] == Some(part)).collect::<Vec<usize>>();
        assert_eq!(of(Part::Train), [2, 3, 4, 6, 7, 8, 10, 11, 12]);
        assert_eq!(of(Part::Validation), [1, 13, 14]);
        assert_eq!(of(Part::Test), [0, 5, 9]);
    }

    #[test]
    fn subsets_are_stratified_and_nested() {
        let labels: Vec<Option<u32>> = (0..90).map(|i| (i % 9 != 8).then_some(i % 2)).collect();
        let all = split(&labels, None, &Split::default());
        assert_eq!(count(&all, None), 0);
        let few = split(&labels, Some(10), &Split::default());
        assert_eq!((count(&few, Some(Part::Train)), count(&few, Some(Part::Validation))), (18, 6));
        assert_eq!(count(&few, None), 60);
        let fewer = split(&labels, Some(5), &Split::default());
        assert!(few.iter().zip(&fewer).all(|(few, fewer)| fewer.is_none() || few.is_some()));
        assert_eq!(few, split(&labels, Some(10), &Split::default()));
        assert_ne!(few, split(&labels, Some(10), &Split { seed: 1, ..Split::default() }));
    }

    #[test]
    fn shares_must_sum_to_one() {
        assert_eq!(check_shares([0.6, 0.2, 0.2]), Ok(()));
        for wrong in [[0.6, 0.2, 0.1], [1.2, -0.2, 0.0], [f64::NAN, 0.5, 0.5]] {
            assert!(check_shares(wrong).is_err());
        }
    }
}
