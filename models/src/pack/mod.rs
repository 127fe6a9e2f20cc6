//! Packs: models made small for the page, one safetensors file each that [`open`] reads.
//!
//! The weights are its tensors. What a model needs besides, such as `tokenizer.json`, are tensors of bytes, `file/NAME` `U8`
//! `[bytes]`; the header's metadata say, under `gistmap`, which model it is and where its weights come from, as JSON.
//!
//! `q8` stores a large matrix as 8-bit integers, `NAME` `I8` `[rows, ...]`, and a scale for every 64 weights of a row,
//! `NAME.scale` `F16` `[rows, blocks]`: a weight is `integer * scale`. Small matrices and filters are stored as halves,
//! and `f16` stores all of them so. Vectors (biases, norms) stay `F32` in all: they weigh next to nothing.
//!
//! `q4` stores a large matrix as 4-bit integers, two a byte, the first in the lower half: `NAME` `U8` `[rows, ...]`, the last
//! extent halved, and a scale for every 32 weights of a row, `NAME.scale` `F16` `[rows, blocks]`: a weight is
//! `(integer - 8) * scale`. A matrix whose last extent is odd is stored as in `q8`. The scale of a block is the one of a few
//! that moves its weights least.
//!
//! Weights are rounded to the nearest integer or, where it is known what their layers read, to those whose errors cancel
//! in what the layers give ([`Rounding`]).
//!
//! One scale a row, and integers for small tensors too, would save a tenth of the size and lose most of the accuracy:
//! the worst of 803 pictures had then features with a cosine of 0.994 to those of the published weights; with the rules
//! here it has 0.9996. Nearly all of the loss comes from the filters of the first blocks, few weights that each serve
//! many pixels, and from rows with one large weight. `tests/networks.rs` holds both networks to 0.999.

#[cfg(not(target_arch = "wasm32"))]
mod calibrated;
mod integers;

use std::collections::{BTreeMap, HashMap};

use half::f16;
use safetensors::{Dtype, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::checkpoint::{Checkpoint, CheckpointError, NamedTensor};
use crate::stored::{Source, Stored};
use integers::{EIGHT_BITS, FOUR_BITS, Grid, in_pairs};
pub(crate) use integers::{dequantize, dequantize_halves};

/// Matrices with fewer weights than this stay `F16` in a `q8` pack.
const SMALL: usize = 1 << 17;
/// What follows a tensor's name in the name of its scales.
pub(crate) const SCALE: &str = ".scale";

/// What the header says of the model: the one entry of its metadata, because several would be written in another order each
/// time, and a pack is known by the sha256 of its file.
const METADATA: &str = "gistmap";
/// How names of files begin.
const FILE: &str = "file/";

/// How a pack stores weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantization {
    /// 8-bit integers.
    Q8,
    /// 4-bit integers: half of that, and for features of large networks nearly as good.
    Q4,
    /// Half precision.
    F16,
}

impl Quantization {
    /// As it stands in file names and metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q8 => "q8",
            Self::Q4 => "q4",
            Self::F16 => "f16",
        }
    }
}

impl std::str::FromStr for Quantization {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "q8" => Ok(Self::Q8),
            "q4" => Ok(Self::Q4),
            "f16" => Ok(Self::F16),
            other => Err(format!("`{other}` is not a way to store weights: give f16, q8 or q4")),
        }
    }
}

/// Why there is no pack.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PackError {
    /// A weight is NaN, infinite, or too large for the element type.
    #[error("the checkpoint's tensor `{name}` holds {value}, which {quantization} cannot store")]
    Value {
        /// Published key.
        name: String,
        /// The weight.
        value: String,
        /// How it was to be stored.
        quantization: &'static str,
    },
    /// A weight cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
    /// The tensors do not make a safetensors file.
    #[error("cannot write a safetensors file: {0}")]
    Format(String),
}

/// What a pack is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The model's name.
    pub model: String,
    /// How the weights are stored.
    pub quantization: Quantization,
    /// sha256 of the file that the weights come from, lower-case hexadecimal.
    pub weights: String,
}

/// A pack as a list of packs (`packs.json`) has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// The model's name.
    pub name: String,
    /// How the weights are stored.
    pub quantization: Quantization,
    /// File beside the list.
    pub file: String,
    /// Of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Bytes of the file.
    pub bytes: u64,
}

/// An open pack.
#[derive(Debug)]
pub struct Opened {
    /// What it is of.
    pub origin: Origin,
    /// The model's other files by name, such as `tokenizer.json`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The weights, read as they are taken.
    pub checkpoint: Checkpoint,
}

