//! The layers that the transformer networks are made of, over the rows `[n * tokens, width]` of a batch.
//!
//! The networks' files name the published keys and put these together; the layers know no network. They enqueue work
//! and wait for nothing. They are made of the layers of [`fused`](crate::fused).
//!
//! - [`patches`]: pixels to rows of patches, normalised; [`vocabulary`]: token ids to rows, and rows to logits.
//! - [`resample`]: position embeddings for another grid of patches.
//! - [`sentences`]: token ids of several lengths as one matrix.
//! - [`block`]: attention and MLP with their residuals and norms; [`tower`]: a stack of them as CLIP has it;
//!   [`vit`]: one as ViT has it.
//! - [`decoder`]: blocks that make a token at a time and keep what they will need again.

pub(crate) mod block;
pub(crate) mod decoder;
pub(crate) mod patches;
pub(crate) mod resample;
pub(crate) mod sentences;
pub(crate) mod tower;
pub(crate) mod vit;
pub(crate) mod vocabulary;
