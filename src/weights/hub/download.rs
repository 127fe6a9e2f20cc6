//! One file of a hub into its place: written to `FILE.partial`, gone on with where it broke off, checked, renamed last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::checksum::{Checksum, Hashed};
use super::http::{Answer, Client, NoAnswer, Rest};
use super::{Hub, HubError, PullEvent, PulledFile, Tell};
use crate::runtime::rest;

/// Bytes that are read before somebody hears of it.
const CHUNK: usize = 1 << 18;
/// The longest wait that a hub may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Where a file goes, and where it lies until it is whole.
pub(super) struct Place {
    name: String,
    path: PathBuf,
    partial: PathBuf,
    begun: PathBuf,
}

impl Place {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let aside = |ending: &str| folder.join(format!("{name}{ending}"));
        let (partial, begun) = (aside(".partial"), aside(".partial.json"));
        Self { name: name.to_owned(), path: folder.join(name), partial, begun }
    }

    /// Bytes that are here.
    fn length(&self) -> u64 {
        fs::metadata(&self.partial).map_or(0, |found| found.len())
    }

    /// What is here and what it is the beginning of; `None` when that cannot be told.
    fn begun(&self) -> Option<(u64, Begun)> {
        let begun = serde_json::from_slice(&fs::read(&self.begun).ok()?).ok()?;
        Some((self.length(), begun)).filter(|(length, _)| *length > 0)
    }

    fn throw_away(&self) {
        // What cannot be removed is overwritten, or that fails and says so.
        let _ = fs::remove_file(&self.begun);
        let _ = fs::remove_file(&self.partial);
    }
}

/// What a partial file is the beginning of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    /// By which the rest can be asked for.
    tag: Option<String>,
    /// What the whole hashes to.
    checksum: Option<String>,
    commit: Option<String>,
    size: Option<u64>,
}

/// Why an attempt gave no file.
enum Failure {
    /// Worth another try, after this long where the hub says.
    Passing(String, Option<Duration>),
    /// What was here belongs to something else: from the start, and at once.
    Restart(String),
    Final(HubError),
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

/// A file on its way.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client,
    pub(super) hub: &'a Hub,
    pub(super) place: &'a Place,
    pub(super) url: String,
    /// What is here of it, whole, of other revisions.
    pub(super) former: Vec<&'a PulledFile>,
}

