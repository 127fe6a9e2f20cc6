//! SigLIP: pictures and sentences to vectors of one space, on any Burn device.
//!
//! Zhai et al., *Sigmoid Loss for Language Image Pre-Training*, 2023 (<https://arxiv.org/abs/2303.15343>). Keys and
//! arithmetic are those of Hugging Face's `SiglipModel`; weights: `google/siglip-base-patch16-224`.
//! `reference/siglip.py` made the values of the test.

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Tensor};
use serde::Deserialize;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::clip::unit_rows;
use crate::config::{self, ConfigError, LoadError, require, require_patches};
use crate::encoder::{ImageEncoder, ImageOutput, Output, Similarity, TextEncoder};
use crate::fused::{Activation, Dense, Lengths, Pairs, RowNorm, cross_attention};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;
use crate::transformer::block::Mlp;
use crate::transformer::decoder::last;
use crate::transformer::patches::{Extents, PatchEmbedding, Positions};
use crate::transformer::sentences::Sentences;
use crate::transformer::tower::{Layers, Tower};
use crate::transformer::vocabulary::Table;

/// The published `config.json`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct SiglipConfig {
    pub text_config: TextConfig,
    pub vision_config: VisionConfig,
}

/// The sentences' tower.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct TextConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub max_position_embeddings: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
    pub pad_token_id: u32,
}

/// The pictures' tower.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct VisionConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_channels: usize,
    pub image_size: usize,
    pub patch_size: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 32_000,
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            max_position_embeddings: 64,
            hidden_act: "gelu_pytorch_tanh".to_owned(),
            layer_norm_eps: 1e-6,
            pad_token_id: 1,
        }
    }
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 16,
            hidden_act: "gelu_pytorch_tanh".to_owned(),
            layer_norm_eps: 1e-6,
        }
    }
}

impl SiglipConfig {
    /// From the bytes of the published file.
    ///
    /// # Errors
    /// What is not such a file.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        config::read(json)
    }
}

impl TextConfig {
    fn layers(&self) -> Result<Layers, ConfigError> {
        let layers = Layers {
            count: self.num_hidden_layers,
            width: self.hidden_size,
            inner: self.intermediate_size,
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            activation: config::activation("text_config.hidden_act", &self.hidden_act)?,
            causal: false,
        };
        layers.checked("text_config.")
    }
}

impl VisionConfig {
    fn layers(&self) -> Result<Layers, ConfigError> {
        require(self.num_channels == 3, "vision_config.num_channels", self.num_channels, "3")?;
        require_patches("vision_config.", self.image_size, self.patch_size)?;
        let layers = Layers {
            count: self.num_hidden_layers,
            width: self.hidden_size,
            inner: self.intermediate_size,
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            activation: config::activation("vision_config.hidden_act", &self.hidden_act)?,
            causal: false,
        };
        layers.checked("vision_config.")
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Siglip {
    vision: Vision,
    text: Text,
    #[module(skip)]
    scale: f32,
    #[module(skip)]
    bias: f32,
}

/// The pictures' tower.
#[derive(Module, Debug)]
struct Vision {
    patches: PatchEmbedding,
    positions: Positions,
    tower: Tower,
    norm: RowNorm,
    pooling: Pooling,
    #[module(skip)]
    side: usize,
}

/// One learned query that looks at all tokens of a picture.
#[derive(Module, Debug)]
struct Pooling {
    /// `[1, width]`.
    probe: Param<Tensor<2>>,
    query: Dense,
    pairs: Dense,
    output: Dense,
    norm: RowNorm,
    mlp: Mlp,
    #[module(skip)]
    heads: usize,
}

/// The sentences' tower.
#[derive(Module, Debug)]
struct Text {
    tokens: Table,
    positions: Table,
    tower: Tower,
    norm: RowNorm,
    head: Dense,
    #[module(skip)]
    filling: u32,
}

impl Siglip {
    /// Builds the network on `device` from the published files.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(
        config: &SiglipConfig,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let mut loader = Loader::new(&mut checkpoint, device);
        let vision = Vision::load(&mut loader.under("vision_model"), &config.vision_config, preprocessing)?;
        let text = Text::load(&mut loader.under("text_model"), &config.text_config)?;
        let (scale, bias) = (loader.take("logit_scale", &[1])?[0].exp(), loader.take("logit_bias", &[1])?[0]);
        checkpoint.ignore("position_ids");
        checkpoint.finish()?;
        Ok(Self { vision, text, scale, bias })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// How its vectors are compared; a logit's sigmoid is the probability that picture and text belong together.
    pub fn similarity(&self) -> Similarity {
        Similarity { scale: self.scale, bias: self.bias }
    }

    /// `pixels` `[n, side, side, 3]` to the last hidden state `[n * tokens, hidden_size]`.
    pub fn image_states(&self, pixels: &[u8]) -> Tensor<2> {
        self.vision.states(pixels).cast(FloatDType::F32)
    }

    /// `pixels` `[n, side, side, 3]` to `[n, hidden_size]`, of any length.
    pub fn image_features(&self, pixels: &[u8]) -> Tensor<2> {
        let n = Extents::square(self.vision.side).pictures(pixels);
        self.vision.pooling.forward(self.vision.states(pixels), n).cast(FloatDType::F32)
    }

    /// Sentences to `[n, hidden_size]`, of any length. They are filled up to the most tokens that the network reads, as
    /// it was trained; it looks at the filling, too.
    ///
    /// # Panics
    /// When a sentence has no token, more than the network reads, or one outside its vocabulary.
    pub fn text_features(&self, sentences: &[&[u32]]) -> Tensor<2> {
        self.text.features(sentences).cast(FloatDType::F32)
    }
}

impl ImageEncoder for Siglip {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        ImageOutput { features: Output::Device(self.image_features(pixels)), logits: None }
    }
}

impl TextEncoder for Siglip {
    fn forward(&self, sentences: &[&[u32]]) -> Output {
        Output::Device(unit_rows(self.text_features(sentences)))
    }
}

impl Vision {
    fn load(loader: &mut Loader<'_>, config: &VisionConfig, preprocessing: &Preprocessing) -> Result<Self, LoadError> {
        let (layers, side) = (config.layers()?, config.image_size);
        let width = layers.width;
        let levels = preprocessing.levels();
        let patches = PatchEmbedding::load(loader, "embeddings.patch_embedding", config.patch_size, width, &levels)?;
        let (down, across) = patches.grid(Extents::square(side));
        let positions = loader.take("embeddings.position_embedding.weight", &[down * across, width])?;
        Ok(Self {
            patches,
            positions: Positions::new(None, positions, width, loader),
            tower: Tower::load(loader, &layers)?,
            norm: loader.norm("post_layernorm", width, layers.epsilon)?,
            pooling: Pooling::load(&mut loader.under("head"), &layers)?,
            side,
        })
    }

