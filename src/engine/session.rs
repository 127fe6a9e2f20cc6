//! One run's connection to the outside: events out, cancellation in, the store, the clock.

use super::RunError;
use crate::album::{Failure, Timing};
use crate::protocol::{Cancel, Event, Stage};
use crate::runtime::Stopwatch;
use crate::store::{BlobStore, Key};

/// Seconds between two parts of an item that are told: steps may be far shorter.
const TELL_EVERY: f64 = 0.1;

/// What every stage of a run may use.
pub(super) struct Session<'a> {
    pub(super) store: &'a dyn BlobStore,
    emit: &'a mut dyn FnMut(Event),
    cancel: Cancel,
    pub(super) failures: Vec<Failure>,
    pub(super) timings: Vec<Timing>,
    items: usize,
    cached: usize,
    store_failed: bool,
    /// Stage, done, total, cached: what was told last.
    told: (Stage, usize, usize, usize),
    /// Since then, or since a part of the item at work was told.
    told_at: Stopwatch,
}

impl<'a> Session<'a> {
    pub(super) fn new(store: &'a dyn BlobStore, cancel: Cancel, emit: &'a mut dyn FnMut(Event)) -> Self {
        Self {
            store,
            emit,
            cancel,
            failures: Vec::new(),
            timings: Vec::new(),
            items: 0,
            cached: 0,
            store_failed: false,
            told: (Stage::Models, 0, 0, 0),
            told_at: Stopwatch::start(),
        }
    }

    /// Tells how far a stage is.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] when somebody asked to stop.
    pub(super) fn progress(&mut self, stage: Stage, done: usize, total: usize, cached: usize) -> Result<(), RunError> {
        self.told = (stage, done, total, cached);
        self.told_at = Stopwatch::start();
        (self.emit)(Event::Progress { stage, done, part: 0.0, total, cached });
        self.check()
    }

    /// Tells how much of the item at work is done, in [0, 1]: one that takes long, of the stage that was told last.
    ///
    /// # Errors
    /// As [`progress`](Self::progress).
    pub(super) fn part(&mut self, part: f64) -> Result<(), RunError> {
        if self.told_at.seconds() > TELL_EVERY {
            self.told_at = Stopwatch::start();
            let (stage, done, total, cached) = self.told;
            (self.emit)(Event::Progress { stage, done, part: part.clamp(0.0, 1.0), total, cached });
        }
        self.check()
    }

    /// # Errors
    /// [`RunError::Cancelled`] when somebody asked to stop.
    pub(super) fn check(&self) -> Result<(), RunError> {
        if self.cancel.is_cancelled() { Err(RunError::Cancelled) } else { Ok(()) }
    }

    /// Adds to what the current stage handled.
    pub(super) fn count(&mut self, items: usize, cached: usize) {
        self.items += items;
        self.cached += cached;
    }

    /// Ends a stage that began at `clock`.
    pub(super) fn done(&mut self, stage: Stage, clock: Stopwatch) {
        let seconds = clock.seconds();
        let (items, cached) = (std::mem::take(&mut self.items), std::mem::take(&mut self.cached));
        self.timings.push(Timing { stage: stage.title().to_owned(), seconds, items, cached });
        (self.emit)(Event::StageDone { stage, seconds, items, cached });
    }

    /// Tells a person something.
    pub(super) fn note(&mut self, text: String) {
        (self.emit)(Event::Note(text));
    }

    /// Passes an event on.
    pub(super) fn emit(&mut self, event: Event) {
        (self.emit)(event);
    }

    /// Sets a picture aside; the run goes on.
    pub(super) fn failed(&mut self, failure: Failure) {
        (self.emit)(Event::PictureFailed(failure.clone()));
        self.failures.push(failure);
    }

    /// Keeps something in the store. A store that cannot be written costs time, not the run: it is said once.
    pub(super) fn keep(&mut self, key: &Key, bytes: &[u8]) {
        if self.store_failed {
            return;
        }
        if let Err(error) = self.store.put(key, bytes) {
            self.store_failed = true;
            self.note(format!("{error}; going on without keeping results, a later run will compute them again"));
        }
    }

    /// Keeps a value as JSON; [`super::cache::get_json`] reads it.
    pub(super) fn keep_json(&mut self, key: &Key, value: &impl serde::Serialize) {
        // Only a map with keys that are no strings fails to become JSON, and nothing kept here holds one.
        if let Ok(json) = serde_json::to_vec(value) {
            self.keep(key, &json);
        }
    }
}
