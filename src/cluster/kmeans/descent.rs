//! One run of K-Means from its start to its end, on vectors or on a table of distances.

use super::data::Centred;
use super::lloyd::Lloyd;
use super::squares::Squares;
use super::table::{Iterated, TableLloyd};
use crate::cluster::Scalar;
use std::sync::Arc;

/// A run between two iterations.
#[derive(Debug)]
pub(super) enum Descent<F> {
    Vectors(Lloyd<F>),
    Table(TableLloyd<F>),
}

impl<F: Scalar> Descent<F> {
    /// Starts from the given rows, on a table where there is one.
    pub(super) fn new(x: &Centred<F>, known: Option<&Arc<Squares<F>>>, start: &[usize]) -> Self {
        match known {
            Some(squares) => Self::Table(TableLloyd::new(squares, start)),
            None => Self::Vectors(Lloyd::new(x, start)),
        }
    }

    /// One iteration; true when the run has converged, by unchanged labels or by the tolerance.
    pub(super) fn iterate(&mut self, x: &Centred<F>, tolerance: F) -> bool {
        let run = match self {
            Self::Vectors(run) => return run.iterate(x, tolerance),
            Self::Table(run) => run,
        };
        match run.iterate(tolerance) {
            Iterated::Moved => false,
            Iterated::Converged => true,
            Iterated::Emptied => {
                let mut vectors = Lloyd::from_centers(x, run.centers(x), run.n_iter());
                let converged = vectors.iterate(x, tolerance);
                *self = Self::Vectors(vectors);
                converged
            }
        }
    }

    /// Labels under the centres as they are now.
    pub(super) fn relabel(&mut self, x: &Centred<F>) {
        match self {
            Self::Vectors(run) => run.relabel(x),
            Self::Table(run) => run.relabel(),
        }
    }

    /// Labels under the centres of the last iteration; -1 before the first.
    pub(super) fn labels(&self) -> &[i32] {
        match self {
            Self::Vectors(run) => &run.labels,
            Self::Table(run) => run.labels(),
        }
    }

    /// Iterations so far.
    pub(super) fn n_iter(&self) -> usize {
        match self {
            Self::Vectors(run) => run.n_iter,
            Self::Table(run) => run.n_iter(),
        }
    }

    /// The centres `[n_clusters, n_features]`, in the centred space.
    pub(super) fn centers(&self, x: &Centred<F>) -> Vec<F> {
        match self {
            Self::Vectors(run) => run.centers.clone(),
            Self::Table(run) => run.centers(x),
        }
    }

    /// Sum of the squared distances of the rows to their centres.
    pub(super) fn inertia(&self, x: &Centred<F>) -> F {
        match self {
            Self::Vectors(run) => run.inertia(x),
            Self::Table(run) => run.inertia(),
        }
    }

    /// Labels under the centres as they are now, and the inertia.
    pub(super) fn assignment(&self, x: &Centred<F>) -> (Vec<i32>, F) {
        match self {
            Self::Vectors(run) => run.assignment(x),
            Self::Table(run) => run.assignment(),
        }
    }
}
