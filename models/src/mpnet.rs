//! all-mpnet-base-v2: a sentence to a 768-d vector, on any Burn device.
//!
//! Song et al., *MPNet: Masked and Permuted Pre-training for Language Understanding*, 2020
//! (<https://arxiv.org/abs/2004.09297>), fine-tuned as in Reimers and Gurevych, *Sentence-BERT*, 2019
//! (<https://arxiv.org/abs/1908.10084>). Keys and arithmetic are those of Hugging Face's `MPNetModel`; then the mean over
//! tokens, L2-normalised. Weights: `sentence-transformers/all-mpnet-base-v2`. `reference/mpnet.py` made the values of the
//! test.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use serde::Deserialize;

use crate::checkpoint::Checkpoint;
use crate::config::{self, ConfigError, LoadError, require};
use crate::encoder::{Output, TextEncoder};
use crate::fused::{self, Lengths, RowNorm};
use crate::load::Loader;
use crate::minilm::finish;
use crate::precision::Precision;
use crate::transformer::block::{Block, Order};
use crate::transformer::sentences::Sentences;
use crate::transformer::tower::{Keys, Layers, block};
use crate::transformer::vocabulary::Table;

/// The published `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published names")]
pub struct MpnetConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub hidden_act: String,
    pub max_position_embeddings: usize,
    pub relative_attention_num_buckets: usize,
    pub layer_norm_eps: f32,
}

impl Default for MpnetConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_527,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".to_owned(),
            max_position_embeddings: 512,
            relative_attention_num_buckets: BUCKETS,
            layer_norm_eps: 1e-12,
        }
    }
}

/// How distances between tokens are told apart; the reference has no other number of them.
const BUCKETS: usize = 32;
/// Distances from here on are not.
const FARTHEST: f64 = 128.0;
/// Positions count from behind the one of padding.
const FIRST_POSITION: usize = 2;

const KEYS: Keys = Keys {
    input: &["attention.attn.q", "attention.attn.k", "attention.attn.v"],
    output: "attention.attn.o",
    attention_norm: "attention.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    mlp_norm: "output.LayerNorm",
    order: Order::After,
};

impl MpnetConfig {
    /// From the bytes of the published file.
    ///
    /// # Errors
    /// What is not such a file.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        config::read(json)
    }

    /// Tokens that are read of a sentence at most.
    pub fn max_tokens(&self) -> usize {
        self.max_position_embeddings.saturating_sub(FIRST_POSITION)
    }

    fn layers(&self) -> Result<Layers, ConfigError> {
        let buckets = self.relative_attention_num_buckets;
        require(buckets == BUCKETS, "relative_attention_num_buckets", buckets, "32")?;
        let positions = self.max_position_embeddings;
        require(positions > FIRST_POSITION, "max_position_embeddings", positions, "more than 2")?;
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
}

/// The network.
#[derive(Module, Debug)]
pub struct Mpnet {
    words: Table,
    positions: Table,
    norm: RowNorm,
    blocks: Vec<Block>,
    /// What each head adds to a score for the tokens' distance: `[BUCKETS, heads]`.
    #[module(skip)]
    distances: Vec<f32>,
}

impl Mpnet {
    /// Builds the network on `device` from the published files.
    ///
    /// # Errors
    /// A configuration of which no network is built here; a missing, misshapen or unknown key.
    pub fn load(config: &MpnetConfig, mut checkpoint: Checkpoint, device: &Device) -> Result<Self, LoadError> {
        let layers = config.layers()?;
        let (width, positions) = (layers.width, config.max_position_embeddings);
        let loader = &mut Loader::new(&mut checkpoint, device);
        let words = Table::load(loader, "embeddings.word_embeddings.weight", config.vocab_size, width)?;
        let mut learned = loader.take("embeddings.position_embeddings.weight", &[positions, width])?;
        learned.drain(..FIRST_POSITION * width);
        let positions = Table::of(&learned, width, loader);
        let norm = loader.norm("embeddings.LayerNorm", width, layers.epsilon)?;
        let block = |i: usize| block(&mut loader.under(&format!("encoder.layer.{i}")), &layers, &KEYS);
        let blocks = (0..layers.count).map(block).collect::<Result<_, _>>()?;
        let distances = loader.take("encoder.relative_attention_bias.weight", &[BUCKETS, layers.heads])?;
        finish(checkpoint)?;
        Ok(Self { words, positions, norm, blocks, distances })
    }

