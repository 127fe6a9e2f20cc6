//! `gistmap run`.

use std::path::Path;

use anyhow::{Context, anyhow};
use gistmap::album::folder::AlbumFolder;
use gistmap::album::manifest::{MANIFEST, Manifest, ModelEntry};
use gistmap::album::{Album, Cell, ClusterSummary, CriterionClusters, files};
use gistmap::collection::{Collection, folder};
use gistmap::describe::import::{ImportSource, TextTable};
use gistmap::device::DeviceError;
use gistmap::endpoint::Chat;
use gistmap::engine::{Engine, ModelSource, Pool, RunError, StoredThumbnails};
use gistmap::protocol::{ClusterCount, Command, Event, IMPORT, Plan, namer};
use gistmap::report::k_distance;
use gistmap::runtime::block_on;
use gistmap::store::{BlobStore, MemoryStore, SegmentStore};
use gistmap::weights::{ModelFolder, PackFolder, cache_folder};
use serde::{Deserialize, Serialize};

use super::args::RunArguments;
use super::printer::Printer;
use super::{Failed, endpoint, stopped_by_ctrl_c};

/// What a stopped run was doing: `--resume` goes on only with the same.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Running {
    images: String,
    plan: Plan,
    /// Who else is asked.
    #[serde(default)]
    endpoint: Option<String>,
}

/// The arguments, checked.
pub(super) struct Job {
    pub(super) collection: Collection,
    pub(super) plan: Plan,
    pub(super) imports: Vec<(String, TextTable)>,
    pub(super) output: AlbumFolder,
    pub(super) models: Models,
}

/// Where the networks' weights come from.
pub(super) enum Models {
    Published(ModelFolder),
    Packs(PackFolder),
}

impl Models {
    pub(super) fn source(&self) -> &dyn ModelSource {
        match self {
            Self::Published(folder) => folder,
            Self::Packs(folder) => folder,
        }
    }

    /// The weights' name and sha256, of every model.
    fn entries(&self) -> Vec<ModelEntry> {
        let entry = |(name, sha256): (&str, &str)| ModelEntry { name: name.to_owned(), sha256: sha256.to_owned() };
        match self {
            Self::Published(folder) => {
                let here = folder.manifests().iter().filter_map(|m| Some((m.name.as_str(), folder.weights_sha256(m)?)));
                here.map(|(name, sha256)| entry((name, &sha256))).collect()
            }
            Self::Packs(folder) => folder.identities().map(entry).collect(),
        }
    }
}

pub(crate) fn run(arguments: &RunArguments) -> Result<(), Failed> {
    let endpoint = endpoint::open(&arguments.endpoint)?;
    let chat = endpoint::chat(&endpoint);
    let mut job = check(arguments, chat.map(Chat::name))?;
    let cancel = stopped_by_ctrl_c();
    let mut printer = Printer::new();
    let store = open_store(&mut printer);
    let engine = Engine::new(job.models.source(), store.as_ref(), &Pool, cancel).with_chat(chat);
    let mut album = None;
    let imports = std::mem::take(&mut job.imports);
    let command = Command::Run { collection: job.collection.clone(), plan: job.plan.clone(), imports };
    let result = block_on(engine.handle(command, &mut album, &mut |event| printer.print(&event)));
    printer.clear();
    result.map_err(advised)?;
    let album = album.context("the engine ended without an album")?;
    write(&job, &album, store.as_ref())?;
    if arguments.json {
        say!("{}", summary(&album, &arguments.output)?)?;
    } else {
        print_summary(&album, &arguments.output)?;
    }
    Ok(())
}

/// What a person at a terminal can do about an error.
pub(super) fn advised(error: RunError) -> anyhow::Error {
    let advice = match &error {
        RunError::Device(DeviceError::Wgpu(_)) => "install a Vulkan driver or use --device cpu",
        RunError::Device(_) => "use --device wgpu or --device cpu",
        RunError::DeviceLost(_) => "run again with --resume to go on, with --device cpu if it happens again",
        RunError::Cancelled => "run again with --resume to go on",
        _ => return error.into(),
    };
    anyhow!("{error}; {advice}")
}

