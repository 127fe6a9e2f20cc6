//! CLIP: pictures and sentences to vectors of one space, on any Burn device.
//!
//! Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*, 2021
//! (<https://arxiv.org/abs/2103.00020>). Keys and arithmetic are those of Hugging Face's `CLIPModel`; weights:
//! `openai/clip-vit-base-patch32`. `reference/clip.py` made the values of the test.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use serde::Deserialize;

use crate::checkpoint::Checkpoint;
use crate::config::{self, ConfigError, LoadError, require, require_fours, require_patches};
use crate::encoder::{ImageEncoder, ImageOutput, Output, Similarity, TextEncoder};
use crate::fused::{Activation, Dense, Lengths, RowNorm};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;
use crate::transformer::decoder::nth;
use crate::transformer::patches::{Extents, PatchEmbedding, Positions};
use crate::transformer::sentences::Sentences;
use crate::transformer::tower::{Layers, Tower};
use crate::transformer::vocabulary::Table;

/// The published `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClipConfig {
    /// Of the sentences' tower.
    pub text_config: TextConfig,
    /// Of the pictures' tower.
    pub vision_config: VisionConfig,
    /// Length of the vectors.
    pub projection_dim: usize,
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
    pub eos_token_id: u32,
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

impl Default for ClipConfig {
    fn default() -> Self {
        Self { text_config: TextConfig::default(), vision_config: VisionConfig::default(), projection_dim: 512 }
    }
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49_408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
            eos_token_id: 49_407,
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
            patch_size: 32,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
        }
    }
}

impl ClipConfig {
    /// From the bytes of the published file.
    ///
    /// # Errors
    /// What is not such a file.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        config::read(json)
    }
}

/// The pictures' tower.
#[derive(Module, Debug)]
struct Vision {
    patches: PatchEmbedding,
    positions: Positions,
    first_norm: RowNorm,
    tower: Tower,
    last_norm: RowNorm,
    projection: Dense,
    #[module(skip)]
    side: usize,
}

/// The sentences' tower.
#[derive(Module, Debug)]
struct Text {
    tokens: Table,
    positions: Table,
    tower: Tower,
    last_norm: RowNorm,
    projection: Dense,
    #[module(skip)]
    most: usize,
    #[module(skip)]
    end: u32,
}

/// The network.
#[derive(Module, Debug)]
pub struct Clip {
    vision: Vision,
    text: Text,
    #[module(skip)]
    scale: f32,
}

impl Clip {
    /// Builds the network on `device` from the published files.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(
        config: &ClipConfig,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, LoadError> {
        require_fours("projection_dim", config.projection_dim)?;
        let mut loader = Loader::new(&mut checkpoint, device);
        let vision = Vision::load(&mut loader, config, preprocessing)?;
        let text = Text::load(&mut loader, config)?;
        let scale = loader.take("logit_scale", &[])?[0].exp();
        checkpoint.ignore("position_ids");
        checkpoint.finish()?;
        Ok(Self { vision, text, scale })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// How its vectors are compared.
    pub fn similarity(&self) -> Similarity {
        Similarity { scale: self.scale, bias: 0.0 }
    }

    /// `pixels` `[n, side, side, 3]` to the last hidden state `[n * tokens, hidden_size]`, the class token first.
    pub fn image_states(&self, pixels: &[u8]) -> Tensor<2> {
        self.vision.states(pixels)
    }

    /// `pixels` `[n, side, side, 3]` to `[n, projection_dim]`, of any length.
    pub fn image_features(&self, pixels: &[u8]) -> Tensor<2> {
        let states = self.vision.states(pixels);
        let class = self.vision.last_norm.forward(nth(states, self.vision.positions.tokens(), 0));
        self.vision.projection.forward(class, Activation::Identity).cast(FloatDType::F32)
    }

    /// Sentences to `[n, projection_dim]`, of any length.
    ///
    /// # Panics
    /// When a sentence has no token, more than the network reads, or one outside its vocabulary.
    pub fn text_features(&self, sentences: &[&[u32]]) -> Tensor<2> {
        let pooled = self.text.pooled(sentences);
        self.text.projection.forward(pooled, Activation::Identity).cast(FloatDType::F32)
    }
}

impl ImageEncoder for Clip {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        ImageOutput { features: Output::Device(self.image_features(pixels)), logits: None }
    }
}

impl TextEncoder for Clip {
    fn forward(&self, sentences: &[&[u32]]) -> Output {
        Output::Device(unit_rows(self.text_features(sentences)))
    }
}

/// Rows scaled to length 1.
pub(crate) fn unit_rows(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().powi_scalar(2).sum_dim(1).sqrt();
    x / length.clamp_min(1e-12)
}

impl Vision {
    fn load(loader: &mut Loader<'_>, config: &ClipConfig, preprocessing: &Preprocessing) -> Result<Self, LoadError> {
        let VisionConfig { hidden_size: width, image_size: side, patch_size: patch, layer_norm_eps: epsilon, .. } =
            config.vision_config;
        let layers = config.vision_config.layers()?;
        let projection = loader.dense_unbiased("visual_projection", width, config.projection_dim)?;
        let mut loader = loader.under("vision_model");
        let patches =
            PatchEmbedding::load(&mut loader, "embeddings.patch_embedding", patch, width, &preprocessing.levels())?;
        let (down, across) = patches.grid(Extents::square(side));
        let class = loader.take("embeddings.class_embedding", &[width])?;
        let positions = loader.take("embeddings.position_embedding.weight", &[down * across + 1, width])?;
        Ok(Self {
            patches,
            positions: Positions::new(Some(class), positions, width, &loader),
            // Published with this spelling.
            first_norm: loader.norm("pre_layrnorm", width, epsilon)?,
            tower: Tower::load(&mut loader, &layers)?,
            last_norm: loader.norm("post_layernorm", width, epsilon)?,
            projection,
            side,
        })
    }

