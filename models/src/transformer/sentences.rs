//! Token ids of sentences as rows of the same length.

use burn::tensor::{Device, Tensor, TensorData};

use crate::fused::Lengths;

/// Sentences side by side.
pub(crate) struct Sentences {
    /// `[n, tokens]`.
    pub(crate) ids: Vec<u32>,
    /// Tokens of each.
    pub(crate) lengths: Vec<usize>,
    /// Tokens of the longest.
    pub(crate) tokens: usize,
}

impl Sentences {
    /// Filled up with token 0 to the longest.
    ///
    /// # Panics
    /// When a sentence has no token, or more than `most`.
    pub(crate) fn new(sentences: &[&[u32]], most: usize) -> Self {
        let longest = sentences.iter().map(|s| s.len()).max().unwrap_or(0);
        Self::filled(sentences, most, longest, 0)
    }

    /// The same filled up with the token `filling` to `tokens`.
    ///
    /// # Panics
    /// When a sentence has no token, or more than `most`.
    pub(crate) fn filled(sentences: &[&[u32]], most: usize, tokens: usize, filling: u32) -> Self {
        let lengths: Vec<usize> = sentences.iter().map(|s| s.len()).collect();
        let within = lengths.iter().all(|length| (1..=most).contains(length));
        assert!(within, "sentences have between 1 and {most} tokens, these have {lengths:?}");
        let all =
            |s: &&[u32]| s.iter().copied().chain(std::iter::repeat_n(filling, tokens - s.len())).collect::<Vec<_>>();
        Self { ids: sentences.iter().flat_map(all).collect(), lengths, tokens }
    }

    /// How many sentences.
    pub(crate) fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Tokens of each, for attention.
    pub(crate) fn counts(&self, device: &Device) -> Lengths {
        self.counts_behind(0, device)
    }

    /// The same with `before` tokens of something else in front of each.
    pub(crate) fn counts_behind(&self, before: usize, device: &Device) -> Lengths {
        if self.lengths.iter().all(|length| *length == self.tokens) {
            return Lengths::whole(self.count(), before + self.tokens, device);
        }
        let counts: Vec<f32> = self.lengths.iter().map(|length| (before + length) as f32).collect();
        Lengths::of(Tensor::from_data(TensorData::new(counts, [self.count()]), device))
    }

    /// The number of the position of each token: `[n * tokens]`, counted from 0 in each sentence.
    pub(crate) fn positions(&self) -> Vec<u32> {
        (0..self.count()).flat_map(|_| 0..self.tokens as u32).collect()
    }
}
