//! The layers that the convolutional networks are made of, over pictures `[n, height, width, channels]`.
//!
//! The networks' files name the published keys and put these together; the layers know no network. Batch normalisation is
//! folded into the convolution before it when the weights are loaded.
//!
//! - [`bottleneck`]: mobile inverted bottlenecks, with or without squeeze and excitation.

pub(crate) mod bottleneck;

use bottleneck::Bottleneck;
use burn::module::Module;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use crate::checkpoint::CheckpointError;
use crate::encoder::{ImageOutput, Output};
use crate::fused::{Activation, Convolution, Dense, Padding, Window};
use crate::load::Loader;
use crate::preprocess::{Levels, Preprocessing};

/// What a convolution is, besides its weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Channels in.
    pub(crate) input: usize,
    /// Channels out.
    pub(crate) output: usize,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Step.
    pub(crate) stride: usize,
}

/// A convolution over all channels and its batch normalisation.
#[derive(Module, Debug)]
pub(crate) enum Layer {
    /// Of single pixels: a product.
    Pixel(Dense),
    /// Of their neighbours, too, or of some pixels only.
    Spatial(Convolution),
}

impl Layer {
    /// PyTorch's `Conv2d(padding = kernel // 2, bias = False)` of the key `conv` and its `BatchNorm2d` of the key `norm`.
    pub(crate) fn load(
        loader: &mut Loader<'_>,
        [conv, norm]: [&str; 2],
        shape: Shape,
        epsilon: f64,
    ) -> Result<Self, CheckpointError> {
        let Shape { input, output, kernel, stride } = shape;
        if (kernel, stride) == (1, 1) {
            return Ok(Self::Pixel(loader.pixelwise([conv, norm], input, output, epsilon)?));
        }
        let window = Window { kernel, stride, padding: Padding::Even };
        Ok(Self::Spatial(loader.convolution([conv, norm], input, output, window, epsilon)?))
    }

    pub(crate) fn forward(&self, x: Tensor<4>, then: Activation) -> Tensor<4> {
        match self {
            Self::Pixel(dense) => pixelwise(dense, x, then),
            Self::Spatial(convolution) => convolution.forward(x, then),
        }
    }

    /// In what its weights are kept.
    pub(crate) fn precision(&self) -> FloatDType {
        match self {
            Self::Pixel(dense) => dense.precision(),
            Self::Spatial(convolution) => convolution.precision(),
        }
    }

    /// Where its weights are.
    pub(crate) fn device(&self) -> Device {
        match self {
            Self::Pixel(dense) => dense.device(),
            Self::Spatial(convolution) => convolution.device(),
        }
    }
}

/// A linear layer of each pixel's channels.
pub(crate) fn pixelwise(dense: &Dense, x: Tensor<4>, then: Activation) -> Tensor<4> {
    let [n, height, width, channels] = x.dims();
    let y = dense.forward(x.reshape([n * height * width, channels]), then);
    let channels = y.dims()[1];
    y.reshape([n, height, width, channels])
}

/// PyTorch's `MaxPool2d(kernel_size = 3, stride = 2, padding = 1)`.
pub(crate) fn max_pool(x: Tensor<4>) -> Tensor<4> {
    let options = MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
    max_pool2d(x.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
}

/// The mean over all pixels, `[n, channels]`, in f32: in halves, each addition would cost a digit.
pub(crate) fn average(x: Tensor<4>) -> Tensor<2> {
    let [n, height, width, channels] = x.dims();
    x.cast(FloatDType::F32).reshape([n, height * width, channels]).mean_dim(1).reshape([n, channels])
}

/// How 8-bit pictures enter.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    side: usize,
    levels: Levels,
}

impl Entry {
    /// Of pictures as `preprocessing` cuts them.
    pub(crate) fn new(preprocessing: &Preprocessing) -> Self {
        Self { side: preprocessing.side(), levels: preprocessing.levels() }
    }

    /// `pixels` `[n, side, side, 3]` normalised, for a network that begins with `first`.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    pub(crate) fn pictures(&self, pixels: &[u8], first: &Layer) -> Tensor<4> {
        let picture = self.side * self.side * 3;
        assert!(pixels.len().is_multiple_of(picture), "a batch holds whole pictures");
        let shape = [pixels.len() / picture, self.side, self.side, 3];
        let [red, green, blue] = self.levels.tables();
        let pixels = pixels.as_chunks().0.iter();
        let values: Vec<f32> = pixels
            .flat_map(|[r, g, b]| [red[usize::from(*r)], green[usize::from(*g)], blue[usize::from(*b)]])
            .collect();
        Tensor::<4>::from_data(TensorData::new(values, shape), &first.device()).cast(first.precision())
    }
}

/// What torchvision's mobile networks call `features`: a first layer, bottlenecks and a last layer, with one activation
/// behind both layers.
#[derive(Debug, Clone)]
pub(crate) struct Features {
    /// Channels behind the first layer.
    pub(crate) first: usize,
    /// The bottlenecks, and the keys that each is under.
    pub(crate) blocks: Vec<(String, bottleneck::Shape)>,
    /// The last layer's key.
    pub(crate) number: usize,
    /// Channels behind the bottlenecks and behind the last layer.
    pub(crate) last: [usize; 2],
    pub(crate) activation: Activation,
    pub(crate) epsilon: f64,
}

impl Features {
    /// Keys of the first and the last layer, each with its norm.
    pub(crate) fn ends(&self) -> [[String; 2]; 2] {
        [0, self.number].map(|number| [0, 1].map(|part| format!("features.{number}.{part}")))
    }
}

/// [`Features`] on a Burn device.
#[derive(Module, Debug)]
pub(crate) struct Trunk {
    stem: Layer,
    blocks: Vec<Bottleneck>,
    head: Layer,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    entry: Entry,
}

impl Trunk {
    /// For pictures as `preprocessing` cuts them.
    pub(crate) fn load(
        loader: &mut Loader<'_>,
        features: &Features,
        preprocessing: &Preprocessing,
    ) -> Result<Self, CheckpointError> {
        let Features { first, last: [narrow, wide], activation, epsilon, .. } = *features;
        let [start, end] = features.ends();
        let [start, end] = [&start, &end].map(|keys| keys.each_ref().map(String::as_str));
        let stem = Layer::load(loader, start, Shape { input: 3, output: first, kernel: 3, stride: 2 }, epsilon)?;
        let block = |(key, shape): &(String, bottleneck::Shape)| Bottleneck::numbered(&mut loader.under(key), shape);
        let blocks = features.blocks.iter().map(block).collect::<Result<_, _>>()?;
        let head = Layer::load(loader, end, Shape { input: narrow, output: wide, kernel: 1, stride: 1 }, epsilon)?;
        Ok(Self { stem, blocks, head, activation, entry: Entry::new(preprocessing) })
    }

    /// `pixels` `[n, side, side, 3]` to their features, `[n, channels]`.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    pub(crate) fn features(&self, pixels: &[u8]) -> Tensor<2> {
        let x = self.stem.forward(self.entry.pictures(pixels, &self.stem), self.activation);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        average(self.head.forward(x, self.activation))
    }
}

/// Features and logits as an encoder gives them.
pub(crate) fn classified((features, logits): (Tensor<2>, Tensor<2>)) -> ImageOutput {
    ImageOutput { features: Output::Device(features), logits: Some(Output::Device(logits.cast(FloatDType::F32))) }
}