    /// The same network in another precision; its device must support it
    /// ([`supports_f16`](crate::precision::supports_f16)).
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        precision.of(self)
    }

    /// Sentences to vectors `[n, hidden_size]` of length one.
    ///
    /// # Panics
    /// When a sentence has no token, more than the network reads, or one outside its vocabulary.
    pub fn sentence_vectors(&self, sentences: &[&[u32]]) -> Tensor<2> {
        let rows = Sentences::new(sentences, self.positions.rows());
        let (device, tokens) = (self.words.device(), rows.tokens);
        let embedded = self.words.forward(&rows.ids) + self.positions.forward(&rows.positions());
        let x = self.norm.forward(embedded);
        let counts: Vec<f32> = rows.lengths.iter().map(|length| *length as f32).collect();
        let counts = Tensor::<1>::from_data(TensorData::new(counts, [rows.count()]), &device);
        let (lengths, bias) = (Lengths::of(counts.clone()), self.bias(tokens, &device).cast(x.dtype()));
        let through = |x, block: &Block| block.forward_biased(x, &lengths, Some(&bias), tokens);
        fused::pool_rows(self.blocks.iter().fold(x, through).cast(FloatDType::F32), counts)
    }

    /// What is added to the scores: `[heads, tokens, tokens]`.
    fn bias(&self, tokens: usize, device: &Device) -> Tensor<3> {
        let heads = self.distances.len() / BUCKETS;
        // One row of distances, from the last token's view of the first to the first one's of the last.
        let buckets: Vec<usize> = (1..2 * tokens as i64).map(|i| bucket(i - tokens as i64)).collect();
        let mut values = Vec::with_capacity(heads * tokens * tokens);
        for (head, query) in (0..heads).flat_map(|head| (0..tokens).map(move |query| (head, query))) {
            let seen = &buckets[tokens - 1 - query..][..tokens];
            values.extend(seen.iter().map(|bucket| self.distances[bucket * heads + head]));
        }
        Tensor::from_data(TensorData::new(values, [heads, tokens, tokens]), device)
    }
}

/// The bucket of a key that lies so many tokens behind its query: half of the buckets for each direction, half of those
/// for a distance each, the others wider and wider. In f32, as the reference computes it.
fn bucket(distance: i64) -> usize {
    const HALF: usize = BUCKETS / 2;
    const EXACT: usize = HALF / 2;
    let (offset, distance) = (if distance > 0 { HALF } else { 0 }, distance.unsigned_abs() as usize);
    if distance < EXACT {
        return offset + distance;
    }
    let share = (distance as f32 / EXACT as f32).ln() / (FARTHEST / EXACT as f64).ln() as f32;
    offset + (EXACT + (share * (HALF - EXACT) as f32) as usize).min(HALF - 1)
}

impl TextEncoder for Mpnet {
    fn forward(&self, sentences: &[&[u32]]) -> Output {
        Output::Device(self.sentence_vectors(sentences))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::{Golden, everywhere};

    #[test]
    fn vectors_are_those_of_pytorch() {
        // Short sentences, and one so long that it has tokens in every bucket.
        let golden = Golden::read("mpnet");
        let config = MpnetConfig::from_json(&golden.config()).unwrap();
        let sentences = golden.sentences("sentences");
        let sentences: Vec<&[u32]> = sentences.iter().map(Vec::as_slice).collect();
        everywhere(|device, bound| {
            let network = Mpnet::load(&config, golden.checkpoint(), device).unwrap();
            golden.check("vectors", network.sentence_vectors(&sentences), bound);
        });
    }

    #[test]
    fn buckets_are_those_of_the_reference() {
        let golden = Golden::read("mpnet");
        let expected: Vec<usize> = serde_json::from_value(golden.value("buckets").clone()).unwrap();
        let half = expected.len() as i64 / 2;
        let found: Vec<usize> = (-half..=half).map(bucket).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn unsupported_values_are_named() {
        let golden = Golden::read("mpnet");
        let config = MpnetConfig::from_json(&golden.config()).unwrap();
        let load = |config: &MpnetConfig| {
            Mpnet::load(config, golden.checkpoint(), &Device::flex()).map(|_| ()).unwrap_err().to_string()
        };
        let finer = MpnetConfig { relative_attention_num_buckets: 64, ..config.clone() };
        assert!(load(&finer).contains("`relative_attention_num_buckets` is 64"));
        let deeper = MpnetConfig { num_hidden_layers: 3, ..config };
        assert!(load(&deeper).contains("no tensor `encoder.layer.2.attention.attn.q.weight`"));
    }
}
