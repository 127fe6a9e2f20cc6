//! What every network offers to the engine.
//!
//! A forward pass only enqueues work on its device and returns at once; the result is read back by
//! the caller, in one place. So batch k+1 can be enqueued before batch k is read.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::generate::{GenerateError, Settings, Started};

/// A matrix that may still be on its way.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one a batch: a box would save nothing")]
pub enum Output {
    /// Computed on the processor: `[rows, columns]` row-major, with its number of columns.
    Host {
        /// The values.
        values: Vec<f32>,
        /// Columns of the matrix.
        columns: usize,
    },
    /// Enqueued on a Burn device: `[rows, columns]`.
    Device(Tensor<2>),
}

/// What an image encoder gives for a batch of n pictures.
#[derive(Debug)]
pub struct ImageOutput {
    /// `[n, dimension]`.
    pub features: Output,
    /// `[n, classes]`, before softmax; `None` of a network that knows no classes.
    pub logits: Option<Output>,
}

/// Pictures in, features and class logits out.
pub trait ImageEncoder: Send + Sync {
    /// Enqueues a batch: `pixels` is `[n, side, side, 3]` RGB, 8 bits, row-major.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    fn forward(&self, pixels: &[u8]) -> ImageOutput;
}

/// A network may be several things at once.
impl<T: ImageEncoder + ?Sized> ImageEncoder for Arc<T> {
    fn forward(&self, pixels: &[u8]) -> ImageOutput {
        self.as_ref().forward(pixels)
    }
}

impl<T: TextEncoder + ?Sized> TextEncoder for Arc<T> {
    fn forward(&self, sentences: &[&[u32]]) -> Output {
        self.as_ref().forward(sentences)
    }
}

/// Token ids in, one vector a sentence out.
pub trait TextEncoder: Send + Sync {
    /// Enqueues a batch of sentences (ids with the special tokens that the network wants): `[n, dimension]`,
    /// L2-normalised.
    ///
    /// # Panics
    /// When a sentence has no token, more than the network reads, or one outside its vocabulary.
    fn forward(&self, sentences: &[&[u32]]) -> Output;
}

/// Pictures in, sentences out, token by token.
pub trait Captioner: Send + Sync {
    /// Enqueues a batch of `pixels` (`[n, side, side, 3]` RGB, 8 bits, row-major) and the first token of each caption.
    /// Captions begin with the tokens `prefix`, without special ones.
    ///
    /// # Errors
    /// Settings that leave nothing to search.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    fn caption(&self, pixels: &[u8], prefix: &[u32], settings: &Settings) -> Result<Started<'_>, GenerateError>;
}

/// Questions about pictures in, free-text answers out, token by token.
pub trait Answerer: Send + Sync {
    /// Enqueues a batch of `pixels` (as [`Captioner::caption`]) with questions (ids with the special tokens that the
    /// network wants), as many for each picture, picture by picture; and the first token of each answer.
    ///
    /// # Errors
    /// Settings that leave nothing to search.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures, or for questions as [`TextEncoder::forward`].
    fn answer(&self, pixels: &[u8], questions: &[&[u32]], settings: &Settings) -> Result<Started<'_>, GenerateError>;
}

/// Questions about pictures in, a logit for each answer of a fixed list out.
pub trait AnswerChooser: Send + Sync {
    /// The answers.
    fn answers(&self) -> &[String];

    /// Enqueues a batch of `pixels` (`[n, height, width, 3]` RGB, 8 bits, row-major) with questions (ids with the special
    /// tokens that the network wants), as many for each picture: `[questions, answers]`, before any softmax.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures, or for questions as [`TextEncoder::forward`].
    fn choose(&self, pixels: &[u8], height: usize, width: usize, questions: &[&[u32]]) -> Output;
}

/// How pictures and texts of one space are compared: `scale * cosine + bias` are the logits of zero-shot classification.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Learned temperature, inverted.
    pub scale: f32,
    /// 0 where the network has none.
    pub bias: f32,
}

impl Similarity {
    /// The logit of a picture's features and a text's, of any length.
    pub fn logit(self, picture: &[f32], text: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let cosine = dot(picture, text) / (dot(picture, picture) * dot(text, text)).sqrt().max(1e-24);
        (f64::from(self.scale) * cosine + f64::from(self.bias)) as f32
    }
}
