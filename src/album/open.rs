//! Files to album: the reverse of [`super::files`], for whatever bytes there are.

use std::collections::HashMap;

use ndarray::Array2;

use super::check::check;
use super::digest::sha256;
use super::files::{ERRORS, LAYOUT};
use super::manifest::{FORMAT, FileEntry, MANIFEST, Manifest, MatrixEntry, ModelEntry, TextEntry};
use super::sheets::{self, Sheets};
use super::source::{Source, SourceError, is_plain};
use super::{Album, Failure, Layout, Picture, Representation, TextColumn};
use crate::protocol::Plan;
use crate::report::npy;

/// Largest manifest that is read, bytes: some hundred of them are written for a picture.
const LARGEST_MANIFEST: u64 = 256 << 20;
/// Most bytes that all other files of an album may have; a tab has less memory.
const LARGEST_ALBUM: u64 = if cfg!(target_arch = "wasm32") { 2 << 30 } else { 32 << 30 };

/// An album that was read, and what was written with it.
#[derive(Debug)]
pub struct Opened {
    /// The album, as it was when it was written.
    pub album: Album,
    /// The plan that made it.
    pub plan: Plan,
    /// The models that it used.
    pub models: Vec<ModelEntry>,
    /// Its small pictures.
    pub thumbnails: Sheets,
}

/// Why files are no album.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no manifest.
    #[error("no album: {MANIFEST} is missing; give the folder that `gistmap run` wrote, or a .gistmap file")]
    NoAlbum,
    /// Bytes that are no archive.
    #[error("no album file: {0}; it may be cut off or damaged, so copy or save it again")]
    NoArchive(String),
    /// Written by a later version.
    #[error("the album has format {found}, this gistmap reads {FORMAT}: a newer gistmap wrote it; update this one")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// Written before albums could be opened.
    #[error(
        "the album has format {found}, this gistmap reads {FORMAT}: an older gistmap wrote it; run it again (what was \
         computed is kept, so that is quick)"
    )]
    Older {
        /// Its format.
        found: u32,
    },
    /// A file that cannot be had.
    #[error("{file}: {reason}; copy or save the album again")]
    File {
        /// Its path in the album.
        file: String,
        /// Why.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn file(file: &str, reason: impl ToString) -> Self {
        Self::File { file: file.to_owned(), reason: reason.to_string() }
    }
}

/// Reads an album.
///
/// Every file that is read must have the size and the SHA-256 that the manifest says; all numbers must be finite and
/// all tables as long as there are pictures.
///
/// # Errors
/// [`OpenError`], which names the file.
pub fn open(source: &mut dyn Source) -> Result<Opened, OpenError> {
    let (manifest, _) = read_manifest(source)?;
    check(&manifest).map_err(|reason| OpenError::file(MANIFEST, reason))?;
    let mut files = Files::new(source, &manifest);
    let n = manifest.pictures.len();
    let features = matrices(&mut files, &manifest.features, n)?;
    let vectors = matrices(&mut files, &manifest.vectors, n)?;
    let texts: Result<_, _> = manifest.texts.iter().map(|t| texts(&mut files, t, &manifest.pictures)).collect();
    let texts = texts?;
    let points = points(&mut files, &manifest.pictures)?;
    let failures = failures(&mut files, manifest.failures)?;
    let thumbnails: Result<_, _> = (0..sheets::count(n)).map(|i| files.read_if_listed(&sheets::path(i))).collect();
    let thumbnails = Sheets::new(n, thumbnails?);
    let album = Album {
        title: manifest.title,
        version: manifest.gistmap,
        device: manifest.device,
        parameters: manifest.parameters,
        pictures: manifest.pictures,
        label_names: manifest.label_names,
        features,
        texts,
        vectors,
        cells: manifest.cells,
        main_cell: manifest.main_cell,
        clusters: manifest.clusters,
        name_quality: manifest.name_quality,
        criteria: manifest.criteria,
        layout: Layout {
            projector: manifest.layout.projector,
            representation: manifest.layout.representation,
            points,
            kl: manifest.layout.kl,
            trustworthiness: manifest.layout.trustworthiness,
        },
        failures,
        timings: manifest.timings,
    };
    Ok(Opened { album, plan: manifest.plan, models: manifest.models, thumbnails })
}

/// The manifest and its bytes.
pub(super) fn read_manifest(source: &mut dyn Source) -> Result<(Manifest, Vec<u8>), OpenError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let bytes = source.read(MANIFEST, LARGEST_MANIFEST).map_err(|error| match error {
        SourceError::Missing => OpenError::NoAlbum,
        other => OpenError::file(MANIFEST, other),
    })?;
    let damaged = |error: serde_json::Error| OpenError::file(MANIFEST, format!("damaged: {error}"));
    match serde_json::from_slice::<Format>(&bytes).map_err(damaged)?.format {
        found if found > FORMAT => Err(OpenError::Newer { found }),
        found if found < FORMAT => Err(OpenError::Older { found }),
        _ => Ok((serde_json::from_slice(&bytes).map_err(damaged)?, bytes)),
    }
}

/// The files that a manifest lists, each checked as it is read.
pub(super) struct Files<'a> {
    source: &'a mut dyn Source,
    listed: HashMap<String, FileEntry>,
    /// Bytes that may still be read.
    left: u64,
}

impl<'a> Files<'a> {
    pub(super) fn new(source: &'a mut dyn Source, manifest: &Manifest) -> Self {
        let listed = manifest.files.iter().map(|f| (f.path.clone(), f.clone())).collect();
        Self { source, listed, left: LARGEST_ALBUM }
    }

