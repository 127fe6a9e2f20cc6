//! The first convolution: 3x3, stride 2, from RGB bytes to 32 channels, with normalisation, bias and ReLU6 fused in.

use super::depthwise::same;
use super::gemm::Place;
use super::lanes::{BASE_FMA, Lanes};

const KERNEL: usize = 3;
const STRIDE: usize = 2;
const CHANNELS: usize = 3;
/// Values of one line under one output pixel.
const REACH: usize = KERNEL * CHANNELS;
/// Outputs at a time and the values of one line under them.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
const WIDE: usize = 14;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
const WIDE_SPAN: usize = (WIDE - 1) * STRIDE * CHANNELS + REACH;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
const NARROW: usize = 2;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
const NARROW_SPAN: usize = (NARROW - 1) * STRIDE * CHANNELS + REACH;

/// Weights `[line][column, channel][2 planes][16]` and bias.
pub(crate) struct Stem {
    weights: [[[Lanes; 2]; REACH]; KERNEL],
    bias: [Lanes; 2],
}

impl Stem {
    /// Width and height of the output for pictures `side` x `side`.
    pub(crate) fn side_after(side: usize) -> usize {
        same(side, KERNEL, STRIDE).0
    }

    /// Output channels, two planes.
    pub(crate) const OUTPUTS: usize = 32;

    /// Packs `weight`, `[32, 3, 3, 3]` row-major as PyTorch stores it, and `bias`, `[32]`.
    ///
    /// The network sees `(byte - 127) / 128`. The division is a power of two and goes into the weights exactly; the
    /// subtraction stays with the pixels, because the padding is zero after it.
    pub(crate) fn new(weight: &[f32], bias: &[f32]) -> Self {
        let mut packed = [[[Lanes::ZERO; 2]; REACH]; KERNEL];
        for (i, &w) in weight.iter().enumerate().take(Self::OUTPUTS * CHANNELS * KERNEL * KERNEL) {
            let (o, c, y, x) = (i / 27, i / 9 % 3, i / 3 % 3, i % 3);
            packed[y][x * CHANNELS + c][o / 16].0[o % 16] = w / 128.0;
        }
        let mut lanes = [Lanes::ZERO; 2];
        for (o, &b) in bias.iter().enumerate().take(Self::OUTPUTS) {
            lanes[o / 16].0[o % 16] = b;
        }
        Self { weights: packed, bias: lanes }
    }

