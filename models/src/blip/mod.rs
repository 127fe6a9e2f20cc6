//! BLIP: captions for pictures, and answers to questions about them, on any Burn device.
//!
//! Li et al., *BLIP: Bootstrapping Language-Image Pre-training for Unified Vision-Language Understanding and
//! Generation*, 2022 (<https://arxiv.org/abs/2201.12086>). Keys, arithmetic and token ids are those of Hugging Face's
//! `BlipForConditionalGeneration` and `BlipForQuestionAnswering`; weights: `Salesforce/blip-image-captioning-base`,
//! `Salesforce/blip-vqa-base`. `reference/blip.py` made the values of the tests.

mod text;
mod vision;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use serde::Deserialize;

use crate::checkpoint::Checkpoint;
use crate::config::{self, ConfigError, LoadError, require, require_fours, require_patches};
use crate::encoder::{Answerer, Captioner};
use crate::fused::Lengths;
use crate::generate::{GenerateError, Generation, Settings, Started};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;
use crate::transformer::sentences::Sentences;
use crate::transformer::tower::Layers;
use text::{Decoder, Encoder};
use vision::Vision;

/// The published `config.json`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct BlipConfig {
    pub text_config: TextConfig,
    pub vision_config: VisionConfig,
}

/// Of the networks that read and write text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct TextConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub encoder_hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub max_position_embeddings: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
    pub bos_token_id: u32,
    pub sep_token_id: u32,
    pub is_decoder: bool,
    pub position_embedding_type: String,
}

/// Of the network that sees.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct VisionConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub image_size: usize,
    pub patch_size: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_524,
            hidden_size: 768,
            encoder_hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 512,
            hidden_act: "gelu".to_owned(),
            layer_norm_eps: 1e-12,
            bos_token_id: 30_522,
            sep_token_id: 102,
            is_decoder: true,
            position_embedding_type: "absolute".to_owned(),
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
            image_size: 384,
            patch_size: 16,
            hidden_act: "gelu".to_owned(),
            layer_norm_eps: 1e-5,
        }
    }
}

impl BlipConfig {
    /// From the bytes of the published file.
    ///
    /// # Errors
    /// What is not such a file.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        config::read(json)
    }
}

impl TextConfig {
    /// Layers that look at a sequence of `source` values a token.
    fn layers(&self, source: usize, causal: bool) -> Result<Layers, ConfigError> {
        let seen = self.encoder_hidden_size;
        require(seen == source, "text_config.encoder_hidden_size", seen, "the width of what is looked at")?;
        require_fours("text_config.encoder_hidden_size", seen)?;
        require(self.is_decoder, "text_config.is_decoder", self.is_decoder, "true")?;
        let positions = &self.position_embedding_type;
        require(positions == "absolute", "text_config.position_embedding_type", positions, "absolute")?;
        let layers = Layers {
            count: self.num_hidden_layers,
            width: self.hidden_size,
            inner: self.intermediate_size,
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            activation: config::activation("text_config.hidden_act", &self.hidden_act)?,
            causal,
        };
        layers.checked("text_config.")
    }
}

impl VisionConfig {
    fn layers(&self) -> Result<Layers, ConfigError> {
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

/// The captioning network.
#[derive(Module, Debug)]
pub struct BlipCaptioner {
    vision: Vision,
    decoder: Decoder,
}

impl BlipCaptioner {
    /// Builds the network on `device` from the published files.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(
        config: &BlipConfig,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let seen = config.vision_config.hidden_size;
        let mut loader = Loader::new(&mut checkpoint, device);
        let vision = Vision::load(&mut loader.under("vision_model"), &config.vision_config, preprocessing)?;
        let decoder = Decoder::load(&mut loader.under("text_decoder"), &config.text_config, seen)?;
        finish(checkpoint)?;
        Ok(Self { vision, decoder })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `pixels` `[n, side, side, 3]` to the last hidden state `[n * tokens, hidden_size]`, the class token first.
    pub fn image_states(&self, pixels: &[u8]) -> Tensor<2> {
        self.vision.forward(pixels).cast(FloatDType::F32)
    }
}

impl Captioner for BlipCaptioner {
    fn caption(&self, pixels: &[u8], prefix: &[u32], settings: &Settings) -> Result<Started<'_>, GenerateError> {
        let states = self.vision.forward(pixels);
        let pictures = self.vision.pictures(pixels);
        let lengths = Lengths::whole(pictures, self.vision.tokens(), &states.device());
        let memory = self.decoder.look_at(&states, pictures, lengths);
        Generation::start(&self.decoder, memory, &self.decoder.prompt(prefix), pictures, settings)
    }
}

/// The answering network.
#[derive(Module, Debug)]
pub struct BlipAnswerer {
    vision: Vision,
    encoder: Encoder,
    decoder: Decoder,
}

impl BlipAnswerer {
    /// Builds the network on `device` from the published files.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(
        config: &BlipConfig,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let text = &config.text_config;
        let mut loader = Loader::new(&mut checkpoint, device);
        let vision = Vision::load(&mut loader.under("vision_model"), &config.vision_config, preprocessing)?;
        let encoder = Encoder::load(&mut loader.under("text_encoder"), text, config.vision_config.hidden_size)?;
        let decoder = Decoder::load(&mut loader.under("text_decoder"), text, text.hidden_size)?;
        finish(checkpoint)?;
        Ok(Self { vision, encoder, decoder })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// As [`BlipCaptioner::image_states`].
    pub fn image_states(&self, pixels: &[u8]) -> Tensor<2> {
        self.vision.forward(pixels).cast(FloatDType::F32)
    }

    /// The states of questions about `pixels`, `[questions * tokens, hidden_size]`; what follows the end of a question
    /// that is shorter than the longest means nothing.
    ///
    /// # Panics
    /// As [`Answerer::answer`].
    pub fn question_states(&self, pixels: &[u8], questions: &[&[u32]]) -> Tensor<2> {
        let rows = Sentences::new(questions, self.encoder.positions());
        self.read(pixels, &rows).cast(FloatDType::F32)
    }

    fn read(&self, pixels: &[u8], questions: &Sentences) -> Tensor<2> {
        let (states, pictures) = (self.vision.forward(pixels), self.vision.pictures(pixels));
        let lengths = Lengths::whole(pictures, self.vision.tokens(), &states.device());
        self.encoder.forward(questions, &states, &lengths, pictures)
    }
}

impl Answerer for BlipAnswerer {
    fn answer(&self, pixels: &[u8], questions: &[&[u32]], settings: &Settings) -> Result<Started<'_>, GenerateError> {
        let rows = Sentences::new(questions, self.encoder.positions());
        let states = self.read(pixels, &rows);
        let memory = self.decoder.look_at(&states, rows.count(), rows.counts(&states.device()));
        Generation::start(&self.decoder, memory, &self.decoder.prompt(&[]), rows.count(), settings)
    }
}

/// Checks that nothing is left that the network does not know.
fn finish(mut checkpoint: Checkpoint) -> Result<(), LoadError> {
    checkpoint.ignore("position_ids");
    // One vector under two names.
    checkpoint.ignore("cls.predictions.bias");
    checkpoint.ignore("cls.predictions.decoder.bias");
    Ok(checkpoint.finish()?)
}

#[cfg(test)]
mod tests;
