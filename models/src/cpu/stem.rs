//! The first convolution: 3x3 or 7x7, stride 2, from RGB bytes, with normalisation, bias and activation fused in.

use super::activation::Activation;
use super::gemm::Place;
use super::lanes::{BASE_FMA, Lanes, planes_of, to_planes};
use crate::fused::Window;
use crate::preprocess::Levels;

const STRIDE: usize = 2;
const CHANNELS: usize = 3;

/// Weights `[outputs / 16][line][column, channel][16]` and bias.
pub(crate) struct Stem {
    weights: Vec<Lanes>,
    bias: Vec<Lanes>,
    window: Window,
    activation: Activation,
    levels: Levels,
}

impl Stem {
    /// Width and height of the output for pictures `side` x `side`.
    pub(crate) fn side_after(side: usize) -> usize {
        side.div_ceil(STRIDE)
    }

    /// Planes of the output.
    pub(crate) fn planes(&self) -> usize {
        self.bias.len()
    }

    /// Packs `weight`, `[outputs, 3, kernel, kernel]` row-major as PyTorch stores it, and `bias`, `[outputs]`; the network
    /// sees `levels` of the bytes.
    ///
    /// # Panics
    /// When the kernel is not 3 or 7 or the stride is not 2.
    pub(crate) fn new(weight: &[f32], bias: &[f32], window: Window, activation: Activation, levels: Levels) -> Self {
        let Window { kernel, stride, .. } = window;
        assert!(matches!((kernel, stride), (3 | 7, STRIDE)), "kernel {kernel}, stride {stride}");
        let taps = kernel * kernel;
        let mut packed = vec![Lanes::ZERO; planes_of(bias.len()) * taps * CHANNELS];
        for (i, &w) in weight.iter().enumerate() {
            let (output, channel, tap) = (i / taps / CHANNELS, i / taps % CHANNELS, i % taps);
            packed[(output / 16 * taps + tap) * CHANNELS + channel].0[output % 16] = w;
        }
        Self { weights: packed, bias: to_planes(bias, bias.len()), window, activation, levels }
    }

    /// One or two planes of the output, from `first` on: lines `from..to` of one square picture, `[side, side, 3]`, into
    /// frames.
    ///
    /// `place` says where line `from` of the output begins; `line` is scratch.
    pub(crate) fn lines_into(
        &self,
        pixels: &[u8],
        (from, to): (usize, usize),
        place: Place,
        lines: &mut Vec<f32>,
        first: usize,
        out: &mut [&mut [Lanes]],
    ) {
        let side = (pixels.len() / CHANNELS).isqrt();
        let kernel = self.window.kernel;
        let (width, before) = (Self::side_after(side), self.window.padding(side).0);
        let pitch = ((width - 1) * STRIDE + kernel).max(before + side) * CHANNELS;
        let count = (to - from - 1) * STRIDE + kernel;
        lines.clear();
        lines.resize(count * pitch, 0.0);
        let [red, green, blue] = self.levels.tables();
        for (i, line) in lines.chunks_exact_mut(pitch).enumerate() {
            if let Some(y) = (from * STRIDE + i).checked_sub(before).filter(|y| *y < side) {
                let bytes = pixels[y * side * CHANNELS..][..side * CHANNELS].as_chunks().0;
                for (values, [r, g, b]) in line[before * CHANNELS..].as_chunks_mut().0.iter_mut().zip(bytes) {
                    *values = [red[usize::from(*r)], green[usize::from(*g)], blue[usize::from(*b)]];
                }
            }
        }
        let Place::Framed { pitch: out_pitch, offset, .. } = place else { return };
        let length = kernel * kernel * CHANNELS;
        let weights = |plane: usize| &self.weights[plane * length..][..length];
        for y in 0..to - from {
            let at = y * out_pitch + offset;
            let from = &lines[y * STRIDE * pitch..];
            match out {
                [one] => {
                    let filter =
                        Filter { weights: [weights(first)], bias: [self.bias[first]], activation: self.activation };
                    let out = [&mut one[at..at + width]];
                    if kernel == 3 { line_3x3(&filter, from, pitch, out) } else { line_7x7(&filter, from, pitch, out) }
                }
                [one, two] => {
                    let (weights, bias) =
                        ([weights(first), weights(first + 1)], [self.bias[first], self.bias[first + 1]]);
                    let filter = Filter { weights, bias, activation: self.activation };
                    let out = [&mut one[at..at + width], &mut two[at..at + width]];
                    if kernel == 3 { pair_3x3(&filter, from, pitch, out) } else { pair_7x7(&filter, from, pitch, out) }
                }
                _ => unreachable!("one or two planes at a time"),
            }
        }
    }
}

