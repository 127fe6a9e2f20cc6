//! The network that sees: a ViT.

use burn::module::Module;
use burn::tensor::Tensor;

use super::VisionConfig;
use crate::config::LoadError;
use crate::fused::{Lengths, RowNorm};
use crate::load::Loader;
use crate::preprocess::Preprocessing;
use crate::transformer::block::{Block, Order};
use crate::transformer::patches::{Extents, PatchEmbedding, Positions};
use crate::transformer::tower::{Keys, block};

const KEYS: Keys = Keys {
    input: &["self_attn.qkv"],
    output: "self_attn.projection",
    attention_norm: "layer_norm1",
    up: "mlp.fc1",
    down: "mlp.fc2",
    mlp_norm: "layer_norm2",
    order: Order::Before,
};

/// Pixels to states.
#[derive(Module, Debug)]
pub(super) struct Vision {
    patches: PatchEmbedding,
    positions: Positions,
    blocks: Vec<Block>,
    norm: RowNorm,
    #[module(skip)]
    side: usize,
}

impl Vision {
    pub(super) fn load(
        loader: &mut Loader<'_>,
        config: &VisionConfig,
        preprocessing: &Preprocessing,
    ) -> Result<Self, LoadError> {
        let (layers, side) = (config.layers()?, config.image_size);
        let width = layers.width;
        let levels = preprocessing.levels();
        let patches = PatchEmbedding::load(loader, "embeddings.patch_embedding", config.patch_size, width, &levels)?;
        let (down, across) = patches.grid(Extents::square(side));
        let class = loader.take("embeddings.class_embedding", &[1, 1, width])?;
        let positions = loader.take("embeddings.position_embedding", &[1, down * across + 1, width])?;
        let block = |i: usize| block(&mut loader.under(&format!("encoder.layers.{i}")), &layers, &KEYS);
        let blocks = (0..layers.count).map(block).collect::<Result<_, _>>()?;
        Ok(Self {
            patches,
            positions: Positions::new(Some(class), positions, width, loader),
            blocks,
            norm: loader.norm("post_layernorm", width, layers.epsilon)?,
            side,
        })
    }

    /// `[n, side, side, 3]` to `[n * tokens, hidden_size]`.
    pub(super) fn forward(&self, pixels: &[u8]) -> Tensor<2> {
        let (extents, device, tokens) = (Extents::square(self.side), self.positions.device(), self.tokens());
        let patches = self.patches.forward(pixels, extents, &device, self.positions.precision());
        let lengths = Lengths::whole(extents.pictures(pixels), tokens, &device);
        let x = self.positions.forward(patches);
        self.norm.forward(self.blocks.iter().fold(x, |x, block| block.forward(x, &lengths, tokens)))
    }

    /// Pictures in `pixels`.
    pub(super) fn pictures(&self, pixels: &[u8]) -> usize {
        Extents::square(self.side).pictures(pixels)
    }

    /// Tokens of a picture.
    pub(super) fn tokens(&self) -> usize {
        self.positions.tokens()
    }
}
