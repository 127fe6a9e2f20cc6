//! A stack of layers as CLIP publishes them; SigLIP's are the same.

use burn::module::Module;
use burn::tensor::Tensor;

use super::block::{Block, Mlp, Order, SelfAttention};
use crate::checkpoint::CheckpointError;
use crate::config::{ConfigError, require_fours, require_heads};
use crate::fused::{Activation, Lengths};
use crate::load::Loader;

/// What all layers of a stack share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers {
    /// How many.
    pub(crate) count: usize,
    /// Of a row.
    pub(crate) width: usize,
    /// Of the MLP.
    pub(crate) inner: usize,
    pub(crate) heads: usize,
    /// Of the norms.
    pub(crate) epsilon: f32,
    /// Of the MLP.
    pub(crate) activation: Activation,
    /// Whether a token sees only itself and those before it.
    pub(crate) causal: bool,
}

impl Layers {
    /// The same, if the kernels can run them; `part` is where the fields stand in the configuration.
    pub(crate) fn checked(self, part: &str) -> Result<Self, ConfigError> {
        require_heads(part, self.width, self.heads)?;
        require_fours(&format!("{part}intermediate_size"), self.inner)?;
        Ok(self)
    }
}

/// The layers below `encoder.layers`, without the norm behind them.
#[derive(Module, Debug)]
pub(crate) struct Tower {
    blocks: Vec<Block>,
}

impl Tower {
    pub(crate) fn load(loader: &mut Loader<'_>, layers: &Layers) -> Result<Self, CheckpointError> {
        let block = |i: usize| block(&mut loader.under(&format!("encoder.layers.{i}")), layers, &KEYS);
        Ok(Self { blocks: (0..layers.count).map(block).collect::<Result<_, _>>()? })
    }

    /// `[n * tokens, width]` to the same.
    pub(crate) fn forward(&self, x: Tensor<2>, lengths: &Lengths, tokens: usize) -> Tensor<2> {
        self.blocks.iter().fold(x, |x, block| block.forward(x, lengths, tokens))
    }
}

/// Names of a layer's parts, below the layer's own.
pub(crate) struct Keys {
    /// Queries, keys and values: three layers, or one for all.
    pub(crate) input: &'static [&'static str],
    pub(crate) output: &'static str,
    pub(crate) attention_norm: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
    pub(crate) mlp_norm: &'static str,
    /// Where the norms stand.
    pub(crate) order: Order,
}

const KEYS: Keys = Keys {
    input: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    output: "self_attn.out_proj",
    attention_norm: "layer_norm1",
    up: "mlp.fc1",
    down: "mlp.fc2",
    mlp_norm: "layer_norm2",
    order: Order::Before,
};

/// A layer that looks at nothing else.
pub(crate) fn block(loader: &mut Loader<'_>, layers: &Layers, keys: &Keys) -> Result<Block, CheckpointError> {
    let Layers { width, inner, heads, epsilon, activation, causal, .. } = *layers;
    Ok(Block {
        attention: SelfAttention {
            input: loader.stacked(keys.input, width, 3 * width / keys.input.len())?,
            output: loader.dense(keys.output, width, width)?,
            heads,
            causal,
        },
        attention_norm: loader.norm(keys.attention_norm, width, epsilon)?,
        cross: None,
        mlp: Mlp { up: loader.dense(keys.up, width, inner)?, down: loader.dense(keys.down, inner, width)?, activation },
        mlp_norm: loader.norm(keys.mlp_norm, width, epsilon)?,
        order: keys.order,
    })
}
