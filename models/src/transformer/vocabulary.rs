//! Token ids to rows, and rows to a logit for each token of a vocabulary.
//!
//! A table of 50,257 x 768 values takes 154 MB, more than the 128 MiB that many WebGPU adapters bind at once. So tables
//! lie in parts.

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};

use crate::calibration::Reads;
use crate::checkpoint::CheckpointError;
use crate::fused::{Activation, Dense};
use crate::load::Loader;

/// Values of a part: 64 MiB in f32.
const PART: usize = 1 << 24;

/// Token ids, or positions, to rows of a table.
#[derive(Module, Debug)]
pub(crate) struct Table {
    parts: Vec<Param<Tensor<2>>>,
    /// Rows of every part but the last.
    #[module(skip)]
    rows: usize,
}

impl Table {
    /// From `[rows, width]`.
    pub(crate) fn load(
        loader: &mut Loader<'_>,
        name: &str,
        rows: usize,
        width: usize,
    ) -> Result<Self, CheckpointError> {
        Ok(Self::of(&loader.take(name, &[rows, width])?, width, loader))
    }

    /// From rows of `width` values.
    pub(crate) fn of(values: &[f32], width: usize, loader: &Loader<'_>) -> Self {
        Self::new(values, width, PART, loader)
    }

    fn new(values: &[f32], width: usize, part: usize, loader: &Loader<'_>) -> Self {
        let rows = (part / width).max(1);
        let parts = values.chunks(rows * width).map(|part| loader.put(part.to_vec(), [part.len() / width, width]));
        Self { parts: parts.collect(), rows }
    }

    /// How many there are.
    pub(crate) fn rows(&self) -> usize {
        let last = self.parts.len() - 1;
        self.rows * last + self.parts[last].dims()[0]
    }

    /// Where the table is.
    pub(crate) fn device(&self) -> Device {
        self.parts[0].device()
    }

    /// The rows of `ids`: `[ids, width]`.
    ///
    /// # Panics
    /// When an id lies behind the table.
    pub(crate) fn forward(&self, ids: &[u32]) -> Tensor<2> {
        check(ids, self.rows());
        let rows = |part: usize, ids| self.parts[part].val().select(0, ids);
        gather(ids, self.parts.len(), self.rows, rows, &self.device())
    }
}

/// Rows to logits.
#[derive(Module, Debug)]
pub(crate) struct Logits {
    parts: Vec<Dense>,
    /// Tokens of every part but the last.
    #[module(skip)]
    tokens: usize,
    /// Tokens of the vocabulary.
    #[module(skip)]
    size: usize,
}

impl Logits {
    /// From PyTorch's `[size, width]` and `[size]`.
    pub(crate) fn new(weight: &[f32], bias: Option<Vec<f32>>, size: usize, device: &Device) -> Self {
        Self::in_parts(weight, bias, size, PART, device)
    }

    fn in_parts(weight: &[f32], bias: Option<Vec<f32>>, size: usize, part: usize, device: &Device) -> Self {
        let width = weight.len() / size;
        let tokens = (part / width).next_multiple_of(4);
        let bias = bias.unwrap_or_else(|| vec![0.0; size]);
        let part = |(weight, bias): (&[f32], &[f32])| {
            // The kernels read four columns at a time.
            let filled = bias.len().next_multiple_of(4);
            let (mut weight, mut bias) = (weight.to_vec(), bias.to_vec());
            weight.resize(filled * width, 0.0);
            bias.resize(filled, 0.0);
            Dense::new(&weight, bias, device)
        };
        let parts = weight.chunks(tokens * width).zip(bias.chunks(tokens)).map(part).collect();
        Self { parts, tokens, size }
    }

    /// The same, adding up what it reads.
    pub(crate) fn adding_to(mut self, reads: Option<Reads>) -> Self {
        // All parts read the same.
        let first = self.parts.remove(0).adding_to(reads);
        self.parts.insert(0, first);
        self
    }

    /// `[n, width]` to `[n, size]`, in f32.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let part = |(p, dense): (usize, &Dense)| {
            let columns = self.tokens.min(self.size - p * self.tokens);
            let logits = dense.forward(x.clone(), Activation::Identity).cast(FloatDType::F32);
            if logits.dims()[1] == columns { logits } else { logits.narrow(1, 0, columns) }
        };
        let mut parts: Vec<Tensor<2>> = self.parts.iter().enumerate().map(part).collect();
        if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 1) }
    }

    /// The weights of `ids` as rows, `[ids, width]`.
    fn rows(&self, ids: &[u32]) -> Tensor<2> {
        check(ids, self.size);
        let rows = |part: usize, ids| self.parts[part].columns(ids);
        gather(ids, self.parts.len(), self.tokens, rows, &self.parts[0].device())
    }
}

/// The words of a network that writes: token ids to rows, and rows to logits. Networks that tie the two keep one table.
#[derive(Module, Debug)]
pub(crate) struct Words {
    /// `None` where the logits' weights are the same.
    table: Option<Table>,
    logits: Logits,
}

impl Words {
    /// From the table `[size, width]`, the logits' weights, without which the two are tied, and their bias. `reads` says where
    /// the logits add up what they read, by whether the two are tied.
    pub(crate) fn new(
        table: &[f32],
        head: Option<&[f32]>,
        bias: Option<Vec<f32>>,
        size: usize,
        loader: &Loader<'_>,
        reads: impl FnOnce(bool) -> Option<Reads>,
    ) -> Self {
        // Files that tie the two hold one of them, or both.
        let head = head.filter(|head| *head != table);
        let logits = Logits::new(head.unwrap_or(table), bias, size, loader.device).adding_to(reads(head.is_none()));
        Self { table: head.map(|_| Table::of(table, table.len() / size, loader)), logits }
    }

