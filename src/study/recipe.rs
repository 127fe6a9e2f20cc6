//! What a study shall do: a TOML file, in the command line's words.
//!
//! ```toml
//! title = "Captions beside pixels"
//!
//! [collection]
//! images = "pictures"                  # below the recipe's folder
//! per_class = 70                       # a subset, drawn with the split's seed
//! split = { seed = 782, train = 0.6, validation = 0.2, test = 0.2, use = ["train", "validation", "test"] }
//!
//! [representations]
//! features = ["efficientnet-lite0", "classical"]
//! text = ["tags", "import:captions.csv:caption"]
//! vectors = ["sentence"]
//! fuse = ["concat"]
//! criteria = []
//!
//! [clusterings]
//! clusterers = ["kmeans", "agglomerative"]
//! k = "labels"                         # or "auto", or a number
//! seeds = [782, 783, 784]
//!
//! [report]
//! maps = true
//! baseline = "efficientnet-lite0"
//! ```

use serde::{Deserialize, Serialize};

use super::split::{Part, SplitError, check_shares};
use crate::classical::Kind;
use crate::protocol::{
    ClusterCount, Criterion, DESCRIBERS, DeviceChoice, IMPORT, Networks, Plan, PlanError, SENTENCES, VECTORIZERS, namer,
};

/// The network that tags come from.
const TAGGER: &str = "efficientnet-lite0";

/// A study's recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The report's title.
    pub title: String,
    /// What it is about, a paragraph.
    #[serde(default)]
    pub about: String,
    /// The pictures.
    pub collection: Pictures,
    /// What is made of them.
    pub representations: Representations,
    /// How that is clustered.
    pub clusterings: Clusterings,
    /// What is reported.
    #[serde(default)]
    pub report: Reported,
}

/// Which pictures take part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pictures {
    /// Its name in the report; that of the folder where `None`.
    #[serde(default)]
    pub name: Option<String>,
    /// A folder as the command line takes it; relative to the recipe's.
    pub images: String,
    /// How many of each class take part; all where `None`.
    #[serde(default)]
    pub per_class: Option<usize>,
    /// How they are divided.
    #[serde(default)]
    pub split: Option<Split>,
}

/// Train, validation and test pictures, drawn class by class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// Of the drawing, that of the subset included.
    pub seed: u32,
    /// Share of the pictures.
    pub train: f64,
    /// Share of the pictures.
    pub validation: f64,
    /// Share of the pictures.
    pub test: f64,
    /// The parts that are clustered.
    #[serde(rename = "use")]
    pub used: Vec<Part>,
}

impl Default for Split {
    fn default() -> Self {
        let used = vec![Part::Train, Part::Validation, Part::Test];
        Self { seed: 782, train: 0.6, validation: 0.2, test: 0.2, used }
    }
}

/// What the command line calls `--features`, `--text`, `--vectors`, `--fuse` and `--criterion`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Representations {
    /// Image encoders and classical features.
    pub features: Vec<String>,
    /// Describers, and `import:FILE[:column]` with files relative to the recipe.
    pub text: Vec<String>,
    /// Questions about every picture, for networks that answer some.
    pub ask: Vec<String>,
    /// What pictures may show, for describers that name them.
    pub names: Vec<String>,
    /// How texts become vectors.
    pub vectors: Vec<String>,
    /// The network that makes vectors of sentences.
    pub sentences: String,
    /// Fusions of every feature with every text.
    pub fuse: Vec<String>,
    /// Criteria.
    pub criteria: Vec<String>,
}

impl Default for Representations {
    fn default() -> Self {
        let (none, vectors, sentences) = (Vec::new, vec![VECTORIZERS[0].to_owned()], SENTENCES.to_owned());
        let (features, text, fuse, criteria) = (none(), none(), none(), none());
        Self { features, text, ask: none(), names: none(), vectors, sentences, fuse, criteria }
    }
}

