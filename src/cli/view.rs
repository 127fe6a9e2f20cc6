//! `gistmap view`: an album in the page, served to this machine alone.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, IsTerminal, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow};
use gistmap::album::archive;
use gistmap::album::folder::FolderSource;
use gistmap::album::manifest::MANIFEST;

use super::args::ViewArguments;
use super::serve::{ALBUM, Site};
use super::{Failed, study};

/// Names of the built page's folder: as it is shipped, and as Trunk makes it.
const PAGES: [&str; 2] = ["page", "dist"];
/// Ports that are tried before giving up.
const PORTS: u16 = 100;

pub(crate) fn view(arguments: &ViewArguments) -> Result<(), Failed> {
    let album = arguments.album.as_deref().map(read).transpose()?;
    let page = find_page(arguments)?;
    let listener = listen(arguments.port)?;
    let port = listener.local_addr()?.port();
    let query = if album.is_some() { format!("?album={ALBUM}") } else { String::new() };
    let address = format!("http://127.0.0.1:{port}/{query}");
    say!("{address}")?;
    std::io::stdout().flush()?;
    tell!("note      only this machine can see it; Ctrl-C ends it");
    if !arguments.no_open && std::io::stdout().is_terminal() {
        open_browser(&address);
    }
    Ok(Site { page, album }.serve(listener)?)
}

/// The album as one file, which was opened once, so that damage is told here and not in the page.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = || path.display().to_string();
    let metadata = fs::metadata(path).with_context(shown)?;
    if metadata.is_dir() && !path.join(MANIFEST).is_file() {
        // A study's folder; one that is too large for one file has its album alone.
        let inside = [study::PAGE, study::ALBUM].map(|name| path.join(name));
        if let Some(inside) = inside.iter().find(|inside| inside.is_file() || inside.join(MANIFEST).is_file()) {
            return read(inside);
        }
    }
    if metadata.is_dir() {
        let bytes = archive::pack(&mut FolderSource::new(path)).with_context(shown)?;
        archive::open(std::io::Cursor::new(&bytes)).with_context(shown)?;
        return Ok(bytes);
    }
    archive::open(BufReader::new(File::open(path).with_context(shown)?)).with_context(shown)?;
    fs::read(path).with_context(shown)
}

fn find_page(arguments: &ViewArguments) -> anyhow::Result<PathBuf> {
    let is_page = |folder: &PathBuf| folder.join("index.html").is_file();
    let candidates = match &arguments.page {
        Some(page) => vec![page.clone()],
        None => {
            let program = std::env::current_exe().ok().and_then(|p| p.parent().map(Path::to_owned));
            let beside = program.iter().flat_map(|folder| PAGES.map(|name| folder.join(name)));
            beside.chain(PAGES.map(PathBuf::from)).collect()
        }
    };
    if let Some(page) = candidates.iter().find(|folder| is_page(folder)) {
        return Ok(page.clone());
    }
    let tried: Vec<String> = candidates.iter().map(|c| c.display().to_string()).collect();
    let report = arguments.album.as_ref().map(|album| report(album)).unwrap_or_default();
    Err(anyhow!(
        "there is no built page (no index.html) in {}; build it with `trunk build --release` in gistmap's sources and give \
         the folder that it makes, dist, with --page{report}",
        tried.join(", ")
    ))
}

/// What a person can look at without the page.
fn report(album: &Path) -> String {
    let report = album.join("report.html");
    if report.is_file() {
        format!("; the album's report needs no page: open {}", report.display())
    } else {
        format!("; {} is a zip whose report.html needs no page", album.display())
    }
}

/// Listens on the port, or on the next one that is free.
fn listen(port: u16) -> anyhow::Result<TcpListener> {
    for candidate in port..=port.saturating_add(PORTS) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)) {
            Ok(listener) => {
                if candidate != port {
                    tell!("note      port {port} is in use; taking {candidate}");
                }
                return Ok(listener);
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).with_context(|| format!("port {candidate}; give another with --port")),
        }
    }
    Err(anyhow!("port {port} and the {PORTS} after it are in use; give another with --port"))
}

/// A convenience: where it fails, the address is printed all the same.
fn open_browser(address: &str) {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/C", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.spawn();
}
