//! Named tensors of a published checkpoint, whatever file they came in.

use std::collections::BTreeMap;
use std::io::Cursor;

use safetensors::Dtype;

use crate::calibration::Calibration;
use crate::pack::{SCALE, dequantize, dequantize_halves};
use crate::stored::{Source, Stored};
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
    /// The file could be opened, and a tensor not be read.
    #[error("the checkpoint's tensor `{name}` cannot be read: {reason}")]
    Read {
        /// Published key.
        name: String,
        /// In the words of whoever reads.
        reason: String,
    },
    /// The bytes are not a safetensors file.
    #[error("not a safetensors file: {0}")]
    Format(String),
}

impl From<WrongTensor> for CheckpointError {
    fn from(error: WrongTensor) -> Self {
        Self::Shape { name: error.name, found: vec![error.found], expected: error.expected }
    }
}

/// Tensors by published key, each taken once. Those of a file are read as they are taken.
#[derive(Debug, Default)]
pub struct Checkpoint {
    tensors: BTreeMap<String, Held>,
    file: Option<Stored>,
    ignored: Vec<&'static str>,
    watch: Option<Calibration>,
}

/// A tensor that has not been taken yet.
#[derive(Debug)]
enum Held {
    Here(NamedTensor),
    /// In the file, with this shape.
    Stored(Vec<usize>, Element),
}

/// What a file holds of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Float,
    /// 8 bits, and a scale for some.
    Integer,
    /// 4 bits, and a scale for some.
    Half,
}

impl Checkpoint {
    /// An empty checkpoint, to be filled with [`Checkpoint::insert`].
    pub fn new() -> Self {
        Self::default()
    }

    /// [`Checkpoint::open`] of bytes in memory.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::open(Cursor::new(bytes.to_vec()))
    }

    /// Opens a safetensors file, also a [pack](crate::pack): f16 and bf16 become f32, 8-bit and 4-bit integers
    /// are multiplied by their scales. Other integer tensors are left out (published files carry index buffers that no
    /// forward pass needs). Weights are read when they are taken: the file must not change until then.
    ///
    /// # Errors
    /// [`CheckpointError::Format`] when this is no such file, [`CheckpointError::ElementType`] or
    /// [`CheckpointError::Scale`] when a tensor is none of weights.
    pub fn open(file: impl Source + 'static) -> Result<Self, CheckpointError> {
        Stored::open(file).and_then(Self::of)
    }

    pub(crate) fn of(file: Stored) -> Result<Self, CheckpointError> {
        let mut checkpoint = Self::new();
        for name in file.names() {
            if let Some((shape, element)) = held(&file, &name)? {
                checkpoint.tensors.insert(name, Held::Stored(shape, element));
            }
        }
        checkpoint.file = Some(file);
        Ok(checkpoint)
    }

    /// Has the linear layers of the network that is built of it add up what they read, for [`pack`](crate::pack::pack).
    pub fn watch(&mut self, calibration: &Calibration) {
        self.watch = Some(calibration.clone());
    }

    /// Who wants to know what layers read.
    pub(crate) fn watched_by(&self) -> Option<&Calibration> {
        self.watch.as_ref()
    }

    /// Names of the tensors that have not been taken yet, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether the tensor `name` is there and has not been taken yet.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Adds a tensor; a second one of the same name replaces the first.
    pub fn insert(&mut self, name: String, tensor: NamedTensor) {
        self.tensors.insert(name, Held::Here(tensor));
    }

    /// Keys with this ending are not needed by the forward pass; [`Checkpoint::finish`] passes over them.
    pub fn ignore(&mut self, ending: &'static str) {
        self.ignored.push(ending);
    }

    /// Takes the tensor `name` out, which must have this shape.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] or [`CheckpointError::Shape`], and as [`Checkpoint::remove`].
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let found = match self.tensors.get(name) {
            None => return Err(CheckpointError::Missing(name.to_owned())),
            Some(Held::Here(tensor)) => &tensor.shape,
            Some(Held::Stored(shape, _)) => shape,
        };
        if found != shape {
            let (name, found, expected) = (name.to_owned(), found.clone(), shape.to_vec());
            return Err(CheckpointError::Shape { name, found, expected });
        }
        Ok(self.remove(name)?.values)
    }

    /// Takes the tensor `name` out, whatever its shape.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`]; [`CheckpointError::Read`] or [`CheckpointError::Scale`] when the file does not give it.
    pub fn remove(&mut self, name: &str) -> Result<NamedTensor, CheckpointError> {
        let missing = || CheckpointError::Missing(name.to_owned());
        let (shape, element) = match self.tensors.remove(name).ok_or_else(missing)? {
            Held::Here(tensor) => return Ok(tensor),
            Held::Stored(shape, element) => (shape, element),
        };
        let file = self.file.as_mut().ok_or_else(missing)?;
        let (dtype, data) = file.bytes(name)?.ok_or_else(missing)?;
        let values = if element == Element::Float {
            floats(dtype, &data)
        } else {
            let unpack = if element == Element::Half { dequantize_halves } else { dequantize };
            let scales = file.bytes(&format!("{name}{SCALE}"))?.and_then(|(dtype, data)| floats(dtype, &data));
            scales.and_then(|scales| unpack(&data, shape.first().copied().unwrap_or(0), &scales))
        };
        let values = values.ok_or_else(|| CheckpointError::Scale(name.to_owned()))?;
        Ok(NamedTensor { shape, values })
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

/// The shape of a tensor of weights and how they are stored; `None` where it holds none.
fn held(file: &Stored, name: &str) -> Result<Option<(Vec<usize>, Element)>, CheckpointError> {
    let Some(info) = file.info(name) else { return Ok(None) };
    let integers = |dtype| matches!(dtype, Dtype::I8 | Dtype::U8);
    let scaled = |name: &str| file.info(name).is_some_and(|info| integers(info.dtype));
    if name.strip_suffix(SCALE).is_some_and(scaled) {
        return Ok(None);
    }
    let scales = file.info(&format!("{name}{SCALE}")).is_some_and(|info| is_float(info.dtype));
    let mut shape = info.shape.clone();
    let element = match info.dtype {
        dtype if is_float(dtype) => Element::Float,
        Dtype::U8 if scales => {
            shape.last_mut().into_iter().for_each(|last| *last *= 2);
            Element::Half
        }
        Dtype::I8 if scales => Element::Integer,
        Dtype::I8 => return Err(CheckpointError::Scale(name.to_owned())),
        Dtype::I64 | Dtype::I32 | Dtype::U8 | Dtype::BOOL => return Ok(None),
        dtype => {
            let dtype = format!("{dtype:?}");
            return Err(CheckpointError::ElementType { name: name.to_owned(), dtype });
        }
    };
    Ok(Some((shape, element)))
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16)
}

/// The values of a tensor of floats; `None` for other element types.
fn floats(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
        _ => return None,
    })
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
