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
//! One scale a row, and integers for small tensors too, would save a tenth of the size and lose most of the accuracy:
//! the worst of 803 pictures had then features with a cosine of 0.994 to those of the published weights; with the rules
//! here it has 0.9996. Nearly all of the loss comes from the filters of the first blocks, few weights that each serve
//! many pixels, and from rows with one large weight. `tests/networks.rs` holds both networks to 0.999.

use std::collections::{BTreeMap, HashMap};

use half::f16;
use safetensors::{Dtype, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, CheckpointError, NamedTensor};
use crate::stored::{Source, Stored};

/// Matrices with fewer weights than this stay `F16` in a `q8` pack.
const SMALL: usize = 1 << 17;
/// Weights of a row that share a scale; the last block of a row may be shorter.
const BLOCK: usize = 64;
/// The largest integer of a `q8` pack; -128 is not used, so that the range is symmetric.
const LARGEST: f32 = 127.0;
/// The same of a `q4` pack.
const SMALL_BLOCK: usize = 32;
/// What a scale of a `q4` pack is tried at: parts of the one that gives the largest weight the integer -8.
const PARTS: [f32; 4] = [1.0, 0.94, 0.88, 0.82];
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

/// `checkpoint` as a pack, and `files` with it. In a `q4` pack, tensors whose names hold one of the
/// parts `eights` are stored as in a `q8` pack ([`Packing::q8`](crate::manifest::Packing::q8)).
///
/// # Errors
/// A weight that cannot be read or stored.
pub fn pack(
    mut checkpoint: Checkpoint,
    files: &BTreeMap<String, Vec<u8>>,
    origin: &Origin,
    eights: &[String],
) -> Result<Vec<u8>, PackError> {
    let mut stored = Vec::new();
    let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
    for name in names {
        let tensor = checkpoint.remove(&name)?;
        let quantization = match origin.quantization {
            Quantization::Q4 if eights.iter().any(|part| name.contains(part)) => Quantization::Q8,
            other => other,
        };
        store(&name, &tensor, quantization, &mut stored)?;
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
    } else if quantization == Quantization::F16 || values.len() < SMALL {
        push(name.to_owned(), Dtype::F16, shape, halves(values.iter().map(|v| f16::from_f32(*v))));
    } else if let (Quantization::Q4, Some(last)) = (quantization, shape.last().filter(|last| last.is_multiple_of(2))) {
        let row = values.len() / shape[0];
        let (integers, scales) = quantize_to_halves(values, row);
        let halved = [&shape[..shape.len() - 1], &[last / 2]].concat();
        push(name.to_owned(), Dtype::U8, &halved, integers);
        let scale = format!("{name}{SCALE}");
        push(scale, Dtype::F16, &[shape[0], row.div_ceil(SMALL_BLOCK)], halves(scales.into_iter()));
    } else {
        let row = values.len() / shape[0];
        let (integers, scales) = quantize(values, row);
        push(name.to_owned(), Dtype::I8, shape, integers.into_iter().map(i8::cast_unsigned).collect());
        push(format!("{name}{SCALE}"), Dtype::F16, &[shape[0], row.div_ceil(BLOCK)], halves(scales.into_iter()));
    }
    Ok(())
}

fn halves(values: impl Iterator<Item = f16>) -> Vec<u8> {
    values.flat_map(f16::to_le_bytes).collect()
}

/// Rows of `row` weights as integers, and the scale of each block.
fn quantize(values: &[f32], row: usize) -> (Vec<i8>, Vec<f16>) {
    let mut integers = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(values.len().div_ceil(BLOCK));
    for block in values.chunks_exact(row).flat_map(|row| row.chunks(BLOCK)) {
        let scale = scale_of(block);
        let inverse = if scale == f16::ZERO { 0.0 } else { 1.0 / scale.to_f32() };
        integers.extend(block.iter().map(|w| (w * inverse).round() as i8));
        scales.push(scale);
    }
    (integers, scales)
}

