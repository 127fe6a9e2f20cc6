//! How a dense layer is run: by which kernel, and how its threads share the work.

#![expect(unsafe_code, reason = "a launch without bounds checks; each says what keeps its reads and writes inside")]

use std::sync::atomic::{AtomicBool, Ordering};

use burn::backend::wgpu::CubeTensor;
use burn::cubecl::prelude::*;
use burn::tensor::Shape;

use super::kernels::{self, Activation};
use super::launch::{VECTOR, element, grid, groups, output, packed};
#[cfg(not(target_arch = "wasm32"))]
use super::tensor_cores;

/// Rows that one thread of [`kernels::dense`] makes.
const ROWS: usize = 4;
/// Threads below which the depth is shared among more of them: each would wait for memory at every step, and nothing else runs
/// meanwhile. On an H100, in single precision, mpnet took 2.2 ms in place of 15.7 for a sentence, BLIP 98 in place of 319 for
/// a caption; 2^14 gained less and 2^18 no more. Mesa's software adapter takes as long either way.
pub(super) const FEW_THREADS: usize = 1 << 16;
/// Rows up to which tensor cores are not worth their tiles.
#[cfg(not(target_arch = "wasm32"))]
const FEW_ROWS: usize = 32;
/// Of a workgroup that shares the depth: threads for neighbouring columns, and for the same ones.
const SLICED: (u32, u32) = (8, 16);

/// Whether few threads share the depth: not on the software adapter of browsers (SwiftShader), which takes five times as long
/// for it, and a kernel there does not know on which it runs.
static SHARED: AtomicBool = AtomicBool::new(cfg!(not(target_arch = "wasm32")));

/// Says that the adapter of this browser is a GPU, and no processor that acts as one.
#[cfg(target_arch = "wasm32")]
pub fn adapter_is_a_gpu() {
    SHARED.store(true, Ordering::Relaxed);
}

/// `activation(x · weight + bias)`, plus `residual` where there is one.
pub(super) fn dense(
    x: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
    residual: Option<CubeTensor>,
    activation: Activation,
) -> CubeTensor {
    let (x, weight, bias, residual) = (packed(x), packed(weight), packed(bias), residual.map(packed));
    let (rows, depth, width) = (x.meta.shape()[0], weight.meta.shape()[0], weight.meta.shape()[1]);
    #[cfg(not(target_arch = "wasm32"))]
    if rows > FEW_ROWS && tensor_cores::available(&x.client, element(&x)) {
        return tensor_cores::dense(&x, &weight, &bias, residual, activation);
    }
    let out = output(&x, Shape::new([rows, width]));
    let (tiles, columns) = (rows.div_ceil(ROWS), width / VECTOR);
    let sliced = tiles * columns < FEW_THREADS && SHARED.load(Ordering::Relaxed);
    let (count, dim) = if sliced {
        (groups((columns as u32).div_ceil(SLICED.0), tiles as u32), CubeDim::new_2d(SLICED.0, SLICED.1))
    } else {
        grid(columns, tiles)
    };
    let (client, element) = (x.client.clone(), element(&x));
    // SAFETY: the kernel reads rows of `depth`, weights of `depth * width` and writes `rows * width` values, the
    // shapes of its arguments; rows and columns past the end are read as the last ones and not written.
    unsafe {
        kernels::dense::launch_unchecked(
            &client,
            count,
            dim,
            VECTOR,
            x.into_buffer_arg(),
            weight.into_buffer_arg(),
            bias.into_buffer_arg(),
            residual.map(CubeTensor::into_buffer_arg).into(),
            out.clone().into_buffer_arg(),
            rows,
            depth / VECTOR,
            columns,
            ROWS,
            dim.x as usize,
            if sliced { SLICED.1 as usize } else { 1 },
            activation,
            element,
        );
    }
    out
}
