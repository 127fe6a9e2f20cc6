//! What lies open, and what the page may ask for at any time, also while a command runs.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use gistmap::collection::{Collection, Content, Source};
use gistmap::engine::Hands;
use gistmap::image::{self, Rgb};
use gistmap::protocol::{Cancel, Event, Seen};
use gistmap_web::protocol::FromEngine;
use web_sys::WorkerGlobalScope;

use super::files::Files;
use super::hands::WorkerHands;
use super::mail::send;

/// Shared by the session, which carries out one command after the other, and by what answers at once.
pub(crate) struct Desk {
    pub(crate) hands: WorkerHands,
    /// Asks the command that runs to stop.
    pub(crate) cancel: Cancel,
    busy: Cell<bool>,
    /// Where the bytes of each picture of the open collection are, by its file.
    sources: RefCell<HashMap<String, Source>>,
    /// Files of the pictures in the order of the album's rows.
    rows: RefCell<Vec<String>>,
}

impl Desk {
    pub(crate) fn new(scope: WorkerGlobalScope) -> Self {
        Self {
            hands: WorkerHands::new(scope),
            cancel: Cancel::default(),
            busy: Cell::new(false),
            sources: RefCell::default(),
            rows: RefCell::default(),
        }
    }

    /// A command begins: what was asked of the one before does not concern it.
    pub(crate) fn begin(&self) {
        self.cancel.renew();
        self.busy.set(true);
    }

    /// A command ended.
    pub(crate) fn end(&self) {
        self.busy.set(false);
    }

    /// Stops the command that runs; without one there is nothing to stop.
    pub(crate) fn stop(&self) {
        if self.busy.get() {
            self.cancel.cancel();
        }
    }

    /// Pictures are read from this collection and these files from now on.
    pub(crate) fn lay_open(&self, collection: &Collection, files: Files) {
        self.hands.hold(files);
        let source = |item: &gistmap::collection::Item| (item.file.clone(), item.source.clone());
        self.sources.replace(collection.items.iter().map(source).collect());
        self.rows.borrow_mut().clear();
    }

    /// Learns from a run which picture is in which row.
    pub(crate) fn hear(&self, event: &Event) {
        match event {
            // A run begins, and with it the rows.
            Event::Device { .. } => self.rows.borrow_mut().clear(),
            Event::Pictures(seen) => self.rows.borrow_mut().extend(seen.iter().map(|Seen { file, .. }| file.clone())),
            _ => {}
        }
    }

    /// Sends the bytes of a picture to the page; none where they cannot be had.
    pub(crate) fn send_picture(&self, picture: usize) {
        let read = || {
            let source = self.sources.borrow().get(self.rows.borrow().get(picture)?)?.clone();
            match self.hands.read(&source).ok()? {
                Content::Encoded(bytes) => Some(bytes),
                // Pixels alone are nothing that a page can show.
                Content::Rgb8 { width, height, pixels } => {
                    image::thumbnail(&Rgb::new(width, height, pixels)?, width.max(height)).ok()
                }
            }
        };
        send(&FromEngine::Picture { picture, bytes: read().unwrap_or_default() });
    }
}
