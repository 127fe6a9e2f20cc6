//! Which points are where: a uniform grid over the layout, for picking and selecting.

use super::lasso::Lasso;
use super::{Bounds, points};

/// Points a cell holds on average.
const PER_CELL: f64 = 4.0;
/// Cells along one side at most.
const MOST_CELLS: usize = 512;

/// Points sorted into the cells of a uniform grid. Points that are not finite are in no cell.
#[derive(Debug, Clone)]
pub struct Grid {
    xy: Vec<[f32; 2]>,
    bounds: Bounds,
    columns: usize,
    rows: usize,
    /// Side of a cell.
    side: f64,
    /// Where each cell's points begin in `order`; one more than there are cells.
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl Grid {
    /// Sorts the points of `[x, y, x, y, ...]`.
    pub fn new(xy: &[f32]) -> Self {
        let bounds = Bounds::around(points(xy)).unwrap_or(Bounds { low: [0.0; 2], high: [0.0; 2] });
        let [width, height] = bounds.size();
        let cells = (xy.len() as f64 / 2.0 / PER_CELL).max(1.0);
        let least = width.max(height) / MOST_CELLS as f64;
        let side = (width * height / cells).sqrt().max(least);
        let side = if side > 0.0 { side } else { 1.0 };
        let count = |extent: f64| ((extent / side) as usize + 1).min(MOST_CELLS + 1);
        let (columns, rows) = (count(width), count(height));
        let mut grid = Self {
            xy: xy.chunks_exact(2).map(|p| [p[0], p[1]]).collect(),
            bounds,
            columns,
            rows,
            side,
            starts: vec![0; columns * rows + 1],
            order: Vec::new(),
        };
        grid.sort();
        grid
    }

    /// A counting sort by cell.
    fn sort(&mut self) {
        let cells: Vec<u32> = points_of(&self.xy)
            .map(|p| if p[0].is_finite() && p[1].is_finite() { self.cell(p) as u32 } else { u32::MAX })
            .collect();
        for &cell in cells.iter().filter(|&&c| c != u32::MAX) {
            self.starts[cell as usize + 1] += 1;
        }
        for i in 1..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
        let mut next = self.starts.clone();
        self.order = vec![0; self.starts[self.starts.len() - 1] as usize];
        for (i, &cell) in cells.iter().enumerate().filter(|&(_, &c)| c != u32::MAX) {
            self.order[next[cell as usize] as usize] = i as u32;
            next[cell as usize] += 1;
        }
    }

    /// The box around all points.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Side of a square that holds one point on average, over the cells that hold any: how far neighbours are apart.
    pub fn spacing(&self) -> f64 {
        let taken = self.starts.windows(2).filter(|w| w[0] < w[1]).count().max(1);
        self.side * (taken as f64 / self.order.len().max(1) as f64).sqrt()
    }

    /// The point nearest to `at`, no farther than `reach`; of equals the first.
    pub fn nearest(&self, at: [f64; 2], reach: f64) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for i in self.candidates(Bounds { low: at, high: at }.grown(reach)) {
            let p = place(self.xy[i]);
            let distance = (p[0] - at[0]).hypot(p[1] - at[1]);
            if distance <= reach && best.is_none_or(|b| (distance, i) < b) {
                best = Some((distance, i));
            }
        }
        best.map(|(_, i)| i)
    }

