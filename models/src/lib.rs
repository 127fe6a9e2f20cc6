//! The networks of gistmap, on [Burn](https://burn.dev).
//!
//! 1. [`manifest`] says where a model comes from and what it must be.
//! 2. [`checkpoint`] holds its tensors by their published names; [`pack`] makes it small for the page.
//! 3. One file a network builds it from the checkpoint on a Burn device: [`efficientnet_lite0`], [`minilm`], in single or
//!    half [`precision`].
//! 4. [`cpu`] runs the same networks on the processor by kernels of its own; [`processor`] makes encoders of them.
//! 5. [`encoder`] is what every network offers: a forward pass that only enqueues work.
//!
//! This package reads no file and awaits nothing.

pub mod blip;
pub mod checkpoint;
pub mod clip;
pub mod config;
pub mod cpu;
pub mod dinov2;
pub mod efficientnet_lite0;
pub mod encoder;
mod fused;
pub mod generate;
pub mod imagenet;
mod linear;
pub mod manifest;
pub mod minilm;
pub mod pack;
pub mod precision;
pub mod preprocess;
pub mod processor;
#[cfg(test)]
mod reference;
mod transformer;
mod weights;

pub use burn;
pub use half;
