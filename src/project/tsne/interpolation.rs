//! Repulsion by interpolation: charges on a grid, one convolution, forces read back.
//!
//! The idea is FIt-SNE's (Linderman, Rachh, Hoskins, Steinerberger, Kluger, *Fast interpolation-based t-SNE for
//! improved visualization of single-cell RNA-seq data*, Nature Methods 2019): replace the kernel between points by an
//! interpolation of the kernel between the nodes of a uniform grid, where a convolution by FFT sums it. Two things
//! are done differently here, both cheaper and more exact:
//!
//! - cubic B-splines instead of Lagrange polynomials box by box. They are smooth over the whole plane, and their
//!   inverse filter is one more factor on the kernel's spectrum.
//! - the force kernel `d / (1 + d^2)^2` is convolved as it stands, both components in one complex transform, and `Z`
//!   is summed in the frequency domain: one real transform there and one complex transform back, against four each.

use super::fft::{LANES, Lanes};
use super::grid::{BORDER, Grid};
use rayon::prelude::*;

/// Rows of charges that one transform holds: two real signals a lane.
const ROWS: usize = 2 * LANES;
/// Points whose forces one task reads.
const POINTS_PER_TASK: usize = 1024;

/// Grid and buffers, kept from one iteration to the next.
#[derive(Debug, Default)]
pub(crate) struct Interpolation {
    grid: Option<Grid>,
    charges: Vec<f32>,
    /// Rows transformed along x: by 32 rows, `k_x` in `0..=nodes`, even and odd rows.
    rows: Vec<[Lanes; 2]>,
    /// Forces transformed back along y: by 16 `k_x`, all rows of `k_x`, then all rows of `-k_x`.
    columns: Vec<Lanes>,
    /// Forces at the nodes, row after row.
    nodes: Vec<[f32; 2]>,
}

impl Interpolation {
    /// As [`super::exact::ExactRepulsion::forces`], approximately.
    pub(crate) fn forces(&mut self, points: &[[f32; 2]], forces: &mut [[f32; 2]]) -> f64 {
        let (origin, span) = bounds(points);
        let shape = Grid::shape(span);
        let grid = match self.grid.take() {
            Some(grid) if (grid.nodes, grid.spacing) == shape => grid,
            _ => Grid::new(shape),
        };
        let place = Place { origin, scale: 1.0 / grid.spacing, side: grid.nodes };
        place.spread(points, &mut self.charges);
        let z = self.convolve(&grid);
        let nodes = &self.nodes;
        let tasks = points.par_chunks(POINTS_PER_TASK).zip(forces.par_chunks_mut(POINTS_PER_TASK));
        tasks.for_each(|(points, forces)| place.read(points, nodes, forces));
        let own = points.len() as f64 * grid.self_effect;
        self.grid = Some(grid);
        z - own
    }

    /// `nodes = kernel * charges`; returns the sum of `q` over all pairs of charges, each with itself included.
    fn convolve(&mut self, grid: &Grid) -> f64 {
        let (side, len) = (grid.nodes, grid.fft.len());
        self.rows.resize(side / ROWS * (side + 1), [Lanes::ZERO; 2]);
        self.columns.resize(grid.column_blocks() * 2 * side, Lanes::ZERO);
        self.nodes.resize(side * side, [0.0; 2]);
        let buffers = || [(); 3].map(|()| vec![Lanes::ZERO; len]);
        self.rows
            .par_chunks_mut(side + 1)
            .zip(self.charges.par_chunks(ROWS * side))
            .for_each_init(buffers, |buffers, (out, charges)| transform_rows(grid, charges, buffers, out));
        let rows = &self.rows;
        let sums: Vec<f64> = self
            .columns
            .par_chunks_mut(2 * side)
            .enumerate()
            .map_init(buffers, |buffers, (block, out)| multiply_columns(grid, rows, block, buffers, out))
            .collect();
        let columns = &self.columns;
        self.nodes
            .par_chunks_mut(LANES * side)
            .enumerate()
            .for_each_init(buffers, |buffers, (block, out)| restore_rows(grid, columns, block, buffers, out));
        sums.iter().sum()
    }
}

