//! EfficientNets and MobileNets: a stem, [blocks](super::block), a head, on the CPU.
//!
//! Tan & Le, "EfficientNet", ICML 2019 (<https://arxiv.org/abs/1905.11946>); Howard et al., "Searching for MobileNetV3",
//! ICCV 2019 (<https://arxiv.org/abs/1905.02244>). Tables and keys are those of the networks on Burn devices. Batch
//! normalisation is folded into the convolutions.

use rayon::prelude::*;

use super::activation::Activation;
use super::block::{Block, Expand, Scratch, Source, sized};
use super::classifier::{Classifier, Kept, Trunk, load_linear};
use super::depthwise::Depthwise;
use super::excitation::Excitation;
use super::gemm::{After, Linear, Place, Rows};
use super::lanes::Lanes;
use super::pool::mean;
use super::stem::Stem;
use crate::convolutional::Features;
use crate::convolutional::bottleneck::{ExcitationShape, Keys, Numbered, Shape};
use crate::efficientnet_b0::{self, Stage};
use crate::fused::{Padding, Window};
use crate::mobilenet_v3_small::{self, Row};
use crate::preprocess::Preprocessing;
use crate::weights::{TensorSource, WrongTensor, take, take_folded};

/// The longest side of the inputs of blocks whose weights outweigh their activations.
const GROUPED_SIDE: usize = 14;

/// Up to the pooling.
pub(crate) struct Mobile {
    /// Where the first block begins with a layer of its own; otherwise the stem is a part of it.
    stem: Option<Box<Stem>>,
    blocks: Vec<Block>,
    head: Linear,
    activation: Activation,
    features: usize,
    memory: Kept<Memory>,
    /// Of threads that share a picture.
    scratches: Kept<Scratch>,
}

/// What one thread works in.
#[derive(Default)]
struct Memory {
    scratch: Scratch,
    /// Of a picture that is shared.
    wide: Vec<Lanes>,
    here: Vec<Lanes>,
    there: Vec<Lanes>,
    group: Vec<Lanes>,
}

impl Classifier {
    /// EfficientNet-B0 of these stages and classes, for pictures as `preprocessing` cuts them: `tensor(name, shape)` gives
    /// the tensor of torchvision's name, row-major, PyTorch's layout.
    ///
    /// # Errors
    /// What `tensor` returns, and [`WrongTensor`] where it gives another number of values than `shape` says.
    ///
    /// # Panics
    /// When there is no stage.
    pub fn efficientnet_b0<E: From<WrongTensor>>(
        stages: &[Stage],
        classes: usize,
        preprocessing: &Preprocessing,
        tensor: &mut TensorSource<'_, E>,
    ) -> Result<Self, E> {
        let features = efficientnet_b0::features(stages);
        let layers = [(efficientnet_b0::CLASSIFIER, classes, Activation::Identity)];
        Self::mobile(&features, &layers, preprocessing, tensor)
    }

    /// MobileNetV3-small of these rows and classes; otherwise as [`Classifier::efficientnet_b0`].
    ///
    /// # Errors
    /// As [`Classifier::efficientnet_b0`].
    pub fn mobilenet_v3_small<E: From<WrongTensor>>(
        rows: &[Row],
        classes: usize,
        preprocessing: &Preprocessing,
        tensor: &mut TensorSource<'_, E>,
    ) -> Result<Self, E> {
        let features = mobilenet_v3_small::features(rows);
        let [hidden, classifier] = mobilenet_v3_small::CLASSIFIER;
        let layers =
            [(hidden, mobilenet_v3_small::HIDDEN, Activation::HardSwish), (classifier, classes, Activation::Identity)];
        Self::mobile(&features, &layers, preprocessing, tensor)
    }

