//! Dense products and decompositions: the one door to `faer`, on `ndarray` views.
//!
//! Work is cut into blocks of rows of a fixed size and every block is computed by one thread, so
//! the number of threads does not change a single bit of the result.

use faer::linalg::matmul::matmul as faer_matmul;
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, MatMut, MatRef, Par, Side};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, LinalgScalar};
use rayon::prelude::*;

/// Rows of the result that one task computes; fixed, so that results do not depend on the thread count.
const ROWS_PER_TASK: usize = 256;

/// Rows of a symmetric product that one task computes; what lies right of the diagonal within them is computed in vain.
const GRAM_ROWS: usize = 64;

/// The real numbers that matrices are made of: `f32` and `f64`.
pub trait Real: faer::traits::ComplexField<Real = Self> + LinalgScalar + Send + Sync {}
impl Real for f32 {}
impl Real for f64 {}

/// `out = alpha * a · b` where `a` is `[m, k]`, `b` is `[k, n]` and `out` is `[m, n]`.
///
/// Any of the three may be a transposed or strided view (`x.t()`), which costs nothing. Uses all
/// threads of the current rayon pool; inside a rayon task it shares them with the other tasks.
///
/// # Panics
/// When the shapes do not fit together.
pub fn matmul_into<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>, alpha: T, mut out: ArrayViewMut2<'_, T>) {
    assert_eq!(a.ncols(), b.nrows(), "matmul: inner dimensions");
    assert_eq!((a.nrows(), b.ncols()), out.dim(), "matmul: result shape");
    let (a, b) = (contiguous(a), contiguous(b));
    let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), ROWS_PER_TASK).collect();
    blocks
        .into_par_iter()
        .enumerate()
        .for_each(|(task, out)| block_product(a.view(), task * ROWS_PER_TASK, b.view(), alpha, out));
}

/// `a · b` as a new row-major matrix; see [`matmul_into`].
///
/// # Panics
/// When `a` has another number of columns than `b` has rows.
pub fn matmul<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    matmul_into(a, b, T::one(), out.view_mut());
    out
}

/// Eigenvalues (`[n]`, ascending) and eigenvectors (`[n, n]`, one a column) of a symmetric matrix.
///
/// Only the lower triangle is read. `None` when the matrix is not square, holds a number that is
/// not finite, or the iteration does not converge.
pub fn eigh(a: ArrayView2<'_, f64>) -> Option<(Array1<f64>, Array2<f64>)> {
    let n = a.nrows();
    if n != a.ncols() || !a.iter().all(|v| v.is_finite()) {
        return None;
    }
    let rows = a.as_standard_layout();
    let matrix = MatRef::from_row_major_slice(rows.as_slice()?, n, n);
    let eigen = matrix.self_adjoint_eigen(Side::Lower).ok()?;
    clear_upper_lanes(&[0.0; 16]);
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    Some((Array1::from_shape_fn(n, |i| values[i]), Array2::from_shape_fn((n, n), |(r, c)| vectors[(r, c)])))
}

/// Adds `aᵀ · a` to the lower triangle of `sum`, where `a` is `[m, n]` and `sum` is `[n, n]`.
///
/// What `sum` holds above the diagonal afterwards is of no use.
///
/// # Panics
/// When the shapes do not fit together or `sum` is not row-major.
pub fn add_gram(a: ArrayView2<'_, f64>, sum: &mut Array2<f64>) {
    let n = a.ncols();
    assert_eq!(sum.dim(), (n, n), "add_gram: result shape");
    assert!(sum.is_standard_layout(), "add_gram: row-major result");
    let a = contiguous(a);
    let Some(a) = dense(a.view()) else { return };
    let panels: Vec<_> = sum.axis_chunks_iter_mut(Axis(0), GRAM_ROWS).collect();
    panels.into_par_iter().enumerate().for_each(|(panel, mut out)| {
        let first = panel * GRAM_ROWS;
        let (m, end) = (out.nrows(), first + out.nrows());
        if let Some(slice) = out.as_slice_mut() {
            let out = MatMut::from_row_major_slice_mut(slice, m, n).subcols_mut(0, end);
            faer_matmul(out, Accum::Add, a.subcols(first, m).transpose(), a.subcols(0, end), 1.0, Par::Seq);
            clear_upper_lanes(&[0.0; 16]);
        }
    });
}

