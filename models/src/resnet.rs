//! ResNet-18 and ResNet-50: features and ImageNet logits, on any Burn device.
//!
//! He et al., *Deep Residual Learning for Image Recognition*, 2015 (<https://arxiv.org/abs/1512.03385>). Keys and
//! arithmetic are torchvision's, which steps in the 3 x 3 convolution of a bottleneck. `reference/resnet18.py` and
//! `reference/resnet50.py` made the values of the test.

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::convolutional::{Entry, Layer, Shape, average, classified, max_pool};
use crate::efficientnet_lite0::finish;
use crate::encoder::{ImageEncoder, ImageOutput};
use crate::fused::{Activation, Dense};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;

/// PyTorch's default.
pub(crate) const BATCH_NORM_EPS: f64 = 1e-5;
/// Channels of the first layer.
const STEM: usize = 64;
pub(crate) const FIRST_SHAPE: Shape = Shape { input: 3, output: STEM, kernel: 7, stride: 2 };
/// Keys of the first layer, of a block's way round, and of the layer behind the features.
pub(crate) const FIRST: [&str; 2] = ["conv1", "bn1"];
pub(crate) const SHORTCUT: [&str; 2] = ["downsample.0", "downsample.1"];
pub(crate) const CLASSIFIER: &str = "fc";

/// Which of the networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResNetConfig {
    /// Blocks of each of the four stages, of 64, 128, 256 and 512 channels.
    pub layers: [usize; 4],
    /// Whether a block is a 3 x 3 convolution between two of 1 x 1, which makes four times its channels; otherwise it is
    /// two of 3 x 3.
    pub bottleneck: bool,
    /// Length of the logits.
    pub classes: usize,
}

impl ResNetConfig {
    /// ResNet-18 with ImageNet's 1000 classes.
    pub const RESNET18: Self = Self { layers: [2, 2, 2, 2], bottleneck: false, classes: 1000 };
    /// ResNet-50 with ImageNet's 1000 classes.
    pub const RESNET50: Self = Self { layers: [3, 4, 6, 3], bottleneck: true, classes: 1000 };

    /// Length of the average-pooled features.
    pub fn features(&self) -> usize {
        512 * self.expansion()
    }

    fn expansion(&self) -> usize {
        if self.bottleneck { 4 } else { 1 }
    }

    /// The blocks of all stages.
    pub(crate) fn blocks(&self) -> Vec<BlockShape> {
        let (mut blocks, mut input) = (Vec::new(), STEM);
        for (stage, count) in self.layers.into_iter().enumerate() {
            for i in 0..count {
                let stride = if stage > 0 && i == 0 { 2 } else { 1 };
                blocks.push(self.block(format!("layer{}.{i}", stage + 1), input, STEM << stage, stride));
                input = (STEM << stage) * self.expansion();
            }
        }
        blocks
    }

    /// Of a stage of `channels`.
    fn block(&self, key: String, input: usize, channels: usize, stride: usize) -> BlockShape {
        let output = channels * self.expansion();
        let shape = |input, output, kernel, stride| Shape { input, output, kernel, stride };
        let layers = if self.bottleneck {
            vec![shape(input, channels, 1, 1), shape(channels, channels, 3, stride), shape(channels, output, 1, 1)]
        } else {
            vec![shape(input, channels, 3, stride), shape(channels, output, 3, 1)]
        };
        let shortcut = (stride > 1 || input != output).then(|| shape(input, output, 1, stride));
        BlockShape { key, layers, shortcut }
    }
}

/// What a block is, besides its weights.
pub(crate) struct BlockShape {
    /// What its keys are under.
    pub(crate) key: String,
    pub(crate) layers: Vec<Shape>,
    /// Where the way round is more than an addition.
    pub(crate) shortcut: Option<Shape>,
}

/// Keys of layer `number` of a block, counted from 1, and of its norm.
pub(crate) fn layer_keys(number: usize) -> [String; 2] {
    [format!("conv{number}"), format!("bn{number}")]
}

/// Layers, and the way round them.
#[derive(Module, Debug)]
struct Block {
    layers: Vec<Layer>,
    shortcut: Option<Layer>,
}

