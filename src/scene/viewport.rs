//! The camera: which part of the world the screen shows, and how it moves there.

use super::Bounds;

/// How much nearer than everything-in-view the camera goes.
const NEAREST: f64 = 400.0;
/// How much farther than everything-in-view it goes.
const FARTHEST: f64 = 0.4;
/// Width and height given to a world without extent.
const LEAST_EXTENT: f64 = 1e-3;
/// Seconds of a flight that changes nothing but the scale by a factor of e, before limits.
const PACE: f64 = 0.28;

/// Which part of the world the screen shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    /// World coordinates of the screen's middle.
    pub centre: [f64; 2],
    /// CSS pixels a world unit.
    pub scale: f64,
    /// Width and height of the screen in CSS pixels.
    pub size: [f64; 2],
}

impl Viewport {
    /// All of `bounds` with `margin` CSS pixels on every side.
    pub fn fit(bounds: &Bounds, size: [f64; 2], margin: f64) -> Self {
        let room = size.map(|s| (s - 2.0 * margin).max(s * 0.25).max(1.0));
        let extent = bounds.size().map(|e| e.max(LEAST_EXTENT));
        Self { centre: bounds.centre(), scale: (room[0] / extent[0]).min(room[1] / extent[1]), size }
    }

    /// World → screen.
    pub fn to_screen(&self, p: [f64; 2]) -> [f64; 2] {
        [
            self.size[0] / 2.0 + (p[0] - self.centre[0]) * self.scale,
            self.size[1] / 2.0 - (p[1] - self.centre[1]) * self.scale,
        ]
    }

    /// Screen → world.
    pub fn to_world(&self, p: [f64; 2]) -> [f64; 2] {
        [
            self.centre[0] + (p[0] - self.size[0] / 2.0) / self.scale,
            self.centre[1] - (p[1] - self.size[1] / 2.0) / self.scale,
        ]
    }

    /// The part of the world that is seen.
    pub fn seen(&self) -> Bounds {
        let half = self.size.map(|s| s / 2.0 / self.scale);
        Bounds {
            low: [self.centre[0] - half[0], self.centre[1] - half[1]],
            high: [self.centre[0] + half[0], self.centre[1] + half[1]],
        }
    }

    /// Moved so that what was at the screen's `(0, 0)` is at `by`.
    pub fn panned(&self, by: [f64; 2]) -> Self {
        Self { centre: [self.centre[0] - by[0] / self.scale, self.centre[1] + by[1] / self.scale], ..*self }
    }

    /// `factor` times as near; what is under the screen's `at` stays there.
    pub fn zoomed(&self, factor: f64, at: [f64; 2]) -> Self {
        let anchor = self.to_world(at);
        let scale = self.scale * factor;
        let centre =
            [anchor[0] - (at[0] - self.size[0] / 2.0) / scale, anchor[1] + (at[1] - self.size[1] / 2.0) / scale];
        Self { centre, scale, ..*self }
    }

    /// The same place and scale on a screen of another size.
    pub fn resized(&self, size: [f64; 2]) -> Self {
        Self { size, ..*self }
    }

    /// Within reach: neither too near nor too far for `bounds`, and never so far aside that nothing is seen.
    pub fn limited(&self, bounds: &Bounds) -> Self {
        let all = Self::fit(bounds, self.size, 0.0).scale;
        let wanted = if self.scale.is_finite() { self.scale } else { all };
        let scale = wanted.clamp(all * FARTHEST, all * NEAREST);
        let centre = std::array::from_fn(|a| {
            let centre = if self.centre[a].is_finite() { self.centre[a] } else { bounds.centre()[a] };
            centre.clamp(bounds.low[a], bounds.high[a])
        });
        Self { centre, scale, ..*self }
    }
}

/// A camera's way from one viewport to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flight {
    from: Viewport,
    to: Viewport,
    seconds: f64,
}

impl Flight {
    /// A way that takes longer the farther it is, between 0.15 and 0.7 seconds.
    pub fn new(from: Viewport, to: Viewport) -> Self {
        let nearness = (to.scale / from.scale).ln().abs();
        let far = from.scale.min(to.scale);
        let apart =
            (0..2).map(|a| (to.centre[a] - from.centre[a]).abs() * far / to.size[a].max(1.0)).fold(0.0, f64::max);
        Self { from, to, seconds: (PACE * (nearness + apart)).clamp(0.15, 0.7) }
    }

    /// Where it leads.
    pub fn end(&self) -> Viewport {
        self.to
    }

