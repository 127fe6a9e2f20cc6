//! What a study compares: mean and spread over seeds, and differences that are paired by seed.
//!
//! Scores with labels and scores without are two kinds ([`SUPERVISED`], [`LABEL_FREE`]) that never share a table: the first say
//! how well a clustering finds the label folders, the second how compact it is in its own representation, and are therefore
//! not compared between representations.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::album::studied::{Row, Spread};
use crate::album::{Cell, Scores};

/// A score of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Accuracy after the best matching.
    Acc,
    /// Normalised mutual information.
    Nmi,
    /// Adjusted Rand index.
    Ari,
    /// Cohen's kappa after the majority vote.
    Kappa,
    /// Mean silhouette.
    Silhouette,
    /// K-Means loss, normalised per dimension.
    Loss,
}

/// Scores that need labels; the higher the better.
pub const SUPERVISED: [Metric; 4] = [Metric::Acc, Metric::Nmi, Metric::Ari, Metric::Kappa];
/// Scores that need none.
pub const LABEL_FREE: [Metric; 2] = [Metric::Silhouette, Metric::Loss];

impl Metric {
    /// As a table's head.
    pub fn title(self) -> &'static str {
        match self {
            Self::Acc => "ACC",
            Self::Nmi => "NMI",
            Self::Ari => "ARI",
            Self::Kappa => "Kappa",
            Self::Silhouette => "Silhouette",
            Self::Loss => "Loss",
        }
    }

    /// Its value.
    pub fn of(self, scores: &Scores) -> Option<f64> {
        match self {
            Self::Acc => scores.acc,
            Self::Nmi => scores.nmi,
            Self::Ari => scores.ari,
            Self::Kappa => scores.kappa,
            Self::Silhouette => scores.silhouette,
            Self::Loss => scores.loss,
        }
    }

    /// Whether `a` is better than `b`.
    pub fn better(self, a: f64, b: f64) -> bool {
        if self == Self::Loss { a < b } else { a > b }
    }
}

/// A representation's difference to another, with the same clusterer, paired by seed. What draws nothing has one run, which
/// is paired with all of the other's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Whose.
    pub representation: String,
    /// To which.
    pub to: String,
    /// With which clusterer.
    pub clusterer: String,
    /// Of which score.
    pub metric: Metric,
    /// Mean and standard deviation of the differences.
    pub spread: Spread,
    /// Pairs in which the representation was better.
    pub better: usize,
}

fn runs<'a>(cells: &'a [Cell], representation: &str, clusterer: &str) -> Vec<&'a Cell> {
    cells.iter().filter(|c| c.representation == representation && c.clusterer == clusterer).collect()
}

