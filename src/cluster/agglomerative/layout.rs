//! Where the distances between clusters lie while clusters are joined: the whole square, in which every row is one piece of
//! memory, while there is room, else the half of it in tiles.

use crate::cluster::Scalar;
use crate::cluster::distances::condensed::Condensed;
use crate::runtime;

/// The largest square: 11,500 rows in double precision, in a page 5,700.
const SQUARE_BYTES: usize = if runtime::ONE_THREAD { 1 << 28 } else { 1 << 30 };
/// Rows that are mirrored together.
const BLOCK: usize = 64;

#[derive(Debug)]
pub(super) enum Layout<T> {
    Square(Square<T>),
    Tiles(Condensed<T>),
}

/// All distances twice. A cluster that changes writes its row only: its column, which lies all over the memory, is read
/// from there when a row that has it is next asked for.
#[derive(Debug)]
pub(super) struct Square<T> {
    n: usize,
    values: Vec<T>,
    /// Changes so far.
    now: u32,
    /// When each cluster changed.
    changed: Vec<u32>,
    /// When each row was last brought up to date.
    read: Vec<u32>,
}

impl<T: Scalar> Layout<T> {
    pub(super) fn new(table: Condensed<T>) -> Self {
        let n = table.n;
        let mut values = Vec::new();
        let fits = n * n <= SQUARE_BYTES / size_of::<T>() && values.try_reserve_exact(n * n).is_ok();
        if !fits {
            return Self::Tiles(table);
        }
        values.resize(n * n, T::zero());
        for block in (0..n).step_by(BLOCK) {
            let end = n.min(block + BLOCK);
            for i in block..end {
                for (first, piece) in table.pieces(i, 0..i) {
                    values[i * n + first..][..piece.len()].copy_from_slice(piece);
                }
            }
            for j in 0..end {
                for i in block.max(j + 1)..end {
                    values[j * n + i] = values[i * n + j];
                }
            }
        }
        Self::Square(Square { n, values, now: 0, changed: vec![0; n], read: vec![0; n] })
    }

    /// Clusters that have a place.
    pub(super) fn n(&self) -> usize {
        match self {
            Self::Square(square) => square.n,
            Self::Tiles(table) => table.n,
        }
    }

    /// The distance between two different clusters.
    pub(super) fn get(&self, i: usize, j: usize) -> f64 {
        match self {
            Self::Square(Square { n, values, changed, .. }) => {
                let at = if changed[i] > changed[j] { i * n + j } else { j * n + i };
                values[at].into()
            }
            Self::Tiles(table) => table.get(i, j),
        }
    }

    /// The distances from cluster `i` to these, of which it may be one.
    pub(super) fn row(&mut self, i: usize, to: &[u32]) -> Vec<f64> {
        match self {
            Self::Square(Square { n, values, now, changed, read }) => {
                let of = |&j: &u32| {
                    let j = j as usize;
                    if changed[j] > read[i] {
                        values[i * *n + j] = values[j * *n + i];
                    }
                    values[i * *n + j].into()
                };
                let row = to.iter().map(of).collect();
                read[i] = *now;
                row
            }
            Self::Tiles(table) => to.iter().map(|&j| table.get(i, j as usize)).collect(),
        }
    }

    /// Sets the distances from cluster `i` to all that are left.
    pub(super) fn set_row(&mut self, i: usize, to: &[u32], distances: &[T]) {
        let all = to.iter().map(|&j| j as usize).zip(distances);
        match self {
            Self::Square(Square { n, values, now, changed, read }) => {
                let row = &mut values[i * *n..][..*n];
                all.for_each(|(j, &distance)| row[j] = distance);
                *now += 1;
                (changed[i], read[i]) = (*now, *now);
            }
            Self::Tiles(table) => all.for_each(|(j, &distance)| table.set(i, j, distance)),
        }
    }

    /// Keeps only these clusters, ascending, and gives them the places from 0.
    pub(super) fn keep(&mut self, kept: &[u32]) {
        match self {
            Self::Tiles(table) => table.keep(kept),
            Self::Square(Square { n, values, changed, read, .. }) => {
                for (row, &from) in kept.iter().enumerate() {
                    let from = from as usize;
                    (changed[row], read[row]) = (changed[from], read[from]);
                    for (column, &other) in kept.iter().enumerate() {
                        values[row * kept.len() + column] = values[from * *n + other as usize];
                    }
                }
                *n = kept.len();
                values.truncate(*n * *n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Linkage;
    use super::super::chain::{Chain, nearest_of_all};
    use super::Layout;
    use crate::cluster::distances::Metric;
    use crate::cluster::distances::condensed::{Condensed, Filling, Table};
    use crate::cluster::distances::goldens::matrix;
    use crate::cluster::distances::rows::Rows;

    #[test]
    fn either_layout_joins_alike() {
        let table = || -> Condensed<f64> {
            let rows = Rows::new(&matrix("blobs-700-9-3")).unwrap();
            let mut filling = Filling::with_precision(rows, Metric::Euclidean, true).unwrap();
            while !filling.step() {}
            let Table::Double(table) = filling.table() else { panic!("double precision was asked for") };
            table
        };
        for linkage in [Linkage::Ward, Linkage::Average, Linkage::Complete] {
            let [square, tiles] = [Layout::new(table()), Layout::Tiles(table())].map(|layout| {
                let mut chain = Chain::with_nearest(linkage, nearest_of_all(&table()), layout);
                while chain.join() {}
                chain.pairs
            });
            assert_eq!(square, tiles);
        }
    }
}