/// The part of `N` planes.
struct Filter<'a, const N: usize> {
    weights: [&'a [Lanes]; N],
    bias: [Lanes; N],
    activation: Activation,
}

/// One multiversioned function a shape. The last numbers are the values of a line under one output, 14 and 2 outputs.
macro_rules! line {
    ($name:ident, $planes:literal, $kernel:literal, $one:literal, $wide:literal, $narrow:literal) => {
        #[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
        fn $name(filter: &Filter<'_, $planes>, lines: &[f32], pitch: usize, out: [&mut [Lanes]; $planes]) {
            multiversion::target::match_target! {
                "x86_64+avx512f" => match out[0].len() {
                    14.. => line::<true, $kernel, $one, 14, $wide, $planes>(filter, lines, pitch, out),
                    _ => line::<true, $kernel, $one, 1, $one, $planes>(filter, lines, pitch, out),
                },
                "x86_64+avx2+fma" => match out[0].len() {
                    2.. => line::<true, $kernel, $one, 2, $narrow, $planes>(filter, lines, pitch, out),
                    _ => line::<true, $kernel, $one, 1, $one, $planes>(filter, lines, pitch, out),
                },
                _ => line::<BASE_FMA, $kernel, $one, 1, $one, $planes>(filter, lines, pitch, out),
            }
        }
    };
}
line!(line_3x3, 1, 3, 9, 87, 15);
line!(pair_3x3, 2, 3, 9, 87, 15);
line!(line_7x7, 1, 7, 21, 99, 27);
line!(pair_7x7, 2, 7, 21, 99, 27);

#[inline(always)]
fn line<const FMA: bool, const K: usize, const REACH: usize, const X: usize, const SPAN: usize, const N: usize>(
    filter: &Filter<'_, N>,
    lines: &[f32],
    pitch: usize,
    mut out: [&mut [Lanes]; N],
) {
    let width = out[0].len();
    let mut column = 0;
    while column < width {
        let x = column.min(width - X);
        span::<FMA, K, REACH, X, SPAN, N>(filter, &lines[x * STRIDE * CHANNELS..], pitch, x, &mut out);
        column += X;
    }
}

