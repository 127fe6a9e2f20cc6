//! Attention and MLP with their residuals and norms.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::fused::{Activation, Dense, Heads, Lengths, Pairs, RowNorm, attention, cross_attention};

/// Where the norm of a branch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Before it: `x + branch(norm(x))`, as in ViT and GPT-2.
    Before,
    /// Behind the sum: `norm(x + branch(x))`, as in BERT.
    After,
}

/// Attention of the tokens of a row on each other, without its residual.
#[derive(Module, Debug)]
pub(crate) struct SelfAttention {
    /// Queries, keys and values side by side.
    pub(crate) input: Dense,
    /// Of the heads' results.
    pub(crate) output: Dense,
    /// Heads.
    #[module(skip)]
    pub(crate) heads: usize,
    /// Whether a token sees only itself and those before it.
    #[module(skip)]
    pub(crate) causal: bool,
}

impl SelfAttention {
    fn forward(&self, x: Tensor<2>, lengths: &Lengths, bias: Option<&Tensor<3>>, tokens: usize) -> Tensor<2> {
        let mixed = self.input.forward(x, Activation::Identity);
        attention(mixed, lengths, bias, Heads { tokens, heads: self.heads, causal: self.causal })
    }

    /// The same for tokens that follow those in `kept`, which they join. `lengths` counts both.
    fn continued(&self, x: Tensor<2>, kept: &mut Option<Pairs>, lengths: &Lengths, tokens: usize) -> Tensor<2> {
        let [rows, width] = x.dims();
        let mixed = self.input.forward(x, Activation::Identity);
        let new = Pairs::split(mixed.clone().narrow(1, width, 2 * width), rows / tokens, self.heads);
        match kept.take() {
            None => {
                *kept = Some(new);
                attention(mixed, lengths, None, Heads { tokens, heads: self.heads, causal: self.causal })
            }
            Some(before) => {
                debug_assert_eq!(tokens, 1, "a token at a time: later ones are not masked here");
                let all = before.append(new);
                let attended = cross_attention(mixed.narrow(1, 0, width), &all, lengths);
                *kept = Some(all);
                attended
            }
        }
    }
}

/// Attention of tokens on another sequence, and its norm.
#[derive(Module, Debug)]
pub(crate) struct CrossAttention {
    /// Of the tokens.
    pub(crate) query: Dense,
    /// Keys and values side by side, of the other sequence.
    pub(crate) pairs: Dense,
    /// Of the heads' results.
    pub(crate) output: Dense,
    /// Of this branch.
    pub(crate) norm: RowNorm,
    /// Heads.
    #[module(skip)]
    pub(crate) heads: usize,
}

impl CrossAttention {
    /// Keys and values of `states` `[sources * length, width]`: made once, asked by every token.
    pub(crate) fn pairs(&self, states: Tensor<2>, sources: usize) -> Pairs {
        Pairs::split(self.pairs.forward(states, Activation::Identity), sources, self.heads)
    }
}

/// Two linear layers with an activation between them.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    /// To the inner width.
    pub(crate) up: Dense,
    /// And back.
    pub(crate) down: Dense,
    /// Between them.
    #[module(skip)]
    pub(crate) activation: Activation,
}

impl Mlp {
    /// `x` and, onto it, what the layers make of its norm.
    pub(crate) fn onto(&self, x: Tensor<2>, norm: &RowNorm) -> Tensor<2> {
        self.down.forward_onto(self.up.forward(norm.forward(x.clone()), self.activation), x)
    }
}

/// A transformer layer.
#[derive(Module, Debug)]
pub(crate) struct Block {
    /// The first branch.
    pub(crate) attention: SelfAttention,
    /// Its norm.
    pub(crate) attention_norm: RowNorm,
    /// The branch of a decoder that looks at something else.
    pub(crate) cross: Option<CrossAttention>,
    /// The last branch.
    pub(crate) mlp: Mlp,
    /// Its norm.
    pub(crate) mlp_norm: RowNorm,
    /// Where the norms stand.
    #[module(skip)]
    pub(crate) order: Order,
}

/// A sequence that tokens look at, and how much of it is there in each row.
pub(crate) struct Source<'a> {
    pub(crate) pairs: &'a Pairs,
    pub(crate) lengths: &'a Lengths,
}

impl Block {
    /// `[n * tokens, width]` to the same; a block without a branch for another sequence.
    pub(crate) fn forward(&self, x: Tensor<2>, lengths: &Lengths, tokens: usize) -> Tensor<2> {
        self.forward_biased(x, lengths, None, tokens)
    }

    /// The same with `bias` `[heads, tokens, tokens]` added to the scores of its attention.
    pub(crate) fn forward_biased(
        &self,
        x: Tensor<2>,
        lengths: &Lengths,
        bias: Option<&Tensor<3>>,
        tokens: usize,
    ) -> Tensor<2> {
        let x = self.branch(x, &self.attention_norm, &self.attention.output, |x| {
            self.attention.forward(x, lengths, bias, tokens)
        });
        self.feed(x)
    }

    /// The same with a look at `source` between attention and MLP. Rows lie source by source, as many for each.
    pub(crate) fn forward_with(
        &self,
        x: Tensor<2>,
        lengths: &Lengths,
        tokens: usize,
        source: &Source<'_>,
    ) -> Tensor<2> {
        let x = self.branch(x, &self.attention_norm, &self.attention.output, |x| {
            self.attention.forward(x, lengths, None, tokens)
        });
        self.feed(self.look(x, source))
    }

    /// The same for tokens that follow those in `kept`, which they join; `lengths` counts both.
    pub(crate) fn continued(
        &self,
        x: Tensor<2>,
        kept: &mut Option<Pairs>,
        lengths: &Lengths,
        tokens: usize,
        source: &Source<'_>,
    ) -> Tensor<2> {
        let x = self.branch(x, &self.attention_norm, &self.attention.output, |x| {
            self.attention.continued(x, kept, lengths, tokens)
        });
        self.feed(self.look(x, source))
    }

    fn look(&self, x: Tensor<2>, source: &Source<'_>) -> Tensor<2> {
        let Some(cross) = &self.cross else { return x };
        self.branch(x, &cross.norm, &cross.output, |x| {
            let queries = cross.query.forward(x, Activation::Identity);
            cross_attention(queries, source.pairs, source.lengths)
        })
    }

    fn feed(&self, x: Tensor<2>) -> Tensor<2> {
        let Mlp { up, down, activation } = &self.mlp;
        self.branch(x, &self.mlp_norm, down, |x| up.forward(x, *activation))
    }

    /// `x`, and onto it `output` of what `inner` makes of it.
    fn branch(
        &self,
        x: Tensor<2>,
        norm: &RowNorm,
        output: &Dense,
        inner: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        match self.order {
            Order::Before => output.forward_onto(inner(norm.forward(x.clone())), x),
            Order::After => norm.forward(output.forward_onto(inner(x.clone()), x)),
        }
    }
}
