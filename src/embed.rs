//! Texts to vectors: tokenise, batch by length, drive the sentence encoder.

use gistmap_models::encoder::TextEncoder;
use ndarray::{Array2, s};
use tokenizers::{Tokenizer, TruncationParams};

use crate::readback::{self, ReadbackError};
use crate::runtime::breathe;

/// Sentences a batch, where nobody says otherwise.
const BATCH: usize = 64;

/// A tokenizer that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("the tokenizer cannot be used: {0}")]
pub struct TokenizerError(String);

/// A tokenizer and the network that reads its ids.
pub struct Embedder {
    tokenizer: Tokenizer,
    encoder: Box<dyn TextEncoder>,
    dimension: usize,
    batch: usize,
}

impl Embedder {
    /// Reads `tokenizer.json`; texts are cut at `max_tokens`.
    ///
    /// # Errors
    /// When the bytes are no tokenizer.
    pub fn new(
        tokenizer: &[u8],
        max_tokens: usize,
        encoder: Box<dyn TextEncoder>,
        dimension: usize,
    ) -> Result<Self, TokenizerError> {
        let failed = |e: tokenizers::Error| TokenizerError(e.to_string());
        let mut tokenizer = Tokenizer::from_bytes(tokenizer).map_err(failed)?;
        let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(failed)?;
        // Batches are padded by the encoder, where it needs padding at all.
        tokenizer.with_padding(None);
        Ok(Self { tokenizer, encoder, dimension, batch: BATCH })
    }

    /// Sentences that go through the network together: fewer are heard of sooner.
    #[must_use]
    pub fn with_batch(self, sentences: usize) -> Self {
        Self { batch: sentences.max(1), ..self }
    }

    /// Length of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Token ids of one text, `[CLS]` and `[SEP]` included.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.tokenizer.encode(text, true).map_err(|e| TokenizerError(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Sentence vectors `[texts, dimension]`, L2-normalised, in the order of `texts`. After each batch `progress`
    /// hears how many are done; it answers whether to go on.
    ///
    /// # Errors
    /// When the tokenizer or the device fails, or `progress` said stop.
    pub async fn embed(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Array2<f32>, EmbedError> {
        let tokens = texts.iter().map(|t| self.tokens(t)).collect::<Result<Vec<_>, _>>()?;
        // Sentences of like length share a batch: padding is work for nothing.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|i| (tokens[*i].len(), *i));
        let mut result = Array2::zeros((texts.len(), self.dimension));
        let mut pending = None;
        let mut done = 0;
        for rows in order.chunks(self.batch) {
            let sentences: Vec<&[u32]> = rows.iter().map(|i| tokens[*i].as_slice()).collect();
            // Batch k+1 is enqueued before batch k is read.
            let enqueued = (rows, self.encoder.forward(&sentences));
            if let Some((rows, output)) = pending.replace(enqueued) {
                done += place(&mut result, rows, &readback::read(output).await?);
                if !progress(done) {
                    return Err(EmbedError::Stopped);
                }
            }
            breathe().await;
        }
        if let Some((rows, output)) = pending {
            place(&mut result, rows, &readback::read(output).await?);
        }
        progress(texts.len());
        Ok(result)
    }
}

fn place(result: &mut Array2<f32>, rows: &[usize], vectors: &Array2<f32>) -> usize {
    for (row, vector) in rows.iter().zip(vectors.rows()) {
        result.slice_mut(s![*row, ..]).assign(&vector);
    }
    rows.len()
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// See [`TokenizerError`].
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// See [`ReadbackError`].
    #[error(transparent)]
    Readback(#[from] ReadbackError),
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
}
