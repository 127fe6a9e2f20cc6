//! ResNets on the CPU.
//!
//! He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (<https://arxiv.org/abs/1512.03385>). Tables and keys
//! are those of the network on Burn devices, torchvision's. Batch normalisation is folded into the convolutions.

use rayon::prelude::*;

use super::activation::Activation;
use super::block::sized;
use super::classifier::{Classifier, Kept, Trunk, load_linear};
use super::convolution::{Behind, Convolution};
use super::frame::{Frame, Framed, Part};
use super::gemm::Place;
use super::lanes::Lanes;
use super::pool::{max_pool, mean};
use super::stem::Stem;
use crate::convolutional::Shape;
use crate::fused::{Padding, Window};
use crate::preprocess::Preprocessing;
use crate::resnet::{BATCH_NORM_EPS, CLASSIFIER, FIRST, FIRST_SHAPE, ResNetConfig, SHORTCUT, layer_keys};
use crate::weights::{TensorSource, WrongTensor, take_folded};

/// Lines that are pooled at a time behind the first layer, which stay in the second-level cache.
const POOLED_LINES: usize = 14;
/// The longest side of the outputs of blocks whose weights outweigh their activations.
const GROUPED_SIDE: usize = 7;

/// Up to the pooling.
struct ResNet {
    stem: Stem,
    blocks: Vec<Block>,
    features: usize,
    memory: Kept<Memory>,
    /// For the first layer.
    frames: Kept<Vec<Lanes>>,
}

/// Layers, and the way round them.
struct Block {
    layers: Vec<Convolution>,
    shortcut: Option<Convolution>,
}

/// What one thread works in.
#[derive(Default)]
struct Memory {
    here: Vec<Lanes>,
    there: Vec<Lanes>,
    group: Vec<Lanes>,
    round: Vec<Lanes>,
    inner: [Vec<Lanes>; 2],
}

impl Classifier {
    /// ResNet-18 or ResNet-50, for pictures as `preprocessing` cuts them: `tensor(name, shape)` gives the tensor of
    /// torchvision's name, row-major, PyTorch's layout.
    ///
    /// # Errors
    /// What `tensor` returns, and [`WrongTensor`] where it gives another number of values than `shape` says.
    pub fn resnet<E: From<WrongTensor>>(
        config: &ResNetConfig,
        preprocessing: &Preprocessing,
        tensor: &mut TensorSource<'_, E>,
    ) -> Result<Self, E> {
        let Shape { input, output, kernel, stride } = FIRST_SHAPE;
        let shape = [output, input, kernel, kernel];
        let (weight, bias) = take_folded(tensor, FIRST[0], &shape, FIRST[1], BATCH_NORM_EPS)?;
        let window = Window { kernel, stride, padding: Padding::Even };
        let stem = Stem::new(&weight, &bias, window, Activation::Relu, preprocessing.levels());
        let mut blocks = Vec::new();
        for shape in config.blocks() {
            let mut layers = Vec::new();
            for (number, layer) in (1..).zip(shape.layers) {
                let keys = layer_keys(number);
                layers.push(load_layer(tensor, &shape.key, keys.each_ref().map(String::as_str), layer)?);
            }
            let shortcut = shape.shortcut.map(|layer| load_layer(tensor, &shape.key, SHORTCUT, layer));
            blocks.push(Block { layers, shortcut: shortcut.transpose()? });
        }
        let features = config.features();
        let classifier = load_linear(tensor, CLASSIFIER, features, config.classes)?;
        let trunk = Box::new(ResNet { stem, blocks, features, memory: Kept::default(), frames: Kept::default() });
        let layers = vec![(classifier, Activation::Identity)];
        Ok(Self { trunk, layers, side: preprocessing.side(), classes: config.classes })
    }
}

fn load_layer<E: From<WrongTensor>>(
    tensor: &mut TensorSource<'_, E>,
    name: &str,
    [conv, norm]: [&str; 2],
    shape: Shape,
) -> Result<Convolution, E> {
    let Shape { input, output, kernel, stride } = shape;
    let (conv, norm) = (format!("{name}.{conv}"), format!("{name}.{norm}"));
    let (weight, bias) = take_folded(tensor, &conv, &[output, input, kernel, kernel], &norm, BATCH_NORM_EPS)?;
    Ok(Convolution::new(&weight, &bias, kernel, stride))
}

impl Block {
    fn planes(&self) -> usize {
        self.layers.last().map_or(0, Convolution::planes)
    }

    fn side_after(&self, side: usize) -> usize {
        self.layers.iter().fold(side, |side, layer| layer.side_after(side))
    }