/// `X` outputs from `SPAN` values of each of `K` lines, of which `REACH` are under one output.
#[inline(always)]
fn span<const FMA: bool, const K: usize, const REACH: usize, const X: usize, const SPAN: usize, const N: usize>(
    filter: &Filter<'_, N>,
    lines: &[f32],
    pitch: usize,
    start: usize,
    out: &mut [&mut [Lanes]; N],
) {
    // Written out for the same reason as in the matrix product: constant indices keep the sums in registers.
    macro_rules! each_cell {
        (|$x:ident, $n:ident| $body:expr) => { each_cell!($x $n $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13) };
        ($x:ident $n:ident $body:expr; $($number:literal)*) => {
            $( if $number < X {
                const fn at(i: usize, count: usize) -> usize { if i < count { i } else { 0 } }
                let $x = const { at($number, X) };
                { let $n = 0; $body }
                if N > 1 { let $n = const { at(1, N) }; $body }
            } )*
        };
    }
    let mut acc = [filter.bias; X];
    for line in 0..K {
        let Some(values) = lines[line * pitch..].first_chunk::<SPAN>() else { return };
        let weights = filter.weights.map(|weights| &weights[line * REACH..][..REACH]);
        for k in 0..REACH {
            each_cell!(|x, n| acc[x][n].add_scaled::<FMA>(values[x * STRIDE * CHANNELS + k], &weights[n][k]));
        }
    }
    let limits = filter.activation.limits();
    each_cell!(|x, n| {
        acc[x][n].limit(limits);
        out[n][start + x] = acc[x][n];
    });
    if filter.activation.is_curved() {
        for plane in out {
            filter.activation.bend::<FMA>(&mut plane[start..start + X]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::lanes::to_rows;
    use crate::cpu::reference::{Random, assert_close, conv, relu6};
    use crate::fused::Padding;

    fn bytes_of(random: &mut Random, side: usize) -> Vec<u8> {
        (0..side * side * 3).map(|_| (random.next() * 127.0 + 128.0) as u8).collect()
    }

    fn levels() -> Levels {
        Levels::new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    }

    #[test]
    fn bytes_are_normalised_and_convolved() {
        let mut random = Random(2);
        for (kernel, outputs, padding) in [(3, 32, Padding::Same), (3, 16, Padding::Even), (7, 40, Padding::Even)] {
            let (weight, bias) = (random.values(outputs * 3 * kernel * kernel), random.values(outputs));
            let window = Window { kernel, stride: 2, padding };
            let stem = Stem::new(&weight, &bias, window, Activation::Relu6, levels());
            for side in [1, 2, 3, 7, 30, 33, 64] {
                let bytes = bytes_of(&mut random, side);
                let levels = levels();
                let level = |(i, b): (usize, &u8)| f64::from(levels.tables()[i % 3][usize::from(*b)]);
                let x: Vec<f64> = bytes.iter().enumerate().map(level).collect();
                let want = relu6(conv(&x, side, &weight, &bias, window, 1));
                let width = Stem::side_after(side);
                let place = Place::Framed { width, height: width, pitch: width, area: width * width, offset: 0 };
                let mut whole = vec![Lanes::ZERO; stem.planes() * width * width];
                let mut planes: Vec<&mut [Lanes]> = whole.chunks_mut(width * width).collect();
                for (pair, planes) in planes.chunks_mut(2).enumerate() {
                    stem.lines_into(&bytes, (0, width), place, &mut Vec::new(), 2 * pair, planes);
                }
                let what = format!("{kernel} x {kernel} on {side}");
                assert_close(&to_rows(&whole, width * width, outputs), &want, 2e-6, &what);
                // lines computed apart are the same to the bit
                for line in 0..width {
                    let mut one = vec![Lanes::ZERO; width];
                    stem.lines_into(&bytes, (line, line + 1), place, &mut Vec::new(), 0, &mut [&mut one]);
                    assert!(one == whole[line * width..][..width], "{what}: line {line} of {width}");
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_sum() {
        let mut random = Random(3);
        let (weight, bias, side) = (random.values(32 * 27), random.values(32), 9);
        let window = Window { kernel: 3, stride: 2, padding: Padding::Even };
        let stem = Stem::new(&weight, &bias, window, Activation::Silu, levels());
        let lines: Vec<f32> = random.values(3 * 3 * (side + 2));
        let (weights, bias) = ([&stem.weights[..27], &stem.weights[27..]], [stem.bias[0], stem.bias[1]]);
        let filter = Filter { weights, bias, activation: Activation::Silu };
        let run = |body: fn(&Filter<'_, 2>, &[f32], usize, [&mut [Lanes]; 2])| {
            let mut out = vec![Lanes::ZERO; 10];
            let (one, two) = out.split_at_mut(5);
            body(&filter, &lines, 3 * (side + 2), [one, two]);
            to_rows(&out, 5, 32)
        };
        let want: Vec<f64> = run(pair_3x3).into_iter().map(f64::from).collect();
        for body in [line::<false, 3, 9, 1, 9, 2>, line::<true, 3, 9, 1, 9, 2>, line::<true, 3, 9, 2, 15, 2>] {
            assert_close(&run(body), &want, 1e-6, "instruction set");
        }
    }

    #[test]
    #[should_panic(expected = "kernel 5")]
    fn other_kernels_are_refused() {
        let window = Window { kernel: 5, stride: 2, padding: Padding::Even };
        Stem::new(&[0.0; 75], &[0.0], window, Activation::Relu, levels());
    }
}
