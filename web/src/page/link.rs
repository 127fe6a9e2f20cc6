//! The page's only way to the engine worker: starts it, speaks to it, hears it, and starts another one when it dies,
//! hangs or loses its device. What was computed is in the engine's store, so the new one goes on where the old one was.

use std::collections::HashMap;
use std::time::Duration;

use gistmap::protocol::{CellRequest, DeviceChoice, Event, Plan};
use gistmap_web::protocol::{FromEngine, ToEngine, Trouble, decode, encode};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, ErrorEvent, File, HtmlAnchorElement, MessageEvent, Url, Worker, WorkerOptions, WorkerType};

use crate::state::{Phase, State, blob};

/// Where the page says what the workers' script is called.
const SCRIPT: &str = "data-worker";
/// The worker's name tells the script which program to load.
const ENGINE: &str = "engine";
/// How often the page looks whether the engine has been heard.
const WATCH: Duration = Duration::from_secs(5);
/// So many looks without a word while something was asked for: it hangs. Shaders of a slow GPU take their time.
const SILENT_LOOKS: u32 = 36;
/// Engines that may be lost over one collection before the page gives up.
const MAX_LOSSES: u32 = 3;
/// From this loss on, networks run on the processor.
const LOSSES_OF_GPU: u32 = 2;
/// Addresses of large pictures that are kept.
const KEPT_LARGE: usize = 24;

/// What is open, as the engine must be told it again after a loss.
#[derive(Clone)]
enum Source {
    Folder { title: String, paths: Vec<String>, files: js_sys::Array },
    Sample,
    Album(JsValue),
}

impl Source {
    fn command(&self) -> ToEngine {
        match self {
            Self::Folder { title, paths, files } => {
                ToEngine::Open { title: title.clone(), paths: paths.clone(), files: files.clone() }
            }
            Self::Sample => ToEngine::OpenSample,
            Self::Album(file) => ToEngine::OpenAlbum { file: file.clone() },
        }
    }
}

/// One engine worker and what it is at.
#[derive(Default)]
struct Engine {
    worker: Option<Worker>,
    /// What hears the worker; must live as long as it does.
    ears: Vec<Closure<dyn FnMut(JsValue)>>,
    ready: bool,
    /// Said before the worker was ready.
    waiting: Vec<ToEngine>,
    source: Option<Source>,
    /// A cell that was asked for and has not come.
    cell: Option<CellRequest>,
    /// Which file of [`Source::Folder`] a picture is.
    files: HashMap<String, u32>,
    losses: u32,
    silent: u32,
    /// Addresses of large pictures, oldest first.
    large: Vec<(u32, Option<String>)>,
}

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
    /// Starts the engine and watches it.
    pub(crate) fn start(state: State) -> Self {
        let link = Self {
            state,
            engine: StoredValue::new_local(Engine::default()),
            large: RwSignal::new(None),
            exporting: RwSignal::new(Vec::new()),
        };
        link.spawn();
        set_interval(move || link.watch(), WATCH);
        link
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
            (e.source, e.files, e.cell, e.losses, e.silent) = (Some(source), files, None, 0, 0);
            busy
        });
        // An engine that is busy with something else would first have to stop.
        if busy == Some(true) {
            self.spawn();
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
            e.waiting.clear();
            (std::mem::replace(&mut e.worker, worker), std::mem::replace(&mut e.ears, vec![hear, fail]))
        });
        if let Some((old, ears)) = old {
            if let Some(worker) = old {
                worker.terminate();
            }
            // The closure that runs just now may be among them.
            set_timeout(move || drop(ears), Duration::ZERO);
        }
    }

    fn hear(&self, data: JsValue) {
        self.engine.update_value(|e| e.silent = 0);
        let message = match decode::<FromEngine>(data) {
            Ok(message) => message,
            Err(why) => {
                let text = format!("Page and engine are of different versions ({why}). Reload the page.");
                self.state.toast(true, text);
                return;
            }
        };
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
        let cell = self.engine.with_value(|e| e.cell.clone());
        match message {
            FromEngine::Ready { .. } => self.engine.try_update_value(|e| {
                e.ready = true;
                std::mem::take(&mut e.waiting)
            }),
            FromEngine::Opened { album: false, .. } => {
                Some(vec![ToEngine::Run { plan: self.state.plan.get_untracked() }])
            }
            // After a loss the run comes first, then the cell that was asked for.
            FromEngine::Album { view, .. } => cell.map(|cell| {
                let there = view.cells.get(view.main_cell).is_some_and(|c| is_answer(&cell, c));
                if there { Vec::new() } else { vec![ToEngine::Cell(cell)] }
            }),
            FromEngine::Event(Event::Clustered { .. }) | FromEngine::Failed { .. } => {
                self.engine.update_value(|e| e.cell = None);
                None
            }
            _ => None,
        }
        .unwrap_or_default()
    }

    /// The engine is gone or of no more use.
    fn lost(&self, why: &str) {
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

    fn watch(&self) {
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

/// Whether `cell` is what was asked for.
fn is_answer(request: &CellRequest, cell: &gistmap::album::Cell) -> bool {
    let k = match request.k {
        gistmap::protocol::ClusterCount::Fixed(k) => cell.k == k,
        _ => true,
    };
    k && request.representation == cell.representation
        && request.clusterer == cell.clusterer
        && u64::from(request.seed) == cell.seed
}

fn start_worker() -> Option<Worker> {
    let script = document().document_element()?.get_attribute(SCRIPT)?;
    let base = document().base_uri().ok().flatten()?;
    let address = Url::new_with_base(&script, &base).ok()?.href();
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    options.set_name(ENGINE);
    Worker::new_with_options(&address, &options).ok()
}

fn post(worker: &Worker, command: &ToEngine) -> Result<(), String> {
    let message = encode(command).map_err(|e| e.to_string())?;
    worker.post_message(&message).map_err(|e| format!("{e:?}"))
}
