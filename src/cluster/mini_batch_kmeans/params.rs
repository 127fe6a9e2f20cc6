//! Hyperparameters of mini-batch K-Means: written down unchecked, checked once, then used.

use linfa::ParamGuard;

/// A hyperparameter of mini-batch K-Means that no data could satisfy.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum MiniBatchKMeansParamsError {
    /// `n_clusters` is 0.
    #[error("n_clusters must be at least 1")]
    NClusters,
    /// `max_iter` is 0.
    #[error("max_iter must be at least 1")]
    MaxIter,
    /// `batch_size` is 0.
    #[error("batch_size must be at least 1")]
    BatchSize,
    /// `tol` is negative or not a number.
    #[error("tol must be 0 or more, got {0}")]
    Tol(f64),
    /// `init_size` is 0.
    #[error("init_size must be at least 1")]
    InitSize,
    /// `n_init` is 0.
    #[error("n_init must be at least 1")]
    NInit,
    /// `reassignment_ratio` is not in 0..=1.
    #[error("reassignment_ratio must be in 0..=1, got {0}")]
    ReassignmentRatio(f64),
}

/// Checked hyperparameters of mini-batch K-Means; see [`MiniBatchKMeansParams`] for their meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MiniBatchKMeansValidParams {
    pub(in crate::cluster) n_clusters: usize,
    pub(in crate::cluster) max_iter: usize,
    pub(in crate::cluster) batch_size: usize,
    pub(in crate::cluster) random_state: u32,
    pub(in crate::cluster) tol: f64,
    pub(in crate::cluster) max_no_improvement: Option<usize>,
    pub(in crate::cluster) init_size: Option<usize>,
    pub(in crate::cluster) n_init: usize,
    pub(in crate::cluster) reassignment_ratio: f64,
}

impl MiniBatchKMeansValidParams {
    /// Number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// Rows that choose the start, of a matrix with `n_samples` rows.
    pub(super) fn init_size_for(&self, n_samples: usize) -> usize {
        let wanted = self.init_size.unwrap_or(3 * self.batch_size.min(n_samples));
        let enough = if wanted < self.n_clusters { 3 * self.n_clusters } else { wanted };
        enough.min(n_samples)
    }
}

/// Hyperparameters of mini-batch K-Means before they are checked, under scikit-learn's names.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `n_clusters` | none (scikit-learn: 8) | number of clusters |
/// | `max_iter` | 100 | passes over the matrix at most |
/// | `batch_size` | 1024 | rows of a batch, drawn with replacement |
/// | `random_state` | 782 | seed of numpy's MT19937 |
/// | `tol` | 0.0 | ends when the centres' squared shift is at most `tol` times the mean variance; 0: never |
/// | `max_no_improvement` | 10 | ends after so many batches without a lower smoothed inertia; `None`: never |
/// | `init_size` | 3 `batch_size` | rows, drawn with replacement, that choose the start; 3 `n_clusters` where fewer than `n_clusters` |
/// | `n_init` | 1 ("auto") | starts; the one with the lowest inertia on `init_size` rows is kept |
/// | `reassignment_ratio` | 0.01 | centres with fewer rows than this share of the largest's start anew from a random row |
///
/// The start is always greedy k-means++, and labels are always computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MiniBatchKMeansParams(pub(in crate::cluster) MiniBatchKMeansValidParams);

impl MiniBatchKMeansParams {
    /// The defaults for `n_clusters` clusters.
    pub fn new(n_clusters: usize) -> Self {
        Self(MiniBatchKMeansValidParams {
            n_clusters,
            max_iter: 100,
            batch_size: 1024,
            random_state: 782,
            tol: 0.0,
            max_no_improvement: Some(10),
            init_size: None,
            n_init: 1,
            reassignment_ratio: 0.01,
        })
    }

    /// Sets the most passes over the matrix.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// Sets the rows of a batch.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.0.batch_size = batch_size;
        self
    }

    /// Sets the seed.
    pub fn random_state(mut self, seed: u32) -> Self {
        self.0.random_state = seed;
        self
    }

    /// Sets the relative tolerance; 0 looks at the inertia alone.
    pub fn tol(mut self, tol: f64) -> Self {
        self.0.tol = tol;
        self
    }

    /// Sets the batches without improvement that end the run; `None` goes on to `max_iter`.
    pub fn max_no_improvement(mut self, batches: Option<usize>) -> Self {
        self.0.max_no_improvement = batches;
        self
    }

    /// Sets the rows that choose the start; `None` is 3 `batch_size`.
    pub fn init_size(mut self, rows: Option<usize>) -> Self {
        self.0.init_size = rows;
        self
    }

    /// Sets the number of starts.
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.0.n_init = n_init;
        self
    }

    /// Sets the share of the largest cluster below which a centre starts anew.
    pub fn reassignment_ratio(mut self, ratio: f64) -> Self {
        self.0.reassignment_ratio = ratio;
        self
    }
}

impl ParamGuard for MiniBatchKMeansParams {
    type Checked = MiniBatchKMeansValidParams;
    type Error = MiniBatchKMeansParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let params = &self.0;
        if params.n_clusters == 0 {
            Err(MiniBatchKMeansParamsError::NClusters)
        } else if params.max_iter == 0 {
            Err(MiniBatchKMeansParamsError::MaxIter)
        } else if params.batch_size == 0 {
            Err(MiniBatchKMeansParamsError::BatchSize)
        } else if params.tol.is_nan() || params.tol < 0.0 {
            Err(MiniBatchKMeansParamsError::Tol(params.tol))
        } else if params.init_size == Some(0) {
            Err(MiniBatchKMeansParamsError::InitSize)
        } else if params.n_init == 0 {
            Err(MiniBatchKMeansParamsError::NInit)
        } else if !(0.0..=1.0).contains(&params.reassignment_ratio) {
            Err(MiniBatchKMeansParamsError::ReassignmentRatio(params.reassignment_ratio))
        } else {
            Ok(params)
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
