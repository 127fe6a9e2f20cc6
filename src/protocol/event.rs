//! The only way to drive the engine: commands in, events out. The same enums pass over a function call in the
//! terminal and over `postMessage` in the page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::plan::{ClusterCount, Plan};
use crate::album::{Cell, Failure};
use crate::collection::Collection;
use crate::describe::import::TextTable;

/// What the engine is told. All but the first work on the open album and recompute nothing upstream of it.
#[derive(Debug)]
pub enum Command {
    /// Make an album of a collection; it becomes the open one.
    Run {
        /// The pictures.
        collection: Collection,
        /// What to do with them.
        plan: Plan,
        /// Texts made elsewhere: what stands in [`Plan::text`], and the file's table.
        imports: Vec<(String, TextTable)>,
    },
    /// As [`Command::Run`]; then every representation is clustered again with each of `seeds`. Those cells come behind the
    /// run's own in the album.
    Study {
        /// The pictures.
        collection: Collection,
        /// What to do with them; its seed is the first.
        plan: Plan,
        /// As in [`Command::Run`].
        imports: Vec<(String, TextTable)>,
        /// The other seeds. Clusterers that draw nothing are not run again.
        seeds: Vec<u32>,
    },
    /// Lay out another representation of the open album: its map becomes the album's, clusters stay as they are.
    Map {
        /// One of the open album's representations.
        representation: String,
    },
    /// Make a cell the main one, so that clusters, names and map follow it; it is computed where it has not been tried.
    Cell(CellRequest),
    /// Rank the pictures by the likeness of their texts to these words.
    Search {
        /// A few words or a sentence.
        words: String,
    },
    /// Show how K-Means found the main cell: one [`Event::KMeans`] for each iteration of one run.
    TraceKMeans,
}

/// One representation to be clustered by one clusterer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellRequest {
    /// One of the open album's representations.
    pub representation: String,
    /// One of [`super::CLUSTERERS`].
    pub clusterer: String,
    /// How many clusters.
    pub k: ClusterCount,
    /// Seed of the clusterer.
    pub seed: u32,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The device that was chosen, and why.
    Device {
        /// The device.
        name: String,
        /// The reason.
        why: String,
    },
    /// A stage goes on: `done` of `total`, of which `cached` were read back, and a `part` of the next one.
    Progress {
        /// Which.
        stage: Stage,
        /// Finished items.
        done: usize,
        /// How much of the item at work is done, in [0, 1]: 0 where items are short.
        part: f64,
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
    /// These pictures have been through the networks, in the order of the album's rows.
    Pictures(Vec<Seen>),
    /// A picture could not be used; the run goes on.
    PictureFailed(Failure),
    /// What a network says of some pictures: a caption, or an answer to a question of the plan.
    Texts {
        /// The network, and the question where there is one.
        column: String,
        /// Row in the album, and text.
        texts: Vec<(usize, String)>,
    },
    /// Cells are known (all of them, so far): colours can be shown before the map is final.
    Clustered {
        /// Every cell of the album.
        cells: Vec<Cell>,
        /// Index of the one that is shown.
        main_cell: usize,
    },
    /// The map as it is now: at most some ten times a second while it is computed, and once when it is final.
    Layout {
        /// The representation that is laid out.
        representation: String,
        /// Steps done.
        done: usize,
        /// All steps; equal to `done` when the map is final.
        total: usize,
        /// `x, y` of each picture, little-endian `f32`.
        #[serde(with = "serde_bytes")]
        points: Vec<u8>,
    },
    /// One iteration of K-Means, after [`Command::TraceKMeans`].
    KMeans {
        /// From 0, where every picture is with the nearest first centre.
        iteration: usize,
        /// Sum of squared distances to the nearest centre.
        inertia: f64,
        /// Cluster of each picture.
        labels: Vec<i32>,
        /// Whether this is the last one.
        last: bool,
    },
    /// Pictures by likeness, after [`Command::Search`]: the best first.
    Found {
        /// What was searched for.
        words: String,
        /// Picture and cosine of the angle between its text and the words, in [-1, 1].
        pictures: Vec<(usize, f32)>,
    },
    /// Something a person should know.
    Note(String),
    /// The open album is whole, and its main cell is what was asked for.
    Done,
}

/// A picture that has been through the networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// As in the collection.
    pub file: String,
    /// Index into the collection's label names.
    pub label: Option<u32>,
    /// A small JPEG of what the networks saw; empty where none could be made.
    #[serde(with = "serde_bytes")]
    pub thumbnail: Vec<u8>,
}

/// Asks a running engine to stop at the next batch or step; clones share one wish.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Takes the wish back: the next command is not the one that was to stop.
    pub fn renew(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