/// Opens a pack.
///
/// # Errors
/// When it is no safetensors file, no pack, or its weights or files cannot be read.
pub fn open(file: impl Source + 'static) -> Result<Opened, CheckpointError> {
    let mut stored = Stored::open(file)?;
    let origin = origin_of(&stored)?;
    let mut files = BTreeMap::new();
    for name in stored.names() {
        if let Some(file) = name.strip_prefix(FILE)
            && let Some((Dtype::U8, bytes)) = stored.bytes(&name)?
        {
            files.insert(file.to_owned(), bytes);
        }
    }
    Ok(Opened { origin, files, checkpoint: Checkpoint::of(stored)? })
}

/// What a pack is of, without reading more than its header.
///
/// # Errors
/// When it is no safetensors file, or no pack.
pub fn origin(file: impl Source + 'static) -> Result<Origin, CheckpointError> {
    origin_of(&Stored::open(file)?)
}

fn origin_of(stored: &Stored) -> Result<Origin, CheckpointError> {
    let no_pack =
        || CheckpointError::Format("it is one, but no pack: make one with `gistmap models convert`".to_owned());
    stored.note(METADATA).and_then(|note| serde_json::from_str(note).ok()).ok_or_else(no_pack)
}

/// How the weights of a pack are rounded.
#[derive(Debug, Clone, Default)]
pub struct Rounding {
    /// In a `q4` pack, tensors whose names hold one of these parts are stored as in a `q8` pack
    /// ([`Packing::q8`](crate::manifest::Packing::q8)).
    pub eights: Vec<String>,
    /// Weights whose layers read something are rounded so that their errors cancel in what these layers give, the others to
    /// the nearest.
    pub calibration: Calibration,
}

/// `checkpoint` as a pack, and `files` with it. `told` hears how many of how many tensors are done, and says whether to go
/// on.
///
/// # Errors
/// A weight that cannot be read or stored; [`PackError::Stopped`].
pub fn pack(
    mut checkpoint: Checkpoint,
    files: &BTreeMap<String, Vec<u8>>,
    origin: &Origin,
    rounding: &Rounding,
    told: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Vec<u8>, PackError> {
    let mut stored = Vec::new();
    let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
    for (done, name) in names.iter().enumerate() {
        if !told(done, names.len()) {
            return Err(PackError::Stopped);
        }
        let tensor = checkpoint.remove(name)?;
        let quantization = match origin.quantization {
            Quantization::Q4 if rounding.eights.iter().any(|part| name.contains(part)) => Quantization::Q8,
            other => other,
        };
        store(name, &tensor, quantization, &rounding.calibration, &mut stored)?;
    }
    for (name, bytes) in files {
        let (name, shape) = (format!("{FILE}{name}"), vec![bytes.len()]);
        stored.push(Written { name, dtype: Dtype::U8, shape, bytes: bytes.clone() });
    }
    let failed = |e: safetensors::SafeTensorError| PackError::Format(e.to_string());
    let views = stored.iter().map(|Written { name, dtype, shape, bytes }| {
        Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).map_err(failed)?))
    });
    let views = views.collect::<Result<Vec<_>, PackError>>()?;
    let origin = serde_json::to_string(origin).map_err(|e| PackError::Format(e.to_string()))?;
    safetensors::serialize(views, Some(HashMap::from([(METADATA.to_owned(), origin)]))).map_err(failed)
}

