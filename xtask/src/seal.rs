//! `cargo xtask seal`, Trunk's last hook: gives every file of the built page a name with its hash, and tells the service
//! worker what the release is made of.
//!
//! Trunk itself hashes only the page's own program. The workers' would keep their names from release to release, and a
//! page could then load an engine that is newer than itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// What starts the programs: they name files of every other kind.
const STARTERS: [&str; 2] = ["worker.js", "boot.js"];
/// Not renamed: what a person or a bookmark asks for.
const PAGE: &str = "index.html";
const SERVICE_WORKER: &str = "sw.js";
/// Stands in the sources where the release's name shall be.
const UNSEALED: &str = "unsealed";
/// Hexadecimal digits of a hash in a name; the service worker knows hashed names by it.
const DIGITS: usize = 16;

/// Seals the folder that Trunk names in `TRUNK_STAGING_DIR`.
///
/// # Errors
/// When it is not run by Trunk, or a file of the page is missing.
pub(crate) fn seal() -> Result<()> {
    let folder = std::env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from);
    seal_folder(&folder.context("TRUNK_STAGING_DIR is not set: `trunk build` runs this command as its last hook")?)
}

fn seal_folder(folder: &Path) -> Result<()> {
    let mut renamed: Vec<(String, String)> = Vec::new();
    for name in files(folder)? {
        let path = folder.join(&name);
        let mut bytes = read(&path)?;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            bytes = with_new_names(text, &renamed).into_bytes();
        }
        let new = if name == PAGE { name.clone() } else { hashed_name(&name, &bytes) };
        write(&folder.join(&new), &bytes)?;
        if new != name {
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        renamed.push((name, new));
    }
    name_release(folder, &renamed)
}

/// The files beside the page, and the page, in the order in which they are renamed: after those that they name.
fn files(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && name != SERVICE_WORKER {
            names.push(name);
        }
    }
    for name in STARTERS.into_iter().chain([PAGE]) {
        if !names.iter().any(|found| found == name) {
            bail!("the built page lacks {}", folder.join(name).display());
        }
    }
    names.sort_by_key(|name| (rank(name), name.clone()));
    Ok(names)
}

/// Pictures, fonts and programs name nothing; scripts name programs, the page names all.
fn rank(name: &str) -> u8 {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        _ if name == PAGE => 3,
        _ if STARTERS.contains(&name) => 2,
        Some("webmanifest") => 2,
        Some("js" | "css") => 1,
        _ => 0,
    }
}

/// The release is named after the page, which names (by their hashes) all files but the lists.
fn name_release(folder: &Path, renamed: &[(String, String)]) -> Result<()> {
    let mut files: Vec<String> = renamed.iter().map(|(_, new)| new.clone()).filter(|new| new != PAGE).collect();
    snippets(folder, &folder.join("snippets"), &mut files)?;
    files.push("packs/packs.json".to_owned());
    let page = folder.join(PAGE);
    let mut release = read(&page)?;
    release.extend(files.join("\n").into_bytes());
    release.extend(read(&folder.join("packs/packs.json"))?);
    let release = digest(&release);
    let list = serde_json::to_string(&files)?;
    for (path, from, to) in [
        (&page, format!("name=\"release\" content=\"{UNSEALED}\""), format!("name=\"release\" content=\"{release}\"")),
        (&folder.join(SERVICE_WORKER), format!("RELEASE = \"{UNSEALED}\""), format!("RELEASE = \"{release}\"")),
        (&folder.join(SERVICE_WORKER), "FILES = []".to_owned(), format!("FILES = {list}")),
    ] {
        let text = String::from_utf8(read(path)?).with_context(|| path.display().to_string())?;
        if !text.contains(&from) {
            bail!("{} holds no `{from}` to fill in", path.display());
        }
        write(path, text.replacen(&from, &to, 1).as_bytes())?;
    }
    Ok(())
}

