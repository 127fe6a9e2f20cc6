//! Ward's joins without a table of distances: clusters that are each other's nearest are joined, many in a round.
//!
//! A join lies no nearer to others than the nearer of its two did (M. Bruynooghe, "Classification ascendante hiérarchique
//! des grands ensembles de données", 1978), so clusters that are each other's nearest are joined sooner or later, whatever
//! else is joined before. For the same reason the least that a distance may be stays that after joins. Every cluster is
//! compared with all others once, and keeps a list of those near it and what all others are at least away; the lists of two
//! clusters make that of their join, and where a list does not tell the nearest any more, the cluster is compared again.

use super::centers::{BLOCK, Centers, Found, KEPT};
use crate::cluster::Scalar;
use crate::cluster::distances::rows::Rows;
use crate::runtime;
use rayon::prelude::*;

/// Multiplications of one step, about; every thread has a block at least.
const WORK: usize = if runtime::ONE_THREAD { 100_000_000 } else { 1_000_000_000 };
/// Joins of one step, about.
const JOINS: usize = 256;
/// Slots are packed when more than this many eighths of them are empty.
const EMPTY: usize = 1;
/// Room for rounding in what follows from other distances.
const SLACK: f64 = 1.0 - 1e-12;

/// Another cluster as it was when it was found, and a squared distance that it is at least away.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Near {
    least: f64,
    /// The row that stood for it.
    row: u32,
    /// Its rows, which tell whether it has been joined since.
    size: u32,
}

/// Clusters near one, nearest first by what is known, and the squared distance that all others are at least away.
#[derive(Debug, Clone, Default)]
struct List {
    near: Vec<Near>,
    beyond: f64,
}

#[derive(Debug)]
struct Cluster {
    /// The row that stands for it; its root.
    row: u32,
    list: List,
    /// Its nearest other, where that is known, with their squared distance; of no use once that one is joined.
    nearest: Option<Near>,
}

/// Clusters being joined.
#[derive(Debug)]
pub(super) struct Rounds {
    centers: Centers,
    /// The cluster in each slot.
    clusters: Vec<Option<Cluster>>,
    /// Leads from each row to the one that stands for its cluster, in few steps.
    parents: Vec<u32>,
    /// The slot of each row that stands for a cluster.
    slots: Vec<u32>,
    /// Slots to be compared with all others, the last first.
    waiting: Vec<u32>,
    /// Slots whose nearest has been found since pairs were last looked for.
    fresh: Vec<u32>,
    pub(super) pairs: Vec<([usize; 2], f64)>,
}

impl Rounds {
    pub(super) fn new<F: Scalar>(rows: Rows<F>) -> Self {
        let n = rows.n_samples() as u32;
        let cluster = |row| Some(Cluster { row, list: List::default(), nearest: None });
        Self {
            centers: Centers::new(rows),
            clusters: (0..n).map(cluster).collect(),
            parents: (0..n).collect(),
            slots: (0..n).collect(),
            waiting: (0..n).rev().collect(),
            fresh: Vec::new(),
            pairs: Vec::with_capacity(n.saturating_sub(1) as usize),
        }
    }

    /// Compares some clusters with all others, or joins what can be joined; false when one is left.
    pub(super) fn step(&mut self) -> bool {
        let before = self.pairs.len();
        if !self.waiting.is_empty() {
            self.compare();
        }
        while self.waiting.is_empty() && self.left() > 1 && self.pairs.len() < before + JOINS {
            if !self.join_pairs() {
                self.look();
            }
        }
        self.left() > 1
    }

    /// Clusters that are left.
    pub(super) fn left(&self) -> usize {
        self.parents.len() - self.pairs.len()
    }

    /// Rows that have not been compared with all others, before the first join.
    pub(super) fn not_compared(&self) -> usize {
        if self.pairs.is_empty() { self.waiting.len() } else { 0 }
    }

    /// Compares some of those that wait.
    fn compare(&mut self) {
        let (mut blocks, mut work) = (Vec::new(), 0);
        while !self.waiting.is_empty() && (blocks.len() < rayon::current_num_threads() || work < WORK) {
            let mut block = self.waiting.split_off(self.waiting.len().saturating_sub(BLOCK));
            block.reverse();
            work += block.len() * self.centers.work();
            blocks.push(block);
        }
        let found: Vec<_> = blocks.par_iter().map(|block| self.compared(block)).collect();
        self.take(found.into_iter().flatten());
        self.fresh.extend(blocks.into_iter().flatten());
    }

