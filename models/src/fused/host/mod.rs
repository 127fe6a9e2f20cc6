//! What follows the products of a layer on the processor, norms and attention, in single precision on flex.
//!
//! Burn's products are as fast as the processor, and stay. Around them flex makes every bias, activation, residual and
//! part of a norm a pass of its own over memory by one thread, and calls the library for each exponential: for
//! DINOv2-small that took as long as the products. Here each is one pass that all threads share, and the scores of a head
//! never leave the cache. [`FusedLayers`](super::FusedLayers) is the same for GPUs.
//!
//! Work is cut into blocks of a fixed size, so results depend neither on the batch nor on the number of threads.

mod attention;
mod rows;

use std::sync::Once;

use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchDevice, backend_extension};
use burn::tensor::{DType, Tensor, TensorData};

use super::attention::Heads;
use super::kernels::Activation;
use attention::Mixed;

/// Whether `x` is where these kernels compute, and what they compute.
pub(super) fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && matches!(x.device().as_dispatch(), DispatchDevice::Flex(_))
}

/// `activation(product + bias)`; `product` `[rows, width]`, `bias` `[width]`.
pub(super) fn follow(product: Tensor<2>, bias: Tensor<1>, then: Activation) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::follow(product.into_dispatch(), bias.into_dispatch(), then))
}

/// `product + bias + residual`.
pub(super) fn follow_onto(product: Tensor<2>, bias: Tensor<1>, residual: Tensor<2>) -> Tensor<2> {
    let (product, bias) = (product.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::follow_onto(product, bias, residual.into_dispatch()))
}

/// Layer normalisation of rows.
pub(super) fn normalize(x: Tensor<2>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f32) -> Tensor<2> {
    let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(Dispatch::normalize(x.into_dispatch(), gamma, beta, epsilon))
}

/// Self-attention; `mixed` `[n * tokens, queries | keys | values]`, `counts` `[n]`, `bias` `[heads, tokens, tokens]`.
pub(super) fn attend(mixed: Tensor<2>, counts: Tensor<1>, bias: Option<&Tensor<3>>, heads: Heads) -> Tensor<2> {
    let (mixed, counts) = (mixed.into_dispatch(), counts.into_dispatch());
    Tensor::from_dispatch(match bias {
        None => Dispatch::attend(mixed, counts, heads),
        Some(bias) => Dispatch::attend_biased(mixed, counts, bias.clone().into_dispatch(), heads),
    })
}

/// The same as operations of Burn's backend.
#[backend_extension(Flex)]
trait HostLayers: Backend {
    fn follow(product: FloatTensor<Self>, bias: FloatTensor<Self>, then: Activation) -> FloatTensor<Self>;

    fn follow_onto(
        product: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    fn attend(mixed: FloatTensor<Self>, counts: FloatTensor<Self>, heads: Heads) -> FloatTensor<Self>;

    fn attend_biased(
        mixed: FloatTensor<Self>,
        counts: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        heads: Heads,
    ) -> FloatTensor<Self>;
}

impl HostLayers for Flex {
    fn follow(mut product: FlexTensor, bias: FlexTensor, then: Activation) -> FlexTensor {
        keep_memory();
        // A product is nobody else's: it is changed in its place.
        rows::follow(product.storage_mut(), values(&packed(bias)), then);
        product
    }

    fn follow_onto(mut product: FlexTensor, bias: FlexTensor, residual: FlexTensor) -> FlexTensor {
        rows::follow_onto(product.storage_mut(), values(&packed(bias)), values(&packed(residual)));
        product
    }

    fn normalize(x: FlexTensor, gamma: FlexTensor, beta: FlexTensor, epsilon: f32) -> FlexTensor {
        let (x, gamma, beta) = (packed(x), packed(gamma), packed(beta));
        let out = rows::normalize(values(&x), values(&gamma), values(&beta), epsilon);
        FlexTensor::from_data(TensorData::new(out, x.layout().shape().clone()))
    }

    fn attend(mixed: FlexTensor, counts: FlexTensor, heads: Heads) -> FlexTensor {
        attend_to(mixed, counts, None, heads)
    }

    fn attend_biased(mixed: FlexTensor, counts: FlexTensor, bias: FlexTensor, heads: Heads) -> FlexTensor {
        attend_to(mixed, counts, Some(bias), heads)
    }
}

fn attend_to(mixed: FlexTensor, counts: FlexTensor, bias: Option<FlexTensor>, heads: Heads) -> FlexTensor {
    let (mixed, counts, bias) = (packed(mixed), packed(counts), bias.map(packed));
    let (rows, width) = (mixed.layout().shape()[0], mixed.layout().shape()[1] / 3);
    let bias = bias.as_ref().map(values);
    let out = attention::attend(&Mixed { values: values(&mixed), width, counts: values(&counts), bias }, heads);
    FlexTensor::from_data(TensorData::new(out, [rows, width]))
}

/// Lets the C library keep what a layer frees for what the next one asks for.
///
/// glibc gives the end of its heap back to the system where more is free than twice the largest chunk that it mapped alone
/// and saw freed, of those up to 32 MiB; the next layer's values then all fall on new pages, which was a sixth of
/// DINOv2-small's time. It is shown one chunk of that size, which is never touched. Elsewhere this does nothing.
fn keep_memory() {
    static ONCE: Once = Once::new();
    const CHUNK: usize = (32 << 20) - (64 << 10);
    ONCE.call_once(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(CHUNK))));
}

/// In the order of its extents from the start of its memory.
fn packed(x: FlexTensor) -> FlexTensor {
    if x.is_contiguous() && x.layout().start_offset() == 0 { x } else { x.to_contiguous() }
}

/// Of a tensor that is [`packed`].
fn values(x: &FlexTensor) -> &[f32] {
    &x.storage()[..x.layout().num_elements()]
}

#[cfg(test)]
mod tests;
