//! A folder of packs, as the page loads them, in place of the published weights: with the same packs the terminal
//! computes what the page computes.

use std::fs;
use std::path::{Path, PathBuf};

use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::manifest::{self, Manifest};
use gistmap_models::precision::Precision;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::WeightsError;
use crate::engine::{Model, ModelSource, networks};
use crate::protocol::Networks;

/// The list of a folder's packs.
const INDEX: &str = "packs.json";
/// The one that every device runs.
const QUANTIZATION: &str = "q8";

/// A file that the list names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Listed {
    /// The model's name, or a file's name within the model.
    name: String,
    /// File beside the list.
    file: String,
    /// Lower-case hexadecimal.
    sha256: String,
}

/// A model in one quantization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Pack {
    #[serde(flatten)]
    weights: Listed,
    quantization: String,
    /// What the model needs besides its weights.
    #[serde(default)]
    files: Vec<Listed>,
}

/// The packs of a folder.
#[derive(Debug)]
pub struct PackFolder {
    root: PathBuf,
    packs: Vec<Pack>,
    manifests: Vec<Manifest>,
}

impl PackFolder {
    /// Reads the list of the packs in `root`.
    ///
    /// # Errors
    /// When there is none, or it is no such list.
    pub fn open(root: &Path) -> Result<Self, WeightsError> {
        let path = root.join(INDEX);
        let bytes = fs::read(&path).map_err(|e| WeightsError::io(&path, e))?;
        let packs = serde_json::from_slice(&bytes)
            .map_err(|e| WeightsError::Checkpoint { path: path.display().to_string(), reason: e.to_string() })?;
        // The built-in manifests are proven valid by a test of `gistmap-models`.
        Ok(Self { root: root.to_owned(), packs, manifests: manifest::all().unwrap_or_default() })
    }

    /// Every model of which there is a pack: its name, and the sha256 of the weights as they are packed.
    pub fn identities(&self) -> impl Iterator<Item = (&str, &str)> {
        let packs = self.packs.iter().filter(|pack| pack.quantization == QUANTIZATION);
        packs.map(|pack| (pack.weights.name.as_str(), pack.weights.sha256.as_str()))
    }

    fn pack(&self, name: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.weights.name == name && pack.quantization == QUANTIZATION)
    }

    fn read(&self, file: &Listed) -> Result<Vec<u8>, WeightsError> {
        let path = self.root.join(&file.file);
        let bytes = fs::read(&path).map_err(|e| WeightsError::io(&path, e))?;
        let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        if found == file.sha256 {
            return Ok(bytes);
        }
        let reason = format!("damaged: sha256 {found}, expected {}; make the packs again", file.sha256);
        Err(WeightsError::Checkpoint { path: path.display().to_string(), reason })
    }

    fn load(&self, manifest: &Manifest, pack: &Pack) -> Result<Model, WeightsError> {
        let failed = |e: &dyn std::error::Error| WeightsError::Checkpoint {
            path: self.root.join(&pack.weights.file).display().to_string(),
            reason: e.to_string(),
        };
        let checkpoint = Checkpoint::from_safetensors(&self.read(&pack.weights)?).map_err(|e| failed(&e))?;
        let files = pack.files.iter().map(|file| Ok((file.name.clone(), self.read(file)?)));
        let files = files.collect::<Result<_, WeightsError>>()?;
        let weights = pack.weights.sha256.clone();
        Ok(Model { manifest: manifest.clone(), weights, checkpoint, precision: Precision::F32, files })
    }
}

impl ModelSource for PackFolder {
    fn networks(&self) -> Networks {
        networks(self.manifests.iter().filter(|m| self.pack(&m.name).is_some()))
    }

    fn open(&self, name: &str) -> Result<Model, String> {
        let manifest = self.manifests.iter().find(|m| m.name == name);
        match (manifest, self.pack(name)) {
            (Some(manifest), Some(pack)) => self.load(manifest, pack).map_err(|e| e.to_string()),
            _ => Err(format!("{} lists no {QUANTIZATION} pack of `{name}`", self.root.join(INDEX).display())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let open = || PackFolder::open(folder.path());
        assert!(open().unwrap_err().to_string().contains("packs.json"));
        let list = r#"[{"name": "efficientnet-lite0", "file": "lite.bin", "sha256": "00", "quantization": "q8"},
                       {"name": "minilm", "file": "minilm.bin", "sha256": "00", "quantization": "f16", "files": []}]"#;
        fs::write(folder.path().join(INDEX), list).unwrap();
        fs::write(folder.path().join("lite.bin"), "weights").unwrap();
        let packs = open().unwrap();
        assert_eq!(packs.networks().encoders, ["efficientnet-lite0"]);
        assert_eq!(packs.identities().collect::<Vec<_>>(), [("efficientnet-lite0", "00")]);
        let error = |name| packs.open(name).err().unwrap();
        assert!(error("efficientnet-lite0").contains("lite.bin: damaged"));
        assert!(error("minilm").contains("no q8 pack of `minilm`"));
    }
}