    fn compared(&self, block: &[u32]) -> Vec<(u32, List, Option<Near>)> {
        let lists = block.iter().zip(self.centers.near(block)).map(|(&slot, found)| {
            let (list, nearest) = self.settled(slot as usize, self.list(&found));
            (slot, list, nearest)
        });
        lists.collect()
    }

    fn list(&self, found: &Found) -> List {
        let near = found.near.iter().filter_map(|&(least, slot)| {
            let row = self.clusters[slot as usize].as_ref()?.row;
            Some(Near { least: least.into(), row, size: self.centers.size(slot as usize) as u32 })
        });
        List { near: near.collect(), beyond: found.beyond.into() }
    }

    fn take(&mut self, found: impl Iterator<Item = (u32, List, Option<Near>)>) {
        for (slot, list, nearest) in found {
            if let Some(cluster) = &mut self.clusters[slot as usize] {
                (cluster.list, cluster.nearest) = (list, nearest);
            }
        }
    }

    /// Finds the nearest of those that have lost it, by their lists; those whose lists do not tell are to be compared.
    fn look(&mut self) {
        let is_lost = |cluster: &Cluster| !cluster.nearest.is_some_and(|nearest| self.is_as_it_was(&nearest));
        let all = self.clusters.par_iter().with_min_len(64).enumerate();
        let found: Vec<_> = all
            .filter_map(|(slot, cluster)| {
                let cluster = cluster.as_ref().filter(|cluster| is_lost(cluster))?;
                let (list, nearest) = self.settled(slot, self.renewed(cluster.row, cluster.list.clone()));
                Some((slot as u32, list, nearest))
            })
            .collect();
        let (told, untold): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, _, nearest)| nearest.is_some());
        self.fresh.extend(told.iter().map(|(slot, _, _)| slot));
        if told.is_empty() {
            // Those first that may be joined first: what others learn meanwhile may serve them.
            let mut order: Vec<_> = untold.iter().map(|(slot, list, _)| (list.least(), *slot)).collect();
            order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            order.truncate(BLOCK.max(order.len() / 4));
            self.waiting.extend(order.iter().rev().map(|(_, slot)| slot));
        }
        self.take(told.into_iter().chain(untold));
    }

    /// Joins clusters that are each other's nearest; false when there are none.
    fn join_pairs(&mut self) -> bool {
        let before = self.pairs.len();
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        fresh.into_iter().for_each(|slot| self.join_if_nearest(slot));
        if self.pairs.len() == before {
            // What was fresh earlier may have its match now.
            (0..self.clusters.len() as u32).for_each(|slot| self.join_if_nearest(slot));
        }
        if self.left() + self.clusters.len() * EMPTY / 8 < self.clusters.len() {
            self.pack();
        }
        self.pairs.len() > before
    }

    fn join_if_nearest(&mut self, slot: u32) {
        let nearest = |slot: u32| self.clusters[slot as usize].as_ref().and_then(|cluster| cluster.nearest);
        let Some(own) = nearest(slot).filter(|nearest| self.is_as_it_was(nearest)) else { return };
        let other = self.slots[own.row as usize];
        // Of equal distances a cluster knows one only, and rounding may bring a join nearer than its two.
        let mutual = nearest(other).filter(|nearest| self.is_as_it_was(nearest) && nearest.least >= own.least);
        if mutual.is_some() {
            self.join(slot, other, own.least);
        }
    }

    /// Joins the clusters of two slots.
    fn join(&mut self, a: u32, b: u32, squared: f64) {
        let size = |slot: u32| self.centers.size(slot as usize);
        let (from, into) = if size(a) <= size(b) { (a, b) } else { (b, a) };
        let sizes = [from, into].map(size);
        let (Some(lesser), Some(mut cluster)) =
            (self.clusters[from as usize].take(), self.clusters[into as usize].take())
        else {
            return;
        };
        self.pairs.push(([lesser.row as usize, cluster.row as usize], self.centers.height(squared)));
        self.parents[lesser.row as usize] = cluster.row;
        self.centers.join(from as usize, into as usize);
        let lists = [lesser.list, cluster.list].map(|list| self.renewed(cluster.row, list));
        cluster.list = self.joined(lists, sizes, squared);
        cluster.nearest = None;
        self.clusters[into as usize] = Some(cluster);
    }

    /// The list of a join from those of its two, `squared` apart: Lance and Williams's distance, from the least that
    /// each may be.
    fn joined(&self, lists: [List; 2], [a, b]: [f64; 2], squared: f64) -> List {
        let least = |x: f64, y: f64, size: f64| {
            // The two are each other's nearest: others are no nearer to either.
            let (x, y) = (x.max(squared), y.max(squared));
            ((a + size) * x + (b + size) * y - size * squared) / (a + b + size) * SLACK
        };
        let [x, y] = lists;
        // Between the smallest and the largest size it rises or falls throughout.
        let beyond = [1.0, self.parents.len() as f64].map(|size| least(x.beyond, y.beyond, size));
        let of = |list: &List, row: u32| list.near.iter().find(|near| near.row == row).map(|near| near.least);
        let mut near: Vec<Near> = x.near.iter().filter(|near| of(&y, near.row).is_none()).copied().collect();
        near.iter_mut().for_each(|near| near.least = least(near.least, y.beyond, near.size.into()));
        near.extend(y.near.iter().map(|&near| {
            let other = of(&x, near.row).unwrap_or(x.beyond);
            Near { least: least(other, near.least, near.size.into()), ..near }
        }));
        List { near, beyond: beyond[0].min(beyond[1]) }.cut()
    }

    /// The list of the cluster that row `own` stands for, with others as they are now.
    fn renewed(&self, own: u32, mut list: List) -> List {
        for near in &mut list.near {
            if !self.is_as_it_was(near) {
                near.row = self.root(near.row);
                near.size = self.centers.size(self.slots[near.row as usize] as usize) as u32;
                // Some of its rows may not have been on the list.
                near.least = near.least.min(list.beyond);
            }
        }
        list.near.retain(|near| near.row != own);
        list.near.sort_unstable_by(|a, b| a.row.cmp(&b.row).then(a.least.total_cmp(&b.least)));
        list.near.dedup_by_key(|near| near.row);
        list
    }

    /// The cluster's list with those distances computed that tell its nearest, and the nearest if the list tells it.
    fn settled(&self, slot: usize, mut list: List) -> (List, Option<Near>) {
        list.sort();
        let mut best: Option<Near> = None;
        for near in &mut list.near {
            if best.is_some_and(|best| best.least < near.least || best.least == 0.0) {
                break;
            }
            near.least = self.centers.squared(slot, self.slots[near.row as usize] as usize);
            if best.is_none_or(|best| near.least < best.least || (near.least == best.least && near.row < best.row)) {
                best = Some(*near);
            }
        }
        let nearest = best.filter(|best| best.least <= list.beyond);
        (list.cut(), nearest)
    }

    /// Whether a cluster that was found has not been joined since.
    fn is_as_it_was(&self, near: &Near) -> bool {
        let row = near.row as usize;
        self.parents[row] == near.row && self.centers.size(self.slots[row] as usize) as u32 == near.size
    }

    /// The row that stands for a row's cluster; a smaller cluster's leads to a larger one's, so the way is short.
    fn root(&self, mut row: u32) -> u32 {
        while self.parents[row as usize] != row {
            row = self.parents[row as usize];
        }
        row
    }

    /// Takes out empty slots.
    fn pack(&mut self) {
        let kept: Vec<u32> = (0..self.clusters.len() as u32).filter(|&i| self.clusters[i as usize].is_some()).collect();
        self.centers.keep(&kept);
        self.clusters.retain(Option::is_some);
        for (slot, cluster) in self.clusters.iter().flatten().enumerate() {
            self.slots[cluster.row as usize] = slot as u32;
        }
    }
}

impl List {
    fn sort(&mut self) {
        self.near.sort_unstable_by(|a, b| a.least.total_cmp(&b.least).then(a.row.cmp(&b.row)));
    }

    /// The list with so many of the nearest that it stays short.
    fn cut(mut self) -> Self {
        self.sort();
        if let Some(first) = self.near.get(KEPT) {
            self.beyond = self.beyond.min(first.least);
            self.near.truncate(KEPT);
        }
        self.near.shrink_to_fit();
        self
    }

    /// The least that the nearest may be away.
    fn least(&self) -> f64 {
        self.near.first().map_or(self.beyond, |near| near.least.min(self.beyond))
    }
}
