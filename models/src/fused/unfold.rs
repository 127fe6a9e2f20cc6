//! 8-bit pictures to normalised patches on the device: bytes travel, not floats.

#![expect(unsafe_code, reason = "a launch without bounds checks; it says what keeps its reads and writes inside")]

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::cubecl;
use burn::cubecl::prelude::*;
use burn::tensor::{DType, Device, Int, Shape, Tensor, TensorData};
use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::launch::{GROUP, element, groups, output, packed};
use super::own_kernels;

/// Pictures cut into squares that touch; what is left over at the right and bottom is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Pixels of a picture.
    pub(crate) height: usize,
    /// Pixels of a picture.
    pub(crate) width: usize,
    /// Side of a patch.
    pub(crate) patch: usize,
}

impl Cut {
    /// Patches down and across a picture.
    pub(crate) fn grid(self) -> (usize, usize) {
        (self.height / self.patch, self.width / self.patch)
    }

    fn shape(self, pictures: usize) -> Shape {
        let (down, across) = self.grid();
        Shape::new([pictures * down * across, 3 * self.patch * self.patch])
    }
}

/// `pixels` `[n, height, width, 3]` to `[n * patches, 3 * patch * patch]`, channel by channel as a convolution's weights
/// lie. `levels` `[3 * 256]` says what a level becomes, by channel. `None` where the device runs no kernels of ours.
pub(crate) fn unfold(pixels: &[u8], levels: Tensor<1>, cut: Cut, device: &Device) -> Option<Tensor<2>> {
    if !own_kernels(device) {
        return None;
    }
    let pictures = pixels.len() / (cut.height * cut.width * 3);
    let (whole, rest) = pixels.as_chunks();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    let last = (!rest.is_empty()).then_some(last);
    // On all cores: a large batch lies in memory that no one has touched before.
    let mut words: Vec<i32> = whole.par_iter().with_min_len(1 << 16).map(|bytes| i32::from_le_bytes(*bytes)).collect();
    words.extend(last.map(i32::from_le_bytes));
    let extent = [words.len()];
    let words = Tensor::<1, Int>::from_data(TensorData::new(words, extent), (device, DType::I32));
    let patches = Dispatch::unfold(words.into_dispatch(), levels.into_dispatch(), cut, pictures);
    Some(Tensor::from_dispatch(patches))
}

/// Reading pictures.
#[backend_extension(Cube, Fusion: cfg(not(target_arch = "wasm32")))]
trait Unfold: Backend {
    /// Four levels a word, the first in its lowest byte.
    #[fusion(dtype = levels, shape = cut.shape(*pictures))]
    fn unfold(words: IntTensor<Self>, levels: FloatTensor<Self>, cut: Cut, pictures: usize) -> FloatTensor<Self>;
}

impl Unfold for CubeBackend {
    fn unfold(words: CubeTensor, levels: CubeTensor, cut: Cut, pictures: usize) -> CubeTensor {
        let (words, levels) = (packed(words), packed(levels));
        let out = output(&levels, cut.shape(pictures));
        let (client, element, values) = (levels.client.clone(), element(&levels), out.meta.shape().num_elements());
        let dim = CubeDim::new_1d(GROUP.0 * GROUP.1);
        // SAFETY: the kernel writes `values` values; it reads `pictures` pictures, of which the words hold every level,
        // and a level of each of three tables of 256.
        unsafe {
            kernel::launch_unchecked(
                &client,
                groups(1, (values as u32).div_ceil(dim.num_elems())),
                dim,
                words.into_buffer_arg(),
                levels.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                values,
                cut.height,
                cut.width,
                cut.patch,
                element,
            );
        }
        out
    }
}

#[cube(launch_unchecked)]
fn kernel<F: Float>(
    words: &[i32],
    levels: &[F],
    out: &mut [F],
    values: usize,
    height: usize,
    width: usize,
    patch: usize,
    #[define(F)] _element: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at >= values {
        terminate!();
    }
    let (down, across) = (height / patch, width / patch);
    let x = at % patch;
    let y = at / patch % patch;
    let channel = at / (patch * patch) % 3;
    let square = at / (3 * patch * patch);
    let line = square / across % down * patch + y;
    let column = square % across * patch + x;
    let picture = square / (down * across);
    let pixel = ((picture * height + line) * width + column) * 3 + channel;
    let shift = i32::cast_from(pixel % 4 * 8);
    let level = (words[pixel / 4] >> shift) & 255;
    out[at] = levels[channel * 256 + usize::cast_from(level)];
}
