//! A layer as Hugging Face's ViT publishes it; ViLT's are the same.

use super::block::{Block, Mlp, Order, SelfAttention};
use super::load::Loader;
use super::tower::Layers;
use crate::checkpoint::CheckpointError;

/// The layers below `encoder.layer`, without the norm behind them.
pub(crate) fn blocks(loader: &mut Loader<'_>, layers: &Layers) -> Result<Vec<Block>, CheckpointError> {
    (0..layers.count).map(|i| block(&mut loader.under(&format!("encoder.layer.{i}")), layers)).collect()
}

fn block(loader: &mut Loader<'_>, layers: &Layers) -> Result<Block, CheckpointError> {
    let Layers { width, inner, heads, epsilon, activation, causal, .. } = *layers;
    let input = ["attention.attention.query", "attention.attention.key", "attention.attention.value"];
    Ok(Block {
        attention: SelfAttention {
            input: loader.stacked(&input, width, width)?,
            output: loader.dense("attention.output.dense", width, width)?,
            heads,
            causal,
        },
        attention_norm: loader.norm("layernorm_before", width, epsilon)?,
        cross: None,
        mlp: Mlp {
            up: loader.dense("intermediate.dense", width, inner)?,
            down: loader.dense("output.dense", inner, width)?,
            activation,
        },
        mlp_norm: loader.norm("layernorm_after", width, epsilon)?,
        order: Order::Before,
    })
}
