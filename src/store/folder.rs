//! Segments in a folder of the file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::segments::{SegmentFile, SegmentSource, SegmentStore};

const ENDING: &str = "seg";

/// A segment; opened when it is first used, because a folder may hold more segments than a process may open files.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: Option<File>,
}

impl Segment {
    fn open(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            file => Ok(file.insert(File::open(&self.path)?)),
        }
    }
}

impl SegmentFile for Segment {
    fn size(&mut self) -> io::Result<u64> {
        Ok(fs::metadata(&self.path)?.len())
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let file = self.open()?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let file = self.open()?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes).inspect_err(|_| {
            // What a failed write left would be passed over by a reader anyway.
            let _ = file.set_len(offset);
        })
    }
}

/// Makes segments of this process.
#[derive(Debug)]
struct Folder(PathBuf);

impl SegmentSource for Folder {
    fn create(&mut self) -> io::Result<Box<dyn SegmentFile>> {
        for number in 0.. {
            let path = self.0.join(format!("{:010}-{number:04}.{ENDING}", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Box::new(Segment { path, file: Some(file) })),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("no free segment name"))
    }
}

impl SegmentStore {
    /// Opens (and makes, when missing) the store in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or listed. A damaged segment is no error: what is whole in it is kept.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let place = folder.display().to_string();
        let failed = |source| StoreError::Io { path: place.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(failed)?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|path| path.extension().is_some_and(|e| e == ENDING))
            .collect();
        paths.sort();
        let segments = paths.into_iter().map(|path| Box::new(Segment { path, file: None }) as Box<dyn SegmentFile>);
        Ok(Self::new(place.clone(), segments.collect(), Box::new(Folder(folder.to_owned()))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{BlobStore, Key};

    fn key(n: u8) -> Key {
        Key::of(&[&[n]])
    }

    fn filled(folder: &Path) -> PathBuf {
        let store = SegmentStore::open(folder).unwrap();
        for n in 0..5u8 {
            store.put(&key(n), &vec![n; 100 + usize::from(n)]).unwrap();
        }
        fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }

    #[test]
    fn what_was_put_is_found_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let store = SegmentStore::open(folder.path()).unwrap();
        assert_eq!(store.get(&key(3)).unwrap(), vec![3; 103]);
        assert_eq!(store.get(&key(9)), None);
        store.put(&key(3), b"new").unwrap();
        assert_eq!(store.get(&key(3)).unwrap(), b"new");
    }

    #[test]
    fn a_record_cut_off_by_a_crash_loses_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = filled(folder.path());
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let store = SegmentStore::open(folder.path()).unwrap();
        assert_eq!(store.get(&key(4)), None);
        assert_eq!(store.get(&key(2)).unwrap(), vec![2; 102]);
        store.put(&key(4), b"again").unwrap();
        drop(store);
        assert_eq!(SegmentStore::open(folder.path()).unwrap().get(&key(4)).unwrap(), b"again");
    }

    #[test]
    fn a_flipped_byte_anywhere_is_never_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = filled(folder.path());
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(7) {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            fs::write(&path, &bad).unwrap();
            let store = SegmentStore::open(folder.path()).unwrap();
            let found = (0..5u8).filter_map(|n| store.get(&key(n)).map(|v| (n, v)));
            let whole: Vec<_> = found.inspect(|(n, v)| assert_eq!(*v, vec![*n; 100 + usize::from(*n)])).collect();
            assert_eq!(whole.len(), 4, "byte {at} belongs to one record");
        }
    }
}
