//! Pictures as sequences: normalised, cut into patches, made rows by a linear layer, numbered by position.

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use crate::checkpoint::CheckpointError;
use crate::fused::{Activation, Cut, Dense, unfold};
use crate::load::Loader;
use crate::preprocess::Levels;

/// Extents of a batch of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extents {
    /// Pixels.
    pub(crate) height: usize,
    /// Pixels.
    pub(crate) width: usize,
}

impl Extents {
    /// Of a square.
    pub(crate) fn square(side: usize) -> Self {
        Self { height: side, width: side }
    }

    /// How many pictures lie in `pixels`.
    ///
    /// # Panics
    /// When it does not hold whole pictures.
    pub(crate) fn pictures(self, pixels: &[u8]) -> usize {
        let picture = self.height * self.width * 3;
        assert!(pixels.len().is_multiple_of(picture), "a batch holds whole pictures");
        pixels.len() / picture
    }
}

/// A convolution whose windows touch without overlapping, which is a linear layer over patches.
#[derive(Module, Debug)]
pub(crate) struct PatchEmbedding {
    projection: Dense,
    /// From 8-bit levels to what the network was trained on, `[3 * 256]`, in the network's precision.
    table: Param<Tensor<1>>,
    /// Side of a patch, pixels.
    #[module(skip)]
    patch: usize,
    /// The same in single precision.
    #[module(skip)]
    levels: Levels,
}

impl PatchEmbedding {
    /// From the convolution `name`, `[width, 3, patch, patch]`.
    pub(crate) fn load(
        loader: &mut Loader<'_>,
        name: &str,
        patch: usize,
        width: usize,
        levels: &Levels,
    ) -> Result<Self, CheckpointError> {
        let weight = loader.take(&format!("{name}.weight"), &[width, 3, patch, patch])?;
        let bias = format!("{name}.bias");
        let bias = if loader.has(&bias) { loader.take(&bias, &[width])? } else { vec![0.0; width] };
        let table = loader.put(levels.tables().as_flattened().to_vec(), [3 * 256]);
        let projection = Dense::new(&weight, bias, loader.device).adding_to(loader.reads(&[name], false));
        Ok(Self { projection, table, patch, levels: levels.clone() })
    }

    /// Patches down and across a picture; what is left over at its right and bottom is not read, as by a convolution.
    pub(crate) fn grid(&self, extents: Extents) -> (usize, usize) {
        (extents.height / self.patch, extents.width / self.patch)
    }

    /// `pixels` `[n, height, width, 3]` to `[n * patches, width]`, row by row of each picture.
    pub(crate) fn forward(&self, pixels: &[u8], extents: Extents, device: &Device, precision: FloatDType) -> Tensor<2> {
        let (down, across) = self.grid(extents);
        let rows = extents.pictures(pixels) * down * across;
        let columns = 3 * self.patch * self.patch;
        let cut = Cut { height: extents.height, width: extents.width, patch: self.patch };
        if let Some(patches) = unfold(pixels, self.table.val(), cut, device) {
            return self.projection.forward(patches, Activation::Identity);
        }
        let patches = TensorData::new(self.unfolded(pixels, extents), [rows, columns]);
        self.projection.forward(Tensor::<2>::from_data(patches, device).cast(precision), Activation::Identity)
    }

    /// Normalised patches `[n * patches, 3 * patch * patch]`, channel by channel as the convolution's weights lie.
    fn unfolded(&self, pixels: &[u8], Extents { height, width }: Extents) -> Vec<f32> {
        let (down, across, patch) = (height / self.patch, width / self.patch, self.patch);
        let mut out = Vec::with_capacity(pixels.len());
        for picture in pixels.chunks_exact(height * width * 3) {
            for (y, x) in (0..down * across).map(|i| (i / across * patch, i % across * patch)) {
                for (channel, levels) in self.levels.tables().iter().enumerate() {
                    for line in y..y + patch {
                        let start = (line * width + x) * 3;
                        let line = &picture[start..start + patch * 3];
                        out.extend(line[channel..].iter().step_by(3).map(|level| levels[usize::from(*level)]));
                    }
                }
            }
        }
        out
    }
}

