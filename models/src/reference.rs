//! What PyTorch computed, for the tests: `models/reference/NAME.py` wrote `models/reference/golden/NAME.json`.
//!
//! No weights are committed. Both sides fill a checkpoint by the same formula of key and index
//! ([`tensor`](crate::cpu::reference::tensor)), each tensor times the gain that the file gives for it.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind, Tensor};
use serde_json::Value;

use crate::checkpoint::{Checkpoint, NamedTensor};
use crate::cpu::Classifier;
use crate::cpu::reference::{Random, tensor};
use crate::preprocess::Preprocessing;

/// The wgpu adapter (Mesa's lavapipe will do), opened once: Burn refuses a second initialisation.
pub(crate) fn adapter() -> Option<Device> {
    static OPENED: OnceLock<Option<Device>> = OnceLock::new();
    let open = || {
        let software = || Device::wgpu_options().device_kind(DeviceKind::Cpu).init();
        Device::wgpu_options().init().or_else(|_| software()).ok()
    };
    OPENED.get_or_init(open).clone()
}

/// Runs `check` on the processor and, where there is one, on a wgpu adapter, with the relative error allowed there.
pub(crate) fn everywhere(check: impl Fn(&Device, f32)) {
    check(&Device::flex(), 1e-4);
    match adapter() {
        Some(adapter) => check(&adapter, 1e-3),
        None => eprintln!("there is no wgpu adapter"),
    }
}

/// A golden file.
pub(crate) struct Golden(Value);

impl Golden {
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("reference/golden/{name}.json"));
        Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    /// The tiny `config.json`.
    pub(crate) fn config(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0["config"]).unwrap()
    }

    /// The tiny `preprocessor_config.json`.
    pub(crate) fn preprocessing(&self) -> Preprocessing {
        Preprocessing::from_json(&serde_json::to_vec(&self.0["preprocessor_config"]).unwrap()).unwrap()
    }

    /// The checkpoint, with the keys and shapes of PyTorch's `state_dict`.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        for (name, entry) in self.0["tensors"].as_object().unwrap() {
            let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
            let gain = entry["gain"].as_f64().unwrap() as f32;
            let values = tensor(name, &shape).into_iter().map(|v| v * gain).collect();
            checkpoint.insert(name.clone(), NamedTensor { shape, values });
        }
        checkpoint
    }

    /// Pictures, 8 bits, `[n, height, width, 3]`.
    pub(crate) fn pictures(&self) -> Vec<u8> {
        pictures(self.extents())
    }

    /// Of the pictures, `[n, height, width, 3]`.
    pub(crate) fn extents(&self) -> [usize; 4] {
        serde_json::from_value(self.0["pictures"].clone()).unwrap()
    }

    /// Lists of token ids.
    pub(crate) fn sentences(&self, name: &str) -> Vec<Vec<u32>> {
        serde_json::from_value(self.0[name].clone()).unwrap()
    }

    /// A list of token ids.
    pub(crate) fn tokens(&self, name: &str) -> Vec<u32> {
        serde_json::from_value(self.0[name].clone()).unwrap()
    }

    /// Asserts that the logits of each step of a greedy search are those of `name`, `[steps * sequences]` rows of a
    /// reference that goes on with sequences that ended; ours leave the batch.
    pub(crate) fn check_steps(
        &self,
        name: &str,
        sequences: &[Vec<u32>],
        prompt: usize,
        steps: &[Vec<f32>],
        bound: f32,
    ) {
        let all = self.expected(name);
        let columns = all[0].len();
        for (step, (found, all)) in steps.iter().zip(all.chunks(sequences.len())).enumerate() {
            let open = sequences.iter().zip(all).filter(|(tokens, _)| tokens.len() > prompt + step);
            let expected: Vec<Vec<f32>> = open.map(|(_, row)| row.clone()).collect();
            let found: Vec<Vec<f32>> = found.chunks(columns).map(<[f32]>::to_vec).collect();
            close(&format!("{name} of step {step}"), &found, &expected, bound);
        }
        assert_eq!(steps.len() * sequences.len(), all.len(), "{name}: steps");
    }

    pub(crate) fn value(&self, name: &str) -> &Value {
        &self.0[name]
    }

    /// A matrix of the file, in rows.
    fn expected(&self, name: &str) -> Vec<Vec<f32>> {
        serde_json::from_value(self.0[name].clone()).unwrap()
    }

    /// Reads a tensor.
    pub(crate) fn rows(found: Tensor<2>) -> Vec<Vec<f32>> {
        let columns = found.dims()[1];
        let values: Vec<f32> = found.into_data().try_into_vec().unwrap();
        values.chunks(columns).map(<[f32]>::to_vec).collect()
    }

    /// Asserts that `found` is the matrix `name`, within `bound` of its largest value.
    pub(crate) fn check(&self, name: &str, found: Tensor<2>, bound: f32) {
        self.check_rows(name, &Self::rows(found), bound);
    }

    /// Asserts that the processor's own kernels give `features` and `logits`, the same to the bit whatever the batch and
    /// the number of threads.
    pub(crate) fn check_classifier(&self, network: &Classifier) {
        let (pixels, [n, ..]) = (self.pictures(), self.extents());
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let all = pool(1).install(|| network.forward(&pixels, n)).unwrap();
        for (name, values) in [("features", &all.features), ("logits", &all.logits)] {
            let rows: Vec<Vec<f32>> = values.chunks(values.len() / n).map(<[f32]>::to_vec).collect();
            self.check_rows(name, &rows, 1e-4);
        }
        for threads in [2, 3, n + 1] {
            let again = pool(threads).install(|| network.forward(&pixels, n)).unwrap();
            assert!(again == all, "{threads} threads");
        }
        for (i, picture) in pixels.chunks(pixels.len() / n).enumerate() {
            let one = pool(2).install(|| network.forward(picture, 1)).unwrap();
            assert!(one.features == all.features[i * network.features()..][..network.features()], "picture {i}");
            assert!(one.logits == all.logits[i * network.classes()..][..network.classes()], "picture {i}");
        }
    }

    pub(crate) fn check_rows(&self, name: &str, found: &[Vec<f32>], bound: f32) {
        close(name, found, &self.expected(name), bound);
    }
}

