//! Nearest-neighbour chains: from any cluster to its nearest, to that one's nearest, and so on, until two are each
//! other's nearest and are joined.
//!
//! F. Murtagh, "A survey of recent advances in hierarchical clustering algorithms" (1983); distances to the joined cluster
//! by G. N. Lance and W. T. Williams (1967). Chains start at the lowest index, equal distances go to the chain's previous
//! cluster and then to the lowest index, and the higher of two indices stands for their join: scipy's order.

use super::Linkage;
use super::layout::Layout;
use crate::cluster::Scalar;
use crate::cluster::distances::condensed::Condensed;
use multiversion::multiversion;

/// The table is packed when more than this many eighths of its rows are gone.
const GONE: usize = 2;

/// A cluster's nearest other, of equals the one with the lowest index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest {
    distance: f64,
    index: u32,
}

const NOBODY: Nearest = Nearest { distance: f64::INFINITY, index: u32::MAX };

impl Nearest {
    /// Takes another cluster that is nearer; others are offered by ascending index. The first serves however far it is.
    fn offer(&mut self, distance: f64, index: u32) {
        if distance < self.distance || self.index == NOBODY.index {
            *self = Self { distance, index };
        }
    }
}

/// Clusters being joined.
#[derive(Debug)]
pub(super) struct Chain<T> {
    linkage: Linkage,
    table: Layout<T>,
    /// Indices of clusters in the table, ascending.
    active: Vec<u32>,
    /// Rows of each cluster; 0 once it is joined to another.
    sizes: Vec<f64>,
    /// The row that stands for each cluster.
    rows: Vec<usize>,
    /// What is known of the nearest others; `None` must be looked up.
    nearest: Vec<Option<Nearest>>,
    chain: Vec<u32>,
    pub(super) pairs: Vec<([usize; 2], f64)>,
}

impl<T: Scalar> Chain<T> {
    pub(super) fn new(linkage: Linkage, table: Condensed<T>) -> Self {
        let nearest = nearest_of_all(&table);
        Self::with_nearest(linkage, nearest, Layout::new(table))
    }

    pub(super) fn with_nearest(linkage: Linkage, nearest: Vec<Nearest>, table: Layout<T>) -> Self {
        let n = nearest.len();
        Self {
            linkage,
            table,
            active: (0..n as u32).collect(),
            sizes: vec![1.0; n],
            rows: (0..n).collect(),
            nearest: nearest.into_iter().map(Some).collect(),
            chain: Vec::new(),
            pairs: Vec::with_capacity(n.saturating_sub(1)),
        }
    }

    /// Clusters that are left.
    pub(super) fn left(&self) -> usize {
        self.active.len()
    }

    /// Joins two clusters; false when there is one only.
    pub(super) fn join(&mut self) -> bool {
        if self.active.len() < 2 {
            return false;
        }
        if self.active.len() + self.table.n() * GONE / 8 < self.table.n() {
            self.pack();
        }
        if self.chain.is_empty() {
            self.chain.push(self.active[0]);
        }
        loop {
            let last = self.chain[self.chain.len() - 1];
            let previous = self.chain.len().checked_sub(2).map(|at| self.chain[at]);
            let nearest = self.nearest_of(last);
            match previous {
                Some(previous) if self.table.get(last as usize, previous as usize) <= nearest.distance => {
                    self.chain.truncate(self.chain.len() - 2);
                    self.merge(last.min(previous), last.max(previous));
                    return true;
                }
                _ => self.chain.push(nearest.index),
            }
        }
    }

    fn nearest_of(&mut self, i: u32) -> Nearest {
        if let Some(known) = self.nearest[i as usize] {
            return known;
        }
        let mut best = NOBODY;
        let row = self.table.row(i as usize, &self.active);
        for (&j, distance) in self.active.iter().zip(row).filter(|(j, _)| **j != i) {
            best.offer(distance, j);
        }
        self.nearest[i as usize] = Some(best);
        best
    }