    fn states(&self, pixels: &[u8]) -> Tensor<2> {
        let (extents, device, tokens) = (Extents::square(self.side), self.positions.device(), self.positions.tokens());
        let patches = self.patches.forward(pixels, extents, &device, self.positions.precision());
        let lengths = Lengths::whole(extents.pictures(pixels), tokens, &device);
        self.norm.forward(self.tower.forward(self.positions.forward(patches), &lengths, tokens))
    }
}

impl Pooling {
    fn load(loader: &mut Loader<'_>, layers: &Layers) -> Result<Self, CheckpointError> {
        let Layers { width, inner, heads, epsilon, activation, .. } = *layers;
        let probe = loader.take("probe", &[1, 1, width])?;
        // Queries, keys and values one below the other, as PyTorch's own attention has them.
        let weight = loader.take("attention.in_proj_weight", &[3 * width, width])?;
        let bias = loader.take("attention.in_proj_bias", &[3 * width])?;
        let ((query, pairs), (query_bias, pairs_bias)) = (weight.split_at(width * width), bias.split_at(width));
        Ok(Self {
            probe: loader.put(probe, [1, width]),
            query: Dense::new(query, query_bias.to_vec(), loader.device),
            pairs: Dense::new(pairs, pairs_bias.to_vec(), loader.device),
            output: loader.dense("attention.out_proj", width, width)?,
            norm: loader.norm("layernorm", width, epsilon)?,
            mlp: Mlp {
                up: loader.dense("mlp.fc1", width, inner)?,
                down: loader.dense("mlp.fc2", inner, width)?,
                activation,
            },
            heads,
        })
    }

    /// `[n * tokens, width]` to `[n, width]`.
    fn forward(&self, states: Tensor<2>, n: usize) -> Tensor<2> {
        let [rows, width] = states.dims();
        let lengths = Lengths::whole(n, rows / n, &states.device());
        let query = self.query.forward(self.probe.val(), Activation::Identity).expand([n, width]);
        let pairs = Pairs::split(self.pairs.forward(states, Activation::Identity), n, self.heads);
        let x = self.output.forward(cross_attention(query, &pairs, &lengths), Activation::Identity);
        self.mlp.onto(x, &self.norm)
    }
}

impl Text {
    fn load(loader: &mut Loader<'_>, config: &TextConfig) -> Result<Self, LoadError> {
        let layers = config.layers()?;
        let (width, most) = (layers.width, config.max_position_embeddings);
        Ok(Self {
            tokens: Table::load(loader, "embeddings.token_embedding.weight", config.vocab_size, width)?,
            positions: Table::load(loader, "embeddings.position_embedding.weight", most, width)?,
            tower: Tower::load(loader, &layers)?,
            norm: loader.norm("final_layer_norm", width, layers.epsilon)?,
            head: loader.dense("head", width, width)?,
            filling: config.pad_token_id,
        })
    }

    fn features(&self, sentences: &[&[u32]]) -> Tensor<2> {
        let most = self.positions.rows();
        let rows = Sentences::filled(sentences, most, most, self.filling);
        let x = self.tokens.forward(&rows.ids) + self.positions.forward(&rows.positions());
        let lengths = Lengths::whole(rows.count(), most, &x.device());
        let x = last(self.tower.forward(x, &lengths, most), most);
        self.head.forward(self.norm.forward(x), Activation::Identity)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn both_towers_are_those_of_pytorch() {
        let golden = Golden::read("siglip");
        let config = SiglipConfig::from_json(&golden.config()).unwrap();
        everywhere(|device, bound| {
            let network = Siglip::load(&config, &golden.preprocessing(), golden.checkpoint(), device).unwrap();
            golden.check("image_states", network.image_states(&golden.pictures()), bound);
            let images = network.image_features(&golden.pictures());
            golden.check("image_features", images.clone(), bound);
            let sentences = golden.sentences("sentences");
            let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
            let texts = network.text_features(&sentences);
            golden.check("text_features", texts.clone(), bound);
            let (images, texts, similarity) = (Golden::rows(images), Golden::rows(texts), network.similarity());
            let row = |image: &Vec<f32>| texts.iter().map(|text| similarity.logit(image, text)).collect();
            golden.check_rows("logits_per_image", &images.iter().map(row).collect::<Vec<_>>(), bound);
        });
    }
}
