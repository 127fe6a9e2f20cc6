//! `gistmap study`.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use gistmap::album::archive;
use gistmap::album::folder::{AlbumFolder, FolderSource};
use gistmap::album::studied::Spread;
use gistmap::album::{Album, Cell, Layout, Timing};
use gistmap::classical::Kind;
use gistmap::collection::{Collection, folder};
use gistmap::describe::import::ImportSource;
use gistmap::endpoint::Chat;
use gistmap::engine::{self, Engine, ModelSource, Pool, RunError};
use gistmap::protocol::{ClusterCount, Command, Event, IMPORT, Plan};
use gistmap::report;
use gistmap::runtime::{Stopwatch, block_on};
use gistmap::store::BlobStore;
use gistmap::study::recipe::{PassedOver, Recipe, RecipeError};
use gistmap::study::split::{Part, choose};
use gistmap::study::table::SUPERVISED;
use gistmap::study::{Study, predict};
use gistmap::weights::ModelFolder;

use super::args::StudyArguments;
use super::printer::Printer;
use super::run::{self, Job, Models};
use super::{Failed, endpoint, stopped_by_ctrl_c};

/// What a study's folder holds.
const SUMMARY: &str = "study.json";
pub(super) const ALBUM: &str = "album";
/// What a file begins with that is not whole yet.
const PARTIAL: &str = ".partial-";
pub(super) const PAGE: &str = "study.gistmap";
const OURS: [&str; 6] = [SUMMARY, "report.html", "tables", "figures", ALBUM, PAGE];

/// A recipe, read and checked against what is on this machine.
struct Prepared {
    recipe: Recipe,
    plan: Plan,
    passed_over: Vec<PassedOver>,
    collection: Collection,
    parts: Vec<(String, Part)>,
    models: ModelFolder,
}

pub(crate) fn study(arguments: &StudyArguments) -> Result<(), Failed> {
    let endpoint = endpoint::open(&arguments.endpoint)?;
    let prepared = prepare(arguments)?;
    let mut printer = Printer::new();
    for PassedOver { name, reason } in &prepared.passed_over {
        printer.print(&Event::Note(format!("passed over: {name}: {reason}")));
    }
    let store = run::open_store(&mut printer);
    match &arguments.predict {
        Some(images) => predicted(prepared, images, arguments, store.as_ref(), &mut printer),
        None => whole(prepared, arguments, store.as_ref(), &mut printer, endpoint::chat(&endpoint)),
    }
}

fn prepare(arguments: &StudyArguments) -> Result<Prepared, Failed> {
    let path = &arguments.recipe;
    let shown = || path.display().to_string();
    let words = fs::read_to_string(path).with_context(shown)?;
    let wrong = |e: RecipeError| Failed::Usage(format!("{}: {}", shown(), e.to_string().trim_end()));
    let recipe = Recipe::parse(&words).map_err(wrong)?;
    let models = ModelFolder::of_user()?;
    let known = ModelSource::networks(&models);
    let lacks = |name: &str| match models.manifest(name) {
        Ok(manifest) if models.is_present(manifest) => None,
        Ok(_) => Some(format!("the model {name} is not on this machine; run `gistmap models pull {name}`")),
        Err(error) => Some(error.to_string()),
    };
    let (mut plan, passed_over) = recipe.plan(arguments.device, &known, lacks).map_err(wrong)?;
    let base = path.parent().unwrap_or(Path::new("."));
    for text in plan.text.iter_mut() {
        *text = beside(text, base).map_err(|e| Failed::Usage(format!("{}: representations.text: {e}", shown())))?;
    }
    let images = arguments.images.clone().unwrap_or_else(|| base.join(&recipe.collection.images));
    let mut collection = folder::open(&images)?;
    if let (None, Some(name)) = (&arguments.images, &recipe.collection.name) {
        collection.title.clone_from(name);
    }
    let (collection, parts) = choose(collection, &recipe.collection);
    Ok(Prepared { recipe, plan, passed_over, collection, parts, models })
}

/// `import:FILE[:column]` with the file below `base`.
fn beside(text: &str, base: &Path) -> Result<String, String> {
    let Some(import) = text.strip_prefix(IMPORT) else { return Ok(text.to_owned()) };
    let source = ImportSource::parse(import).map_err(|e| e.to_string())?;
    let column = source.column.map(|column| format!(":{column}")).unwrap_or_default();
    Ok(format!("{IMPORT}{}{column}", base.join(&source.path).display()))
}

/// What a person at a terminal can do about an error.
fn advised(error: RunError) -> anyhow::Error {
    match error {
        RunError::Cancelled => anyhow!("{error}; run the same again to go on"),
        error => run::advised(error),
    }
}

