//! The engine: commands in, events out. It drives the stages and fills the album.
//!
//! 1. open the device and the networks
//! 2. pictures: decode, resize, features and logits ([`Stage::Pictures`])
//! 3. words: sentences and their vectors ([`Stage::Words`])
//! 4. representations: features centred and normalised, text vectors, fusions
//! 5. clusters: k, labels, scores ([`Stage::Clusters`])
//! 6. the map ([`Stage::Map`])
//! 7. names, keywords, exemplars ([`Stage::Names`])
//!
//! Everything that took time is kept in the store under a key that names all it depends on, so a run that was
//! stopped goes on where it was, and a second run reads everything back.

mod cache;
mod cells;
mod map;
mod names;
mod pictures;
mod run;
mod services;
mod session;
mod thumbnails;
mod words;

pub use services::{Model, ModelSource, ReadPicture};
pub use thumbnails::StoredThumbnails;

use crate::device::DeviceError;
use crate::protocol::{Cancel, Command, Event, Plan, PlanError, Stage};
use crate::store::BlobStore;

/// Why a run ended without an album. What was computed until then is kept in the store.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
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
    /// Somebody asked to stop.
    #[error("stopped; what was computed is kept, run again with --resume to go on")]
    Cancelled,
}

impl RunError {
    fn stage(stage: Stage) -> impl Fn(&dyn std::fmt::Display) -> Self {
        move |reason| Self::Stage { stage: stage.title(), reason: reason.to_string() }
    }
}

/// What the engine works with, given by its shell.
pub struct Engine<'a> {
    /// Where models come from.
    pub models: &'a dyn ModelSource,
    /// Where results are kept.
    pub store: &'a dyn BlobStore,
    /// How a picture's bytes are read.
    pub read: &'a ReadPicture<'a>,
    /// Asks a running engine to stop.
    pub cancel: Cancel,
}

impl Engine<'_> {
    /// Carries out a command; `emit` hears of everything that happens, [`Event::Done`] last.
    ///
    /// # Errors
    /// When there can be no album. Pictures that cannot be used are no error: they are events, and in the album.
    pub async fn handle(&self, command: Command, emit: &mut dyn FnMut(Event)) -> Result<(), RunError> {
        match command {
            Command::Run { collection, plan } => {
                let album = run::run(self, &collection, &plan, emit).await?;
                emit(Event::Done(Box::new(album)));
                Ok(())
            }
        }
    }
}
