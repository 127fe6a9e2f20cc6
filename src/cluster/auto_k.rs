//! The number of clusters, by the silhouette: K-Means for every k of a range, the highest mean
//! silhouette wins.
//!
//! P. J. Rousseeuw, "Silhouettes" (1987). The distances between the rows are computed once and serve
//! every k. Above [`AutoKParams::sample_size`] rows the whole search runs on a seeded sample.

use super::kmeans::{Centred, KMeansError, KMeansParams, KMeansParamsError, KMeansRun, KMeansValidParams, Squares};
use super::{Clusterer, Scalar};
use crate::progress::Step;
use crate::random::RandomState;
use crate::score::silhouette::{pairwise_distances, silhouette_from_distances, silhouette_from_squares};
use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2, Axis};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Why a search for k cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AutoKError {
    /// The range of k holds no number that the silhouette is defined for.
    #[error("auto k: no k of {from}..={to} lies in 2..={most}, where the silhouette of {n_samples} rows is defined")]
    Range {
        /// Lowest k asked for.
        from: usize,
        /// Highest k asked for.
        to: usize,
        /// Highest k that the rows allow, one less than there are.
        most: usize,
        /// Rows searched.
        n_samples: usize,
    },
    /// The matrix or a parameter is not fit for K-Means.
    #[error(transparent)]
    KMeans(#[from] KMeansError),
}

/// How to search for k.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `range` | 2 to 20, but at most half the rows | the numbers of clusters to try |
/// | `n_init` | 3 | K-Means runs for each k; the final clustering should take more |
/// | `max_iter` | 100 | iterations at most of such a run |
/// | `sample_size` | 3000 | rows at most that the search looks at (36 MB of distances) |
/// | `random_state` | 782 | seed of the sample and of every K-Means |
#[derive(Debug, Clone, PartialEq)]
pub struct AutoKParams {
    /// The numbers of clusters to try; `None` is the default range.
    pub range: Option<RangeInclusive<usize>>,
    /// K-Means runs for each k.
    pub n_init: usize,
    /// Iterations at most of each run.
    pub max_iter: usize,
    /// Rows at most that the search looks at.
    pub sample_size: usize,
    /// Seed of the sample and of every K-Means.
    pub random_state: u32,
}

impl Default for AutoKParams {
    fn default() -> Self {
        Self { range: None, n_init: 3, max_iter: 100, sample_size: 3000, random_state: 782 }
    }
}

/// One point of the curve: what clustering into `k` gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KScore {
    /// Number of clusters.
    pub k: usize,
    /// Mean silhouette in [-1, 1]; higher is better. `None` where K-Means left fewer than two clusters.
    pub silhouette: Option<f64>,
    /// Inertia of the clustering, over the rows searched.
    pub inertia: f64,
}

/// The distances between the rows searched, which every silhouette needs.
#[derive(Debug)]
enum Distances<F> {
    /// To be computed from these rows.
    Of(Array2<F>),
    /// `[n, n]`.
    Plain(Array2<f32>),
    /// `[n, n]`, squared.
    Squared(Arc<Squares<F>>),
}

/// A search in progress: each step is one step of a K-Means or one silhouette.
///
/// Drop it to cancel. [`curve`](Self::curve) and [`best`](Self::best) can be read at any time.
#[derive(Debug)]
pub struct AutoK<F> {
    params: AutoKParams,
    x: Arc<Centred<F>>,
    distances: Distances<F>,
    ks: Vec<KMeansValidParams>,
    current: Option<KMeansRun<F>>,
    curve: Vec<KScore>,
}

impl<F: Scalar> AutoK<F> {
    /// Checks the parameters and copies the matrix `[n_samples, n_features]`, or the sample of it.
    ///
    /// # Errors
    /// No usable k in the range, `n_init` or `max_iter` 0, an empty matrix or a number that is not finite.
    pub fn new(params: AutoKParams, x: ArrayView2<'_, F>) -> Result<Self, AutoKError> {
        let rows = match sample(x.nrows(), &params) {
            Some(chosen) => x.select(Axis(0), &chosen),
            None => x.to_owned(),
        };
        let centred = Arc::new(Centred::new(&rows)?);
        Self::on(params, centred, Distances::Of(rows))
    }