    /// The bytes of a listed file.
    pub(super) fn read(&mut self, path: &str) -> Result<Vec<u8>, OpenError> {
        let failed = |reason: String| OpenError::file(path, reason);
        let entry = self.listed.get(path).ok_or_else(|| failed(format!("it is not in the list of {MANIFEST}")))?;
        if !is_plain(path) {
            return Err(failed("its path leads out of the album".to_owned()));
        }
        if entry.size > self.left {
            return Err(failed(format!("with its {} bytes the album is too large to be opened here", entry.size)));
        }
        self.left -= entry.size;
        let bytes = self.source.read(path, entry.size).map_err(|e| failed(e.to_string()))?;
        if bytes.len() as u64 != entry.size || sha256(&bytes) != entry.sha256 {
            return Err(failed(format!("damaged, or changed since {MANIFEST} was written")));
        }
        Ok(bytes)
    }

    fn read_if_listed(&mut self, path: &str) -> Result<Option<Vec<u8>>, OpenError> {
        if self.listed.contains_key(path) { self.read(path).map(Some) } else { Ok(None) }
    }
}

fn matrices(files: &mut Files<'_>, entries: &[MatrixEntry], n: usize) -> Result<Vec<Representation>, OpenError> {
    entries
        .iter()
        .map(|entry| {
            let failed = |reason: String| OpenError::file(&entry.path, reason);
            let matrix = npy::read(&files.read(&entry.path)?).map_err(|e| failed(e.to_string()))?;
            if matrix.nrows() != n || matrix.ncols() == 0 {
                return Err(failed(format!("{} x {} numbers for {n} pictures", matrix.nrows(), matrix.ncols())));
            }
            if let Some(((row, _), value)) = matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
                return Err(failed(format!("row {row} holds {value}, which is no number to compute with")));
            }
            Ok(Representation { name: entry.name.clone(), kind: entry.kind, texts: entry.texts.clone(), matrix })
        })
        .collect()
}

fn texts(files: &mut Files<'_>, entry: &TextEntry, pictures: &[Picture]) -> Result<TextColumn, OpenError> {
    let bytes = files.read(&entry.path)?;
    if !entry.probable {
        let rows = picture_rows(&entry.path, &bytes, ["file", "text"], pictures)?;
        return Ok(TextColumn::new(entry.name.clone(), rows.into_iter().map(|[_, text]| text).collect()));
    }
    let rows = picture_rows(&entry.path, &bytes, ["file", "text", "probability"], pictures)?;
    let (mut texts, mut probabilities) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for [file, text, probability] in rows {
        let share = probability.parse().ok().filter(|p: &f32| (0.0..=1.0).contains(p));
        let wrong = || OpenError::file(&entry.path, format!("{file}: {probability:?} is not a probability"));
        probabilities.push(share.ok_or_else(wrong)?);
        texts.push(text);
    }
    Ok(TextColumn { name: entry.name.clone(), texts, probabilities: Some(probabilities) })
}

fn points(files: &mut Files<'_>, pictures: &[Picture]) -> Result<Array2<f32>, OpenError> {
    let rows = picture_rows(LAYOUT, &files.read(LAYOUT)?, ["file", "x", "y"], pictures)?;
    let mut points = Array2::zeros((pictures.len(), 2));
    for (mut point, [file, x, y]) in points.rows_mut().into_iter().zip(&rows) {
        for (value, text) in point.iter_mut().zip([x, y]) {
            *value = text
                .parse()
                .ok()
                .filter(|v: &f32| v.is_finite())
                .ok_or_else(|| OpenError::file(LAYOUT, format!("{file}: {text:?} is not a place")))?;
        }
    }
    Ok(points)
}

fn failures(files: &mut Files<'_>, count: usize) -> Result<Vec<Failure>, OpenError> {
    let rows = rows(ERRORS, &files.read(ERRORS)?, ["file", "stage", "reason"])?;
    if rows.len() != count {
        return Err(OpenError::file(ERRORS, format!("{} rows where {MANIFEST} says {count}", rows.len())));
    }
    Ok(rows.into_iter().map(|[file, stage, reason]| Failure { file, stage, reason }).collect())
}

/// The rows of a table that has one for each picture, in their order, and begins with its file.
fn picture_rows<const COLUMNS: usize>(
    path: &str,
    bytes: &[u8],
    header: [&str; COLUMNS],
    pictures: &[Picture],
) -> Result<Vec<[String; COLUMNS]>, OpenError> {
    let rows = rows(path, bytes, header)?;
    if rows.len() != pictures.len() {
        return Err(OpenError::file(path, format!("{} rows for {} pictures", rows.len(), pictures.len())));
    }
    match rows.iter().zip(pictures).position(|(row, picture)| row[0] != picture.file) {
        Some(row) => Err(OpenError::file(path, format!("row {} is not that of {}", row + 1, pictures[row].file))),
        None => Ok(rows),
    }
}

fn rows<const COLUMNS: usize>(
    path: &str,
    bytes: &[u8],
    header: [&str; COLUMNS],
) -> Result<Vec<[String; COLUMNS]>, OpenError> {
    let failed = |reason: String| OpenError::file(path, reason);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| failed(e.to_string()))?;
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        let columns = cells.len();
        let row: [String; COLUMNS] =
            cells.try_into().map_err(|_| failed(format!("{columns} columns where there should be {COLUMNS}")))?;
        rows.push(row);
    }
    if rows.first().is_none_or(|first| *first != header) {
        return Err(failed(format!("the table should begin with {}", header.join(","))));
    }
    rows.remove(0);
    Ok(rows)
}
