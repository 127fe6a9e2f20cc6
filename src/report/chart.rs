//! What the report's line charts share: a frame of fixed size, a scale to its left, and where a value lies in it.
//!
//! Called by the charts of this folder. Knows numbers alone; colours are the style's.

use std::fmt::Write;

/// The drawing's size.
pub(super) const WIDTH: f64 = 420.0;
/// As [`WIDTH`].
pub(super) const HEIGHT: f64 = 200.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 34.0;

/// What of the plane is shown.
pub(super) struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    /// Between two lines of the scale.
    step: f64,
}

impl Frame {
    /// From the first to the last of `x`, and `y` rounded outwards to round numbers.
    pub(super) fn new(x: (f64, f64), (low, high): (f64, f64)) -> Self {
        let step = tick_step(high - low, low.abs().max(high.abs()));
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { x, y: (low, if high > low { high } else { low + step }), step }
    }

    /// Where `x` lies in the drawing.
    pub(super) fn x(&self, x: f64) -> f64 {
        let width = if self.x.1 > self.x.0 { self.x.1 - self.x.0 } else { 1.0 };
        LEFT + (x - self.x.0) / width * (WIDTH - LEFT - RIGHT)
    }

    /// Where `y` lies in the drawing.
    pub(super) fn y(&self, y: f64) -> f64 {
        TOP + (self.y.1 - y) / (self.y.1 - self.y.0) * (HEIGHT - TOP - BOTTOM)
    }

    /// The beginning of the drawing: what it says to those who do not see it, and the scale.
    pub(super) fn open(&self, said: &str) -> String {
        let mut out =
            format!("<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{said}\">");
        let ticks = ((self.y.1 - self.y.0) / self.step).round() as usize;
        let decimals = (-self.step.log10().floor()).clamp(0.0, 9.0) as usize;
        for tick in 0..=ticks {
            let value = self.y.0 + tick as f64 * self.step;
            let at = self.y(value);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.decimals$}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0
            );
        }
        out
    }

    /// A number below the frame, at `x`.
    pub(super) fn below(&self, x: f64, text: &str) -> String {
        let anchor = if self.x(x) > WIDTH - 30.0 { "end" } else { "middle" };
        format!("<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>", self.x(x), HEIGHT - 14.0)
    }

    /// A line through points.
    pub(super) fn line(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let places: Vec<String> = points.map(|(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y))).collect();
        format!("<polyline points=\"{}\"/>", places.join(" "))
    }

    /// The point that counts, and what it says.
    pub(super) fn chosen(&self, (x, y): (f64, f64), text: &str) -> String {
        let (x, y) = (self.x(x), self.y(y));
        let (at, anchor) = if x > WIDTH - 110.0 { (x - 9.0, "end") } else { (x + 9.0, "start") };
        format!(
            "<circle class=\"chosen\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\"/>\
             <text class=\"value\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
            y - 8.0
        )
    }
}

/// A round step that divides a span into two to five parts; of values that are about as large as `size`, where they are
/// all the same.
fn tick_step(span: f64, size: f64) -> f64 {
    let raw = (span / 4.0).max(size / 200.0).max(1e-9);
    let power = 10.0_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= raw).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::{Frame, tick_step};

    #[test]
    fn steps_are_round() {
        let equals = |step: f64, expected: f64| (step - expected).abs() < 1e-12;
        assert!(equals(tick_step(0.2, 0.5), 0.05) && equals(tick_step(31.0, 40.0), 10.0));
        assert!(tick_step(0.0, 0.0) > 0.0);
    }

    #[test]
    fn whatever_is_drawn_is_a_place() {
        for y in [(0.0, 0.0), (0.5, 0.5), (-1.0, 1e9), (1e-30, 2e-30)] {
            let frame = Frame::new((3.0, 3.0), y);
            let drawn =
                frame.open("") + &frame.line([(3.0, y.0), (3.0, y.1)].into_iter()) + &frame.chosen((3.0, y.1), "");
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
            assert!(drawn.matches("class=\"grid\"").count() < 9, "{drawn}");
        }
    }
}
