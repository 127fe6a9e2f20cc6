//! The page's only way to the engine worker: starts it, speaks to it, hears it (`hearing`), and starts another one when it
//! dies, hangs or loses its device. What was computed is in the engine's store, so the new one goes on where the old one
//! was.

mod hearing;
mod worker;

use std::collections::HashMap;
use std::time::Duration;

use gistmap::protocol::CellRequest;
use gistmap_web::protocol::ToEngine;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ErrorEvent, File, HtmlAnchorElement, MessageEvent, Url};

use crate::state::{Fetch, Phase, State, blob};
use hearing::WATCH;
use worker::{Engine, Source, post, start_worker};

/// Addresses of large pictures that are kept.
const KEPT_LARGE: usize = 24;

/// A handle to the engine. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    state: State,
    engine: StoredValue<Engine, LocalStorage>,
    /// The picture whose full size is known, and its address; `None` where only a thumbnail can be had.
    pub(crate) large: RwSignal<Option<(u32, Option<String>)>>,
    /// Files that are being made.
    pub(crate) exporting: RwSignal<Vec<String>>,
}

impl Link {
    /// Without an engine yet: what it is to do waits for it.
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            engine: StoredValue::new_local(Engine::default()),
            large: RwSignal::new(None),
            exporting: RwSignal::new(Vec::new()),
        }
    }

    /// Starts the engine, where nothing has done so yet, and watches it.
    pub(crate) fn start(self) {
        if self.engine.with_value(|e| e.worker.is_none()) {
            self.spawn();
        }
        set_interval(move || self.watch(), WATCH);
    }

    /// Opens the pictures of a folder and runs over them.
    pub(crate) fn open_folder(&self, title: String, paths: Vec<String>, files: js_sys::Array) {
        let index = (0_u32..).zip(&paths).map(|(i, path)| (path.clone(), i)).collect();
        self.open(Source::Folder { title, paths, files }, index);
    }

    /// Opens the sample and runs over it.
    pub(crate) fn open_sample(&self) {
        self.open(Source::Sample, HashMap::new());
    }

    /// Opens an album file.
    pub(crate) fn open_album(&self, file: JsValue) {
        self.open(Source::Album(file), HashMap::new());
    }

    /// Leaves what is open; a run that is under way ends.
    pub(crate) fn close(&self) {
        let idle = self.engine.with_value(|e| e.source.is_none());
        self.engine.update_value(|e| (e.source, e.cell) = (None, None));
        if !idle {
            self.spawn();
        }
        self.state.opening();
        self.state.phase.set(Phase::Empty);
    }

    /// Runs again over what is open, with the plan as it is now.
    pub(crate) fn run(&self) {
        self.state.forget_run();
        self.state.phase.set(Phase::Running);
        self.say(ToEngine::Run { plan: self.state.plan.get_untracked() });
    }

    /// Makes a cell the main one.
    pub(crate) fn cell(&self, request: CellRequest) {
        self.state.busy.set(true);
        self.engine.update_value(|e| e.cell = Some(request.clone()));
        self.say(ToEngine::Cell(request));
    }

    /// Ranks the pictures by likeness to these words.
    pub(crate) fn search(&self, words: String) {
        self.state.searching.set(true);
        self.say(ToEngine::Search { words });
    }

    /// Asks for the steps of K-Means.
    pub(crate) fn trace(&self) {
        self.say(ToEngine::TraceKMeans);
    }

    /// Stops what is running.
    pub(crate) fn cancel(&self) {
        self.say(ToEngine::Cancel);
    }

    /// Makes a file and saves it.
    pub(crate) fn export(&self, path: String) {
        self.exporting.update(|all| all.push(path.clone()));
        self.say(ToEngine::Export { path });
    }

    /// Fetches a model ahead of a run.
    pub(crate) fn pull(&self, model: String) {
        self.state.models.coming.set(Some(Fetch { name: model.clone(), done: 0, total: 0 }));
        self.say(ToEngine::PullModel { model });
    }

    /// Takes in a pack.
    pub(crate) fn bring(&self, file: JsValue) {
        self.say(ToEngine::BringModel { file });
    }

    /// Removes what is kept of a model.
    pub(crate) fn remove(&self, model: String) {
        self.say(ToEngine::RemoveModel { model });
    }

    /// Whether what is open can be run again with another plan; an album holds no pictures to run over.
    pub(crate) fn can_run(&self) -> bool {
        self.engine.with_value(|e| matches!(e.source, Some(Source::Folder { .. } | Source::Sample)))
    }

    /// Finds the full size of a picture; the answer is in [`Link::large`].
    pub(crate) fn enlarge(&self, picture: u32) {
        if let Some(known) = self.engine.with_value(|e| e.large.iter().find(|l| l.0 == picture).cloned()) {
            self.large.set(Some(known));
            return;
        }
        if let Some(file) = self.original(picture) {
            self.keep_large(picture, Url::create_object_url_with_blob(&file).ok());
        } else {
            self.say(ToEngine::Picture { picture: picture as usize });
        }
    }

    /// The picture itself, where the page holds its file.
    pub(crate) fn original(&self, picture: u32) -> Option<Blob> {
        self.state.pictures.row(picture).and_then(|row| self.file(&row.file))
    }

    fn file(&self, path: &str) -> Option<Blob> {
        self.engine.with_value(|e| match &e.source {
            Some(Source::Folder { files, .. }) => {
                files.get(*e.files.get(path)?).dyn_into::<File>().ok().map(Into::into)
            }
            _ => None,
        })
    }

    fn keep_large(&self, picture: u32, url: Option<String>) {
        self.engine.update_value(|e| {
            e.large.push((picture, url.clone()));
            if e.large.len() > KEPT_LARGE
                && let (_, Some(old)) = e.large.remove(0)
            {
                // An address that is already gone needs no more.
                let _ = Url::revoke_object_url(&old);
            }
        });
        self.large.set(Some((picture, url)));
    }

    fn open(&self, source: Source, files: HashMap<String, u32>) {
        self.state.opening();
        self.large.set(None);
        self.exporting.set(Vec::new());
        let command = source.command();
        let busy = self.engine.try_update_value(|e| {
            for url in e.large.drain(..).filter_map(|(_, url)| url) {
                let _ = Url::revoke_object_url(&url);
            }
            let busy = e.source.is_some();
            e.waiting.clear();
            (e.source, e.files, e.cell, e.losses, e.silent) = (Some(source), files, None, 0, 0);
            busy
        });
        // An engine that is busy with something else would first have to stop.
        if busy == Some(true) {
            self.spawn();
        } else if self.state.models.coming.with_untracked(Option::is_some) {
            self.cancel();
        }
        self.say(command);
    }

    fn say(&self, command: ToEngine) {
        let posted = self.engine.try_update_value(|e| {
            e.silent = 0;
            match (&e.worker, e.ready) {
                (Some(worker), true) => post(worker, &command),
                _ => {
                    e.waiting.push(command);
                    Ok(())
                }
            }
        });
        if let Some(Err(why)) = posted {
            self.state.toast(true, format!("The engine could not be told what to do ({why}). Reload the page."));
        }
    }

    /// A new worker takes the place of the old one.
    fn spawn(&self) {
        let link = *self;
        let hear = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            link.hear(event.unchecked_into::<MessageEvent>().data());
        });
        let fail = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            let event = event.unchecked_into::<ErrorEvent>();
            event.prevent_default();
            let why = js_sys::Reflect::get(&event, &"message".into()).ok().and_then(|m| m.as_string());
            link.lost(&why.unwrap_or_else(|| "its program could not be loaded".to_owned()));
        });
        let worker = start_worker();
        if let Some(worker) = &worker {
            worker.set_onmessage(Some(hear.as_ref().unchecked_ref()));
            worker.set_onerror(Some(fail.as_ref().unchecked_ref()));
        } else {
            self.state.toast(true, "This browser starts no workers here. Open the page in a current browser.");
        }
        let old = self.engine.try_update_value(|e| {
            e.ready = false;
            e.silent = 0;
            e.heard.clear();
            // What was said to the old one is said again by whoever still wants it.
            if e.worker.is_some() {
                e.waiting.clear();
            }
            (std::mem::replace(&mut e.worker, worker), std::mem::replace(&mut e.ears, vec![hear, fail]))
        });
        if let Some((old, ears)) = old {
            if let Some(worker) = old {
                // What it has said already is on its way, and its ears are about to go.
                worker.set_onmessage(None);
                worker.set_onerror(None);
                worker.terminate();
            }
            // The closure that runs just now may be among them.
            set_timeout(move || drop(ears), Duration::ZERO);
        }
    }

    fn save(&self, name: &str, mime: &str, bytes: &[u8]) {
        self.exporting.update(|all| all.retain(|path| path.rsplit('/').next() != Some(name) && path != name));
        self.exporting
            .update(|all| all.retain(|path| path != gistmap_web::protocol::ALBUM_FILE || !name.ends_with(".gistmap")));
        let saved = blob(bytes, mime).and_then(|b| Url::create_object_url_with_blob(&b).ok()).and_then(|url| {
            let link = document().create_element("a").ok()?.dyn_into::<HtmlAnchorElement>().ok()?;
            link.set_href(&url);
            link.set_download(name);
            link.click();
            // The browser needs the address until it has begun to save.
            set_timeout(move || drop(Url::revoke_object_url(&url)), Duration::from_secs(60));
            Some(())
        });
        if saved.is_none() {
            self.state.toast(true, format!("{name} could not be handed to the browser: is there memory left?"));
        }
    }
}
