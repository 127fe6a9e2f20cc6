//! Lloyd's iteration where the distances between all rows are known: no vector is touched.
//!
//! The squared distance of a row to the mean of some rows is the mean of its squared distances to them, less half the mean
//! of theirs to each other (Hathaway, Davenport and Bezdek, "Relational duals of the c-means clustering algorithms",
//! 1989). The sums are kept and follow the rows that change their cluster, so an iteration costs `2 n` additions for each
//! of those and `n k` for the comparison, whatever the number of features.

use super::data::Centred;
use super::squares::Squares;
use crate::cluster::Scalar;
use std::sync::Arc;

/// One run of K-Means, between two iterations. Sums are in double precision: labels differ from those of
/// [`Lloyd`](super::lloyd::Lloyd) only where its rounding decides between two centres.
#[derive(Debug)]
pub(super) struct TableLloyd<F> {
    squares: Arc<Squares<F>>,
    start: Vec<usize>,
    /// Labels under the centres of the last iteration; -1 before the first.
    labels: Vec<i32>,
    n_iter: usize,
    clusters: Vec<Cluster>,
    /// What the sums are of: the labels by which the centres were moved.
    members: Vec<i32>,
}

/// A centre, as the mean of rows.
#[derive(Debug, Clone)]
struct Cluster {
    count: usize,
    /// For each row the sum of its squared distances to the cluster's.
    sums: Vec<f64>,
    /// Half the mean squared distance between the cluster's rows.
    spread: f64,
}

impl Cluster {
    /// The squared distance of a row to the centre.
    fn distance(&self, row: usize) -> f64 {
        self.sums[row] / self.count as f64 - self.spread
    }

    fn add<F: Scalar>(&mut self, distances: &[F]) {
        self.count += 1;
        self.sums.iter_mut().zip(distances).for_each(|(sum, &d)| *sum += d.into());
    }

    fn remove<F: Scalar>(&mut self, distances: &[F]) {
        self.count -= 1;
        self.sums.iter_mut().zip(distances).for_each(|(sum, &d)| *sum -= d.into());
    }
}

/// How an iteration ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Iterated {
    /// There will be another.
    Moved,
    /// Labels or centres stay.
    Converged,
    /// A cluster lost all of its rows, and means of rows can no longer say where its centre goes. The run is as it was.
    Emptied,
}

impl<F: Scalar> TableLloyd<F> {
    /// Starts from the given rows.
    pub(super) fn new(squares: &Arc<Squares<F>>, start: &[usize]) -> Self {
        let n = squares.n();
        let cluster = |&row: &usize| {
            let sums = squares.row(row).iter().map(|&d| d.into()).collect();
            Cluster { count: 1, sums, spread: 0.0 }
        };
        Self {
            squares: Arc::clone(squares),
            start: start.to_vec(),
            labels: vec![-1; n],
            n_iter: 0,
            clusters: start.iter().map(cluster).collect(),
            members: vec![-1; n],
        }
    }

    pub(super) fn labels(&self) -> &[i32] {
        &self.labels
    }

    pub(super) fn n_iter(&self) -> usize {
        self.n_iter
    }

    /// One iteration.
    pub(super) fn iterate(&mut self, tolerance: F) -> Iterated {
        let labels = self.nearest();
        let strict = labels == self.labels;
        let Some(shift) = self.follow(&labels) else { return Iterated::Emptied };
        self.labels = labels;
        self.n_iter += 1;
        let still = shift <= tolerance.into();
        if !strict && still {
            self.relabel();
        }
        if strict || still { Iterated::Converged } else { Iterated::Moved }
    }

    /// Labels under the centres as they are now.
    pub(super) fn relabel(&mut self) {
        self.labels = self.nearest();
    }

    /// Sum of the squared distances of the rows to their centres.
    pub(super) fn inertia(&self) -> F {
        if self.n_iter == 0 { self.assignment().1 } else { self.inertia_of(&self.labels) }
    }

