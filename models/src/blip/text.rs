//! The networks that read and write: BERTs whose layers look at another sequence.

use burn::module::Module;
use burn::tensor::Tensor;

use super::TextConfig;
use crate::checkpoint::CheckpointError;
use crate::config::LoadError;
use crate::encoder::Output;
use crate::fused::{Activation, Dense, Lengths, RowNorm};
use crate::generate;
use crate::load::Loader;
use crate::transformer::block::{Block, CrossAttention, Mlp, Order, SelfAttention, Source};
use crate::transformer::decoder::{Memory, last};
use crate::transformer::sentences::Sentences;
use crate::transformer::tower::Layers;
use crate::transformer::vocabulary::{Table, Words};

/// Reads questions.
#[derive(Module, Debug)]
pub(super) struct Encoder {
    words: Table,
    positions: Table,
    norm: RowNorm,
    blocks: Vec<Block>,
}

impl Encoder {
    /// `seen` is the width of what its layers look at.
    pub(super) fn load(loader: &mut Loader<'_>, config: &TextConfig, seen: usize) -> Result<Self, LoadError> {
        let layers = config.layers(seen, false)?;
        let width = layers.width;
        Ok(Self {
            words: Table::load(loader, "embeddings.word_embeddings.weight", config.vocab_size, width)?,
            positions: positions(loader, config)?,
            norm: loader.norm("embeddings.LayerNorm", width, layers.epsilon)?,
            blocks: blocks(loader, &layers, seen)?,
        })
    }

    /// Tokens that it reads at most.
    pub(super) fn positions(&self) -> usize {
        self.positions.rows()
    }

    /// Questions, as many for each of `pictures`, to `[questions * tokens, hidden_size]`; `seen` are the pictures'
    /// states.
    pub(super) fn forward(
        &self,
        questions: &Sentences,
        seen: &Tensor<2>,
        seen_lengths: &Lengths,
        pictures: usize,
    ) -> Tensor<2> {
        let each = questions.count() / pictures.max(1);
        assert_eq!(each * pictures, questions.count(), "as many questions for each picture");
        let embedded = self.words.forward(&questions.ids) + self.positions.forward(&questions.positions());
        let lengths = questions.counts(&embedded.device());
        let through = |x, block: &Block| match &block.cross {
            None => block.forward(x, &lengths, questions.tokens),
            Some(cross) => {
                let source = Source { pairs: &cross.pairs(seen.clone(), pictures), lengths: seen_lengths };
                block.forward_with(x, &lengths, questions.tokens, &source)
            }
        };
        self.blocks.iter().fold(self.norm.forward(embedded), through)
    }
}

/// Writes captions and answers.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    words: Words,
    positions: Table,
    norm: RowNorm,
    blocks: Vec<Block>,
    transform: Dense,
    transform_norm: RowNorm,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    begin: u32,
    #[module(skip)]
    end: u32,
}

impl Decoder {
    /// `seen` is the width of what its layers look at.
    pub(super) fn load(loader: &mut Loader<'_>, config: &TextConfig, seen: usize) -> Result<Self, LoadError> {
        let layers = config.layers(seen, true)?;
        let (width, size) = (layers.width, config.vocab_size);
        let table = loader.take("bert.embeddings.word_embeddings.weight", &[size, width])?;
        let head = "cls.predictions.decoder.weight";
        let head = if loader.has(head) { Some(loader.take(head, &[size, width])?) } else { None };
        let bias = ["cls.predictions.bias", "cls.predictions.decoder.bias"].into_iter().find(|name| loader.has(name));
        let bias = loader.take(bias.unwrap_or("cls.predictions.bias"), &[size])?;
        let keys = ["cls.predictions.decoder", "bert.embeddings.word_embeddings"];
        let reads = |tied: bool| loader.reads(if tied { &keys } else { &keys[..1] }, false);
        let words = Words::new(&table, head.as_deref(), Some(bias), size, loader, reads);
        let transform = loader.dense("cls.predictions.transform.dense", width, width)?;
        let transform_norm = loader.norm("cls.predictions.transform.LayerNorm", width, layers.epsilon)?;
        let mut loader = loader.under("bert");
        Ok(Self {
            words,
            positions: positions(&mut loader, config)?,
            norm: loader.norm("embeddings.LayerNorm", width, layers.epsilon)?,
            blocks: blocks(&mut loader, &layers, seen)?,
            transform,
            transform_norm,
            activation: layers.activation,
            begin: config.bos_token_id,
            end: config.sep_token_id,
        })
    }

    /// What it keeps of a batch that looks at `states` `[sources * length, width]`.
    pub(super) fn look_at(&self, states: &Tensor<2>, sources: usize, lengths: Lengths) -> Memory {
        Memory::new(&self.blocks, states, sources, lengths)
    }

    /// The tokens that a text begins with.
    pub(super) fn prompt(&self, prefix: &[u32]) -> Vec<u32> {
        [self.begin].into_iter().chain(prefix.iter().copied()).collect()
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
        let x = self.norm.forward(self.words.rows(tokens) + self.positions.forward(&memory.positions(new)));
        let x = last(memory.forward(&self.blocks, x), new);
        let x = self.transform_norm.forward(self.transform.forward(x, self.activation));
        Output::Device(self.words.logits(x))
    }
}

fn positions(loader: &mut Loader<'_>, config: &TextConfig) -> Result<Table, CheckpointError> {
    let name = "embeddings.position_embeddings.weight";
    Table::load(loader, name, config.max_position_embeddings, config.hidden_size)
}

fn blocks(loader: &mut Loader<'_>, layers: &Layers, seen: usize) -> Result<Vec<Block>, CheckpointError> {
    (0..layers.count).map(|i| block(&mut loader.under(&format!("encoder.layer.{i}")), layers, seen)).collect()
}

fn block(loader: &mut Loader<'_>, layers: &Layers, seen: usize) -> Result<Block, CheckpointError> {
    let Layers { width, inner, heads, epsilon, activation, causal, .. } = *layers;
    let input = ["attention.self.query", "attention.self.key", "attention.self.value"];
    let cross = CrossAttention {
        query: loader.dense("crossattention.self.query", width, width)?,
        pairs: loader.stacked(&["crossattention.self.key", "crossattention.self.value"], seen, width)?,
        output: loader.dense("crossattention.output.dense", width, width)?,
        norm: loader.norm("crossattention.output.LayerNorm", width, epsilon)?,
        heads,
    };
    Ok(Block {
        attention: SelfAttention {
            input: loader.stacked(&input, width, width)?,
            output: loader.dense("attention.output.dense", width, width)?,
            heads,
            causal,
        },
        attention_norm: loader.norm("attention.output.LayerNorm", width, epsilon)?,
        cross: Some(cross),
        mlp: Mlp {
            up: loader.dense("intermediate.dense", width, inner)?,
            down: loader.dense("output.dense", inner, width)?,
            activation,
        },
        mlp_norm: loader.norm("output.LayerNorm", width, epsilon)?,
        order: Order::After,
    })
}
