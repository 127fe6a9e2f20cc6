//! Principal component analysis.
//!
//! Components, signs and variances are scikit-learn's `PCA`: centred but not scaled, variances over `n - 1`, every
//! component turned so that its largest entry is positive. Exact as long as the smaller side of the matrix is at most
//! [`EXACT_SIDE`] (eigenvectors of the covariance, or of the Gram matrix where there are fewer rows than columns);
//! above, randomised subspace iteration (Halko, Martinsson, Tropp, *Finding structure with randomness*, SIAM Review
//! 2011).

use super::{ProjectError, Projector, check_matrix};
use crate::linalg::{eigh, matmul, matmul_into};
use crate::progress::Step;
use crate::runtime::ONE_THREAD;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

/// The side of a symmetric matrix up to which its full decomposition is quick: a second on all cores, or on one.
pub const EXACT_SIDE: usize = if ONE_THREAD { 512 } else { 2048 };
/// Rows that are multiplied in `f32` before their product is added in `f64`.
const ROWS_PER_BLOCK: usize = 1024;
/// Multiplications up to which products are taken in `f64` altogether.
const DOUBLE_WORK: f64 = 4e10;
/// Directions and multiplications beyond those asked for, where the decomposition is randomised.
const OVERSAMPLES: usize = 12;
const POWER_ITERATIONS: usize = 7;
/// Seed of the random directions.
const SEED: u64 = 782;

/// The principal components of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Array1<f64>,
    components: Array2<f64>,
    explained_variance: Array1<f64>,
    total_variance: f64,
}

impl Pca {
    /// The `n_components` directions of largest variance of the rows of `x`, `[n, d]`; at most `min(n, d)`, and where
    /// more are asked for that many.
    ///
    /// # Errors
    /// [`ProjectError::Empty`] and [`ProjectError::NotFinite`] for such a matrix, [`ProjectError::Parameter`] when no
    /// component is asked for, [`ProjectError::Decomposition`] when the eigenvalues do not converge.
    pub fn fit(x: ArrayView2<'_, f32>, n_components: usize) -> Result<Self, ProjectError> {
        Self::fit_with(x, n_components, EXACT_SIDE)
    }

    fn fit_with(x: ArrayView2<'_, f32>, n_components: usize, exact_side: usize) -> Result<Self, ProjectError> {
        check_matrix(x)?;
        if n_components == 0 {
            let (name, value, range) = ("n_components", 0.0, "at least 1");
            return Err(ProjectError::Parameter { name, value, range });
        }
        let (n, d) = x.dim();
        let k = n_components.min(n).min(d);
        let mean = mean_of_rows(x);
        let centred = centre(x, mean.view());
        let freedom = (n.max(2) - 1) as f64;
        let total_variance = centred.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / freedom;
        let (values, mut components) = if n.min(d) > exact_side && k + OVERSAMPLES < exact_side {
            randomised(centred.view(), k)?
        } else if d <= n {
            top(&product(centred.view(), false), k)?
        } else {
            let (values, rows) = top(&product(centred.view(), true), k)?;
            let components = matmul(rows.view(), centred.map(|&v| f64::from(v)).view());
            (values, orthonormal_rows(components))
        };
        components.rows_mut().into_iter().for_each(|mut row| {
            let largest = row.iter().fold(0.0f64, |a, &b| if b.abs() > a.abs() { b } else { a });
            if largest < 0.0 {
                row.map_inplace(|v| *v = -*v);
            }
        });
        let explained_variance = values.map(|v| v.max(0.0) / freedom);
        Ok(Self { mean, components, explained_variance, total_variance })
    }

    /// Mean of the rows, `[d]`.
    #[must_use]
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// Orthonormal directions, `[k, d]`, of falling variance.
    #[must_use]
    pub fn components(&self) -> ArrayView2<'_, f64> {
        self.components.view()
    }

    /// Variance along every component, `[k]`.
    #[must_use]
    pub fn explained_variance(&self) -> ArrayView1<'_, f64> {
        self.explained_variance.view()
    }

    /// Share of the total variance along every component, `[k]`; zeros where there is no variance.
    #[must_use]
    pub fn explained_variance_ratio(&self) -> Array1<f64> {
        let total = if self.total_variance > 0.0 { self.total_variance } else { 1.0 };
        self.explained_variance.map(|v| v / total)
    }

    /// Coordinates `[m, k]` of rows `[m, d]` along the components.
    ///
    /// # Panics
    /// When `x` has another number of columns than the matrix of the fit.
    #[must_use]
    pub fn transform(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        let components = self.components.map(|&v| v as f32);
        matmul(centre(x, self.mean.view()).view(), components.t())
    }
}

fn mean_of_rows(x: ArrayView2<'_, f32>) -> Array1<f64> {
    let mut sum = Array1::<f64>::zeros(x.ncols());
    for row in x.rows() {
        sum.iter_mut().zip(row).for_each(|(s, &v)| *s += f64::from(v));
    }
    sum / x.nrows() as f64
}

fn centre(x: ArrayView2<'_, f32>, mean: ArrayView1<'_, f64>) -> Array2<f32> {
    let mut out = x.as_standard_layout().into_owned();
    for mut row in out.rows_mut() {
        row.iter_mut().zip(mean).for_each(|(v, m)| *v = (f64::from(*v) - m) as f32);
    }
    out
}

