//! A folder of packs, those that the page loads or any others, in place of the published weights: with the same packs
//! the terminal computes what the page computes.

use std::fs;
use std::path::{Path, PathBuf};

use gistmap_models::manifest::{self, Manifest};
use gistmap_models::pack::{self, Listed, Opened, Quantization};
use gistmap_models::precision::Precision;

use super::{WeightsError, sha256_of};
use crate::engine::{Model, ModelSource, networks};
use crate::protocol::Networks;

/// The list of a folder's packs, where there is one.
const INDEX: &str = "packs.json";
/// The one that every device runs: taken where there is a choice.
const PREFERRED: Quantization = Quantization::Q8;

/// The packs of a folder.
#[derive(Debug)]
pub struct PackFolder {
    root: PathBuf,
    /// Those that are preferred first.
    packs: Vec<Listed>,
    manifests: Vec<Manifest>,
}

impl PackFolder {
    /// Reads the list of the packs in `root`; where there is none, looks at all files that could be some.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds no packs.
    pub fn open(root: &Path) -> Result<Self, WeightsError> {
        let index = root.join(INDEX);
        let failed =
            |path: &Path, reason: String| WeightsError::Checkpoint { path: path.display().to_string(), reason };
        let mut packs: Vec<Listed> = if index.is_file() {
            let bytes = fs::read(&index).map_err(|e| WeightsError::io(&index, e))?;
            serde_json::from_slice(&bytes).map_err(|e| failed(&index, e.to_string()))?
        } else {
            scan(root)?
        };
        if packs.is_empty() {
            return Err(failed(root, "it holds no packs; make one with `gistmap models convert`".to_owned()));
        }
        packs.sort_by_key(|pack| pack.quantization != PREFERRED);
        // The built-in manifests are proven valid by a test of `gistmap-models`.
        Ok(Self { root: root.to_owned(), packs, manifests: manifest::all().unwrap_or_default() })
    }

    /// Every model of which there is a pack: its name, and the sha256 of the pack that is taken.
    pub fn identities(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = |(at, pack): &(usize, &Listed)| self.packs.iter().position(|p| p.name == pack.name) == Some(*at);
        let packs = self.packs.iter().enumerate().filter(first);
        packs.map(|(_, pack)| (pack.name.as_str(), pack.sha256.as_str()))
    }

    fn pack(&self, name: &str) -> Option<&Listed> {
        self.packs.iter().find(|pack| pack.name == name)
    }

    fn load(&self, manifest: &Manifest, pack: &Listed) -> Result<Model, WeightsError> {
        let path = self.root.join(&pack.file);
        let failed = |reason: String| WeightsError::Checkpoint { path: path.display().to_string(), reason };
        let found = sha256_of(&path).map_err(|e| WeightsError::io(&path, e))?;
        if found != pack.sha256 {
            let expected = &pack.sha256;
            return Err(failed(format!("damaged: sha256 {found}, expected {expected}; make the packs again")));
        }
        let file = fs::File::open(&path).map_err(|e| WeightsError::io(&path, e))?;
        let Opened { files, checkpoint, .. } = pack::open(file).map_err(|e| failed(e.to_string()))?;
        let (manifest, precision) = (manifest.clone(), Precision::F32);
        Ok(Model { manifest, weights: found, checkpoint, precision, files })
    }
}

/// The packs among the files of a folder.
fn scan(root: &Path) -> Result<Vec<Listed>, WeightsError> {
    let mut packs = Vec::new();
    let entries = fs::read_dir(root).map_err(|e| WeightsError::io(root, e))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")) {
        let file = fs::File::open(path).map_err(|e| WeightsError::io(path, e))?;
        let bytes = file.metadata().map_err(|e| WeightsError::io(path, e))?.len();
        // Others may lie here as well.
        let Ok(pack::Origin { model, quantization, .. }) = pack::origin(file) else { continue };
        let sha256 = sha256_of(path).map_err(|e| WeightsError::io(path, e))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        packs.push(Listed { name: model, quantization, file, sha256, bytes });
    }
    Ok(packs)
}

impl ModelSource for PackFolder {
    fn networks(&self) -> Networks {
        networks(self.manifests.iter().filter(|m| self.pack(&m.name).is_some()))
    }

    fn open(&self, name: &str) -> Result<Model, String> {
        let manifest = self.manifests.iter().find(|m| m.name == name);
        match (manifest, self.pack(name)) {
            (Some(manifest), Some(pack)) => self.load(manifest, pack).map_err(|e| e.to_string()),
            _ => Err(format!("{} holds no pack of `{name}`", self.root.display())),
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
        fs::write(folder.path().join("lite.safetensors"), "no weights").unwrap();
        assert!(open().unwrap_err().to_string().contains("holds no packs"));
        let list = r#"[{"name": "minilm", "file": "minilm.f16", "sha256": "01", "bytes": 10, "quantization": "f16"},
                       {"name": "efficientnet-lite0", "file": "lite.f16", "sha256": "02", "bytes": 10, "quantization": "f16"},
                       {"name": "efficientnet-lite0", "file": "lite.safetensors", "sha256": "03", "bytes": 10, "quantization": "q8"}]"#;
        fs::write(folder.path().join(INDEX), list).unwrap();
        let packs = open().unwrap();
        assert_eq!(packs.networks().encoders, ["efficientnet-lite0"]);
        assert_eq!(packs.identities().collect::<Vec<_>>(), [("efficientnet-lite0", "03"), ("minilm", "01")]);
        let error = |name| packs.open(name).err().unwrap();
        assert!(error("efficientnet-lite0").contains("lite.safetensors: damaged"));
        assert!(error("minilm").contains("minilm.f16"));
        assert!(error("mpnet").contains("no pack of `mpnet`"));
    }

    #[test]
    fn packs_are_found_without_a_list() {
        let folder = tempfile::tempdir().unwrap();
        for quantization in [Quantization::Q4, Quantization::F16] {
            let origin = pack::Origin { model: "minilm".to_owned(), quantization, weights: String::new() };
            let files = [("tokenizer.json".to_owned(), b"{}".to_vec())].into();
            let bytes = pack::pack(Default::default(), &files, &origin, &Default::default(), &mut |_, _| true).unwrap();
            fs::write(folder.path().join(format!("{}.safetensors", quantization.name())), bytes).unwrap();
        }
        let packs = PackFolder::open(folder.path()).unwrap();
        let model = packs.open("minilm").unwrap();
        assert_eq!(model.files["tokenizer.json"], b"{}");
        assert_eq!(packs.identities().collect::<Vec<_>>(), [("minilm", model.weights.as_str())]);
    }
}