impl Download<'_> {
    /// Fetches the file; also gives the commit that it is of.
    pub(super) fn run(&self, tell: Tell<'_>) -> Result<(PulledFile, Option<String>), HubError> {
        let (mut failures, mut furthest) = (0, self.place.length());
        loop {
            let (reason, wait) = match self.attempt(tell) {
                Ok(file) => return Ok(file),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Restart(reason)) => {
                    self.place.throw_away();
                    (reason, Some(Duration::ZERO))
                }
                Err(Failure::Passing(reason, wait)) => (reason, wait),
            };
            // Whoever comes further each time may go on for ever.
            if self.place.length() > furthest {
                (failures, furthest) = (0, self.place.length());
            }
            failures += 1;
            let wait = wait.unwrap_or(self.hub.first_wait * 2u32.saturating_pow(failures - 1));
            if failures >= self.hub.tries {
                return Err(HubError::Broken { url: self.url.clone(), reason });
            }
            if wait > LONGEST_WAIT {
                let reason = format!("{reason}, and asks to come back in {} minutes", wait.as_secs().div_ceil(60));
                return Err(HubError::Broken { url: self.url.clone(), reason });
            }
            pause(&reason, wait, tell)?;
        }
    }

    fn attempt(&self, tell: Tell<'_>) -> Result<(PulledFile, Option<String>), Failure> {
        let here = self.place.begun();
        // Without a tag, the hash of the whole tells whether both parts are of one file.
        let here = here.filter(|(_, begun)| begun.tag.is_some() || begun.checksum.is_some());
        let short = here.as_ref().filter(|(length, begun)| begun.size != Some(*length));
        let rest = short.map(|(from, begun)| Rest { from: *from, tag: begun.tag.as_deref() });
        let answer = self.client.get(&self.url, rest).map_err(|no| match no {
            NoAnswer::Passing(reason) => Failure::Passing(reason, None),
            NoAnswer::Final(error) => Failure::Final(error),
        })?;
        match answer.status {
            200 | 206 => {}
            416 if let Some((length, begun)) = &here => {
                return Err(Failure::Restart(broken_off(*length, begun.size, "nothing follows")));
            }
            status => return Err(self.refusal(status, answer)),
        }
        let digits = answer.checksum.as_ref().map(Checksum::digits);
        if let Some(same) = self.former.iter().find(|file| file.tag.is_some() && file.tag.as_deref() == digits) {
            self.place.throw_away();
            return Ok(((*same).clone(), answer.commit));
        }
        if let Some((length, begun)) = here.as_ref().filter(|_| rest.is_none() && digits.is_some())
            && begun.checksum.as_deref() == digits
        {
            return self.finish(&Begun { commit: answer.commit, ..begun.clone() }, *length);
        }
        let from = if answer.status == 206 { self.goes_on(here.as_ref(), &answer)? } else { 0 };
        let begun = self.begin(from, &answer)?;
        let done = self.receive(from, &begun, answer.body, tell)?;
        self.finish(&begun, done)
    }

    /// The first byte that a part gives; an error unless it is the one after those that are here.
    fn goes_on(&self, here: Option<&(u64, Begun)>, answer: &Answer) -> Result<u64, Failure> {
        let Some((length, begun)) = here else {
            let reason = "a part is sent where the whole was asked for".to_owned();
            return Err(HubError::Answer { url: self.url.clone(), reason }.into());
        };
        let checksum = answer.checksum.as_ref().map(|checksum| checksum.digits().to_owned());
        match answer.part {
            Some((first, total)) if first == *length && checksum == begun.checksum => {
                let agreed = begun.size.is_none() || total.is_none() || begun.size == total;
                if agreed { Ok(first) } else { Err(another_version()) }
            }
            _ => Err(another_version()),
        }
    }

    /// Writes down what the partial file is the beginning of.
    fn begin(&self, from: u64, answer: &Answer) -> Result<Begun, Failure> {
        let sent = match answer.part {
            Some((_, total)) if answer.status == 206 => total,
            _ => answer.length,
        };
        if let (Some(expected), Some(found)) = (answer.size, sent)
            && expected != found
        {
            return Err(HubError::Length { url: self.url.clone(), expected, found }.into());
        }
        let begun = Begun {
            tag: answer.tag.clone(),
            checksum: answer.checksum.as_ref().map(|checksum| checksum.digits().to_owned()),
            commit: answer.commit.clone(),
            size: answer.size.or(sent),
        };
        if from == 0 {
            // The old beginning goes before its description changes.
            let written = File::create(&self.place.partial).map(drop);
            written.map_err(|e| write_failed(&self.place.partial, e, begun.size))?;
        }
        let json = serde_json::to_vec(&begun).map_err(|e| HubError::io(&self.place.begun, e.into()))?;
        fs::write(&self.place.begun, json).map_err(|e| write_failed(&self.place.begun, e, begun.size))?;
        Ok(begun)
    }

    /// Appends what comes; gives the length of what is here then.
    fn receive(&self, from: u64, begun: &Begun, mut body: impl Read, tell: Tell<'_>) -> Result<u64, Failure> {
        let partial = &self.place.partial;
        let mut file = OpenOptions::new().append(true).open(partial).map_err(|e| HubError::io(partial, e))?;
        let (mut done, mut buffer) = (from, vec![0; CHUNK]);
        let event = PullEvent::File { name: self.place.name.clone(), done, total: begun.size };
        let mut going = tell(&event);
        while going {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Passing(broken_off(done, begun.size, &error.to_string()), None)),
            };
            let missing = begun.size.map(|size| size.saturating_sub(done));
            file.write_all(&buffer[..read]).map_err(|e| write_failed(partial, e, missing))?;
            done += read as u64;
            if let Some(expected) = begun.size.filter(|size| done > *size) {
                self.place.throw_away();
                return Err(HubError::Length { url: self.url.clone(), expected, found: done }.into());
            }
            going = tell(&PullEvent::Bytes(done));
        }
        if !going {
            return Err(HubError::Stopped.into());
        }
        if begun.size.is_some_and(|size| done < size) {
            return Err(Failure::Passing(broken_off(done, begun.size, "the connection ended"), None));
        }
        Ok(done)
    }

    /// Checks what is here and puts it into its place.
    fn finish(&self, begun: &Begun, length: u64) -> Result<(PulledFile, Option<String>), Failure> {
        let place = self.place;
        let hashed = Hashed::of(&place.partial).map_err(|e| HubError::io(&place.partial, e))?;
        if hashed.size != length {
            return Err(another_version());
        }
        let expected = begun.checksum.as_deref().and_then(Checksum::from_tag);
        if let Some(expected) = expected.filter(|expected| hashed.like(expected) != expected.digits()) {
            place.throw_away();
            let (found, from) = (hashed.like(&expected).to_owned(), self.url.clone());
            let (kind, expected) = (expected.kind(), expected.digits().to_owned());
            return Err(HubError::Checksum { from, kind, found, expected }.into());
        }
        fs::rename(&place.partial, &place.path).map_err(|e| HubError::io(&place.path, e))?;
        // Of no use any more, and no harm.
        let _ = fs::remove_file(&place.begun);
        let (name, tag) = (place.name.clone(), begun.checksum.clone());
        Ok((PulledFile { name, size: hashed.size, sha256: hashed.sha256, tag }, begun.commit.clone()))
    }

    /// What a status that is no success means.
    fn refusal(&self, status: u16, answer: Answer) -> Failure {
        let (url, said) = (self.url.clone(), answer.said);
        match status {
            408 | 429 | 500..=599 => Failure::Passing(format!("the hub answers {status}{said}"), answer.retry_after),
            401 | 403 => HubError::Refused { url, status, said }.into(),
            404 if ["RepoNotFound", "RevisionNotFound"].contains(&answer.code.as_str()) => {
                let reason = format!("the hub has no such repository or revision (status 404{said})");
                HubError::Answer { url, reason }.into()
            }
            404 => HubError::NotFound { what: self.place.name.clone(), place: url, said }.into(),
            _ => HubError::Answer { url, reason: format!("the hub answers {status}{said}") }.into(),
        }
    }
}

fn another_version() -> Failure {
    Failure::Restart("what was here is the beginning of another version".to_owned())
}

fn broken_off(done: u64, total: Option<u64>, reason: &str) -> String {
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    format!("broke off after {done}{of} bytes: {reason}")
}

/// Why a file cannot be written, `missing` bytes before its end.
pub(super) fn write_failed(path: &Path, cause: io::Error, missing: Option<u64>) -> HubError {
    if cause.kind() != io::ErrorKind::StorageFull {
        return HubError::io(path, cause);
    }
    let needed = missing.map_or_else(|| "it".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
    HubError::DiskFull { path: path.display().to_string(), needed }
}

/// Waits, but not longer than somebody wants to.
fn pause(reason: &str, wait: Duration, tell: Tell<'_>) -> Result<(), HubError> {
    let retry = PullEvent::Retry { reason: reason.to_owned(), wait };
    let going = tell(&retry) && rest(wait, &mut || tell(&PullEvent::Waiting));
    if going { Ok(()) } else { Err(HubError::Stopped) }
}