/// Asserts that two matrices are the same within `bound` of the largest expected value.
pub(crate) fn close(name: &str, found: &[Vec<f32>], expected: &[Vec<f32>], bound: f32) {
    let extents = |rows: &[Vec<f32>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(extents(found), extents(expected), "{name}: extents");
    let largest = expected.iter().flatten().fold(0f32, |a, b| a.max(b.abs()));
    let difference = found.iter().flatten().zip(expected.iter().flatten()).fold(0f32, |a, (f, e)| a.max((f - e).abs()));
    let error = difference / largest;
    println!("{name}: relative error {error:e}");
    assert!(error <= bound, "{name}: relative error {error:e}, at most {bound:e}");
}

/// Pictures of coloured squares under noise; `models/reference/common.py` makes the same.
fn pictures([n, height, width, _]: [usize; 4]) -> Vec<u8> {
    let levels = |seed: u64, count: usize| {
        Random(seed).values(count).into_iter().map(|v| ((v + 1.0) * 128.0) as u16).collect::<Vec<_>>()
    };
    let (down, across) = (height.div_ceil(8), width.div_ceil(8));
    let squares = levels(1, n * down * across * 3);
    let noise = levels(2, n * height * width * 3);
    let level = |(i, noise): (usize, u16)| {
        let (channel, x, y, picture) = (i % 3, i / 3 % width, i / 3 / width % height, i / 3 / width / height);
        let square = squares[((picture * down + y / 8) * across + x / 8) * 3 + channel];
        ((3 * square + noise) / 4) as u8
    };
    noise.into_iter().enumerate().map(level).collect()
}
