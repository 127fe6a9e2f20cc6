//! Mobile inverted bottlenecks: wide between two narrow ends, spatial by one filter a channel.
//!
//! Sandler et al., *MobileNetV2*, 2018 (<https://arxiv.org/abs/1801.04381>); squeeze and excitation: Hu et al.,
//! *Squeeze-and-Excitation Networks*, 2017 (<https://arxiv.org/abs/1709.01507>).

use burn::module::Module;
use burn::tensor::Tensor;

use super::{average, pixelwise};
use crate::checkpoint::CheckpointError;
use crate::fused::{Activation, Convolution, Dense, Window};
use crate::load::Loader;

/// What a bottleneck is, besides its weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Channels in.
    pub(crate) input: usize,
    /// Channels between the ends; where they are those of the input, there is no first layer.
    pub(crate) wide: usize,
    /// Channels out.
    pub(crate) output: usize,
    /// Of the filters.
    pub(crate) window: Window,
    /// Behind the first layer and the filters.
    pub(crate) activation: Activation,
    /// Where there is one.
    pub(crate) excitation: Option<ExcitationShape>,
    /// Of batch normalisation.
    pub(crate) epsilon: f64,
}

/// What squeeze and excitation is, besides its weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExcitationShape {
    /// Channels of the squeezed picture.
    pub(crate) squeezed: usize,
    /// Behind the first layer.
    pub(crate) activation: Activation,
    /// Behind the second one.
    pub(crate) gate: Activation,
}

/// Keys of a bottleneck's convolutions, each with its norm.
pub(crate) struct Keys<'a> {
    pub(crate) expand: [&'a str; 2],
    pub(crate) depthwise: [&'a str; 2],
    /// What holds `fc1` and `fc2`.
    pub(crate) excitation: &'a str,
    pub(crate) project: [&'a str; 2],
}

/// torchvision's keys, which number the parts that there are.
pub(crate) struct Numbered {
    pairs: [[String; 2]; 3],
    excitation: String,
}

impl Numbered {
    pub(crate) fn new(shape: &Shape) -> Self {
        let (depthwise, excited) = (usize::from(shape.wide != shape.input), usize::from(shape.excitation.is_some()));
        let pair = |part: usize| [format!("{part}.0"), format!("{part}.1")];
        let pairs = [pair(0), pair(depthwise), pair(depthwise + 1 + excited)];
        Self { pairs, excitation: (depthwise + 1).to_string() }
    }

    pub(crate) fn keys(&self) -> Keys<'_> {
        let [expand, depthwise, project] = self.pairs.each_ref().map(|pair| pair.each_ref().map(String::as_str));
        Keys { expand, depthwise, excitation: &self.excitation, project }
    }
}

/// Weighs channels by what the whole picture shows.
#[derive(Module, Debug)]
struct Excitation {
    squeeze: Dense,
    excite: Dense,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    gate: Activation,
}

impl Excitation {
    fn load(loader: &mut Loader<'_>, channels: usize, shape: ExcitationShape) -> Result<Self, CheckpointError> {
        let ExcitationShape { squeezed, activation, gate } = shape;
        let mut weight = loader.take("fc1.weight", &[squeezed, channels, 1, 1])?;
        let mut bias = loader.take("fc1.bias", &[squeezed])?;
        // The kernels read four channels at a time; what is filled up meets weights of zero behind.
        let filled = squeezed.next_multiple_of(4);
        weight.resize(filled * channels, 0.0);
        bias.resize(filled, 0.0);
        let squeeze = Dense::new(&weight, bias, loader.device);
        let behind = loader.take("fc2.weight", &[channels, squeezed, 1, 1])?;
        let row = |row: &[f32]| [row, &vec![0.0; filled - squeezed]].concat();
        let weight: Vec<f32> = behind.chunks_exact(squeezed).flat_map(row).collect();
        let excite = Dense::new(&weight, loader.take("fc2.bias", &[channels])?, loader.device);
        Ok(Self { squeeze, excite, activation, gate })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, _, _, channels] = x.dims();
        let squeezed = self.squeeze.forward(average(x.clone()).cast(self.squeeze.precision()), self.activation);
        x * self.excite.forward(squeezed, self.gate).reshape([n, 1, 1, channels])
    }
}

/// The block.
#[derive(Module, Debug)]
pub(crate) struct Bottleneck {
    expand: Option<Dense>,
    depthwise: Convolution,
    excitation: Option<Excitation>,
    project: Dense,
    #[module(skip)]
    skip: bool,
    #[module(skip)]
    activation: Activation,
}

impl Bottleneck {
    pub(crate) fn load(loader: &mut Loader<'_>, keys: &Keys<'_>, shape: &Shape) -> Result<Self, CheckpointError> {
        let Shape { input, wide, output, window, activation, excitation, epsilon } = *shape;
        let expand = (wide != input).then(|| loader.pixelwise(keys.expand, input, wide, epsilon)).transpose()?;
        let depthwise = loader.depthwise(keys.depthwise, wide, window, epsilon)?;
        let excitation = excitation.map(|shape| Excitation::load(&mut loader.under(keys.excitation), wide, shape));
        Ok(Self {
            expand,
            depthwise,
            excitation: excitation.transpose()?,
            project: loader.pixelwise(keys.project, wide, output, epsilon)?,
            skip: window.stride == 1 && input == output,
            activation,
        })
    }

    /// From torchvision's keys.
    pub(crate) fn numbered(loader: &mut Loader<'_>, shape: &Shape) -> Result<Self, CheckpointError> {
        Self::load(&mut loader.under("block"), &Numbered::new(shape).keys(), shape)
    }

    /// `[n, h, w, in]` to `[n, h / stride, w / stride, out]`.
    pub(crate) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let wide = match &self.expand {
            Some(expand) => pixelwise(expand, input.clone(), self.activation),
            None => input.clone(),
        };
        let mut x = self.depthwise.forward(wide, self.activation);
        if let Some(excitation) = &self.excitation {
            x = excitation.forward(x);
        }
        let [n, height, width, channels] = x.dims();
        let x = x.reshape([n * height * width, channels]);
        let x = if self.skip {
            let [n, height, width, channels] = input.dims();
            self.project.forward_onto(x, input.reshape([n * height * width, channels]))
        } else {
            self.project.forward(x, Activation::Identity)
        };
        let channels = x.dims()[1];
        x.reshape([n, height, width, channels])
    }
}
