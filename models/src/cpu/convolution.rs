//! Convolutions over all channels, 1x1 and larger, with bias, residual and activation fused in, padded as PyTorch's
//! `padding = kernel // 2`.
//!
//! A convolution is a product whose rows are read once a tap, from pictures with [room for the padding](Frame) around them:
//! nothing is unfolded. A tile is two segments of a line or of two lines, because widths of networks are multiples of 7.

use std::ops::Range;

use rayon::prelude::*;

use super::activation::Activation;
use super::frame::{Frame, Framed, Part};
use super::lanes::{BASE_FMA, LANES, Lanes, planes_of, to_planes};
use super::tile::{Panel, Reach, tile};

/// Bytes of the input that one band of lines may take: all groups of outputs are made of it before the next band is read.
const BAND_BYTES: usize = 1 << 19;

/// Packed weights, `[outputs / 16][inputs / 16][kernel * kernel][16][16]`, and bias; those of 1x1 are not filled up behind
/// the last input.
pub(crate) struct Convolution {
    panels: Vec<Lanes>,
    bias: Vec<Lanes>,
    /// Planes of the input.
    inputs: usize,
    pub(crate) kernel: usize,
    stride: usize,
}

/// What stands behind the sum.
#[derive(Clone, Copy)]
pub(crate) struct Behind<'a> {
    /// Added; pictures as large as the output.
    pub(crate) residual: Option<Framed<'a>>,
    pub(crate) activation: Activation,
}

impl Convolution {
    /// Packs `weight`, `[outputs, inputs, kernel, kernel]` row-major as PyTorch stores it, and `bias`, `[outputs]`.
    ///
    /// # Panics
    /// When `kernel` is even or `stride` is not 1 or 2.
    pub(crate) fn new(weight: &[f32], bias: &[f32], kernel: usize, stride: usize) -> Self {
        assert!(kernel % 2 == 1 && matches!(stride, 1 | 2), "kernel {kernel}, stride {stride}");
        let taps = kernel * kernel;
        let inputs = weight.len() / (bias.len() * taps);
        let length = if taps == 1 { inputs } else { planes_of(inputs) * LANES * taps };
        let mut panels = vec![Lanes::ZERO; planes_of(bias.len()) * length];
        for (i, &w) in weight.iter().enumerate() {
            let (output, input, tap) = (i / taps / inputs, i / taps % inputs, i % taps);
            let cell = (input / LANES * taps + tap) * LANES + input % LANES;
            panels[output / LANES * length + cell].0[output % LANES] = w;
        }
        Self { panels, bias: to_planes(bias, bias.len()), inputs: planes_of(inputs), kernel, stride }
    }

    /// Planes of the output.
    pub(crate) fn planes(&self) -> usize {
        self.bias.len()
    }

    /// Width and height of the output for pictures `side` x `side`.
    pub(crate) fn side_after(&self, side: usize) -> usize {
        side.div_ceil(self.stride)
    }

    /// The output, all of `[planes][pictures][area]`, with a border of `pad` zeros; on this thread, or shared among all.
    pub(crate) fn forward(&self, input: Framed<'_>, behind: Behind<'_>, pad: usize, shared: bool, out: &mut [Lanes]) {
        let to = Frame { side: self.side_after(input.frame.side), pad };
        let bands = self.bands(input, input.pictures * to.side, shared);
        let parts = to.parts(out, input.pictures, bands);
        let run = |(part, out): (Part, Vec<&mut [Lanes]>)| self.part(input, behind, to, &part, out);
        if shared { parts.into_par_iter().for_each(run) } else { parts.into_iter().for_each(run) }
    }

    /// Ranges of output lines, counted over all pictures.
    fn bands(&self, input: Framed<'_>, lines: usize, shared: bool) -> Vec<Range<usize>> {
        let line = self.inputs * input.frame.pitch() * self.stride * size_of::<Lanes>();
        let mut height = (BAND_BYTES / line.max(1)).max(1);
        if shared {
            let wanted = (4 * rayon::current_num_threads()).div_ceil(self.planes().div_ceil(2));
            height = height.min(lines.div_ceil(wanted));
        }
        // Bands of about equal height.
        let height = lines.div_ceil(lines.div_ceil(height.max(1)).max(1)).max(1);
        (0..lines).step_by(height).map(|from| from..(from + height).min(lines)).collect()
    }