impl Block {
    fn load(loader: &mut Loader<'_>, shape: &BlockShape) -> Result<Self, CheckpointError> {
        let mut layer = |(i, shape): (usize, &Shape)| {
            let keys = layer_keys(i);
            Layer::load(loader, keys.each_ref().map(String::as_str), *shape, BATCH_NORM_EPS)
        };
        let layers = (1..).zip(&shape.layers).map(&mut layer).collect::<Result<_, _>>()?;
        let shortcut = shape.shortcut.map(|shape| Layer::load(loader, SHORTCUT, shape, BATCH_NORM_EPS));
        Ok(Self { layers, shortcut: shortcut.transpose()? })
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let last = self.layers.len() - 1;
        let through = |x, (i, layer): (usize, &Layer)| {
            layer.forward(x, if i == last { Activation::Identity } else { Activation::Relu })
        };
        let x = self.layers.iter().enumerate().fold(input.clone(), through);
        let round = match &self.shortcut {
            Some(shortcut) => shortcut.forward(input, Activation::Identity),
            None => input,
        };
        activation::relu(x + round)
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct ResNet {
    stem: Layer,
    blocks: Vec<Block>,
    classifier: Dense,
    #[module(skip)]
    entry: Entry,
}

impl ResNet {
    /// Builds the network on `device` from torchvision's checkpoint, for pictures as `preprocessing` cuts them.
    ///
    /// # Errors
    /// A missing, misshapen or unknown key.
    pub fn load(
        config: &ResNetConfig,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, CheckpointError> {
        let loader = &mut Loader::new(&mut checkpoint, device);
        let stem = Layer::load(loader, FIRST, FIRST_SHAPE, BATCH_NORM_EPS)?;
        let block = |shape: &BlockShape| Block::load(&mut loader.under(&shape.key), shape);
        let blocks = config.blocks().iter().map(block).collect::<Result<_, _>>()?;
        let classifier = loader.dense(CLASSIFIER, config.features(), config.classes)?;
        finish(checkpoint)?;
        Ok(Self { stem, blocks, classifier, entry: Entry::new(preprocessing) })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `pixels` `[n, side, side, 3]` to features `[n, 512]` or `[n, 2048]`, and logits `[n, classes]`.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    pub fn features_and_logits(&self, pixels: &[u8]) -> (Tensor<2>, Tensor<2>) {
        let x = max_pool(self.stem.forward(self.entry.pictures(pixels, &self.stem), Activation::Relu));
        let features = average(self.blocks.iter().fold(x, |x, block| block.forward(x)));
        let precision = self.classifier.precision();
        let logits = self.classifier.forward(features.clone().cast(precision), Activation::Identity);
        (features, logits)
    }
}

impl ImageEncoder for ResNet {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        classified(self.features_and_logits(pixels))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::processor;
    use crate::reference::{Golden, everywhere};

    const NARROW: ResNetConfig = ResNetConfig { layers: [2, 1, 1, 1], bottleneck: false, classes: 12 };
    const BOTTLENECK: ResNetConfig = ResNetConfig { bottleneck: true, layers: [1, 1, 1, 1], ..NARROW };

    #[test]
    fn features_and_logits_are_those_of_torchvision() {
        for (name, config) in [("resnet18", NARROW), ("resnet50", BOTTLENECK)] {
            let golden = Golden::read(name);
            everywhere(|device, bound| {
                let network = ResNet::load(&config, &golden.preprocessing(), golden.checkpoint(), device).unwrap();
                let (features, logits) = network.features_and_logits(&golden.pictures());
                assert_eq!(features.dims()[1], config.features());
                golden.check("features", features, bound);
                golden.check("logits", logits, bound);
            });
            golden.check_classifier(&processor::resnet(&config, &golden.preprocessing(), golden.checkpoint()).unwrap());
        }
    }

    #[test]
    fn wrong_keys_are_named() {
        let golden = Golden::read("resnet18");
        let load = |config: &ResNetConfig| {
            let (preprocessing, device) = (golden.preprocessing(), Device::flex());
            let own = processor::resnet(config, &preprocessing, golden.checkpoint()).map(|_| ()).unwrap_err();
            let error = ResNet::load(config, &preprocessing, golden.checkpoint(), &device).map(|_| ()).unwrap_err();
            assert_eq!(own, error);
            error.to_string()
        };
        let deeper = load(&ResNetConfig { layers: [2, 2, 1, 1], ..NARROW });
        assert!(deeper.contains("no tensor `layer2.1.conv1.weight`"), "{deeper}");
        let shallower = load(&ResNetConfig { layers: [1, 1, 1, 1], ..NARROW });
        assert!(shallower.contains("layer1.1.bn1.bias"), "{shallower}");
        let wider = load(&BOTTLENECK);
        assert!(wider.contains("`layer1.0.conv1.weight` has shape [64, 64, 3, 3]"), "{wider}");
    }
}