    /// Joins `low` to `high`, and brings distances and neighbours up to date.
    fn merge(&mut self, low: u32, high: u32) {
        let (x, y) = (low as usize, high as usize);
        let distance = self.table.get(x, y);
        let sizes = (self.sizes[x], self.sizes[y]);
        self.pairs.push(([self.rows[x], self.rows[y]], distance));
        self.sizes[y] += self.sizes[x];
        self.sizes[x] = 0.0;
        self.active.retain(|&i| i != low);
        let (mut joined, far) = (self.table.row(x, &self.active), self.table.row(y, &self.active));
        let own_sizes: Vec<f64> = self.active.iter().map(|&i| self.sizes[i as usize]).collect();
        join_distances(self.linkage, &mut joined, &far, &own_sizes, distance, sizes);
        let stored: Vec<T> = joined.into_iter().map(T::of).collect();
        self.table.set_row(y, &self.active, &stored);
        let mut best = NOBODY;
        for (&i, stored) in self.active.iter().zip(stored).filter(|(i, _)| **i != high) {
            let new = Nearest { distance: stored.into(), index: high };
            best.offer(new.distance, i);
            let known = &mut self.nearest[i as usize];
            if let Some(nearest) = *known {
                let gone = nearest.index == low || nearest.index == high;
                if new.distance < nearest.distance
                    || (!gone && new.distance == nearest.distance && high < nearest.index)
                {
                    *known = Some(new);
                } else if gone {
                    *known = None;
                }
            }
        }
        self.nearest[y] = Some(best);
    }

    /// Takes the rows of clusters that are gone out of the table.
    fn pack(&mut self) {
        let mut places = vec![u32::MAX; self.table.n()];
        for (place, &i) in self.active.iter().enumerate() {
            places[i as usize] = place as u32;
            self.sizes[place] = self.sizes[i as usize];
            self.rows[place] = self.rows[i as usize];
            self.nearest[place] = self.nearest[i as usize];
        }
        self.table.keep(&self.active);
        let n = self.active.len();
        self.active = (0..n as u32).collect();
        self.chain.iter_mut().for_each(|i| *i = places[*i as usize]);
        for nearest in self.nearest[..n].iter_mut().flatten() {
            nearest.index = places[nearest.index as usize];
        }
    }
}

/// Every row's nearest other.
pub(super) fn nearest_of_all<T: Scalar>(table: &Condensed<T>) -> Vec<Nearest> {
    let n = table.n;
    let mut nearest = vec![NOBODY; n];
    for i in 0..n {
        for (first, piece) in table.pieces(i, 0..i) {
            for (j, &distance) in (first..).zip(piece) {
                let distance: f64 = distance.into();
                nearest[i].offer(distance, j as u32);
                nearest[j].offer(distance, i as u32);
            }
        }
    }
    nearest
}

/// Turns the distances `x` of clusters to one of two that are joined into those to their join, from the distances `y` to
/// the other, the clusters' sizes, the distance `xy` between the two, and their sizes.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn join_distances(linkage: Linkage, x: &mut [f64], y: &[f64], sizes: &[f64], xy: f64, (nx, ny): (f64, f64)) {
    let all = x.iter_mut().zip(y);
    match linkage {
        Linkage::Ward => {
            for ((x, y), size) in all.zip(sizes) {
                let part = 1.0 / (nx + ny + size);
                let squared = (size + nx) * part * *x * *x + (size + ny) * part * y * y - size * part * xy * xy;
                *x = squared.max(0.0).sqrt();
            }
        }
        Linkage::Average => all.for_each(|(x, y)| *x = (nx * *x + ny * y) / (nx + ny)),
        Linkage::Complete => all.for_each(|(x, y)| *x = x.max(*y)),
        Linkage::Single => all.for_each(|(x, y)| *x = x.min(*y)),
    }
}
