//! Models of a hub in Hugging Face's layout: fetched file by file, checked by what the hub says of them, written down.
//!
//! Called by [`ModelFolder::pull`](super::ModelFolder::pull). Knows repositories and their files; what HTTP is, `http`
//! knows; how one file comes to lie whole in its place, `download`.

mod checksum;
mod download;
mod http;
mod mirror;
mod pulled;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gistmap_models::manifest::{HubSource, published_hash};

use download::{Download, Place};
use http::Client;
pub(crate) use http::{certificates, retry_after};
use mirror::Mirror;
pub(super) use pulled::{Pulled, PulledFile};

/// The hub, where neither `HF_ENDPOINT` nor anybody else says another.
const ENDPOINT: &str = "https://huggingface.co";
/// Where files wait, in the folder of a model, until all of them are here.
const ASIDE: &str = "pulling";
/// Held while a model is fetched.
const LOCK: &str = ".lock";

/// What can go wrong when a model is fetched from a hub; each error says what to do.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The address cannot be used.
    #[error("cannot fetch from `{address}`: {reason}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The hub does not let this person in.
    #[error(
        "the hub refuses {url} (status {status}{said}): open the repository's page in a browser, sign in and accept its \
         terms where it asks for that, make a token that may read, and run again with HF_TOKEN=<token>"
    )]
    Refused {
        /// What was asked for.
        url: String,
        /// 401 or 403.
        status: u16,
        /// What the hub said, or nothing.
        said: String,
    },
    /// There is no such thing.
    #[error("there is no {what} at {place}{said}; --revision chooses another branch, tag or commit")]
    NotFound {
        /// File or files.
        what: String,
        /// Address, or folder.
        place: String,
        /// What the hub said, or nothing.
        said: String,
    },
    /// Nothing came, or it broke off, more often than we care to try.
    #[error("{url}: {reason}; run the same command again to go on")]
    Broken {
        /// What was asked for.
        url: String,
        /// The last of the reasons.
        reason: String,
    },
    /// An answer that is no answer to the question.
    #[error("{url}: {reason}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More or fewer bytes than the hub says.
    #[error("{url}: the hub says {expected} bytes, but {found} are sent; it is damaged or another file")]
    Length {
        /// What was asked for.
        url: String,
        /// What the hub's headers say.
        expected: u64,
        /// What came or is to come.
        found: u64,
    },
    /// Other bytes than the hub says.
    #[error("{from}: what came has {kind} {found}, expected {expected}; it was thrown away")]
    Checksum {
        /// What was fetched.
        from: String,
        /// Of hash.
        kind: &'static str,
        /// Of what came.
        found: String,
        /// What the hub's header says.
        expected: String,
    },
    /// No room.
    #[error("{path}: the disk is full; make room for {needed} and run the same command again to go on")]
    DiskFull {
        /// The file that was being written.
        path: String,
        /// What is missing.
        needed: String,
    },
    /// The file system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file or folder.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// Somebody else fetches the same model.
    #[error("another gistmap is fetching into {0}")]
    Busy(String),
    /// Asked to stop.
    #[error("stopped; run the same command again to go on")]
    Stopped,
}

impl HubError {
    fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), cause }
    }
}

/// What happens while a model is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullEvent {
    /// A file begins, or goes on from where it broke off.
    File {
        /// Its name.
        name: String,
        /// Bytes that are here already.
        done: u64,
        /// Bytes in all, where the hub says.
        total: Option<u64>,
    },
    /// This many bytes of the file are here now.
    Bytes(u64),
    /// Something failed and is tried again after a while.
    Retry {
        /// What failed.
        reason: String,
        /// Until then.
        wait: Duration,
    },
    /// Nothing new; said now and then while we wait.
    Waiting,
}

/// Hears of what happens; `false` asks to stop.
pub type Tell<'a> = &'a mut dyn FnMut(&PullEvent) -> bool;

/// Where models of a hub come from, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// Address of the hub or of a mirror; or a folder that holds the files, in the layout of the hub's own cache, by
    /// repository, or as they are.
    pub from: String,
    /// Sent to the hub's own address, never to another.
    pub token: Option<String>,
    /// Branch, tag or commit; where none is given, the commit that the model was fetched at before, else the manifest's.
    pub revision: Option<String>,
    /// How often in a row something may fail.
    pub tries: u32,
    /// Wait after the first failure, doubled with each one that follows.
    pub first_wait: Duration,
}