/// The lower corner of the points' bounding square, and its side.
fn bounds(points: &[[f32; 2]]) -> ([f32; 2], f32) {
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for point in points {
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    (low, (high[0] - low[0]).max(high[1] - low[1]))
}

/// Where points lie on the grid.
struct Place {
    origin: [f32; 2],
    scale: f32,
    side: usize,
}

impl Place {
    /// The first of the four nodes along `axis` that a point touches, and their weights.
    #[inline(always)]
    fn weights(&self, point: [f32; 2], axis: usize) -> (usize, [f32; 4]) {
        let u = (point[axis] - self.origin[axis]) * self.scale;
        let cell = (u as usize).min(self.side - 2 * BORDER);
        let t = u - cell as f32;
        let s = 1.0 - t;
        let inner = |t: f32| (4.0 - t * t * (6.0 - 3.0 * t)) * (1.0 / 6.0);
        (cell + BORDER - 1, [s * s * s * (1.0 / 6.0), inner(t), inner(s), t * t * t * (1.0 / 6.0)])
    }

    /// Adds one charge for every point.
    fn spread(&self, points: &[[f32; 2]], charges: &mut Vec<f32>) {
        charges.clear();
        charges.resize(self.side * self.side, 0.0);
        for &point in points {
            let ((column, wx), (row, wy)) = (self.weights(point, 0), self.weights(point, 1));
            for (r, wy) in wy.into_iter().enumerate() {
                let start = (row + r) * self.side + column;
                for (charge, wx) in charges[start..start + 4].iter_mut().zip(wx) {
                    *charge += wx * wy;
                }
            }
        }
    }

    /// Interpolates the forces at the nodes.
    fn read(&self, points: &[[f32; 2]], nodes: &[[f32; 2]], forces: &mut [[f32; 2]]) {
        for (&point, force) in points.iter().zip(forces) {
            let ((column, wx), (row, wy)) = (self.weights(point, 0), self.weights(point, 1));
            let mut sum = [[0.0f32; 2]; 4];
            for (r, wy) in wy.into_iter().enumerate() {
                let start = (row + r) * self.side + column;
                for (sum, node) in sum.iter_mut().zip(&nodes[start..start + 4]) {
                    sum[0] += wy * node[0];
                    sum[1] += wy * node[1];
                }
            }
            *force = [0, 1].map(|axis| (0..4).map(|c| wx[c] * sum[c][axis]).sum());
        }
    }
}

/// Transforms 32 rows of charges along x: two rows as one complex signal, told apart by symmetry.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn transform_rows(grid: &Grid, charges: &[f32], buffers: &mut [Vec<Lanes>; 3], out: &mut [[Lanes; 2]]) {
    let (side, len) = (grid.nodes, grid.fft.len());
    let [data, scratch, _] = buffers;
    for (l, pair) in charges.chunks_exact(2 * side).enumerate() {
        let (even, odd) = pair.split_at(side);
        for ((lanes, even), odd) in data.iter_mut().zip(even).zip(odd) {
            lanes.re[l] = *even;
            lanes.im[l] = *odd;
        }
    }
    data[side..].fill(Lanes::ZERO);
    grid.fft.forward(data, scratch);
    for (k, [even, odd]) in out.iter_mut().enumerate() {
        let (plus, minus) = (&data[k], &data[(len - k) % len]);
        for l in 0..LANES {
            even.re[l] = 0.5 * (plus.re[l] + minus.re[l]);
            even.im[l] = 0.5 * (plus.im[l] - minus.im[l]);
            odd.re[l] = 0.5 * (plus.im[l] + minus.im[l]);
            odd.im[l] = 0.5 * (minus.re[l] - plus.re[l]);
        }
    }
}

