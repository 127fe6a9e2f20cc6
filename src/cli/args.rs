//! The command line's words. Scripts rely on these names.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use gistmap::protocol::{ClusterCount, Criterion, DeviceChoice};
use gistmap_models::pack::Quantization;

/// See what your pictures are about: describe, measure, cluster, name and map a folder of images.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Make an album of a folder of images: clusters, names, scores, a map and a report.
    Run(Box<RunArguments>),
    /// Run a study: representations × clusterers × seeds as a recipe says, with tables, figures and a report.
    Study(StudyArguments),
    /// Show an album in the page, or the page alone; only this machine can see it.
    View(ViewArguments),
    /// List, fetch, check and convert the models.
    Models(ModelsArguments),
    /// List the devices that can run the networks.
    Devices(DevicesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// A folder with a folder per class, a flat folder, or a CIFAR-10 binary file.
    pub(crate) images: PathBuf,

    /// Where the album goes.
    #[arg(short, long, default_value = "out")]
    pub(crate) output: PathBuf,

    /// Image encoders (efficientnet-lite0, resnet50, clip-vit-b32, dinov2-small, ...) and classical features (sift, hog, color, canny, lbp, classical: all five),
    /// comma-separated; `none` for none.
    #[arg(long, value_name = "LIST", default_value = "efficientnet-lite0")]
    pub(crate) features: String,

    /// Describers, comma-separated: tags, tag-mean, clip-names (the most probable of --names), networks (blip-caption, blip-vqa, vilt-vqa), import:FILE[:column] (texts of a CSV or JSON Lines file with a column
    /// `file`); `none` for none.
    #[arg(long, value_name = "LIST", default_value = "tags")]
    pub(crate) text: String,

    /// A question about every picture, for networks that answer (blip-vqa, vilt-vqa); may be given again.
    #[arg(long, value_name = "QUESTION")]
    pub(crate) ask: Vec<String>,

    /// What pictures may show, a name a line, for clip-names and siglip-names.
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,

    /// How texts become vectors, comma-separated: sentence, tfidf, keywords (sentence vectors of nouns and adjectives).
    #[arg(long, value_name = "LIST", default_value = "sentence")]
    pub(crate) vectors: String,

    /// The network that makes vectors of sentences: minilm (384-d) or mpnet (768-d).
    #[arg(long, value_name = "NAME", default_value = "minilm")]
    pub(crate) sentences: String,

    /// Cluster the texts by this criterion too, such as "what are they doing"; may be given again. How many clusters:
    /// TEXT:k=8 [default: -k N, else auto].
    #[arg(long, value_name = "TEXT[:k=N|auto]")]
    pub(crate) criterion: Vec<Criterion>,

    /// Fusions of every feature with every text, comma-separated: concat, weighted, counterparts, each also with
    /// :share=S (the text's share, from 0 to 1) or :share=auto (chosen without labels); `none` for none.
    #[arg(long, value_name = "LIST", default_value = "concat")]
    pub(crate) fuse: String,

    /// Clusterers, comma-separated: kmeans, minibatch-kmeans, gmm, spectral, agglomerative, dbscan, hdbscan, optics,
    /// consensus, each also with scikit-learn's parameters, such as agglomerative:linkage=average or dbscan:eps=0.6.
    #[arg(long, value_name = "LIST", default_value = "kmeans")]
    pub(crate) cluster: String,

    /// Number of clusters, or `auto` [default: number of label folders, else auto].
    #[arg(short, value_name = "N|auto", value_parser = cluster_count)]
    pub(crate) k: Option<ClusterCount>,

    /// Seed of every random choice.
    #[arg(long, default_value_t = 782)]
    pub(crate) seed: u32,

    /// Where networks run: auto, cpu, wgpu or cuda.
    #[arg(long, default_value = "auto")]
    pub(crate) device: DeviceChoice,

    /// Run the networks of a folder of packs, as the page has them, in place of the published weights.
    #[arg(long, value_name = "DIR")]
    pub(crate) packs: Option<PathBuf>,

    /// How the map is laid out.
    #[arg(long, default_value = "tsne", value_parser = ["tsne", "pca"])]
    pub(crate) project: String,

    /// Go on with a run of the same arguments that was stopped.
    #[arg(long)]
    pub(crate) resume: bool,

    #[command(flatten)]
    pub(crate) endpoint: EndpointArguments,

    /// Print one JSON object (scores, paths, counts) and nothing else on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A language model that the person runs.
#[derive(Debug, Args)]
pub(crate) struct EndpointArguments {
    /// An OpenAI-compatible server, such as http://localhost:11434/v1, that names clusters and answers criteria from their
    /// texts, which are sent to it [default: $GISTMAP_ENDPOINT, else none]. Its key is $GISTMAP_ENDPOINT_KEY.
    #[arg(long, value_name = "URL|none")]
    pub(crate) endpoint: Option<String>,

    /// Which of its models [default: $GISTMAP_ENDPOINT_MODEL].
    #[arg(long, value_name = "NAME")]
    pub(crate) endpoint_model: Option<String>,
}

fn cluster_count(text: &str) -> Result<ClusterCount, String> {
    match text {
        "auto" => Ok(ClusterCount::Auto),
        number => match number.parse() {
            Ok(0) | Err(_) => Err("give a number of at least 1, or auto".to_owned()),
            Ok(k) => Ok(ClusterCount::Fixed(k)),
        },
    }
}

#[derive(Debug, Args)]
pub(crate) struct StudyArguments {
    /// A recipe (TOML); some are in the folder `recipes`.
    pub(crate) recipe: PathBuf,

    /// Where the study goes: a folder [default: out]; with --predict a file [default: predictions.csv].
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,

    /// The pictures, in place of those that the recipe names.
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,

    /// Cluster by the recipe's first representation and clusterer, and write the nearest cluster of each picture of this
    /// folder as CSV (file, cluster).
    #[arg(long, value_name = "FOLDER")]
    pub(crate) predict: Option<PathBuf>,

    /// Where networks run: auto, cpu, wgpu or cuda.
    #[arg(long, default_value = "auto")]
    pub(crate) device: DeviceChoice,

    #[command(flatten)]
    pub(crate) endpoint: EndpointArguments,

    /// Print one JSON object, that of study.json, and nothing else on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ViewArguments {
    /// An album: the folder that `gistmap run` wrote, or a .gistmap file. The empty page when left out.
    pub(crate) album: Option<PathBuf>,

    /// The built page [default: `page` or `dist`, beside the program or in the current folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) page: Option<PathBuf>,

    /// Port on 127.0.0.1; where it is in use, the next free one is taken. 0 is any free one.
    #[arg(long, value_name = "N", default_value_t = 7820)]
    pub(crate) port: u16,

    /// Do not open the page in a browser (which is done where standard output is a terminal).
    #[arg(long)]
    pub(crate) no_open: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArguments {
    #[command(subcommand)]
    pub(crate) action: ModelsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsAction {
    /// List the models: what they give, their size and licence, whether they are here.
    List,
    /// Fetch a model and check it. What was fetched before it broke off or was stopped is not fetched again.
    Pull {
        /// Name, as `gistmap models list` shows it.
        name: String,

        /// Address of a hub or of a mirror, or a folder with the files: the hub's own cache, repositories by name, or the
        /// files as they are [default: $HF_ENDPOINT, else the hub]. $HF_TOKEN is sent to the hub's own address only.
        #[arg(long, value_name = "URL|DIR")]
        from: Option<String>,

        /// Branch, tag or commit of the repository [default: the commit of the last pull, else main].
        #[arg(long, value_name = "REV")]
        revision: Option<String>,
    },
    /// Check the files of a model, or of all models that are here.
    Verify {
        /// Name; all that are here when left out.
        name: Option<String>,
    },
    /// Write the weights of a model as a small file for the page.
    Convert {
        /// Name, as `gistmap models list` shows it.
        name: String,

        /// How weights are stored: f16 (halves), q8 (8-bit integers) or q4 (4-bit integers).
        #[arg(long, value_name = "f16|q8|q4", default_value = "q8")]
        to: Quantization,

        /// A folder of pictures (of a sentence network: texts, FILE.csv[:column] or FILE.jsonl[:column]) by which integers
        /// are rounded so that their errors cancel in what a transformer's layers give: much nearer to the published
        /// weights, above all in q4. Takes about a minute, on the processor.
        #[arg(long, value_name = "IMAGES|TEXTS")]
        calibrate: Option<String>,

        /// Where the file goes [default: such as NAME.q8.safetensors].
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the folder of a model.
    Path {
        /// Name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DevicesArguments {
    /// Print a JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}
