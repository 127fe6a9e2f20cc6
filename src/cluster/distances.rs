//! Distances between the rows of a matrix, for the clusterers that look at pairs of rows.
//!
//! [`rows::Rows`] is a checked matrix and its exact distances; [`coarse::Coarse`] finds near pairs by products in `f32`
//! with a bound of their error, without a table; [`condensed::Condensed`] is the table of all distances, half of a square;
//! [`core::Measuring`] makes it step by step with the core distances; [`spanning::Prim`] walks it as a minimum spanning tree.
//! Knows nothing of the algorithms that use it.

pub(super) mod coarse;
pub(super) mod condensed;
pub(super) mod core;
pub(super) mod rows;
pub(super) mod spanning;

/// Distances that one step of a walk over the table looks at, about.
pub(super) const PAIRS: usize = 10_000_000;

#[cfg(test)]
pub(super) mod goldens;
#[cfg(test)]
mod tests;

pub use rows::MatrixError;

/// How far two rows lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// The length of the difference.
    #[default]
    Euclidean,
    /// One less the cosine of the angle.
    Cosine,
}
