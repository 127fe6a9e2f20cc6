//! DINOv2: pictures to vectors, learned without labels, on any Burn device.
//!
//! Oquab et al., *DINOv2: Learning Robust Visual Features without Supervision*, 2023
//! (<https://arxiv.org/abs/2304.07193>). Keys and arithmetic are those of Hugging Face's `Dinov2Model`; weights:
//! `facebook/dinov2-small`. `reference/dinov2.py` made the values of the test.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use serde::Deserialize;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::config::{self, ConfigError, LoadError, require, require_patches};
use crate::encoder::{ImageEncoder, ImageOutput, Output};
use crate::fused::{Lengths, RowNorm};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;
use crate::transformer::block::{Block, Mlp, Order, SelfAttention};
use crate::transformer::decoder::nth;
use crate::transformer::patches::{Extents, PatchEmbedding, Positions};
use crate::transformer::resample::{Axis, resample};
use crate::transformer::tower::Layers;

/// The published `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct Dinov2Config {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub mlp_ratio: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
    pub image_size: usize,
    pub patch_size: usize,
    pub num_channels: usize,
    pub qkv_bias: bool,
    pub use_swiglu_ffn: bool,
}

impl Default for Dinov2Config {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            mlp_ratio: 4,
            hidden_act: "gelu".to_owned(),
            layer_norm_eps: 1e-6,
            image_size: 224,
            patch_size: 16,
            num_channels: 3,
            qkv_bias: true,
            use_swiglu_ffn: false,
        }
    }
}

impl Dinov2Config {
    /// From the bytes of the published file.
    ///
    /// # Errors
    /// What is not such a file.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        config::read(json)
    }

    fn layers(&self) -> Result<Layers, ConfigError> {
        require(self.num_channels == 3, "num_channels", self.num_channels, "3")?;
        require(self.qkv_bias, "qkv_bias", self.qkv_bias, "true")?;
        require(!self.use_swiglu_ffn, "use_swiglu_ffn", self.use_swiglu_ffn, "false")?;
        require_patches("", self.image_size, self.patch_size)?;
        let layers = Layers {
            count: self.num_hidden_layers,
            width: self.hidden_size,
            inner: self.hidden_size * self.mlp_ratio,
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            activation: config::activation("hidden_act", &self.hidden_act)?,
            causal: false,
        };
        layers.checked("")
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Dinov2 {
    patches: PatchEmbedding,
    positions: Positions,
    blocks: Vec<Block>,
    norm: RowNorm,
    #[module(skip)]
    side: usize,
}

impl Dinov2 {
    /// Builds the network on `device` from the published files, for pictures as `preprocessing` cuts them.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(
        config: &Dinov2Config,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let layers = config.layers()?;
        let width = layers.width;
        let side = preprocessing.crop.map_or(config.image_size, |crop| crop as usize);
        require(side >= config.patch_size, "crop_size", side, "at least patch_size")?;
        let loader = &mut Loader::new(&mut checkpoint, device);
        let projection = "embeddings.patch_embeddings.projection";
        let patches = PatchEmbedding::load(loader, projection, config.patch_size, width, &preprocessing.levels())?;
        let (learned, _) = patches.grid(Extents::square(config.image_size));
        let class = loader.take("embeddings.cls_token", &[1, 1, width])?;
        let positions = loader.take("embeddings.position_embeddings", &[1, learned * learned + 1, width])?;
        let (grid, _) = patches.grid(Extents::square(side));
        let positions = Positions::new(Some(class), on_grid(positions, learned, grid, width), width, loader);
        let block = |i: usize| block(&mut loader.under(&format!("encoder.layer.{i}")), &layers);
        let blocks = (0..layers.count).map(block).collect::<Result<_, _>>()?;
        let norm = loader.norm("layernorm", width, layers.epsilon)?;
        // Stands for patches that are hidden in training.
        checkpoint.ignore("embeddings.mask_token");
        checkpoint.finish()?;
        Ok(Self { patches, positions, blocks, norm, side })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `pixels` `[n, side, side, 3]` to the last hidden state `[n * tokens, hidden_size]`, the class token first.
    pub fn states(&self, pixels: &[u8]) -> Tensor<2> {
        self.norm.forward(self.raw_states(pixels)).cast(FloatDType::F32)
    }

    /// `pixels` `[n, side, side, 3]` to the state of the class token, `[n, hidden_size]`.
    pub fn features(&self, pixels: &[u8]) -> Tensor<2> {
        let class = nth(self.raw_states(pixels), self.positions.tokens(), 0);
        self.norm.forward(class).cast(FloatDType::F32)
    }

    fn raw_states(&self, pixels: &[u8]) -> Tensor<2> {
        let (extents, device) = (Extents::square(self.side), self.positions.device());
        let patches = self.patches.forward(pixels, extents, &device, self.positions.precision());
        let tokens = self.positions.tokens();
        let lengths = Lengths::whole(extents.pictures(pixels), tokens, &device);
        self.blocks.iter().fold(self.positions.forward(patches), |x, block| block.forward(x, &lengths, tokens))
    }
}

impl ImageEncoder for Dinov2 {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        ImageOutput { features: Output::Device(self.features(pixels)), logits: None }
    }
}

