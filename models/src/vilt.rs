//! ViLT: questions about pictures, answered out of a fixed list, on any Burn device.
//!
//! Kim et al., *ViLT: Vision-and-Language Transformer Without Convolution or Region Supervision*, 2021
//! (<https://arxiv.org/abs/2102.03334>). Keys and arithmetic are those of Hugging Face's `ViltForQuestionAnswering`;
//! weights: `dandelin/vilt-b32-finetuned-vqa`. `reference/vilt.py` made the values of the test.
//!
//! The reference puts a question before its picture; here the picture comes first, so that padding is at the end. A
//! transformer does not see the difference: positions are added before.

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use serde::Deserialize;

use crate::checkpoint::Checkpoint;
use crate::config::{self, ConfigError, LoadError, require, require_patches};
use crate::encoder::{AnswerChooser, Output};
use crate::fused::{Activation, Dense, RowNorm};
use crate::load::Loader;
use crate::precision::Precision;
use crate::preprocess::Preprocessing;
use crate::transformer::block::Block;
use crate::transformer::decoder::nth;
use crate::transformer::patches::{Extents, PatchEmbedding};
use crate::transformer::resample::{Axis, resample};
use crate::transformer::sentences::Sentences;
use crate::transformer::tower::Layers;
use crate::transformer::vit;
use crate::transformer::vocabulary::{Logits, Table};

/// The published `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct ViltConfig {
    pub vocab_size: usize,
    pub type_vocab_size: usize,
    pub modality_type_vocab_size: usize,
    pub max_position_embeddings: usize,
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
    pub max_image_length: i64,
    pub position_embedding_type: String,
    /// The answers, by their numbers written out.
    pub id2label: BTreeMap<String, String>,
}

impl Default for ViltConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_522,
            type_vocab_size: 2,
            modality_type_vocab_size: 2,
            max_position_embeddings: 40,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".to_owned(),
            layer_norm_eps: 1e-12,
            image_size: 384,
            patch_size: 32,
            num_channels: 3,
            qkv_bias: true,
            max_image_length: -1,
            position_embedding_type: "absolute".to_owned(),
            id2label: [0, 1].map(|i| (i.to_string(), format!("LABEL_{i}"))).into(),
        }
    }
}

impl ViltConfig {
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
        // Otherwise patches are drawn by lot.
        require(self.max_image_length < 0, "max_image_length", self.max_image_length, "-1 (all patches)")?;
        let positions = &self.position_embedding_type;
        require(positions == "absolute", "position_embedding_type", positions, "absolute")?;
        let types = self.modality_type_vocab_size;
        require(types >= 2, "modality_type_vocab_size", types, "at least 2 (text, picture)")?;
        require_patches("", self.image_size, self.patch_size)?;
        let layers = Layers {
            count: self.num_hidden_layers,
            width: self.hidden_size,
            inner: self.intermediate_size,
            heads: self.num_attention_heads,
            epsilon: self.layer_norm_eps,
            activation: config::activation("hidden_act", &self.hidden_act)?,
            causal: false,
        };
        layers.checked("")
    }

    /// The answers in the order of their numbers.
    fn answers(&self) -> Result<Vec<String>, ConfigError> {
        let answer = |i: usize| self.id2label.get(&i.to_string()).cloned();
        let answers: Vec<String> = (0..self.id2label.len()).map_while(answer).collect();
        let whole = !answers.is_empty() && answers.len() == self.id2label.len();
        require(whole, "id2label", format!("without number {}", answers.len()), "numbers from 0 without a gap")?;
        Ok(answers)
    }
}

/// Epsilon of the classifier's norm: PyTorch's default.
const CLASSIFIER_EPSILON: f32 = 1e-5;

