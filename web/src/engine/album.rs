//! The open album's files: those that the terminal writes, made one at a time or all in one, and read again.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use gistmap::album::archive::{self, Archive};
use gistmap::album::files::{Contents, files, media_type};
use gistmap::album::manifest::{Manifest, ModelEntry};
use gistmap::album::{Album, Opened, open_without_matrices};
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

/// An album file, of which parts are read when they are needed.
pub(crate) type AlbumFile = Archive<BufReader<Parts>>;

/// Bytes that are asked for at a time; the browser answers each time from its disk.
const PART: usize = 1 << 20;

/// Reads an album file that was dropped or chosen, but for its matrices.
///
/// # Errors
/// What is wrong with it and what to do.
pub(crate) fn open(file: &JsValue) -> Result<(Opened, AlbumFile), String> {
    let blob: &Blob = file.dyn_ref().ok_or("this is no file; drop a .gistmap file")?;
    let parts = Parts { blob: blob.clone(), at: 0 };
    let mut file = Archive::new(BufReader::with_capacity(PART, parts)).map_err(|e| e.to_string())?;
    let opened = open_without_matrices(&mut file).map_err(|e| e.to_string())?;
    Ok((opened, file))
}

/// A file of the browser, read part by part.
#[derive(Debug)]
pub(crate) struct Parts {
    blob: Blob,
    at: u64,
}

impl Parts {
    fn size(&self) -> u64 {
        self.blob.size() as u64
    }
}

impl Read for Parts {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let end = self.size().min(self.at.saturating_add(bytes.len() as u64));
        if end <= self.at {
            return Ok(0);
        }
        let failed = |e: JsValue| io::Error::other(said(&e));
        let part = self.blob.slice_with_f64_and_f64(self.at as f64, end as f64).map_err(failed)?;
        let part = read_blob(&part).map_err(failed)?;
        let length = part.length() as usize;
        let room = bytes.get_mut(..length).ok_or(io::ErrorKind::InvalidData)?;
        part.copy_to(room);
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for Parts {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
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
