//! What a t-SNE run can be told.

use crate::project::ProjectError;
use serde::{Deserialize, Serialize};

/// Points from which [`Repulsion::Auto`] interpolates: both take the same processor time there.
const INTERPOLATE_FROM: usize = 3000;
/// Fewer points are never interpolated: the error of the normaliser, which includes every point's interpolated effect
/// on itself, would not be small beside it.
const INTERPOLATE_AT_ALL: usize = 256;

/// How the points' repulsion is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repulsion {
    /// Exact below 3,000 points, interpolated above (default).
    #[default]
    Auto,
    /// Over all pairs: `O(n^2)`.
    Exact,
    /// FIt-SNE: on a grid; exact below 256 points all the same.
    Interpolated,
}

impl Repulsion {
    pub(crate) fn interpolates(self, n: usize) -> bool {
        match self {
            Self::Auto => n >= INTERPOLATE_FROM,
            Self::Exact => false,
            Self::Interpolated => n >= INTERPOLATE_AT_ALL,
        }
    }
}

/// Parameters of [`super::Tsne`]; the names are openTSNE 1.0's, and so are the defaults but `n_iter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TsneParams {
    /// Effective number of neighbours (30); at most `(n - 1) / 3` is used.
    pub perplexity: f64,
    /// Factor on the attraction at first (12).
    pub early_exaggeration: f64,
    /// Iterations with that factor (250).
    pub early_exaggeration_iter: usize,
    /// Iterations without (750: 1,000 in all, as in scikit-learn; openTSNE stops 250 earlier, further from the end).
    pub n_iter: usize,
    /// Learning rate; `None` (default) is `n / exaggeration`.
    pub learning_rate: Option<f64>,
    /// Momentum during early exaggeration (0.8).
    pub initial_momentum: f64,
    /// Momentum afterwards (0.8).
    pub final_momentum: f64,
    /// Wider matrices are reduced to this many principal components first (50).
    pub pca_dims: usize,
    /// How repulsion is computed.
    pub repulsion: Repulsion,
    /// Seed of the noise on the start (782).
    pub random_state: u64,
}

impl Default for TsneParams {
    fn default() -> Self {
        Self {
            perplexity: 30.0,
            early_exaggeration: 12.0,
            early_exaggeration_iter: 250,
            n_iter: 750,
            learning_rate: None,
            initial_momentum: 0.8,
            final_momentum: 0.8,
            pca_dims: 50,
            repulsion: Repulsion::Auto,
            random_state: 782,
        }
    }
}

impl TsneParams {
    /// Iterations in all.
    #[must_use]
    pub fn iterations(&self) -> usize {
        self.early_exaggeration_iter + self.n_iter
    }

    pub(crate) fn check(&self) -> Result<(), ProjectError> {
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let checks = [
            ("perplexity", self.perplexity, self.perplexity >= 1.0 && self.perplexity.is_finite(), "at least 1"),
            ("early_exaggeration", self.early_exaggeration, positive(self.early_exaggeration), "positive"),
            ("learning_rate", self.learning_rate.unwrap_or(1.0), self.learning_rate.is_none_or(positive), "positive"),
            ("initial_momentum", self.initial_momentum, (0.0..1.0).contains(&self.initial_momentum), "in [0, 1)"),
            ("final_momentum", self.final_momentum, (0.0..1.0).contains(&self.final_momentum), "in [0, 1)"),
            ("pca_dims", self.pca_dims as f64, self.pca_dims >= 2, "at least 2"),
        ];
        match checks.into_iter().find(|check| !check.2) {
            Some((name, value, _, range)) => Err(ProjectError::Parameter { name, value, range }),
            None => Ok(()),
        }
    }
}