impl Hub {
    /// `from`, else `$HF_ENDPOINT`, else the hub; with `$HF_TOKEN`. Six tries, after 1, 2, 4, 8 and 16 seconds.
    pub fn from_environment(from: Option<&str>) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let from = from.map(str::to_owned).or_else(|| variable("HF_ENDPOINT")).unwrap_or_else(|| ENDPOINT.to_owned());
        let token = variable("HF_TOKEN").map(|token| token.trim().to_owned());
        Self { from, token, revision: None, tries: 6, first_wait: Duration::from_secs(1) }
    }

    /// The same for a model of `source`: its own address, without a token, where it has one and nobody says otherwise.
    pub fn of_source(from: Option<&str>, source: &HubSource) -> Self {
        let hub = Self::from_environment(from);
        match &source.address {
            Some(address) if from.is_none() => Self { from: address.clone(), token: None, ..hub },
            _ => hub,
        }
    }

    /// The same, asked for another revision.
    #[must_use]
    pub fn at(self, revision: Option<String>) -> Self {
        Self { revision, ..self }
    }
}

/// Where the files of one pull come from.
enum Origin {
    Hub(Box<Client>),
    Folder(Mirror),
}

/// Fetches the files of `source` into `folder` and writes down what they are.
pub(super) fn pull(source: &HubSource, folder: &Path, hub: &Hub, tell: Tell<'_>) -> Result<(), HubError> {
    fs::create_dir_all(folder).map_err(|e| HubError::io(folder, e))?;
    let _lock = lock(folder)?;
    let aside = folder.join(ASIDE);
    fs::create_dir_all(&aside).map_err(|e| HubError::io(&aside, e))?;
    let read = |folder: &Path| Pulled::read(folder).filter(|former| former.repo == source.repo);
    let former: Vec<Former> =
        [folder, &aside].map(|folder| Some(Former { folder, pulled: read(folder)? })).into_iter().flatten().collect();
    let pinned = former.iter().find_map(|former| former.pulled.commit.clone());
    let revision = hub.revision.clone().or(pinned).unwrap_or_else(|| source.revision.clone());
    let origin = if hub.from.contains("://") {
        Origin::Hub(Box::new(Client::new(hub)?))
    } else {
        Origin::Folder(Mirror::open(Path::new(&hub.from), &source.repo, &revision)?)
    };
    let (repo, from) = (source.repo.clone(), hub.from.clone());
    let pulled = Pulled { repo, revision, commit: None, from, files: Vec::new() };
    Pull { source, folder, aside: &aside, hub, origin, former, pulled }.run(tell)
}

/// What was fetched before, and lies in `folder`.
struct Former<'a> {
    folder: &'a Path,
    pulled: Pulled,
}

/// One model on its way.
struct Pull<'a> {
    source: &'a HubSource,
    folder: &'a Path,
    aside: &'a Path,
    hub: &'a Hub,
    origin: Origin,
    former: Vec<Former<'a>>,
    pulled: Pulled,
}