    /// Tokens of the vocabulary.
    pub(crate) fn size(&self) -> usize {
        self.logits.size
    }

    /// The rows of `ids`: `[ids, width]`.
    ///
    /// # Panics
    /// When an id is outside the vocabulary.
    pub(crate) fn rows(&self, ids: &[u32]) -> Tensor<2> {
        self.table.as_ref().map_or_else(|| self.logits.rows(ids), |table| table.forward(ids))
    }

    /// `[n, width]` to `[n, size]`, in f32.
    pub(crate) fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        self.logits.forward(x)
    }
}

/// The rows of `ids` where they lie in `parts` of `each` rows; `rows` reads some of one part.
fn gather(
    ids: &[u32],
    parts: usize,
    each: usize,
    rows: impl Fn(usize, Tensor<1, Int>) -> Tensor<2>,
    device: &Device,
) -> Tensor<2> {
    let read = |part: usize| {
        let own = |id: &u32| (*id as usize).checked_sub(part * each).filter(|own| *own < each);
        let indices: Vec<i32> = ids.iter().map(|id| own(id).unwrap_or(0) as i32).collect();
        let read = rows(part, Tensor::from_data(TensorData::new(indices, [ids.len()]), device));
        if parts == 1 {
            return read;
        }
        // Every part gives a row for every id; it counts only in the part that the id lies in.
        let counts: Vec<f32> = ids.iter().map(|id| if own(id).is_some() { 1.0 } else { 0.0 }).collect();
        let counts = Tensor::<2>::from_data(TensorData::new(counts, [ids.len(), 1]), device);
        let precision = FloatDType::from(read.dtype());
        read * counts.cast(precision)
    };
    (1..parts).fold(read(0), |sum, part| sum + read(part))
}

fn check(ids: &[u32], size: usize) {
    if let Some(id) = ids.iter().find(|id| **id as usize >= size) {
        panic!("token ids come from the network's own tokenizer: {id} is not below {size}");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::cpu::reference::{Random, assert_close, linear};
    use crate::fused::RowNorm;
    use crate::reference::everywhere;

    fn read(x: Tensor<2>) -> Vec<f32> {
        x.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn parts_are_a_table() {
        let (size, width) = (13, 8);
        let values = Random(1).values(size * width);
        everywhere(|device, _| {
            let mut checkpoint = Checkpoint::new();
            let loader = Loader::new(&mut checkpoint, device);
            // One alone, too: a matrix of one row lies turned as it lies straight.
            for ids in [&[12, 0, 5, 6, 5][..], &[5], &[12]] {
                let row = |id: &u32| values[*id as usize * width..][..width].to_vec();
                let expected: Vec<f32> = ids.iter().flat_map(row).collect();
                for part in [1 << 10, 5 * width, width] {
                    assert_eq!(
                        read(Table::new(&values, width, part, &loader).forward(ids)),
                        expected,
                        "parts of {part}"
                    );
                    let logits = Logits::in_parts(&values, None, size, part, device);
                    assert_eq!(read(logits.rows(ids)), expected, "{ids:?} of parts of {part}");
                }
            }
        });
    }

    #[test]
    fn rows_can_be_computed_with() {
        let (size, width) = (13, 8);
        let values = Random(1).values(size * width);
        everywhere(|device, _| {
            for (ids, part) in
                [[12, 0, 5].as_slice(), &[5]].into_iter().flat_map(|ids| [1 << 10, 5 * width].map(|p| (ids, p)))
            {
                let other = Random(2).values(ids.len() * width);
                let rows = ids.iter().flat_map(|id| values[*id as usize * width..][..width].to_vec());
                let sum: Vec<f32> = rows.zip(&other).map(|(a, b)| a + b).collect();
                let logits = Logits::in_parts(&values, None, size, part, device);
                let other = Tensor::<2>::from_data(TensorData::new(other, [ids.len(), width]), device);
                assert_eq!(read(logits.rows(ids) + other.clone()), sum);
                assert_eq!(read(other.clone() + logits.rows(ids)), sum);
                // What a decoder does with them: a norm of ours, and a layer.
                let norm = RowNorm::new(vec![1.0; width], vec![0.0; width], 1e-5, device);
                let straight = Tensor::<2>::from_data(TensorData::new(sum, [ids.len(), width]), device);
                assert_eq!(read(norm.forward(logits.rows(ids) + other)), read(norm.forward(straight)), "{ids:?}");
            }
        });
    }

    #[test]
    fn parts_give_every_logit() {
        let (size, width) = (13, 4);
        everywhere(|device, _| {
            for rows in [1, 2, 3] {
                let (weight, bias) = (Random(1).values(size * width), Random(2).values(size));
                let x = Random(3).values(rows * width);
                let exact = linear(&x.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), &weight, &bias);
                for part in [1 << 10, 5 * width, width] {
                    let logits = Logits::in_parts(&weight, Some(bias.clone()), size, part, device);
                    let x = Tensor::from_data(TensorData::new(x.clone(), [rows, width]), device);
                    assert_close(&read(logits.forward(x)), &exact, 1e-6, &format!("{rows} rows, parts of {part}"));
                }
            }
        });
    }
}
