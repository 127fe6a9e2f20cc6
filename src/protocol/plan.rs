//! What a run shall do: the command line's words, checked.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::classical::Kind;
use crate::cluster::catalog::ClustererSpec;
use crate::fuse::FusionSpec;

/// Describers that `--text` takes.
pub const DESCRIBERS: [&str; 2] = ["tags", "tag-mean"];
/// The network whose opinion they put into words.
pub const CLASSIFIER: &str = "efficientnet-lite0";
/// Describers that name pictures out of the plan's `names`, each with the network that compares them.
pub const NAMERS: [(&str, &str); 2] = [("clip-names", "clip-vit-b32"), ("siglip-names", "siglip-base")];
/// How texts that were made elsewhere begin in `--text`: `import:FILE[:column]`.
pub const IMPORT: &str = "import:";
/// The network that makes vectors of sentences where nobody asks for another.
pub const SENTENCES: &str = "minilm";
/// How texts become vectors, for `--vectors`.
pub const VECTORIZERS: [&str; 3] = ["sentence", "tfidf", "keywords"];
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

/// By what the pictures are to be told apart, in a person's words, such as `what are they doing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// The words.
    pub text: String,
    /// How many clusters; without, as many as the plan fixes, else chosen by silhouette: label folders answer one
    /// criterion at most.
    pub k: Option<ClusterCount>,
}

impl FromStr for Criterion {
    type Err = String;

    /// `TEXT`, `TEXT:k=8` or `TEXT:k=auto`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (words, k) = match text.rsplit_once(":k=") {
            None => (text, None),
            Some((words, "auto")) => (words, Some(ClusterCount::Auto)),
            Some((words, k)) => match k.parse() {
                Ok(k) if k > 0 => (words, Some(ClusterCount::Fixed(k))),
                _ => return Err(format!("`{text}`: behind :k= stands a number of clusters, or auto")),
            },
        };
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() { Err("a criterion needs words".to_owned()) } else { Ok(Self { text: words, k }) }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.k {
            Some(ClusterCount::Fixed(k)) => write!(f, ":k={k}"),
            Some(_) => f.write_str(":k=auto"),
            None => Ok(()),
        }
    }
}

/// A checked run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Image encoders and classical features that are clustered.
    pub features: Vec<String>,
    /// Describers whose texts are clustered, networks that describe pictures, and `import:FILE[:column]`.
    pub text: Vec<String>,
    /// Questions about every picture, for networks that answer some.
    #[serde(default)]
    pub ask: Vec<String>,
    /// What pictures may show, for [`NAMERS`].
    #[serde(default)]
    pub names: Vec<String>,
    /// How each text becomes vectors: some of [`VECTORIZERS`].
    #[serde(default = "sentence_vectors")]
    pub vectors: Vec<String>,
    /// The network that makes vectors of sentences.
    #[serde(default = "usual_sentences")]
    pub sentences: String,
    /// Criteria by which the texts are clustered besides.
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    /// Fusions of every feature with every text, as [`FusionSpec`] reads them.
    pub fuse: Vec<String>,
    /// Clusterers, as [`ClustererSpec`] reads them.
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

/// What albums of before there was a choice were made with.
fn sentence_vectors() -> Vec<String> {
    vec![VECTORIZERS[0].to_owned()]
}

fn usual_sentences() -> String {
    SENTENCES.to_owned()
}

impl Default for Plan {
    fn default() -> Self {
        let one = |name: &str| vec![name.to_owned()];
        Self {
            features: one("efficientnet-lite0"),
            text: one("tags"),
            ask: Vec::new(),
            names: Vec::new(),
            vectors: sentence_vectors(),
            sentences: usual_sentences(),
            criteria: Vec::new(),
            fuse: one("concat"),
            cluster: one("kmeans"),
            k: ClusterCount::Labels,
            seed: 782,
            device: DeviceChoice::Auto,
            project: "tsne".to_owned(),
        }
    }
}

