//! ViT-GPT2: captions for pictures, on any Burn device.
//!
//! A ViT (Dosovitskiy et al., *An Image is Worth 16x16 Words*, 2020, <https://arxiv.org/abs/2010.11929>) that sees, and a
//! GPT-2 (Radford et al., *Language Models are Unsupervised Multitask Learners*, 2019) that looks at its states. Keys,
//! arithmetic and token ids are those of Hugging Face's `VisionEncoderDecoderModel`; weights:
//! `nlpconnect/vit-gpt2-image-captioning`. `reference/vit_gpt2.py` made the values of the test.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use serde::Deserialize;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::config::{self, ConfigError, LoadError, require, require_patches};
use crate::encoder::{Captioner, Output};
use crate::fused::{Lengths, RowNorm};
use crate::generate::{self, GenerateError, Generation, Settings, Started};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;
use crate::transformer::block::{Block, CrossAttention, Mlp, Order, SelfAttention};
use crate::transformer::decoder::{Memory, last};
use crate::transformer::patches::{Extents, PatchEmbedding, Positions};
use crate::transformer::tower::Layers;
use crate::transformer::vit;
use crate::transformer::vocabulary::{Table, Words};

/// The published `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct VitGpt2Config {
    pub encoder: VitConfig,
    pub decoder: Gpt2Config,
    pub decoder_start_token_id: u32,
    pub eos_token_id: u32,
}

/// Of the network that sees.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct VitConfig {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
    pub image_size: usize,
    pub patch_size: usize,
    pub num_channels: usize,
    pub qkv_bias: bool,
}

/// Of the network that writes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct Gpt2Config {
    pub vocab_size: usize,
    pub n_positions: usize,
    pub n_embd: usize,
    pub n_layer: usize,
    pub n_head: usize,
    pub n_inner: Option<usize>,
    pub activation_function: String,
    pub layer_norm_epsilon: f32,
    pub scale_attn_weights: bool,
    pub scale_attn_by_inverse_layer_idx: bool,
    pub add_cross_attention: bool,
}

impl Default for VitGpt2Config {
    fn default() -> Self {
        let (encoder, decoder) = (VitConfig::default(), Gpt2Config::default());
        Self { encoder, decoder, decoder_start_token_id: 50_256, eos_token_id: 50_256 }
    }
}

impl Default for VitConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".to_owned(),
            layer_norm_eps: 1e-12,
            image_size: 224,
            patch_size: 16,
            num_channels: 3,
            qkv_bias: true,
        }
    }
}

impl Default for Gpt2Config {
    fn default() -> Self {
        Self {
            vocab_size: 50_257,
            n_positions: 1024,
            n_embd: 768,
            n_layer: 12,
            n_head: 12,
            n_inner: None,
            activation_function: "gelu_new".to_owned(),
            layer_norm_epsilon: 1e-5,
            scale_attn_weights: true,
            scale_attn_by_inverse_layer_idx: false,
            add_cross_attention: true,
        }
    }
}

impl VitGpt2Config {
    /// From the bytes of the published file.
    ///
    /// # Errors
    /// What is not such a file.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        config::read(json)
    }
}

impl VitConfig {
    fn layers(&self) -> Result<Layers, ConfigError> {
        require(self.num_channels == 3, "encoder.num_channels", self.num_channels, "3")?;
        require(self.qkv_bias, "encoder.qkv_bias", self.qkv_bias, "true")?;
        require_patches("encoder.", self.image_size, self.patch_size)?;
        let layers = Layers {
            count: self.num_hidden_layers,
            width: self.hidden_size,
            inner: self.intermediate_size,
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            activation: config::activation("encoder.hidden_act", &self.hidden_act)?,
            causal: false,
        };
        layers.checked("encoder.")
    }
}