/// The smallest half that brings every weight of `block` to at most 127.
fn scale_of(block: &[f32]) -> f16 {
    let exact = block.iter().fold(0f32, |m, w| m.max(w.abs())) / LARGEST;
    let near = f16::from_f32(exact);
    if near.to_f32() < exact { f16::from_bits(near.to_bits() + 1) } else { near }
}

/// What [`quantize`] took apart, put together again; `None` where the sizes do not fit.
pub(crate) fn dequantize(integers: &[u8], rows: usize, scales: &[f32]) -> Option<Vec<f32>> {
    let row = integers.len().checked_div(rows)?;
    if row == 0 || row * rows != integers.len() || row.div_ceil(BLOCK) * rows != scales.len() {
        return None;
    }
    let blocks = integers.chunks_exact(row).flat_map(|row| row.chunks(BLOCK)).zip(scales);
    Some(blocks.flat_map(|(block, scale)| block.iter().map(move |i| f32::from(i.cast_signed()) * scale)).collect())
}

/// Rows of `row` weights, an even number, as 4-bit integers plus eight, two a byte, and the scale of each block.
fn quantize_to_halves(values: &[f32], row: usize) -> (Vec<u8>, Vec<f16>) {
    let mut bytes = Vec::with_capacity(values.len() / 2);
    let mut scales = Vec::with_capacity(values.len().div_ceil(SMALL_BLOCK));
    for block in values.chunks_exact(row).flat_map(|row| row.chunks(SMALL_BLOCK)) {
        let largest = block.iter().fold(0f32, |m, w| if w.abs() > m.abs() { *w } else { m });
        let moved = |scale: f16| {
            let error = |w: &f32| f64::from(f32::from(half_of(*w, scale)) * scale.to_f32() - 8.0 * scale.to_f32() - w);
            block.iter().map(|w| error(w).powi(2)).sum::<f64>()
        };
        let tried = PARTS.map(|part| f16::from_f32(part * largest / -8.0));
        let scale = tried.into_iter().min_by(|a, b| moved(*a).total_cmp(&moved(*b))).unwrap_or(f16::ZERO);
        bytes.extend(block.chunks_exact(2).map(|pair| half_of(pair[0], scale) | half_of(pair[1], scale) << 4));
        scales.push(scale);
    }
    (bytes, scales)
}

/// The integer of a weight, plus eight.
fn half_of(weight: f32, scale: f16) -> u8 {
    let scale = scale.to_f32();
    if scale == 0.0 { 8 } else { ((weight / scale).round().clamp(-8.0, 7.0) + 8.0) as u8 }
}