fn check(arguments: &RunArguments, endpoint: Option<String>) -> Result<Job, Failed> {
    let plan = plan(arguments)?;
    let models = match &arguments.packs {
        None => Models::Published(ModelFolder::of_user()?),
        Some(folder) => Models::Packs(PackFolder::open(folder)?),
    };
    plan.check(&models.source().networks()).map_err(|e| Failed::Usage(e.to_string()))?;
    let imports = imports(&plan)?;
    let collection = folder::open(&arguments.images)?;
    let output = AlbumFolder::prepare(&arguments.output)?;
    let images = std::path::absolute(&arguments.images).unwrap_or_else(|_| arguments.images.clone());
    let running = Running { images: images.display().to_string(), plan: plan.clone(), endpoint };
    if arguments.resume {
        same_run(&output, &running, &arguments.output)?;
    }
    output.begin(&serde_json::to_string_pretty(&running)?)?;
    Ok(Job { collection, plan, imports, output, models })
}

/// Reads the texts that the plan imports, by what names them there.
pub(super) fn imports(plan: &Plan) -> Result<Vec<(String, TextTable)>, Failed> {
    let named = plan.text.iter().filter_map(|text| Some((text, text.strip_prefix(IMPORT)?)));
    named.map(|(text, file)| Ok((text.clone(), import("--text", file)?))).collect()
}

/// Reads the texts that the `option` names as `FILE[:column]`.
pub(super) fn import(option: &str, text: &str) -> Result<TextTable, Failed> {
    let source = ImportSource::parse(text);
    let source = source.map_err(|e| Failed::Usage(format!("{option}: {e}")))?;
    let bytes = std::fs::read(&source.path).with_context(|| source.path.clone())?;
    let table = TextTable::read(&bytes, source.format, source.column.as_deref());
    Ok(table.with_context(|| source.path.clone())?)
}

/// `--resume` goes on with the very run that was stopped, or starts one where none was.
fn same_run(output: &AlbumFolder, running: &Running, folder: &Path) -> Result<(), Failed> {
    let Some(former) = output.interrupted().and_then(|text| serde_json::from_str::<Running>(&text).ok()) else {
        tell!("note      no stopped run in {}: starting one", folder.display());
        return Ok(());
    };
    if former == *running {
        return Ok(());
    }
    let mut different: Vec<String> = Vec::new();
    if former.images != running.images {
        different.push(format!("IMAGES was {}", former.images));
    }
    if former.endpoint != running.endpoint {
        different.push(format!("--endpoint was {}", former.endpoint.as_deref().unwrap_or("none")));
    }
    for ((name, was), (_, is)) in former.plan.parameters().into_iter().zip(running.plan.parameters()) {
        if was != is {
            different.push(format!("{name} was {was}, now {is}"));
        }
    }
    Err(Failed::Usage(format!(
        "{} holds a stopped run with other arguments ({}); give the same, another -o, or leave --resume out",
        folder.display(),
        different.join("; ")
    )))
}

fn plan(arguments: &RunArguments) -> Result<Plan, Failed> {
    let list = |text: &str| -> Vec<String> {
        let mut names = Vec::new();
        for name in text.split(',').map(str::trim).filter(|n| !n.is_empty() && *n != "none") {
            if !names.iter().any(|n| n == name) {
                names.push(name.to_owned());
            }
        }
        names
    };
    let names = match &arguments.names {
        Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => String::new(),
    };
    Ok(Plan {
        features: list(&arguments.features),
        text: list(&arguments.text),
        ask: arguments.ask.iter().map(|question| question.trim().to_owned()).filter(|q| !q.is_empty()).collect(),
        names: names.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        vectors: list(&arguments.vectors),
        sentences: arguments.sentences.clone(),
        criteria: arguments.criterion.clone(),
        fuse: list(&arguments.fuse),
        cluster: list(&arguments.cluster),
        k: arguments.k.unwrap_or(ClusterCount::Labels),
        seed: arguments.seed,
        device: arguments.device,
        project: arguments.project.clone(),
    })
}

/// The user's cache; where it cannot be written the run goes on without.
pub(super) fn open_store(printer: &mut Printer) -> Box<dyn BlobStore> {
    let opened = cache_folder()
        .map_err(|e| e.to_string())
        .and_then(|folder| SegmentStore::open(&folder.join("results")).map_err(|e| e.to_string()));
    match opened {
        Ok(store) => Box::new(store),
        Err(reason) => {
            printer.print(&Event::Note(format!("{reason}; nothing will be kept for a later run")));
            Box::new(MemoryStore::default())
        }
    }
}

pub(super) fn write(job: &Job, album: &Album, store: &dyn BlobStore) -> Result<(), Failed> {
    let thumbnails = StoredThumbnails::new(album, &job.collection, store, &Pool);
    let mut models = job.models.entries();
    models.retain(|entry| uses(&job.plan, &entry.name));
    job.output.write(&files::files(album, &thumbnails), |files| Manifest::new(album, &job.plan, models, files))?;
    Ok(())
}