    fn mobile<E: From<WrongTensor>>(
        features: &Features,
        layers: &[(&str, usize, Activation)],
        preprocessing: &Preprocessing,
        tensor: &mut TensorSource<'_, E>,
    ) -> Result<Self, E> {
        let Features { first, last: [narrow, wide], activation, epsilon, .. } = *features;
        let [start, end] = features.ends();
        let window = Window { kernel: 3, stride: 2, padding: Padding::Even };
        let (weight, bias) = take_folded(tensor, &start[0], &[first, 3, 3, 3], &start[1], epsilon)?;
        let stem = Stem::new(&weight, &bias, window, activation, preprocessing.levels());
        let mut blocks = Vec::new();
        for (key, shape) in &features.blocks {
            blocks.push(load_block(tensor, &format!("{key}.block"), &Numbered::new(shape).keys(), shape)?);
        }
        let (weight, bias) = take_folded(tensor, &end[0], &[wide, narrow, 1, 1], &end[1], epsilon)?;
        let head = Linear::new(&weight, &bias, narrow);
        let trunk = Box::new(Mobile::new(stem, blocks, (head, activation), wide));
        let (mut behind, mut inputs, mut outputs) = (Vec::new(), wide, wide);
        for &(name, width, activation) in layers {
            behind.push((load_linear(tensor, name, inputs, width)?, activation));
            (inputs, outputs) = (width, width);
        }
        Ok(Self { trunk, layers: behind, side: preprocessing.side(), classes: outputs })
    }
}

/// The block whose keys are under `name`; its first layer is a copy where it does not widen.
pub(crate) fn load_block<E: From<WrongTensor>>(
    tensor: &mut TensorSource<'_, E>,
    name: &str,
    keys: &Keys<'_>,
    shape: &Shape,
) -> Result<Block, E> {
    let Shape { input, wide, output, window, activation, epsilon, .. } = *shape;
    let mut folded = |[conv, norm]: [&str; 2], shape: [usize; 4]| {
        take_folded(tensor, &format!("{name}.{conv}"), &shape, &format!("{name}.{norm}"), epsilon)
    };
    let expand = if wide == input {
        Expand::Copy
    } else {
        let (weight, bias) = folded(keys.expand, [wide, input, 1, 1])?;
        Expand::Pointwise(Linear::new(&weight, &bias, input), activation)
    };
    let (weight, bias) = folded(keys.depthwise, [wide, 1, window.kernel, window.kernel])?;
    let depthwise = Depthwise::new(&weight, &bias, window, activation);
    let (weight, bias) = folded(keys.project, [output, wide, 1, 1])?;
    let project = Linear::new(&weight, &bias, wide);
    let excitation = match shape.excitation {
        Some(shape) => Some(load_excitation(tensor, &format!("{name}.{}", keys.excitation), wide, shape)?),
        None => None,
    };
    Ok(Block { expand, depthwise, excitation, project, skip: window.stride == 1 && input == output })
}

fn load_excitation<E: From<WrongTensor>>(
    tensor: &mut TensorSource<'_, E>,
    name: &str,
    channels: usize,
    shape: ExcitationShape,
) -> Result<Excitation, E> {
    let ExcitationShape { squeezed, activation, gate } = shape;
    let mut layer = |part: &str, inputs: usize, outputs: usize| {
        let weight = take(tensor, &format!("{name}.{part}.weight"), &[outputs, inputs, 1, 1])?;
        let bias = take(tensor, &format!("{name}.{part}.bias"), &[outputs])?;
        Ok::<_, E>(Linear::new(&weight, &bias, inputs))
    };
    let (squeeze, excite) = (layer("fc1", channels, squeezed)?, layer("fc2", squeezed, channels)?);
    Ok(Excitation { squeeze, excite, activation, gate })
}

impl Mobile {
    pub(crate) fn new(
        stem: Stem,
        mut blocks: Vec<Block>,
        (head, activation): (Linear, Activation),
        features: usize,
    ) -> Self {
        let mut stem = Some(Box::new(stem));
        if let Some(block) = blocks.first_mut()
            && matches!(block.expand, Expand::Copy)
        {
            block.expand = stem.take().map_or(Expand::Copy, Expand::Stem);
        }
        Self { stem, blocks, head, activation, features, memory: Kept::default(), scratches: Kept::default() }
    }

    /// A picture behind a stem that is no part of a block, into `memory.here`.
    fn enter(&self, stem: &Stem, pixels: &[u8], side: usize, memory: &mut Memory) {
        let width = Stem::side_after(side);
        let out = sized(&mut memory.here, stem.planes() * width * width);
        let place = Place::Framed { width, height: width, pitch: width, area: width * width, offset: 0 };
        let mut planes: Vec<&mut [Lanes]> = out.chunks_mut(width * width).collect();
        let mut lines = Vec::new();
        for (pair, planes) in planes.chunks_mut(2).enumerate() {
            stem.lines_into(pixels, (0, width), place, &mut lines, 2 * pair, planes);
        }
    }

