//! The two default networks on the CPU, by kernels written for them; attention of the others uses some of them there, too.
//!
//! Everything that follows a matrix product is fused into it, weights are packed once, activations lie in
//! [planes of sixteen channels](lanes), and a thread takes a few pictures or sentences through the whole network while
//! they are in its cache. Plain Rust that the compiler vectorises: AVX-512, AVX2 and a base version are chosen when the
//! program runs; NEON and wasm (with `simd128`) get the base version, wasm with depthwise filters [of its own](narrow). f32 throughout; a result depends neither on the
//! batch nor on the number of threads.

pub(crate) mod attention;
mod bert;
mod block;
mod depthwise;
mod efficientnet;
pub(crate) mod gemm;
pub(crate) mod lanes;
pub(crate) mod math;
mod narrow;
#[cfg(test)]
pub(crate) mod reference;
mod stem;

pub use crate::weights::{TensorSource, WrongTensor};
pub use bert::{MiniLm, WrongTokens};
pub use efficientnet::{Classified, EfficientNetLite0, WrongPictures};
