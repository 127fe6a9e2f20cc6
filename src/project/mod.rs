//! Layouts: a feature matrix in, a point in the plane for every row out.
//!
//! A [`Projector`] starts on a matrix and is stepped until it is done; its output can be read at any time, so a page
//! animates the very steps that the terminal runs. Two methods:
//!
//! - [`pca`]: the two directions of largest variance; one step.
//! - [`tsne`]: t-SNE with exact or interpolated repulsion.

pub mod pca;
pub mod tsne;

pub use pca::{Pca, PcaLayout};
pub use tsne::{Tsne, TsneParams, TsneState};

use crate::progress::Step;
use ndarray::ArrayView2;

/// A computation that lays the rows of a matrix out in the plane, one step at a time.
pub trait Projector {
    /// Does the next piece of work; [`Step::Done`] once the layout is final, and ever after.
    fn step(&mut self) -> Step;

    /// The layout as it is now, `[n, 2]`, in the order of the matrix's rows.
    fn output(&self) -> ArrayView2<'_, f32>;
}

/// Why a projection cannot start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProjectError {
    /// The matrix has no rows or no columns.
    #[error("cannot project a matrix of {rows} rows and {columns} columns")]
    Empty {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row}, column {column} of the matrix is not a finite number")]
    NotFinite {
        /// First row that holds such a value.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// More rows than a sparse index counts.
    #[error("{rows} rows are more than the {limit} that can be projected")]
    TooManyRows {
        /// Rows of the matrix.
        rows: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A parameter lies outside its range.
    #[error("{name} is {value}, but must be {range}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed, in words.
        range: &'static str,
    },
    /// A saved state belongs to another matrix or another run.
    #[error("the saved state does not fit: {what} is {found}, expected {expected}")]
    State {
        /// What does not fit.
        what: &'static str,
        /// In the state.
        found: usize,
        /// In this run.
        expected: usize,
    },
    /// The eigenvalue decomposition did not converge.
    #[error("the eigenvalue decomposition of a {size} x {size} matrix did not converge")]
    Decomposition {
        /// Order of the matrix.
        size: usize,
    },
}

/// `x` has rows and columns, and every value is finite.
pub(crate) fn check_matrix(x: ArrayView2<'_, f32>) -> Result<(), ProjectError> {
    let (rows, columns) = x.dim();
    if rows == 0 || columns == 0 {
        return Err(ProjectError::Empty { rows, columns });
    }
    match x.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), _)) => Err(ProjectError::NotFinite { row, column }),
        None => Ok(()),
    }
}
