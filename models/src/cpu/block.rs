//! One block of a MobileNet-like network: expand (1x1, or the stem), depthwise, excite, project (1x1), skip.
//!
//! The wide activations between the convolutions do not exist as a whole: 32 channels at a time are expanded into a
//! frame that stays in the second-level cache and are filtered from there; large pictures are also cut into bands of
//! lines. Excitation needs the filtered picture before it is projected; without it, not even that exists.

use super::classifier::Kept;
use super::depthwise::Depthwise;
use super::excitation::Excitation;
use super::frame::split;
use super::gemm::{Activation, After, Linear, Place, Rows};
use super::lanes::Lanes;
use super::stem::Stem;
use rayon::prelude::*;

/// Bytes of frames and filtered planes that one band of lines may take: about half of a second-level cache.
const BAND_BYTES: usize = 1 << 20;
/// Pictures larger than this are worked on in bands of lines.
const BANDED_SIDE: usize = 28;

/// How the wide activations come about.
pub(crate) enum Expand {
    /// From bytes, by the network's first convolution.
    Stem(Box<Stem>),
    /// From planes, by a 1x1 convolution and an activation.
    Pointwise(Linear, Activation),
    /// They are the planes.
    Copy,
}

/// What a block reads.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// One picture, `[side, side, 3]`.
    Bytes(&'a [u8]),
    /// Planes of pictures side by side, `[channels / 16][pictures * side * side][16]`.
    Planes(Rows<'a>),
}

/// Weights of a block.
pub(crate) struct Block {
    pub(crate) expand: Expand,
    pub(crate) depthwise: Depthwise,
    pub(crate) excitation: Option<Excitation>,
    pub(crate) project: Linear,
    pub(crate) skip: bool,
}

/// Memory that a thread reuses from block to block.
#[derive(Default)]
pub(crate) struct Scratch {
    frames: Vec<Lanes>,
    /// That the frames were cleared for.
    geometry: [usize; 7],
    wide: Vec<Lanes>,
    lines: Vec<f32>,
}

impl Scratch {
    /// Two frames that are zero wherever nothing is written for this band. All calls for bands of the same geometry write
    /// the same pixels, so that they are cleared for the first one.
    fn clear_for(&mut self, band: Band) {
        let geometry =
            [band.pictures, band.side, band.lines.1 - band.lines.0, band.first, band.before, band.pitch, band.area];
        if self.geometry != geometry {
            self.geometry = geometry;
            self.frames.clear();
            self.frames.resize(2 * band.pictures * band.area, Lanes::ZERO);
        }
    }
}

/// Lines `from..to` of the output of `pictures` pictures, and the frame under them.
#[derive(Clone, Copy)]
struct Band {
    pictures: usize,
    side: usize,
    width: usize,
    from: usize,
    to: usize,
    /// Input lines that exist, and the line of the frame that the first of them goes to.
    lines: (usize, usize),
    first: usize,
    before: usize,
    pitch: usize,
    area: usize,
}

impl Band {
    fn new(depthwise: &Depthwise, pictures: usize, side: usize, from: usize, to: usize) -> Self {
        let window = depthwise.window;
        let (kernel, stride) = (window.kernel, window.stride);
        let (width, before) = (window.output(side), window.padding(side).0);
        let pitch = ((width - 1) * stride + kernel).max(before + side);
        let height = (to - from - 1) * stride + kernel;
        let top = (from * stride).saturating_sub(before);
        let first = before.saturating_sub(from * stride);
        let bottom = (from * stride + height - before).min(side);
        Self {
            pictures,
            side,
            width,
            from,
            to,
            lines: (top, bottom),
            first,
            before,
            pitch,
            area: height.max(first + bottom - top) * pitch,
        }
    }

    fn place(&self) -> Place {
        Place::Framed {
            width: self.side,
            height: self.lines.1 - self.lines.0,
            pitch: self.pitch,
            area: self.area,
            offset: self.first * self.pitch + self.before,
        }
    }

    /// Output pixels of one plane.
    fn outputs(&self) -> usize {
        self.pictures * (self.to - self.from) * self.width
    }
}

impl Block {
    /// Width and height of the output for pictures `side` x `side`.
    pub(crate) fn side_after(&self, side: usize) -> usize {
        self.depthwise.window.output(side)
    }

    /// The block on this thread; `out` holds one slice a plane, `pictures * side_after^2` long.
    pub(crate) fn serial(
        &self,
        source: Source<'_>,
        pictures: usize,
        side: usize,
        scratch: &mut Scratch,
        out: &mut [&mut [Lanes]],
    ) {
        if let Some(excitation) = &self.excitation {
            let whole = Band::new(&self.depthwise, pictures, side, 0, self.side_after(side));
            let outputs = whole.outputs();
            let mut wide = std::mem::take(&mut scratch.wide);
            let wide_now = sized(&mut wide, self.depthwise.planes() * outputs);
            for (band, mut part) in self.cut(pictures, side, wide_now) {
                scratch.clear_for(band);
                for (pair, planes) in part.chunks_mut(2).enumerate() {
                    self.filtered(source, band, 2 * pair, scratch, planes);
                }
            }
            excitation.apply(wide_now, pictures, false);
            let after = After::residual(self.skipped(source, whole));
            self.project.all_into(Rows { data: wide_now, stride: outputs, start: 0 }, outputs, after, out);
            scratch.wide = wide;
            return;
        }
        for (from, to) in self.bands(pictures, side) {
            let band = Band::new(&self.depthwise, pictures, side, from, to);
            let range = from * band.width..from * band.width + band.outputs();
            let mut part: Vec<&mut [Lanes]> = out.iter_mut().map(|plane| &mut plane[range.clone()]).collect();
            self.band(source, band, scratch, &mut part);
        }
    }

    /// The block shared among the threads, each of which borrows one of `scratches`; `wide` is memory that is kept, `out` is
    /// `[planes][pictures * side_after^2]`.
    pub(crate) fn parallel(
        &self,
        source: Source<'_>,
        pictures: usize,
        side: usize,
        (scratches, wide): (&Kept<Scratch>, &mut Vec<Lanes>),
        out: &mut [Lanes],
    ) {
        let bands = self.bands(pictures, side);
        let width = self.side_after(side);
        let outputs = pictures * width * width;
        if bands.len() > 1 && self.excitation.is_none() {
            let parts = split(out, outputs, bands.iter().map(|(from, to)| (to - from) * width));
            bands.into_par_iter().zip(parts).for_each(|((from, to), mut part)| {
                let band = Band::new(&self.depthwise, pictures, side, from, to);
                scratches.lend(|scratch| self.band(source, band, scratch, &mut part));
            });
            return;
        }
        let wide = sized(wide, self.depthwise.planes() * outputs);
        let mut tasks = Vec::new();
        for (band, part) in self.cut(pictures, side, wide) {
            let mut planes = part.into_iter();
            for pair in 0..self.depthwise.planes().div_ceil(2) {
                tasks.push((band, 2 * pair, planes.by_ref().take(2).collect::<Vec<_>>()));
            }
        }
        tasks.into_par_iter().for_each(|(band, first, mut planes)| {
            scratches.lend(|scratch| {
                scratch.clear_for(band);
                self.filtered(source, band, first, scratch, &mut planes);
            });
        });
        if let Some(excitation) = &self.excitation {
            excitation.apply(wide, pictures, true);
        }
        let band = Band::new(&self.depthwise, pictures, side, 0, width);
        let input = Rows { data: wide, stride: outputs, start: 0 };
        let skip = self.skipped(source, band);
        if self.project.planes() >= 8 {
            self.project.all_parallel(input, outputs, After::residual(skip), out);
            return;
        }
        let size = outputs.div_ceil(4).next_multiple_of(14);
        let sizes = (0..outputs).step_by(size).map(|start| size.min(outputs - start));
        split(out, outputs, sizes).into_par_iter().enumerate().for_each(|(i, mut part)| {
            let at = |rows: Rows<'_>| rows.start + i * size;
            let after = After::residual(skip.map(|rows| Rows { start: at(rows), ..rows }));
            let count = part.first().map_or(0, |plane| plane.len());
            self.project.all_into(Rows { start: at(input), ..input }, count, after, &mut part);
        });
    }

    /// The bands, and for each its part of every plane of `wide`, the filtered pictures.
    fn cut<'a>(&self, pictures: usize, side: usize, wide: &'a mut [Lanes]) -> Vec<(Band, Vec<&'a mut [Lanes]>)> {
        let bands = self.bands(pictures, side).into_iter();
        let bands: Vec<Band> = bands.map(|(from, to)| Band::new(&self.depthwise, pictures, side, from, to)).collect();
        let length = wide.len() / self.depthwise.planes();
        let parts = split(wide, length, bands.iter().map(Band::outputs));
        bands.into_iter().zip(parts).collect()
    }

    /// Ranges of output lines, of about equal size.
    fn bands(&self, pictures: usize, side: usize) -> Vec<(usize, usize)> {
        let height = self.side_after(side);
        if pictures > 1 || side <= BANDED_SIDE {
            return vec![(0, height)];
        }
        let frame_line = self.depthwise.window.stride * (side + self.depthwise.window.kernel) * 2;
        let bytes = height * (frame_line + height * self.depthwise.planes()) * size_of::<Lanes>();
        let lines = height.div_ceil(bytes.div_ceil(BAND_BYTES));
        (0..height).step_by(lines).map(|from| (from, (from + lines).min(height))).collect()
    }

    fn band(&self, source: Source<'_>, band: Band, scratch: &mut Scratch, out: &mut [&mut [Lanes]]) {
        let outputs = band.outputs();
        let mut wide = std::mem::take(&mut scratch.wide);
        scratch.clear_for(band);
        let mut planes: Vec<&mut [Lanes]> =
            sized(&mut wide, self.depthwise.planes() * outputs).chunks_mut(outputs).collect();
        for (pair, planes) in planes.chunks_mut(2).enumerate() {
            self.filtered(source, band, 2 * pair, scratch, planes);
        }
        let after = After::residual(self.skipped(source, band));
        self.project.all_into(Rows { data: &wide, stride: outputs, start: 0 }, outputs, after, out);
        scratch.wide = wide;
    }

    fn skipped<'a>(&self, source: Source<'a>, band: Band) -> Option<Rows<'a>> {
        match source {
            Source::Planes(rows) if self.skip => Some(Rows { start: rows.start + band.from * band.side, ..rows }),
            _ => None,
        }
    }

    /// One or two planes, from `first` on, expanded and filtered into `out`, each `outputs` long.
    ///
    /// The frames have been cleared for this band; each call writes the same pixels of them, so the borders stay zero.
    fn filtered(&self, source: Source<'_>, band: Band, first: usize, scratch: &mut Scratch, out: &mut [&mut [Lanes]]) {
        let frame = band.pictures * band.area;
        let (one, two) = scratch.frames.split_at_mut(frame);
        let mut frames = [one, two];
        let frames = &mut frames[..out.len()];
        let (top, bottom) = band.lines;
        match (&self.expand, source) {
            (Expand::Stem(stem), Source::Bytes(bytes)) => {
                stem.lines_into(bytes, band.lines, band.place(), &mut scratch.lines, first, frames);
            }
            (Expand::Pointwise(expand, activation), Source::Planes(rows)) => {
                let input = Rows { start: rows.start + top * band.side, ..rows };
                let after = After { residual: None, activation: *activation, place: band.place() };
                let count = band.pictures * (bottom - top) * band.side;
                expand.planes_into(first, input, count, after, frames);
            }
            (Expand::Copy, Source::Planes(rows)) => {
                for (plane, frame) in (first..).zip(frames) {
                    copy(&rows.data[plane * rows.stride + rows.start..], band, frame);
                }
            }
            _ => unreachable!("the stem reads bytes, every other block reads planes"),
        }
        let each = band.outputs() / band.pictures;
        for (plane, out) in out.iter_mut().enumerate() {
            for (picture, out) in out.chunks_exact_mut(each).enumerate() {
                let frame = &scratch.frames[plane * frame + picture * band.area..][..band.area];
                self.depthwise.plane_into(first + plane, frame, band.pitch, band.width, out);
            }
        }
    }
}

