//! Files to album: the reverse of [`super::files`], for whatever bytes there are.

use std::collections::HashMap;

use ndarray::Array2;

use super::check::check;
use super::digest::sha256;
use super::files::ERRORS;
use super::manifest::{
    FORMAT, FileEntry, LayoutEntry, MANIFEST, Manifest, MatrixEntry, ModelEntry, StudyEntry, TextEntry,
};
use super::sheets::{self, Sheets};
use super::source::{Source, SourceError, is_plain};
use super::studied::Studied;
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
    /// What was left in its files.
    pub unread: Unread,
}

/// The matrices of an album that still lie in its files: they are the largest of them, and are read when somebody computes
/// on them.
#[derive(Debug, Default)]
pub struct Unread {
    features: Vec<MatrixEntry>,
    vectors: Vec<MatrixEntry>,
    listed: Listed,
}

impl Unread {
    /// Reads the matrix of one of [`Album::vectors`] from what the album was opened from, where it has not been read.
    ///
    /// # Errors
    /// As [`open`].
    pub fn read(&mut self, source: &mut dyn Source, album: &mut Album, name: &str) -> Result<(), OpenError> {
        let listed = &mut self.listed;
        let wanted = |entry: &MatrixEntry| entry.name == name;
        take(&mut Files { source, listed }, &mut self.vectors, &mut album.vectors, album.pictures.len(), wanted)
    }

    /// Reads all that has not been read.
    ///
    /// # Errors
    /// As [`open`].
    pub fn read_all(&mut self, source: &mut dyn Source, album: &mut Album) -> Result<(), OpenError> {
        let mut files = Files { source, listed: &mut self.listed };
        take(&mut files, &mut self.features, &mut album.features, album.pictures.len(), |_| true)?;
        take(&mut files, &mut self.vectors, &mut album.vectors, album.pictures.len(), |_| true)
    }
}

/// Reads the `wanted` ones of `entries` into `matrices`, and takes them off the list.
fn take(
    files: &mut Files<'_>,
    entries: &mut Vec<MatrixEntry>,
    matrices: &mut [Representation],
    n: usize,
    wanted: impl Fn(&MatrixEntry) -> bool,
) -> Result<(), OpenError> {
    while let Some(at) = entries.iter().position(&wanted) {
        let matrix = matrix(files, &entries[at], n)?;
        if let Some(place) = matrices.iter_mut().find(|m| m.name == entries[at].name) {
            place.matrix = matrix;
        }
        entries.remove(at);
    }
    Ok(())
}

/// Why files are no album.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no manifest.
    #[error(
        "no album: {MANIFEST} is missing; give the folder that `gistmap run` or `gistmap study` wrote, or a .gistmap file"
    )]
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
    let mut opened = open_without_matrices(source)?;
    opened.unread.read_all(source, &mut opened.album)?;
    Ok(opened)
}

/// As [`open`], but matrices stay where they are ([`Opened::unread`]): their representations have no rows.
///
/// # Errors
/// As [`open`].
pub fn open_without_matrices(source: &mut dyn Source) -> Result<Opened, OpenError> {
    let (manifest, _) = read_manifest(source)?;
    check(&manifest).map_err(|reason| OpenError::file(MANIFEST, reason))?;
    let mut listed = Listed::new(&manifest);
    let mut files = Files { source, listed: &mut listed };
    let n = manifest.pictures.len();
    let features = places(&mut files, &manifest.features, n)?;
    let vectors = places(&mut files, &manifest.vectors, n)?;
    let texts: Result<_, _> = manifest.texts.iter().map(|t| texts(&mut files, t, &manifest.pictures)).collect();
    let texts = texts?;
    let layout = layout(&mut files, manifest.layout, &manifest.pictures)?;
    let study = manifest.study.map(|entry| study(&mut files, entry, &manifest.pictures)).transpose()?;
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
        layout,
        study,
        failures,
        timings: manifest.timings,
    };
    let later = |of: &[Representation], entries: Vec<MatrixEntry>| {
        let unread = |entry: &MatrixEntry| of.iter().any(|r| r.name == entry.name && !r.is_read());
        entries.into_iter().filter(unread).collect()
    };
    let (features, vectors) = (later(&album.features, manifest.features), later(&album.vectors, manifest.vectors));
    let unread = Unread { features, vectors, listed };
    Ok(Opened { album, plan: manifest.plan, models: manifest.models, thumbnails, unread })
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

/// The files that a manifest lists.
#[derive(Debug, Default)]
pub(super) struct Listed {
    files: HashMap<String, FileEntry>,
    /// Bytes that may still be read.
    left: u64,
}

