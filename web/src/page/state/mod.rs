//! All that the page knows, as signals.
//!
//! What the engine tells changes it in one place, [`State::apply`] (`apply.rs`); what a person does changes it through
//! the methods below. Views read it and own nothing but their looks; `link` alone speaks to the engine.

mod apply;
mod colours;
mod models;
mod pictures;
mod progress;
mod replay;
mod selection;

use std::collections::HashMap;
use std::sync::Arc;

use gistmap::album::view::AlbumView;
use gistmap::album::{Cell, ClusterSummary, Failure};
use gistmap::protocol::Plan;
use leptos::prelude::*;

use colours::Palette;
pub(crate) use colours::{ColourBy, Colouring, Theme, clusters_of};
pub(crate) use models::{Models, is_had};
pub(crate) use pictures::{Pictures, blob};
pub(crate) use progress::{Fetch, STAGES, StageProgress, StageState, now};
pub(crate) use replay::{Film, KMeansFrame, Replay, Teaching};
pub(crate) use selection::{Origin, Selection};

/// Where the page stands; also `data-state` of the document, for tests and styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is open.
    Empty,
    /// Files are gathered, or the engine reads what was chosen.
    Opening,
    /// A run is under way.
    Running,
    /// An album is open.
    Done,
    /// What was asked for ended in an error; the reason is in the toasts.
    Failed,
}

impl Phase {
    /// The attribute's value.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Opening => "opening",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// What computes, in the engine's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// Whether networks run on WebGPU.
    pub(crate) webgpu: bool,
    /// One sentence.
    pub(crate) about: String,
}

/// A message that a person can put away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toast {
    /// Tells toasts apart.
    pub(crate) id: u32,
    /// Whether something went wrong.
    pub(crate) bad: bool,
    /// What happened and what to do.
    pub(crate) text: String,
}

/// What is seen where there is room for one pane only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pane {
    /// The map.
    Map,
    /// Picture and grid.
    Pictures,
    /// Recipe and clusters.
    Clusters,
    /// Experiments, replay, explanations, problems.
    Lab,
}

/// The sheets of the lab, below the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sheet {
    /// A study's table.
    Study,
    /// Every tried cell.
    Experiments,
    /// K-Means and t-SNE, step by step.
    Replay,
    /// Which labels went into which clusters.
    Labels,
    /// Each stage, and what it did to these pictures.
    Explain,
    /// What could not be used.
    Problems,
}

/// Pictures by likeness to some words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// What was searched for.
    pub(crate) words: String,
    /// Picture and cosine, best first.
    pub(crate) pictures: Arc<Vec<(u32, f32)>>,
}

/// The map as it is: points of a representation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// What is laid out.
    pub(crate) representation: String,
    /// `x, y` of each picture.
    pub(crate) points: Arc<Vec<f32>>,
    /// Steps done.
    pub(crate) done: usize,
    /// All steps; equal to `done` when it is final.
    pub(crate) total: usize,
}

/// Columns of texts, each by picture.
pub(crate) type Texts = std::collections::BTreeMap<String, HashMap<usize, String>>;

/// A cluster as the list shows it; words come when they are known.
pub(crate) type Cluster = ClusterSummary;