    /// Searches on all rows of `x`, whose distances are known.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_known(params: AutoKParams, x: Arc<Centred<F>>, squares: Arc<Squares<F>>) -> Result<Self, AutoKError> {
        Self::on(params, x, Distances::Squared(squares))
    }

    fn on(params: AutoKParams, x: Arc<Centred<F>>, distances: Distances<F>) -> Result<Self, AutoKError> {
        let n_samples = x.n_samples();
        let range = params.range.clone().unwrap_or(2..=20.min(n_samples / 2).max(2));
        let (from, to, most) = (*range.start(), *range.end(), n_samples.saturating_sub(1));
        let ks = (from.max(2)..=to.min(most))
            .map(|k| {
                let kmeans = KMeansParams::new(k).n_init(params.n_init).max_iter(params.max_iter);
                kmeans.random_state(params.random_state).check()
            })
            .collect::<Result<Vec<_>, KMeansParamsError>>()
            .map_err(KMeansError::from)?;
        if ks.is_empty() {
            return Err(AutoKError::Range { from, to, most, n_samples });
        }
        Ok(Self { params, x, distances, ks, current: None, curve: Vec::new() })
    }

    /// The scores so far, in the order of k.
    pub fn curve(&self) -> &[KScore] {
        &self.curve
    }

    /// The best k so far: the highest silhouette, the smallest k of equals. `None` before the first score.
    pub fn best(&self) -> Option<KScore> {
        self.curve
            .iter()
            .copied()
            .filter(|score| score.silhouette.is_some())
            .reduce(|best, score| if score.silhouette > best.silhouette { score } else { best })
    }

    /// Rows that the search looks at.
    pub fn n_samples(&self) -> usize {
        self.x.n_samples()
    }

    /// Does a small part of the work; the numbers count ks, not steps.
    ///
    /// # Errors
    /// None that [`new`](Self::new) has not found; the type is K-Means's own.
    pub fn step(&mut self) -> Result<Step, KMeansError> {
        let total = self.ks.len();
        if self.curve.len() == total {
            return Ok(Step::Done);
        }
        if let Distances::Of(rows) = &self.distances {
            self.distances = Distances::Plain(pairwise_distances(rows.view()));
            return Ok(Step::Running { done: 0, total });
        }
        match &mut self.current {
            None => {
                let run = KMeansRun::on(self.ks[self.curve.len()], Arc::clone(&self.x))?;
                let known = if let Distances::Squared(squares) = &self.distances { Some(squares) } else { None };
                self.current = Some(run.with_known(known.map(Arc::clone)));
            }
            Some(run) => {
                if run.step() == Step::Done {
                    let silhouette = self.distances.silhouette(&run.labels());
                    let inertia = run.inertia().map_or(f64::NAN, Into::into);
                    self.curve.push(KScore { k: self.ks[self.curve.len()].n_clusters(), silhouette, inertia });
                    self.current = None;
                }
            }
        }
        Ok(if self.curve.len() == total { Step::Done } else { Step::Running { done: self.curve.len(), total } })
    }

    /// Steps until done and tells the best k; `None` where no clustering had two clusters.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run(&mut self) -> Result<Option<KScore>, KMeansError> {
        while self.step()? != Step::Done {}
        Ok(self.best())
    }

    /// The parameters of the search.
    pub fn params(&self) -> &AutoKParams {
        &self.params
    }
}

impl<F: Scalar> Distances<F> {
    fn silhouette(&self, labels: &[i32]) -> Option<f64> {
        match self {
            Self::Of(_) => None,
            Self::Plain(distances) => silhouette_from_distances(distances.view(), labels),
            Self::Squared(squares) => silhouette_from_squares(squares.view(), labels),
        }
    }
}

