//! What was fetched, written down beside the files: `models verify` checks against it, and the next pull of the model
//! takes the same commit.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::HubError;
use super::checksum::Hashed;

/// The record's name in the folder of a model.
const PULLED: &str = "pulled.json";

/// A file as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::weights) struct PulledFile {
    pub(in crate::weights) name: String,
    pub(in crate::weights) size: u64,
    pub(in crate::weights) sha256: String,
    /// What the hub said that it hashes to, and it did; absent where the hub said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::weights) tag: Option<String>,
}

impl PulledFile {
    /// Whether the file lies in `folder`, whole.
    pub(super) fn lies_in(&self, folder: &Path) -> bool {
        let path = folder.join(&self.name);
        fs::metadata(&path).is_ok_and(|found| found.len() == self.size)
            && Hashed::of(&path).is_ok_and(|found| found.sha256 == self.sha256)
    }
}

/// A model as it was fetched; of one that is on its way, what has come so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::weights) struct Pulled {
    pub(in crate::weights) repo: String,
    /// As asked.
    pub(in crate::weights) revision: String,
    /// What the hub understood by it; absent where it said nothing.
    pub(in crate::weights) commit: Option<String>,
    /// Address or folder.
    pub(in crate::weights) from: String,
    /// The weights first.
    pub(in crate::weights) files: Vec<PulledFile>,
}

impl Pulled {
    /// The record of `folder`; `None` where there is none that can be read.
    pub(in crate::weights) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(PULLED)).ok()?).ok()
    }

    /// The entry of a file.
    pub(in crate::weights) fn file(&self, name: &str) -> Option<&PulledFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Written aside and renamed into place.
    pub(super) fn write(&self, folder: &Path) -> Result<(), HubError> {
        let (path, aside) = (folder.join(PULLED), folder.join(format!("{PULLED}.partial")));
        let failed = |e: std::io::Error| HubError::io(&path, e);
        let json = serde_json::to_vec_pretty(self).map_err(|e| failed(e.into()))?;
        fs::write(&aside, json).and_then(|()| fs::rename(&aside, &path)).map_err(failed)
    }
}