/// The lines of a band, of a plane of pictures side by side, into a frame.
fn copy(plane: &[Lanes], band: Band, frame: &mut [Lanes]) {
    let (top, bottom) = band.lines;
    for picture in 0..band.pictures {
        for y in top..bottom {
            let to = picture * band.area + (band.first + y - top) * band.pitch + band.before;
            let from = (picture * band.side + y) * band.side;
            frame[to..to + band.side].copy_from_slice(&plane[from..from + band.side]);
        }
    }
}

/// At least `length` of a reused buffer; what it held stays.
pub(crate) fn sized(buffer: &mut Vec<Lanes>, length: usize) -> &mut [Lanes] {
    if buffer.len() < length {
        buffer.resize(length, Lanes::ZERO);
    }
    &mut buffer[..length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::lanes::{to_planes, to_rows};
    use crate::cpu::reference::{Random, assert_close, conv, linear, relu6};
    use crate::fused::{Padding, Window};

    struct Case {
        block: Block,
        weights: [Vec<f32>; 3],
        biases: [Vec<f32>; 3],
        /// Of the excitation.
        gates: [Vec<f32>; 4],
    }

    /// TensorFlow's padding without excitation, PyTorch's with it; no first layer where it would not widen.
    fn case(inputs: usize, wide: usize, outputs: usize, kernel: usize, stride: usize, excited: bool) -> Case {
        let mut random = Random((inputs * wide * kernel) as u64);
        let weights =
            [random.values(wide * inputs), random.values(wide * kernel * kernel), random.values(outputs * wide)];
        let biases = [random.values(wide), random.values(wide), random.values(outputs)];
        let gates = [random.values(6 * wide), random.values(6), random.values(wide * 6), random.values(wide)];
        let excitation = Excitation {
            squeeze: Linear::new(&gates[0], &gates[1], wide),
            excite: Linear::new(&gates[2], &gates[3], 6),
            activation: Activation::Relu,
            gate: Activation::HardSigmoid,
        };
        let padding = if excited { Padding::Even } else { Padding::Same };
        let window = Window { kernel, stride, padding };
        let pointwise = || Expand::Pointwise(Linear::new(&weights[0], &biases[0], inputs), Activation::Relu6);
        let block = Block {
            expand: if inputs == wide { Expand::Copy } else { pointwise() },
            depthwise: Depthwise::new(&weights[1], &biases[1], window, Activation::Relu6),
            excitation: excited.then_some(excitation),
            project: Linear::new(&weights[2], &biases[2], wide),
            skip: stride == 1 && inputs == outputs,
        };
        Case { block, weights, biases, gates }
    }

    fn exact(case: &Case, x: &[f32], side: usize) -> Vec<f64> {
        let x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        let wide = match case.block.expand {
            Expand::Copy => x.clone(),
            _ => relu6(linear(&x, &case.weights[0], &case.biases[0])),
        };
        let channels = case.biases[1].len();
        let mut wide =
            relu6(conv(&wide, side, &case.weights[1], &case.biases[1], case.block.depthwise.window, channels));
        if case.block.excitation.is_some() {
            let pixels = wide.len() / channels;
            let mean = |c: usize| wide.iter().skip(c).step_by(channels).sum::<f64>() / pixels as f64;
            let means: Vec<f64> = (0..channels).map(mean).collect();
            let squeezed: Vec<f64> =
                linear(&means, &case.gates[0], &case.gates[1]).into_iter().map(|v| v.max(0.0)).collect();
            let gates = linear(&squeezed, &case.gates[2], &case.gates[3]);
            let gate = |c: usize| (gates[c] + 3.0).clamp(0.0, 6.0) / 6.0;
            wide.iter_mut().enumerate().for_each(|(i, v)| *v *= gate(i % channels));
        }
        let out = linear(&wide, &case.weights[2], &case.biases[2]);
        if case.block.skip { out.iter().zip(&x).map(|(a, b)| a + b).collect() } else { out }
    }

    fn serial(case: &Case, x: &[Lanes], pictures: usize, side: usize) -> Vec<Lanes> {
        let outputs = pictures * case.block.side_after(side).pow(2);
        let mut out = vec![Lanes::ZERO; case.block.project.planes() * outputs];
        let mut planes: Vec<&mut [Lanes]> = out.chunks_mut(outputs).collect();
        let source = Source::Planes(Rows { data: x, stride: pictures * side * side, start: 0 });
        case.block.serial(source, pictures, side, &mut Scratch::default(), &mut planes);
        out
    }

    #[test]
    fn blocks_are_those_of_f64_serial_and_parallel() {
        // side, inputs, wide, outputs, kernel, stride, excited; the large ones are cut into bands
        for (side, inputs, wide, outputs, kernel, stride, excited) in [
            (7, 24, 40, 24, 5, 1, false),
            (14, 16, 33, 48, 3, 2, false),
            (13, 40, 80, 130, 5, 2, false),
            (61, 16, 200, 16, 3, 1, false),
            (90, 5, 120, 7, 5, 2, false),
            (7, 24, 40, 24, 5, 1, true),
            (14, 40, 40, 48, 3, 2, true),
            (13, 24, 24, 24, 3, 1, false),
            (61, 16, 200, 16, 5, 1, true),
            (90, 70, 70, 7, 3, 2, true),
        ] {
            let case = case(inputs, wide, outputs, kernel, stride, excited);
            let x = Random(side as u64).values(side * side * inputs);
            let planes = to_planes(&x, inputs);
            let got = serial(&case, &planes, 1, side);
            let pixels = case.block.side_after(side).pow(2);
            let what = format!("{side} {inputs} {wide} {outputs} {kernel} {stride} {excited}");
            assert_close(&to_rows(&got, pixels, outputs), &exact(&case, &x, side), 2e-6, &what);
            let mut shared = vec![Lanes::ZERO; got.len()];
            let source = Source::Planes(Rows { data: &planes, stride: side * side, start: 0 });
            case.block.parallel(source, 1, side, (&Kept::default(), &mut Vec::new()), &mut shared);
            assert!(shared == got, "{what}: parallel");
            assert_eq!(case.block.bands(1, side).len() > 1, side > 60, "{what}: bands");
        }
    }

    #[test]
    fn pictures_side_by_side_do_not_mix() {
        let (side, inputs, pictures) = (7, 20, 3);
        let case = case(inputs, 50, 20, 5, 1, true);
        let x = Random(9).values(pictures * side * side * inputs);
        let all = serial(&case, &to_planes(&x, inputs), pictures, side);
        let rows = to_rows(&all, pictures * side * side, 20);
        for (picture, x) in x.chunks(side * side * inputs).enumerate() {
            let one = to_rows(&serial(&case, &to_planes(x, inputs), 1, side), side * side, 20);
            assert!(one == rows[picture * one.len()..][..one.len()], "picture {picture}");
        }
    }
}