    /// What it reads around its pictures.
    fn pad(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.kernel / 2)
    }

    /// `memory.here`, in `frame`, to `memory.here`, with a border of `pad`.
    fn run(&self, frame: Frame, pictures: usize, pad: usize, shared: bool, memory: &mut Memory) -> Frame {
        let Memory { here, there, round, inner: [from, to], .. } = memory;
        let input = Framed { data: here, frame, pictures };
        let mut residual = input;
        if let Some(shortcut) = &self.shortcut {
            let frame = Frame { side: shortcut.side_after(frame.side), pad: 0 };
            let out = sized(round, shortcut.planes() * pictures * frame.area());
            let behind = Behind { residual: None, activation: Activation::Identity };
            shortcut.forward(input, behind, 0, shared, out);
            residual = Framed { data: round, frame, pictures };
        }
        let mut frame = frame;
        for (number, layer) in self.layers.iter().enumerate() {
            let next = self.layers.get(number + 1);
            let input = if number == 0 { input } else { Framed { data: from, frame, pictures } };
            let pad = next.map_or(pad, |next| next.kernel / 2);
            frame = Frame { side: layer.side_after(frame.side), pad };
            let out = sized(if next.is_some() { to } else { there }, layer.planes() * pictures * frame.area());
            let residual = if next.is_some() { None } else { Some(residual) };
            layer.forward(input, Behind { residual, activation: Activation::Relu }, pad, shared, out);
            std::mem::swap(from, to);
        }
        std::mem::swap(&mut memory.here, &mut memory.there);
        frame
    }
}

impl ResNet {
    /// The first layer and its pooling, of one picture.
    fn enter(&self, pixels: &[u8], side: usize, pad: usize, shared: bool, out: &mut Vec<Lanes>) -> Frame {
        let wide = Stem::side_after(side);
        let to = Frame { side: wide.div_ceil(2), pad };
        let out = sized(out, self.stem.planes() * to.area());
        let bands = (0..to.side).step_by(POOLED_LINES).map(|from| from..(from + POOLED_LINES).min(to.side));
        let parts = to.parts(out, 1, bands.collect());
        let run = |(part, out): (Part, Vec<&mut [Lanes]>)| {
            self.frames.lend(|frames| self.pooled(pixels, wide, to, &part, frames, out));
        };
        if shared {
            parts.into_par_iter().for_each(run)
        } else {
            parts.into_iter().for_each(run)
        }
        to
    }

    /// Some lines behind the pooling, of one or two planes.
    fn pooled(
        &self,
        pixels: &[u8],
        wide: usize,
        to: Frame,
        part: &Part,
        frames: &mut Vec<Lanes>,
        mut out: Vec<&mut [Lanes]>,
    ) {
        // One line more than twice as many, and a pixel of padding on each side: zeros, since ReLU leaves no less.
        let (pitch, height) = (wide + 2, 2 * part.lines.len() + 1);
        frames.clear();
        frames.resize(out.len() * height * pitch, Lanes::ZERO);
        let lines = ((2 * part.lines.start).saturating_sub(1), (2 * part.lines.end).min(wide));
        let above = usize::from(part.lines.start == 0);
        let place = Place::Framed { width: wide, height: wide, pitch, area: height * pitch, offset: above * pitch + 1 };
        let mut planes: Vec<&mut [Lanes]> = frames.chunks_mut(height * pitch).collect();
        self.stem.lines_into(pixels, lines, place, &mut Vec::new(), part.plane, &mut planes);
        for (plane, out) in planes.iter().zip(&mut out) {
            to.clear_border(part.first, out);
            for (y, line) in part.lines.clone().enumerate() {
                let at = to.at(line, 0) - part.first * to.pitch();
                max_pool(&plane[2 * y * pitch..], pitch, to.side, &mut out[at..at + to.side]);
            }
        }
    }

    /// The border of the pictures behind block `number`.
    fn pad_after(&self, number: usize) -> usize {
        self.blocks.get(number + 1).map_or(0, Block::pad)
    }
}

impl Trunk for ResNet {
    fn features(&self) -> usize {
        self.features
    }

    fn pool(&self, pixels: &[u8], side: usize, shared: bool, pooled: &mut [Lanes]) {
        let pictures = pixels.len() / (side * side * 3);
        self.memory.lend(|memory| {
            let mut frame = Frame { side, pad: 0 };
            let mut early = 0;
            for (picture, pixels) in pixels.chunks_exact(side * side * 3).enumerate() {
                frame = self.enter(pixels, side, self.blocks.first().map_or(0, Block::pad), shared, &mut memory.here);
                let mut planes = self.stem.planes();
                early = 0;
                for block in &self.blocks {
                    if block.side_after(frame.side) <= GROUPED_SIDE {
                        break;
                    }
                    frame = block.run(frame, 1, self.pad_after(early), shared, memory);
                    (early, planes) = (early + 1, block.planes());
                }
                let group = sized(&mut memory.group, planes * pictures * frame.area());
                let together = group.chunks_exact_mut(pictures * frame.area());
                for (to, from) in together.zip(memory.here.chunks_exact(frame.area())) {
                    to[picture * frame.area()..][..frame.area()].copy_from_slice(from);
                }
            }
            std::mem::swap(&mut memory.here, &mut memory.group);
            for (number, block) in self.blocks.iter().enumerate().skip(early) {
                frame = block.run(frame, pictures, self.pad_after(number), shared, memory);
            }
            for (to, pixels) in pooled.iter_mut().zip(memory.here.chunks_exact(frame.area())) {
                *to = mean(pixels);
            }
        });
    }
}
