//! The silhouette of each k tried, as a small chart; only where k was chosen automatically.

use super::sections::main_cell;
use crate::album::Album;
use std::fmt::Write;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 34.0;

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
    let (low, high) = curve.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), p| (l.min(p.1), h.max(p.1)));
    let step = tick_step(high - low);
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    let high = if high > low { high } else { low + step };
    let x = |k: usize| LEFT + (k - first) as f64 / (last - first).max(1) as f64 * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| TOP + (high - v) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Silhouette by number of groups, {}\">",
        curve.iter().map(|(k, v)| format!("k {k}: {v:.3}")).collect::<Vec<_>>().join(", ")
    );
    let ticks = ((high - low) / step).round() as usize;
    for tick in 0..=ticks {
        let v = low + tick as f64 * step;
        let at = y(v);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{v:.2}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        );
    }
    let every = (last - first).div_ceil(10).max(1);
    for k in (first..=last).step_by(every) {
        let _ = write!(out, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{k}</text>", x(k), HEIGHT - 14.0);
    }
    let line: Vec<String> = curve.iter().map(|&(k, v)| format!("{:.1},{:.1}", x(k), y(v))).collect();
    let _ = write!(out, "<polyline points=\"{}\"/>", line.join(" "));
    for &(k, v) in curve {
        let class = if k == chosen { "chosen" } else { "dot" };
        let radius = if k == chosen { 5.5 } else { 3.0 };
        let _ = write!(out, "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\"/>", x(k), y(v));
        if k == chosen {
            let (at, anchor) = if x(k) > WIDTH - 110.0 { (x(k) - 9.0, "end") } else { (x(k) + 9.0, "start") };
            let _ = write!(
                out,
                "<text class=\"value\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">k = {k}: {v:.3}</text>",
                y(v) - 8.0
            );
        }
    }
    out.push_str("</svg>");
    out
}

/// A round step that divides a span into two to five parts.
fn tick_step(span: f64) -> f64 {
    let raw = (span / 4.0).max(0.005);
    let power = 10.0_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= raw).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::{section, tick_step};
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
        assert!((tick_step(0.2) - 0.05).abs() < 1e-12 && tick_step(0.0) > 0.0);
    }
}
