//! A layer as Hugging Face's ViT publishes it; ViLT's are the same.

use super::block::{Block, Order};
use super::tower::{Keys, Layers, block};
use crate::checkpoint::CheckpointError;
use crate::load::Loader;

const KEYS: Keys = Keys {
    input: &["attention.attention.query", "attention.attention.key", "attention.attention.value"],
    output: "attention.output.dense",
    attention_norm: "layernorm_before",
    up: "intermediate.dense",
    down: "output.dense",
    mlp_norm: "layernorm_after",
    order: Order::Before,
};

/// The layers below `encoder.layer`, without the norm behind them.
pub(crate) fn blocks(loader: &mut Loader<'_>, layers: &Layers) -> Result<Vec<Block>, CheckpointError> {
    (0..layers.count).map(|i| block(&mut loader.under(&format!("encoder.layer.{i}")), layers, &KEYS)).collect()
}