impl Gpt2Config {
    /// Layers that look at states of `seen` values a token.
    fn layers(&self, seen: usize) -> Result<Layers, ConfigError> {
        require(self.n_embd == seen, "decoder.n_embd", self.n_embd, "the encoder's hidden_size")?;
        require(self.scale_attn_weights, "decoder.scale_attn_weights", self.scale_attn_weights, "true")?;
        let by_layer = self.scale_attn_by_inverse_layer_idx;
        require(!by_layer, "decoder.scale_attn_by_inverse_layer_idx", by_layer, "false")?;
        require(self.add_cross_attention, "decoder.add_cross_attention", self.add_cross_attention, "true")?;
        let layers = Layers {
            count: self.n_layer,
            width: self.n_embd,
            inner: self.n_inner.unwrap_or(4 * self.n_embd),
            heads: self.n_head,
            epsilon: self.layer_norm_epsilon,
            activation: config::activation("decoder.activation_function", &self.activation_function)?,
            causal: true,
        };
        layers.checked("decoder.")
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct VitGpt2 {
    vision: Vision,
    decoder: Decoder,
}

/// Sees.
#[derive(Module, Debug)]
struct Vision {
    patches: PatchEmbedding,
    positions: Positions,
    blocks: Vec<Block>,
    norm: RowNorm,
    #[module(skip)]
    side: usize,
}

/// Writes.
#[derive(Module, Debug)]
struct Decoder {
    words: Words,
    positions: Table,
    blocks: Vec<Block>,
    norm: RowNorm,
    #[module(skip)]
    begin: u32,
    #[module(skip)]
    end: u32,
}

impl VitGpt2 {
    /// Builds the network on `device` from the published files.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(
        config: &VitGpt2Config,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let mut loader = Loader::new(&mut checkpoint, device);
        let vision = Vision::load(&mut loader.under("encoder"), &config.encoder, preprocessing)?;
        let decoder = Decoder::load(&mut loader.under("decoder"), config)?;
        // Not asked for its pooled state.
        checkpoint.ignore("encoder.pooler.dense.weight");
        checkpoint.ignore("encoder.pooler.dense.bias");
        // Masks that old files hold.
        checkpoint.ignore(".attn.bias");
        checkpoint.ignore(".crossattention.bias");
        checkpoint.ignore(".masked_bias");
        checkpoint.finish()?;
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

impl Captioner for VitGpt2 {
    fn caption(&self, pixels: &[u8], prefix: &[u32], settings: &Settings) -> Result<Started<'_>, GenerateError> {
        let states = self.vision.forward(pixels);
        let pictures = Extents::square(self.vision.side).pictures(pixels);
        let lengths = Lengths::whole(pictures, self.vision.positions.tokens(), &states.device());
        let memory = Memory::new(&self.decoder.blocks, &states, pictures, lengths);
        let prompt: Vec<u32> = [self.decoder.begin].into_iter().chain(prefix.iter().copied()).collect();
        Generation::start(&self.decoder, memory, &prompt, pictures, settings)
    }
}

impl Vision {
    fn load(loader: &mut Loader<'_>, config: &VitConfig, preprocessing: &Preprocessing) -> Result<Self, LoadError> {
        let (layers, side) = (config.layers()?, config.image_size);
        let width = layers.width;
        let projection = "embeddings.patch_embeddings.projection";
        let patches = PatchEmbedding::load(loader, projection, config.patch_size, width, &preprocessing.levels())?;
        let (down, across) = patches.grid(Extents::square(side));
        let class = loader.take("embeddings.cls_token", &[1, 1, width])?;
        let positions = loader.take("embeddings.position_embeddings", &[1, down * across + 1, width])?;
        Ok(Self {
            patches,
            positions: Positions::new(Some(class), positions, width, loader),
            blocks: vit::blocks(loader, &layers)?,
            norm: loader.norm("layernorm", width, layers.epsilon)?,
            side,
        })
    }

    fn forward(&self, pixels: &[u8]) -> Tensor<2> {
        let (extents, device, tokens) = (Extents::square(self.side), self.positions.device(), self.positions.tokens());
        let patches = self.patches.forward(pixels, extents, &device, self.positions.precision());
        let lengths = Lengths::whole(extents.pictures(pixels), tokens, &device);
        let x = self.positions.forward(patches);
        self.norm.forward(self.blocks.iter().fold(x, |x, block| block.forward(x, &lengths, tokens)))
    }
}

impl Decoder {
    fn load(loader: &mut Loader<'_>, config: &VitGpt2Config) -> Result<Self, LoadError> {
        let layers = config.decoder.layers(config.encoder.hidden_size)?;
        let (width, size) = (layers.width, config.decoder.vocab_size);
        let head = "lm_head.weight";
        let head = if loader.has(head) { Some(loader.take(head, &[size, width])?) } else { None };
        let table = loader.take("transformer.wte.weight", &[size, width])?;
        let keys = ["lm_head", "transformer.wte"];
        let reads = |tied: bool| loader.reads(if tied { &keys } else { &keys[..1] }, false);
        let words = Words::new(&table, head.as_deref(), None, size, loader, reads);
        let mut loader = loader.under("transformer");
        let block = |i: usize| block(&mut loader.under(&format!("h.{i}")), &layers);
        let blocks = (0..layers.count).map(block).collect::<Result<_, _>>()?;
        Ok(Self {
            words,
            positions: Table::load(&mut loader, "wpe.weight", config.decoder.n_positions, width)?,
            blocks,
            norm: loader.norm("ln_f", width, layers.epsilon)?,
            begin: config.decoder_start_token_id,
            end: config.eos_token_id,
        })
    }
}

impl generate::Decoder for Decoder {
    type State = Memory;

    fn vocabulary(&self) -> usize {
        self.words.size()
    }

    fn positions(&self) -> usize {
        self.positions.rows()
    }

    fn end(&self) -> u32 {
        self.end
    }

    fn step(&self, memory: &mut Memory, order: &[usize], tokens: &[u32]) -> Output {
        memory.select(order, &self.positions.device());
        let new = tokens.len() / order.len();
        let x = self.words.rows(tokens) + self.positions.forward(&memory.positions(new));
        let x = last(memory.forward(&self.blocks, x), new);
        Output::Device(self.words.logits(self.norm.forward(x)))
    }
}

fn block(loader: &mut Loader<'_>, layers: &Layers) -> Result<Block, CheckpointError> {
    let Layers { width, inner, heads, epsilon, activation, causal, .. } = *layers;
    let cross = CrossAttention {
        query: loader.dense_turned("crossattention.q_attn", width, width)?,
        pairs: loader.dense_turned("crossattention.c_attn", width, 2 * width)?,
        output: loader.dense_turned("crossattention.c_proj", width, width)?,
        norm: loader.norm("ln_cross_attn", width, epsilon)?,
        heads,
    };
    Ok(Block {
        attention: SelfAttention {
            input: loader.dense_turned("attn.c_attn", width, 3 * width)?,
            output: loader.dense_turned("attn.c_proj", width, width)?,
            heads,
            causal,
        },
        attention_norm: loader.norm("ln_1", width, epsilon)?,
        cross: Some(cross),
        mlp: Mlp {
            up: loader.dense_turned("mlp.c_fc", width, inner)?,
            down: loader.dense_turned("mlp.c_proj", inner, width)?,
            activation,
        },
        mlp_norm: loader.norm("ln_2", width, epsilon)?,
        order: Order::Before,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::generate::tests::run;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn captions_are_those_of_transformers() {
        let golden = Golden::read("vit_gpt2");
        let config = VitGpt2Config::from_json(&golden.config()).unwrap();
        let max_length = golden.value("max_length").as_u64().unwrap() as usize;
        everywhere(|device, bound| {
            let network = VitGpt2::load(&config, &golden.preprocessing(), golden.checkpoint(), device).unwrap();
            let pixels = golden.pictures();
            golden.check("image_states", network.image_states(&pixels), bound);
            let settings = Settings { max_length, output_logits: true, ..Settings::default() };
            let (greedy, steps) = run(network.caption(&pixels, &[], &settings).unwrap());
            assert_eq!(greedy, golden.sentences("greedy"));
            golden.check_steps("logits", &greedy, 1, &steps, bound);
            let (beam, _) = run(network.caption(&pixels, &[], &Settings { beams: 3, ..settings }).unwrap());
            assert_eq!(beam, golden.sentences("beam"));
            let short = Settings { beams: 3, length_penalty: -2.0, ..settings };
            let (beam, _) = run(network.caption(&pixels, &[], &short).unwrap());
            assert_eq!(beam, golden.sentences("short_beam"));
            let early = Settings { early_stopping: generate::EarlyStopping::Always, beams: 3, ..settings };
            let (beam, _) = run(network.caption(&pixels, &[], &early).unwrap());
            assert_eq!(beam, golden.sentences("early_beam"));
        });
    }

    #[test]
    fn unsupported_values_are_named() {
        let golden = Golden::read("vit_gpt2");
        let mut config = VitGpt2Config::from_json(&golden.config()).unwrap();
        config.decoder.scale_attn_by_inverse_layer_idx = true;
        let network = VitGpt2::load(&config, &golden.preprocessing(), golden.checkpoint(), &Device::flex());
        let error = network.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("`decoder.scale_attn_by_inverse_layer_idx` is true"), "{error}");
    }
}
