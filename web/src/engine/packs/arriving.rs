//! A pack on its way from the page's origin: what has come lies in the private file system at once, so that the next attempt
//! goes on from there; in memory where that takes no more.

use std::rc::Rc;

use gistmap::protocol::Cancel;
use gistmap::runtime::Stopwatch;
use gistmap::store::SegmentFile;
use gistmap_models::pack::Listed;
use sha2::{Digest, Sha256};
use web_sys::WorkerGlobalScope;

use super::super::fetch::{self, FetchError};
use super::super::opfs::{Folder, OpfsFile};
use super::kept::{Kept, hexadecimal};

/// Seconds between two words about a download.
const TELL_EVERY: f64 = 0.1;

/// What has come so far.
struct Arriving {
    hash: Sha256,
    at: u64,
    /// None once it has refused to take more.
    disk: Option<OpfsFile>,
    memory: Vec<u8>,
}

impl Arriving {
    fn new() -> Self {
        Self { hash: Sha256::new(), at: 0, disk: None, memory: Vec::new() }
    }

    /// Goes on from what an earlier attempt left, where that is no more than `bytes`.
    fn resume(disk: OpfsFile, bytes: u64) -> Self {
        let kept = Kept::disk(disk);
        let mut arriving = Self::new();
        let mut hash = Sha256::new();
        let read = kept.each_part(|_, part| {
            hash.update(part);
            Ok(())
        });
        let whole = kept.size();
        if let Kept::Disk(file) = kept {
            arriving.disk = Rc::into_inner(file).map(std::cell::RefCell::into_inner);
        }
        if read.is_ok() && whole < bytes {
            (arriving.hash, arriving.at) = (hash, whole);
        } else {
            arriving.restart();
        }
        arriving
    }

    /// A server gives the file from its beginning.
    fn restart(&mut self) {
        (self.hash, self.at) = (Sha256::new(), 0);
        self.memory.clear();
        self.disk = self.disk.take().filter(|disk| disk.clear().is_ok());
    }

    fn take(&mut self, at: u64, part: &[u8]) {
        if at == 0 && self.at > 0 {
            self.restart();
        }
        self.hash.update(part);
        if let Some(mut disk) = self.disk.take() {
            if disk.write_at(self.at, part).is_ok() {
                self.disk = Some(disk);
            } else {
                // What cannot be kept serves this visit all the same.
                self.memory = vec![0; self.at as usize];
                if disk.read_at(0, &mut self.memory).is_err() {
                    self.memory.clear();
                }
                let _ = disk.clear();
            }
        }
        if self.disk.is_none() {
            self.memory.extend_from_slice(part);
        }
        self.at += part.len() as u64;
    }
}

/// Fetches a pack and checks it; `tell` hears of the bytes so far.
///
/// # Errors
/// When it cannot be had or is not what it should be, or `cancel` asks to stop.
pub(super) async fn fetch(
    scope: &WorkerGlobalScope,
    pack: &Listed,
    folder: Option<&Folder>,
    cancel: &Cancel,
    tell: &dyn Fn(u64),
) -> Result<Kept, FetchError> {
    // Another tab may be keeping it just now.
    let disk = match folder {
        Some(folder) => folder.claim(&pack.sha256).await.ok(),
        None => None,
    };
    let mut arriving = disk.map_or_else(Arriving::new, |disk| Arriving::resume(disk, pack.bytes));
    tell(arriving.at);
    let path = format!("packs/{}", pack.file);
    let mut told = Stopwatch::start();
    let from = arriving.at;
    fetch::stream(scope, &path, from, cancel, |at, part| {
        arriving.take(at, part);
        if told.seconds() > TELL_EVERY {
            told = Stopwatch::start();
            tell(arriving.at.min(pack.bytes));
        }
    })
    .await?;
    if arriving.at < pack.bytes {
        let (at, bytes) = (arriving.at, pack.bytes);
        let what = format!("{path} broke off after {at} of {bytes} bytes; try again, and it goes on from there");
        return Err(FetchError::Failed(what));
    }
    tell(pack.bytes);
    let Arriving { hash, at, disk, memory } = arriving;
    let found = hexadecimal(&hash.finalize());
    let in_memory = disk.is_none();
    if found != pack.sha256 || (in_memory && memory.len() as u64 != at) {
        if let Some(disk) = disk {
            let _ = disk.clear();
        }
        let expected = pack.bytes;
        let what = format!("{path} came damaged ({at} of {expected} bytes, sha256 {found}); reload this page");
        return Err(FetchError::Failed(what));
    }
    drop(disk);
    let kept = match folder {
        Some(folder) if !in_memory => folder.read(&pack.sha256).await,
        _ => None,
    };
    kept.map_or_else(
        || if in_memory { Ok(Kept::Memory(memory.into())) } else { Err(FetchError::Failed(lost(&path))) },
        |file| Ok(Kept::disk(file)),
    )
}

fn lost(path: &str) -> String {
    format!("{path} was kept and cannot be read again; reload this page")
}