/// A tensor as it goes into the file.
struct Written {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn store(
    name: &str,
    tensor: &NamedTensor,
    quantization: Quantization,
    calibration: &Calibration,
    stored: &mut Vec<Written>,
) -> Result<(), PackError> {
    let NamedTensor { shape, values } = tensor;
    let mut push = |name: String, dtype, shape: &[usize], bytes| {
        stored.push(Written { name, dtype, shape: shape.to_vec(), bytes });
    };
    let matrix = shape.len() > 1;
    let wrong = |value: &&f32| !value.is_finite() || (matrix && !f16::from_f32(**value).is_finite());
    if let Some(value) = values.iter().find(wrong) {
        let quantization = quantization.name();
        return Err(PackError::Value { name: name.to_owned(), value: value.to_string(), quantization });
    }
    if !matrix {
        push(name.to_owned(), Dtype::F32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect());
        return Ok(());
    }
    if quantization == Quantization::F16 || values.len() < SMALL {
        push(name.to_owned(), Dtype::F16, shape, halves(values.iter().map(|v| f16::from_f32(*v))));
        return Ok(());
    }
    let last = shape.last().copied().unwrap_or_default();
    let four = quantization == Quantization::Q4 && last.is_multiple_of(2);
    let (grid, row) = (if four { &FOUR_BITS } else { &EIGHT_BITS }, values.len() / shape[0]);
    let scales = grid.scales(values, row);
    let calibrated = calibrated(grid, (values, row), &scales, name, calibration);
    let integers = calibrated.unwrap_or_else(|| grid.nearest(values, row, &scales));
    if four {
        let halved = [&shape[..shape.len() - 1], &[last / 2]].concat();
        push(name.to_owned(), Dtype::U8, &halved, in_pairs(&integers));
    } else {
        push(name.to_owned(), Dtype::I8, shape, integers.into_iter().map(i8::cast_unsigned).collect());
    }
    let blocks = row.div_ceil(grid.block);
    push(format!("{name}{SCALE}"), Dtype::F16, &[shape[0], blocks], halves(scales.into_iter()));
    Ok(())
}

/// Integers of the weights `name` whose errors cancel; `None` where nothing is known of what their layer reads.
#[cfg(not(target_arch = "wasm32"))]
fn calibrated(
    grid: &Grid,
    (values, row): (&[f32], usize),
    scales: &[f16],
    name: &str,
    calibration: &Calibration,
) -> Option<Vec<i8>> {
    calibrated::integers(grid, values, row, scales, &calibration.moments(name)?)
}

/// Packs are written on people's machines alone.
#[cfg(target_arch = "wasm32")]
fn calibrated(_: &Grid, _: (&[f32], usize), _: &[f16], _: &str, _: &Calibration) -> Option<Vec<i8>> {
    None
}

fn halves(values: impl Iterator<Item = f16>) -> Vec<u8> {
    values.flat_map(f16::to_le_bytes).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::cpu::reference::Random;
    use crate::fused::Activation;
    use crate::load::Loader;

    fn origin(quantization: Quantization) -> Origin {
        Origin { model: "a model".to_owned(), quantization, weights: "abc".to_owned() }
    }

    fn one(shape: &[usize], values: Vec<f32>) -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        checkpoint.insert("w".to_owned(), NamedTensor { shape: shape.to_vec(), values });
        checkpoint
    }

