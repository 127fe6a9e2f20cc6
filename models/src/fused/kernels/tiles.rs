//! Products in half precision on tensor cores, with what follows them.
#![expect(unsafe_code, reason = "a square that is filled as soon as it is made")]
#![allow(clippy::needless_range_loop, reason = "CubeCL translates loops over indices, not over iterators")]

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::Activation;
use super::products::finished;

/// Side of the squares that tensor cores multiply.
pub(in super::super) const SIDE: usize = 16;
/// Values at the end of each row in shared memory, so that rows begin at different banks.
pub(in super::super) const GAP: usize = 8;
/// Values of a vector that is written.
pub(in super::super) const WRITTEN: usize = 4;

/// How a workgroup makes its part of a product: a plane makes rows and columns of `squares` of its sums, and there are rows and
/// columns of `planes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct Tiles {
    pub(in super::super) planes: (usize, usize),
    pub(in super::super) squares: (usize, usize),
    /// Of the depth, values that are in shared memory at once; there are two such parts.
    pub(in super::super) depth: usize,
}

impl Tiles {
    /// Rows that a workgroup makes.
    pub(in super::super) const fn rows(self) -> usize {
        self.planes.0 * self.squares.0 * SIDE
    }

    /// Columns that a workgroup makes.
    pub(in super::super) const fn columns(self) -> usize {
        self.planes.1 * self.squares.1 * SIDE
    }

    /// Planes of a workgroup.
    pub(in super::super) const fn planes(self) -> usize {
        self.planes.0 * self.planes.1
    }
}

/// How values get to where tensor cores read them: vectors of 16 bytes are the fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct Moved {
    /// Values of a vector.
    pub(in super::super) lanes: usize,
    /// Values of each of its elements: two where a vector has four elements at most, and pairs are moved.
    pub(in super::super) packed: usize,
}