/// The lower triangular `l` with `l · lᵀ = a`, of a symmetric matrix of which only the lower triangle is read.
///
/// `None` when the matrix is not square or not positive definite.
pub fn cholesky(a: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = a.nrows();
    if n != a.ncols() || !(0..n).all(|r| (0..=r).all(|c| a[(r, c)].is_finite())) {
        return None;
    }
    let rows = a.as_standard_layout();
    let factor = MatRef::from_row_major_slice(rows.as_slice()?, n, n).llt(Side::Lower);
    clear_upper_lanes(&[0.0; 16]);
    let factor = factor.ok()?;
    let l = factor.L();
    Some(Array2::from_shape_fn((n, n), |(r, c)| if c <= r { l[(r, c)] } else { 0.0 }))
}

/// The inverse of a lower triangular matrix; what lies above the diagonal is not read. `None` when it is not square.
pub fn lower_inverse(l: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = l.nrows();
    if n != l.ncols() {
        return None;
    }
    let rows = l.as_standard_layout();
    let mut inverse = Array2::zeros((n, n));
    let out = MatMut::from_row_major_slice_mut(inverse.as_slice_mut()?, n, n);
    invert_lower_triangular(out, MatRef::from_row_major_slice(rows.as_slice()?, n, n), Par::Seq);
    clear_upper_lanes(&[0.0; 16]);
    Some(inverse)
}

/// One block of rows of a product, `out = alpha * a[first_row..] · b`, on the calling thread.
fn block_product<T: Real>(
    a: ArrayView2<'_, T>,
    first_row: usize,
    b: ArrayView2<'_, T>,
    alpha: T,
    mut out: ArrayViewMut2<'_, T>,
) {
    let (m, n) = out.dim();
    let (Some(a), Some(b)) = (dense(a), dense(b)) else { return };
    let a = a.subrows(first_row, m);
    if let Some(slice) = out.as_slice_mut() {
        faer_matmul(MatMut::from_row_major_slice_mut(slice, m, n), Accum::Replace, a, b, alpha, Par::Seq);
        clear_upper_lanes(&[0.0; 16]);
        return;
    }
    let mut rows = vec![T::zero(); m * n];
    faer_matmul(MatMut::from_row_major_slice_mut(&mut rows, m, n), Accum::Replace, a, b, alpha, Par::Seq);
    clear_upper_lanes(&[0.0; 16]);
    out.iter_mut().zip(rows).for_each(|(cell, value)| *cell = value);
}

/// faer's AVX kernels leave the upper lanes of the vector registers in use, which makes plain SSE code (libm's `exp`,
/// say) on the same thread tens of times slower. A function compiled for AVX clears them when it returns.
#[multiversion::multiversion(targets("x86_64+avx512f", "x86_64+avx"))]
fn clear_upper_lanes(lanes: &[f32; 16]) {
    let mut sums = [0.0; 16];
    sums.iter_mut().zip(lanes).for_each(|(sum, lane)| *sum = lane + 1.0);
    std::hint::black_box(&mut sums);
}