impl Pull<'_> {
    fn run(mut self, tell: Tell<'_>) -> Result<(), HubError> {
        // Small files first: what is missing or closed shows before a long wait.
        for name in &self.source.files {
            self.first_of(std::slice::from_ref(name), tell)?;
        }
        self.first_of(&self.source.weights, tell)?;
        // The weights come first in the list.
        self.pulled.files.rotate_right(1);
        self.put_in_place()
    }

    /// Fetches the first of `names` that the repository holds.
    fn first_of(&mut self, names: &[String], tell: Tell<'_>) -> Result<(), HubError> {
        let mut missing = None;
        for name in names {
            match self.file(name, tell) {
                Ok(file) => {
                    self.like_its_name(&file)?;
                    self.pulled.files.push(file);
                    return self.pulled.write(self.aside);
                }
                Err(HubError::NotFound { place, said, .. }) => missing = Some((place, said)),
                Err(error) => return Err(error),
            }
        }
        let (place, said) = missing.unwrap_or_default();
        Err(HubError::NotFound { what: names.join(" or "), place, said })
    }

    /// Where no hub says what a file hashes to, its name does.
    fn like_its_name(&self, file: &PulledFile) -> Result<(), HubError> {
        let expected = published_hash(&file.name).filter(|_| self.source.address.is_some());
        let Some(expected) = expected.filter(|expected| !file.sha256.starts_with(expected)) else { return Ok(()) };
        let path = self.aside.join(&file.name);
        // What came is of no use; that it cannot be removed costs room only.
        let _ = fs::remove_file(&path);
        let (from, found) = (format!("{} from {}", file.name, self.hub.from), file.sha256.clone());
        Err(HubError::Checksum { from, kind: "sha256", found, expected: format!("{expected}...") })
    }

    fn file(&mut self, name: &str, tell: Tell<'_>) -> Result<PulledFile, HubError> {
        let client = match &self.origin {
            Origin::Hub(client) => client,
            Origin::Folder(mirror) => {
                self.pulled.commit.clone_from(&mirror.commit);
                return mirror.copy(name, self.aside, tell);
            }
        };
        let revision = self.pulled.commit.as_ref().unwrap_or(&self.pulled.revision);
        let here = |former: &&Former<'_>| former.pulled.file(name).is_some_and(|file| file.lies_in(former.folder));
        let here: Vec<&Former<'_>> = self.former.iter().filter(here).collect();
        // A commit does not change.
        let same = here.iter().find(|former| former.pulled.commit.as_ref() == Some(revision));
        if let Some(file) = same.and_then(|former| former.pulled.file(name)) {
            self.pulled.commit = Some(revision.clone());
            return Ok(file.clone());
        }
        let place = Place::new(self.aside, name);
        let url = match &self.source.address {
            Some(_) => client.plain_url(name),
            None => client.url(&self.source.repo, revision, name),
        };
        let former = here.iter().filter_map(|former| former.pulled.file(name)).collect();
        let (file, commit) = Download { client, hub: self.hub, place: &place, url, former }.run(tell)?;
        if self.pulled.files.is_empty() {
            // All files are of the first one's commit; a later one cannot speak for it.
            self.pulled.commit = commit;
        }
        Ok(file)
    }

    /// All files are here: those that were fetched aside take the place of their forerunners.
    fn put_in_place(&self) -> Result<(), HubError> {
        for file in &self.pulled.files {
            let (from, to) = (self.aside.join(&file.name), self.folder.join(&file.name));
            if file.lies_in(self.aside) {
                fs::rename(from, &to).map_err(|e| HubError::io(&to, e))?;
            }
        }
        self.pulled.write(self.folder)?;
        // What cannot be removed costs room only.
        let _ = fs::remove_dir_all(self.aside);
        for name in self.source.weights.iter().filter(|name| self.pulled.file(name).is_none()) {
            let _ = fs::remove_file(self.folder.join(name));
        }
        Ok(())
    }
}

/// Held by one process at a time.
fn lock(folder: &Path) -> Result<File, HubError> {
    let path: PathBuf = folder.join(LOCK);
    let file = File::create(&path).map_err(|e| HubError::io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HubError::Busy(folder.display().to_string())),
        Err(TryLockError::Error(error)) => Err(HubError::io(&path, error)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_hub_is_held_to_its_name() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // Of "hello\n".
        let [good, bad] = ["w-5891b5b5.pth", "w-5891b5b6.pth"];
        for name in [good, bad] {
            fs::write(from.path().join(name), "hello\n").unwrap();
        }
        let pull_of = |names: &[&str]| {
            let source = HubSource {
                repo: "somebody/w".to_owned(),
                revision: "main".to_owned(),
                address: Some("http://files.test".to_owned()),
                weights: names.iter().map(|name| (*name).to_owned()).collect(),
                files: Vec::new(),
                size: 6,
            };
            let own = Hub::of_source(None, &source);
            assert_eq!((own.from.as_str(), own.token), ("http://files.test", None));
            pull(&source, to.path(), &Hub::of_source(from.path().to_str(), &source), &mut |_| true)
        };
        let damaged = pull_of(&[bad]).unwrap_err().to_string();
        assert!(damaged.contains("sha256 5891b5b522") && damaged.contains("expected 5891b5b6..."), "{damaged}");
        assert!(!to.path().join(bad).exists() && !to.path().join(ASIDE).join(bad).exists());
        pull_of(&["other-00000000.pth", good]).unwrap();
        assert_eq!(fs::read(to.path().join(good)).unwrap(), b"hello\n");
    }
}
