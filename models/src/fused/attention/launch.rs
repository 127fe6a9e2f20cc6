//! Attention as operations of Burn's backend, so that its dispatch and (natively) its fusion carry them.

#![expect(unsafe_code, reason = "a launch without bounds checks; each says what keeps its reads and writes inside")]

use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::backend::{Backend, backend_extension};
use burn::cubecl::prelude::*;
use burn::tensor::Shape;

use super::super::launch::{GROUP, REDUCERS, VECTOR, element, groups, output, packed};
#[cfg(not(target_arch = "wasm32"))]
use super::super::{kernels::tiles::SIDE, tensor_cores};
#[cfg(not(target_arch = "wasm32"))]
use super::tiles;
use super::{Heads, kernels};

/// Attention in one dispatch.
#[backend_extension(Cube, Fusion: cfg(not(target_arch = "wasm32")))]
pub(super) trait FusedAttention: Backend {
    /// Self-attention; `mixed` `[n * tokens, 3 * width]`, `lengths` `[n]`.
    #[fusion(dtype = mixed, shape = Shape::new([mixed[0], mixed[1] / 3]))]
    fn self_attention(mixed: FloatTensor<Self>, lengths: FloatTensor<Self>, heads: Heads) -> FloatTensor<Self>;

    /// The same with `bias` `[heads, tokens, tokens]` added to the scores of every sentence.
    #[fusion(dtype = mixed, shape = Shape::new([mixed[0], mixed[1] / 3]))]
    fn self_attention_biased(
        mixed: FloatTensor<Self>,
        lengths: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        heads: Heads,
    ) -> FloatTensor<Self>;