/// The pairs of representation and clusterer, in the order of the cells.
fn pairs(cells: &[Cell]) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for cell in cells {
        let pair = (cell.representation.as_str(), cell.clusterer.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

/// A row for each representation and clusterer, in the order of the cells.
pub fn rows(cells: &[Cell]) -> Vec<Row> {
    let row = |(representation, clusterer): (&str, &str)| {
        let runs = runs(cells, representation, clusterer);
        let spread = |of: &dyn Fn(&Cell) -> Option<f64>| {
            Spread::of(&runs.iter().filter_map(|cell| of(cell)).collect::<Vec<f64>>())
        };
        let noise = |cell: &Cell| {
            cell.labels.iter().filter(|label| **label < 0).count() as f64 / cell.labels.len().max(1) as f64
        };
        Some(Row {
            representation: representation.to_owned(),
            clusterer: clusterer.to_owned(),
            chosen: runs.first().and_then(|cell| cell.chosen.clone()),
            k: spread(&|cell| Some(cell.k as f64))?,
            noise: spread(&|cell| Some(noise(cell)))?,
            seconds: spread(&|cell| Some(cell.seconds))?,
            supervised: SUPERVISED.map(|metric| spread(&|cell| metric.of(&cell.scores))),
            label_free: LABEL_FREE.map(|metric| spread(&|cell| metric.of(&cell.scores))),
        })
    };
    pairs(cells).into_iter().filter_map(row).collect()
}

/// The values of a score by seed.
fn by_seed(cells: &[Cell], representation: &str, clusterer: &str, metric: Metric) -> BTreeMap<u64, f64> {
    let value = |cell: &Cell| metric.of(&cell.scores).map(|value| (cell.seed, value));
    runs(cells, representation, clusterer).into_iter().filter_map(value).collect()
}

fn difference(cells: &[Cell], of: &str, to: &str, clusterer: &str, metric: Metric) -> Option<Difference> {
    let (own, other) = (by_seed(cells, of, clusterer, metric), by_seed(cells, to, clusterer, metric));
    let only = |values: &BTreeMap<u64, f64>| values.values().next().copied().filter(|_| values.len() == 1);
    let pairs: Vec<(f64, f64)> = match (only(&own), only(&other)) {
        (Some(a), Some(b)) => vec![(a, b)],
        (Some(a), None) => other.values().map(|b| (a, *b)).collect(),
        (None, Some(b)) => own.values().map(|a| (*a, b)).collect(),
        (None, None) => own.iter().filter_map(|(seed, a)| other.get(seed).map(|b| (*a, *b))).collect(),
    };
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
    Some(Difference {
        representation: of.to_owned(),
        to: to.to_owned(),
        clusterer: clusterer.to_owned(),
        metric,
        spread: Spread::of(&differences)?,
        better: pairs.iter().filter(|(a, b)| metric.better(*a, *b)).count(),
    })
}

/// Every representation's differences to `baseline`, for each clusterer and each of [`SUPERVISED`].
pub fn differences(cells: &[Cell], baseline: &str) -> Vec<Difference> {
    let others = pairs(cells).into_iter().filter(|(representation, _)| *representation != baseline);
    let all = others.flat_map(|pair| SUPERVISED.map(|metric| (pair, metric)));
    all.filter_map(|((of, clusterer), metric)| difference(cells, of, baseline, clusterer, metric)).collect()
}

/// A fusion's differences to that of its `parts` which is best by the mean of the very score, for each clusterer and each
/// of [`SUPERVISED`]: negative where fusing has harmed.
pub fn gains(cells: &[Cell], fusion: &str, parts: &[String]) -> Vec<Difference> {
    let own = pairs(cells).into_iter().filter(|(representation, _)| *representation == fusion);
    let all = own.flat_map(|(_, clusterer)| SUPERVISED.map(|metric| (clusterer, metric)));
    let gain = |(clusterer, metric)| {
        let to = parts.iter().filter_map(|part| difference(cells, fusion, part, clusterer, metric));
        // The best part is the one to which the fusion compares worst.
        to.min_by(|a, b| a.spread.mean.total_cmp(&b.spread.mean))
    };
    all.filter_map(gain).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cell(representation: &str, clusterer: &str, seed: u64, acc: f64) -> Cell {
        Cell {
            representation: representation.into(),
            clusterer: clusterer.into(),
            chosen: None,
            k_distances: None,
            k: 2,
            seed,
            labels: vec![0, 1, -1, 0],
            scores: Scores { acc: Some(acc), silhouette: Some(0.5), ..Scores::default() },
            seconds: 1.0,
            k_curve: Vec::new(),
        }
    }

    fn cells() -> Vec<Cell> {
        let mut cells = Vec::new();
        for (seed, image, text, fused) in [(1, 0.5, 0.3, 0.6), (2, 0.6, 0.2, 0.55), (3, 0.7, 0.4, 0.8)] {
            cells.extend(
                [("image", image), ("text", text), ("both", fused)].map(|(r, acc)| cell(r, "kmeans", seed, acc)),
            );
        }
        cells.extend([("image", 0.4), ("text", 0.9), ("both", 0.7)].map(|(r, acc)| cell(r, "dbscan", 1, acc)));
        cells
    }

    #[test]
    fn rows_have_mean_and_sample_deviation() {
        let rows = rows(&cells());
        assert_eq!(rows.len(), 6);
        let acc = rows[0].supervised[0].unwrap();
        assert!((acc.mean - 0.6).abs() < 1e-12 && (acc.sd.unwrap() - 0.1).abs() < 1e-12 && acc.n == 3);
        assert_eq!(rows[0].supervised[1], None);
        assert_eq!((rows[0].noise.mean, rows[0].label_free[0].unwrap().sd), (0.25, Some(0.0)));
        assert_eq!((rows[3].clusterer.as_str(), rows[3].supervised[0].unwrap().sd), ("dbscan", None));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn differences_are_paired_by_seed() {
        let all = differences(&cells(), "image");
        let both = all.iter().find(|d| d.representation == "both" && d.clusterer == "kmeans").unwrap();
        // 0.1, -0.05, 0.1
        assert!((both.spread.mean - 0.05).abs() < 1e-12 && (both.spread.sd.unwrap() - 0.0075f64.sqrt()).abs() < 1e-12);
        assert_eq!((both.better, both.spread.n, both.to.as_str()), (2, 3, "image"));
        assert!(all.iter().all(|d| d.representation != "image" && d.metric == Metric::Acc));
        // One run of what draws nothing is paired with every run of the other.
        let mut cells = cells();
        cells.retain(|c| c.representation != "image" || c.seed == 1);
        let text = differences(&cells, "image").into_iter().find(|d| d.representation == "text").unwrap();
        assert_eq!((text.spread.n, text.better), (3, 0));
    }

    #[test]
    fn fusions_are_held_to_their_best_part() {
        let parts = ["image".to_owned(), "text".to_owned()];
        let gains = gains(&cells(), "both", &parts);
        assert_eq!(gains.iter().map(|g| g.to.as_str()).collect::<Vec<_>>(), ["image", "text"]);
        assert!((gains[1].spread.mean + 0.2).abs() < 1e-12 && gains[1].better == 0);
    }

    #[test]
    fn a_lower_loss_is_better() {
        assert!(Metric::Loss.better(0.1, 0.2) && Metric::Acc.better(0.2, 0.1));
    }
}
