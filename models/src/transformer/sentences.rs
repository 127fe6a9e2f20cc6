//! Token ids of sentences as rows of the same length.

use burn::tensor::{Device, Tensor, TensorData};

use crate::fused::Lengths;

/// Sentences side by side, filled up with token 0 to the longest.
pub(crate) struct Sentences {
    /// `[n, tokens]`.
    pub(crate) ids: Vec<u32>,
    /// Tokens of each.
    pub(crate) lengths: Vec<usize>,
    /// Tokens of the longest.
    pub(crate) tokens: usize,
}

impl Sentences {
    /// # Panics
    /// When a sentence has no token, or more than `most`.
    pub(crate) fn new(sentences: &[&[u32]], most: usize) -> Self {
        let lengths: Vec<usize> = sentences.iter().map(|s| s.len()).collect();
        let tokens = lengths.iter().copied().max().unwrap_or(0);
        let within = lengths.iter().all(|length| (1..=most).contains(length));
        assert!(within, "sentences have between 1 and {most} tokens, these have {lengths:?}");
        let filled = |s: &&[u32]| s.iter().copied().chain(std::iter::repeat_n(0, tokens - s.len())).collect::<Vec<_>>();
        Self { ids: sentences.iter().flat_map(filled).collect(), lengths, tokens }
    }

    /// How many sentences.
    pub(crate) fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Tokens of each, for attention.
    pub(crate) fn counts(&self, device: &Device) -> Lengths {
        let counts: Vec<f32> = self.lengths.iter().map(|length| *length as f32).collect();
        if self.lengths.iter().all(|length| *length == self.tokens) {
            return Lengths::whole(self.count(), self.tokens, device);
        }
        Lengths::of(Tensor::from_data(TensorData::new(counts, [self.count()]), device))
    }

    /// The number of the position of each token: `[n * tokens]`, counted from 0 in each sentence.
    pub(crate) fn positions(&self) -> Vec<u32> {
        (0..self.count()).flat_map(|_| 0..self.tokens as u32).collect()
    }
}
