//! A store of append-only segment files.
//!
//! Every process appends to a segment of its own, so that runs may share a cache folder, and a process
//! that is killed leaves at most one unfinished record at the end of its segment. A record is
//! `magic, key, length, header check, payload check, payload`; damage anywhere loses the records it
//! touches and no others, because reading finds the next valid header again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BlobStore, Key, StoreError};

const MAGIC: [u8; 4] = *b"gmr1";
const HEADER: usize = 4 + 32 + 8 + 8 + 8;
const ENDING: &str = "seg";

/// Where a payload lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    segment: usize,
    offset: u64,
    length: u64,
    check: [u8; 8],
}

#[derive(Debug, Default)]
struct Inner {
    places: HashMap<Key, Place>,
    segments: Vec<(PathBuf, Option<File>)>,
    /// The segment that this process appends to, and its length.
    own: Option<(usize, u64)>,
}

/// A folder of segment files.
#[derive(Debug)]
pub struct SegmentStore {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

impl SegmentStore {
    /// Opens (and makes, when missing) the store in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or listed. A damaged segment is no error: what is whole in it is kept.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { path: folder.display().to_string(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(failed)?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|path| path.extension().is_some_and(|e| e == ENDING))
            .collect();
        paths.sort();
        let mut inner = Inner::default();
        for path in paths {
            let segment = inner.segments.len();
            // An unreadable segment costs recomputation only.
            if let Ok(records) = scan(&path) {
                inner.segments.push((path, None));
                for (key, offset, length, check) in records {
                    inner.places.insert(key, Place { segment, offset, length, check });
                }
            }
        }
        Ok(Self { folder: folder.to_owned(), inner: Mutex::new(inner) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, inner: &mut Inner, key: &Key, bytes: &[u8]) -> io::Result<Place> {
        let (segment, end) = match inner.own {
            Some(own) => own,
            None => {
                let own = (inner.segments.len(), 0);
                inner.segments.push(create_segment(&self.folder)?);
                own
            }
        };
        let check = check_of(bytes);
        let mut record = Vec::with_capacity(HEADER + bytes.len());
        record.extend_from_slice(&MAGIC);
        record.extend_from_slice(&key.0);
        record.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        let header = check_of(&record);
        record.extend_from_slice(&header);
        record.extend_from_slice(&check);
        record.extend_from_slice(bytes);
        let (path, file) = &mut inner.segments[segment];
        let file = open_lazily(path, file)?;
        // A failed write may leave part of a record; the next one starts where this one should have.
        file.seek(SeekFrom::Start(end))?;
        if let Err(error) = file.write_all(&record) {
            file.set_len(end)?;
            return Err(error);
        }
        inner.own = Some((segment, end + record.len() as u64));
        Ok(Place { segment, offset: end + HEADER as u64, length: bytes.len() as u64, check })
    }
}

impl BlobStore for SegmentStore {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let mut inner = self.lock();
        let place = *inner.places.get(key)?;
        let (path, file) = &mut inner.segments[place.segment];
        let read = open_lazily(path, file).and_then(|file| {
            file.seek(SeekFrom::Start(place.offset))?;
            let mut bytes = vec![0; place.length as usize];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        });
        match read {
            Ok(bytes) if check_of(&bytes) == place.check => Some(bytes),
            _ => {
                inner.places.remove(key);
                None
            }
        }
    }

    fn put(&self, key: &Key, bytes: &[u8]) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let place = self
            .append(&mut inner, key, bytes)
            .map_err(|source| StoreError::Io { path: self.folder.display().to_string(), source })?;
        inner.places.insert(*key, place);
        Ok(())
    }
}

fn open_lazily<'a>(path: &Path, file: &'a mut Option<File>) -> io::Result<&'a mut File> {
    match file {
        Some(file) => Ok(file),
        None => Ok(file.insert(File::open(path)?)),
    }
}

fn create_segment(folder: &Path) -> io::Result<(PathBuf, Option<File>)> {
    for number in 0.. {
        let path = folder.join(format!("{:010}-{number:04}.{ENDING}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, Some(file))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no free segment name"))
}

fn check_of(bytes: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    check
}

type Record = (Key, u64, u64, [u8; 8]);

/// Every record whose header is whole and whose payload lies within the file.
fn scan(path: &Path) -> io::Result<Vec<Record>> {
    let mut file = BufReader::new(File::open(path)?);
    let end = file.get_ref().metadata()?.len();
    let mut records = Vec::new();
    let mut at = 0u64;
    let mut header = [0u8; HEADER];
    while at + HEADER as u64 <= end {
        file.read_exact(&mut header)?;
        match parse(&header) {
            Some((key, length, check)) if at + HEADER as u64 + length <= end => {
                records.push((key, at + HEADER as u64, length, check));
                at += HEADER as u64 + length;
                file.seek_relative(length as i64)?;
            }
            _ => {
                at = next_magic(&mut file, at + 1)?;
                file.seek(SeekFrom::Start(at))?;
            }
        }
    }
    Ok(records)
}

fn parse(header: &[u8; HEADER]) -> Option<(Key, u64, [u8; 8])> {
    let (head, rest) = header.split_at(44);
    if head[..4] != MAGIC || rest[..8] != check_of(head) {
        return None;
    }
    let key = Key(head[4..36].try_into().ok()?);
    let length = u64::from_le_bytes(head[36..44].try_into().ok()?);
    Some((key, length, rest[8..16].try_into().ok()?))
}

/// The first place from `from` on where a header may begin; the file's end when there is none.
fn next_magic(file: &mut BufReader<File>, from: u64) -> io::Result<u64> {
    file.seek(SeekFrom::Start(from))?;
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    let found = rest.windows(MAGIC.len()).position(|w| w == MAGIC);
    Ok(from + found.unwrap_or(rest.len()) as u64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
