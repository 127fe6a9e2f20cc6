//! A checkpoint file to named tensors: safetensors, and PyTorch's `.pth`, whose pickle is read without
//! executing anything.

use std::fs;
use std::path::Path;

use gistmap_models::checkpoint::{Checkpoint, NamedTensor};
use gistmap_models::half;

use super::WeightsError;

/// Reads the tensors of `path`; the ending decides the format.
///
/// # Errors
/// When the file cannot be read, is not of its format, or holds element types that weights are not published in.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint, WeightsError> {
    let failed = |reason: String| WeightsError::Checkpoint { path: path.display().to_string(), reason };
    if path.extension().is_some_and(|e| e == "safetensors") {
        let bytes = fs::read(path).map_err(|e| WeightsError::io(path, e))?;
        return Checkpoint::from_safetensors(&bytes).map_err(|e| failed(e.to_string()));
    }
    let reader = pytorch_reader::PytorchReader::new(path).map_err(|e| failed(e.to_string()))?;
    let mut checkpoint = Checkpoint::new();
    for (name, tensor) in reader.into_tensors() {
        let bytes = tensor.read().map_err(|e| failed(e.to_string()))?;
        let dtype = format!("{:?}", tensor.dtype());
        let values = match dtype.as_str() {
            "F32" => bytes.as_chunks().0.iter().map(|b| f32::from_ne_bytes(*b)).collect(),
            "F16" => bytes.as_chunks().0.iter().map(|b| half::f16::from_ne_bytes(*b).to_f32()).collect(),
            "BF16" => bytes.as_chunks().0.iter().map(|b| half::bf16::from_ne_bytes(*b).to_f32()).collect(),
            // Counters and index buffers: no forward pass needs them.
            "I64" | "I32" | "I16" | "U8" | "I8" | "Bool" => continue,
            other => return Err(failed(format!("tensor `{name}` has element type {other}"))),
        };
        checkpoint.insert(name, NamedTensor { shape: tensor.shape().to_vec(), values });
    }
    Ok(checkpoint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for ending in ["pth", "safetensors"] {
            let path = folder.path().join(format!("weights.{ending}"));
            fs::write(&path, b"\x80\x02garbage").unwrap();
            let error = read_checkpoint(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("weights.{ending}")), "{error}");
        }
    }
}
