//! The engine: commands in, events out. It drives the stages and fills the album.
//!
//! A run, [`Command::Run`]:
//!
//! 1. open the device and the networks ([`Stage::Models`])
//! 2. pictures: decode, resize, features and logits ([`Stage::Pictures`])
//! 3. words: sentences and their vectors, answers to criteria ([`Stage::Words`])
//! 4. representations: features centred and normalised, text vectors
//! 5. clusters: fusions, k, labels, scores ([`Stage::Clusters`])
//! 6. the map ([`Stage::Map`])
//! 7. names, keywords, exemplars ([`Stage::Names`])
//!
//! The other commands work on the album that a run made, or that the shell opened; they recompute nothing upstream.
//!
//! Everything that took time is kept in the store under a key that names all it depends on, so a run that was
//! stopped goes on where it was, and a second run reads everything back.

mod asking;
mod cache;
#[cfg(not(target_arch = "wasm32"))]
mod calibrate;
mod captions;
mod cells;
mod criteria;
mod fusions;
mod grid;
mod hands;
mod kept;
mod map;
mod names;
mod naming;
mod pictures;
mod published;
mod run;
mod search;
mod services;
mod session;
mod steer;
mod thumbnails;
mod trace;
mod words;
mod workbench;

#[cfg(not(target_arch = "wasm32"))]
pub use calibrate::Examples;
#[cfg(not(target_arch = "wasm32"))]
pub use hands::Pool;
pub use hands::{Hands, Preparing};
pub use services::{Model, ModelSource, networks};
pub use thumbnails::StoredThumbnails;
pub use workbench::{Begun, Prepared, Workbench};

use std::cell::RefCell;
use std::pin::Pin;

use crate::album::{Album, ClusterSummary};
use crate::device::DeviceError;
use crate::embed::EmbedError;
use crate::endpoint::Chat;
use crate::protocol::{Cancel, Command, Event, PlanError, Stage};
use crate::readback::ReadbackError;
use crate::store::BlobStore;

use kept::Kept;

/// Why a command ended without what was asked for. What was computed until then is kept in the store.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The device was lost or broke while it computed. A new process or worker finds it again, or another one, and
    /// goes on.
    #[error("{0}")]
    DeviceLost(String),
    /// A model cannot be opened.
    #[error("{0}")]
    Model(String),
    /// A network failed while it ran.
    #[error("{0}")]
    Network(String),
    /// No picture could be read.
    #[error("none of the {0} pictures could be read; the first says: {1}")]
    NoPictures(usize, String),
    /// Clustering, scoring or layout refused its input.
    #[error("{stage}: {reason}")]
    Stage {
        /// Which stage.
        stage: &'static str,
        /// What it said.
        reason: String,
    },
    /// The command needs an album, and none is open.
    #[error("no album is open; open pictures and run first")]
    NoAlbum,
    /// The open album lacks what the command needs.
    #[error("{0}")]
    Lacking(String),
    /// The command computes on a matrix that still lies in the album's files: the shell reads it first
    /// ([`Engine::unread`]).
    #[error("the numbers of {0} have not been read from the album's files; open the album again")]
    Unread(String),
    /// Somebody asked to stop.
    #[error("stopped; what was computed is kept")]
    Cancelled,
}

impl RunError {
    fn stage(stage: Stage) -> impl Fn(&dyn std::fmt::Display) -> Self {
        move |reason| Self::Stage { stage: stage.title(), reason: reason.to_string() }
    }
}

impl From<ReadbackError> for RunError {
    fn from(error: ReadbackError) -> Self {
        match error {
            ReadbackError::Device(_) | ReadbackError::Lost(_) | ReadbackError::NotFinite => {
                Self::DeviceLost(error.to_string())
            }
            ReadbackError::Weights | ReadbackError::Shape(_) => Self::Network(error.to_string()),
        }
    }
}

impl From<EmbedError> for RunError {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Stopped => Self::Cancelled,
            EmbedError::Readback(error) => error.into(),
            EmbedError::Tokenizer(error) => Self::Network(error.to_string()),
        }
    }
}

/// Carries out commands with what its shell gives it.
pub struct Engine<'a> {
    models: &'a dyn ModelSource,
    store: &'a dyn BlobStore,
    hands: &'a dyn Hands,
    cancel: Cancel,
    chat: Option<&'a dyn Chat>,
    kept: RefCell<Kept>,
}

impl<'a> Engine<'a> {
    /// An engine that gets models from `models`, keeps results in `store`, has pictures prepared by `hands` and stops
    /// when `cancel` says so.
    pub fn new(models: &'a dyn ModelSource, store: &'a dyn BlobStore, hands: &'a dyn Hands, cancel: Cancel) -> Self {
        Self { models, store, hands, cancel, chat: None, kept: RefCell::default() }
    }

    /// With a language model that names clusters, and answers criteria which no text answers.
    #[must_use]
    pub fn with_chat(self, chat: Option<&'a dyn Chat>) -> Self {
        Self { chat, ..self }
    }

