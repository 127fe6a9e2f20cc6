//! What a run shall do: the command line's words, checked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::classical::Kind;

/// Describers that `--text` takes.
pub const DESCRIBERS: [&str; 2] = ["tags", "tag-mean"];
/// How texts that were made elsewhere begin in `--text`: `import:FILE[:column]`.
pub const IMPORT: &str = "import:";
/// Fusions that `--fuse` takes, besides `none`.
pub const FUSIONS: [&str; 1] = ["concat"];
/// Clusterers that `--cluster` takes.
pub const CLUSTERERS: [&str; 1] = ["kmeans"];
/// Projectors that `--project` takes.
pub const PROJECTORS: [&str; 2] = ["tsne", "pca"];

/// What a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// The fastest that works.
    #[default]
    Auto,
    /// The processor, all cores.
    Cpu,
    /// A GPU through Vulkan, Metal, DX12 or WebGPU.
    Wgpu,
    /// An NVIDIA GPU through CUDA (needs the `cuda` feature).
    Cuda,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "wgpu" => Ok(Self::Wgpu),
            "cuda" => Ok(Self::Cuda),
            other => Err(format!("`{other}` is not a device; choose auto, cpu, wgpu or cuda")),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        })
    }
}

/// How many clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterCount {
    /// One a label folder; chosen automatically where there are no labels.
    #[default]
    Labels,
    /// Chosen by silhouette.
    Auto,
    /// As given.
    Fixed(usize),
}

/// A checked run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Image encoders and classical features that are clustered.
    pub features: Vec<String>,
    /// Describers whose texts are clustered, and `import:FILE[:column]`.
    pub text: Vec<String>,
    /// Fusions of every feature with every text.
    pub fuse: Vec<String>,
    /// Clusterers.
    pub cluster: Vec<String>,
    /// How many clusters.
    pub k: ClusterCount,
    /// Seed of every random choice.
    pub seed: u32,
    /// Where networks run.
    pub device: DeviceChoice,
    /// How the map is laid out.
    pub project: String,
}

impl Default for Plan {
    fn default() -> Self {
        let one = |name: &str| vec![name.to_owned()];
        Self {
            features: one("efficientnet-lite0"),
            text: one("tags"),
            fuse: one("concat"),
            cluster: one("kmeans"),
            k: ClusterCount::Labels,
            seed: 782,
            device: DeviceChoice::Auto,
            project: "tsne".to_owned(),
        }
    }
}

/// A plan that cannot be carried out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// A name that nothing has.
    #[error("{option}: there is no `{name}`; choose from {known}")]
    Unknown {
        /// The command line's option.
        option: &'static str,
        /// As given.
        name: String,
        /// What there is.
        known: String,
    },
    /// Nothing to cluster.
    #[error("nothing to cluster: give --features, --text or both")]
    Nothing,
    /// No clusters.
    #[error("-k must be at least 1")]
    NoClusters,
}

impl Plan {
    /// Checks every name; `encoders` are the image encoders there are.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, encoders: &[&str]) -> Result<(), PlanError> {
        let classical = Kind::PARTS.iter().chain(&[Kind::Classical]).map(|kind| kind.name());
        let features: Vec<&str> = classical.chain(encoders.iter().map(|name| &**name)).collect();
        known("--features", &self.features, &features)?;
        let described: Vec<String> = self.text.iter().filter(|name| !name.starts_with(IMPORT)).cloned().collect();
        known("--text", &described, &DESCRIBERS)?;
        known("--fuse", &self.fuse, &FUSIONS)?;
        known("--cluster", &self.cluster, &CLUSTERERS)?;
        known("--project", std::slice::from_ref(&self.project), &PROJECTORS)?;
        if (self.features.is_empty() && self.text.is_empty()) || self.cluster.is_empty() {
            return Err(PlanError::Nothing);
        }
        if self.k == ClusterCount::Fixed(0) {
            return Err(PlanError::NoClusters);
        }
        Ok(())
    }

    /// The plan in the command line's terms, for people.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(",") };
        let k = match self.k {
            ClusterCount::Labels => "number of label folders, else auto".to_owned(),
            ClusterCount::Auto => "auto".to_owned(),
            ClusterCount::Fixed(k) => k.to_string(),
        };
        [
            ("--features", list(&self.features)),
            ("--text", list(&self.text)),
            ("--fuse", list(&self.fuse)),
            ("--cluster", list(&self.cluster)),
            ("-k", k),
            ("--seed", self.seed.to_string()),
            ("--device", self.device.to_string()),
            ("--project", self.project.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

fn known(option: &'static str, names: &[String], known: &[&str]) -> Result<(), PlanError> {
    match names.iter().find(|n| !known.contains(&n.as_str())) {
        None => Ok(()),
        Some(name) => Err(PlanError::Unknown { option, name: name.clone(), known: known.join(", ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["auto", "cpu", "wgpu", "cuda"] {
            assert_eq!(name.parse::<DeviceChoice>().map(|c| c.to_string()), Ok(name.to_owned()));
        }
        assert!("gpu".parse::<DeviceChoice>().is_err_and(|e| e.contains("auto, cpu, wgpu or cuda")));
    }

    #[test]
    fn wrong_names_are_named() {
        let encoders = ["efficientnet-lite0"];
        assert_eq!(Plan::default().check(&encoders), Ok(()));
        let bad = Plan { cluster: vec!["kmeens".into()], ..Plan::default() };
        let message = bad.check(&encoders).map_err(|e| e.to_string());
        assert_eq!(message, Err("--cluster: there is no `kmeens`; choose from kmeans".into()));
        let nothing = Plan { features: vec![], text: vec![], ..Plan::default() };
        assert_eq!(nothing.check(&encoders), Err(PlanError::Nothing));
        assert_eq!(Plan { k: ClusterCount::Fixed(0), ..Plan::default() }.check(&encoders), Err(PlanError::NoClusters));
    }
}
