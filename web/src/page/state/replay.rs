//! What can be played again: the steps of K-Means and of t-SNE.

use std::sync::Arc;

use leptos::prelude::*;

/// Frames of a map are thinned out beyond this many bytes.
const MAX_BYTES: usize = 48 << 20;

/// One iteration of K-Means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KMeansFrame {
    /// Sum of squared distances to the nearest centre.
    pub(crate) inertia: f64,
    /// Cluster of each picture.
    pub(crate) labels: Arc<Vec<i32>>,
}

/// The map as it formed: every n-th frame that came, so that memory is bounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames {
    frames: Vec<(usize, Arc<Vec<f32>>)>,
    every: usize,
    skipped: usize,
}

impl Frames {
    /// Keeps a frame, and drops every other one when there are too many.
    pub(crate) fn push(&mut self, step: usize, points: Arc<Vec<f32>>) {
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        let bytes = points.len() * 4;
        self.frames.push((step, points));
        if self.frames.len() * bytes > MAX_BYTES && self.frames.len() > 8 {
            let mut index = 0;
            self.frames.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every = self.every.max(1) * 2;
        }
    }

    /// Step and points of a frame.
    pub(crate) fn get(&self, index: usize) -> Option<&(usize, Arc<Vec<f32>>)> {
        self.frames.get(index)
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }
}

/// Which film is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Film {
    /// Assignments and centres.
    KMeans,
    /// Points.
    Tsne,
}

/// A film, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replay {
    /// Which film.
    pub(crate) film: Film,
    /// Frame that is shown.
    pub(crate) frame: usize,
    /// Whether it moves on by itself.
    pub(crate) playing: bool,
}

/// Both films. Copies share them.
#[derive(Clone, Copy)]
pub(crate) struct Teaching {
    /// K-Means, as far as it has come.
    pub(crate) kmeans: RwSignal<Arc<Vec<KMeansFrame>>>,
    /// Whether the last iteration has come.
    pub(crate) kmeans_whole: RwSignal<bool>,
    /// t-SNE of the map that is shown.
    pub(crate) tsne: StoredValue<Frames>,
    /// Frames of t-SNE there are.
    pub(crate) tsne_frames: RwSignal<usize>,
    /// What is on, if anything.
    pub(crate) replay: RwSignal<Option<Replay>>,
}

impl Teaching {
    pub(super) fn new() -> Self {
        Self {
            kmeans: RwSignal::new(Arc::default()),
            kmeans_whole: RwSignal::new(false),
            tsne: StoredValue::new(Frames::default()),
            tsne_frames: RwSignal::new(0),
            replay: RwSignal::new(None),
        }
    }

    /// Forgets both films.
    pub(super) fn clear(&self) {
        self.forget_kmeans();
        self.forget_tsne();
    }

    pub(super) fn forget_kmeans(&self) {
        self.stop(Film::KMeans);
        self.kmeans.set(Arc::default());
        self.kmeans_whole.set(false);
    }

    pub(super) fn forget_tsne(&self) {
        self.stop(Film::Tsne);
        self.tsne.set_value(Frames::default());
        self.tsne_frames.set(0);
    }

    fn stop(&self, film: Film) {
        if self.replay.get_untracked().is_some_and(|r| r.film == film) {
            self.replay.set(None);
        }
    }

    pub(super) fn keep_layout(&self, step: usize, points: &Arc<Vec<f32>>) {
        self.tsne.update_value(|frames| frames.push(step, Arc::clone(points)));
        self.tsne_frames.set(self.tsne.with_value(Frames::len));
    }

    /// Frames of a film.
    pub(crate) fn frames(&self, film: Film) -> usize {
        match film {
            Film::KMeans => self.kmeans.with(|f| f.len()),
            Film::Tsne => self.tsne_frames.get(),
        }
    }

    /// Labels to be shown instead of the main cell's.
    pub(crate) fn labels(&self) -> Option<Arc<Vec<i32>>> {
        let replay = self.replay.get().filter(|r| r.film == Film::KMeans)?;
        self.kmeans.with(|frames| frames.get(replay.frame).map(|f| Arc::clone(&f.labels)))
    }

    /// Points to be shown instead of the map's.
    pub(crate) fn points(&self) -> Option<Arc<Vec<f32>>> {
        let replay = self.replay.get().filter(|r| r.film == Film::Tsne)?;
        self.tsne.with_value(|frames| frames.get(replay.frame).map(|f| Arc::clone(&f.1)))
    }
}
