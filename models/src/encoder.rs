//! What every network offers to the engine.
//!
//! A forward pass only enqueues work on its device and returns at once; the result is read back by
//! the caller, in one place. So batch k+1 can be enqueued before batch k is read.

use burn::tensor::Tensor;

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
    /// `[n, classes]`, before softmax.
    pub logits: Output,
}

/// Pictures in, features and class logits out.
pub trait ImageEncoder: Send + Sync {
    /// Enqueues a batch: `pixels` is `[n, side, side, 3]` RGB, 8 bits, row-major.
    ///
    /// # Panics
    /// When `pixels` does not hold whole pictures.
    fn forward(&self, pixels: &[u8]) -> ImageOutput;
}

/// Token ids in, one vector a sentence out.
pub trait TextEncoder: Send + Sync {
    /// Enqueues a batch of sentences (ids with `[CLS]` and `[SEP]`): `[n, dimension]`, L2-normalised.
    fn forward(&self, sentences: &[&[u32]]) -> Output;
}
