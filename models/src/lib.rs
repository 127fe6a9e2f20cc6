//! The networks of gistmap, on [Burn](https://burn.dev).
//!
//! 1. [`manifest`] says where a model comes from and what it must be.
//! 2. [`checkpoint`] holds its tensors by their published names; [`pack`] makes it small for the page, by
//!    [`calibration`] with less loss.
//! 3. One file a network builds it from the checkpoint on a Burn device, in single or half [`precision`]:
//!    [`efficientnet_lite0`], [`minilm`], and by their published [`config`] and [`preprocess`]ing [`clip`], [`dinov2`],
//!    [`siglip`], torchvision's [`resnet`], [`efficientnet_b0`] and [`mobilenet_v3_small`] (features), [`mpnet`]
//!    (sentences), [`blip`], [`vit_gpt2`] (captions, answers), [`vilt`] (answers out of a list).
//! 4. [`generate`] makes text token by token, whatever the network.
//! 5. [`cpu`] runs the same networks on the processor by kernels of its own; [`processor`] makes encoders of them.
//! 6. [`encoder`] is what every network offers: a forward pass that only enqueues work.
//!
//! This package reads no file and awaits nothing.

pub mod blip;
pub mod calibration;
pub mod checkpoint;
pub mod clip;
pub mod config;
mod convolutional;
pub mod cpu;
pub mod dinov2;
pub mod efficientnet_b0;
pub mod efficientnet_lite0;
pub mod encoder;
mod fused;
pub mod generate;
pub mod imagenet;
mod load;
pub mod manifest;
pub mod minilm;
pub mod mobilenet_v3_small;
pub mod mpnet;
pub mod pack;
pub mod precision;
pub mod preprocess;
pub mod processor;
#[cfg(test)]
mod reference;
pub mod resnet;
pub mod siglip;
pub mod stored;
mod transformer;
pub mod vilt;
pub mod vit_gpt2;
mod weights;

pub use burn;
#[cfg(target_arch = "wasm32")]
pub use fused::adapter_is_a_gpu;
pub use half;