/// The class token and the positions of a picture's patches.
#[derive(Module, Debug)]
pub(crate) struct Positions {
    /// `[1, 1, width]`, where there is one.
    class: Option<Param<Tensor<3>>>,
    /// `[1, tokens, width]`.
    positions: Param<Tensor<3>>,
}

impl Positions {
    /// A `class` token `[width]` and `positions` `[tokens, width]`, which count it.
    pub(crate) fn new(class: Option<Vec<f32>>, positions: Vec<f32>, width: usize, loader: &Loader<'_>) -> Self {
        let tokens = positions.len() / width;
        Self {
            class: class.map(|class| loader.put(class, [1, 1, width])),
            positions: loader.put(positions, [1, tokens, width]),
        }
    }

    /// Tokens of a picture.
    pub(crate) fn tokens(&self) -> usize {
        self.positions.dims()[1]
    }

    /// In what the parameters are kept.
    pub(crate) fn precision(&self) -> FloatDType {
        FloatDType::from(self.positions.dtype())
    }

    /// Where the parameters are.
    pub(crate) fn device(&self) -> Device {
        self.positions.device()
    }

    /// `[n * patches, width]` to `[n * tokens, width]`.
    pub(crate) fn forward(&self, patches: Tensor<2>) -> Tensor<2> {
        let [_, tokens, width] = self.positions.dims();
        let own = tokens - usize::from(self.class.is_some());
        let n = patches.dims()[0] / own;
        let mut x = patches.reshape([n, own, width]);
        if let Some(class) = &self.class {
            x = Tensor::cat(vec![class.val().expand([n, 1, width]), x], 1);
        }
        (x + self.positions.val()).reshape([n * tokens, width])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::checkpoint::{Checkpoint, NamedTensor};
    use crate::cpu::reference::tensor;
    use crate::reference::everywhere;

    #[test]
    fn patches_are_those_of_a_convolution() {
        everywhere(|device, _| patches_on(device));
    }

    fn patches_on(device: &Device) {
        let (patch, width) = (2, 8);
        let mut checkpoint = Checkpoint::new();
        let weight = tensor("conv.weight", &[width, 3, patch, patch]);
        checkpoint
            .insert("conv.weight".into(), NamedTensor { shape: vec![width, 3, patch, patch], values: weight.clone() });
        let levels = Levels::new([0.5, 0.25, 0.0], [0.5, 1.0, 0.25]);
        let mut loader = Loader::new(&mut checkpoint, device);
        let embedding = PatchEmbedding::load(&mut loader, "conv", patch, width, &levels).unwrap();
        // A picture of 5 x 7 pixels: the last row and column fall to no patch.
        let extents = Extents { height: 5, width: 7 };
        let pixels: Vec<u8> = (0..2 * 5 * 7 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let found: Vec<f32> =
            embedding.forward(&pixels, extents, device, FloatDType::F32).into_data().try_into_vec().unwrap();
        assert_eq!(found.len(), 2 * 2 * 3 * width);
        for (i, value) in found.iter().enumerate() {
            let (o, x, y, n) = (i % width, i / width % 3, i / width / 3 % 2, i / width / 6);
            let mut sum = 0f64;
            for (c, ky, kx) in (0..12).map(|j| (j / 4, j / 2 % 2, j % 2)) {
                let level = pixels[((n * 5 + y * 2 + ky) * 7 + x * 2 + kx) * 3 + c];
                let normal = (f64::from(level) / 255.0 - [0.5, 0.25, 0.0][c]) / [0.5, 1.0, 0.25][c];
                sum += normal * f64::from(weight[((o * 3 + c) * 2 + ky) * 2 + kx]);
            }
            assert!((f64::from(*value) - sum).abs() < 1e-5, "{i}: {value} is not {sum}");
        }
    }
}