/// Transforms sixteen columns along y, multiplies by the kernels and transforms the forces back along y.
///
/// Forces are kept with real and imaginary parts exchanged: a forward transform of that is the inverse one.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn multiply_columns(
    grid: &Grid,
    rows: &[[Lanes; 2]],
    block: usize,
    buffers: &mut [Vec<Lanes>; 3],
    out: &mut [Lanes],
) -> f64 {
    let (side, len) = (grid.nodes, grid.fft.len());
    let [data, scratch, mirrored] = buffers;
    for (group, rows) in rows.chunks_exact(side + 1).enumerate() {
        let target = &mut data[group * ROWS..(group + 1) * ROWS];
        for l in 0..LANES {
            match rows.get(block * LANES + l) {
                Some([even, odd]) => {
                    for (j, pair) in target.chunks_exact_mut(2).enumerate() {
                        (pair[0].re[l], pair[0].im[l]) = (even.re[j], even.im[j]);
                        (pair[1].re[l], pair[1].im[l]) = (odd.re[j], odd.im[j]);
                    }
                }
                None => target.iter_mut().for_each(|lanes| (lanes.re[l], lanes.im[l]) = (0.0, 0.0)),
            }
        }
    }
    data[side..].fill(Lanes::ZERO);
    grid.fft.forward(data, scratch);
    let kernel = &grid.kernel[block * (side + 1)..(block + 1) * (side + 1)];
    let mut sums = [0.0f64; LANES];
    for ky in 0..len {
        let (kernel, sign) = if ky <= side { (&kernel[ky], 1.0) } else { (&kernel[len - ky], -1.0) };
        let (w, v) = (&data[ky], &data[(len - ky) % len]);
        for (l, sum) in sums.iter_mut().enumerate() {
            let (a, b) = (kernel.a[l], sign * kernel.b[l]);
            *sum += f64::from(kernel.q[l] * (w.re[l] * w.re[l] + w.im[l] * w.im[l]));
            scratch[ky].im[l] = -w.re[l] * b - w.im[l] * a;
            scratch[ky].re[l] = w.re[l] * a - w.im[l] * b;
            // at -k_x: the charges' spectrum is the conjugate one at -k_y, and a changes its sign
            mirrored[ky].im[l] = -v.re[l] * b - v.im[l] * a;
            mirrored[ky].re[l] = v.im[l] * b - v.re[l] * a;
        }
    }
    let (plus, minus) = out.split_at_mut(side);
    grid.fft.forward(scratch, data);
    plus.copy_from_slice(&scratch[..side]);
    grid.fft.forward(mirrored, data);
    minus.copy_from_slice(&mirrored[..side]);
    // columns 0 and `side` are their own mirror images, all others count twice
    (0..LANES).map(|l| if (block * LANES + l).is_multiple_of(side) { sums[l] } else { 2.0 * sums[l] }).sum()
}

/// Transforms the forces on sixteen rows of nodes back along x.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn restore_rows(grid: &Grid, columns: &[Lanes], block: usize, buffers: &mut [Vec<Lanes>; 3], out: &mut [[f32; 2]]) {
    let (side, len) = (grid.nodes, grid.fft.len());
    let [data, scratch, _] = buffers;
    let rows = block * LANES..(block + 1) * LANES;
    for (group, columns) in columns.chunks_exact(2 * side).enumerate() {
        let (plus, minus) = columns.split_at(side);
        let first = group * LANES;
        for (j, (plus, minus)) in plus[rows.clone()].iter().zip(&minus[rows.clone()]).enumerate() {
            for l in 0..LANES.min(side + 1 - first) {
                let k = first + l;
                (data[k].re[j], data[k].im[j]) = (plus.re[l], plus.im[l]);
                if k > 0 && k < side {
                    (data[len - k].re[j], data[len - k].im[j]) = (minus.re[l], minus.im[l]);
                }
            }
        }
    }
    grid.fft.forward(data, scratch);
    for (j, row) in out.chunks_exact_mut(side).enumerate() {
        for (node, lanes) in row.iter_mut().zip(data.iter()) {
            *node = [lanes.im[j], lanes.re[j]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::exact::ExactRepulsion;
    use super::*;

    fn spiral(n: usize, span: f32) -> Vec<[f32; 2]> {
        (0..n)
            .map(|i| {
                let (angle, radius) = (i as f32 * 2.399_963, 0.5 * span * (i as f32 / n as f32).sqrt());
                let noise = ((i * 7919) % 1013) as f32 / 1013.0;
                [radius * angle.cos() + 0.3 * noise * span / 40.0, radius * angle.sin()]
            })
            .collect()
    }

    #[test]
    fn forces_and_normaliser_agree_with_the_exact_ones() {
        let (mut exact, mut interpolation) = (ExactRepulsion::default(), Interpolation::default());
        for (n, span) in [(300, 1e-3), (300, 0.1), (1000, 3.0), (1000, 20.0), (2000, 60.0), (2500, 150.0)] {
            let points = spiral(n, span);
            let (mut expected, mut found) = (vec![[0.0; 2]; n], vec![[0.0; 2]; n]);
            let z = exact.forces(&points, &mut expected);
            let z_found = interpolation.forces(&points, &mut found);
            let norm = |f: &[[f32; 2]]| f.iter().flatten().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            let difference: Vec<[f32; 2]> =
                expected.iter().zip(&found).map(|(a, b)| [a[0] - b[0], a[1] - b[1]]).collect();
            let error = norm(&difference) / norm(&expected);
            println!("n {n} span {span}: force error {error:.2e}, Z error {:.2e}", z_found / z - 1.0);
            assert!(error < 1e-2, "n {n} span {span}: force error {error:e}");
            assert!((z_found / z - 1.0).abs() < 1e-3, "n {n} span {span}: {z_found} for {z}");
        }
    }
}
