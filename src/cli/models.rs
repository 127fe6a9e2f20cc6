//! `gistmap models`.

use std::path::PathBuf;

use gistmap::weights::{ModelFolder, pack_name};

use super::Failed;
use super::args::ModelsAction;

pub(crate) fn models(action: &ModelsAction) -> Result<(), Failed> {
    let folder = ModelFolder::of_user()?;
    match action {
        ModelsAction::List => list(&folder),
        ModelsAction::Pull { name } => {
            let fetched = folder.pull(name)?;
            println!("{name}: {}, {}", if fetched { "fetched" } else { "already here" }, folder.path(name).display());
        }
        ModelsAction::Verify { name: Some(name) } => {
            folder.verify(name)?;
            println!("{name}: ok");
        }
        ModelsAction::Verify { name: None } => {
            for manifest in folder.manifests().iter().filter(|m| folder.is_present(m)) {
                folder.verify(&manifest.name)?;
                println!("{}: ok", manifest.name);
            }
        }
        ModelsAction::Convert { name, to, output } => {
            let path = output.clone().unwrap_or_else(|| PathBuf::from(pack_name(name, *to)));
            let pack = folder.convert(name, *to, &path)?;
            println!("{}  {:.1} MB  sha256 {}", pack.path.display(), pack.size as f64 / 1e6, pack.sha256);
        }
        ModelsAction::Path { name } => {
            folder.manifest(name)?;
            println!("{}", folder.path(name).display());
        }
    }
    Ok(())
}

fn list(folder: &ModelFolder) {
    for manifest in folder.manifests() {
        let size: u64 = manifest.files.iter().map(|f| f.size).sum();
        let state = if folder.is_present(manifest) { "here" } else { "not here" };
        println!(
            "{:20} {:>7.1} MB  {:12} {:9} {}",
            manifest.name,
            size as f64 / 1e6,
            manifest.licence,
            state,
            manifest.about
        );
    }
}
