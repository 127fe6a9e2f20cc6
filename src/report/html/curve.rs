//! The silhouette of each k tried, as a small chart; only where k was chosen automatically.

use super::sections::main_cell;
use crate::album::Album;
use crate::report::chart::Frame;
use std::fmt::Write;

/// A section with the chart, or nothing.
pub(super) fn section(album: &Album) -> String {
    let Some(cell) = main_cell(album) else { return String::new() };
    let curve: Vec<(usize, f64)> = cell.k_curve.iter().copied().filter(|p| p.1.is_finite()).collect();
    if curve.len() < 2 {
        return String::new();
    }
    format!(
        "<section class=\"auto-k\"><h2>Why {} groups?</h2><p class=\"quiet\">Silhouette for each number of groups \
         tried; k was chosen automatically.</p>{}</section>",
        cell.k,
        chart(&curve, cell.k)
    )
}

fn chart(curve: &[(usize, f64)], chosen: usize) -> String {
    let ks = curve.iter().map(|p| p.0);
    let (first, last) = ks.fold((usize::MAX, 0), |(l, h), k| (l.min(k), h.max(k)));
    let range = curve.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.1), h.max(p.1)));
    let frame = Frame::new((first as f64, last as f64), range);
    let said: Vec<String> = curve.iter().map(|(k, v)| format!("k {k}: {v:.3}")).collect();
    let mut out = frame.open(&format!("Silhouette by number of groups, {}", said.join(", ")));
    for k in (first..=last).step_by((last - first).div_ceil(10).max(1)) {
        out.push_str(&frame.below(k as f64, &k.to_string()));
    }
    out.push_str(&frame.line(curve.iter().map(|&(k, v)| (k as f64, v))));
    for &(k, v) in curve.iter().filter(|(k, _)| *k != chosen) {
        let (x, y) = (frame.x(k as f64), frame.y(v));
        let _ = write!(out, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
    }
    for &(k, v) in curve.iter().filter(|(k, _)| *k == chosen) {
        out.push_str(&frame.chosen((k as f64, v), &format!("k = {k}: {v:.3}")));
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::report::testing::album;

    #[test]
    fn only_where_k_was_chosen() {
        let mut album = album(12, 3, false);
        let chart = section(&album);
        assert!(chart.contains("Why 3 groups?") && chart.contains("k = 3: 0.300"));
        assert_eq!(chart.matches("class=\"dot\"").count(), 2);
        album.main_cell = 1;
        assert_eq!(section(&album), "");
    }

    #[test]
    fn flat_curves_are_drawn() {
        let mut album = album(12, 3, false);
        album.cells[0].k_curve = vec![(2, 0.1), (3, 0.1), (4, f64::NAN)];
        assert!(!section(&album).contains("NaN"));
    }
}
