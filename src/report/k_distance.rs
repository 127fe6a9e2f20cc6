//! The curve of k-distances as a drawing: from it a person sees which `eps` DBSCAN took, and what another would do.
//!
//! Called by the report and, for one cell, by whoever shows it. Knows the curve and not what was clustered.

use super::chart::Frame;
use super::thousands;
use crate::cluster::k_distance::KDistanceCurve;

/// An `<svg class="curve">` of 420 x 200 without colours of its own: `line.grid` the scale, `polyline` the curve,
/// `line.mark` the height of `eps`, `circle.chosen` the knee, `text.value` its number.
pub fn svg(curve: &KDistanceCurve) -> String {
    let last = curve.n_samples.saturating_sub(1) as f64;
    let points: Vec<(f64, f64)> = curve.points.iter().map(|&(rank, distance)| (rank as f64, distance)).collect();
    let (low, high) = points.iter().fold((curve.eps, curve.eps), |(l, h), p| (l.min(p.1), h.max(p.1)));
    let frame = Frame::new((0.0, last), (low, high));
    let mut out = frame.open(&format!(
        "Distances to the {} nearest picture, ascending, from {low:.3} to {high:.3}; the knee is at {:.3}, at picture {} of \
         {}",
        ordinal(curve.k),
        curve.eps,
        thousands(curve.knee + 1),
        thousands(curve.n_samples)
    ));
    for quarter in 0..=4 {
        let rank = (last * f64::from(quarter) / 4.0).round();
        out.push_str(&frame.below(rank, &thousands(rank as usize + 1)));
    }
    let at = frame.y(curve.eps);
    out.push_str(&format!(
        "<line class=\"mark\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
        frame.x(0.0),
        frame.x(last)
    ));
    out.push_str(&frame.line(points.into_iter()));
    out.push_str(&frame.chosen((curve.knee as f64, curve.eps), &format!("eps = {:.3}", curve.eps)));
    out.push_str("</svg>");
    out
}

/// The same in a sentence.
pub fn sentence(curve: &KDistanceCurve) -> String {
    let range = curve.points.first().zip(curve.points.last()).map(|(first, last)| (first.1, last.1));
    let (low, high) = range.unwrap_or((curve.eps, curve.eps));
    format!(
        "eps {:.3} is the knee of the distances to the {} nearest picture, which go from {low:.3} to {high:.3}: {} of {} \
         pictures lie so close",
        curve.eps,
        ordinal(curve.k),
        thousands(curve.knee + 1),
        thousands(curve.n_samples)
    )
}

fn ordinal(k: usize) -> String {
    let ending = match (k % 10, k % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{k}{ending}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{ordinal, sentence, svg};
    use crate::cluster::k_distance::KDistanceCurve;

    #[test]
    fn the_knee_is_marked() {
        let distances: Vec<f64> =
            (0..2000).map(|i| if i < 1500 { 0.4 } else { 0.4 + f64::from(i - 1500) / 500.0 }).collect();
        let curve = KDistanceCurve::new(&distances, 4).unwrap();
        assert_eq!((curve.knee, curve.eps), (1500, 0.4));
        let drawn = svg(&curve);
        assert!(drawn.contains("eps = 0.400") && drawn.contains(">2,000</text>") && !drawn.contains("NaN"), "{drawn}");
        assert_eq!(drawn.matches("class=\"chosen\"").count(), 1);
        assert_eq!(
            sentence(&curve),
            "eps 0.400 is the knee of the distances to the 4th nearest picture, which go from 0.400 to 1.398: 1,501 of 2,000 \
             pictures lie so close"
        );
        let flat = KDistanceCurve::new(&[2.0; 3], 1).unwrap();
        assert!(!svg(&flat).contains("NaN"));
    }

    #[test]
    fn ordinals() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 102].map(ordinal),
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd"]
        );
    }
}
