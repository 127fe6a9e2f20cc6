//! The one place where what the engine tells changes what the page knows.

use std::collections::HashMap;
use std::sync::Arc;

use gistmap::album::view::AlbumView;
use gistmap::protocol::{Event, Stage};
use gistmap_web::protocol::{FromEngine, Trouble};
use leptos::prelude::*;

use super::{
    Device, Fetch, Found, KMeansFrame, Layout, Origin, Pane, Phase, Selection, Sheet, StageState, State, Texts, now,
};

impl State {
    /// Takes in a message. Files, pictures and device losses are `link`'s, which acts on them before.
    pub(crate) fn apply(&self, message: FromEngine) {
        match message {
            FromEngine::Ready { webgpu, about } | FromEngine::Device { webgpu, about } => {
                self.device.set(Some(Device { webgpu, about }));
            }
            FromEngine::Fetching { name, done, total } => {
                // What a run fetches for itself is the run's.
                if self.phase.get_untracked() != Phase::Running && !self.searching.get_untracked() {
                    self.models.coming.set(Some(Fetch { name: name.clone(), done, total }));
                }
                self.stages.update(|s| s.fetch(name, done, total));
            }
            FromEngine::Models { lines, networks, trouble } => {
                let came = self.models.learn(lines, networks);
                match (trouble, came) {
                    (Some(what), _) => self.toast(true, what),
                    (None, Some(name)) => {
                        self.toast(false, format!("{name} is here. Choose it under “Measure differently”."));
                    }
                    (None, None) => {}
                }
            }
            FromEngine::Opened { title, pictures, label_names, ignored, album } => {
                self.forget_run();
                self.title.set(title);
                self.expected.set(pictures);
                self.ignored.set(ignored);
                self.label_names.set(Arc::new(label_names));
                if !album {
                    self.phase.set(Phase::Running);
                }
            }
            FromEngine::Event(event) => self.event(event),
            FromEngine::Album { view, files } => self.album(*view, files),
            FromEngine::Failed { trouble, message } => self.failed(trouble, message),
            FromEngine::File { .. } | FromEngine::Picture { .. } => {}
        }
    }

    /// Files are being gathered.
    pub(crate) fn opening(&self) {
        self.forget_run();
        self.title.set(String::new());
        self.expected.set(0);
        self.phase.set(Phase::Opening);
    }

    /// A run begins anew over what is open: what it will tell again is forgotten.
    pub(crate) fn forget_run(&self) {
        self.pictures.clear();
        self.stages.update(StageState::restart);
        self.busy.set(false);
        self.cells.set(Arc::default());
        self.main_cell.set(0);
        self.album.set(None);
        self.files.set(Arc::default());
        self.layout.set(None);
        self.maps.set(HashMap::new());
        self.failures.set(Arc::default());
        self.texts.update(Texts::clear);
        self.found.set(None);
        self.searching.set(false);
        self.teaching.clear();
        self.selection.set(Selection::default());
        self.hover.set(None);
        self.hover_cluster.set(None);
        self.current.set(None);
        self.enlarged.set(false);
        self.beside.set(None);
        self.pane.set(Pane::Map);
        self.sheet.update(|sheet| *sheet = sheet.filter(|sheet| *sheet != Sheet::Study));
    }

    fn event(&self, event: Event) {
        match event {
            Event::Device { name, why } => {
                self.stages.update(|s| s.device = Some((name, why)));
            }
            Event::Progress { stage, done, part, total, cached } => {
                self.stages.update(|s| s.report(stage, (done, part), total, cached, now()));
            }
            Event::StageDone { stage, seconds, items, cached } => {
                self.stages.update(|s| s.end(stage, seconds, items, cached));
                self.said.set(format!("{} done", stage.title()));
            }
            Event::Pictures(batch) => self.pictures.push(batch),
            Event::Texts { column, texts } => self.texts.update(|all| all.entry(column).or_default().extend(texts)),
            Event::PictureFailed(failure) => self.failures.update(|all| Arc::make_mut(all).push(failure)),
            Event::Clustered { cells, main_cell } => self.clustered(cells, main_cell),
            Event::Layout { representation, done, total, points } => {
                self.laid_out(representation, done, total, &points)
            }
            Event::KMeans { inertia, labels, last, iteration } => {
                if iteration == 0 {
                    self.teaching.forget_kmeans();
                }
                let frame = KMeansFrame { inertia, labels: Arc::new(labels) };
                self.teaching.kmeans.update(|frames| Arc::make_mut(frames).push(frame));
                self.teaching.kmeans_whole.set(last);
            }
            Event::Found { words, pictures } => {
                let pictures = pictures.into_iter().filter_map(|(p, c)| Some((u32::try_from(p).ok()?, c))).collect();
                self.searching.set(false);
                self.selection.set(Selection::default());
                self.current.set(None);
                self.said.set(format!("Pictures by likeness to {words}"));
                self.found.set(Some(Found { words, pictures: Arc::new(pictures) }));
            }
            Event::Note(text) => self.toast(false, text),
            Event::Done => self.busy.set(false),
        }
    }

