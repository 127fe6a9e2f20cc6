//! How far a run is: for each stage what is done, at what rate, and how long it will take.

use gistmap::protocol::Stage;

/// The stages in order.
pub(crate) const STAGES: [Stage; 6] =
    [Stage::Models, Stage::Pictures, Stage::Words, Stage::Clusters, Stage::Map, Stage::Names];

/// Milliseconds on the page's clock.
pub(crate) fn now() -> f64 {
    leptos::prelude::window().performance().map_or(0.0, |p| p.now())
}

/// A stage's place in [`STAGES`].
fn position(stage: Stage) -> usize {
    STAGES.iter().position(|s| *s == stage).unwrap_or(0)
}

/// One stage.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct StageProgress {
    /// Finished items.
    pub(crate) done: usize,
    /// How much of the item at work is done, in [0, 1].
    part: f64,
    /// All items.
    pub(crate) total: usize,
    /// Items that came from the cache.
    pub(crate) cached: usize,
    /// When the first report came, and how many items were computed by then.
    started: Option<(f64, f64)>,
    /// When the last report came.
    reported: f64,
    /// Wall seconds, once it has ended.
    pub(crate) seconds: Option<f64>,
}

impl StageProgress {
    /// In [0, 1].
    pub(crate) fn fraction(&self) -> f64 {
        match (self.seconds, self.total) {
            (Some(_), _) => 1.0,
            (None, 0) => 0.0,
            (None, total) => (self.done as f64 + self.part) / total as f64,
        }
    }

    /// Whether something has been heard of it.
    pub(crate) fn begun(&self) -> bool {
        self.started.is_some() || self.seconds.is_some()
    }

    /// Items a second, of those that had to be computed; `None` while too little is known.
    pub(crate) fn rate(&self) -> Option<f64> {
        if let Some(seconds) = self.seconds {
            let computed = self.total.saturating_sub(self.cached) as f64;
            return (seconds > 0.0 && computed > 0.0).then(|| computed / seconds);
        }
        let (start, first) = self.started?;
        let seconds = (self.reported - start) / 1000.0;
        let computed = self.computed() - first;
        (seconds > 0.4 && computed > 0.0).then(|| computed / seconds)
    }

    /// Seconds to go, where that can be told.
    pub(crate) fn left(&self) -> Option<f64> {
        if self.seconds.is_some() {
            return None;
        }
        Some((self.total as f64 - self.done as f64 - self.part).max(0.0) / self.rate()?)
    }

    /// Items that did not come from the cache, the one at work in part.
    fn computed(&self) -> f64 {
        self.done.saturating_sub(self.cached) as f64 + self.part
    }

    fn report(&mut self, (done, part): (usize, f64), total: usize, cached: usize, at: f64) {
        (self.done, self.part, self.total, self.cached, self.reported) = (done, part, total, cached, at);
        // What has ended and goes on begins anew: another cell.
        if self.seconds.take().is_some() || self.started.is_none() {
            self.started = Some((at, self.computed()));
        }
    }
}

/// A model pack on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// The model.
    pub(crate) name: String,
    /// Bytes so far.
    pub(crate) done: u64,
    /// Bytes in all.
    pub(crate) total: u64,
}

/// All stages of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct StageState {
    stages: [StageProgress; 6],
    /// Model packs that are being fetched or have been.
    pub(crate) fetches: Vec<Fetch>,
    /// The device that the run chose, and why.
    pub(crate) device: Option<(String, String)>,
}

impl StageState {
    /// One stage.
    pub(crate) fn of(&self, stage: Stage) -> StageProgress {
        self.stages[position(stage)]
    }

    /// The stage that is at work: the last one that has begun and not ended.
    pub(crate) fn current(&self) -> Option<Stage> {
        STAGES.into_iter().rev().find(|s| self.of(*s).begun() && self.of(*s).seconds.is_none())
    }

    pub(super) fn report(&mut self, stage: Stage, done: (usize, f64), total: usize, cached: usize, at: f64) {
        self.stages[position(stage)].report(done, total, cached, at);
    }

    pub(super) fn end(&mut self, stage: Stage, seconds: f64, items: usize, cached: usize) {
        let state = &mut self.stages[position(stage)];
        (state.done, state.part, state.total, state.cached) = (items, 0.0, items, cached);
        state.seconds = Some(seconds);
    }

    /// As before the first report; the device stays chosen.
    pub(super) fn restart(&mut self) {
        *self = Self { device: self.device.take(), ..Self::default() };
    }

    /// Begins `stage` without a report of its own.
    pub(super) fn begin(&mut self, stage: Stage, at: f64) {
        self.stages[position(stage)] =
            StageProgress { started: Some((at, 0.0)), reported: at, ..StageProgress::default() };
    }

    pub(super) fn fetch(&mut self, name: String, done: u64, total: u64) {
        match self.fetches.iter_mut().find(|f| f.name == name) {
            Some(fetch) => (fetch.done, fetch.total) = (done, total),
            None => self.fetches.push(Fetch { name, done, total }),
        }
    }
}