/// The whole study.
fn whole(
    prepared: Prepared,
    arguments: &StudyArguments,
    store: &dyn BlobStore,
    printer: &mut Printer,
    chat: Option<&dyn Chat>,
) -> Result<(), Failed> {
    let Prepared { recipe, plan, passed_over, collection, parts, models } = prepared;
    let out = arguments.output.clone().unwrap_or_else(|| PathBuf::from("out"));
    make_room(&out)?;
    let output = AlbumFolder::prepare(&out.join(ALBUM))?;
    output.begin(&serde_json::to_string_pretty(&recipe)?)?;
    let imports = run::imports(&plan)?;
    let job = Job { collection, plan, imports: Vec::new(), output, models: Models::Published(models) };
    let engine = Engine::new(job.models.source(), store, &Pool, stopped_by_ctrl_c()).with_chat(chat);
    let mut open = None;
    let mut handle = |command, open: &mut Option<Album>| {
        let result = block_on(engine.handle(command, open, &mut |event| printer.print(&event)));
        printer.clear();
        result.map_err(advised)
    };
    let seeds = recipe.clusterings.seeds.iter().copied().filter(|seed| *seed != job.plan.seed).collect();
    let (collection, plan) = (job.collection.clone(), job.plan.clone());
    handle(Command::Study { collection, plan, imports, seeds }, &mut open)?;
    let mut album = open.take().context("the engine ended without an album")?;
    let every = std::mem::take(&mut album.cells);
    album.cells = every.iter().filter(|cell| cell.seed == u64::from(job.plan.seed)).cloned().collect();
    let clock = Stopwatch::start();
    let mut maps: Vec<Layout> = Vec::new();
    if recipe.report.maps {
        let names: Vec<String> = album.vectors.iter().map(|v| v.name.clone()).collect();
        let main = album.layout.clone();
        open = Some(album);
        for representation in names {
            handle(Command::Map { representation }, &mut open)?;
            maps.extend(open.as_ref().map(|album| album.layout.clone()));
        }
        album = open.take().context("the engine lost the album")?;
        album.layout = main;
        let (items, seconds) = (maps.len(), clock.seconds());
        album.timings.push(Timing { stage: "maps of all".to_owned(), seconds, items, cached: 0 });
    }
    let clusters = (0..album.cells.len()).map(|cell| engine::clusters(&album, cell));
    let clusters = clusters.collect::<Result<Vec<_>, _>>().map_err(advised)?;
    let first = std::mem::replace(&mut album.cells, every);
    let mut study = Study::new(recipe, passed_over, &album, maps);
    study.parts = parts;
    album.cells = first;
    album.study = Some(study.shown(clusters));
    run::write(&job, &album, store)?;
    let packed = pack(&out);
    if let Err(reason) = &packed {
        printer
            .print(&Event::Note(format!("{PAGE} is not there: {reason:#}; `gistmap view` takes the folder {ALBUM}")));
    }
    write(&study, &out)?;
    if arguments.json {
        say!("{}", report::study::json(&study)?)?;
    } else {
        print_summary(&study, &out)?;
        if packed.is_ok() {
            say!("in the page: gistmap view {}", out.display())?;
        }
    }
    Ok(())
}

/// Makes the folder; one that holds something else is left alone.
fn make_room(out: &Path) -> Result<(), Failed> {
    let shown = || out.display().to_string();
    fs::create_dir_all(out).with_context(shown)?;
    for entry in fs::read_dir(out).with_context(shown)? {
        let name = entry.with_context(shown)?.file_name();
        let is_ours = OURS.iter().any(|ours| name == *ours) || name.to_string_lossy().starts_with(PARTIAL);
        if !is_ours {
            let name = name.display();
            return Err(anyhow!("{} holds {name}, which is no study's; choose another folder with -o", shown()).into());
        }
    }
    Ok(())
}

/// Makes of the album one file that the page opens: written aside, and renamed into place.
fn pack(out: &Path) -> anyhow::Result<()> {
    let (path, aside) = (out.join(PAGE), out.join(format!("{PARTIAL}{}", std::process::id())));
    let packed = || -> anyhow::Result<()> {
        let file = BufWriter::new(fs::File::create(&aside).with_context(|| aside.display().to_string())?);
        archive::pack_without_features(&mut FolderSource::new(&out.join(ALBUM)), file)?.flush()?;
        fs::rename(&aside, &path).with_context(|| path.display().to_string())
    };
    packed().inspect_err(|_| {
        // Neither half a file nor that of a former study stands for this one; what cannot be removed is not there.
        let _ = fs::remove_file(&aside);
        let _ = fs::remove_file(&path);
    })
}

/// Writes report, tables and figures, `study.json` last; what a former study left is taken away first.
fn write(study: &Study, out: &Path) -> Result<(), Failed> {
    let summary = out.join(SUMMARY);
    if summary.is_file() {
        fs::remove_file(&summary).with_context(|| summary.display().to_string())?;
        for folder in ["tables", "figures"] {
            // A folder that a person took away in the meantime is as gone as it should be.
            let _ = fs::remove_dir_all(out.join(folder));
        }
    }
    let last = (SUMMARY.to_owned(), report::study::json(study)?);
    for (path, text) in report::study::files(study).into_iter().chain([last]) {
        let target = out.join(path);
        let shown = || target.display().to_string();
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).with_context(shown)?;
        }
        fs::write(&target, text).with_context(shown)?;
    }
    Ok(())
}