/// `out = activation(x · weight + bias)`, plus `residual` where there is one; `depth` and `width` in values.
///
/// While the planes multiply one part of the depth, the next one is on its way from memory to registers.
#[cube(launch_unchecked)]
pub(in super::super) fn dense_by_tiles<E: Numeric, W: Size, F: Float, N: Size>(
    x: &[Vector<E, W>],
    weight: &[Vector<E, W>],
    bias: &[Vector<F, N>],
    residual: ComptimeOption<&[Vector<F, N>]>,
    out: &mut [Vector<F, N>],
    rows: usize,
    depth: usize,
    width: usize,
    #[comptime] tiles: Tiles,
    #[comptime] moved: Moved,
    #[comptime] plane: usize,
    #[comptime] activation: Activation,
    #[define(E)] _carrier: ElemType,
    #[define(F)] _element: ElemType,
) {
    let lanes = comptime!(moved.lanes);
    let threads = comptime!(tiles.planes() * plane);
    let (deep, wide) = comptime!((tiles.depth / lanes, tiles.columns() / lanes));
    let (x_stride, w_stride) = comptime!((deep + GAP / lanes, wide + GAP / lanes));
    let (x_part, w_part) = comptime!((tiles.rows() * x_stride, tiles.depth * w_stride));
    let (x_reads, w_reads) = comptime!((tiles.rows() * deep / threads, tiles.depth * wide / threads));
    let mut x_shared = Shared::<[Vector<E, W>]>::new_slice(comptime!(2 * x_part));
    let mut w_shared = Shared::<[Vector<E, W>]>::new_slice(comptime!(2 * w_part));
    let mut x_next = Array::<Vector<E, W>>::new(x_reads);
    let mut w_next = Array::<Vector<E, W>>::new(w_reads);

    let own_plane = UNIT_POS_Y as usize;
    let lane = UNIT_POS_X as usize;
    let thread = own_plane * plane + lane;
    let top = (CUBE_POS_Y + CUBE_POS_Z * CUBE_COUNT_Y) as usize * comptime!(tiles.rows());
    let left = CUBE_POS_X as usize * comptime!(tiles.columns());
    let (own_row, own_column) = (own_plane / tiles.planes.1, own_plane % tiles.planes.1);
    let zero = Vector::<E, W>::new(E::from_int(0));

    let mut sums = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for _ in 0..comptime!(tiles.squares.0 * tiles.squares.1) {
        sums.push(no_sums());
    }

    let parts = depth.div_ceil(tiles.depth);
    for part in 0..parts + 1 {
        // The part before is multiplied while this one is read.
        if part < parts {
            let first = part * deep;
            #[unroll]
            for i in 0..x_reads {
                let at = thread + i * threads;
                let (row, k) = (top + at / deep, first + at % deep);
                // Rows past the end repeat the last one; they are not written.
                x_next[i] = if k < depth / lanes { x[min(row, rows - 1) * (depth / lanes) + k] } else { zero };
            }
            #[unroll]
            for i in 0..w_reads {
                let at = thread + i * threads;
                let (k, column) = (part * tiles.depth + at / wide, left / lanes + at % wide);
                let columns = width / lanes;
                w_next[i] = if k < depth { weight[k * columns + min(column, columns - 1)] } else { zero };
            }
        }
        if part > 0 {
            let half = (part - 1) % 2;
            let x_own = half * x_part + own_row * comptime!(tiles.squares.0 * SIDE * x_stride);
            let w_own = half * w_part + own_column * comptime!(tiles.squares.1 * SIDE / lanes);
            #[unroll]
            for k in 0..comptime!(tiles.depth / SIDE) {
                let mut lefts = Sequence::<cmma::Matrix<F>>::new();
                #[unroll]
                for m in 0..tiles.squares.0 {
                    let at = x_own + comptime!(m * SIDE * x_stride + k * SIDE / lanes);
                    lefts.push(square::<E, W, F>(
                        &x_shared[at..comptime!(2 * x_part)],
                        comptime!(cmma::MatrixIdent::A),
                        comptime!(cmma::MatrixLayout::RowMajor),
                        x_stride,
                        moved,
                    ));
                }
                #[unroll]
                for n in 0..tiles.squares.1 {
                    let at = w_own + comptime!(k * SIDE * w_stride + n * SIDE / lanes);
                    let right = square::<E, W, F>(
                        &w_shared[at..comptime!(2 * w_part)],
                        comptime!(cmma::MatrixIdent::B),
                        comptime!(cmma::MatrixLayout::RowMajor),
                        w_stride,
                        moved,
                    );
                    #[unroll]
                    for m in 0..tiles.squares.0 {
                        let sum = sums.index(comptime!(m * tiles.squares.1 + n));
                        cmma::execute(lefts.index(m), &right, sum, sum);
                    }
                }
            }
        }
        if part < parts {
            let half = part % 2;
            #[unroll]
            for i in 0..x_reads {
                let at = thread + i * threads;
                x_shared[half * x_part + at / deep * x_stride + at % deep] = x_next[i];
            }
            #[unroll]
            for i in 0..w_reads {
                let at = thread + i * threads;
                w_shared[half * w_part + at / wide * w_stride + at % wide] = w_next[i];
            }
        }
        sync_cube();
    }

    // A square of sums at a time goes through shared memory, where every thread knows which value is where.
    let side = comptime!(SIDE / WRITTEN);
    let stride = comptime!(side + 1);
    let mut patches = Shared::<[Vector<f32, N>]>::new_slice(comptime!(tiles.planes() * SIDE * stride));
    let patch = own_plane * comptime!(SIDE * stride);
    let first_row = top + own_row * comptime!(tiles.squares.0 * SIDE);
    let first_column = left / WRITTEN + own_column * comptime!(tiles.squares.1 * side);
    let columns = width / WRITTEN;
    #[unroll]
    for m in 0..tiles.squares.0 {
        #[unroll]
        for n in 0..tiles.squares.1 {
            cmma::store(
                &mut patches[patch..comptime!(tiles.planes() * SIDE * stride)],
                sums.index(comptime!(m * tiles.squares.1 + n)),
                comptime!((stride * WRITTEN) as u32),
                cmma::MatrixLayout::RowMajor,
            );
            sync_plane();
            #[unroll]
            for i in 0..comptime!(SIDE * side / plane) {
                let at = lane + i * plane;
                let row = first_row + comptime!(m * SIDE) + at / side;
                let column = first_column + comptime!(n * side) + at % side;
                if row < rows && column < columns {
                    let sum = patches[patch + at / side * stride + at % side] + Vector::cast_from(bias[column]);
                    let to = row * columns + column;
                    out[to] = finished::<F, N>(sum, &residual, to, activation);
                }
            }
            sync_plane();
        }
    }
}

/// A square of sums that are zero.
#[cube]
pub(in super::super) fn no_sums() -> cmma::Matrix<f32> {
    cmma::Matrix::<f32>::from_value(
        cmma::MatrixIdent::Accumulator,
        SIDE,
        SIDE,
        SIDE,
        cmma::MatrixLayout::Undefined,
        0.0f32,
    )
}

/// A square of what is multiplied, from the beginning of `values`, whose rows are `stride` vectors apart.
#[cube]
pub(in super::super) fn square<E: Numeric, W: Size, F: Float>(
    values: &[Vector<E, W>],
    #[comptime] ident: cmma::MatrixIdent,
    #[comptime] layout: cmma::MatrixLayout,
    #[comptime] stride: usize,
    #[comptime] moved: Moved,
) -> cmma::Matrix<F> {
    // SAFETY: it is filled by the next line.
    let mut square = unsafe { cmma::Matrix::<F>::uninitialized(ident, SIDE, SIDE, SIDE, layout) };
    cmma::load(&mut square, values, comptime!((stride * moved.lanes / moved.packed) as u32));
    square
}
