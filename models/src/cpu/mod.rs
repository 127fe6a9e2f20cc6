//! Networks on the CPU, by kernels written for them: the two default ones, ResNets, EfficientNet-B0, MobileNetV3-small.
//! Attention and what follows products use some of them for the other networks, too.
//!
//! Everything that follows a sum is fused into it, weights are packed once, activations lie in
//! [planes of sixteen channels](lanes), and a thread takes a few pictures or sentences through the whole network while
//! they are in its cache. Plain Rust that the compiler vectorises: AVX-512, AVX2 and a base version are chosen when the
//! program runs; NEON and wasm (with `simd128`) get the base version, wasm with depthwise filters [of its own](narrow). f32 throughout; a result depends neither on the
//! batch nor on the number of threads.
//!
//! - [`tile`]: the sum of a few rows, what products ([`gemm`]) and convolutions ([`convolution`], on [`frame`]s) are made of.
//! - [`stem`], [`depthwise`], [`pool`], [`excitation`], [`attention`]: the other layers; [`block`]: those of a MobileNet together.
//! - [`classifier`]: what all networks that sort pictures share; [`mobile`] and [`resnet`] are two kinds of them.

mod activation;
pub(crate) mod attention;
mod bert;
mod block;
mod classifier;
mod convolution;
mod depthwise;
mod efficientnet_lite0;
mod excitation;
mod frame;
pub(crate) mod gemm;
pub(crate) mod lanes;
pub(crate) mod math;
mod mobile;
mod narrow;
mod pool;
#[cfg(test)]
pub(crate) mod reference;
mod resnet;
mod stem;
mod tile;

pub use crate::weights::{TensorSource, WrongTensor};
pub use bert::{MiniLm, WrongTokens};
pub use classifier::{Classified, Classifier, WrongPictures};
pub use efficientnet_lite0::EfficientNetLite0;
