//! Sample pictures: cut-out photographs of birds, fruit, coins and the like, sorted into folders by subject and each
//! with a name, from Debian's package of Tux Paint's stamps.
//!
//! Licence: GPL-2 as a package; single pictures are public domain, GFDL or Creative Commons, as the package's
//! changelog says. They are fetched to the cache and never become part of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::process::{self, step};
use crate::project::Project;
use crate::setup;

const PACKAGE: &str = "tuxpaint-stamps-default";
const VERSION: &str = "2022.06.04-1";
const SHA256: &str = "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34";
/// How many pictures [`CLASSES`] selects from that version of the package.
const PICTURES: usize = 349;

/// Each class and the package's folders that make it up.
const CLASSES: [(&str, &[&str]); 13] = [
    ("birds", &["animals/birds"]),
    ("mammals", &["animals/mammals", "animals/marsupials"]),
    ("sea-life", &["animals/fish", "animals/shellfish", "animals/mammals/aquatic"]),
    ("fruit", &["food/fruit", "food/nuts"]),
    ("vegetables", &["food/vegetables", "food/spices"]),
    ("flowers", &["plants/flowers"]),
    ("coins", &["symbols/money"]),
    ("hand-signs", &["symbols/alphabets/asl"]),
    ("household", &["household"]),
    ("instruments", &["hobbies/music"]),
    ("road-signs", &["town/roadsigns"]),
    ("space", &["space"]),
    ("vehicles", &["vehicles", "military/vehicles"]),
];

/// Folders within those that hold drawings, toys or bare currency signs.
const LEFT_OUT: [&str; 4] = ["cartoon", "toys", "plastic", "00_symbols"];

/// The folder of the sample pictures, one folder a class; fetched when it is not there. Beside it lies `texts.csv`
/// (columns `file,text`) with the English name of each picture.
///
/// # Errors
/// When the package cannot be fetched, is not the pinned one, or does not hold the pictures.
pub(crate) fn pictures(project: &Project) -> Result<PathBuf> {
    let folder = project.cache.join("samples").join("tuxpaint-stamps");
    let pictures = folder.join("images");
    if pictures.is_dir() {
        step("sample pictures", &format!("already there ({})", pictures.display()));
        return Ok(pictures);
    }
    step("sample pictures", &format!("{PACKAGE} {VERSION} (161 MB, of which 14 MB are kept)"));
    let work = project.cache.join("samples").join("tuxpaint-stamps.partial");
    if work.exists() {
        std::fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    }
    process::make_folder(&work)?;
    let archive = download(&work)?;
    verify(&archive)?;
    process::run(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(work.join("package")))?;
    let laid_out = work.join("laid-out");
    let count = lay_out(&work.join("package"), &laid_out)?;
    if count != PICTURES {
        bail!("{PACKAGE} {VERSION} held {count} of the {PICTURES} sample pictures");
    }
    // The folder appears under its name only when it is complete.
    std::fs::rename(&laid_out, &folder).with_context(|| folder.display().to_string())?;
    std::fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    Ok(pictures)
}

fn download(folder: &Path) -> Result<PathBuf> {
    let elsewhere = "give a folder of your own pictures: cargo xtask start PICTURES";
    if !process::succeeds("apt-get", &["--version"]) {
        bail!("the sample pictures come from a Debian package ({PACKAGE}), and there is no apt-get here; {elsewhere}");
    }
    let fetch = || {
        process::run(
            Command::new("apt-get")
                .current_dir(folder)
                .args(["download", "-q", "-o", "APT::Sandbox::User=root"])
                .arg(format!("{PACKAGE}={VERSION}")),
        )
    };
    if fetch().is_err() {
        setup::apt_update()
            .and_then(|()| fetch())
            .with_context(|| format!("{PACKAGE}={VERSION} (Debian 12) could not be fetched; {elsewhere}"))?;
    }
    let archive = folder.join(format!("{PACKAGE}_{VERSION}_all.deb"));
    if !archive.is_file() {
        bail!("apt-get download left no {}", archive.display());
    }
    Ok(archive)
}

fn verify(archive: &Path) -> Result<()> {
    let bytes = std::fs::read(archive).with_context(|| archive.display().to_string())?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != SHA256 {
        bail!("{} has the sha256 {found}, not {SHA256}", archive.display());
    }
    Ok(())
}

/// Copies the pictures of [`CLASSES`] and writes `texts.csv`; returns how many pictures.
fn lay_out(package: &Path, folder: &Path) -> Result<usize> {
    let stamps = package.join("usr/share/tuxpaint/stamps");
    let documents = package.join("usr/share/doc").join(PACKAGE);
    let mut texts = String::from("file,text\n");
    let mut count = 0;
    for (class, sources) in CLASSES {
        let target = folder.join("images").join(class);
        process::make_folder(&target)?;
        for source in sources {
            let source = stamps.join(source);
            let mut pictures = Vec::new();
            collect(&source, &mut pictures)?;
            pictures.retain(|path| class == "sea-life" || !path.components().any(|part| part.as_os_str() == "aquatic"));
            pictures.sort();
            for path in pictures {
                // Two currencies may each have a `penny.png`: the folders below the class become part of the name.
                let file = path.strip_prefix(&source)?.to_string_lossy().replace(['/', '\\'], "-");
                let to = target.join(&file);
                if to.exists() {
                    bail!("two pictures of {class} are called {file}");
                }
                std::fs::copy(&path, &to).with_context(|| format!("{} -> {}", path.display(), to.display()))?;
                let name = name_of(&path)?;
                texts.push_str(&format!("{class}/{file},{}\n", quoted(&name)));
                count += 1;
            }
        }
    }
    std::fs::write(folder.join("texts.csv"), texts).context("texts.csv")?;
    for document in ["copyright", "changelog.gz"] {
        std::fs::copy(documents.join(document), folder.join(document)).with_context(|| document.to_owned())?;
    }
    Ok(count)
}

/// All PNG files below a folder, but for mirrored doubles and what [`LEFT_OUT`] names.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !LEFT_OUT.contains(&name.as_ref()) {
                collect(&path, found)?;
            }
        } else if name.ends_with(".png") && !name.ends_with("_mirror.png") {
            found.push(path);
        }
    }
    Ok(())
}

/// The picture's English name: the first line of the text beside it, else its file name.
fn name_of(picture: &Path) -> Result<String> {
    let beside = picture.with_extension("txt");
    if !beside.is_file() {
        return Ok(picture.file_stem().unwrap_or_default().to_string_lossy().replace(['_', '-'], " "));
    }
    let bytes = std::fs::read(&beside).with_context(|| beside.display().to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// A CSV field (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_are_quoted() {
        assert_eq!(quoted("A kiwi, the \"bird\"."), "\"A kiwi, the \"\"bird\"\".\"");
        assert_eq!(quoted("A crow."), "A crow.");
    }
}