    /// The blocks on large pictures, picture by picture, into `memory.group`: how many blocks, and the side after them.
    fn early(&self, pixels: &[u8], side: usize, shared: bool, memory: &mut Memory) -> (usize, usize) {
        let (bytes, pictures) = (side * side * 3, pixels.len() / (side * side * 3));
        let mut sides = vec![Stem::side_after(side)];
        for block in &self.blocks {
            sides.push(block.side_after(sides[sides.len() - 1]));
        }
        let early = (1..self.blocks.len()).find(|b| sides[*b] <= GROUPED_SIDE).unwrap_or(self.blocks.len());
        let last = sides[early] * sides[early];
        for (picture, pixels) in pixels.chunks_exact(bytes).enumerate() {
            if let Some(stem) = &self.stem {
                self.enter(stem, pixels, side, memory);
            }
            for (b, block) in self.blocks[..early].iter().enumerate() {
                let outputs = sides[b + 1] * sides[b + 1];
                let rows = Rows { data: &memory.here, stride: sides[b] * sides[b], start: 0 };
                let from_bytes = b == 0 && self.stem.is_none();
                let source = if from_bytes { Source::Bytes(pixels) } else { Source::Planes(rows) };
                let grouped = b + 1 == early;
                let out = if grouped { &mut memory.group } else { &mut memory.there };
                let (start, stride) = if grouped { (picture * last, pictures * last) } else { (0, outputs) };
                let out = sized(out, block.project.planes() * stride);
                if shared {
                    block.parallel(source, 1, sides[b], (&self.scratches, &mut memory.wide), out);
                } else {
                    let planes = out.chunks_exact_mut(stride).take(block.project.planes());
                    let mut out: Vec<&mut [Lanes]> = planes.map(|plane| &mut plane[start..start + outputs]).collect();
                    block.serial(source, 1, sides[b], &mut memory.scratch, &mut out);
                }
                if !grouped {
                    std::mem::swap(&mut memory.here, &mut memory.there);
                }
            }
        }
        (early, sides[early])
    }

    /// One or two planes of the head, averaged over the pixels of each picture.
    fn head_pair(&self, input: Rows<'_>, pictures: usize, first: usize, pooled: &mut [Lanes]) {
        let count = input.stride;
        let mut wide = vec![Lanes::ZERO; pooled.len() / pictures * count];
        let mut planes: Vec<&mut [Lanes]> = wide.chunks_mut(count).collect();
        self.head.planes_into(first, input, count, After::activation(self.activation), &mut planes);
        for (to, pixels) in pooled.iter_mut().zip(wide.chunks_exact(count / pictures)) {
            *to = mean(pixels);
        }
    }
}

impl Trunk for Mobile {
    fn features(&self) -> usize {
        self.features
    }

    fn pool(&self, pixels: &[u8], side: usize, shared: bool, pooled: &mut [Lanes]) {
        let pictures = pixels.len() / (side * side * 3);
        self.memory.lend(|memory| {
            let (early, mut side) = self.early(pixels, side, shared, memory);
            std::mem::swap(&mut memory.here, &mut memory.group);
            for block in &self.blocks[early..] {
                let pixels = pictures * side * side;
                let outputs = pictures * block.side_after(side).pow(2);
                let out = sized(&mut memory.there, block.project.planes() * outputs);
                let source = Source::Planes(Rows { data: &memory.here, stride: pixels, start: 0 });
                if shared {
                    block.parallel(source, pictures, side, (&self.scratches, &mut memory.wide), out);
                } else {
                    let mut out: Vec<&mut [Lanes]> = out.chunks_mut(outputs).collect();
                    block.serial(source, pictures, side, &mut memory.scratch, &mut out);
                }
                side = block.side_after(side);
                std::mem::swap(&mut memory.here, &mut memory.there);
            }
            let input = Rows { data: &memory.here, stride: pictures * side * side, start: 0 };
            let pairs = pooled.par_chunks_mut(2 * pictures).enumerate();
            let pairs = pairs.with_min_len(if shared { 1 } else { usize::MAX });
            pairs.for_each(|(pair, pooled)| self.head_pair(input, pictures, 2 * pair, pooled));
        });
    }
}