/// Positions `[1 + learned * learned, width]` for a grid of another side, the class token's first.
fn on_grid(positions: Vec<f32>, learned: usize, side: usize, width: usize) -> Vec<f32> {
    if learned == side {
        return positions;
    }
    // The tenth is the reference's guard against rounding; it moves every patch a little.
    let axis = Axis::bicubic(learned, side, (side as f64 + 0.1) / learned as f64);
    let (class, patches) = positions.split_at(width);
    let mut all = class.to_vec();
    all.extend(resample(patches, &axis, &axis, width));
    all
}

fn block(loader: &mut Loader<'_>, layers: &Layers) -> Result<Block, CheckpointError> {
    let Layers { width, inner, heads, epsilon, activation, .. } = *layers;
    let input = ["attention.attention.query", "attention.attention.key", "attention.attention.value"];
    Ok(Block {
        attention: SelfAttention {
            input: loader.stacked(&input, width, width)?,
            output: loader.dense_scaled("attention.output.dense", "layer_scale1.lambda1", width, width)?,
            heads,
            causal: false,
        },
        attention_norm: loader.norm("norm1", width, epsilon)?,
        cross: None,
        mlp: Mlp {
            up: loader.dense("mlp.fc1", width, inner)?,
            down: loader.dense_scaled("mlp.fc2", "layer_scale2.lambda1", inner, width)?,
            activation,
        },
        mlp_norm: loader.norm("norm2", width, epsilon)?,
        order: Order::Before,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn states_are_those_of_pytorch() {
        // A grid of 5 x 5 learned positions, pictures of 3 x 3 patches.
        let golden = Golden::read("dinov2");
        let config = Dinov2Config::from_json(&golden.config()).unwrap();
        everywhere(|device, bound| {
            let network = Dinov2::load(&config, &golden.preprocessing(), golden.checkpoint(), device).unwrap();
            golden.check("states", network.states(&golden.pictures()), bound);
            golden.check("features", network.features(&golden.pictures()), bound);
        });
    }

    #[test]
    fn unsupported_values_and_wrong_keys_are_named() {
        let golden = Golden::read("dinov2");
        let config = Dinov2Config::from_json(&golden.config()).unwrap();
        let load = |config: &Dinov2Config, checkpoint| {
            let device = Device::flex();
            Dinov2::load(config, &golden.preprocessing(), checkpoint, &device).map(|_| ()).unwrap_err().to_string()
        };
        let swiglu = Dinov2Config { use_swiglu_ffn: true, ..config.clone() };
        assert!(load(&swiglu, golden.checkpoint()).contains("`use_swiglu_ffn` is true"));
        let deeper = Dinov2Config { num_hidden_layers: 3, ..config.clone() };
        assert!(load(&deeper, golden.checkpoint()).contains("no tensor `encoder.layer.2."));
        let shallower = Dinov2Config { num_hidden_layers: 1, ..config };
        assert!(load(&shallower, golden.checkpoint()).contains("encoder.layer.1.norm1.bias"));
    }
}
