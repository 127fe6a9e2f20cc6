//! A model to a pack: `gistmap models convert`. What a pack is, `gistmap_models::pack` says.

use std::fs;
use std::path::{Path, PathBuf};

use gistmap_models::calibration::Calibration;
use gistmap_models::pack::{self, Origin, Quantization, Rounding};

use super::{ModelFolder, WeightsError, read_checkpoint, sha256_of};

/// A pack that has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Where it lies.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// sha256 of the file, lower-case hexadecimal: what tells its weights from all others.
    pub sha256: String,
}

/// The name of a pack whose place was not given, such as `minilm.q8.safetensors`.
pub fn pack_name(model: &str, quantization: Quantization) -> String {
    format!("{model}.{}.safetensors", quantization.name())
}

impl ModelFolder {
    /// Writes model `name`, its weights and all that it needs besides, as a pack to `path`: whole, or not at all. Weights
    /// are rounded as `calibration` says. `told` hears how many of how many tensors are done, and says whether to go on.
    ///
    /// # Errors
    /// When the model is unknown, absent or damaged, its weights cannot be stored so, the file cannot be written, or
    /// somebody asked to stop.
    pub fn convert(
        &self,
        name: &str,
        quantization: Quantization,
        path: &Path,
        calibration: &Calibration,
        told: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Pack, WeightsError> {
        let manifest = self.manifest(name)?;
        let weights = self.weights(manifest)?;
        let source = self.check(manifest, &weights.name)?;
        let checkpoint = read_checkpoint(&source)?;
        let origin = Origin { model: name.to_owned(), quantization, weights: weights.sha256 };
        let rounding = Rounding { eights: manifest.packing.q8.clone(), calibration: calibration.clone() };
        let bytes = pack::pack(checkpoint, &self.beside(manifest)?, &origin, &rounding, told)
            .map_err(|e| WeightsError::Checkpoint { path: source.display().to_string(), reason: e.to_string() })?;
        write_whole(path, &bytes)?;
        let sha256 = sha256_of(path).map_err(|e| WeightsError::io(path, e))?;
        Ok(Pack { path: path.to_owned(), size: bytes.len() as u64, sha256 })
    }
}

/// Written aside and renamed into place, so that a stopped conversion leaves no half pack behind.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WeightsError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.partial", std::process::id()));
    let aside = PathBuf::from(aside);
    let written = fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    written.map_err(|error| {
        // What is left of the attempt is of no use; that it cannot be removed hides nothing.
        let _ = fs::remove_file(&aside);
        WeightsError::io(path, error)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_model_and_a_place_that_is_none_are_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = ModelFolder::new(root.path().to_owned());
        let path = root.path().join(pack_name("minilm", Quantization::F16));
        let convert =
            |name: &str, to, path: &Path| folder.convert(name, to, path, &Calibration::default(), &mut |_, _| true);
        assert!(path.ends_with("minilm.f16.safetensors"));
        let absent = convert("minilm", Quantization::F16, &path).unwrap_err().to_string();
        assert!(absent.contains("gistmap models pull minilm"), "{absent}");
        assert!(convert("resnet", Quantization::Q8, &path).is_err());
        assert!(!path.exists());
        let nowhere = root.path().join("no/such/folder/pack.safetensors");
        let failed = write_whole(&nowhere, b"pack").unwrap_err().to_string();
        assert!(failed.contains("no/such/folder/pack.safetensors"), "{failed}");
        fs::create_dir(root.path().join("taken")).unwrap();
        write_whole(&root.path().join("taken"), b"pack").unwrap_err();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
