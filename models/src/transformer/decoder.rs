//! Blocks that make one token after the other and keep what they will need again.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::block::{Block, Source};
use crate::fused::{Lengths, Pairs};

/// What a decoder keeps of a batch between two tokens: the keys and values of the tokens so far, and those of the
/// sources (pictures, questions) that the tokens look at.
///
/// Rows lie source by source, as many for each: one, or one a beam. A source's keys and values are made once and serve
/// all of its rows.
#[derive(Debug)]
pub(crate) struct Memory {
    layers: Vec<Layer>,
    source_lengths: Lengths,
    sources: usize,
    rows: usize,
    tokens: usize,
}

#[derive(Debug)]
struct Layer {
    tokens: Option<Pairs>,
    source: Pairs,
}

impl Memory {
    /// Before the first token, one row a source; `states` `[sources * length, width]`. Every block looks at them.
    pub(crate) fn new(blocks: &[Block], states: &Tensor<2>, sources: usize, source_lengths: Lengths) -> Self {
        let pairs = |block: &Block| block.cross.as_ref().map(|cross| cross.pairs(states.clone(), sources));
        let layers = blocks.iter().filter_map(pairs).map(|source| Layer { tokens: None, source }).collect();
        Self { layers, source_lengths, sources, rows: sources, tokens: 0 }
    }

    /// The numbers of the positions of `new` tokens of each row: `[rows * new]`.
    pub(crate) fn positions(&self, new: usize) -> Vec<u32> {
        (0..self.rows).flat_map(|_| self.tokens as u32..(self.tokens + new) as u32).collect()
    }

    /// Goes on with these rows, in this order: some may be left out, some stand there several times. They still lie
    /// source by source, as many for each source that is left.
    pub(crate) fn select(&mut self, order: &[usize], device: &Device) {
        if order.iter().copied().eq(0..self.rows) {
            return;
        }
        let each = self.rows / self.sources;
        let mut left: Vec<usize> = order.iter().map(|row| row / each).collect();
        left.dedup();
        let indices = |rows: &[usize]| {
            let rows: Vec<i32> = rows.iter().map(|row| *row as i32).collect();
            let n = rows.len();
            Tensor::<1, Int>::from_data(TensorData::new(rows, [n]), device)
        };
        let rows = indices(order);
        let sources = (!left.iter().copied().eq(0..self.sources)).then(|| indices(&left));
        for layer in &mut self.layers {
            layer.tokens = layer.tokens.take().map(|pairs| pairs.select(&rows));
            if let Some(sources) = &sources {
                layer.source = layer.source.clone().select(sources);
            }
        }
        if let Some(sources) = &sources {
            self.source_lengths = self.source_lengths.select(sources);
        }
        (self.rows, self.sources) = (order.len(), left.len());
    }

    /// New tokens through the blocks; `x` `[rows * tokens, width]`. After the first time, one token a row.
    pub(crate) fn forward(&mut self, blocks: &[Block], x: Tensor<2>) -> Tensor<2> {
        let new = x.dims()[0] / self.rows;
        self.tokens += new;
        let lengths = Lengths::whole(self.rows, self.tokens, &x.device());
        let mut x = x;
        for (block, layer) in blocks.iter().zip(&mut self.layers) {
            let source = Source { pairs: &layer.source, lengths: &self.source_lengths };
            x = block.continued(x, &mut layer.tokens, &lengths, new, &source);
        }
        x
    }
}

/// The last of `tokens` rows of each sequence: `[n * tokens, width]` to `[n, width]`.
pub(crate) fn last(x: Tensor<2>, tokens: usize) -> Tensor<2> {
    nth(x, tokens, tokens - 1)
}

/// Row `index` of each sequence of `tokens` rows.
pub(crate) fn nth(x: Tensor<2>, tokens: usize, index: usize) -> Tensor<2> {
    let [rows, width] = x.dims();
    if tokens == 1 {
        return x;
    }
    let n = rows / tokens;
    x.reshape([n, tokens, width]).narrow(1, index, 1).reshape([n, width])
}