/// What the command line calls `--cluster` and `-k`, and the seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clusterings {
    /// Clusterers, with parameters.
    pub clusterers: Vec<String>,
    /// How many clusters.
    #[serde(default)]
    pub k: Count,
    /// Every clusterer that draws is run with each of them. Fusions that draw, and maps, take the first.
    #[serde(default = "usual_seeds")]
    pub seeds: Vec<u32>,
}

fn usual_seeds() -> Vec<u32> {
    vec![782, 783, 784, 785, 786]
}

/// `"labels"`, `"auto"` or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "k is \"labels\", \"auto\" or a number of at least 1")]
pub enum Count {
    /// A number.
    Number(std::num::NonZeroUsize),
    /// A word.
    Word(CountWord),
}

/// How many clusters, without a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountWord {
    /// As many as there are label folders, else chosen.
    Labels,
    /// Chosen by silhouette.
    Auto,
}

impl Default for Count {
    fn default() -> Self {
        Self::Word(CountWord::Labels)
    }
}

impl From<&Count> for ClusterCount {
    fn from(count: &Count) -> Self {
        match count {
            Count::Number(k) => Self::Fixed(k.get()),
            Count::Word(CountWord::Labels) => Self::Labels,
            Count::Word(CountWord::Auto) => Self::Auto,
        }
    }
}

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reported {
    /// Whether every representation gets a t-SNE map.
    pub maps: bool,
    /// The representation that others are compared with; the first where `None`.
    pub baseline: Option<String>,
}

impl Default for Reported {
    fn default() -> Self {
        Self { maps: true, baseline: None }
    }
}

/// A part of the recipe that cannot be had here; the study goes on without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// As the recipe names it.
    pub name: String,
    /// Why, and what to do.
    pub reason: String,
}

/// A recipe that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Not TOML, or not a recipe's fields.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A field with a value that it cannot have.
    #[error("{field}: {reason}")]
    Field {
        /// Such as `clusterings.seeds`.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Nothing is left to be clustered.
    #[error("none of the representations can be had: {0}")]
    Nothing(String),
}

impl RecipeError {
    fn field(field: &'static str, reason: impl ToString) -> Self {
        Self::Field { field, reason: reason.to_string() }
    }
}