    fn states(&self, pixels: &[u8]) -> Tensor<2> {
        let (extents, device) = (Extents::square(self.side), self.positions.device());
        let patches = self.patches.forward(pixels, extents, &device, self.positions.precision());
        let x = self.first_norm.forward(self.positions.forward(patches));
        let tokens = self.positions.tokens();
        self.tower.forward(x, &Lengths::whole(extents.pictures(pixels), tokens, &device), tokens)
    }
}

impl Text {
    fn load(loader: &mut Loader<'_>, config: &ClipConfig) -> Result<Self, LoadError> {
        let TextConfig { hidden_size: width, max_position_embeddings: most, vocab_size, eos_token_id: end, .. } =
            config.text_config;
        let layers = config.text_config.layers()?;
        let projection = loader.dense_unbiased("text_projection", width, config.projection_dim)?;
        let mut loader = loader.under("text_model");
        Ok(Self {
            tokens: Table::load(&mut loader, "embeddings.token_embedding.weight", vocab_size, width)?,
            positions: Table::load(&mut loader, "embeddings.position_embedding.weight", most, width)?,
            tower: Tower::load(&mut loader, &layers)?,
            last_norm: loader.norm("final_layer_norm", width, config.text_config.layer_norm_eps)?,
            projection,
            most,
            end,
        })
    }

    /// The state of each sentence's last token: `[n, hidden_size]`.
    fn pooled(&self, sentences: &[&[u32]]) -> Tensor<2> {
        let rows = Sentences::new(sentences, self.most);
        let x = self.tokens.forward(&rows.ids) + self.positions.forward(&rows.positions());
        let device = x.device();
        // No token sees the filling, which comes after all others.
        let lengths = Lengths::whole(rows.count(), rows.tokens, &device);
        let x = self.tower.forward(x, &lengths, rows.tokens);
        let ends = sentences.iter().enumerate().map(|(i, s)| (i * rows.tokens + self.end_of(s)) as i32).collect();
        let ends = Tensor::<1, Int>::from_data(TensorData::new::<i32, _>(ends, [rows.count()]), &device);
        self.last_norm.forward(x.select(0, ends))
    }

    /// Where a sentence ends: at the first ending token. Files from before it was published say 2, and mean the
    /// largest id.
    fn end_of(&self, sentence: &[u32]) -> usize {
        let end = if self.end == 2 { sentence.iter().copied().max().unwrap_or(0) } else { self.end };
        sentence.iter().position(|id| *id == end).unwrap_or(0)
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

impl TextConfig {
    fn layers(&self) -> Result<Layers, ConfigError> {
        let layers = Layers {
            count: self.num_hidden_layers,
            width: self.hidden_size,
            inner: self.intermediate_size,
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            activation: config::activation("text_config.hidden_act", &self.hidden_act)?,
            causal: true,
        };
        layers.checked("text_config.")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn both_towers_are_those_of_pytorch() {
        let golden = Golden::read("clip");
        let config = ClipConfig::from_json(&golden.config()).unwrap();
        let preprocessing = golden.preprocessing();
        everywhere(|device, bound| {
            let clip = Clip::load(&config, &preprocessing, golden.checkpoint(), device).unwrap();
            golden.check("image_states", clip.image_states(&golden.pictures()), bound);
            let images = clip.image_features(&golden.pictures());
            golden.check("image_features", images.clone(), bound);
            let sentences = golden.sentences("sentences");
            let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
            let texts = clip.text_features(&sentences);
            golden.check("text_features", texts.clone(), bound);
            let (images, texts) = (Golden::rows(images), Golden::rows(texts));
            let logits: Vec<Vec<f32>> = images
                .iter()
                .map(|image| texts.iter().map(|text| clip.similarity().logit(image, text)).collect())
                .collect();
            golden.check_rows("logits_per_image", &logits, bound);
        });
    }

    #[test]
    fn wrong_files_are_named() {
        let golden = Golden::read("clip");
        let mut config = ClipConfig::from_json(&golden.config()).unwrap();
        let device = Device::flex();
        let load = |config: &ClipConfig, checkpoint| {
            Clip::load(config, &golden.preprocessing(), checkpoint, &device).map(|_| ()).unwrap_err().to_string()
        };
        for key in ["logit_scale", "text_model.encoder.layers.1.mlp.fc1.bias", "vision_model.pre_layrnorm.weight"] {
            let mut checkpoint = golden.checkpoint();
            checkpoint.remove(key).unwrap();
            assert!(load(&config, checkpoint).contains(&format!("no tensor `{key}`")), "{key}");
        }
        config.vision_config.hidden_act = "silu".to_owned();
        assert!(load(&config, golden.checkpoint()).contains("`vision_config.hidden_act` is silu"));
    }
}