    /// Carries out a command on the open album, which the shell holds; `emit` hears of everything that happens,
    /// [`Event::Done`] last. A command that fails leaves the album as it was.
    ///
    /// # Errors
    /// When there is not what was asked for. Pictures that cannot be used are no error: they are events, and in the
    /// album.
    pub fn handle<'f>(
        &'f self,
        command: Command,
        album: &'f mut Option<Album>,
        emit: &'f mut dyn FnMut(Event),
    ) -> Pin<Box<dyn Future<Output = Result<(), RunError>> + 'f>> {
        // Made here, the future and all that it calls is compiled with this crate, for speed. As an `async fn` it would
        // be compiled with its caller, which in the page is built for size: K-Means took six times as long.
        Box::pin(self.carry_out(command, album, emit))
    }

    /// The representation of the open album that `command` computes on, where its matrix still lies in the album's files:
    /// the shell reads it ([`crate::album::Unread::read`]) before the command is carried out.
    pub fn unread(command: &Command, album: &Album) -> Option<String> {
        let named = |name: &str| album.vectors.iter().find(|v| v.name == name);
        let matrix = match command {
            Command::Run { .. } | Command::Study { .. } => None,
            Command::Map { representation } => named(representation),
            Command::Cell(request) => steer::computes_on(album, request),
            Command::Search { .. } => search::searched(album),
            Command::TraceKMeans => album.cells.get(album.main_cell).and_then(|cell| named(&cell.representation)),
        };
        matrix.filter(|matrix| !matrix.is_read()).map(|matrix| matrix.name.clone())
    }

    /// Prepares, between commands, for what is likely to be asked of the open album next. Drop the future to stop.
    pub fn foresee<'f>(&'f self, album: &'f Option<Album>) -> Pin<Box<dyn Future<Output = ()> + 'f>> {
        // Boxed here as in `handle`.
        Box::pin(async move {
            if let Some(album) = album {
                self.foresee_cell(album).await;
            }
        })
    }

    /// What the layers of the model `name` read while some of `examples` run through it, for
    /// [`ModelFolder::convert`](crate::weights::ModelFolder::convert). Takes about as long as a run over 64 pictures, or 512
    /// texts, on the processor.
    ///
    /// # Errors
    /// When the model cannot be opened, reads other examples or has no layers that can be calibrated; when no picture can be
    /// read.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn calibrate<'f>(
        &'f self,
        name: &'f str,
        examples: &'f Examples,
        emit: &'f mut dyn FnMut(Event),
    ) -> Pin<Box<dyn Future<Output = Result<gistmap_models::calibration::Calibration, RunError>> + 'f>> {
        Box::pin(calibrate::calibrate(self, name, examples, emit))
    }

    async fn carry_out(
        &self,
        command: Command,
        album: &mut Option<Album>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<(), RunError> {
        if let Some(name) = album.as_ref().and_then(|album| Self::unread(&command, album)) {
            return Err(RunError::Unread(name));
        }
        match command {
            Command::Run { collection, plan, imports } => {
                *album = Some(run::run(self, &collection, &plan, &imports, &[], emit).await?);
            }
            Command::Study { collection, plan, imports, seeds } => {
                *album = Some(run::run(self, &collection, &plan, &imports, &seeds, emit).await?);
            }
            Command::Map { representation } => steer::map(self, open(album)?, &representation, emit).await?,
            Command::Cell(request) => steer::show(self, open(album)?, &request, emit).await?,
            Command::Search { words } => search::search(self, open(album)?, words, emit).await?,
            Command::TraceKMeans => trace::kmeans(self, open(album)?, emit).await?,
        }
        emit(Event::Done);
        Ok(())
    }
}

/// The clusters of a cell of `album`, explained: those that it has already, or as a run explains its main cell's.
///
/// # Errors
/// When there is no such cell, or its representation has no numbers.
pub fn clusters(album: &Album, cell: usize) -> Result<Vec<ClusterSummary>, RunError> {
    if cell == album.main_cell {
        return Ok(album.clusters.clone());
    }
    if let Some(criterion) = album.criteria.iter().find(|criterion| criterion.cell == cell) {
        return Ok(criterion.clusters.clone());
    }
    let lacking = || RunError::Lacking(format!("the album has no cell {cell}"));
    let cell = album.cells.get(cell).ok_or_else(lacking)?;
    let vectors = album.vectors.iter().find(|v| v.name == cell.representation).ok_or_else(lacking)?;
    let labels: Vec<Option<u32>> = album.pictures.iter().map(|picture| picture.label).collect();
    names::explain(vectors, cell, &album.texts, &labels, &album.label_names)
}

fn open(album: &mut Option<Album>) -> Result<&mut Album, RunError> {
    album.as_mut().ok_or(RunError::NoAlbum)
}

#[cfg(test)]
mod tests;
