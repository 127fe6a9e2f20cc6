//! Clustering: from a feature matrix to one label per row.
//!
//! Every algorithm is a [`Clusterer`] that is stepped until it is done, so that one driver can show
//! progress, cancel and animate all of them; each also implements linfa's `ParamGuard`, `Fit` and
//! `Predict` where the algorithm allows it.
//!
//! - [`kmeans`]: K-Means with scikit-learn's results for the same seed
//! - [`mini_batch_kmeans`]: the same on small random samples, for large matrices
//! - [`gmm`]: mixtures of Gaussians
//! - [`spectral`]: K-Means on the eigenvectors of a graph of the rows
//! - [`auto_k`]: the number of clusters by the silhouette
//! - [`dbscan`], [`hdbscan`], [`optics`]: clusters are where rows lie dense, the rest is noise
//! - [`agglomerative`]: clusters are joined, the nearest first
//! - [`consensus`]: what many K-Means labelings agree on
//! - [`k_distance`]: how to choose DBSCAN's `eps`
//! - [`catalog`]: all of them by name

pub mod agglomerative;
pub mod auto_k;
pub mod catalog;
pub mod consensus;
pub mod dbscan;
pub mod distances;
pub mod gmm;
#[cfg(test)]
mod golden;
pub mod hdbscan;
pub mod k_distance;
pub mod kmeans;
pub mod mini_batch_kmeans;
pub mod optics;
pub mod spectral;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod stepped;

use crate::linalg::Real;
use crate::progress::Step;
use k_distance::KDistanceCurve;
use ndarray::{ArrayBase, Data, Ix2};
use rayon::prelude::*;

/// Numbers that one task copies or looks at.
const CHUNK: usize = 1 << 16;

/// The numbers that a feature matrix may hold: `f32` and `f64`.
pub trait Scalar: linfa::Float + Real + Into<f64> {
    /// The nearest number of this type.
    fn of(value: f64) -> Self;

    /// `self * factor + term`, rounded once; slow where the processor has no such instruction.
    fn fused_mul_add(self, factor: Self, term: Self) -> Self;
}

impl Scalar for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn fused_mul_add(self, factor: Self, term: Self) -> Self {
        f32::mul_add(self, factor, term)
    }
}

impl Scalar for f64 {
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn fused_mul_add(self, factor: Self, term: Self) -> Self {
        f64::mul_add(self, factor, term)
    }
}

/// The numbers of a matrix, row by row.
fn copied<F: Scalar, D: Data<Elem = F>>(x: &ArrayBase<D, Ix2>) -> Vec<F> {
    let Some(values) = x.as_slice() else { return x.iter().copied().collect() };
    let mut rows = vec![F::zero(); values.len()];
    rows.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(rows, values)| rows.copy_from_slice(values));
    rows
}

/// The place of the first number that is infinite or not a number.
fn first_not_finite<F: Scalar>(values: &[F]) -> Option<usize> {
    // A whole chunk is looked at without a branch, many numbers at a time.
    let any = |chunk: &[F]| chunk.iter().fold(false, |any, v| any | !v.is_finite());
    let chunk = values.par_chunks(CHUNK).position_first(any)? * CHUNK;
    values[chunk..].iter().position(|v| !v.is_finite()).map(|at| chunk + at)
}

/// A clustering in progress: started on a matrix, stepped until done, readable at any time.
pub trait Clusterer {
    /// Does a small part of the work.
    fn step(&mut self) -> Step;

    /// The labels as they stand, one per row of the matrix; `-1` is noise or not yet assigned.
    fn labels(&self) -> Vec<i32>;

    /// A parameter that the run has chosen itself, by name.
    fn chosen(&self) -> Option<(&'static str, f64)> {
        None
    }

    /// The curve that it was read off, where that was one of distances.
    fn k_distances(&self) -> Option<&KDistanceCurve> {
        None
    }

    /// Why the run has ended without a result; the labels are as far as it came.
    fn failure(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None
    }

    /// Steps until the result is final.
    fn run(&mut self)
    where
        Self: Sized,
    {
        while self.step() != Step::Done {}
    }
}
