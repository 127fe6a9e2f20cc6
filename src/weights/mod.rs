//! The models on this machine: which there are, where their files lie, whether they are whole.
//!
//! Called by the command line and by whoever opens an engine. Knows the manifests and the file system,
//! nothing of what a network computes.

mod checkpoint;
mod convert;
mod packs;
mod pull;
mod source;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gistmap_models::manifest::{self, Manifest, Role};
use sha2::{Digest, Sha256};

pub use checkpoint::read_checkpoint;
pub use convert::{Pack, pack_name};
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
    /// The model has another role than the one it was asked for.
    #[error("`{name}` is not a model for {wanted}")]
    Role {
        /// As asked.
        name: String,
        /// What it was asked for.
        wanted: &'static str,
    },
    /// The model is not on this machine.
    #[error("the model `{name}` is not on this machine ({path} is missing); run `gistmap models pull {name}`")]
    Absent {
        /// Model.
        name: String,
        /// The missing file.
        path: String,
    },
    /// A file is not what the manifest says.
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
        /// Of the manifest.
        expected: String,
    },
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

    /// The manifest of `name`, which must have `role`.
    ///
    /// # Errors
    /// Unknown, or of another role.
    pub fn manifest_for(&self, name: &str, role: Role) -> Result<&Manifest, WeightsError> {
        let manifest = self.manifest(name)?;
        if manifest.role == role {
            return Ok(manifest);
        }
        let wanted = match role {
            Role::ImageEncoder => "features of pictures (--features)",
            Role::TextEncoder => "vectors of texts",
        };
        Err(WeightsError::Role { name: name.to_owned(), wanted })
    }

    /// The folder of model `name`, whether or not it is there.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Whether all files of a model are there with their sizes (contents are checked by [`Self::verify`]).
    pub fn is_present(&self, manifest: &Manifest) -> bool {
        manifest
            .files
            .iter()
            .all(|file| fs::metadata(self.path(&manifest.name).join(&file.name)).is_ok_and(|m| m.len() == file.size))
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
        let path = self.path(&manifest.name).join(file);
        if !path.is_file() {
            return Err(WeightsError::Absent { name: manifest.name.clone(), path: path.display().to_string() });
        }
        let found = sha256_of(&path).map_err(|e| WeightsError::io(&path, e))?;
        match manifest.files.iter().find(|f| f.name == file) {
            Some(expected) if expected.sha256 != found => Err(WeightsError::Damaged {
                name: manifest.name.clone(),
                path: path.display().to_string(),
                found,
                expected: expected.sha256.clone(),
            }),
            _ => Ok(path),
        }
    }

    /// Checks every file of a model.
    ///
    /// # Errors
    /// The first file that is missing or damaged.
    pub fn verify(&self, name: &str) -> Result<(), WeightsError> {
        let manifest = self.manifest(name)?;
        manifest.files.iter().try_for_each(|file| self.check(manifest, &file.name).map(|_| ()))
    }

    /// Fetches a model through the pip client, checks it and puts it in place; `false` when it was there already.
    ///
    /// # Errors
    /// When the client, the network, the disk or a checksum fails; nothing half-written is left in place.
    pub fn pull(&self, name: &str) -> Result<bool, WeightsError> {
        let manifest = self.manifest(name)?;
        if self.verify(name).is_ok() {
            return Ok(false);
        }
        pull::pull(manifest, &self.path(name))?;
        self.verify(name)?;
        Ok(true)
    }
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
        assert!(folder.manifest_for("minilm", Role::ImageEncoder).is_err());
    }
}