    /// One or two planes of a band.
    fn part(&self, input: Framed<'_>, behind: Behind<'_>, to: Frame, part: &Part, mut out: Vec<&mut [Lanes]>) {
        out.iter_mut().for_each(|plane| to.clear_border(part.first, plane));
        let pitch = input.frame.pitch();
        let start = (input.frame.pad - self.kernel / 2) * (pitch + 1);
        let taps = (0..self.kernel).flat_map(|y| (0..self.kernel).map(move |x| start + y * pitch + x));
        let taps: Vec<usize> = taps.collect();
        let length = self.panels.len() / self.planes();
        let panel = |p: usize| Panel { weights: &self.panels[p * length..][..length], bias: self.bias[p] };
        let job =
            Job { input, behind, to, part, reach: Reach { stride: input.stride(), taps: &taps }, step: self.stride };
        match out.as_mut_slice() {
            [one] => sweep_one(&job, &panel(part.plane), one),
            [one, two] => sweep_two(&job, &[panel(part.plane), panel(part.plane + 1)], one, two),
            _ => unreachable!("one or two planes at a time"),
        }
    }
}

struct Job<'a> {
    input: Framed<'a>,
    behind: Behind<'a>,
    to: Frame,
    part: &'a Part,
    reach: Reach<'a>,
    step: usize,
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn sweep_two(job: &Job<'_>, panels: &[Panel<'_>; 2], one: &mut [Lanes], two: &mut [Lanes]) {
    multiversion::target::match_target! {
        "x86_64+avx512f" => wide([&panels[0], &panels[1]], job, [one, two]),
        "x86_64+avx2+fma" => {
            middle(&panels[0], job, one, 0);
            middle(&panels[1], job, two, 1);
        }
        _ => {
            narrow(&panels[0], job, one, 0);
            narrow(&panels[1], job, two, 1);
        }
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn sweep_one(job: &Job<'_>, panel: &Panel<'_>, out: &mut [Lanes]) {
    multiversion::target::match_target! {
        "x86_64+avx512f" => wide([panel], job, [out]),
        "x86_64+avx2+fma" => middle(panel, job, out, 0),
        _ => narrow(panel, job, out, 0),
    }
}

/// 32 registers of 16 lanes.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#[inline(always)]
fn wide<const N: usize>(panels: [&Panel<'_>; N], job: &Job<'_>, out: [&mut [Lanes]; N]) {
    match (job.to.side, job.step) {
        (7.., 1) => sweep::<true, 14, 7, 1, 7, N>(panels, job, out, 0),
        (7.., _) => sweep::<true, 14, 7, 2, 13, N>(panels, job, out, 0),
        (3.., 1) => sweep::<true, 6, 3, 1, 3, N>(panels, job, out, 0),
        (3.., _) => sweep::<true, 6, 3, 2, 5, N>(panels, job, out, 0),
        _ => sweep::<true, 2, 1, 1, 1, N>(panels, job, out, 0),
    }
}

/// 16 registers of 8 lanes.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#[inline(always)]
fn middle(panel: &Panel<'_>, job: &Job<'_>, out: &mut [Lanes], plane: usize) {
    match (job.to.side, job.step) {
        (3.., 1) => sweep::<true, 6, 3, 1, 3, 1>([panel], job, [out], plane),
        (3.., _) => sweep::<true, 6, 3, 2, 5, 1>([panel], job, [out], plane),
        _ => sweep::<true, 2, 1, 1, 1, 1>([panel], job, [out], plane),
    }
}

/// 16 registers of 4 lanes (wasm, SSE2), or 32 with multiply-add (NEON).
#[inline(always)]
fn narrow(panel: &Panel<'_>, job: &Job<'_>, out: &mut [Lanes], plane: usize) {
    match (job.to.side, job.step) {
        (3.., 1) if BASE_FMA => sweep::<BASE_FMA, 6, 3, 1, 3, 1>([panel], job, [out], plane),
        (3.., _) if BASE_FMA => sweep::<BASE_FMA, 6, 3, 2, 5, 1>([panel], job, [out], plane),
        _ => sweep::<BASE_FMA, 2, 1, 1, 1, 1>([panel], job, [out], plane),
    }
}

/// Two segments of `S` pixels at a time; they overlap at the end of a line, and the last one may stand alone. `plane` is
/// that of the first panel, counted from the first one of the part.
#[inline(always)]
fn sweep<const FMA: bool, const R: usize, const S: usize, const STEP: usize, const SPAN: usize, const N: usize>(
    panels: [&Panel<'_>; N],
    job: &Job<'_>,
    mut out: [&mut [Lanes]; N],
    plane: usize,
) {
    let (from, to, lines) = (job.input.frame, job.to, &job.part.lines);
    let residual = job.behind.residual.map(|residual| {
        let first = job.part.plane + plane;
        let planes = std::array::from_fn(|n| &residual.data[(first + n) * residual.stride()..][..residual.stride()]);
        (residual.frame, planes)
    });
    let origin = job.part.first * to.pitch();
    let a_line = to.side.div_ceil(S);
    let count = lines.len() * a_line;
    for number in (0..count).step_by(2) {
        let at = [number, (number + 1).min(count - 1)]
            .map(|number| (lines.start + number / a_line, (number % a_line * S).min(to.side - S)));
        let segments = at.map(|(line, x)| {
            let picture = line / to.side;
            let line = picture * from.pitch() + line % to.side * job.step;
            &job.input.data[line * from.pitch() + x * job.step..]
        });
        let rows = |frame: Frame, origin: usize| {
            let starts = at.map(|(line, x)| frame.at(line, x) - origin);
            std::array::from_fn(|r| starts[r / S] + r % S)
        };
        let residual = residual.map(|(frame, planes)| (planes, rows(frame, 0)));
        let to = rows(to, origin);
        tile::<FMA, R, 2, STEP, SPAN, N>(&panels, segments, job.reach, residual, job.behind.activation, &to, &mut out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::lanes::to_rows;
    use crate::cpu::reference::{Random, assert_close, conv, dirty_planes};
    use crate::fused::{Padding, Window};

    /// Rows `[pictures * side * side][channels]` in frames.
    fn framed(x: &[f32], channels: usize, frame: Frame, pictures: usize) -> Vec<Lanes> {
        let flat = dirty_planes(x, channels);
        let pixels = frame.side * frame.side;
        let mut data = vec![Lanes::ZERO; planes_of(channels) * pictures * frame.area()];
        for (i, lanes) in flat.iter().enumerate() {
            let (plane, line, x) = (i / pixels / pictures, i / frame.side % (pictures * frame.side), i % frame.side);
            data[plane * pictures * frame.area() + frame.at(line, x)] = *lanes;
        }
        data
    }

    /// The pixels of frames as rows.
    fn unframed(data: &[Lanes], channels: usize, frame: Frame, pictures: usize) -> Vec<f32> {
        let lines = (0..pictures * frame.side).flat_map(|line| (0..frame.side).map(move |x| frame.at(line, x)));
        let at: Vec<usize> = lines.collect();
        let planes = data.chunks_exact(pictures * frame.area());
        let flat: Vec<Lanes> = planes.flat_map(|plane| at.iter().map(|at| plane[*at])).collect();
        to_rows(&flat, at.len(), channels)
    }

    struct Case {
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        side: usize,
    }

    const CASES: [Case; 9] = [
        Case { inputs: 16, outputs: 16, kernel: 1, stride: 1, side: 1 },
        Case { inputs: 5, outputs: 40, kernel: 3, stride: 1, side: 2 },
        Case { inputs: 24, outputs: 33, kernel: 1, stride: 2, side: 5 },
        Case { inputs: 20, outputs: 16, kernel: 3, stride: 2, side: 7 },
        Case { inputs: 33, outputs: 48, kernel: 3, stride: 1, side: 7 },
        Case { inputs: 40, outputs: 24, kernel: 3, stride: 2, side: 14 },
        Case { inputs: 95, outputs: 64, kernel: 1, stride: 1, side: 13 },
        Case { inputs: 64, outputs: 16, kernel: 1, stride: 2, side: 15 },
        Case { inputs: 96, outputs: 50, kernel: 3, stride: 1, side: 30 },
    ];

    #[test]
    fn convolutions_are_those_of_f64_alone_and_shared() {
        for Case { inputs, outputs, kernel, stride, side } in CASES {
            let (pictures, mut random) = (2, Random((inputs * side) as u64));
            let weight = random.values(outputs * inputs * kernel * kernel);
            let bias = random.values(outputs);
            let x = random.values(pictures * side * side * inputs);
            let layer = Convolution::new(&weight, &bias, kernel, stride);
            let after = Frame { side: layer.side_after(side), pad: 1 };
            let added = random.values(pictures * after.side * after.side * outputs);
            let window = Window { kernel, stride, padding: Padding::Even };
            let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
            let each = wide.chunks(side * side * inputs).flat_map(|x| conv(x, side, &weight, &bias, window, 1));
            let want: Vec<f64> = each.zip(&added).map(|(v, a)| (v + f64::from(*a)).max(0.0)).collect();

            let what = format!("{inputs} to {outputs}, {kernel} x {kernel} by {stride} on {side}");
            let frame = Frame { side, pad: 1 };
            let data = framed(&x, inputs, frame, pictures);
            let residual = framed(&added, outputs, Frame { pad: 2, ..after }, pictures);
            let residual = Some(Framed { data: &residual, frame: Frame { pad: 2, ..after }, pictures });
            let behind = Behind { residual, activation: Activation::Relu };
            let mut out = vec![Lanes([1e30; 16]); layer.planes() * pictures * after.area()];
            let mut again = out.clone();
            let input = Framed { data: &data, frame, pictures };
            layer.forward(input, behind, 1, false, &mut out);
            assert_close(&unframed(&out, outputs, after, pictures), &want, 2e-6, &what);
            layer.forward(input, behind, 1, true, &mut again);
            assert!(out == again, "{what}: shared");
            let inside: usize = (0..pictures * after.side)
                .map(|line| {
                    let line = &mut again[after.at(line, 0)..][..after.side];
                    line.fill(Lanes::ZERO);
                    line.len()
                })
                .sum();
            let border = pictures * after.area() - inside;
            let zeros = again[..pictures * after.area()].iter().filter(|v| **v == Lanes::ZERO).count();
            assert_eq!(zeros, border + inside, "{what}: the border is zero");
        }
    }

    #[test]
    fn every_instruction_set_gives_the_convolution() {
        for Case { inputs, outputs, kernel, stride, side } in CASES {
            let mut random = Random(7);
            let weight = random.values(16 * inputs * kernel * kernel);
            let layer = Convolution::new(&weight, &random.values(16), kernel, stride);
            let frame = Frame { side, pad: 1 };
            let data = framed(&random.values(side * side * inputs), inputs, frame, 1);
            let input = Framed { data: &data, frame, pictures: 1 };
            let behind = Behind { residual: None, activation: Activation::Silu };
            let to = Frame { side: layer.side_after(side), pad: 0 };
            let mut out = vec![Lanes::ZERO; to.area()];
            layer.forward(input, behind, 0, false, &mut out);
            let want: Vec<f64> = to_rows(&out, to.area(), 16).into_iter().map(f64::from).collect();
            let start = (1 - kernel / 2) * (frame.pitch() + 1);
            let taps =
                (0..kernel * kernel).map(|t| start + t / kernel * frame.pitch() + t % kernel).collect::<Vec<_>>();
            let part = Part { lines: 0..to.side, first: 0, plane: 0 };
            let reach = Reach { stride: input.stride(), taps: &taps };
            let job = Job { input, behind, to, part: &part, reach, step: stride };
            let panel = Panel { weights: &layer.panels, bias: layer.bias[0] };
            for body in [middle, narrow] {
                let mut out = vec![Lanes::ZERO; to.area()];
                body(&panel, &job, &mut out, 0);
                assert_close(&to_rows(&out, to.area(), 16), &want, 2e-6, &format!("{inputs} to {outputs}"));
            }
        }
    }
}