impl Listed {
    pub(super) fn new(manifest: &Manifest) -> Self {
        let files = manifest.files.iter().map(|f| (f.path.clone(), f.clone())).collect();
        Self { files, left: LARGEST_ALBUM }
    }
}

/// The files of an album, each checked as it is read.
pub(super) struct Files<'a> {
    pub(super) source: &'a mut dyn Source,
    pub(super) listed: &'a mut Listed,
}

impl Files<'_> {
    /// The bytes of a listed file.
    pub(super) fn read(&mut self, path: &str) -> Result<Vec<u8>, OpenError> {
        let failed = |reason: String| OpenError::file(path, reason);
        let entry = self.entry(path)?.clone();
        if !is_plain(path) {
            return Err(failed("its path leads out of the album".to_owned()));
        }
        if entry.size > self.listed.left {
            return Err(failed(format!("with its {} bytes the album is too large to be opened here", entry.size)));
        }
        self.listed.left -= entry.size;
        let bytes = self.source.read(path, entry.size).map_err(|e| failed(e.to_string()))?;
        if bytes.len() as u64 != entry.size || sha256(&bytes) != entry.sha256 {
            return Err(failed(format!("damaged, or changed since {MANIFEST} was written")));
        }
        Ok(bytes)
    }

    fn entry(&self, path: &str) -> Result<&FileEntry, OpenError> {
        let unlisted = || OpenError::file(path, format!("it is not in the list of {MANIFEST}"));
        self.listed.files.get(path).ok_or_else(unlisted)
    }

    fn read_if_listed(&mut self, path: &str) -> Result<Option<Vec<u8>>, OpenError> {
        if self.listed.files.contains_key(path) { self.read(path).map(Some) } else { Ok(None) }
    }
}

/// Representations whose matrices are left where they are; one of which it is not known how wide it is, is read.
fn places(files: &mut Files<'_>, entries: &[MatrixEntry], n: usize) -> Result<Vec<Representation>, OpenError> {
    let place = |entry: &MatrixEntry| {
        let matrix = match entry.dimensions {
            None => matrix(files, entry, n)?,
            Some(columns) => {
                let size = files.entry(&entry.path)?.size;
                let fits = (columns as u64).checked_mul(4 * n as u64).is_some_and(|bytes| columns > 0 && bytes <= size);
                if !fits {
                    let reason = format!("{columns} columns of {n} numbers are not in its {size} bytes");
                    return Err(OpenError::file(&entry.path, reason));
                }
                Array2::zeros((0, columns))
            }
        };
        Ok(Representation { name: entry.name.clone(), kind: entry.kind, texts: entry.texts.clone(), matrix })
    };
    entries.iter().map(place).collect()
}

fn matrix(files: &mut Files<'_>, entry: &MatrixEntry, n: usize) -> Result<Array2<f32>, OpenError> {
    let failed = |reason: String| OpenError::file(&entry.path, reason);
    let matrix = npy::read(&files.read(&entry.path)?).map_err(|e| failed(e.to_string()))?;
    let (rows, columns) = matrix.dim();
    if rows != n || columns == 0 {
        return Err(failed(format!("{rows} x {columns} numbers for {n} pictures")));
    }
    if entry.dimensions.is_some_and(|expected| expected != columns) {
        return Err(failed(format!("{columns} columns, and {MANIFEST} says otherwise")));
    }
    match matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, _), value)) => Err(failed(format!("row {row} holds {value}, which is no number to compute with"))),
        None => Ok(matrix),
    }
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

fn study(files: &mut Files<'_>, entry: StudyEntry, pictures: &[Picture]) -> Result<Studied, OpenError> {
    let StudyEntry { title, about, rows, clusters, maps } = entry;
    let maps = maps.into_iter().map(|map| layout(files, map, pictures)).collect::<Result<_, _>>()?;
    Ok(Studied { title, about, rows, clusters, maps })
}

fn layout(files: &mut Files<'_>, entry: LayoutEntry, pictures: &[Picture]) -> Result<Layout, OpenError> {
    let LayoutEntry { projector, representation, kl, trustworthiness, path } = entry;
    let rows = picture_rows(&path, &files.read(&path)?, ["file", "x", "y"], pictures)?;
    let mut points = Array2::zeros((pictures.len(), 2));
    for (mut point, [file, x, y]) in points.rows_mut().into_iter().zip(&rows) {
        for (value, text) in point.iter_mut().zip([x, y]) {
            *value = text
                .parse()
                .ok()
                .filter(|v: &f32| v.is_finite())
                .ok_or_else(|| OpenError::file(&path, format!("{file}: {text:?} is not a place")))?;
        }
    }
    Ok(Layout { projector, representation, points, kl, trustworthiness })
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
