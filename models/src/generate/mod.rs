//! Making text token by token: greedy and beam search, independent of the network.
//!
//! The ids are those of `generate` of Hugging Face's transformers 4.40.2 with `do_sample=False`. A step enqueues one
//! forward pass and returns; the caller reads back what came of it in its own time and hands it to
//! [`Generate::advance`]. Of a greedy search that is each row's likeliest token, found on the device:
//!
//! ```text
//! let (mut generation, mut logits) = captioner.start(pixels, prefix, &settings)?;
//! while let Some(next) = generation.advance(&read(logits).await) { logits = next; }
//! let ids = generation.finish();
//! ```
//!
//! Sequences that have ended leave the batch, so that the last long one does not pay for all.

mod beam;
mod greedy;

use crate::encoder::Output;
use beam::Beam;
use greedy::Greedy;

/// How a sequence is searched for; transformers' names and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Tokens of a sequence at most, its prompt included. Default 20.
    pub max_length: usize,
    /// Sequences that are followed side by side; with 1 the search is greedy. Default 1.
    pub beams: usize,
    /// A sequence of n new tokens is worth the sum of its log-probabilities divided by n to this power. Default 1.
    pub length_penalty: f64,
    /// When beam search gives up on unfinished sequences.
    pub early_stopping: EarlyStopping,
    /// Whether a greedy search, too, hands out every logit of its steps (`output_logits`). Default false.
    pub output_logits: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_length: 20,
            beams: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::default(),
            output_logits: false,
        }
    }
}

/// When beam search stops, once as many sequences have ended as there are beams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyStopping {
    /// When no unfinished sequence would beat them at its present length (`False`).
    #[default]
    Heuristic,
    /// At once (`True`).
    Always,
    /// When no unfinished sequence can beat them any more (`"never"`).
    Never,
}

/// What cannot be searched for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GenerateError {
    /// No room for a new token.
    #[error("a prompt of {prompt} tokens leaves no room in sequences of {max_length}")]
    Prompt {
        /// Tokens.
        prompt: usize,
        /// Tokens.
        max_length: usize,
    },
    /// More tokens than the network has positions for.
    #[error("sequences of {max_length} tokens were asked for, the network makes {positions} at most")]
    Positions {
        /// Tokens.
        max_length: usize,
        /// Tokens.
        positions: usize,
    },
    /// No beams, or more than the vocabulary can fill.
    #[error("{beams} beams were asked for; between 1 and {most} can be followed")]
    Beams {
        /// As asked for.
        beams: usize,
        /// Half of the vocabulary.
        most: usize,
    },
}

/// A network that gives the next token's logits.
pub trait Decoder {
    /// What it keeps of a batch between steps.
    type State;

    /// Logits that a step gives a row.
    fn vocabulary(&self) -> usize;

    /// Tokens of a sequence at most.
    fn positions(&self) -> usize;

    /// The token that ends a sequence.
    fn end(&self) -> u32;

    /// Goes on with the rows `order` of the last step, in this order, each with its part of `tokens`
    /// (`[order.len(), new tokens]`), and enqueues the logits of what follows: `[order.len(), vocabulary]`.
    ///
    /// Rows of one sequence lie together, as many for each; some sequences may be left out.
    fn step(&self, state: &mut Self::State, order: &[usize], tokens: &[u32]) -> Output;
}

/// A search under way.
pub trait Generate {
    /// Takes what was enqueued last and enqueues the next; `None` when all sequences have ended. It is `[rows,
    /// vocabulary]` logits, or of a greedy search without [`Settings::output_logits`] `[rows, 2]`: the likeliest token's
    /// number, and its logit.
    fn advance(&mut self, step: &[f32]) -> Option<Output>;

    /// The sequences, with their prompt and, where they came to it, the ending token.
    fn finish(self: Box<Self>) -> Vec<Vec<u32>>;
}

/// Sequences that grow from prompts of the same length, one each.
pub struct Generation<'a, D: Decoder> {
    decoder: &'a D,
    state: D::State,
    search: Search,
    output_logits: bool,
}

/// A search, and what it waits for.
pub type Started<'a> = (Box<dyn Generate + 'a>, Output);

impl<'a, D: Decoder> Generation<'a, D>
where
    D::State: 'a,
{
    /// Enqueues the prompt, the same for each of `sequences`; `state` is the decoder's before any token, a row a
    /// sequence.
    ///
    /// # Errors
    /// Settings that leave nothing to search.
    pub fn start(
        decoder: &'a D,
        state: D::State,
        prompt: &[u32],
        sequences: usize,
        settings: &Settings,
    ) -> Result<Started<'a>, GenerateError> {
        let Settings { max_length, beams, .. } = *settings;
        if prompt.is_empty() || prompt.len() >= max_length {
            return Err(GenerateError::Prompt { prompt: prompt.len(), max_length });
        }
        if max_length > decoder.positions() {
            return Err(GenerateError::Positions { max_length, positions: decoder.positions() });
        }
        let most = decoder.vocabulary() / 2;
        if beams == 0 || beams > most {
            return Err(GenerateError::Beams { beams, most });
        }
        let search = if beams == 1 {
            Search::Greedy(Greedy::new(prompt, sequences, decoder.end(), max_length))
        } else {
            Search::Beam(Beam::new(prompt, sequences, decoder.end(), settings))
        };
        let mut generation = Self { decoder, state, search, output_logits: settings.output_logits };
        let order: Vec<usize> = (0..sequences).collect();
        let step = generation.step(&order, &prompt.repeat(sequences));
        Ok((Box::new(generation), step))
    }

    fn step(&mut self, order: &[usize], tokens: &[u32]) -> Output {
        let logits = self.decoder.step(&mut self.state, order, tokens);
        match self.search {
            Search::Greedy(_) if !self.output_logits => greedy::choose(logits),
            _ => logits,
        }
    }
}

impl<D: Decoder> Generate for Generation<'_, D> {
    fn advance(&mut self, step: &[f32]) -> Option<Output> {
        let rows = step.chunks_exact(self.decoder.vocabulary());
        let Next { order, tokens } = match &mut self.search {
            Search::Greedy(greedy) if self.output_logits => greedy.advance(rows.map(greedy::largest)),
            Search::Greedy(greedy) => greedy.advance(step.chunks_exact(greedy::CHOICE).map(|row| row[0] as u32)),
            Search::Beam(beam) => beam.advance(rows),
        };
        (!order.is_empty()).then(|| self.step(&order, &tokens))
    }

    fn finish(self: Box<Self>) -> Vec<Vec<u32>> {
        match self.search {
            Search::Greedy(greedy) => greedy.finish(),
            Search::Beam(beam) => beam.finish(),
        }
    }
}

enum Search {
    Greedy(Greedy),
    Beam(Beam),
}

/// The rows to go on with, and a token for each.
#[derive(Debug, Default, PartialEq, Eq)]
struct Next {
    order: Vec<usize>,
    tokens: Vec<u32>,
}

#[cfg(test)]
pub(crate) mod tests;