/// JavaScript that came with crates; wasm-bindgen names its folders by hash.
fn snippets(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            snippets(root, &path, files)?;
        } else {
            files.push(path.strip_prefix(root)?.to_string_lossy().replace('\\', "/"));
        }
    }
    files.sort();
    Ok(())
}

/// The text with every renamed file under its new name. A name counts where it ends a quoted address.
fn with_new_names(text: &str, renamed: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (old, new) in renamed {
        for (before, after) in [('"', '"'), ('/', '"'), ('\'', '\''), ('/', '\'')] {
            text = text.replace(&format!("{before}{old}{after}"), &format!("{before}{new}{after}"));
        }
    }
    text
}

/// `engine.js` → `engine-0123456789abcdef.js`.
fn hashed_name(name: &str, bytes: &[u8]) -> String {
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    format!("{stem}-{}.{ending}", digest(bytes))
}

/// The first digits of the SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(DIGITS);
    text
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("the built page lacks {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A page of one line a file, each naming what a real one names.
    fn built(folder: &Path, engine: &str) {
        std::fs::create_dir_all(folder.join("packs")).unwrap();
        std::fs::create_dir_all(folder.join("snippets/crate-1")).unwrap();
        for name in ["icon.svg", "page.js", "page_bg.wasm", "hand.js", "style.css", "boot.js", "manifest.webmanifest"] {
            std::fs::write(folder.join(name), name).unwrap();
        }
        let page =
            "<html data-worker=\"worker.js\"><meta name=\"release\" content=\"unsealed\" /><script src=\"./boot.js\">";
        for (name, text) in [
            ("engine_bg.wasm", engine),
            ("worker.js", "load(\"./engine.js\", './engine_bg.wasm'); // engine.js"),
            ("engine.js", "not-my-engine_bg.wasm"),
            ("index.html", page),
            ("sw.js", "const RELEASE = \"unsealed\";\nconst FILES = [];"),
            ("packs/packs.json", "[]"),
            ("snippets/crate-1/inline0.js", ""),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }

    fn sealed(name: &str, engine: &str) -> (String, String, Vec<String>) {
        let folder = std::env::temp_dir().join(format!("xtask-seal-{}-{name}", std::process::id()));
        built(&folder, engine);
        seal_folder(&folder).unwrap();
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let mut names: Vec<String> =
            std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let worker = names.iter().find(|name| name.starts_with("worker-")).unwrap();
        let result = (text("index.html"), text("sw.js") + &text(worker), names);
        std::fs::remove_dir_all(&folder).unwrap();
        result
    }

    #[test]
    fn names_follow_the_content_up_to_the_page() {
        let (page, script, names) = sealed("a", "one");
        let (other_page, other_script, other_names) = sealed("b", "two");
        assert_ne!(page, other_page, "another engine is another page");
        assert_ne!(script, other_script);
        let same = names.iter().filter(|name| other_names.contains(name)).count();
        assert_eq!(same, names.len() - 2, "only the engine's wasm and the script that names it are called otherwise");
        let worker = names.iter().find(|name| name.starts_with("worker-")).unwrap();
        assert!(page.contains(&format!("data-worker=\"{worker}\"")), "{page}");
        assert!(!page.contains(UNSEALED) && !script.contains(UNSEALED));
    }

    #[test]
    fn only_whole_names_are_replaced() {
        let renamed = [("page.js".to_owned(), "page-1.js".to_owned())];
        let text = "import './page.js'; \"homepage.js\" \"page.js\" page.json";
        assert_eq!(with_new_names(text, &renamed), "import './page-1.js'; \"homepage.js\" \"page-1.js\" page.json");
    }

    #[test]
    fn the_service_worker_lists_snippets_and_packs() {
        let (_, script, _) = sealed("c", "one");
        assert!(
            script.contains("\"packs/packs.json\"") && script.contains("\"snippets/crate-1/inline0.js\""),
            "{script}"
        );
        assert!(!script.contains("index.html"), "the page is kept under its folder's address");
    }
}
