//! The open album's files: those that the terminal writes, made one at a time or all in one, and read again.

use std::io::Cursor;

use gistmap::album::archive;
use gistmap::album::files::{Contents, files, media_type};
use gistmap::album::manifest::{Manifest, ModelEntry};
use gistmap::album::{Album, Opened};
use gistmap::protocol::{Event, Plan, Seen};
use gistmap::report::html::Thumbnails;
use gistmap_web::protocol::{ALBUM_FILE, FromEngine};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

use super::opfs::{read_blob, said};

/// Pictures that are told at once.
const PICTURES: usize = 256;

/// What an album was made of: it is written into the manifest.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) plan: Plan,
    pub(crate) models: Vec<ModelEntry>,
}

/// Reads an album file that was dropped or chosen.
///
/// # Errors
/// What is wrong with it and what to do.
pub(crate) fn open(file: &JsValue) -> Result<Opened, String> {
    let blob: &Blob = file.dyn_ref().ok_or("this is no file; drop a .gistmap file")?;
    let bytes = read_blob(blob).map_err(|e| format!("the album file cannot be read: {}", said(&e)))?;
    archive::open(Cursor::new(bytes.to_vec())).map_err(|e| e.to_string())
}

/// The pictures of an opened album, as a run would tell them.
pub(crate) fn pictures(opened: &Opened) -> impl Iterator<Item = Event> + '_ {
    let pictures = &opened.album.pictures;
    let seen = move |picture: usize| Seen {
        file: pictures[picture].file.clone(),
        label: pictures[picture].label,
        thumbnail: opened.thumbnails.jpeg(picture).unwrap_or_default(),
    };
    let batch = move |first: usize| (first..pictures.len().min(first + PICTURES)).map(seen).collect();
    (0..pictures.len()).step_by(PICTURES).map(move |first| Event::Pictures(batch(first)))
}

/// Paths of the files that [`make`] can make besides the whole album.
pub(crate) fn paths(album: &Album, thumbnails: &dyn Thumbnails) -> Vec<String> {
    files(album, thumbnails).into_iter().map(|(path, _)| path).collect()
}

/// Makes one file of the album, or the whole album in one.
///
/// # Errors
/// When there is no such file, or it cannot be made.
pub(crate) fn make(
    path: &str,
    album: &Album,
    thumbnails: &dyn Thumbnails,
    origin: Origin,
) -> Result<FromEngine, String> {
    let all = files(album, thumbnails);
    let (name, bytes) = if path == ALBUM_FILE {
        let manifest = |entries| Manifest::new(album, &origin.plan, origin.models, entries);
        let bytes = archive::write(&all, manifest).map_err(|e| e.to_string())?;
        (format!("{}.gistmap", file_name(&album.title)), bytes)
    } else {
        let contents = all.iter().find(|(known, _)| known == path).map(|(_, contents)| contents);
        let contents = contents.ok_or_else(|| format!("the album has no file {path}"))?;
        (path.replace('/', "-"), written(contents).map_err(|e| format!("{path}: {e}"))?)
    };
    Ok(FromEngine::File { mime: media_type(&name).to_owned(), name, bytes })
}

fn written(contents: &Contents<'_>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    contents(&mut bytes)?;
    Ok(bytes)
}

/// A title as a file name: what file systems do not take is left out.
fn file_name(title: &str) -> String {
    let name: String = title.chars().filter(|c| !c.is_control() && !"/\\:*?\"<>|".contains(*c)).collect();
    let name = name.trim().trim_matches('.');
    if name.is_empty() { "album".to_owned() } else { name.to_owned() }
}