/// The view itself where it is a whole row-major or column-major matrix in memory, else a copy that is.
fn contiguous<T: Real>(a: ArrayView2<'_, T>) -> CowArray<'_, T, Ix2> {
    if a.is_standard_layout() || a.t().is_standard_layout() {
        return a.into();
    }
    // `to_owned` would keep the order of memory, which a reversed view has backwards.
    Array2::from_shape_fn(a.dim(), |at| a[at]).into()
}

/// The same memory as faer sees it; `None` unless the view is [`contiguous`].
fn dense<'a, T>(a: ArrayView2<'a, T>) -> Option<MatRef<'a, T>> {
    let (rows, cols) = a.dim();
    match a.to_slice() {
        Some(slice) => Some(MatRef::from_row_major_slice(slice, rows, cols)),
        None => a.reversed_axes().to_slice().map(|slice| MatRef::from_column_major_slice(slice, rows, cols)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{add_gram, cholesky, eigh, lower_inverse, matmul, matmul_into};
    use ndarray::{Array2, s};

    #[test]
    fn reversed_views_are_multiplied_as_they_read() {
        let a = numbers(3, 4, 1);
        let reversed = a.slice(s![..;-1, ..]);
        let product = matmul(reversed, Array2::eye(4).view());
        assert_eq!(product, reversed);
    }

    fn numbers(rows: usize, cols: usize, seed: u64) -> Array2<f64> {
        let mut state = seed;
        Array2::from_shape_simple_fn((rows, cols), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
        })
    }

    fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) -> bool {
        a.dim() == b.dim() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= tolerance)
    }

    #[test]
    fn products_of_every_layout_equal_ndarray() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 2), (600, 33, 30), (257, 64, 1), (1, 9, 300)] {
            let (a, b) = (numbers(m, k, 1), numbers(k, n, 2));
            let expected = a.dot(&b);
            let (at, bt) = (a.t().to_owned(), b.t().to_owned());
            let wide = numbers(2 * m, k, 1);
            assert!(close(&matmul(a.view(), b.view()), &expected, 1e-12));
            assert!(close(&matmul(at.t(), bt.t()), &expected, 1e-12));
            let every_other = wide.slice(s![..;2, ..]);
            assert!(close(&matmul(every_other, b.view()), &every_other.dot(&b), 1e-12));
            let mut out = Array2::zeros((m, 2 * n));
            matmul_into(a.view(), b.view(), -2.0, out.slice_mut(s![.., n..]));
            assert!(close(&out.slice(s![.., n..]).to_owned(), &(&expected * -2.0), 1e-12));
            assert!(out.slice(s![.., ..n]).iter().all(|&v| v == 0.0));
        }
    }

    #[test]
    fn empty_products_are_zero() {
        assert_eq!(matmul(numbers(3, 0, 1).view(), numbers(0, 2, 1).view()), Array2::<f64>::zeros((3, 2)));
        assert_eq!(matmul(numbers(0, 4, 1).view(), numbers(4, 2, 1).view()).dim(), (0, 2));
    }

    #[test]
    fn the_thread_count_changes_no_bit() {
        let (a, b) = (numbers(1000, 77, 3), numbers(77, 41, 4));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| matmul(a.view(), b.view()))
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix() {
        let x = numbers(12, 12, 5);
        let a = &x + &x.t();
        let (values, vectors) = eigh(a.view()).unwrap();
        assert!(values.windows(2).into_iter().all(|w| w[0] <= w[1]));
        let scaled = &vectors * &values;
        assert!(close(&scaled.dot(&vectors.t()), &a, 1e-12));
        let mut broken = a;
        broken[(3, 2)] = f64::NAN;
        assert!(eigh(broken.view()).is_none());
        assert!(eigh(numbers(3, 4, 1).view()).is_none());
    }

    #[test]
    fn triangles_rebuild_the_matrix() {
        for n in [1, 5, 64, 130] {
            let a = numbers(2 * n, n, 7);
            let mut gram = Array2::eye(n);
            add_gram(a.slice(s![..n, ..]), &mut gram);
            add_gram(a.slice(s![n.., ..]), &mut gram);
            let mut expected = a.t().dot(&a);
            expected.diag_mut().map_inplace(|v| *v += 1.0);
            assert!((0..n).all(|r| (0..=r).all(|c| (gram[(r, c)] - expected[(r, c)]).abs() < 1e-12)));
            let l = cholesky(gram.view()).unwrap();
            assert!(close(&l.dot(&l.t()), &expected, 1e-11));
            assert!(close(&lower_inverse(l.view()).unwrap().dot(&l), &Array2::eye(n), 1e-11));
        }
    }

    #[test]
    fn what_has_no_root_has_no_cholesky() {
        assert!(cholesky(Array2::from_diag(&ndarray::array![1.0, -1.0]).view()).is_none());
        assert!(cholesky(Array2::from_diag(&ndarray::array![1.0, f64::NAN]).view()).is_none());
        assert!(cholesky(numbers(2, 3, 1).view()).is_none());
        assert!(lower_inverse(numbers(2, 3, 1).view()).is_none());
    }
}
