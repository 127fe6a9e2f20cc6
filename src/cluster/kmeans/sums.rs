//! Sums of the rows of each cluster, renewed only for the clusters that changed.

use super::data::Centred;
use super::{CHUNK, REFERENCE_THREADS};
use crate::cluster::Scalar;
use multiversion::multiversion;
use rayon::prelude::*;
use std::ops::Range;

/// Features that one task sums over all rows of a part, so that its sums stay in the first-level cache.
const COLUMNS: usize = 64;

/// For each part of the rows and each block of columns the sums of every cluster.
///
/// scikit-learn's threads each sum a run of whole chunks and add their sums up at the end; the parts
/// are those runs, so that the result has the same bits.
#[derive(Debug)]
pub(super) struct ClusterSums<F> {
    n_clusters: usize,
    n_features: usize,
    parts: Vec<Range<usize>>,
    /// `[column blocks, parts, n_clusters, COLUMNS]`
    sums: Vec<F>,
    counts: Vec<usize>,
}

impl<F: Scalar> ClusterSums<F> {
    pub(super) fn new(x: &Centred<F>, n_clusters: usize) -> Self {
        let chunks = x.n_samples.div_ceil(CHUNK);
        let first = chunks.div_ceil(REFERENCE_THREADS.min(chunks)) * CHUNK;
        let parts = (0..x.n_samples).step_by(first).map(|start| start..(start + first).min(x.n_samples)).collect();
        Self { n_clusters, n_features: x.n_features, parts, sums: Vec::new(), counts: vec![0; n_clusters] }
    }

    /// Brings the sums from the labels `old` to `new`; `old` is -1 throughout at first.
    pub(super) fn update(&mut self, x: &Centred<F>, old: &[i32], new: &[i32]) {
        let mut changed = vec![vec![self.sums.is_empty(); self.n_clusters]; self.parts.len()];
        let blocks = self.n_features.div_ceil(COLUMNS);
        self.sums.resize(blocks * self.parts.len() * self.n_clusters * COLUMNS, F::zero());
        for (part, changed) in self.parts.iter().zip(&mut changed) {
            for (&old, &new) in old[part.clone()].iter().zip(&new[part.clone()]).filter(|(old, new)| old != new) {
                if let Ok(old) = usize::try_from(old) {
                    changed[old] = true;
                    self.counts[old] -= 1;
                }
                changed[new as usize] = true;
                self.counts[new as usize] += 1;
            }
        }
        let parts = &self.parts;
        self.sums.par_chunks_mut(self.n_clusters * COLUMNS).enumerate().for_each(|(task, sums)| {
            let (block, part) = (task / parts.len(), task % parts.len());
            let (part, changed) = (&parts[part], &changed[part]);
            for (cluster, sums) in sums.chunks_exact_mut(COLUMNS).enumerate() {
                if changed[cluster] {
                    sums.fill(F::zero());
                }
            }
            let first = block * COLUMNS;
            let columns = first..x.n_features.min(first + COLUMNS);
            let rows = &x.rows[part.start * x.n_features..part.end * x.n_features];
            add_rows(rows, x.n_features, columns, &new[part.clone()], changed, sums);
        });
    }

    /// The sums `[n_clusters, n_features]` and the number of rows of each cluster.
    pub(super) fn totals(&self) -> (Vec<F>, Vec<usize>) {
        let mut totals = vec![F::zero(); self.n_clusters * self.n_features];
        for (task, sums) in self.sums.chunks_exact(self.n_clusters * COLUMNS).enumerate() {
            let first = task / self.parts.len() * COLUMNS;
            for (total, sums) in totals.chunks_exact_mut(self.n_features).zip(sums.chunks_exact(COLUMNS)) {
                total[first..].iter_mut().zip(sums).for_each(|(total, &sum)| *total += sum);
            }
        }
        (totals, self.counts.clone())
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn add_rows<F: Scalar>(
    rows: &[F],
    n_features: usize,
    columns: Range<usize>,
    labels: &[i32],
    changed: &[bool],
    sums: &mut [F],
) {
    let (sums, _) = sums.as_chunks_mut::<COLUMNS>();
    for (row, &label) in rows.chunks_exact(n_features).zip(labels) {
        let label = label as usize;
        if !changed[label] {
            continue;
        }
        let row = &row[columns.clone()];
        match <&[F; COLUMNS]>::try_from(row) {
            Ok(row) => (0..COLUMNS).for_each(|f| sums[label][f] += row[f]),
            Err(_) => sums[label].iter_mut().zip(row).for_each(|(sum, &v)| *sum += v),
        }
    }
}