    /// Where the camera is after `seconds`, and whether it has arrived. The scale changes geometrically; the centre moves
    /// so that a pure zoom about a point keeps that point in its place.
    pub fn at(&self, seconds: f64) -> (Viewport, bool) {
        if seconds >= self.seconds {
            return (self.to, true);
        }
        let t = ease(seconds / self.seconds);
        let (a, b) = (self.from.scale, self.to.scale);
        let scale = a * (b / a).powf(t);
        // 1/scale is linear in the anchor's offset, so the centre's share follows it; equal scales leave a plain line.
        let share = if (b / a - 1.0).abs() < 1e-6 { t } else { (1.0 / scale - 1.0 / a) / (1.0 / b - 1.0 / a) };
        let centre = std::array::from_fn(|i| self.from.centre[i] + share * (self.to.centre[i] - self.from.centre[i]));
        (Viewport { centre, scale, size: self.to.size }, false)
    }

    /// The same way on a screen of another size.
    pub fn resized(&self, size: [f64; 2]) -> Self {
        Self { from: self.from.resized(size), to: self.to.resized(size), seconds: self.seconds }
    }
}

/// Starts fast, arrives softly: 0 → 0, 1 → 1.
pub fn ease(t: f64) -> f64 {
    1.0 - (1.0 - t.clamp(0.0, 1.0)).powi(3)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Flight, Viewport, ease};

    fn near(a: [f64; 2], b: [f64; 2]) -> bool {
        (a[0] - b[0]).hypot(a[1] - b[1]) < 1e-9
    }

    const BOUNDS: Bounds = Bounds { low: [-10.0, -5.0], high: [30.0, 5.0] };

    #[test]
    fn fit_shows_all_and_y_points_up() {
        let v = Viewport::fit(&BOUNDS, [820.0, 600.0], 10.0);
        assert!((v.scale - 20.0).abs() < 1e-12);
        assert!(near(v.to_screen([-10.0, 0.0]), [10.0, 300.0]));
        assert!(v.to_screen([0.0, 5.0])[1] < v.to_screen([0.0, -5.0])[1]);
        // A single point and a screen smaller than its margins are no division by zero.
        let point = Bounds { low: [1.0, 1.0], high: [1.0, 1.0] };
        assert!(Viewport::fit(&point, [0.0, 0.0], 40.0).scale.is_finite());
    }

    #[test]
    fn screen_and_world_are_inverse() {
        let v = Viewport { centre: [3.0, -2.0], scale: 7.5, size: [640.0, 480.0] };
        for p in [[0.0, 0.0], [640.0, 480.0], [13.0, 77.0]] {
            assert!(near(v.to_screen(v.to_world(p)), p));
        }
        assert!(near(v.seen().low, v.to_world([0.0, 480.0])) && near(v.seen().high, v.to_world([640.0, 0.0])));
    }

    #[test]
    fn zoom_keeps_the_point_and_pan_follows_the_hand() {
        let v = Viewport { centre: [3.0, -2.0], scale: 7.5, size: [640.0, 480.0] };
        let at = [100.0, 333.0];
        assert!(near(v.zoomed(3.7, at).to_world(at), v.to_world(at)));
        assert!(near(v.panned([12.0, -5.0]).to_screen(v.to_world(at)), [112.0, 328.0]));
    }

    #[test]
    fn limits_hold_even_against_nonsense() {
        let v = Viewport::fit(&BOUNDS, [800.0, 600.0], 0.0);
        let far = v.zoomed(1e-9, [0.0, 0.0]).limited(&BOUNDS);
        assert!(far.scale < v.scale && far.scale > v.scale * 0.3);
        assert!(v.zoomed(1e9, [0.0, 0.0]).limited(&BOUNDS).scale < v.scale * 1000.0);
        assert!(BOUNDS.contains(v.panned([1e9, -1e9]).limited(&BOUNDS).centre));
        let broken = Viewport { centre: [f64::NAN, 0.0], scale: f64::INFINITY, ..v }.limited(&BOUNDS);
        assert!(broken.centre[0].is_finite() && broken.scale.is_finite());
    }

    #[test]
    fn flight_starts_and_arrives_and_keeps_an_anchor() {
        let from = Viewport { centre: [3.0, -2.0], scale: 2.0, size: [640.0, 480.0] };
        let at = [500.0, 40.0];
        let flight = Flight::new(from, from.zoomed(6.0, at));
        let (start, done) = flight.at(0.0);
        assert!(!done && near(start.centre, from.centre));
        let (half, _) = flight.at(0.08);
        assert!(half.scale > from.scale && half.scale < flight.end().scale);
        assert!(near(half.to_world(at), from.to_world(at)));
        assert_eq!(flight.at(9.0), (flight.end(), true));
        let plain = Flight::new(from, from.panned([50.0, 0.0]));
        assert!(plain.at(0.05).0.centre[0] < from.centre[0]);
    }

    #[test]
    fn ease_is_monotone() {
        let steps: Vec<f64> = (0..=10).map(|i| ease(f64::from(i) / 10.0)).collect();
        assert!(steps.windows(2).all(|w| w[0] < w[1]) && steps[0] == 0.0 && steps[10] == 1.0);
    }
}
