//! Depthwise convolution of one plane (16 channels) with bias and activation, 3x3 or 5x5, stride 1 or 2.
//!
//! Input is a *frame*: the lines of a picture with room for the padding around them, zero there. TensorFlow's "SAME"
//! padding is asymmetric: an output of `ceil(n / stride)` needs `(out - 1) * stride + kernel - n` extra lines, half of
//! them, rounded down, before the first (<https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2>).
//! PyTorch's is half the kernel, whatever the stride.

use super::activation::Activation;
use super::lanes::{BASE_FMA, Lanes, NARROW, planes_of};
use super::narrow;
use crate::fused::Window;

/// Weights `[channels / 16][kernel * kernel][16]` and bias of a depthwise convolution.
pub(crate) struct Depthwise {
    weights: Vec<Lanes>,
    bias: Vec<Lanes>,
    pub(crate) window: Window,
    activation: Activation,
}

impl Depthwise {
    /// Packs `weight`, `[channels, 1, kernel, kernel]` row-major as PyTorch stores it.
    ///
    /// # Panics
    /// When the kernel is not 3 or 5 or the stride is not 1 or 2.
    pub(crate) fn new(weight: &[f32], bias: &[f32], window: Window, activation: Activation) -> Self {
        let Window { kernel, stride, .. } = window;
        assert!(matches!((kernel, stride), (3 | 5, 1 | 2)), "kernel {kernel}, stride {stride}");
        let taps = kernel * kernel;
        let mut weights = vec![Lanes::ZERO; planes_of(bias.len()) * taps];
        for (c, filter) in weight.chunks_exact(taps).enumerate() {
            for (t, &w) in filter.iter().enumerate() {
                weights[c / 16 * taps + t].0[c % 16] = w;
            }
        }
        Self { weights, bias: super::lanes::to_planes(bias, bias.len()), window, activation }
    }

    /// Planes of input and output.
    pub(crate) fn planes(&self) -> usize {
        self.bias.len()
    }

    /// Plane `plane` of the output, `out.len() / width` lines of `width`, from a frame with lines of `pitch`.
    pub(crate) fn plane_into(&self, plane: usize, frame: &[Lanes], pitch: usize, width: usize, out: &mut [Lanes]) {
        let Window { kernel, stride, .. } = self.window;
        let taps = kernel * kernel;
        let weights = &self.weights[plane * taps..][..taps];
        let filter = Filter { weights, bias: self.bias[plane], pitch, activation: self.activation };
        match (kernel, stride) {
            (3, 1) => lines_3x3(&filter, frame, width, out),
            (3, _) => lines_3x3_by_2(&filter, frame, width, out),
            (_, 1) => lines_5x5(&filter, frame, width, out),
            (_, _) => lines_5x5_by_2(&filter, frame, width, out),
        }
    }
}

struct Filter<'a> {
    weights: &'a [Lanes],
    bias: Lanes,
    pitch: usize,
    activation: Activation,
}

/// One multiversioned function a shape; the last number is the input pixels under 14, 4 and 2 outputs in a line.
macro_rules! lines {
    ($name:ident, $k:literal, $s:literal, $wide:literal, $middle:literal, $narrow:literal) => {
        #[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
        fn $name(filter: &Filter<'_>, frame: &[Lanes], width: usize, out: &mut [Lanes]) {
            multiversion::target::match_target! {
                "x86_64+avx512f" => match width {
                    14.. => lines::<true, $k, $s, 14, $wide>(filter, frame, width, out),
                    4.. => lines::<true, $k, $s, 4, $middle>(filter, frame, width, out),
                    _ => lines::<true, $k, $s, 1, $k>(filter, frame, width, out),
                },
                "x86_64+avx2+fma" => match width {
                    4.. => lines::<true, $k, $s, 4, $middle>(filter, frame, width, out),
                    _ => lines::<true, $k, $s, 1, $k>(filter, frame, width, out),
                },
                _ => match width {
                    // A picture of 224 pixels leaves lines of 112, 56, 28, 14 and 7.
                    7.. if NARROW => quarters::<$k, $s, 7, { 6 * $s + $k }>(filter, frame, width, out),
                    2.. => lines::<BASE_FMA, $k, $s, 2, $narrow>(filter, frame, width, out),
                    _ => lines::<BASE_FMA, $k, $s, 1, $k>(filter, frame, width, out),
                },
            }
        }
    };
}
lines!(lines_3x3, 3, 1, 16, 6, 4);
lines!(lines_3x3_by_2, 3, 2, 29, 9, 5);
lines!(lines_5x5, 5, 1, 18, 8, 6);
lines!(lines_5x5_by_2, 5, 2, 31, 11, 7);

/// `X` outputs at a time, from `SPAN = (X - 1) S + K` pixels of each of `K` lines; they overlap at the end of a line.
#[inline(always)]
fn lines<const FMA: bool, const K: usize, const S: usize, const X: usize, const SPAN: usize>(
    filter: &Filter<'_>,
    frame: &[Lanes],
    width: usize,
    out: &mut [Lanes],
) {
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        let mut column = 0;
        while column < width {
            let x = column.min(width - X);
            if let Some(to) = out[x..].first_chunk_mut::<X>() {
                span::<FMA, K, S, X, SPAN>(filter, &frame[y * S * filter.pitch + x * S..], to);
            }
            column += X;
        }
    }
}

