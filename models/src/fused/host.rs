//! The fused layers on the processor, by the kernels of [`cpu`](crate::cpu): Burn's flex backend makes every bias,
//! activation and norm a pass of its own over memory, and has no fast filters of single channels.
//!
//! Rows go through a product block by block: a block is laid out as [planes](crate::cpu::lanes), multiplied by weights that
//! were packed when they were loaded, and written back as rows with all that follows while it is in the cache. A spatial
//! convolution is the same with a row made of a pixel's neighbours. Results depend neither on the batch nor on the number of
//! threads.

mod attention;
mod depthwise;
mod elementwise;

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::kernels::Activation;
use super::launch::Window;
use crate::cpu::gemm::{self, After, Linear, Rows};
use crate::cpu::lanes::{LANES, Lanes, planes_of};

pub(super) use attention::{Mixed, attention};
pub(super) use depthwise::depthwise;
use elementwise::activate;
pub(super) use elementwise::normalize_rows;

/// Rows that a kernel multiplies at a time.
const TILE: usize = 14;
/// Rows of a block at most: with 3,072 columns they are 1.4 MB.
const BLOCK: usize = 8 * TILE;

/// Weights packed for the processor; a clone is the same weights.
#[derive(Clone, Debug)]
pub(super) struct Packed(Arc<Linear>);

impl Packed {
    /// From PyTorch's `[output, input]`; the bias is added by the layer.
    pub(super) fn new(weight: &[f32], bias: &[f32], input: usize) -> Self {
        Self(Arc::new(Linear::new(weight, bias, input)))
    }

    /// The weights of one output.
    pub(super) fn output(&self, output: usize) -> Vec<f32> {
        self.0.output(output)
    }
}

/// The values of a tensor in the order of its extents; no copy where nobody else holds it.
pub(super) fn read<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec().unwrap_or_else(|e| panic!("flex computes in f32: {e:?}"))
}

/// A tensor of values.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Where the rows of a product come from.
trait Source: Sync {
    /// Rows `first..first + count` as planes `[inner / 16][count][16]`, which are zero where there is no row.
    fn planes(&self, first: usize, count: usize, planes: &mut [Lanes]);
}

/// Rows as they are.
struct Matrix<'a> {
    values: &'a [f32],
    columns: usize,
}

impl Source for Matrix<'_> {
    fn planes(&self, first: usize, count: usize, planes: &mut [Lanes]) {
        let rows = self.values[first * self.columns..][..count * self.columns].chunks_exact(self.columns);
        rows.enumerate().for_each(|(r, row)| put(row, r, count, planes));
    }
}

/// A row in its place among `count`.
fn put(row: &[f32], r: usize, count: usize, planes: &mut [Lanes]) {
    let (whole, rest) = row.as_chunks::<LANES>();
    for (lanes, part) in planes[r..].iter_mut().step_by(count).zip(whole) {
        lanes.0 = *part;
    }
    if !rest.is_empty() {
        planes[whole.len() * count + r].0[..rest.len()].copy_from_slice(rest);
    }
}

/// A pixel's neighbours, tap by tap.
struct Neighbours<'a> {
    pixels: &'a [f32],
    extents: [usize; 4],
    window: Window,
}

impl Source for Neighbours<'_> {
    fn planes(&self, first: usize, count: usize, planes: &mut [Lanes]) {
        let [_, height, width, channels] = self.extents;
        let Window { kernel, stride, .. } = self.window;
        let (down, across) = (self.window.output(height), self.window.output(width));
        let (top, left) = (self.window.padding(height).0, self.window.padding(width).0);
        let mut row = vec![0.0; kernel * kernel * channels];
        for r in 0..count {
            let (x, y, picture) = ((first + r) % across, (first + r) / across % down, (first + r) / across / down);
            for (tap, cell) in row.chunks_exact_mut(channels).enumerate() {
                let line = (y * stride + tap / kernel).checked_sub(top).filter(|line| *line < height);
                let column = (x * stride + tap % kernel).checked_sub(left).filter(|column| *column < width);
                match line.zip(column) {
                    Some((line, column)) => {
                        let at = ((picture * height + line) * width + column) * channels;
                        cell.copy_from_slice(&self.pixels[at..at + channels]);
                    }
                    None => cell.fill(0.0),
                }
            }
            put(&row, r, count, planes);
        }
    }
}

/// What happens to a product before it is written.
#[derive(Clone, Copy)]
struct Behind<'a> {
    residual: Option<&'a [f32]>,
    then: Activation,
}

