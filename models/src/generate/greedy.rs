//! The likeliest token, each time.

use super::Next;

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

    pub(super) fn advance<'a>(&mut self, rows: impl Iterator<Item = &'a [f32]>) -> Next {
        let mut next = Next::default();
        let mut active = Vec::new();
        for (row, (logits, sequence)) in rows.zip(&self.active).enumerate() {
            let token = largest(logits);
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
fn largest(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    best as u32
}