/// The rows that a search looks at, in order; `None` where it looks at all `n`.
pub fn sample(n: usize, params: &AutoKParams) -> Option<Vec<usize>> {
    if n <= params.sample_size {
        return None;
    }
    let mut chosen = RandomState::new(params.random_state).permutation(n);
    chosen.truncate(params.sample_size);
    chosen.sort_unstable();
    Some(chosen)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{AutoK, AutoKError, AutoKParams, Centred, Squares};
    use crate::progress::Step;
    use crate::random::RandomState;
    use crate::score::silhouette::silhouette_score;
    use ndarray::{Array2, array};
    use std::sync::Arc;

    fn blobs(n: usize, centres: usize, seed: u32) -> Array2<f32> {
        let mut rng = RandomState::new(seed);
        let middles = Array2::from_shape_simple_fn((centres, 6), || rng.uniform(-10.0, 10.0, 1)[0]);
        Array2::from_shape_fn((n, 6), |(i, f)| (middles[(i % centres, f)] + rng.standard_normal()) as f32)
    }

    #[test]
    fn the_number_of_blobs_is_found() {
        let x = blobs(300, 7, 4);
        let mut search = AutoK::new(AutoKParams::default(), x.view()).unwrap();
        let best = search.run().unwrap().unwrap();
        assert_eq!(best.k, 7);
        assert_eq!(search.curve().iter().map(|score| score.k).collect::<Vec<_>>(), (2..=20).collect::<Vec<_>>());
        assert!(search.curve()[0].inertia > 2.0 * search.curve()[18].inertia);
        let labels: Vec<usize> = (0..300).map(|i| i % 7).collect();
        assert!((best.silhouette.unwrap() - silhouette_score(x.view(), &labels).unwrap()).abs() < 1e-6);
    }

    #[test]
    fn known_distances_find_the_same() {
        let x = blobs(300, 7, 4);
        let centred = Arc::new(Centred::new(&x).unwrap());
        let mut squares = Squares::new(&centred);
        while !squares.step(&centred) {}
        let mut known = AutoK::with_known(AutoKParams::default(), centred, Arc::new(squares)).unwrap();
        let mut search = AutoK::new(AutoKParams::default(), x.view()).unwrap();
        let (known, searched) = (known.run().unwrap().unwrap(), search.run().unwrap().unwrap());
        assert_eq!(known.k, searched.k);
        assert!((known.inertia - searched.inertia).abs() < 1e-5 * searched.inertia);
        assert!((known.silhouette.unwrap() - searched.silhouette.unwrap()).abs() < 1e-6);
    }

    #[test]
    fn a_sample_stands_for_many_rows() {
        let params = AutoKParams { sample_size: 200, range: Some(2..=8), ..AutoKParams::default() };
        let mut search = AutoK::new(params, blobs(2000, 5, 9).view()).unwrap();
        assert_eq!(search.n_samples(), 200);
        assert_eq!(search.run().unwrap().unwrap().k, 5);
        assert_eq!(search.step().unwrap(), Step::Done);
    }

    #[test]
    fn a_search_shows_what_it_has_found_so_far() {
        let mut search = AutoK::new(AutoKParams::default(), blobs(60, 3, 1).view()).unwrap();
        assert!(search.best().is_none());
        while search.curve().len() < 2 {
            assert!(matches!(search.step().unwrap(), Step::Running { total: 19, .. }));
        }
        assert_eq!(search.best().unwrap().k, 3);
    }

    #[test]
    fn ranges_without_a_usable_k_are_refused() {
        let of = |range, x: Array2<f32>| AutoK::new(AutoKParams { range, ..AutoKParams::default() }, x.view());
        assert!(matches!(of(Some(9..=12), blobs(8, 2, 1)), Err(AutoKError::Range { most: 7, .. })));
        assert!(matches!(of(None, array![[1.0], [2.0]]), Err(AutoKError::Range { .. })));
        assert!(matches!(of(None, array![[1.0], [f32::NAN], [2.0]]), Err(AutoKError::KMeans(_))));
        assert!(of(None, array![[1.0], [2.0], [9.0]]).is_ok());
        let same = Array2::<f32>::ones((10, 2));
        let mut search = of(None, same).unwrap();
        search.run().unwrap();
        assert_eq!(search.curve().len(), 4);
    }
}
