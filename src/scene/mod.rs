//! The map's mathematics without a canvas: colours, the camera, what lies where, what is worth drawing.
//!
//! Called by `report` (colours) and by the page's map. World coordinates are the layout's own, y upwards; the screen's are
//! CSS pixels from the top left corner, y downwards.

pub mod density;
pub mod grid;
pub mod labels;
pub mod lasso;
pub mod palette;
pub mod separation;
pub mod slots;
pub mod splat;
pub mod viewport;

/// The smallest box around places, world or screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Smallest x and y.
    pub low: [f64; 2],
    /// Largest x and y.
    pub high: [f64; 2],
}

impl Bounds {
    /// The box around `points`; places that are not finite are passed over. `None` where nothing is left.
    pub fn around(points: impl IntoIterator<Item = [f64; 2]>) -> Option<Self> {
        let mut bounds: Option<Self> = None;
        for p in points.into_iter().filter(|p| p[0].is_finite() && p[1].is_finite()) {
            let b = bounds.get_or_insert(Self { low: p, high: p });
            b.low = [b.low[0].min(p[0]), b.low[1].min(p[1])];
            b.high = [b.high[0].max(p[0]), b.high[1].max(p[1])];
        }
        bounds
    }

    /// Width and height.
    pub fn size(&self) -> [f64; 2] {
        [self.high[0] - self.low[0], self.high[1] - self.low[1]]
    }

    /// The middle.
    pub fn centre(&self) -> [f64; 2] {
        [(self.low[0] + self.high[0]) / 2.0, (self.low[1] + self.high[1]) / 2.0]
    }

    /// Whether `p` lies inside or on the edge.
    pub fn contains(&self, p: [f64; 2]) -> bool {
        (0..2).all(|a| self.low[a] <= p[a] && p[a] <= self.high[a])
    }

    /// Whether the two have more than an edge in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        (0..2).all(|a| self.low[a] < other.high[a] && other.low[a] < self.high[a])
    }

    /// Larger by `by` on every side.
    pub fn grown(&self, by: f64) -> Self {
        Self { low: self.low.map(|v| v - by), high: self.high.map(|v| v + by) }
    }
}

/// The points of `[x, y, x, y, ...]`.
pub fn points(xy: &[f32]) -> impl ExactSizeIterator<Item = [f64; 2]> + Clone + '_ {
    xy.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])])
}