impl From<PlanError> for RecipeError {
    fn from(error: PlanError) -> Self {
        let (option, reason) = match error {
            PlanError::Unknown { option, name, known } => {
                (option, format!("there is no `{name}`; choose from {known}"))
            }
            PlanError::Parameters { option, reason } => (option, reason),
            PlanError::NothingAsked(name) => ("--ask", format!("{name} answers questions, and there are none")),
            PlanError::NoNames(name) => ("--names", format!("{name} names pictures out of a list, and there is none")),
            PlanError::NoTexts => ("--criterion", "criteria need texts".to_owned()),
            PlanError::Nothing => ("--cluster", "there is nothing to cluster, or no clusterer".to_owned()),
            PlanError::NoClusters => ("-k", "must be at least 1".to_owned()),
        };
        let field = match option {
            "--features" => "representations.features",
            "--text" => "representations.text",
            "--ask" => "representations.ask",
            "--names" => "representations.names",
            "--sentences" => "representations.sentences",
            "--vectors" => "representations.vectors",
            "--fuse" => "representations.fuse",
            "--criterion" => "representations.criteria",
            "-k" => "clusterings.k",
            _ => "clusterings.clusterers",
        };
        Self::Field { field, reason }
    }
}

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// What is not TOML or no field of a recipe, with its line; values that cannot be.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let recipe: Self = toml::from_str(text)?;
        if recipe.collection.per_class == Some(0) {
            return Err(RecipeError::field("collection.per_class", "must be at least 1"));
        }
        if let Some(split) = &recipe.collection.split {
            let wrong = |e: SplitError| RecipeError::field("collection.split", e);
            check_shares([split.train, split.validation, split.test]).map_err(wrong)?;
            if split.used.is_empty() {
                return Err(RecipeError::field(
                    "collection.split.use",
                    "names no part; all are train, validation, test",
                ));
            }
        }
        let seeds = &recipe.clusterings.seeds;
        if seeds.is_empty() {
            return Err(RecipeError::field("clusterings.seeds", "there must be one at least"));
        }
        if let Some((_, twice)) = seeds.iter().enumerate().find(|(at, seed)| seeds[..*at].contains(seed)) {
            return Err(RecipeError::field("clusterings.seeds", format!("{twice} is there twice")));
        }
        if recipe.representations.features.is_empty() && recipe.representations.text.is_empty() {
            return Err(RecipeError::field("representations", "there must be features, text or both"));
        }
        // With everything at hand the plan must do.
        let plan = recipe.whole(DeviceChoice::Auto)?;
        let described =
            plan.text.iter().filter(|text| !text.starts_with(IMPORT) && !DESCRIBERS.contains(&text.as_str()));
        let captioners = described.cloned().collect();
        let (encoders, sentences) = (plan.features.clone(), vec![plan.sentences.clone()]);
        plan.check(&Networks { encoders, captioners, sentences, ..Networks::default() })?;
        Ok(recipe)
    }

    /// The first seed's plan, whatever can be had.
    fn whole(&self, device: DeviceChoice) -> Result<Plan, RecipeError> {
        let Representations { features, text, ask, names, vectors, sentences, fuse, criteria } = &self.representations;
        let criteria = criteria.iter().map(|c| c.parse()).collect::<Result<Vec<Criterion>, String>>();
        Ok(Plan {
            features: features.clone(),
            text: text.clone(),
            ask: ask.clone(),
            names: names.clone(),
            vectors: vectors.clone(),
            sentences: sentences.clone(),
            criteria: criteria.map_err(|e| RecipeError::field("representations.criteria", e))?,
            fuse: fuse.clone(),
            cluster: self.clusterings.clusterers.clone(),
            k: ClusterCount::from(&self.clusterings.k),
            seed: self.clusterings.seeds.first().copied().unwrap_or(782),
            device,
            project: "tsne".to_owned(),
        })
    }

    /// The plan of what can be had, for the first seed, and what cannot. `known` are the networks that this version
    /// builds, `lacks` says why a model cannot be used on this machine.
    ///
    /// # Errors
    /// When nothing is left, or a name or parameter is wrong.
    pub fn plan(
        &self,
        device: DeviceChoice,
        known: &Networks,
        lacks: impl Fn(&str) -> Option<String>,
    ) -> Result<(Plan, Vec<PassedOver>), RecipeError> {
        let mut plan = self.whole(device)?;
        let (mut passed_over, sentences) = (Vec::new(), plan.sentences.clone());
        let mut keep = |names: &mut Vec<String>, why: &dyn Fn(&str) -> Option<String>| {
            names.retain(|name| match why(name) {
                None => true,
                Some(reason) => {
                    passed_over.push(PassedOver { name: name.clone(), reason });
                    false
                }
            });
        };
        keep(&mut plan.features, &|name| match Kind::from_name(name) {
            Some(_) => None,
            None if known.encoders.iter().any(|encoder| encoder == name) => lacks(name),
            None => Some("this version has no such image encoder".to_owned()),
        });
        let speaks = |name: &str| known.captioners.iter().chain(&known.answerers).any(|speaker| speaker == name);
        keep(&mut plan.text, &|name| match name {
            import if import.starts_with(IMPORT) => lacks(&sentences),
            describer if DESCRIBERS.contains(&describer) => lacks(TAGGER).or_else(|| lacks(&sentences)),
            speaker if speaks(speaker) => lacks(speaker).or_else(|| lacks(&sentences)),
            describer if let Some(network) = namer(describer) => lacks(network).or_else(|| lacks(&sentences)),
            _ => Some("this version has no such describer".to_owned()),
        });
        if plan.features.is_empty() && plan.text.is_empty() {
            let said: Vec<String> = passed_over.iter().map(|p| format!("{}: {}", p.name, p.reason)).collect();
            return Err(RecipeError::Nothing(said.join("; ")));
        }
        let without = |what: &str| Some(format!("there are no {what} without what is passed over"));
        if plan.text.is_empty() {
            let criteria = std::mem::take(&mut plan.criteria);
            keep(&mut criteria.iter().map(Criterion::to_string).collect(), &|_| without("texts"));
        }
        if plan.text.is_empty() || plan.features.is_empty() {
            keep(&mut plan.fuse, &|_| without("features and texts"));
        }
        plan.check(known)?;
        Ok((plan, passed_over))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RECIPE: &str = r#"
title = "T"
[collection]
images = "pictures"
per_class = 3
split = { use = ["train"] }
[representations]
features = ["classical", "efficientnet-lite0", "resnet50"]
text = ["tags", "import:t.csv:caption", "blip-caption"]
fuse = ["concat"]
criteria = ["mood:k=3"]
[clusterings]
clusterers = ["kmeans", "dbscan"]
"#;

    fn with(from: &str, to: &str) -> String {
        assert!(RECIPE.contains(from));
        Recipe::parse(&RECIPE.replace(from, to)).map(|_| String::new()).unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn defaults_are_filled_in() {
        let recipe = Recipe::parse(RECIPE).unwrap();
        let split = recipe.collection.split.unwrap();
        assert_eq!((split.seed, split.train, split.used), (782, 0.6, vec![Part::Train]));
        assert_eq!(recipe.clusterings.seeds.len(), 5);
        assert_eq!(ClusterCount::from(&recipe.clusterings.k), ClusterCount::Labels);
        assert_eq!(recipe.representations.vectors, ["sentence"]);
        assert!(recipe.report.maps);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_or_field() {
        let unknown = with("per_class", "perclass");
        assert!(unknown.contains("line 5") && unknown.contains("perclass"), "{unknown}");
        for (from, to, said) in [
            ("per_class = 3", "per_class = 0", "collection.per_class"),
            ("use = [\"train\"]", "train = 0.9", "collection.split"),
            ("use = [\"train\"]", "use = []", "collection.split.use"),
            ("\"concat\"", "\"add\"", "representations.fuse: there is no fusion `add`"),
            ("\"dbscan\"", "\"dbscam\"", "clusterings.clusterers: there is no clusterer \"dbscam\""),
            ("mood:k=3", "mood:k=0", "representations.criteria"),
            ("\"dbscan\"]", "\"dbscan\"]\nk = 0", "\"labels\", \"auto\" or a number"),
            ("\"dbscan\"]", "\"dbscan\"]\nseeds = [1, 2, 1]", "clusterings.seeds: 1 is there twice"),
            ("\"dbscan\"]", "\"dbscan\"]\nseeds = []", "clusterings.seeds"),
            ("title = \"T\"", "", "title"),
        ] {
            let error = with(from, to);
            assert!(error.contains(said), "{to}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_passed_over() {
        let recipe = Recipe::parse(RECIPE).unwrap();
        let encoders = Networks { encoders: vec!["efficientnet-lite0".into()], ..Networks::default() };
        let (plan, passed) = recipe.plan(DeviceChoice::Cpu, &encoders, |_| None).unwrap();
        assert_eq!((plan.features.len(), plan.text.len(), plan.fuse.len(), plan.criteria.len()), (2, 2, 1, 1));
        let names: Vec<&str> = passed.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["resnet50", "blip-caption"]);
        let bare = |model: &str| Some(format!("{model} is not here"));
        let (plan, passed) = recipe.plan(DeviceChoice::Cpu, &encoders, bare).unwrap();
        assert_eq!((plan.features.as_slice(), plan.text.len(), plan.fuse.len()), (&["classical".to_owned()][..], 0, 0));
        assert_eq!(passed.len(), 7, "{passed:?}");
        let none = RECIPE.replace("\"classical\", ", "");
        let error = Recipe::parse(&none).unwrap().plan(DeviceChoice::Cpu, &encoders, bare).unwrap_err().to_string();
        assert!(error.contains("efficientnet-lite0 is not here"), "{error}");
    }
}
