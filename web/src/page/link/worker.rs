//! One engine worker: how it is started, and all that the page must remember of it.

use std::collections::{HashMap, VecDeque};

use gistmap::protocol::CellRequest;
use gistmap_web::protocol::{FromEngine, ToEngine, encode};
use leptos::prelude::document;
use wasm_bindgen::prelude::*;
use web_sys::{Url, Worker, WorkerOptions, WorkerType};

/// Where the page says what the workers' script is called.
const SCRIPT: &str = "data-worker";
/// The worker's name tells the script which program to load.
const ENGINE: &str = "engine";

/// What is open, as the engine must be told it again after a loss.
#[derive(Clone)]
pub(super) enum Source {
    Folder { title: String, paths: Vec<String>, files: js_sys::Array },
    Sample,
    Album(JsValue),
}

impl Source {
    /// What opens it.
    pub(super) fn command(&self) -> ToEngine {
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
pub(super) struct Engine {
    pub(super) worker: Option<Worker>,
    /// What hears the worker; must live as long as it does.
    pub(super) ears: Vec<Closure<dyn FnMut(JsValue)>>,
    pub(super) ready: bool,
    /// Said before the worker was ready.
    pub(super) waiting: Vec<ToEngine>,
    pub(super) source: Option<Source>,
    /// A cell that was asked for and has not come.
    pub(super) cell: Option<CellRequest>,
    /// Which file of [`Source::Folder`] a picture is.
    pub(super) files: HashMap<String, u32>,
    pub(super) losses: u32,
    pub(super) silent: u32,
    /// Addresses of large pictures, oldest first.
    pub(super) large: Vec<(u32, Option<String>)>,
    /// Heard and not yet acted on.
    pub(super) heard: VecDeque<FromEngine>,
    /// Whether a task is due that acts on it.
    pub(super) acting: bool,
}

/// A new worker; `None` where the browser starts none.
pub(super) fn start_worker() -> Option<Worker> {
    let script = document().document_element()?.get_attribute(SCRIPT)?;
    let base = document().base_uri().ok().flatten()?;
    let address = Url::new_with_base(&script, &base).ok()?.href();
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    options.set_name(ENGINE);
    Worker::new_with_options(&address, &options).ok()
}

/// Sends a command.
pub(super) fn post(worker: &Worker, command: &ToEngine) -> Result<(), String> {
    let message = encode(command).map_err(|e| e.to_string())?;
    worker.post_message(&message).map_err(|e| format!("{e:?}"))
}