/// `activation(x · weight + bias)`, or that onto a residual; `x` `[rows, input]`, `[rows, output]` comes out.
pub(super) fn dense(
    x: &[f32],
    weights: &Packed,
    [input, output]: [usize; 2],
    residual: Option<&[f32]>,
    then: Activation,
) -> Vec<f32> {
    product(&Matrix { values: x, columns: input }, x.len() / input, weights, [input, output], Behind { residual, then })
}

/// A convolution and activation; `x` `[n, height, width, channels]`.
pub(super) fn convolution(
    x: &[f32],
    extents: [usize; 4],
    weights: &Packed,
    output: usize,
    window: Window,
    then: Activation,
) -> Vec<f32> {
    let [n, height, width, channels] = extents;
    let inner = window.kernel * window.kernel * channels;
    let rows = n * window.output(height) * window.output(width);
    product(&Neighbours { pixels: x, extents, window }, rows, weights, [inner, output], Behind { residual: None, then })
}

fn product(
    source: &dyn Source,
    rows: usize,
    weights: &Packed,
    [inner, output]: [usize; 2],
    behind: Behind<'_>,
) -> Vec<f32> {
    let threads = rayon::current_num_threads();
    let mut out = vec![0.0; rows * output];
    if rows < 2 * TILE * threads {
        let mut input = vec![Lanes::ZERO; planes_of(inner) * rows];
        source.planes(0, rows, &mut input);
        wide(&input, rows, &weights.0, output, behind, &mut out);
        return out;
    }
    // As many blocks as keep every thread busy.
    let block = rows.div_ceil(4 * threads).next_multiple_of(TILE).min(BLOCK);
    let part = |(input, planes): &mut (Vec<Lanes>, Vec<Lanes>), (b, out): (usize, &mut [f32])| {
        let (first, count) = (b * block, out.len() / output);
        input.clear();
        input.resize(planes_of(inner) * count, Lanes::ZERO);
        source.planes(first, count, input);
        planes.resize(2 * count, Lanes::ZERO);
        let residual = behind.residual.map(|residual| &residual[first * output..][..out.len()]);
        for pair in 0..weights.0.planes().div_ceil(2) {
            let wanted = (weights.0.planes() - 2 * pair).min(2);
            let planes = &mut planes[..wanted * count];
            multiply(input, count, &weights.0, pair, planes, behind.then);
            write(planes, pair, residual, output, out);
        }
    };
    let scratch = || (Vec::new(), Vec::new());
    out.par_chunks_mut(block * output).enumerate().for_each_init(scratch, part);
    out
}

/// Few rows: the threads share the columns.
fn wide(input: &[Lanes], rows: usize, weights: &Linear, output: usize, behind: Behind<'_>, out: &mut [f32]) {
    let mut planes = vec![Lanes::ZERO; weights.planes() * rows];
    let each = |(pair, planes): (usize, &mut [Lanes])| multiply(input, rows, weights, pair, planes, behind.then);
    planes.par_chunks_mut((2 * rows).max(1)).enumerate().for_each(each);
    for (pair, planes) in planes.chunks((2 * rows).max(1)).enumerate() {
        write(planes, pair, behind.residual, output, out);
    }
}

/// Planes `2 * pair` and the next, if there is one, of a product and its activation.
fn multiply(input: &[Lanes], rows: usize, weights: &Linear, pair: usize, planes: &mut [Lanes], then: Activation) {
    let input = Rows { data: input, stride: rows, start: 0 };
    let mut parts: Vec<&mut [Lanes]> = planes.chunks_mut(rows).collect();
    weights.planes_into(2 * pair, input, rows, After::activation(gemm::Activation::None), &mut parts);
    activate(planes, then);
}

/// Planes `2 * pair` and the next into their columns of `out`, onto the residual.
fn write(planes: &[Lanes], pair: usize, residual: Option<&[f32]>, output: usize, out: &mut [f32]) {
    let rows = out.len() / output;
    for (p, plane) in planes.chunks_exact(rows).enumerate() {
        let first = (2 * pair + p) * LANES;
        let columns = LANES.min(output - first);
        for (r, lanes) in plane.iter().enumerate() {
            let cell = &mut out[r * output + first..][..columns];
            cell.copy_from_slice(&lanes.0[..columns]);
            if let Some(residual) = residual {
                cell.iter_mut().zip(&residual[r * output + first..]).for_each(|(to, from)| *to += from);
            }
        }
    }
}

#[cfg(test)]
mod tests;
