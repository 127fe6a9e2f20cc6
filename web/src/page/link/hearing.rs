//! What the page does when it hears the engine, and when it no longer does.

use std::time::Duration;

use gistmap::cluster::catalog::ClustererSpec;
use gistmap::protocol::{CellRequest, ClusterCount, DeviceChoice, Event, Plan};
use gistmap_web::protocol::{FromEngine, ToEngine, Trouble, decode};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::Url;

use super::Link;
use super::worker::Source;
use crate::state::{Phase, blob, now};

/// How often the page looks whether the engine has been heard.
pub(super) const WATCH: Duration = Duration::from_secs(5);
/// So many looks without a word while something was asked for: it hangs. Shaders of a slow GPU take their time.
const SILENT_LOOKS: u32 = 36;
/// Engines that may be lost over one collection before the page gives up.
const MAX_LOSSES: u32 = 3;
/// From this loss on, networks run on the processor.
const LOSSES_OF_GPU: u32 = 2;
/// Milliseconds of one task that go into acting on messages, so that the page stays smooth: what follows from them on the
/// screen takes as long again and more.
const SLICE: f64 = 5.0;

impl Link {
    pub(super) fn hear(&self, data: JsValue) {
        self.engine.update_value(|e| e.silent = 0);
        let message = match decode::<FromEngine>(data) {
            Ok(message) => message,
            Err(why) => {
                let text = format!("Page and engine are of different versions ({why}). Reload the page.");
                self.state.toast(true, text);
                return;
            }
        };
        let due = self.engine.try_update_value(|e| {
            e.heard.push_back(message);
            std::mem::replace(&mut e.acting, true)
        });
        if due == Some(false) {
            let link = *self;
            set_timeout(move || link.act(), Duration::ZERO);
        }
    }

    /// Acts on what has been heard, for as long as one task may take; the rest has the next one. Nobody waits for a page
    /// that is not seen, and its timers are slow.
    fn act(self) {
        let begun = now();
        while document().hidden() || now() - begun < SLICE {
            let Some(Some(message)) = self.engine.try_update_value(|e| {
                let message = e.heard.pop_front();
                e.acting = message.is_some();
                message
            }) else {
                return;
            };
            self.react(message);
        }
        set_timeout(move || self.act(), Duration::ZERO);
    }

    fn react(&self, message: FromEngine) {
        match message {
            FromEngine::Failed { trouble: Trouble::Device, message } => self.lost(&message),
            FromEngine::File { name, mime, bytes } => self.save(&name, &mime, &bytes),
            FromEngine::Picture { picture, bytes } => {
                let url = if bytes.is_empty() { None } else { blob(&bytes, "") };
                let url = url.and_then(|b| Url::create_object_url_with_blob(&b).ok());
                self.keep_large(u32::try_from(picture).unwrap_or(u32::MAX), url);
            }
            message => {
                let next = self.next(&message);
                if matches!(message, FromEngine::Failed { .. }) {
                    self.exporting.set(Vec::new());
                }
                self.state.apply(message);
                for command in next {
                    self.say(command);
                }
            }
        }
    }

    /// What follows from a message.
    fn next(&self, message: &FromEngine) -> Vec<ToEngine> {
        match message {
            FromEngine::Ready { .. } => self.engine.try_update_value(|e| {
                e.ready = true;
                std::mem::take(&mut e.waiting)
            }),
            FromEngine::Opened { album: false, .. } => {
                Some(vec![ToEngine::Run { plan: self.state.plan.get_untracked() }])
            }
            // After a loss the run comes first, then the cell that was asked for: once.
            FromEngine::Album { .. } => {
                let cell = self.engine.try_update_value(|e| e.cell.take()).flatten();
                cell.map(|cell| vec![ToEngine::Cell(cell)])
            }
            FromEngine::Event(Event::Clustered { cells, main_cell }) => {
                let shown = cells.get(*main_cell);
                self.engine.update_value(|e| {
                    if e.cell.as_ref().zip(shown).is_some_and(|(asked, shown)| is_answer(asked, shown)) {
                        e.cell = None;
                    }
                });
                None
            }
            FromEngine::Failed { .. } => {
                self.engine.update_value(|e| e.cell = None);
                None
            }
            _ => None,
        }
        .unwrap_or_default()
    }

    /// The engine is gone or of no more use.
    pub(super) fn lost(&self, why: &str) {
        let Some((losses, command)) = self.engine.try_update_value(|e| {
            e.losses += 1;
            (e.losses, e.source.as_ref().map(Source::command))
        }) else {
            return;
        };
        self.exporting.set(Vec::new());
        if losses > MAX_LOSSES {
            self.engine.update_value(|e| {
                if let Some(worker) = e.worker.take() {
                    worker.terminate();
                }
                e.waiting.clear();
                e.ready = false;
            });
            let message = format!(
                "The engine stopped {losses} times; the last time: {why}. What was computed is kept: reload the page to go on."
            );
            self.state.apply(FromEngine::Failed { trouble: Trouble::Input, message });
            return;
        }
        let cpu = losses >= LOSSES_OF_GPU;
        if cpu {
            self.state.plan.update(|plan: &mut Plan| plan.device = DeviceChoice::Cpu);
        }
        self.spawn();
        if let Some(command) = command {
            let how = if cpu { "It goes on without the GPU." } else { "It goes on where it was." };
            self.state.toast(false, format!("The engine had to be started again ({why}). {how}"));
            self.say(command);
        }
    }

    pub(super) fn watch(&self) {
        let state = &self.state;
        let asked = matches!(state.phase.get_untracked(), Phase::Opening | Phase::Running)
            || state.busy.get_untracked()
            || state.searching.get_untracked();
        let silent = self.engine.try_update_value(|e| {
            e.silent = if asked && e.source.is_some() { e.silent + 1 } else { 0 };
            e.silent
        });
        if silent.is_some_and(|looks| looks > SILENT_LOOKS) {
            self.lost(&format!("it said nothing for {} seconds", u64::from(SILENT_LOOKS) * WATCH.as_secs()));
        }
    }
}

/// Whether `cell` is what was asked for.
fn is_answer(request: &CellRequest, cell: &gistmap::album::Cell) -> bool {
    let finds_k = request.clusterer.parse::<ClustererSpec>().is_ok_and(|spec| !spec.takes_k());
    let k = match request.k {
        _ if finds_k => true,
        ClusterCount::Fixed(k) => cell.k == k,
        ClusterCount::Auto => !cell.k_curve.is_empty(),
        ClusterCount::Labels => true,
    };
    k && request.representation == cell.representation
        && request.clusterer == cell.clusterer
        && u64::from(request.seed) == cell.seed
}