    fn clustered(&self, cells: Vec<gistmap::album::Cell>, main_cell: usize) {
        let cells = Arc::new(cells);
        let same = self.cells.with_untracked(|old| {
            old.get(self.main_cell.get_untracked()).map(|c| &c.labels) == cells.get(main_cell).map(|c| &c.labels)
        });
        if !same {
            self.teaching.forget_kmeans();
            if matches!(self.selection.with_untracked(|s| s.origin), Origin::Cluster(_) | Origin::Shared(..)) {
                self.selection.set(Selection::default());
            }
        }
        self.cells.set(cells);
        self.main_cell.set(main_cell);
    }

    fn laid_out(&self, representation: String, done: usize, total: usize, bytes: &[u8]) {
        let points = Arc::new(floats(bytes));
        let began = self.layout.with_untracked(|l| {
            l.as_ref().is_none_or(|l| l.representation != representation || l.done > done || l.done == l.total)
        });
        let known = self.maps.with_untracked(|m| m.get(&representation).is_some_and(|p| *p == points));
        if began && !known {
            self.teaching.forget_tsne();
            if self.stages.with_untracked(|s| !s.of(Stage::Map).begun()) {
                self.stages.update(|s| s.begin(Stage::Map, now()));
            }
        }
        if !known {
            self.teaching.keep_layout(done, &points);
        }
        if done == total {
            self.maps.update(|maps| drop(maps.insert(representation.clone(), Arc::clone(&points))));
        }
        self.layout.set(Some(Layout { representation, points, done, total }));
    }

    fn album(&self, view: AlbumView, files: Vec<String>) {
        let points = Arc::new(floats(&view.layout.points));
        let representation = view.layout.representation.clone();
        self.title.set(view.title.clone());
        self.label_names.set(Arc::new(view.label_names.clone()));
        self.failures.set(Arc::new(view.failures.clone()));
        self.clustered(view.cells.clone(), view.main_cell);
        self.maps.update(|maps| drop(maps.insert(representation.clone(), Arc::clone(&points))));
        let same = self.layout.with_untracked(|l| l.as_ref().is_some_and(|l| l.points == points));
        if !same {
            self.layout.set(Some(Layout { representation, points, done: 1, total: 1 }));
        }
        self.files.set(Arc::new(files));
        self.busy.set(false);
        let first = self.album.with_untracked(Option::is_none);
        if first {
            let clusters = view.clusters.len();
            self.said.set(format!("Done: {} pictures in {clusters} clusters", view.pictures.len()));
            if view.study.is_some() {
                // Its table is the map's menu; where there is room for one pane, the map stands above it.
                self.sheet.set(Some(Sheet::Study));
                self.pane.set(Pane::Lab);
            }
        }
        self.album.set(Some(Arc::new(view)));
        self.phase.set(Phase::Done);
    }

    fn failed(&self, trouble: Trouble, message: String) {
        self.busy.set(false);
        self.searching.set(false);
        let open = self.album.with_untracked(Option::is_some);
        let next = match (open, trouble) {
            (true, _) => Phase::Done,
            (false, Trouble::Stopped) => Phase::Empty,
            (false, _) => Phase::Failed,
        };
        self.phase.set(next);
        self.toast(trouble != Trouble::Stopped, message);
    }
}

/// Little-endian numbers.
fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}