/// The page's whole state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) phase: RwSignal<Phase>,
    pub(crate) device: RwSignal<Option<Device>>,
    pub(crate) title: RwSignal<String>,
    /// Pictures to go through.
    pub(crate) expected: RwSignal<usize>,
    /// Files that are no pictures.
    pub(crate) ignored: RwSignal<usize>,
    pub(crate) label_names: RwSignal<Arc<Vec<String>>>,
    pub(crate) pictures: Pictures,
    pub(crate) stages: RwSignal<StageState>,
    pub(crate) models: Models,
    /// What networks have said of the pictures in this run: the latest of each column, by picture.
    pub(crate) texts: RwSignal<Texts>,
    /// The plan that the next run gets.
    pub(crate) plan: RwSignal<Plan>,
    /// A cell is being computed on the open album.
    pub(crate) busy: RwSignal<bool>,
    pub(crate) cells: RwSignal<Arc<Vec<Cell>>>,
    pub(crate) main_cell: RwSignal<usize>,
    pub(crate) album: RwSignal<Option<Arc<AlbumView>>>,
    /// Files that the engine can make of the album.
    pub(crate) files: RwSignal<Arc<Vec<String>>>,
    pub(crate) layout: RwSignal<Option<Layout>>,
    /// The last map of each representation.
    pub(crate) maps: RwSignal<HashMap<String, Arc<Vec<f32>>>>,
    pub(crate) failures: RwSignal<Arc<Vec<Failure>>>,
    pub(crate) found: RwSignal<Option<Found>>,
    pub(crate) searching: RwSignal<bool>,
    pub(crate) teaching: Teaching,
    pub(crate) selection: RwSignal<Selection>,
    pub(crate) hover: RwSignal<Option<u32>>,
    pub(crate) hover_cluster: RwSignal<Option<i32>>,
    /// The picture that the inspector shows.
    pub(crate) current: RwSignal<Option<u32>>,
    /// The picture is shown as large as the window.
    pub(crate) enlarged: RwSignal<bool>,
    pub(crate) colour_by: RwSignal<ColourBy>,
    pub(crate) theme: RwSignal<Theme>,
    pub(crate) pane: RwSignal<Pane>,
    pub(crate) sheet: RwSignal<Option<Sheet>>,
    /// Dragging on the map draws a lasso.
    pub(crate) lasso: RwSignal<bool>,
    /// The cell that is shown beside the main one.
    pub(crate) beside: RwSignal<Option<usize>>,
    pub(crate) toasts: RwSignal<Vec<Toast>>,
    /// For screen readers: what has just changed.
    pub(crate) said: RwSignal<String>,
    next_toast: StoredValue<u32>,
    /// The cluster of each picture, as it is shown: a replay's, or the main cell's.
    pub(crate) assignment: Memo<Arc<Vec<i32>>>,
    /// The main cell's clusters.
    pub(crate) clusters: Memo<Arc<Vec<Cluster>>>,
    pub(crate) colouring: Memo<Colouring>,
    /// What the grid lists, in its order.
    pub(crate) listed: Memo<Arc<Vec<u32>>>,
}

impl State {
    /// Nothing is open.
    pub(crate) fn new() -> Self {
        let cells = RwSignal::new(Arc::new(Vec::<Cell>::new()));
        let main_cell = RwSignal::new(0);
        let album = RwSignal::new(None);
        let pictures = Pictures::new();
        let teaching = Teaching::new();
        let selection = RwSignal::new(Selection::default());
        let found = RwSignal::new(None);
        let colour_by = RwSignal::new(ColourBy::Cluster);
        let theme = RwSignal::new(Theme::of_document());
        let label_names = RwSignal::new(Arc::new(Vec::new()));
        let main_labels = Memo::new(move |_| {
            cells.with(|c| c.get(main_cell.get()).map_or_else(Arc::default, |c| Arc::new(c.labels.clone())))
        });
        let assignment = Memo::new(move |_| teaching.labels().unwrap_or_else(|| main_labels.get()));
        let clusters = Memo::new(move |_| Arc::new(clusters(&main_labels.get(), album.get().as_deref())));
        let palette = Memo::new(move |_| {
            Palette::new(theme.get(), assignment.with(|a| clusters_of(a)), label_names.with(|l| l.len()))
        });
        let colouring = Memo::new(move |_| {
            Colouring::new(colour_by.get(), palette.get(), &assignment.get(), &pictures, found.get().as_ref())
        });
        let listed =
            Memo::new(move |_| selection::listed(&selection.get(), found.get().as_ref(), &pictures, &main_labels));
        Self {
            phase: RwSignal::new(Phase::Empty),
            device: RwSignal::new(None),
            title: RwSignal::new(String::new()),
            expected: RwSignal::new(0),
            ignored: RwSignal::new(0),
            label_names,
            pictures,
            stages: RwSignal::new(StageState::default()),
            models: Models::new(),
            texts: RwSignal::new(Texts::default()),
            plan: RwSignal::new(Plan::default()),
            busy: RwSignal::new(false),
            cells,
            main_cell,
            album,
            files: RwSignal::new(Arc::default()),
            layout: RwSignal::new(None),
            maps: RwSignal::new(HashMap::new()),
            failures: RwSignal::new(Arc::default()),
            found,
            searching: RwSignal::new(false),
            teaching,
            selection,
            hover: RwSignal::new(None),
            hover_cluster: RwSignal::new(None),
            current: RwSignal::new(None),
            enlarged: RwSignal::new(false),
            colour_by,
            theme,
            pane: RwSignal::new(Pane::Map),
            sheet: RwSignal::new(None),
            lasso: RwSignal::new(false),
            beside: RwSignal::new(None),
            toasts: RwSignal::new(Vec::new()),
            said: RwSignal::new(String::new()),
            next_toast: StoredValue::new(0),
            assignment,
            clusters,
            colouring,
            listed,
        }
    }