/// What [`quantize_to_halves`] took apart, put together again; `None` where the sizes do not fit.
pub(crate) fn dequantize_halves(bytes: &[u8], rows: usize, scales: &[f32]) -> Option<Vec<f32>> {
    let row = (2 * bytes.len()).checked_div(rows)?;
    let whole = row > 0 && row.is_multiple_of(2) && row * rows == 2 * bytes.len();
    if !whole || row.div_ceil(SMALL_BLOCK) * rows != scales.len() {
        return None;
    }
    let blocks = bytes.chunks_exact(row / 2).flat_map(|row| row.chunks(SMALL_BLOCK / 2)).zip(scales);
    let pair = |byte: &u8| [byte & 15, byte >> 4];
    let weight = |scale: f32| move |integer: u8| (f32::from(integer) - 8.0) * scale;
    Some(
        blocks.flat_map(|(block, scale)| block.iter().flat_map(pair).map(weight(*scale)).collect::<Vec<_>>()).collect(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::cpu::reference::Random;

    fn origin(quantization: Quantization) -> Origin {
        Origin { model: "a model".to_owned(), quantization, weights: "abc".to_owned() }
    }

    fn one(shape: &[usize], values: Vec<f32>) -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        checkpoint.insert("w".to_owned(), NamedTensor { shape: shape.to_vec(), values });
        checkpoint
    }

    #[test]
    fn a_weight_moves_by_at_most_half_a_scale() {
        let mut random = Random(4);
        for size in 0..200 {
            let row = 1 + size;
            // From far below the smallest half to hundreds; every fifth row is zero.
            let magnitude = |r: usize| if r.is_multiple_of(5) { 0.0 } else { 10f32.powi(r as i32 % 14 - 11) };
            let values: Vec<f32> = (0..30 * row).map(|i| random.next() * magnitude(i / row)).collect();
            let (integers, scales) = quantize(&values, row);
            let scales: Vec<f32> = scales.iter().map(|s| s.to_f32()).collect();
            let bytes: Vec<u8> = integers.iter().map(|i| i.cast_unsigned()).collect();
            let back = dequantize(&bytes, 30, &scales).unwrap();
            for (i, (w, b)) in values.iter().zip(&back).enumerate() {
                let scale = scales[i / row * row.div_ceil(BLOCK) + i % row / BLOCK];
                assert!((w - b).abs() <= scale * 0.500_001, "{w} became {b} by scale {scale}");
            }
        }
        assert_eq!(dequantize(&[0; 10], 3, &[1.0; 3]), None);
        assert_eq!(dequantize(&[0; 130], 2, &[1.0; 2]), None);
        assert_eq!(dequantize(&[], 0, &[]), None);
    }

    #[test]
    fn a_weight_moves_little_in_four_bits() {
        let mut random = Random(5);
        for row in (2..200).step_by(2) {
            let values: Vec<f32> = (0..8 * row).map(|i| if i / row == 3 { 0.0 } else { random.next() }).collect();
            let (bytes, scales) = quantize_to_halves(&values, row);
            let scales: Vec<f32> = scales.iter().map(|s| s.to_f32()).collect();
            let back = dequantize_halves(&bytes, 8, &scales).unwrap();
            let squares = |v: &mut dyn Iterator<Item = f32>| v.map(|v| f64::from(v) * f64::from(v)).sum::<f64>();
            let moved = squares(&mut values.iter().zip(&back).map(|(w, b)| w - b));
            let share = (moved / squares(&mut values.iter().copied())).sqrt();
            assert!(share < 0.08, "rows of {row}: moved by {share}");
            assert!(back[3 * row..4 * row].iter().all(|b| *b == 0.0));
        }
        assert_eq!(dequantize_halves(&[0x88; 5], 3, &[1.0; 3]), None);
        assert_eq!(dequantize_halves(&[0x88; 34], 2, &[1.0; 2]), None);
        assert_eq!(dequantize_halves(&[0x80, 0x9f], 2, &[1.0, 2.0]), Some(vec![-8.0, 0.0, 14.0, 2.0]));
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
            let bytes = pack(checkpoint(), &files, &origin(quantization), &[]).unwrap();
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
                bytes == pack(checkpoint(), &files, &origin(quantization), &[]).unwrap(),
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
        let stored = |eights: &[String]| {
            let checkpoint = one(&[300, 500], Random(1).values(300 * 500));
            pack(checkpoint, &BTreeMap::new(), &origin(Quantization::Q4), eights).unwrap().len()
        };
        let few = stored(&["v".to_owned()]);
        assert!(few < 86_000 && stored(&["v".to_owned(), "w".to_owned()]) > 150_000, "{few}");
    }

    #[test]
    fn what_cannot_be_stored_or_read_is_named() {
        for value in [f32::NAN, f32::INFINITY, 1e6] {
            for quantization in [Quantization::Q8, Quantization::Q4, Quantization::F16] {
                let error = pack(one(&[1, 1], vec![value]), &BTreeMap::new(), &origin(quantization), &[])
                    .unwrap_err()
                    .to_string();
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
