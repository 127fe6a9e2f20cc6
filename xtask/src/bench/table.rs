//! The table that a benchmark prints.

use serde_json::{Value, json};

/// One comparison.
pub(super) struct Row {
    /// What is measured, with its unit.
    pub(super) what: String,
    /// Medians of gistmap and of the reference.
    pub(super) ours: f64,
    pub(super) reference: f64,
    /// What ours may be of the reference at most (or at least, for a score), where the comparison has a goal.
    pub(super) reach: Reach,
}

/// What a row aims at.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// `ours / reference` at most this.
    Ratio(f64),
    /// `ours - reference` at most this (lower is better).
    Above(f64),
    /// `reference - ours` at most this (higher is better).
    Below(f64),
    /// Only shown.
    None,
}

/// Rows and remarks.
#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) remarks: Vec<String>,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.ours / self.reference
    }

    /// Whether the goal is reached, and how it reads.
    fn verdict(&self) -> (Option<bool>, String) {
        match self.reach {
            Reach::Ratio(limit) => (Some(self.ratio() <= limit), format!("<= {limit}x")),
            Reach::Above(limit) => (Some(self.ours - self.reference <= limit), format!("<= +{limit}")),
            Reach::Below(limit) => (Some(self.reference - self.ours <= limit), format!(">= -{limit}")),
            Reach::None => (None, String::new()),
        }
    }
}

impl Table {
    /// Adds a row.
    pub(super) fn row(&mut self, what: impl Into<String>, ours: f64, reference: f64, reach: Reach) {
        self.rows.push(Row { what: what.into(), ours, reference, reach });
    }

    /// The table as Markdown, which reads well in a terminal too.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![
            format!(
                "| {:<46} | {:>11} | {:>11} | {:>6} | {:>8} | {:>7} |",
                "what", "gistmap", "Python", "ratio", "reach", "reached"
            ),
            format!("|{:-<48}|{:->13}|{:->13}|{:->8}|{:->10}|{:->9}|", "", ":", ":", ":", ":", ":"),
        ];
        for row in &self.rows {
            let (reached, reach) = row.verdict();
            let reached = reached.map_or("", |yes| if yes { "yes" } else { "NO" });
            lines.push(format!(
                "| {:<46} | {:>11} | {:>11} | {:>6.2} | {reach:>8} | {reached:>7} |",
                row.what,
                number(row.ours),
                number(row.reference),
                row.ratio(),
            ));
        }
        lines.extend(self.remarks.iter().map(|remark| format!("\n{remark}")));
        lines.join("\n")
    }

    /// The same for programs.
    pub(super) fn json(&self, machine: &str) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let (reached, reach) = row.verdict();
                json!({"what": row.what, "gistmap": row.ours, "python": row.reference, "ratio": row.ratio(),
                       "reach": reach, "reached": reached})
            })
            .collect();
        json!({"machine": machine, "rows": rows, "remarks": self.remarks})
    }
}

/// Four significant digits or so.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.4}"),
    }
}

/// The middle value; the mean of the two middle ones for an even count, and not a number for none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Mean and sample standard deviation.
pub(super) fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!(median(&[4.0, 1.0, 9.0]), 4.0);
        assert_eq!(median(&[4.0, 1.0, 9.0, 2.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_goal_is_reached_at_its_limit_and_missed_beyond() {
        let reached = |ours, reach| Row { what: String::new(), ours, reference: 2.0, reach }.verdict().0;
        assert_eq!(reached(1.0, Reach::Ratio(0.5)), Some(true));
        assert_eq!(reached(1.5, Reach::Ratio(0.5)), Some(false));
        assert_eq!(reached(2.5, Reach::Above(0.25)), Some(false));
        assert_eq!(reached(1.5, Reach::Below(0.25)), Some(false));
        assert_eq!(reached(1.75, Reach::Below(0.25)), Some(true));
        assert_eq!(reached(9.0, Reach::None), None);
    }

    #[test]
    fn the_spread_is_the_sample_standard_deviation() {
        let (mean, spread) = mean_and_spread(&[1.0, 2.0, 3.0]);
        assert!((mean - 2.0).abs() < 1e-12 && (spread - 1.0).abs() < 1e-12);
        assert_eq!(mean_and_spread(&[5.0]), (5.0, 0.0));
    }
}