/// The networks that a plan may name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Networks {
    /// They give features of pictures.
    pub encoders: Vec<String>,
    /// They describe pictures.
    pub captioners: Vec<String>,
    /// They answer questions about pictures.
    pub answerers: Vec<String>,
    /// They make vectors of sentences.
    pub sentences: Vec<String>,
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
    /// A fusion or a clusterer with parameters that it cannot have.
    #[error("{option}: {reason}")]
    Parameters {
        /// The command line's option.
        option: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A network that answers, and nothing asked.
    #[error("--text {0} answers questions: give --ask \"a question about every picture\"")]
    NothingAsked(String),
    /// A describer that names pictures, and no names.
    #[error("--text {0} names pictures out of a list: give --names FILE, a name a line")]
    NoNames(String),
    /// Criteria are answered from texts.
    #[error("--criterion needs texts: give --text")]
    NoTexts,
    /// Nothing to cluster.
    #[error("nothing to cluster: give --features, --text or both")]
    Nothing,
    /// No clusters.
    #[error("-k must be at least 1")]
    NoClusters,
}

impl Plan {
    /// Checks every name against the networks there are.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, networks: &Networks) -> Result<(), PlanError> {
        let Networks { encoders, captioners, answerers, sentences } = networks;
        let classical = Kind::PARTS.iter().chain(&[Kind::Classical]).map(|kind| kind.name());
        let features: Vec<&str> = classical.chain(encoders.iter().map(String::as_str)).collect();
        known("--features", &self.features, &features)?;
        let described: Vec<String> = self.text.iter().filter(|name| !name.starts_with(IMPORT)).cloned().collect();
        let speakers = captioners.iter().chain(answerers).map(String::as_str);
        let namers = NAMERS.into_iter().filter(|(_, network)| encoders.iter().any(|name| name == network));
        let describers = DESCRIBERS.into_iter().chain(namers.map(|(name, _)| name));
        known("--text", &described, &describers.chain(speakers).collect::<Vec<_>>())?;
        if let Some(namer) = self.text.iter().find(|name| namer(name).is_some() && self.names.is_empty()) {
            return Err(PlanError::NoNames(namer.clone()));
        }
        if self.sentences != SENTENCES {
            let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
            known("--sentences", std::slice::from_ref(&self.sentences), &sentences)?;
        }
        if let Some(answerer) = self.text.iter().find(|name| answerers.contains(name) && self.ask.is_empty()) {
            return Err(PlanError::NothingAsked(answerer.clone()));
        }
        known("--vectors", &self.vectors, &VECTORIZERS)?;
        readable::<FusionSpec>("--fuse", &self.fuse)?;
        readable::<ClustererSpec>("--cluster", &self.cluster)?;
        known("--project", std::slice::from_ref(&self.project), &PROJECTORS)?;
        if (self.features.is_empty() && self.text.is_empty()) || self.cluster.is_empty() {
            return Err(PlanError::Nothing);
        }
        if self.text.is_empty() && !self.criteria.is_empty() {
            return Err(PlanError::NoTexts);
        }
        if !self.text.is_empty() && self.vectors.is_empty() {
            let (name, known) = ("none".to_owned(), VECTORIZERS.join(", "));
            return Err(PlanError::Unknown { option: "--vectors", name, known });
        }
        if self.k == ClusterCount::Fixed(0) {
            return Err(PlanError::NoClusters);
        }
        Ok(())
    }

    /// Names of the models that it needs.
    pub fn models(&self) -> BTreeSet<String> {
        let encoders = self.features.iter().filter(|name| Kind::from_name(name).is_none());
        let describers = self.text.iter().filter(|name| !name.starts_with(IMPORT)).map(|name| match namer(name) {
            Some(network) => network,
            None if DESCRIBERS.contains(&name.as_str()) => CLASSIFIER,
            None => name,
        });
        // Names of clusters are compared with labels by sentence vectors, whatever the texts are clustered by.
        let sentences = (!self.text.is_empty()).then_some(self.sentences.as_str());
        encoders.map(String::as_str).chain(describers).chain(sentences).map(str::to_owned).collect()
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
            ("--ask", list(&self.ask)),
            ("--names", list(&self.names)),
            ("--vectors", list(&self.vectors)),
            ("--sentences", self.sentences.clone()),
            ("--criterion", list(&self.criteria.iter().map(Criterion::to_string).collect::<Vec<_>>())),
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

/// The network that a describer of [`NAMERS`] compares by.
pub fn namer(describer: &str) -> Option<&'static str> {
    NAMERS.into_iter().find(|(name, _)| *name == describer).map(|(_, network)| network)
}