    /// Shows a message until it is put away; the same text is not shown twice.
    pub(crate) fn toast(&self, bad: bool, text: impl Into<String>) {
        let text = text.into();
        let id = self.next_toast.get_value();
        self.next_toast.set_value(id + 1);
        self.toasts.update(|toasts| {
            toasts.retain(|t| t.text != text);
            toasts.push(Toast { id, bad, text });
        });
    }

    /// Whether the open album is that of a study.
    pub(crate) fn is_study(&self) -> bool {
        self.album.with(|album| album.as_ref().is_some_and(|album| album.study.is_some()))
    }

    /// The sheet that the lab opens with.
    pub(crate) fn first_sheet(&self) -> Sheet {
        if self.is_study() { Sheet::Study } else { Sheet::Experiments }
    }

    /// The main cell.
    pub(crate) fn cell(&self) -> Option<Cell> {
        self.cells.with(|cells| cells.get(self.main_cell.get()).cloned())
    }

    /// The name of a label.
    pub(crate) fn label_name(&self, label: u32) -> String {
        self.label_names.with(|names| names.get(label as usize).cloned().unwrap_or_default())
    }

    /// The name of a cluster of the main cell.
    pub(crate) fn cluster_name(&self, cluster: i32) -> String {
        self.clusters.with(|clusters| {
            clusters.iter().find(|c| c.cluster == cluster).map_or_else(|| numbered(cluster), shown_name)
        })
    }
}

/// A cluster's name, or its number where no words are known.
pub(crate) fn shown_name(cluster: &Cluster) -> String {
    if cluster.name.is_empty() { numbered(cluster.cluster) } else { cluster.name.clone() }
}

fn numbered(cluster: i32) -> String {
    if cluster < 0 { "noise".to_owned() } else { format!("Cluster {}", cluster + 1) }
}

/// The album's clusters where they are those of `labels`; otherwise only sizes are known.
fn clusters(labels: &[i32], album: Option<&AlbumView>) -> Vec<Cluster> {
    if let Some(album) = album
        && album.cells.get(album.main_cell).is_some_and(|c| c.labels == labels)
    {
        return album.clusters.clone();
    }
    let mut sizes = std::collections::BTreeMap::<i32, usize>::new();
    for label in labels {
        *sizes.entry(*label).or_default() += 1;
    }
    let bare = |(cluster, size)| Cluster {
        cluster,
        size,
        name: String::new(),
        named_by: None,
        keywords: Vec::new(),
        exemplars: Vec::new(),
        purity: None,
        majority: None,
    };
    sizes.into_iter().map(bare).collect()
}