/// Which models the run used: its encoders, and for texts the classifier and the sentence encoder.
fn uses(plan: &Plan, name: &str) -> bool {
    // Texts become vectors by the one, and tags come from the other.
    let described = !plan.text.is_empty() && [plan.sentences.as_str(), "efficientnet-lite0"].contains(&name);
    let compared = plan.text.iter().any(|text| namer(text) == Some(name));
    described || compared || plan.features.iter().chain(&plan.text).any(|used| used == name)
}

fn summary(album: &Album, output: &Path) -> Result<String, Failed> {
    let path = |name: &str| output.join(name).display().to_string();
    let cells: Vec<_> = album
        .cells
        .iter()
        .map(|c| {
            serde_json::json!({
                "representation": c.representation, "clusterer": c.clusterer, "chosen": c.chosen, "k": c.k, "seed": c.seed,
                "scores": c.scores, "seconds": c.seconds,
            })
        })
        .collect();
    let clusters: Vec<_> = album
        .clusters
        .iter()
        .map(|c| serde_json::json!({"cluster": c.cluster, "size": c.size, "name": c.name, "named_by": c.named_by, "purity": c.purity}))
        .collect();
    let value = serde_json::json!({
        "album": path(MANIFEST),
        "report": path("report.html"),
        "map": path("map.png"),
        "device": album.device,
        "counts": {
            "pictures": album.pictures.len(), "failed": album.failures.len(),
            "labels": album.label_names.len(), "clusters": album.clusters.len(),
        },
        "cells": cells,
        "main_cell": album.main_cell,
        "clusters": clusters,
        "name_quality": album.name_quality,
        "criteria": album.criteria,
        "layout": {
            "projector": album.layout.projector, "kl": album.layout.kl,
            "trustworthiness": album.layout.trustworthiness,
        },
        "timings": album.timings,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}

fn print_clusters(clusters: &[ClusterSummary]) -> Result<(), Failed> {
    for cluster in clusters {
        say!("{:>6}  {}", cluster.size, cluster.name)?;
    }
    let own = clusters.iter().filter(|cluster| cluster.cluster >= 0 && cluster.named_by.is_none()).count();
    if let Some(by) = clusters.iter().find_map(|cluster| cluster.named_by.as_ref()) {
        let but = if own > 0 { format!(", but for {own}") } else { String::new() };
        say!("        named by {by}{but}")?;
    }
    Ok(())
}

fn print_summary(album: &Album, output: &Path) -> Result<(), Failed> {
    let shown = |score: Option<f64>| score.map_or("    -".to_owned(), |s| format!("{s:5.3}"));
    say!()?;
    let width = |of: fn(&Cell) -> String| album.cells.iter().map(|cell| of(cell).chars().count()).max().unwrap_or(0);
    let representation = width(|cell| cell.representation.clone()).max("representation".len());
    let clusterer = width(Cell::clustered_by).max("clusterer".len());
    say!(
        "{:representation$} {:clusterer$} {:>3}  {:>5} {:>5} {:>5} {:>5}",
        "representation",
        "clusterer",
        "k",
        "acc",
        "nmi",
        "ari",
        "silh."
    )?;
    for cell in &album.cells {
        let s = &cell.scores;
        say!(
            "{:representation$} {:clusterer$} {:>3}  {} {} {} {}",
            cell.representation,
            cell.clustered_by(),
            cell.k,
            shown(s.acc),
            shown(s.nmi),
            shown(s.ari),
            shown(s.silhouette)
        )?;
    }
    for cell in &album.cells {
        if let Some(curve) = &cell.k_distances {
            say!("\n{} by {}: {}", cell.representation, cell.clusterer, k_distance::sentence(curve))?;
        }
    }
    say!()?;
    print_clusters(&album.clusters)?;
    if let Some(quality) = album.name_quality {
        let exact = 100.0 * quality.exact_match;
        say!("\nkeywords: {exact:.0} % hold the label's name; likeness to it {:.3}", quality.similarity)?;
    }
    for CriterionClusters { criterion, answered_by, clusters, .. } in &album.criteria {
        say!("\n{criterion} (from {answered_by}):")?;
        print_clusters(clusters)?;
    }
    say!()?;
    if !album.failures.is_empty() {
        say!("{} could not be used: see {}", album.failures.len(), output.join("errors.csv").display())?;
    }
    say!("{} pictures; report: {}", album.pictures.len(), output.join("report.html").display())
}