fn readable<T: FromStr<Err: fmt::Display>>(option: &'static str, texts: &[String]) -> Result<(), PlanError> {
    let wrong = |text: &String| text.parse::<T>().err().map(|e| e.to_string());
    match texts.iter().find_map(wrong) {
        None => Ok(()),
        Some(reason) => Err(PlanError::Parameters { option, reason }),
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
    fn criteria_round_trip() {
        for text in ["what are they doing", "mood:k=8", "where: indoors or not:k=auto"] {
            assert_eq!(text.parse::<Criterion>().map(|c| c.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("  a\n b ".parse::<Criterion>().map(|c| c.text), Ok("a b".to_owned()));
        for text in ["", " :k=3", "mood:k=0", "mood:k=many"] {
            assert!(text.parse::<Criterion>().is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_names_are_named() {
        let encoders = Networks {
            encoders: vec!["efficientnet-lite0".into()],
            answerers: vec!["vqa".into()],
            ..Networks::default()
        };
        assert_eq!(Plan::default().check(&encoders), Ok(()));
        let bad = Plan { cluster: vec!["kmeens".into()], ..Plan::default() };
        let message = bad.check(&encoders).map_err(|e| e.to_string());
        assert!(message.as_ref().is_err_and(|m| m.contains("--cluster") && m.contains("\"kmeens\"")), "{message:?}");
        let mute = Plan { text: vec!["vqa".into()], ..Plan::default() };
        assert_eq!(mute.check(&encoders), Err(PlanError::NothingAsked("vqa".into())));
        let nameless = Plan { text: vec!["clip-names".into()], ..Plan::default() };
        let missing = nameless.check(&encoders).map_err(|e| e.to_string());
        assert!(missing.as_ref().is_err_and(|m| m.contains("no `clip-names`")), "{missing:?}");
        let with_clip =
            Networks { encoders: vec!["efficientnet-lite0".into(), "clip-vit-b32".into()], ..encoders.clone() };
        assert_eq!(nameless.check(&with_clip), Err(PlanError::NoNames("clip-names".into())));
        let foreign = Plan { sentences: "mpnet".into(), ..Plan::default() };
        let missing = foreign.check(&encoders).map_err(|e| e.to_string());
        assert!(missing.as_ref().is_err_and(|m| m.contains("--sentences: there is no `mpnet`")), "{missing:?}");
        let bad = Plan { fuse: vec!["concat:share=3".into()], ..Plan::default() };
        let message = bad.check(&encoders).map_err(|e| e.to_string());
        assert!(message.as_ref().is_err_and(|m| m.contains("--fuse: `concat:share=3`")), "{message:?}");
        let bad = Plan { text: vec![], criteria: vec![Criterion { text: "mood".into(), k: None }], ..Plan::default() };
        assert_eq!(bad.check(&encoders), Err(PlanError::NoTexts));
        let nothing = Plan { features: vec![], text: vec![], ..Plan::default() };
        assert_eq!(nothing.check(&encoders), Err(PlanError::Nothing));
        assert_eq!(Plan { k: ClusterCount::Fixed(0), ..Plan::default() }.check(&encoders), Err(PlanError::NoClusters));
    }
}
