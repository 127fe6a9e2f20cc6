//! What passes between the page, its engine worker and the hands.
//!
//! Messages are plain objects made by serde-wasm-bindgen ([`encode`], [`decode`]); bytes travel as `Uint8Array`, whose
//! buffers are transferred where they are large. The engine's own words are [`gistmap::protocol`]'s.
//!
//! One script starts every worker; the worker's name, `engine` or `hand`, says which program it loads. The engine starts
//! its hands by its own address, and finds the models beside it in `packs/`, the sample in `sample/`.

use gistmap::album::view::AlbumView;
use gistmap::image::Preprocess;
use gistmap::protocol::{CellRequest, Event, Networks, Plan};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};

/// From the page to the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ToEngine {
    /// The pictures that were dropped or chosen; answered by [`FromEngine::Opened`].
    Open {
        /// The folder's name.
        title: String,
        /// Paths below the folder, `/`-separated, as the browser gave them.
        paths: Vec<String>,
        /// The `File` objects, an `Array` as long as `paths`.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        files: js_sys::Array,
    },
    /// The sample pictures of the page's own origin; answered by [`FromEngine::Opened`].
    OpenSample,
    /// An album file (`.gistmap`); answered by [`FromEngine::Opened`], its pictures, and [`FromEngine::Album`].
    OpenAlbum {
        /// The file.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        file: JsValue,
    },
    /// Make an album of what was opened; answered by events, the last one [`Event::Done`], and [`FromEngine::Album`].
    Run {
        /// What to do.
        plan: Plan,
    },
    /// As [`gistmap::protocol::Command::Cell`]; answered like [`ToEngine::Run`].
    Cell(CellRequest),
    /// As [`gistmap::protocol::Command::Search`].
    Search {
        /// A few words or a sentence.
        words: String,
    },
    /// As [`gistmap::protocol::Command::TraceKMeans`].
    TraceKMeans,
    /// Fetch a model's pack from the page's origin, ahead of a run; answered by [`FromEngine::Fetching`], at the end by
    /// [`FromEngine::Models`]. [`ToEngine::Cancel`] pauses it: what has come is kept.
    PullModel {
        /// Its name.
        model: String,
    },
    /// Take a pack that a person brings; answered like [`ToEngine::PullModel`].
    BringModel {
        /// The `File`.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        file: JsValue,
    },
    /// Remove what is kept of a model; answered by [`FromEngine::Models`].
    RemoveModel {
        /// Its name.
        model: String,
    },
    /// Stop what is running, at the next batch or step; answered by [`FromEngine::Failed`] with [`Trouble::Stopped`].
    Cancel,
    /// Make a file of the open album; answered by [`FromEngine::File`].
    Export {
        /// [`ALBUM_FILE`], or one of the paths of [`FromEngine::Album`]'s files.
        path: String,
    },
    /// The bytes of a picture as they were opened; answered by [`FromEngine::Picture`].
    Picture {
        /// Its row in the album.
        picture: usize,
    },
}

/// Asks [`ToEngine::Export`] for the whole album in one file.
pub const ALBUM_FILE: &str = "album.gistmap";

