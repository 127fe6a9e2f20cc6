//! The likeliest token, each time.

use super::Next;
use crate::encoder::Output;
use crate::fused::largest_of_rows;

/// Values of a row of [`choose`].
pub(super) const CHOICE: usize = 2;

/// Logits `[rows, vocabulary]` to the number of the likeliest token of each row, and its logit.
pub(super) fn choose(logits: Output) -> Output {
    match logits {
        Output::Device(logits) => Output::Device(largest_of_rows(logits)),
        Output::Host { values, columns } => {
            let choice = |row: &[f32]| [largest(row) as f32, row[largest(row) as usize]];
            Output::Host { values: values.chunks_exact(columns).flat_map(choice).collect(), columns: CHOICE }
        }
    }
}

/// Sequences and which of them go on.
pub(super) struct Greedy {
    sequences: Vec<Vec<u32>>,
    /// The sequence of each row.
    active: Vec<usize>,
    end: u32,
    max_length: usize,
}

impl Greedy {
    pub(super) fn new(prompt: &[u32], sequences: usize, end: u32, max_length: usize) -> Self {
        Self { sequences: vec![prompt.to_vec(); sequences], active: (0..sequences).collect(), end, max_length }
    }

    /// With the likeliest token of each row.
    pub(super) fn advance(&mut self, likeliest: impl Iterator<Item = u32>) -> Next {
        let mut next = Next::default();
        let mut active = Vec::new();
        for (row, (token, sequence)) in likeliest.zip(&self.active).enumerate() {
            let tokens = &mut self.sequences[*sequence];
            tokens.push(token);
            if token != self.end && tokens.len() < self.max_length {
                next.order.push(row);
                next.tokens.push(token);
                active.push(*sequence);
            }
        }
        self.active = active;
        next
    }

    pub(super) fn finish(self) -> Vec<Vec<u32>> {
        self.sequences
    }
}

/// Where the first of the largest values is.
pub(super) fn largest(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    best as u32
}