    /// Labels under the centres as they are now, and the inertia.
    pub(super) fn assignment(&self) -> (Vec<i32>, F) {
        let labels = self.nearest();
        let inertia = self.inertia_of(&labels);
        (labels, inertia)
    }

    /// The centres `[n_clusters, n_features]`, in the centred space.
    pub(super) fn centers(&self, x: &Centred<F>) -> Vec<F> {
        if self.n_iter == 0 {
            return self.start.iter().flat_map(|&row| x.row(row)).copied().collect();
        }
        let mut sums = vec![0.0; self.clusters.len() * x.n_features];
        for (row, &label) in self.members.iter().enumerate() {
            let sums = &mut sums[label as usize * x.n_features..][..x.n_features];
            sums.iter_mut().zip(x.row(row)).for_each(|(sum, &v)| *sum += v.into());
        }
        let counts = self.clusters.iter().map(|cluster| cluster.count as f64);
        let means = sums.chunks_exact(x.n_features).zip(counts);
        means.flat_map(|(sums, count)| sums.iter().map(move |sum| F::of(sum / count))).collect()
    }

    fn inertia_of(&self, labels: &[i32]) -> F {
        let distances = labels.iter().enumerate().map(|(row, &label)| self.clusters[label as usize].distance(row));
        F::of(distances.map(|d| d.max(0.0)).sum())
    }

    /// The nearest centre of every row; the first of equals.
    fn nearest(&self) -> Vec<i32> {
        let mut labels = vec![0; self.labels.len()];
        let mut least = vec![f64::INFINITY; labels.len()];
        for (label, cluster) in (0..).zip(&self.clusters) {
            let (scale, spread) = (1.0 / cluster.count as f64, cluster.spread);
            for ((own, least), sum) in labels.iter_mut().zip(&mut least).zip(&cluster.sums) {
                let distance = sum * scale - spread;
                if distance < *least {
                    (*own, *least) = (label, distance);
                }
            }
        }
        labels
    }

    /// Moves every centre to the mean of the rows with its label, and tells the sum of the squares of these moves; `None`,
    /// and nothing is moved, where a centre has no row.
    fn follow(&mut self, labels: &[i32]) -> Option<f64> {
        let mut counts = vec![0; self.clusters.len()];
        labels.iter().for_each(|&label| counts[label as usize] += 1);
        if counts.contains(&0) {
            return None;
        }
        // The mean squared distance between a cluster's rows of before and of now, while the sums are those of before.
        let mut between = vec![0.0; self.clusters.len()];
        for (row, &label) in labels.iter().enumerate() {
            between[label as usize] += self.clusters[label as usize].sums[row];
        }
        let before: Vec<(f64, f64)> = self.clusters.iter().map(|c| (c.count as f64, c.spread)).collect();
        if self.n_iter == 0 {
            for cluster in &mut self.clusters {
                cluster.count = 0;
                cluster.sums.fill(0.0);
            }
        }
        for (row, (old, &new)) in self.members.iter_mut().zip(labels).enumerate().filter(|(_, (old, new))| *old != *new)
        {
            let distances = self.squares.row(row);
            if let Ok(old) = usize::try_from(*old) {
                self.clusters[old].remove(distances);
            }
            self.clusters[new as usize].add(distances);
            *old = new;
        }
        let mut within = vec![0.0; self.clusters.len()];
        for (row, &label) in labels.iter().enumerate() {
            within[label as usize] += self.clusters[label as usize].sums[row];
        }
        let mut shift = 0.0;
        for (c, cluster) in self.clusters.iter_mut().enumerate() {
            let (count, (old_count, old_spread)) = (cluster.count as f64, before[c]);
            cluster.spread = within[c] / (2.0 * count * count);
            shift += (between[c] / (count * old_count) - old_spread - cluster.spread).max(0.0);
        }
        Some(shift)
    }
}