    /// Lines `from..to` of the output for one square picture, `[side, side, 3]`, into two frames.
    ///
    /// `place` says where line `from` of the output begins; `line` is scratch.
    pub(crate) fn lines_into(
        &self,
        pixels: &[u8],
        (from, to): (usize, usize),
        place: Place,
        lines: &mut Vec<f32>,
        out: [&mut [Lanes]; 2],
    ) {
        let side = (pixels.len() / CHANNELS).isqrt();
        let (width, before) = same(side, KERNEL, STRIDE);
        let pitch = ((width - 1) * STRIDE + KERNEL).max(before + side) * CHANNELS;
        let count = (to - from - 1) * STRIDE + KERNEL;
        lines.clear();
        lines.resize(count * pitch, 0.0);
        for (i, line) in lines.chunks_exact_mut(pitch).enumerate() {
            if let Some(y) = (from * STRIDE + i).checked_sub(before).filter(|y| *y < side) {
                let bytes = &pixels[y * side * CHANNELS..][..side * CHANNELS];
                for (value, &byte) in line[before * CHANNELS..].iter_mut().zip(bytes) {
                    *value = f32::from(byte) - 127.0;
                }
            }
        }
        let Place::Framed { pitch: out_pitch, offset, .. } = place else { return };
        let [one, two] = out;
        for y in 0..to - from {
            let at = y * out_pitch + offset;
            let out = [&mut one[at..at + width], &mut two[at..at + width]];
            line_into(self, &lines[y * STRIDE * pitch..], pitch, out);
        }
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn line_into(stem: &Stem, lines: &[f32], pitch: usize, out: [&mut [Lanes]; 2]) {
    multiversion::target::match_target! {
        "x86_64+avx512f" => match out[0].len() {
            WIDE.. => line::<true, WIDE, WIDE_SPAN>(stem, lines, pitch, out),
            _ => line::<true, 1, REACH>(stem, lines, pitch, out),
        },
        "x86_64+avx2+fma" => match out[0].len() {
            NARROW.. => line::<true, NARROW, NARROW_SPAN>(stem, lines, pitch, out),
            _ => line::<true, 1, REACH>(stem, lines, pitch, out),
        },
        _ => line::<BASE_FMA, 1, REACH>(stem, lines, pitch, out),
    }
}

#[inline(always)]
fn line<const FMA: bool, const X: usize, const SPAN: usize>(
    stem: &Stem,
    lines: &[f32],
    pitch: usize,
    out: [&mut [Lanes]; 2],
) {
    let [one, two] = out;
    let width = one.len();
    let mut column = 0;
    while column < width {
        let x = column.min(width - X);
        let from = &lines[x * STRIDE * CHANNELS..];
        if let (Some(one), Some(two)) = (one[x..].first_chunk_mut(), two[x..].first_chunk_mut()) {
            span::<FMA, X, SPAN>(stem, from, pitch, one, two);
        }
        column += X;
    }
}

#[inline(always)]
fn span<const FMA: bool, const X: usize, const SPAN: usize>(
    stem: &Stem,
    lines: &[f32],
    pitch: usize,
    one: &mut [Lanes; X],
    two: &mut [Lanes; X],
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
    let mut acc = [stem.bias; X];
    for (line, weights) in stem.weights.iter().enumerate() {
        let Some(values) = lines[line * pitch..].first_chunk::<SPAN>() else { return };
        for (k, w) in weights.iter().enumerate() {
            each_output!(|x| {
                let value = values[x * STRIDE * CHANNELS + k];
                acc[x][0].add_scaled::<FMA>(value, &w[0]);
                acc[x][1].add_scaled::<FMA>(value, &w[1]);
            });
        }
    }
    each_output!(|x| {
        acc[x][0].relu6();
        acc[x][1].relu6();
        one[x] = acc[x][0];
        two[x] = acc[x][1];
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::lanes::to_rows;
    use crate::cpu::reference::{Random, assert_close, conv, relu6};

    #[test]
    fn bytes_are_normalised_and_convolved() {
        let mut random = Random(2);
        let (weight, bias) = (random.values(32 * 27), random.values(32));
        let stem = Stem::new(&weight, &bias);
        for side in [1, 2, 3, 7, 30, 33, 64] {
            let bytes: Vec<u8> = (0..side * side * 3).map(|_| (random.next() * 127.0 + 128.0) as u8).collect();
            let x: Vec<f64> = bytes.iter().map(|b| (f64::from(*b) - 127.0) / 128.0).collect();
            let want = relu6(conv(&x, side, &weight, &bias, 3, 2, 1));
            let width = Stem::side_after(side);
            let place = Place::Framed { width, height: width, pitch: width, area: width * width, offset: 0 };
            let mut whole = vec![Lanes::ZERO; 2 * width * width];
            let (one, two) = whole.split_at_mut(width * width);
            stem.lines_into(&bytes, (0, width), place, &mut Vec::new(), [one, two]);
            assert_close(&to_rows(&whole, width * width, 32), &want, 1e-6, &format!("side {side}"));
            // lines computed apart are the same to the bit
            for line in 0..width {
                let (mut one, mut two) = (vec![Lanes::ZERO; width], vec![Lanes::ZERO; width]);
                stem.lines_into(&bytes, (line, line + 1), place, &mut Vec::new(), [&mut one, &mut two]);
                assert!(one == whole[line * width..][..width], "line {line} of {width}");
                assert!(two == whole[(width + line) * width..][..width], "line {line} of {width}");
            }
            for body in [line::<false, 1, REACH>, line::<true, 1, REACH>] {
                let lines: Vec<f32> = (0..3 * REACH).map(|_| random.next()).collect();
                let (mut one, mut two) = ([Lanes::ZERO], [Lanes::ZERO]);
                body(&stem, &lines, REACH, [&mut one, &mut two]);
                let channel = |c: usize| lines.iter().skip(c).step_by(3).map(|v| f64::from(*v)).collect::<Vec<_>>();
                let planes = [channel(0), channel(1), channel(2)].concat();
                let sum = |o: usize| planes.iter().zip(&weight[o * 27..]).map(|(a, b)| a * f64::from(*b)).sum::<f64>();
                let want: Vec<f64> = (0..32).map(|o| (sum(o) / 128.0 + f64::from(bias[o])).clamp(0.0, 6.0)).collect();
                assert_close(&[one[0].0, two[0].0].concat(), &want, 1e-6, "one pixel");
            }
        }
    }
}