    #[test]
    fn packs_are_read_back() {
        let (rows, row) = (300, 500);
        let large = Random(1).values(rows * row);
        let small = NamedTensor { shape: vec![2, 1, 3, 3], values: Random(2).values(18) };
        let vector = NamedTensor { shape: vec![5], values: Random(3).values(5) };
        let checkpoint = || {
            let mut checkpoint = one(&[rows, row], large.clone());
            checkpoint.insert("filter".to_owned(), small.clone());
            checkpoint.insert("bias".to_owned(), vector.clone());
            checkpoint
        };
        let files = BTreeMap::from([("tokenizer.json".to_owned(), b"{}".to_vec())]);
        for (quantization, bound, most) in [
            (Quantization::Q8, 0.5 / 127.0, 156_000),
            // A weight of the other sign than the largest is cut at 7 parts of 8.
            (Quantization::Q4, 0.2, 86_000),
            (Quantization::F16, 3e-4, 301_000),
        ] {
            let bytes =
                pack(checkpoint(), &files, &origin(quantization), &Rounding::default(), &mut |_, _| true).unwrap();
            assert!(bytes.len() < most, "{} bytes", bytes.len());
            let opened = open(Cursor::new(bytes.clone())).unwrap();
            assert_eq!((opened.origin, opened.files), (origin(quantization), files.clone()));
            let mut read = opened.checkpoint;
            let close = |found: &[f32], expected: &[f32], bound: f32| {
                assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= bound), "{quantization:?}");
            };
            close(&read.take("w", &[rows, row]).unwrap(), &large, bound * 1.001);
            close(&read.take("filter", &small.shape).unwrap(), &small.values, 3e-4);
            assert_eq!(read.take("bias", &[5]).unwrap(), vector.values);
            read.finish().unwrap();
            assert!(
                bytes
                    == pack(checkpoint(), &files, &origin(quantization), &Rounding::default(), &mut |_, _| true)
                        .unwrap(),
                "the same bytes each time"
            );
            // As those do who know nothing of packs.
            let mut read = Checkpoint::from_safetensors(&bytes).unwrap();
            assert_eq!(read.names().collect::<Vec<_>>(), ["bias", "filter", "w"]);
            let shape = read.take("w", &[row, rows]).unwrap_err().to_string();
            assert!(shape.contains(&format!("`w` has shape [{rows}, {row}]")), "{shape}");
            assert!(matches!(open(Cursor::new(bytes[..bytes.len() - 1].to_vec())), Err(CheckpointError::Format(_))));
        }
    }

    #[test]
    fn four_bits_are_for_those_that_may_have_them() {
        let stored = |eights: &[&str]| {
            let eights = eights.iter().map(|part| (*part).to_owned()).collect();
            let rounding = Rounding { eights, ..Rounding::default() };
            let checkpoint = one(&[300, 500], Random(1).values(300 * 500));
            pack(checkpoint, &BTreeMap::new(), &origin(Quantization::Q4), &rounding, &mut |_, _| true).unwrap().len()
        };
        let few = stored(&["v"]);
        assert!(few < 86_000 && stored(&["v", "w"]) > 150_000, "{few}");
    }

    #[test]
    fn a_layer_that_has_read_something_gives_nearly_the_same_from_a_pack() {
        let (input, output) = (192, 700);
        let device = &Device::flex();
        let checkpoint = || {
            let mut checkpoint = Checkpoint::new();
            let mut insert = |name: &str, shape: &[usize], values| {
                checkpoint.insert(name.to_owned(), NamedTensor { shape: shape.to_vec(), values });
            };
            insert("a.weight", &[output, input], Random(1).values(input * output));
            insert("a.bias", &[output], Random(2).values(output));
            checkpoint
        };
        // Rows that lie near two directions.
        let (directions, shares) = (Random(3).values(2 * input), Random(4).values(2 * 300));
        let x = (0..300 * input).map(|i| {
            let (row, column) = (i / input, i % input);
            shares[2 * row] * directions[column] + shares[2 * row + 1] * directions[input + column]
        });
        let x = Tensor::<2>::from_data(TensorData::new(x.collect(), [300, input]), device);
        let given = |mut checkpoint: Checkpoint| {
            let layer = Loader::new(&mut checkpoint, device).dense("a", input, output).unwrap();
            layer.forward(x.clone(), Activation::Identity)
        };
        let calibration = Calibration::default();
        let mut watched = checkpoint();
        watched.watch(&calibration);
        let exact = given(watched);
        assert_eq!(calibration.matrices(), 1);
        for quantization in [Quantization::Q8, Quantization::Q4] {
            let moved = |calibration: Calibration| {
                let rounding = Rounding { calibration, ..Rounding::default() };
                let bytes =
                    pack(checkpoint(), &BTreeMap::new(), &origin(quantization), &rounding, &mut |_, _| true).unwrap();
                let error = given(Checkpoint::from_safetensors(&bytes).unwrap()) - exact.clone();
                error.powi_scalar(2).mean().sqrt().into_scalar::<f32>()
            };
            let (calibrated, nearest) = (moved(calibration.clone()), moved(Calibration::default()));
            assert!(calibrated < 0.2 * nearest, "{calibrated} of {nearest}");
        }
        let stopped =
            pack(checkpoint(), &BTreeMap::new(), &origin(Quantization::Q8), &Rounding::default(), &mut |done, _| {
                done < 1
            });
        assert_eq!(stopped, Err(PackError::Stopped));
    }

    #[test]
    fn what_cannot_be_stored_or_read_is_named() {
        for value in [f32::NAN, f32::INFINITY, 1e6] {
            for quantization in [Quantization::Q8, Quantization::Q4, Quantization::F16] {
                let packed = pack(
                    one(&[1, 1], vec![value]),
                    &BTreeMap::new(),
                    &origin(quantization),
                    &Rounding::default(),
                    &mut |_, _| true,
                );
                let error = packed.unwrap_err().to_string();
                assert!(error.contains("tensor `w` holds"), "{error}");
            }
        }
        let integers = TensorView::new(Dtype::I8, vec![2, 2], &[1, 2, 3, 4]).unwrap();
        let alone = safetensors::serialize([("w", integers.clone())], None).unwrap();
        assert_eq!(Checkpoint::from_safetensors(&alone).unwrap_err(), CheckpointError::Scale("w".into()));
        let scales = TensorView::new(Dtype::F16, vec![1], &[0, 0]).unwrap();
        let few = safetensors::serialize([("w", integers), ("w.scale", scales)], None).unwrap();
        let mut few = Checkpoint::from_safetensors(&few).unwrap();
        assert_eq!(few.take("w", &[2, 2]), Err(CheckpointError::Scale("w".into())));
        assert!(open(Cursor::new(alone)).unwrap_err().to_string().contains("no pack"));
        assert!("q5".parse::<Quantization>().unwrap_err().contains("f16, q8 or q4"));
    }
}
