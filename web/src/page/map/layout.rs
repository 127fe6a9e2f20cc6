//! Where the points are: their places, their way to new ones, and what can be asked about them.

use gistmap::scene::grid::Grid;
use gistmap::scene::separation::Separation;
use gistmap::scene::viewport::ease;
use gistmap::scene::{Bounds, lasso::Lasso, points};

/// The places of the points, before and after the move that is under way.
#[derive(Default)]
pub(super) struct Layout {
    before: Vec<f32>,
    after: Vec<f32>,
    /// The box around `before`.
    left: Option<Bounds>,
    /// When the move began and how long it takes, in milliseconds.
    moving: Option<(f64, f64)>,
    grid: Option<Grid>,
    /// Each point's reach as a part of the layout's extent, so that it serves until that of a new layout is known.
    reach: Vec<f32>,
    working: Option<Separation>,
    /// Whether `working` has begun, or is done, for these places.
    separated: bool,
}

impl Layout {
    /// Sends the points to new places in `duration` milliseconds; at once where their number is another. Tells where they
    /// set out from, where that is not where they were last sent.
    pub(super) fn set(&mut self, xy: &[f32], now: f64, duration: f64) -> Option<&[f32]> {
        let way = self.way(now);
        let same = xy.len() == self.after.len();
        let arrived = way >= 1.0;
        if !same {
            self.before = xy.to_vec();
            self.reach.clear();
        } else if arrived {
            self.before = std::mem::take(&mut self.after);
        } else {
            let between = |(b, a): (&f32, &f32)| b + (a - b) * way;
            self.before = self.before.iter().zip(&self.after).map(between).collect();
        }
        self.left = Bounds::around(points(&self.before));
        self.after = xy.to_vec();
        self.moving = (same && duration > 0.0).then_some((now, duration));
        self.grid = None;
        self.working = None;
        self.separated = false;
        (!(same && arrived)).then_some(&self.before)
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.after.len() / 2
    }

    /// How far the points are on their way, 0 to 1.
    pub(super) fn way(&self, now: f64) -> f32 {
        self.moving.map_or(1.0, |(start, duration)| ease((now - start) / duration) as f32)
    }

    /// Where the points set out from.
    pub(super) fn before(&self) -> &[f32] {
        &self.before
    }

    /// Where the points are, or are going.
    pub(super) fn after(&self) -> &[f32] {
        &self.after
    }

    /// Where point `i` set out from and where it goes.
    pub(super) fn places(&self, i: usize) -> Option<([f32; 2], [f32; 2])> {
        let at = |xy: &[f32]| Some([*xy.get(2 * i)?, *xy.get(2 * i + 1)?]);
        Some((at(&self.before)?, at(&self.after)?))
    }

    /// The box around all points.
    pub(super) fn bounds(&mut self) -> Bounds {
        self.grid().bounds()
    }

    /// A box with all points in it where they are `way` on their way: each goes straight, and so do the box' sides.
    pub(super) fn bounds_at(&mut self, way: f32) -> Bounds {
        let (to, way) = (self.bounds(), f64::from(way));
        let from = self.left.unwrap_or(to);
        let between = |a: [f64; 2], b: [f64; 2]| std::array::from_fn(|i| a[i] + (b[i] - a[i]) * way);
        Bounds { low: between(from.low, to.low), high: between(from.high, to.high) }
    }

    /// How far neighbours are apart, in world units.
    pub(super) fn spacing(&mut self) -> f64 {
        self.grid().spacing()
    }

    /// The point nearest to `at`, no farther than `reach`.
    pub(super) fn nearest(&mut self, at: [f64; 2], reach: f64) -> Option<usize> {
        self.grid().nearest(at, reach)
    }

    /// The points inside `lasso`.
    pub(super) fn enclosed(&mut self, lasso: &Lasso) -> Vec<usize> {
        self.grid().enclosed(lasso)
    }

    /// Goes on working out which points keep their distance while there is `time`, at least by one step; true where there
    /// is more to do.
    pub(super) fn separate(&mut self, time: impl Fn() -> bool) -> bool {
        if self.working.is_none() && !self.separated && !self.after.is_empty() {
            self.working = Some(Separation::new(&self.after));
            self.separated = true;
        }
        let Some(working) = &mut self.working else { return false };
        let mut more = working.step();
        while more && time() {
            more = working.step();
        }
        if !more {
            let reach = working.reach().to_vec();
            self.working = None;
            let extent = self.extent();
            self.reach = reach.into_iter().map(|r| r / extent).collect();
        }
        more
    }

    /// Points in `area` that are at least `distance` apart, as many as fit; none before the first [`Self::separate`]
    /// is done.
    pub(super) fn apart(&mut self, area: &Bounds, distance: f64) -> Vec<usize> {
        if self.reach.is_empty() {
            return Vec::new();
        }
        let least = distance as f32 / self.extent();
        let mut found: Vec<usize> = self.grid().within(area).collect();
        found.retain(|&i| self.reach[i] >= least);
        found.sort_unstable();
        found
    }

    fn extent(&mut self) -> f32 {
        let size = self.bounds().size();
        size[0].max(size[1]).max(1e-9) as f32
    }

    fn grid(&mut self) -> &Grid {
        self.grid.get_or_insert_with(|| Grid::new(&self.after))
    }
}