/// The clusters of the recipe's first representation and clusterer, for the pictures of another folder.
fn predicted(
    prepared: Prepared,
    images: &Path,
    arguments: &StudyArguments,
    store: &dyn BlobStore,
    printer: &mut Printer,
) -> Result<(), Failed> {
    let Prepared { mut plan, collection, models, .. } = prepared;
    plan.features.truncate(1);
    if !plan.features.is_empty() {
        plan.text.clear();
    }
    plan.text.truncate(1);
    if let Some(import) = plan.text.iter().find(|text| text.starts_with(IMPORT)) {
        let reason = format!("the recipe's first representation is {import}, which says nothing of other pictures");
        return Err(Failed::Usage(format!("--predict: {reason}; name features or tags first")));
    }
    if plan.text.iter().any(|text| text == "tag-mean") {
        return Err(Failed::Usage("--predict: tag-mean is centred by its own pictures; name tags first".to_owned()));
    }
    plan.cluster.truncate(1);
    plan.vectors.truncate(1);
    (plan.criteria, plan.fuse, plan.project) = (Vec::new(), Vec::new(), "pca".to_owned());
    let others = folder::open(images)?;
    let engine = Engine::new(&models, store, &Pool, stopped_by_ctrl_c());
    let mut album_of = |collection: Collection, plan: &Plan| {
        let mut open = None;
        let command = Command::Run { collection, plan: plan.clone(), imports: Vec::new() };
        let result = block_on(engine.handle(command, &mut open, &mut |event| printer.print(&event)));
        printer.clear();
        result.map_err(advised)?;
        open.context("the engine ended without an album")
    };
    let fitted = album_of(collection, &plan)?;
    // The pictures of the other folder are not clustered: one group of them costs nothing.
    let unclustered = Plan { cluster: vec!["kmeans:n_init=1".to_owned()], k: ClusterCount::Fixed(1), ..plan.clone() };
    let others = album_of(others, &unclustered)?;
    let (vectors, cell) = (&fitted.vectors[0], &fitted.cells[0]);
    let rows = match (fitted.features.first(), others.features.first()) {
        (Some(own), Some(new)) => {
            let parts =
                if own.name == Kind::Classical.name() { Kind::PARTS.map(Kind::range).to_vec() } else { Vec::new() };
            predict::prepare(own.matrix.view(), &parts, new.matrix.view())
        }
        _ => others.vectors[0].matrix.clone(),
    };
    let clusters = predict::nearest(vectors.matrix.view(), &cell.labels, rows.view());
    let files = others.pictures.iter().map(|picture| picture.file.as_str());
    let out = arguments.output.clone().unwrap_or_else(|| PathBuf::from("predictions.csv"));
    let text = report::study::predictions(files.zip(clusters));
    fs::write(&out, text).with_context(|| out.display().to_string())?;
    let Cell { representation, clusterer, k, .. } = cell;
    say!(
        "{} pictures, each in one of the {k} clusters of {representation} by {clusterer}: {}",
        others.pictures.len(),
        out.display()
    )?;
    Ok(())
}

fn print_summary(study: &Study, out: &Path) -> Result<(), Failed> {
    let rows = study.rows();
    let width = |of: &dyn Fn(usize) -> usize| (0..rows.len()).map(of).max().unwrap_or(0);
    let representation = width(&|i| rows[i].representation.chars().count()).max("representation".len());
    let clusterer = width(&|i| rows[i].clusterer.chars().count()).max("clusterer".len());
    let shown = |spread: Option<Spread>| match spread {
        None => "-".to_owned(),
        Some(Spread { mean, sd: None, .. }) => format!("{mean:.3}"),
        Some(Spread { mean, sd: Some(sd), .. }) => format!("{mean:.3} \u{b1} {sd:.3}"),
    };
    say!()?;
    if study.label_names.is_empty() {
        say!("{:representation$}  {:clusterer$}  silhouette", "representation", "clusterer")?;
        for row in &rows {
            say!("{:representation$}  {:clusterer$}  {}", row.representation, row.clusterer, shown(row.label_free[0]))?;
        }
    } else {
        let titles: String = SUPERVISED.iter().map(|metric| format!("  {:13}", metric.title())).collect();
        say!("{:representation$}  {:clusterer$}{titles}", "representation", "clusterer")?;
        for row in &rows {
            let scores: String = row.supervised.iter().map(|spread| format!("  {:13}", shown(*spread))).collect();
            say!("{:representation$}  {:clusterer$}{scores}", row.representation, row.clusterer)?;
        }
    }
    say!("\nreport: {}", out.join("report.html").display())
}