    /// `queries` `[rows * tokens, width]`, `keys` and `values` `[sources, heads, reach, head width]`, `lengths`
    /// `[sources]`.
    #[fusion(dtype = queries, shape = queries)]
    fn attention_on(
        queries: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        lengths: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// Tokens from which on attention is done on tensor cores.
#[cfg(not(target_arch = "wasm32"))]
const LONG: usize = 40;
/// Keys from which on few queries share them among threads, and what few is.
const MANY_KEYS: usize = 128;
const FEW_QUERIES: usize = 1 << 15;
/// Values of a head up to which a workgroup's mixes fit the 16 KiB that it has in a browser.
const NARROW_HEAD: usize = 96;

/// Threads of a workgroup, and workgroups for `threads`.
fn grid(threads: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(GROUP.0 * GROUP.1);
    (groups(1, (threads as u32).div_ceil(dim.num_elems())), dim)
}

fn scale(head_width: usize) -> f32 {
    (head_width as f32).sqrt().recip()
}

fn within(mixed: CubeTensor, lengths: CubeTensor, bias: Option<CubeTensor>, heads: Heads) -> CubeTensor {
    let (mixed, lengths, bias) = (packed(mixed), packed(lengths), bias.map(packed));
    let (rows, width) = (mixed.meta.shape()[0], mixed.meta.shape()[1] / 3);
    let Heads { tokens, heads, causal } = heads;
    let out = output(&mixed, Shape::new([rows, width]));
    let (client, element) = (mixed.client.clone(), element(&mixed));
    let head_width = width / heads;
    #[cfg(not(target_arch = "wasm32"))]
    if bias.is_none()
        && let Some(out) = on_tensor_cores(&mixed, &lengths, Heads { tokens, heads, causal })
    {
        return out;
    }
    let (count, dim) = grid(rows * heads);
    // SAFETY: the kernel reads `rows * 3 * width` values, a length a sentence, no longer than `tokens`, and
    // `heads * tokens * tokens` values of the bias, its shape; it writes `rows * width` values.
    unsafe {
        kernels::attention::launch_unchecked(
            &client,
            count,
            dim,
            VECTOR,
            mixed.into_buffer_arg(),
            lengths.into_buffer_arg(),
            bias.map(CubeTensor::into_buffer_arg).into(),
            out.clone().into_buffer_arg(),
            rows / tokens,
            tokens,
            heads,
            scale(head_width),
            head_width / VECTOR,
            causal,
            element,
        );
    }
    out
}

/// The same on tensor cores, where the device has them.
#[cfg(not(target_arch = "wasm32"))]
fn on_tensor_cores(mixed: &CubeTensor, lengths: &CubeTensor, heads: Heads) -> Option<CubeTensor> {
    let (rows, width) = (mixed.meta.shape()[0], mixed.meta.shape()[1] / 3);
    let Heads { tokens, heads, causal } = heads;
    let (element, head_width, sentences) = (element(mixed), width / heads, rows / tokens);
    let fits = head_width.is_multiple_of(SIDE) && head_width <= tiles::BLOCK;
    if tokens < LONG || !fits || !tensor_cores::available(&mixed.client, element) {
        return None;
    }
    let out = output(mixed, Shape::new([rows, width]));
    let client = mixed.client.clone();
    let (as_what, vector, moved) = tensor_cores::moved(&client, element, &[head_width]);
    // SAFETY: the kernel reads `rows * 3 * width` values and a length a sentence, no longer than `tokens`; it writes
    // `rows * width` values.
    unsafe {
        tiles::attention_by_tiles::launch_unchecked(
            &client,
            groups(tokens.div_ceil(tiles::BLOCK) as u32, (sentences * heads) as u32),
            CubeDim::new_2d(REDUCERS, tiles::PLANES as u32),
            vector,
            VECTOR,
            mixed.clone().into_buffer_arg(),
            lengths.clone().into_buffer_arg(),
            out.clone().into_buffer_arg(),
            sentences,
            tokens,
            heads,
            scale(head_width),
            head_width,
            moved,
            REDUCERS as usize,
            causal,
            as_what,
            element,
        );
    }
    Some(out)
}

impl FusedAttention for CubeBackend {
    fn self_attention(mixed: CubeTensor, lengths: CubeTensor, heads: Heads) -> CubeTensor {
        within(mixed, lengths, None, heads)
    }

    fn self_attention_biased(mixed: CubeTensor, lengths: CubeTensor, bias: CubeTensor, heads: Heads) -> CubeTensor {
        within(mixed, lengths, Some(bias), heads)
    }

    fn attention_on(queries: CubeTensor, keys: CubeTensor, values: CubeTensor, lengths: CubeTensor) -> CubeTensor {
        let (queries, keys, values, lengths) = (packed(queries), packed(keys), packed(values), packed(lengths));
        let shape = keys.meta.shape();
        let (sources, heads, reach, head_width) = (shape[0], shape[1], shape[2], shape[3]);
        let rows = queries.meta.shape()[0];
        let out = output(&queries, queries.meta.shape().clone());
        let (client, element) = (queries.client.clone(), element(&queries));
        if reach >= MANY_KEYS && rows * heads <= FEW_QUERIES && head_width <= NARROW_HEAD {
            // SAFETY: as below.
            unsafe {
                kernels::shared_cross_attention::launch_unchecked(
                    &client,
                    groups(1, (rows * heads) as u32),
                    CubeDim::new_1d(REDUCERS),
                    VECTOR,
                    queries.into_buffer_arg(),
                    keys.into_buffer_arg(),
                    values.into_buffer_arg(),
                    lengths.into_buffer_arg(),
                    out.clone().into_buffer_arg(),
                    sources,
                    rows / sources,
                    heads,
                    reach,
                    scale(head_width),
                    head_width / VECTOR,
                    REDUCERS as usize,
                    element,
                );
            }
            return out;
        }
        let (count, dim) = grid(rows * heads);
        // SAFETY: the kernel reads and writes `rows * heads * head_width` values, reads as many keys and values as
        // their shape says, and a length a source, no longer than `reach`.
        unsafe {
            kernels::cross_attention::launch_unchecked(
                &client,
                count,
                dim,
                VECTOR,
                queries.into_buffer_arg(),
                keys.into_buffer_arg(),
                values.into_buffer_arg(),
                lengths.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                sources,
                rows / sources,
                heads,
                reach,
                scale(head_width),
                head_width / VECTOR,
                element,
            );
        }
        out
    }
}
