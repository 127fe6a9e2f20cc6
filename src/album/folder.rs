//! An album as a folder: every file is written aside and renamed into place, `album.json` last, so that a full
//! disk or a killed process never leaves a broken album. Reading one is [`super::open`]'s.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::digest::Hashing;
use super::files::Contents;
use super::manifest::{FileEntry, MANIFEST, Manifest};
use super::source::{self, Source, SourceError};

/// Why an album could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refused.
    #[error("cannot write {path}: {source}{}", advice(source))]
    Io {
        /// File or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The folder holds something else.
    #[error("{0} is not empty and holds no album; choose another folder with -o")]
    Foreign(String),
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space and run again with --resume: what was computed is kept"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "; choose a folder that can be written with -o"
        }
        _ => "",
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.display().to_string();
    move |source| FolderError::Io { path, source }
}

/// A folder that an album is being written to.
#[derive(Debug)]
pub struct AlbumFolder {
    root: PathBuf,
}

/// Name of the file that says what a run in progress is doing.
const RUNNING: &str = "run.json";

impl AlbumFolder {
    /// Prepares `root`: makes it, proves that it can be written, and leaves what is in it alone.
    ///
    /// # Errors
    /// When it cannot be made or written, or holds files that are no album's.
    pub fn prepare(root: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(root).map_err(failed(root))?;
        let mut entries = fs::read_dir(root).map_err(failed(root))?.filter_map(Result::ok).map(|e| e.file_name());
        let ours = |name: &str| root.join(name).is_file();
        if !ours(MANIFEST) && !ours(RUNNING) && entries.any(|n| !n.to_string_lossy().starts_with(".partial-")) {
            return Err(FolderError::Foreign(root.display().to_string()));
        }
        Ok(Self { root: root.to_owned() })
    }

    /// What a run that was stopped here was doing, when there is one.
    pub fn interrupted(&self) -> Option<String> {
        fs::read_to_string(self.root.join(RUNNING)).ok()
    }

    /// Writes down what the run is doing, until [`Self::write`] ends it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn begin(&self, run: &str) -> Result<(), FolderError> {
        let (path, aside) = (self.root.join(RUNNING), self.root.join(format!(".partial-{}", std::process::id())));
        fs::write(&aside, run).map_err(failed(&aside))?;
        fs::rename(&aside, &path).map_err(failed(&path))
    }

    /// Writes all files of an album, replaces the album that was here, and ends the run.
    /// `manifest` is asked for once the other files are known.
    ///
    /// # Errors
    /// When something cannot be written; the album that was here before is then untouched or gone, never mixed.
    pub fn write(
        &self,
        contents: &[(String, Contents<'_>)],
        manifest: impl FnOnce(Vec<FileEntry>) -> Manifest,
    ) -> Result<(), FolderError> {
        let aside = self.root.join(format!(".partial-{}", std::process::id()));
        let result = self.write_aside(&aside, contents, manifest);
        // Left-overs of this attempt hide nothing and are ignored by the next one.
        let _ = fs::remove_dir_all(&aside);
        result
    }

    fn write_aside(
        &self,
        aside: &Path,
        contents: &[(String, Contents<'_>)],
        manifest: impl FnOnce(Vec<FileEntry>) -> Manifest,
    ) -> Result<(), FolderError> {
        let mut files = Vec::with_capacity(contents.len());
        for (path, contents) in contents {
            files.push(write_file(aside, path, contents)?);
        }
        let manifest = manifest(files);
        let json = serde_json::to_vec_pretty(&manifest).map_err(|e| failed(aside)(io::Error::other(e)))?;
        write_file(aside, MANIFEST, &(Box::new(|w: &mut dyn Write| w.write_all(&json)) as Contents<'_>))?;
        let written: BTreeSet<&str> = manifest.files.iter().map(|f| f.path.as_str()).collect();
        self.retire(&written)?;
        for path in written.iter().copied().chain([MANIFEST]) {
            let target = self.root.join(path);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).map_err(failed(folder))?;
            }
            fs::rename(aside.join(path), &target).map_err(failed(&target))?;
        }
        match fs::remove_file(self.root.join(RUNNING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&self.root.join(RUNNING))(error)),
            _ => Ok(()),
        }
    }

    /// Takes the former album apart: its manifest first, then the files that the new one does not replace.
    fn retire(&self, kept: &BTreeSet<&str>) -> Result<(), FolderError> {
        let path = self.root.join(MANIFEST);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
        fs::remove_file(&path).map_err(failed(&path))?;
        let former: Vec<FileEntry> = serde_json::from_str::<Manifest>(&text).map(|m| m.files).unwrap_or_default();
        for file in former.iter().filter(|f| !kept.contains(f.path.as_str()) && source::is_plain(&f.path)) {
            // A file that a person removed in the meantime is as gone as it should be.
            let _ = fs::remove_file(self.root.join(&file.path));
        }
        Ok(())
    }
}

fn write_file(aside: &Path, path: &str, contents: &Contents<'_>) -> Result<FileEntry, FolderError> {
    let target = aside.join(path);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    let file = File::create(&target).map_err(failed(&target))?;
    let mut writer = Hashing::new(BufWriter::with_capacity(1 << 20, file));
    let (size, sha256) = contents(&mut writer).and_then(|()| writer.finish()).map_err(failed(&target))?;
    Ok(FileEntry { path: path.to_owned(), size, sha256 })
}

/// An album's folder as what an album is opened from.
#[derive(Debug)]
pub struct FolderSource {
    root: PathBuf,
}

impl FolderSource {
    /// The files below `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl Source for FolderSource {
    fn read(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let path = self.root.join(path);
        // Whatever else a folder may hold: reading a pipe would wait for ever.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(SourceError::Unreadable("it is not a file".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SourceError::Missing),
            Err(error) => return Err(SourceError::Unreadable(error.to_string())),
        }
        let file = File::open(&path).map_err(|e| SourceError::Unreadable(e.to_string()))?;
        source::read_limited(file, limit)
    }
}