/// `x^T x`, or `x x^T` where `gram` is set: in `f64`, or for large matrices block by block in `f32`, summed in `f64`.
fn product(x: ArrayView2<'_, f32>, gram: bool) -> Array2<f64> {
    let (inner_axis, side) = if gram { (Axis(1), x.nrows()) } else { (Axis(0), x.ncols()) };
    let double = x.len() as f64 * side as f64 <= DOUBLE_WORK;
    let mut sum = Array2::<f64>::zeros((side, side));
    let mut part = Array2::<f32>::zeros(if double { (0, 0) } else { (side, side) });
    for block in x.axis_chunks_iter(inner_axis, ROWS_PER_BLOCK) {
        let block = if gram { block.reversed_axes() } else { block };
        if double {
            let block = block.map(|&v| f64::from(v));
            sum += &matmul(block.t(), block.view());
        } else {
            matmul_into(block.t(), block, 1.0, part.view_mut());
            sum.zip_mut_with(&part, |s, &p| *s += f64::from(p));
        }
    }
    sum
}

/// The `k` largest eigenvalues of a symmetric matrix, falling, and their eigenvectors as rows.
fn top(matrix: &Array2<f64>, k: usize) -> Result<(Array1<f64>, Array2<f64>), ProjectError> {
    let size = matrix.nrows();
    let (values, vectors) = eigh(matrix.view()).ok_or(ProjectError::Decomposition { size })?;
    // a plain row-major copy: one that runs backwards through memory is no matrix to `linalg`
    let rows = vectors.t().slice(s![size - k..;-1, ..]).as_standard_layout().into_owned();
    Ok((values.slice(s![size - k..;-1]).to_owned(), rows))
}

/// Scales the rows to length 1 and turns them away from all rows before, twice for accuracy. A row of which nothing is
/// left (no variance along it) is replaced by the first coordinate axis of which something is.
fn orthonormal_rows(mut rows: Array2<f64>) -> Array2<f64> {
    let scale = rows.rows().into_iter().map(|r| r.dot(&r).sqrt()).fold(0.0, f64::max);
    let mut axis = 0;
    for i in 0..rows.nrows() {
        let mut limit = 1e-7 * scale.max(f64::MIN_POSITIVE);
        loop {
            let (before, mut rest) = rows.view_mut().split_at(Axis(0), i);
            let mut row = rest.row_mut(0);
            for _ in 0..2 {
                let overlap = before.dot(&row);
                row -= &before.t().dot(&overlap);
            }
            let norm = row.dot(&row).sqrt();
            if norm > limit {
                row /= norm;
                break;
            }
            row.fill(0.0);
            let column = axis % row.len();
            row[column] = 1.0;
            axis += 1;
            limit = 1e-3;
        }
    }
    rows
}

/// The `k` leading eigenvalues of `x^T x` and their eigenvectors as rows, by iteration on a random subspace.
fn randomised(x: ArrayView2<'_, f32>, k: usize) -> Result<(Array1<f64>, Array2<f64>), ProjectError> {
    let mut state = SEED;
    let width = (k + OVERSAMPLES).min(x.ncols());
    let mut basis = Array2::from_shape_simple_fn((width, x.ncols()), || normal(&mut state));
    for _ in 0..POWER_ITERATIONS {
        basis = orthonormal(basis)?;
        let images = matmul(x, basis.map(|&v| v as f32).t());
        basis = matmul(images.t(), x).map(|&v| f64::from(v));
    }
    basis = orthonormal(basis)?;
    let images = matmul(x, basis.map(|&v| v as f32).t());
    let (values, rotation) = top(&product(images.view(), false), k)?;
    Ok((values, matmul(rotation.view(), basis.view())))
}

/// An orthonormal basis of the rows: by the eigenvectors of their Gram matrix, then row by row against rounding.
fn orthonormal(rows: Array2<f64>) -> Result<Array2<f64>, ProjectError> {
    let (_, vectors) = top(&matmul(rows.view(), rows.t()), rows.nrows())?;
    Ok(orthonormal_rows(matmul(vectors.view(), rows.view())))
}

/// A standard normal number from a seeded sequence (SplitMix64, Box-Muller).
pub(crate) fn normal(state: &mut u64) -> f64 {
    let mut uniform = || {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    let (u, v) = (1.0 - uniform(), uniform());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The first two principal components as a layout; where there is one column, the second coordinate is 0.
#[derive(Debug, Clone)]
pub struct PcaLayout {
    output: Array2<f32>,
}

impl PcaLayout {
    /// Lays out the rows of `x`, `[n, d]`, at once: there is nothing left to step.
    ///
    /// # Errors
    /// As [`Pca::fit`].
    pub fn new(x: ArrayView2<'_, f32>) -> Result<Self, ProjectError> {
        let output = Pca::fit(x, 2)?.transform(x);
        let missing = Array2::zeros((output.nrows(), 2 - output.ncols()));
        let output = concatenate(Axis(1), &[output.view(), missing.view()]).unwrap_or(output);
        Ok(Self { output: output.as_standard_layout().into_owned() })
    }
}

impl Projector for PcaLayout {
    fn step(&mut self) -> Step {
        Step::Done
    }

    fn output(&self) -> ArrayView2<'_, f32> {
        self.output.view()
    }
}

#[cfg(test)]
#[path = "pca_tests.rs"]
mod tests;