/// The network.
#[derive(Module, Debug)]
pub struct Vilt {
    words: Table,
    word_positions: Table,
    word_norm: RowNorm,
    /// Added to every token of a question: `[1, width]`.
    word_modality: Param<Tensor<2>>,
    patches: PatchEmbedding,
    /// The class token with its position and the picture's modality: `[1, 1, width]`.
    class: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: RowNorm,
    pooler: Dense,
    hidden: Dense,
    hidden_norm: RowNorm,
    logits: Logits,
    /// Positions of the patches of a square picture and the picture's modality: `[side * side, width]`.
    #[module(skip)]
    grid: Vec<f32>,
    #[module(skip)]
    side: usize,
    #[module(skip)]
    answers: Vec<String>,
}

impl Vilt {
    /// Builds the network on `device` from the published files.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(
        config: &ViltConfig,
        preprocessing: &Preprocessing,
        mut checkpoint: Checkpoint,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let (layers, answers) = (config.layers()?, config.answers()?);
        let (width, labels) = (layers.width, answers.len());
        let mut loader = Loader::new(&mut checkpoint, device);
        let classifier = loader.take("classifier.3.weight", &[labels, 2 * width])?;
        let bias = loader.take("classifier.3.bias", &[labels])?;
        let logits = Logits::new(&classifier, Some(bias), labels, device);
        let logits = logits.adding_to(loader.reads(&["classifier.3"], false));
        let hidden = loader.dense("classifier.0", width, 2 * width)?;
        let hidden_norm = loader.norm("classifier.1", 2 * width, CLASSIFIER_EPSILON)?;
        let loader = &mut loader.under("vilt");
        let mut modality =
            loader.take("embeddings.token_type_embeddings.weight", &[config.modality_type_vocab_size, width])?;
        let seen = modality[width..2 * width].to_vec();
        modality.truncate(width);
        let patch = "embeddings.patch_embeddings.projection";
        let patches = PatchEmbedding::load(loader, patch, config.patch_size, width, &preprocessing.levels())?;
        let (side, _) = patches.grid(Extents::square(config.image_size));
        let mut class = loader.take("embeddings.cls_token", &[1, 1, width])?;
        let mut positions = loader.take("embeddings.position_embeddings", &[1, side * side + 1, width])?;
        positions.chunks_exact_mut(width).for_each(|row| add(row, &seen));
        let grid = positions.split_off(width);
        add(&mut class, &positions);
        let (words, word_positions, word_norm) =
            words(&mut loader.under("embeddings.text_embeddings"), config, &layers)?;
        let vilt = Self {
            words,
            word_positions,
            word_norm,
            word_modality: loader.put(modality, [1, width]),
            patches,
            class: loader.put(class, [1, 1, width]),
            blocks: vit::blocks(loader, &layers)?,
            norm: loader.norm("layernorm", width, layers.epsilon)?,
            pooler: loader.dense("pooler.dense", width, width)?,
            hidden,
            hidden_norm,
            logits,
            grid,
            side,
            answers,
        };
        checkpoint.ignore("position_ids");
        checkpoint.finish()?;
        Ok(vilt)
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// `pixels` `[n, height, width, 3]` and questions about them, as many for each picture, to `[questions, answers]`.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures; when a question has no token, more than the network reads, or one
    /// outside its vocabulary.
    pub fn logits(&self, pixels: &[u8], height: usize, width: usize, questions: &[&[u32]]) -> Tensor<2> {
        let extents = Extents { height, width };
        let rows = Sentences::new(questions, self.word_positions.rows());
        let pictures = self.pictures(pixels, extents, rows.count());
        let [n, seen, hidden] = pictures.dims();
        let words = self.words.forward(&rows.ids) + self.word_positions.forward(&rows.positions());
        let words = self.word_norm.forward(words) + self.word_modality.val();
        let tokens = seen + rows.tokens;
        let x = Tensor::cat(vec![pictures, words.reshape([n, rows.tokens, hidden])], 1).reshape([n * tokens, hidden]);
        let lengths = rows.counts_behind(seen, &x.device());
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, &lengths, tokens));
        let first = self.norm.forward(nth(x, tokens, seen));
        let pooled = self.pooler.forward(first, Activation::Tanh);
        let hidden = self.hidden_norm.forward(self.hidden.forward(pooled, Activation::Identity));
        self.logits.forward(burn::tensor::activation::gelu(hidden))
    }

    /// The tokens of `rows` pictures, each of those in `pixels` as often as there are questions about it:
    /// `[rows, 1 + patches, hidden_size]`.
    fn pictures(&self, pixels: &[u8], extents: Extents, rows: usize) -> Tensor<3> {
        let (n, device) = (extents.pictures(pixels), self.class.device());
        let each = rows / n.max(1);
        assert_eq!(each * n, rows, "as many questions for each picture");
        let precision = FloatDType::from(self.class.dtype());
        let (down, across) = self.patches.grid(extents);
        let [_, _, width] = self.class.dims();
        let (vertical, horizontal) = (Axis::linear_aligned(self.side, down), Axis::linear_aligned(self.side, across));
        let positions = resample(&self.grid, &vertical, &horizontal, width);
        let positions = Tensor::<3>::from_data(TensorData::new(positions, [1, down * across, width]), &device);
        let patches = self.patches.forward(pixels, extents, &device, precision);
        let patches = patches.reshape([n, down * across, width]) + positions.cast(precision);
        let pictures = Tensor::cat(vec![self.class.val().expand([n, 1, width]), patches], 1);
        let tokens = 1 + down * across;
        let repeated = pictures.reshape([n, 1, tokens, width]).expand([n, each, tokens, width]);
        repeated.reshape([rows, tokens, width])
    }
}

