//! Scaled dot-product attention: within a sentence or picture, and on keys and values that are kept.
//!
//! Vaswani et al., *Attention Is All You Need*, 2017 (<https://arxiv.org/abs/1706.03762>). The width of a head is a
//! multiple of four.

mod kernels;
mod launch;
#[cfg(not(target_arch = "wasm32"))]
mod tiles;

use burn::backend::Dispatch;
use burn::tensor::module::attention as attention_of_burn;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, FloatDType, Int, Tensor};

#[cfg(not(target_arch = "wasm32"))]
use super::host;
use super::own_kernels;
use launch::FusedAttention;

/// How self-attention is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heads {
    /// Tokens of the longest sentence: rows of the matrix a sentence.
    pub(crate) tokens: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Whether a token sees only itself and those before it.
    pub(crate) causal: bool,
}

/// How many tokens each row of a batch has; what follows them is padding.
#[derive(Debug, Clone)]
pub(crate) struct Lengths {
    /// `[n]`.
    counts: Tensor<1>,
    /// Whether no row has padding.
    whole: bool,
}

impl Lengths {
    /// `n` rows that all have `tokens` tokens.
    pub(crate) fn whole(n: usize, tokens: usize, device: &Device) -> Self {
        Self { counts: Tensor::full([n], tokens as f32, (device, burn::tensor::DType::F32)), whole: true }
    }

    /// As `counts` `[n]` says.
    pub(crate) fn of(counts: Tensor<1>) -> Self {
        Self { counts, whole: false }
    }

    /// Of the rows that `rows` names.
    pub(crate) fn select(&self, rows: &Tensor<1, Int>) -> Self {
        Self { counts: self.counts.clone().select(0, rows.clone()), whole: self.whole }
    }

    /// A half holds every count up to 2048, more tokens than any network here reads.
    fn counts(&self, precision: FloatDType) -> Tensor<1> {
        self.counts.clone().cast(precision)
    }
}

/// Keys and values that queries attend to: `[n, heads, tokens, head width]` each.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    keys: Tensor<4>,
    values: Tensor<4>,
}

impl Pairs {
    /// From `[n * tokens, keys | values]`.
    pub(crate) fn split(mixed: Tensor<2>, n: usize, heads: usize) -> Self {
        let [rows, width] = [mixed.dims()[0], mixed.dims()[1] / 2];
        let split = mixed.reshape([n, rows / n, 2, heads, width / heads]).permute([2, 0, 3, 1, 4]);
        let part = |i: usize| split.clone().narrow(0, i, 1).squeeze_dim::<4>(0);
        Self { keys: part(0), values: part(1) }
    }

    /// With the tokens of `new` behind these.
    pub(crate) fn append(self, new: Self) -> Self {
        Self { keys: Tensor::cat(vec![self.keys, new.keys], 2), values: Tensor::cat(vec![self.values, new.values], 2) }
    }

    /// Of the rows that `rows` names, in this order.
    pub(crate) fn select(self, rows: &Tensor<1, Int>) -> Self {
        Self { keys: self.keys.select(0, rows.clone()), values: self.values.select(0, rows.clone()) }
    }
}

/// 1 where a sentence has a token: `[n, tokens]`.
pub(super) fn mask(lengths: &Tensor<1>, tokens: usize) -> Tensor<2> {
    let positions = Tensor::<1, Int>::arange(0..tokens as i64, &lengths.device()).float();
    positions.unsqueeze::<2>().lower(lengths.clone().unsqueeze_dim::<2>(1)).float()
}

/// Self-attention; `mixed` `[n * tokens, queries | keys | values]` to `[n * tokens, width]`. Where there is a `bias`
/// `[heads, tokens, tokens]`, it is added to the scores.
pub(crate) fn attention(mixed: Tensor<2>, lengths: &Lengths, bias: Option<&Tensor<3>>, heads: Heads) -> Tensor<2> {
    if own_kernels(&mixed.device()) {
        let counts = lengths.counts(FloatDType::from(mixed.dtype())).into_dispatch();
        let mixed = mixed.into_dispatch();
        return Tensor::from_dispatch(match bias {
            None => Dispatch::self_attention(mixed, counts, heads),
            Some(bias) => Dispatch::self_attention_biased(mixed, counts, bias.clone().into_dispatch(), heads),
        });
    }
    #[cfg(not(target_arch = "wasm32"))]
    if host::serves(&mixed) {
        return host::attend(mixed, lengths.counts(FloatDType::F32), bias, heads);
    }
    let Heads { tokens, heads, causal } = heads;
    let [rows, width] = [mixed.dims()[0], mixed.dims()[1] / 3];
    let split = mixed.reshape([rows / tokens, tokens, 3, heads, width / heads]).permute([2, 0, 3, 1, 4]);
    let part = |i: usize| split.clone().narrow(0, i, 1).squeeze_dim::<4>(0);
    let pairs = Pairs { keys: part(1), values: part(2) };
    composed(part(0), &pairs, lengths, bias, causal).swap_dims(1, 2).reshape([rows, width])
}

/// Attention of queries `[rows * tokens, width]` on kept keys and values, to the same shape.
///
/// Rows lie source by source, as many for each; `lengths` are the sources'.
pub(crate) fn cross_attention(queries: Tensor<2>, pairs: &Pairs, lengths: &Lengths) -> Tensor<2> {
    if own_kernels(&queries.device()) {
        let counts = lengths.counts(FloatDType::from(queries.dtype())).into_dispatch();
        let (keys, values) = (pairs.keys.clone().into_dispatch(), pairs.values.clone().into_dispatch());
        return Tensor::from_dispatch(Dispatch::attention_on(queries.into_dispatch(), keys, values, counts));
    }
    let [sources, heads, _, head_width] = pairs.keys.dims();
    let [rows, width] = queries.dims();
    let split = queries.reshape([sources, rows / sources, heads, head_width]).swap_dims(1, 2);
    composed(split, pairs, lengths, None, false).swap_dims(1, 2).reshape([rows, width])
}

/// Attention by Burn's operation, in one pass whose heads are shared among the threads; `queries` and the result
/// `[n, heads, tokens, head width]`.
fn composed(queries: Tensor<4>, pairs: &Pairs, lengths: &Lengths, bias: Option<&Tensor<3>>, causal: bool) -> Tensor<4> {
    let [n, heads, tokens, _] = queries.dims();
    let (keys, values) = (pairs.keys.clone(), pairs.values.clone());
    let reach = keys.dims()[2];
    let padding = (!lengths.whole)
        .then(|| mask(&lengths.counts(FloatDType::F32), reach).equal_elem(0.0).reshape([n, 1, 1, reach]));
    let options = AttentionModuleOptions { is_causal: causal, ..AttentionModuleOptions::default() };
    let bias = bias.map(|bias| bias.clone().unsqueeze::<4>().expand([n, heads, tokens, reach]));
    attention_of_burn(queries, keys, values, padding, bias, options)
}