    /// The points in `area`, in no particular order.
    pub fn within<'a>(&'a self, area: &Bounds) -> impl Iterator<Item = usize> + 'a {
        let area = *area;
        self.candidates(area).filter(move |&i| area.contains(place(self.xy[i])))
    }

    /// The points inside `lasso`, ascending.
    pub fn enclosed(&self, lasso: &Lasso) -> Vec<usize> {
        let mut found: Vec<usize> =
            self.candidates(lasso.bounds()).filter(|&i| lasso.contains(place(self.xy[i]))).collect();
        found.sort_unstable();
        found
    }

    fn candidates(&self, area: Bounds) -> impl Iterator<Item = usize> + use<'_> {
        let apart = |a: usize| area.high[a] < self.bounds.low[a] || self.bounds.high[a] < area.low[a];
        let nothing = self.order.is_empty() || apart(0) || apart(1);
        let low = self.column_row(area.low);
        let high = self.column_row(area.high);
        let rows = if nothing { 0..0 } else { low.1..high.1 + 1 };
        rows.flat_map(move |row| {
            let start = self.starts[row * self.columns + low.0] as usize;
            let end = self.starts[row * self.columns + high.0 + 1] as usize;
            self.order[start..end].iter().map(|&i| i as usize)
        })
    }

    fn column_row(&self, p: [f64; 2]) -> (usize, usize) {
        let along =
            |a: usize, count: usize| (((p[a] - self.bounds.low[a]) / self.side).max(0.0) as usize).min(count - 1);
        (along(0, self.columns), along(1, self.rows))
    }

    fn cell(&self, p: [f64; 2]) -> usize {
        let (column, row) = self.column_row(p);
        row * self.columns + column
    }
}

fn place(p: [f32; 2]) -> [f64; 2] {
    p.map(f64::from)
}

fn points_of(xy: &[[f32; 2]]) -> impl Iterator<Item = [f64; 2]> + '_ {
    xy.iter().map(|&p| place(p))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Bounds, Grid, Lasso};
    use crate::random::RandomState;

    fn scattered(n: usize) -> Vec<f32> {
        let mut random = RandomState::new(782);
        let mut within = |low, high| random.uniform(low, high, 1)[0] as f32;
        (0..n).flat_map(|_| [within(-7.0, 33.0), within(0.0, 9.0)]).collect()
    }

    #[test]
    fn nearest_is_what_a_full_search_finds() {
        let xy = scattered(500);
        let grid = Grid::new(&xy);
        let queries = scattered(200);
        for q in queries.chunks_exact(2).map(|q| [f64::from(q[0]) * 1.2, f64::from(q[1]) * 1.2]) {
            let mut all: Vec<(f64, usize)> =
                crate::scene::points(&xy).enumerate().map(|(i, p)| ((p[0] - q[0]).hypot(p[1] - q[1]), i)).collect();
            all.sort_by(|a, b| a.partial_cmp(b).unwrap());
            for reach in [0.01, 0.5, 100.0] {
                let expected = (all[0].0 <= reach).then_some(all[0].1);
                assert_eq!(grid.nearest(q, reach), expected, "{q:?} {reach}");
            }
        }
    }

    #[test]
    fn rectangle_and_lasso_find_the_same_points_as_a_full_search() {
        let xy = scattered(500);
        let grid = Grid::new(&xy);
        let area = Bounds { low: [0.0, 2.0], high: [11.0, 5.0] };
        let mut found: Vec<usize> = grid.within(&area).collect();
        found.sort_unstable();
        let all: Vec<usize> =
            crate::scene::points(&xy).enumerate().filter(|(_, p)| area.contains(*p)).map(|(i, _)| i).collect();
        assert!(!all.is_empty());
        assert_eq!(found, all);
        let lasso = Lasso::new(vec![[-9.0, -9.0], [20.0, 4.0], [0.0, 20.0]]).unwrap();
        let all: Vec<usize> =
            crate::scene::points(&xy).enumerate().filter(|(_, p)| lasso.contains(*p)).map(|(i, _)| i).collect();
        assert_eq!(grid.enclosed(&lasso), all);
        assert_eq!(grid.within(&Bounds { low: [99.0; 2], high: [100.0; 2] }).count(), 0);
    }

    #[test]
    fn degenerate_layouts() {
        assert_eq!(Grid::new(&[]).nearest([0.0, 0.0], 9.0), None);
        let same = Grid::new(&[2.0, 3.0, 2.0, 3.0, f32::NAN, 0.0]);
        assert_eq!(same.nearest([2.0, 3.0], 0.1), Some(0));
        assert_eq!(same.within(&Bounds { low: [0.0; 2], high: [9.0; 2] }).count(), 2);
        let line = Grid::new(&[0.0, 0.0, 10.0, 0.0, 5.0, 0.0]);
        assert_eq!(line.nearest([5.2, 0.1], 1.0), Some(2));
        assert!(line.spacing() > 0.0);
    }
}
