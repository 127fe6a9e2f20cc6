//! Networks that sort pictures: from bytes to pooled features, and the linear layers behind those.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use thiserror::Error;

use super::gemm::{Activation, After, Linear, Rows};
use super::lanes::{Lanes, planes_of, to_planes, to_rows};
use crate::weights::{TensorSource, WrongTensor, take};

/// Pictures that a thread takes together through the layers whose weights outweigh their activations.
const GROUP: usize = 4;

/// Features and class scores of a batch of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The average-pooled activations of the last convolution, `[n, features]`.
    pub features: Vec<f32>,
    /// Class scores before the softmax, `[n, classes]`.
    pub logits: Vec<f32>,
}

/// The bytes are not whole pictures.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{found} bytes are not {n} pictures of {side} x {side} x 3")]
pub struct WrongPictures {
    /// Bytes given.
    pub found: usize,
    /// Pictures that they were said to be.
    pub n: usize,
    /// Width and height of a picture.
    pub side: usize,
}

/// The convolutions of a network.
pub(crate) trait Trunk: Send + Sync {
    /// Length of a feature vector.
    fn features(&self) -> usize;

    /// A few pictures, `[n, side, side, 3]`, to their features, `[planes][n]`; on this thread or, of a single picture,
    /// shared among all.
    fn pool(&self, pixels: &[u8], side: usize, shared: bool, pooled: &mut [Lanes]);
}

/// A network that sorts pictures, f32.
pub struct Classifier {
    pub(crate) trunk: Box<dyn Trunk>,
    /// Behind the features.
    pub(crate) layers: Vec<(Linear, Activation)>,
    /// Width and height of the pictures, in pixels.
    pub(crate) side: usize,
    pub(crate) classes: usize,
}

impl Classifier {
    /// Width and height of the pictures, in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Length of a feature vector.
    pub fn features(&self) -> usize {
        self.trunk.features()
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Features and logits of `n` pictures, `[n, side, side, 3]` RGB bytes, on all threads of the current rayon pool.
    ///
    /// The result for a picture depends neither on the other pictures nor on the number of threads.
    ///
    /// # Errors
    /// [`WrongPictures`] where `pixels` is not `n * side * side * 3` bytes long.
    pub fn forward(&self, pixels: &[u8], n: usize) -> Result<Classified, WrongPictures> {
        self.forward_sized(pixels, n, self.side)
    }

    pub(crate) fn forward_sized(&self, pixels: &[u8], n: usize, side: usize) -> Result<Classified, WrongPictures> {
        let bytes = side * side * 3;
        if Some(pixels.len()) != bytes.checked_mul(n) {
            return Err(WrongPictures { found: pixels.len(), n, side });
        }
        // Within the pool: from outside, every part of the work would wait for threads to wake up.
        Ok(rayon::scope(|_| self.classified(pixels, n, side)))
    }

    fn classified(&self, pixels: &[u8], n: usize, side: usize) -> Classified {
        let (bytes, planes) = (side * side * 3, planes_of(self.features()));
        let mut pooled = vec![Lanes::ZERO; n * planes];
        let threads = rayon::current_num_threads();
        let group = n.div_ceil(threads).clamp(1, GROUP);
        let shared = n < threads;
        let run = |(pixels, pooled): (&[u8], &mut [Lanes])| self.trunk.pool(pixels, side, shared, pooled);
        if shared {
            pixels.chunks(bytes).zip(pooled.chunks_mut(planes)).for_each(run);
        } else {
            let groups = pixels.par_chunks(group * bytes).zip(pooled.par_chunks_mut(group * planes));
            groups.with_max_len(1).for_each(run);
        }
        let features = pooled_rows(&pooled, group, planes, self.features());
        let mut rows = to_planes(&features, self.features());
        for (layer, activation) in &self.layers {
            let mut out = vec![Lanes::ZERO; layer.planes() * n];
            let input = Rows { data: &rows, stride: n, start: 0 };
            layer.all_parallel(input, n, After::activation(*activation), &mut out);
            rows = out;
        }
        Classified { features, logits: to_rows(&rows, n, self.classes) }
    }
}

/// A linear layer with bias.
pub(crate) fn load_linear<E: From<WrongTensor>>(
    tensor: &mut TensorSource<'_, E>,
    name: &str,
    inputs: usize,
    outputs: usize,
) -> Result<Linear, E> {
    let weight = take(tensor, &format!("{name}.weight"), &[outputs, inputs])?;
    let bias = take(tensor, &format!("{name}.bias"), &[outputs])?;
    Ok(Linear::new(&weight, &bias, inputs))
}

/// Groups of `[planes][pictures]` as rows `[pictures][channels]`.
fn pooled_rows(pooled: &[Lanes], group: usize, planes: usize, channels: usize) -> Vec<f32> {
    let groups = pooled.chunks((group * planes).max(1));
    groups.flat_map(|g| to_rows(g, g.len() / planes, channels)).collect()
}

/// What threads work in, kept from batch to batch: one `T` for each that works at once.
#[derive(Default)]
pub(crate) struct Kept<T>(Mutex<Vec<T>>);

impl<T: Default> Kept<T> {
    /// Lends one to `work`.
    pub(crate) fn lend(&self, work: impl FnOnce(&mut T)) {
        let mut one = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        work(&mut one);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }
}
