//! What the linear layers of a network read while pictures run through it: by that, a [pack](crate::pack) rounds weights
//! so that their errors cancel in what the layers give.
//!
//! A [watched](crate::checkpoint::Checkpoint::watch) checkpoint makes layers that add up here what they read, wherever
//! they compute. Knows neither networks nor how weights are stored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Rows of one forward pass that are added up at most, evenly spaced: patches of a picture tell much the same.
const ROWS: usize = 1024;

/// Sums over what layers read, by the published keys of their weights. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Calibration(Arc<Mutex<BTreeMap<String, Reads>>>);

/// What one layer reads.
#[derive(Debug, Clone)]
pub(crate) struct Reads {
    sums: Arc<Mutex<Sums>>,
    turned: bool,
}

#[derive(Debug, Default)]
struct Sums {
    rows: usize,
    /// Of the rows' products, `[width, width]`, but for those of the waiting rows.
    products: Option<Tensor<2>>,
    /// Networks that write read a row a picture at a time, too few for a pass over the products.
    waiting: Vec<Tensor<2>>,
}

impl Sums {
    fn add(&mut self, x: Tensor<2>) {
        self.rows += x.dims()[0];
        self.waiting.push(x);
        if self.waiting.iter().map(|x| x.dims()[0]).sum::<usize>() >= ROWS {
            self.settle();
        }
    }

    /// Adds up the rows that wait.
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let x = Tensor::cat(std::mem::take(&mut self.waiting), 0);
        let products = x.clone().transpose().matmul(x);
        self.products = Some(match self.products.take() {
            Some(before) => before + products,
            None => products,
        });
    }
}

/// Mean products of what a layer reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `[width, width]`, symmetric.
    pub products: Vec<f32>,
    /// Values of a row.
    pub width: usize,
    /// Whether the layer's weights are published as `[input, output]`, unlike PyTorch's linear layers.
    pub turned: bool,
}

impl Calibration {
    /// How many matrices have layers that read something.
    pub fn matrices(&self) -> usize {
        held(&self.0).values().filter(|reads| held(&reads.sums).rows > 0).count()
    }

    /// What the layer of the weights `key` read; `None` where there is no such layer, or it read nothing.
    pub fn moments(&self, key: &str) -> Option<Moments> {
        let reads = held(&self.0).get(key).cloned()?;
        let mut sums = held(&reads.sums);
        sums.settle();
        let products = sums.products.clone()?;
        let width = products.dims()[0];
        let mean = products.div_scalar(sums.rows as f32).into_data();
        Some(Moments { products: mean.try_into_vec().ok()?, width, turned: reads.turned })
    }

    /// Where a layer whose weights have these keys adds up what it reads.
    pub(crate) fn reads(&self, keys: impl IntoIterator<Item = String>, turned: bool) -> Reads {
        let reads = Reads { sums: Arc::default(), turned };
        held(&self.0).extend(keys.into_iter().map(|key| (key, reads.clone())));
        reads
    }
}

impl Reads {
    /// Adds up rows of `x` `[rows, width]`.
    pub(crate) fn add(&self, x: &Tensor<2>) {
        let rows = x.dims()[0];
        let x = if rows > ROWS { x.clone().select(0, spaced(rows, &x.device())) } else { x.clone() };
        held(&self.sums).add(x);
    }
}

/// [`ROWS`] of `rows`.
fn spaced(rows: usize, device: &Device) -> Tensor<1, Int> {
    let indices: Vec<i32> = (0..ROWS).map(|i| (i * rows / ROWS) as i32).collect();
    Tensor::from_data(TensorData::new(indices, [ROWS]), device)
}

/// A sum is whole whatever the thread that held it came to.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_all_rows_or_of_evenly_spaced_ones() {
        let calibration = Calibration::default();
        let reads = calibration.reads(["a".to_owned(), "b".to_owned()], true);
        calibration.reads(["unread".to_owned()], false);
        assert_eq!((calibration.matrices(), calibration.moments("a")), (0, None));
        let rows = |values: Vec<f32>| {
            let rows = values.len() / 2;
            Tensor::<2>::from_data(TensorData::new(values, [rows, 2]), &Device::flex())
        };
        reads.add(&rows(vec![1.0, 2.0, 3.0, 4.0]));
        reads.add(&rows(vec![0.0, 4.0]));
        let products = vec![10.0 / 3.0, 14.0 / 3.0, 14.0 / 3.0, 12.0];
        let moments = calibration.moments("b").unwrap();
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
        assert!(moments.products.iter().zip(&products).all(near), "{moments:?}");
        assert_eq!((moments.width, moments.turned, calibration.matrices()), (2, true, 2));
        // Of every fourth row, whose second value is 0 and 1 in turn.
        let many = calibration.reads(["many".to_owned()], false);
        many.add(&rows((0..4 * ROWS).flat_map(|i| [1.0, (i % 8 / 4) as f32]).collect()));
        let moments = calibration.moments("many").unwrap();
        assert_eq!(moments.products, [1.0, 0.5, 0.5, 0.5]);
    }
}