/// From the engine to the page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum FromEngine {
    /// The worker runs, and has asked the browser for a GPU; its first message.
    Ready {
        /// Whether the browser offers a WebGPU adapter.
        webgpu: bool,
        /// The device and what is to be expected of it, one sentence.
        about: String,
    },
    /// What the device turned out to be, in place of what [`FromEngine::Ready`] said: once it has been opened and
    /// tested, and again when its speed has been measured.
    Device {
        /// Whether networks run on WebGPU.
        webgpu: bool,
        /// The device and what is to be expected of it, one sentence.
        about: String,
    },
    /// The models there are: after [`FromEngine::Ready`], and when something has changed.
    Models {
        /// All that gistmap knows.
        lines: Vec<ModelLine>,
        /// Those that a plan may name.
        networks: Networks,
        /// What went wrong, where something did, and what to do.
        trouble: Option<String>,
    },
    /// A model pack is on its way from the page's origin, or from a file that was brought.
    Fetching {
        /// The model.
        name: String,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A collection or an album is open.
    Opened {
        /// Name of the folder or album.
        title: String,
        /// Pictures to go through.
        pictures: usize,
        /// Names of the labels, where folders carry them.
        label_names: Vec<String>,
        /// Files left out because they are no pictures.
        ignored: usize,
        /// Whether it is an album, whose pictures need no run.
        album: bool,
    },
    /// What the engine tells.
    Event(Event),
    /// The open album, after a run, a cell, or [`ToEngine::OpenAlbum`].
    Album {
        /// All that can be shown.
        view: Box<AlbumView>,
        /// Paths of the files that [`ToEngine::Export`] can make.
        files: Vec<String>,
    },
    /// A file, ready to be saved.
    File {
        /// Its name.
        name: String,
        /// Media type.
        mime: String,
        /// Its bytes.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// A picture's bytes; empty where they cannot be had (an album holds thumbnails only).
    Picture {
        /// Its row in the album.
        picture: usize,
        /// As they were opened.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// A command ended without what was asked for.
    Failed {
        /// What kind of trouble.
        trouble: Trouble,
        /// What happened and what to do.
        message: String,
    },
}

/// A model, and how it stands in this page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelLine {
    /// Its name.
    pub name: String,
    /// One sentence for people.
    pub about: String,
    /// What it gives, for people.
    pub gives: String,
    /// SPDX expression.
    pub licence: String,
    /// Bytes: of its pack, or about those of the published files where there is none.
    pub bytes: u64,
    /// How its pack stores weights, such as `q8`.
    pub stored: Option<String>,
    /// Where it is.
    pub standing: Standing,
    /// Why it does not run here, or not well.
    pub hindrance: Option<String>,
}

/// Where a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// In this browser, from the page's origin.
    Here,
    /// In this browser, from a person's own pack.
    Brought,
    /// So many bytes of it are here.
    Partly {
        /// Bytes.
        bytes: u64,
    },
    /// The page's origin has it.
    Offered,
    /// Somebody has to make and bring its pack.
    Absent,
}

/// Why a command failed, as far as the page must act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// The person stopped it.
    Stopped,
    /// The GPU is gone or broken, or the engine is: the page ends this worker and starts a new one, which goes on.
    Device,
    /// Nothing but another input helps.
    Input,
}

/// From the engine to a hand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToHand {
    /// Comes back with the answer.
    pub job: u32,
    /// An encoded picture, or RGB pixels of [`ToHand::size`].
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// Width and height, where the bytes are pixels already.
    pub size: Option<(u32, u32)>,
    /// For each network that wants pixels.
    pub crops: Vec<Preprocess>,
    /// Names of the classical features that are wanted.
    pub kinds: Vec<String>,
    /// Whether a thumbnail is wanted.
    pub thumbnail: bool,
}

/// From a hand to the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FromHand {
    /// As asked.
    pub job: u32,
    /// What was made of the picture, or what is wrong with it.
    pub result: Result<Measured, String>,
}

/// What a hand made of a picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// `[crop, crop, 3]` RGB for each of [`ToHand::crops`].
    pub pixels: Vec<serde_bytes::ByteBuf>,
    /// The numbers of each of [`ToHand::kinds`].
    pub features: Vec<Vec<f32>>,
    /// A small JPEG; empty where none could be made.
    #[serde(with = "serde_bytes")]
    pub thumbnail: Vec<u8>,
}

/// A message as a JavaScript value.
///
/// # Errors
/// When a value has no JavaScript form; no message here has such a value.
pub fn encode<T: Serialize>(message: &T) -> Result<JsValue, serde_wasm_bindgen::Error> {
    message.serialize(&serde_wasm_bindgen::Serializer::new())
}

/// The reverse of [`encode`].
///
/// # Errors
/// When the value is no such message.
pub fn decode<T: for<'a> Deserialize<'a>>(value: JsValue) -> Result<T, serde_wasm_bindgen::Error> {
    serde_wasm_bindgen::from_value(value)
}

/// The buffers of all bytes in a message that [`encode`] made: they can be transferred instead of copied, because
/// nobody else refers to them.
pub fn buffers(message: &JsValue) -> js_sys::Array {
    let found = js_sys::Array::new();
    collect_buffers(message, &found);
    found
}

fn collect_buffers(value: &JsValue, found: &js_sys::Array) {
    if let Some(bytes) = value.dyn_ref::<js_sys::Uint8Array>() {
        found.push(&bytes.buffer());
    } else if let Some(object) = value.dyn_ref::<js_sys::Object>() {
        js_sys::Object::values(object).iter().for_each(|inner| collect_buffers(&inner, found));
    }
}
