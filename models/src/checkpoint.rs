//! Named tensors of a published checkpoint, whatever file they came in.

use std::collections::BTreeMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::pack::{SCALE, dequantize, dequantize_halves};
use crate::weights::WrongTensor;

/// A tensor as it stood in the checkpoint, as `f32`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// `shape.iter().product()` values.
    pub values: Vec<f32>,
}

/// What can be wrong with a checkpoint; each error names the key.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CheckpointError {
    /// The network needs a tensor that the file does not hold.
    #[error("the checkpoint has no tensor `{0}`: it is of another network or revision")]
    Missing(String),
    /// The tensor is there with another shape.
    #[error("the checkpoint's tensor `{name}` has shape {found:?}, the network needs {expected:?}")]
    Shape {
        /// Published key.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape that the network needs.
        expected: Vec<usize>,
    },
    /// The file holds tensors that the network does not know.
    #[error("the checkpoint holds tensors that the network does not know: {}", .0.join(", "))]
    Extra(Vec<String>),
    /// The element type is not one that weights are published in.
    #[error("the checkpoint's tensor `{name}` has element type {dtype}, expected f32, f16, bf16, or i8 with scales")]
    ElementType {
        /// Published key.
        name: String,
        /// Type in the file.
        dtype: String,
    },
    /// Integers without the scales that make weights of them.
    #[error("the checkpoint's tensor `{0}` holds integers, but `{0}{SCALE}` does not hold their scales")]
    Scale(String),
    /// The bytes are not a safetensors file.
    #[error("not a safetensors file: {0}")]
    Format(String),
}

impl From<WrongTensor> for CheckpointError {
    fn from(error: WrongTensor) -> Self {
        Self::Shape { name: error.name, found: vec![error.found], expected: error.expected }
    }
}

/// Tensors by published key, each taken once.
#[derive(Debug, Default)]
pub struct Checkpoint {
    tensors: BTreeMap<String, NamedTensor>,
    ignored: Vec<&'static str>,
}

impl Checkpoint {
    /// An empty checkpoint, to be filled with [`Checkpoint::insert`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a safetensors file from memory, also a [pack](crate::pack): f16 and bf16 become f32, 8-bit and 4-bit integers
    /// are multiplied by their scales. Other integer tensors are left out (published files carry index buffers that no
    /// forward pass needs).
    ///
    /// # Errors
    /// [`CheckpointError::Format`] when the bytes are not such a file, [`CheckpointError::ElementType`] or
    /// [`CheckpointError::Scale`] when a tensor cannot be read.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| CheckpointError::Format(e.to_string()))?;
        let mut checkpoint = Self::new();
        for (name, view) in file.tensors() {
            let scales = file.tensor(&format!("{name}{SCALE}")).ok().and_then(|view| floats(&view));
            let halves = view.dtype() == Dtype::U8 && scales.is_some();
            let index = matches!(view.dtype(), Dtype::I64 | Dtype::I32 | Dtype::U8 | Dtype::BOOL) && !halves;
            if index || scales_other(&file, &name) {
                continue;
            }
            let (mut shape, rows) = (view.shape().to_vec(), view.shape().first().copied().unwrap_or(0));
            let values = if halves || view.dtype() == Dtype::I8 {
                let unpack = if halves { dequantize_halves } else { dequantize };
                let weights = scales.and_then(|scales| unpack(view.data(), rows, &scales));
                shape.last_mut().into_iter().for_each(|last| *last *= if halves { 2 } else { 1 });
                weights.ok_or_else(|| CheckpointError::Scale(name.clone()))?
            } else {
                floats(&view).ok_or_else(|| {
                    let dtype = format!("{:?}", view.dtype());
                    CheckpointError::ElementType { name: name.clone(), dtype }
                })?
            };
            checkpoint.insert(name, NamedTensor { shape, values });
        }
        Ok(checkpoint)
    }

    /// The tensors that have not been taken yet, by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &NamedTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Whether the tensor `name` is there and has not been taken yet.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Adds a tensor; a second one of the same name replaces the first.
    pub fn insert(&mut self, name: String, tensor: NamedTensor) {
        self.tensors.insert(name, tensor);
    }

    /// Keys with this ending are not needed by the forward pass; [`Checkpoint::finish`] passes over them.
    pub fn ignore(&mut self, ending: &'static str) {
        self.ignored.push(ending);
    }

    /// Takes the tensor `name` out.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] or [`CheckpointError::Shape`].
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let tensor = self.tensors.remove(name).ok_or_else(|| CheckpointError::Missing(name.to_owned()))?;
        if tensor.shape != shape {
            return Err(CheckpointError::Shape {
                name: name.to_owned(),
                found: tensor.shape,
                expected: shape.to_vec(),
            });
        }
        Ok(tensor.values)
    }

    /// Checks that nothing is left over.
    ///
    /// # Errors
    /// [`CheckpointError::Extra`] names what is.
    pub fn finish(self) -> Result<(), CheckpointError> {
        let extra: Vec<String> =
            self.tensors.into_keys().filter(|k| !self.ignored.iter().any(|ending| k.ends_with(ending))).collect();
        if extra.is_empty() { Ok(()) } else { Err(CheckpointError::Extra(extra)) }
    }
}

/// The values of a tensor of floats; `None` for other element types.
fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = view.data();
    Some(match view.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
        _ => return None,
    })
}

/// Whether `name` only holds the scales of a tensor of integers.
fn scales_other(file: &SafeTensors<'_>, name: &str) -> bool {
    let scaled = name.strip_suffix(SCALE).and_then(|scaled| file.tensor(scaled).ok());
    scaled.is_some_and(|view| matches!(view.dtype(), Dtype::I8 | Dtype::U8))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn one(name: &str) -> Checkpoint {
        let mut c = Checkpoint::new();
        c.insert(name.to_owned(), NamedTensor { shape: vec![2, 1], values: vec![1.0, 2.0] });
        c
    }

    #[test]
    fn a_wrong_key_names_itself() {
        assert_eq!(one("a").take("b", &[2, 1]), Err(CheckpointError::Missing("b".into())));
        let shape = one("a").take("a", &[1, 2]).unwrap_err();
        assert!(shape.to_string().contains("`a` has shape [2, 1], the network needs [1, 2]"));
        assert_eq!(one("a").finish(), Err(CheckpointError::Extra(vec!["a".into()])));
        let mut ignoring = one("x.num_batches_tracked");
        ignoring.ignore(".num_batches_tracked");
        assert_eq!(ignoring.finish(), Ok(()));
    }

    #[test]
    fn safetensors_round_trip_and_garbage() {
        let half: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
        let view = safetensors::tensor::TensorView::new(Dtype::F16, vec![2], &half).unwrap();
        let bytes = safetensors::serialize([("w", view)], None).unwrap();
        let mut read = Checkpoint::from_safetensors(&bytes).unwrap();
        assert_eq!(read.take("w", &[2]).unwrap(), vec![1.5, -2.0]);
        assert!(matches!(Checkpoint::from_safetensors(b"no"), Err(CheckpointError::Format(_))));
        assert!(matches!(Checkpoint::from_safetensors(&bytes[..bytes.len() - 1]), Err(CheckpointError::Format(_))));
    }
}
