//! The only way to drive the engine: commands in, events out. The same enums pass over a function call in the
//! terminal and over `postMessage` in the page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::album::{Album, Failure};
use crate::collection::Collection;

/// What the engine is told.
#[derive(Debug)]
pub enum Command {
    /// Make an album of a collection.
    Run {
        /// The pictures.
        collection: Collection,
        /// What to do with them.
        plan: Plan,
    },
}

/// The stages of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Open the device, read the networks.
    Models,
    /// Decode, resize, run the image networks.
    Pictures,
    /// Put pictures into words and words into vectors.
    Words,
    /// Choose k, cluster, score.
    Clusters,
    /// Lay out the map.
    Map,
    /// Name and explain the clusters.
    Names,
}

impl Stage {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Pictures => "pictures",
            Self::Words => "words",
            Self::Clusters => "clusters",
            Self::Map => "map",
            Self::Names => "names",
        }
    }
}

/// What the engine tells.
#[derive(Debug)]
pub enum Event {
    /// The device that was chosen, and why.
    Device {
        /// The device.
        name: String,
        /// The reason.
        why: String,
    },
    /// A stage goes on: `done` of `total`, of which `cached` were read back.
    Progress {
        /// Which.
        stage: Stage,
        /// Finished items.
        done: usize,
        /// All items.
        total: usize,
        /// Items that came from the cache.
        cached: usize,
    },
    /// A stage ended.
    StageDone {
        /// Which.
        stage: Stage,
        /// Wall seconds.
        seconds: f64,
        /// Items handled.
        items: usize,
        /// Items that came from the cache.
        cached: usize,
    },
    /// A picture could not be used; the run goes on.
    PictureFailed(Failure),
    /// Something a person should know.
    Note(String),
    /// The album is whole.
    Done(Box<Album>),
}

/// Asks a running engine to stop at the next batch or step; clones share one wish.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
