//! A checkpoint file to named tensors: safetensors, and PyTorch's `.pth`, whose pickle is read without
//! executing anything.

use std::fs;
use std::path::Path;

use gistmap_models::checkpoint::{Checkpoint, NamedTensor};
use gistmap_models::half;

use super::{WeightsError, pickle};

/// Reads the tensors of `path`; the ending decides the format.
///
/// # Errors
/// When the file cannot be read, is not of its format, refers to what no weights are made of, or holds element types that
/// weights are not published in.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint, WeightsError> {
    let failed = |reason: String| WeightsError::Checkpoint { path: path.display().to_string(), reason };
    if path.extension().is_some_and(|e| e == "safetensors") {
        let file = fs::File::open(path).map_err(|e| WeightsError::io(path, e))?;
        return Checkpoint::open(file).map_err(|e| failed(e.to_string()));
    }
    pickle::check(path).map_err(failed)?;
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
    use std::io::Write;

    use super::*;

    /// The pickle of a dictionary with the tensor `weight`, `[2, 2]`, and something after it.
    fn state(after: &[u8]) -> Vec<u8> {
        let tensor = b"\x80\x02}(X\x06\0\0\0weightctorch._utils\n_rebuild_tensor_v2\n\
            ((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ\
            K\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR";
        [tensor, after, b"u."].concat()
    }

    /// As PyTorch 1.6 and later write it.
    fn archive(path: &Path, pickle: &[u8]) {
        let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let values: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        for (name, bytes) in [("archive/data.pkl", pickle), ("archive/data/0", &values), ("archive/version", b"3\n")] {
            archive.start_file(name, options).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
    }

    /// As PyTorch 0.1.10 to 1.5 wrote it.
    fn stream(pickle: &[u8]) -> Vec<u8> {
        let number = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
        let machine = b"\x80\x02}X\x0d\0\0\0little_endian\x88s.";
        let values: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let keys = b"\x80\x02]X\x01\0\0\x000a.";
        [number, &b"\x80\x02M\xe9\x03."[..], machine, pickle, keys, &4u64.to_le_bytes(), &values].concat()
    }

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

    #[test]
    fn a_pickle_gives_its_tensors_and_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pytorch_model.bin");
        let trace = folder.path().join("trace");
        let command = format!("touch {}", trace.display());
        let call =
            [b"cposix\nsystem\nX", &(command.len() as u32).to_le_bytes()[..], command.as_bytes(), b"\x85R"].concat();
        // Beside the weights; and thrown away at once, so that nothing of it is left in what was read.
        let beside = [b"X\x04\0\0\0evil", &call[..]].concat();
        let before = [b"\x80\x02", &call[..], b"0", &state(b"")[2..]].concat();
        let write = |pickle: &[u8], old: bool| {
            if old { fs::write(&path, stream(pickle)).unwrap() } else { archive(&path, pickle) }
        };
        for old in [false, true] {
            write(&state(b""), old);
            let mut checkpoint = read_checkpoint(&path).unwrap();
            assert_eq!(checkpoint.take("weight", &[2, 2]).unwrap(), [1.0, 2.0, 3.0, 4.0]);
            for hostile in [&state(&beside), &before] {
                write(hostile, old);
                let error = read_checkpoint(&path).unwrap_err().to_string();
                assert!(error.contains("pytorch_model.bin: its pickle asks for `posix.system`"), "{error}");
            }
        }
        assert!(!trace.exists());
    }
}
