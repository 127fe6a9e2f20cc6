//! Which pictures to show where there is no room for all: an order in which those shown keep their distance.
//!
//! Every point gets a *reach*: points whose reach is at least `d` are at least `d` apart (along x or along y), and no point
//! could be added to them without coming nearer. So thumbnails of side `d` do not overlap, are as many as fit, and whoever
//! zooms in sees more of them and loses none. Work is cut into steps, since the page must not stand still.

use super::{Bounds, points};

/// The first distance, as a part of the longer side.
const FIRST: f64 = 1.0 / 4.0;
/// Cells along the longer side at which the search ends; points nearer to each other get the last distance.
const MOST_CELLS: f64 = 1024.0;
/// From one distance to the next: three steps halve it.
const CLOSER: f64 = 0.793_700_525_984_1;
const EMPTY: u32 = u32::MAX;

/// Works out the reach of every point of a layout.
#[derive(Debug, Clone)]
pub struct Separation {
    xy: Vec<[f64; 2]>,
    bounds: Bounds,
    extent: f64,
    /// Distance of the coming step.
    distance: f64,
    /// Points without a reach yet, in a fair order.
    waiting: Vec<u32>,
    accepted: Vec<u32>,
    reach: Vec<f32>,
}

impl Separation {
    /// Starts on the points of `[x, y, x, y, ...]`; those that are not finite get no reach.
    pub fn new(xy: &[f32]) -> Self {
        let xy: Vec<[f64; 2]> = points(xy).collect();
        let bounds = Bounds::around(xy.iter().copied()).unwrap_or(Bounds { low: [0.0; 2], high: [1.0; 2] });
        let extent = bounds.size()[0].max(bounds.size()[1]).max(1e-9);
        let finite = |&i: &u32| xy[i as usize].iter().all(|v| v.is_finite());
        let waiting = fair_order(xy.len()).filter(finite).collect();
        let reach = vec![0.0; xy.len()];
        Self { xy, bounds, extent, distance: extent * FIRST, waiting, accepted: Vec::new(), reach }
    }

    /// Does the work of one distance; false when there is nothing left to do.
    pub fn step(&mut self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let last = self.distance < self.extent / MOST_CELLS;
        let mut cells = Cells::new(self.bounds, self.distance);
        for &i in &self.accepted {
            cells.take(i, self.xy[i as usize]);
        }
        let waiting = std::mem::take(&mut self.waiting);
        for i in waiting {
            let p = self.xy[i as usize];
            if last {
                self.reach[i as usize] = self.distance as f32;
            } else if cells.free(p, &self.xy) {
                cells.take(i, p);
                self.accepted.push(i);
                // Rounded down: the promise must hold for the number that is kept.
                self.reach[i as usize] = (self.distance as f32).next_down();
            } else {
                self.waiting.push(i);
            }
        }
        self.distance *= CLOSER;
        !self.waiting.is_empty()
    }

    /// Each point's reach in world units; 0 for those that have none yet.
    pub fn reach(&self) -> &[f32] {
        &self.reach
    }
}

/// All of `0..n`, such that every beginning is spread evenly over the whole: for drawing and choosing without favour.
pub fn fair_order(n: usize) -> impl ExactSizeIterator<Item = u32> + Clone {
    let stride = fair_stride(n);
    (0..n).map(move |i| ((i as u64 * stride) % n.max(1) as u64) as u32)
}

/// A step near n divided by the golden ratio that has no divisor in common with `n`.
fn fair_stride(n: usize) -> u64 {
    let gcd = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let n = n.max(1) as u64;
    let mut stride = ((n as f64 * 0.618_033_988_75) as u64).max(1);
    while gcd(stride, n) != 1 {
        stride += 1;
    }
    stride
}

/// A grid whose cells are as wide as the distance, so that each holds one accepted point at most.
struct Cells {
    low: [f64; 2],
    side: f64,
    columns: usize,
    taken: Vec<u32>,
}

impl Cells {
    /// With a margin of one cell, so that no neighbour is outside.
    fn new(bounds: Bounds, side: f64) -> Self {
        let count = |extent: f64| (extent / side) as usize + 3;
        let [columns, rows] = bounds.size().map(count);
        Self { low: bounds.low, side, columns, taken: vec![EMPTY; columns * rows] }
    }

    fn index(&self, p: [f64; 2]) -> usize {
        let along = |a: usize| ((p[a] - self.low[a]) / self.side) as usize + 1;
        along(1) * self.columns + along(0)
    }

    fn take(&mut self, i: u32, p: [f64; 2]) {
        let index = self.index(p);
        self.taken[index] = i;
    }

    fn free(&self, p: [f64; 2], xy: &[[f64; 2]]) -> bool {
        let index = self.index(p);
        let near = |&i: &u32| {
            let q = xy[i as usize];
            (p[0] - q[0]).abs().max((p[1] - q[1]).abs()) < self.side
        };
        [index - self.columns, index, index + self.columns]
            .iter()
            .all(|&middle| !self.taken[middle - 1..=middle + 1].iter().filter(|&&i| i != EMPTY).any(near))
    }
}

#[cfg(test)]
mod tests {
    use super::{Separation, fair_order};
    use crate::random::RandomState;

    #[test]
    fn those_shown_keep_their_distance_and_leave_no_gap() {
        let mut random = RandomState::new(782);
        let xy: Vec<f32> = random.uniform(-3.0, 5.0, 1200).into_iter().map(|v| v as f32).collect();
        let mut separation = Separation::new(&xy);
        while separation.step() {}
        let reach = separation.reach().to_vec();
        assert!(reach.iter().all(|&r| r > 0.0));
        let place = |i: usize| [xy[2 * i], xy[2 * i + 1]];
        let apart = |i: usize, j: usize| {
            let (p, q) = (place(i), place(j));
            (p[0] - q[0]).abs().max((p[1] - q[1]).abs())
        };
        let mut before = 0;
        for d in [1.9, 1.0, 0.5, 0.2, 0.1] {
            let shown: Vec<usize> = (0..600).filter(|&i| reach[i] >= d).collect();
            assert!(shown.len() > before, "{d}: {}", shown.len());
            before = shown.len();
            for (n, &i) in shown.iter().enumerate() {
                assert!(shown[..n].iter().all(|&j| apart(i, j) >= d));
            }
            // Three distances halve, so at 1.3 d nobody more would fit.
            let hidden = (0..600).filter(|&i| reach[i] < d);
            assert!(hidden.into_iter().all(|i| shown.iter().any(|&j| apart(i, j) < 1.3 * d)));
        }
    }

    #[test]
    fn equal_and_missing_places_end() {
        let mut separation = Separation::new(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, f32::NAN, 2.0]);
        let steps = (0..1000).take_while(|_| separation.step()).count();
        assert!(steps < 60);
        let reach = separation.reach();
        assert!(reach[0] > reach[1] && reach[1] > 0.0 && reach[3] == 0.0);
        assert!(!Separation::new(&[]).step());
    }

    #[test]
    fn fair_order_visits_all() {
        for n in [0, 1, 2, 7, 10, 97, 1024, 60_000] {
            let mut order: Vec<u32> = fair_order(n).collect();
            if n == 60_000 {
                let early = order[..600].iter().filter(|&&i| i < 30_000).count();
                assert!((290..310).contains(&early), "{early}");
            }
            order.sort_unstable();
            assert!(order.iter().enumerate().all(|(i, &o)| o as usize == i), "{n}");
        }
    }
}
