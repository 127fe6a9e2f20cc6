//! A small curve with a mark on it: inertia by iteration, silhouette by number of clusters.

use leptos::prelude::*;

/// The drawing's field.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 96.0;
/// Room for the numbers at the left and below.
const LEFT: f64 = 40.0;
const BELOW: f64 = 18.0;
const TOP: f64 = 8.0;
const RIGHT: f64 = 8.0;

/// Where a curve's values lie in the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn around(points: &[(f64, f64)]) -> Self {
        let range = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            if low < high { (low, high) } else { (low - 0.5, low + 0.5) }
        };
        Self { x: range(&mut points.iter().map(|p| p.0)), y: range(&mut points.iter().map(|p| p.1)) }
    }

    fn place(self, (x, y): (f64, f64)) -> (f64, f64) {
        let share = |v: f64, (low, high): (f64, f64)| (v - low) / (high - low);
        (LEFT + share(x, self.x) * (WIDTH - LEFT - RIGHT), TOP + (1.0 - share(y, self.y)) * (HEIGHT - TOP - BELOW))
    }
}

/// A curve through `points` with the one at `mark` marked. `title` is read to those who do not see it.
#[component]
pub(super) fn Curve(
    #[prop(into)] points: Signal<Vec<(f64, f64)>>,
    #[prop(into)] mark: Signal<Option<usize>>,
    #[prop(into)] title: Signal<String>,
    /// What runs along the foot.
    foot: &'static str,
) -> impl IntoView {
    let frame = Memo::new(move |_| points.with(|p| Frame::around(p)));
    let line = move || {
        let place = |p: &(f64, f64)| {
            let (x, y) = frame.get().place(*p);
            format!("{x:.1},{y:.1}")
        };
        points.with(|p| p.iter().map(place).collect::<Vec<_>>().join(" "))
    };
    let marked = move || {
        let point = points.with(|p| mark.get().and_then(|m| p.get(m).copied()))?;
        let (x, y) = frame.get().place(point);
        Some(view! {
            <line class="curve-drop" x1=format!("{x:.1}") x2=format!("{x:.1}") y1=format!("{y:.1}") y2=format!("{:.1}", HEIGHT - BELOW)></line>
            <circle class="curve-mark" cx=format!("{x:.1}") cy=format!("{y:.1}") r="3.5"></circle>
        })
    };
    let ends = move || {
        let Frame { x, y } = frame.get();
        let (bottom, base) = (format!("{:.1}", HEIGHT - 5.0), format!("{:.1}", HEIGHT - BELOW));
        view! {
            <text x=format!("{:.1}", LEFT - 5.0) y=format!("{:.1}", TOP + 7.0) text-anchor="end">{short(y.1)}</text>
            <text x=format!("{:.1}", LEFT - 5.0) y=base.clone() text-anchor="end">{short(y.0)}</text>
            <text x=format!("{LEFT:.1}") y=bottom.clone()>{short(x.0)}</text>
            <text x=format!("{:.1}", (LEFT + WIDTH) / 2.0) y=bottom.clone() text-anchor="middle">{foot}</text>
            <text x=format!("{:.1}", WIDTH - RIGHT) y=bottom text-anchor="end">{short(x.1)}</text>
            <line class="curve-axis" x1=format!("{LEFT:.1}") x2=format!("{:.1}", WIDTH - RIGHT) y1=base.clone() y2=base></line>
        }
    };
    view! {
        <svg class="curve" viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label=move || title.get()>
            {ends}
            <polyline class="curve-line" points=line></polyline>
            {marked}
        </svg>
    }
}

/// A number that fits beside an axis.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{:.1}M", value / 1e6),
        v if v >= 1e4 => format!("{:.0}k", value / 1e3),
        v if v >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{BELOW, Frame, HEIGHT, LEFT, RIGHT, TOP, WIDTH, short};

    #[test]
    fn corners_are_in_the_corners() {
        let frame = Frame::around(&[(0.0, 5.0), (4.0, 1.0)]);
        assert_eq!(frame.place((0.0, 5.0)), (LEFT, TOP));
        assert_eq!(frame.place((4.0, 1.0)), (WIDTH - RIGHT, HEIGHT - BELOW));
        let flat = Frame::around(&[(3.0, 2.0)]);
        assert!(flat.place((3.0, 2.0)).0.is_finite(), "one point has no extent");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            (short(1_234_567.0), short(12.0), short(0.1234), short(3.25)),
            ("1.2M".into(), "12".into(), "0.123".into(), "3.2".into())
        );
    }
}