impl AnswerChooser for Vilt {
    fn answers(&self) -> &[String] {
        &self.answers
    }

    fn choose(&self, pixels: &[u8], height: usize, width: usize, questions: &[&[u32]]) -> Output {
        Output::Device(self.logits(pixels, height, width, questions))
    }
}

/// Words, their positions with the first token type, and the norm behind their sum.
fn words(loader: &mut Loader<'_>, config: &ViltConfig, layers: &Layers) -> Result<(Table, Table, RowNorm), LoadError> {
    let width = layers.width;
    let words = Table::load(loader, "word_embeddings.weight", config.vocab_size, width)?;
    let types = loader.take("token_type_embeddings.weight", &[config.type_vocab_size, width])?;
    let mut positions = loader.take("position_embeddings.weight", &[config.max_position_embeddings, width])?;
    positions.chunks_exact_mut(width).for_each(|row| add(row, &types[..width]));
    let positions = Table::of(&positions, width, loader);
    Ok((words, positions, loader.norm("LayerNorm", width, layers.epsilon)?))
}

/// `row += other`.
fn add(row: &mut [f32], other: &[f32]) {
    row.iter_mut().zip(other).for_each(|(value, other)| *value += other);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn logits_are_those_of_pytorch() {
        // Pictures of 4 x 6 patches, of which the network learned 5 x 5, and two questions about each.
        let golden = Golden::read("vilt");
        let config = ViltConfig::from_json(&golden.config()).unwrap();
        let questions = golden.sentences("questions");
        let questions: Vec<&[u32]> = questions.iter().map(Vec::as_slice).collect();
        let [_, height, width, _] = golden.extents();
        everywhere(|device, bound| {
            let network = Vilt::load(&config, &golden.preprocessing(), golden.checkpoint(), device).unwrap();
            golden.check("logits", network.logits(&golden.pictures(), height, width, &questions), bound);
            assert_eq!(network.answers()[12], "answer 12");
        });
    }

    #[test]
    fn unsupported_values_are_named() {
        let golden = Golden::read("vilt");
        let config = ViltConfig::from_json(&golden.config()).unwrap();
        let load = |config: &ViltConfig| {
            let (preprocessing, device) = (golden.preprocessing(), Device::flex());
            Vilt::load(config, &preprocessing, golden.checkpoint(), &device).map(|_| ()).unwrap_err().to_string()
        };
        let sampled = ViltConfig { max_image_length: 200, ..config.clone() };
        assert!(load(&sampled).contains("`max_image_length` is 200"));
        let mut gap = config.clone();
        gap.id2label.remove("3");
        assert!(load(&gap).contains("`id2label` is without number 3"), "{}", load(&gap));
    }
}