/// As [`lines`], by the spans for 128-bit registers.
#[inline(always)]
fn quarters<const K: usize, const S: usize, const X: usize, const SPAN: usize>(
    filter: &Filter<'_>,
    frame: &[Lanes],
    width: usize,
    out: &mut [Lanes],
) {
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        let mut column = 0;
        while column < width {
            let x = column.min(width - X);
            if let Some(to) = out[x..].first_chunk_mut::<X>() {
                let frame = &frame[y * S * filter.pitch + x * S..];
                let limits = filter.activation.limits();
                narrow::span::<K, S, X, SPAN>(filter.weights, &filter.bias, frame, filter.pitch, limits, to);
                filter.activation.bend::<false>(to);
            }
            column += X;
        }
    }
}

#[inline(always)]
fn span<const FMA: bool, const K: usize, const S: usize, const X: usize, const SPAN: usize>(
    filter: &Filter<'_>,
    frame: &[Lanes],
    to: &mut [Lanes; X],
) {
    // Written out for the same reason as in the matrix product: constant indices keep the sums in registers.
    macro_rules! each_output {
        (|$x:ident| $body:expr) => { each_output!($x $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13) };
        ($x:ident $body:expr; $($number:literal)*) => {
            $( if $number < X {
                const fn at(x: usize, outputs: usize) -> usize { if x < outputs { x } else { 0 } }
                let $x = const { at($number, X) };
                $body
            } )*
        };
    }
    let mut acc = [filter.bias; X];
    for (line, weights) in filter.weights.chunks_exact(K).enumerate() {
        let Some(pixels) = frame[line * filter.pitch..].first_chunk::<SPAN>() else { return };
        let Some(weights) = weights.first_chunk::<K>() else { return };
        for k in 0..K {
            each_output!(|x| acc[x].add_product::<FMA>(&pixels[x * S + k], &weights[k]));
        }
    }
    let limits = filter.activation.limits();
    each_output!(|x| {
        acc[x].limit(limits);
        to[x] = acc[x];
    });
    filter.activation.bend::<FMA>(to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::lanes::to_rows;
    use crate::cpu::reference::{Random, assert_close, conv, relu6};
    use crate::fused::Padding;

    /// A picture `[side][side][16]` in a zeroed frame.
    fn frame(x: &[f32], side: usize, window: Window) -> (Vec<Lanes>, usize, usize) {
        let Window { kernel, stride, .. } = window;
        let (out, before) = (window.output(side), window.padding(side).0);
        let pitch = ((out - 1) * stride + kernel).max(before + side);
        let mut frame = vec![Lanes::ZERO; pitch * pitch];
        for (i, lanes) in x.chunks_exact(16).enumerate() {
            frame[(i / side + before) * pitch + i % side + before].0.copy_from_slice(lanes);
        }
        (frame, pitch, out)
    }

    #[test]
    fn filters_are_those_of_f64() {
        let mut random = Random(1);
        let windows = [(3, 1), (3, 2), (5, 1), (5, 2)]
            .map(|(kernel, stride)| [Padding::Same, Padding::Even].map(|padding| Window { kernel, stride, padding }));
        for window in windows.into_iter().flatten() {
            let Window { kernel, stride, padding } = window;
            for side in [1, 2, 3, 4, 7, 14, 15, 29, 33] {
                let (x, weight) = (random.values(side * side * 16), random.values(16 * kernel * kernel));
                let bias = random.values(16);
                let (frame, pitch, width) = frame(&x, side, window);
                let x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
                let want = relu6(conv(&x, side, &weight, &bias, window, 16));
                let layer = Depthwise::new(&weight, &bias, window, Activation::Relu6);
                let (weights, bias, activation) = (&layer.weights, layer.bias[0], Activation::Relu6);
                let filter = Filter { weights, bias, pitch, activation };
                let mut out = vec![Lanes::ZERO; width * width];
                layer.plane_into(0, &frame, pitch, width, &mut out);
                let what = format!("{kernel} x {kernel} by {stride} on {side}, {padding:?}");
                assert_close(&to_rows(&out, width * width, 16), &want, 1e-6, &what);
                let narrow: fn(&Filter<'_>, &[Lanes], usize, &mut [Lanes]) = match (kernel, stride, width) {
                    (3, 1, 2..) => lines::<false, 3, 1, 2, 4>,
                    (3, 2, 2..) => lines::<false, 3, 2, 2, 5>,
                    (5, 1, 2..) => lines::<true, 5, 1, 2, 6>,
                    (5, 2, 2..) => lines::<true, 5, 2, 2, 7>,
                    _ => continue,
                };
                narrow(&filter, &frame, width, &mut out);
                assert_close(&to_rows(&out, width * width, 16), &want, 1e-6, &format!("narrow {what}"));
                type Lines = fn(&Filter<'_>, &[Lanes], usize, &mut [Lanes]);
                let (two, quarter): (Lines, Lines) = match (kernel, stride, width) {
                    (3, 1, 7..) => (lines::<false, 3, 1, 2, 4>, quarters::<3, 1, 7, 9>),
                    (3, 2, 7..) => (lines::<false, 3, 2, 2, 5>, quarters::<3, 2, 7, 15>),
                    (5, 1, 7..) => (lines::<false, 5, 1, 2, 6>, quarters::<5, 1, 7, 11>),
                    (5, 2, 7..) => (lines::<false, 5, 2, 2, 7>, quarters::<5, 2, 7, 17>),
                    _ => continue,
                };
                two(&filter, &frame, width, &mut out);
                let mut by_quarters = vec![Lanes::ZERO; width * width];
                quarter(&filter, &frame, width, &mut by_quarters);
                assert!(by_quarters == out, "quarters {what}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "kernel 7")]
    fn other_kernels_are_refused() {
        let window = Window { kernel: 7, stride: 1, padding: Padding::Even };
        Depthwise::new(&[0.0; 49], &[0.0], window, Activation::Relu);
    }
}
