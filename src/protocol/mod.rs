//! What the engine is told and what it tells: commands in, events out.
//!
//! The same words pass over a function call in the terminal and over `postMessage` in the page, so everything here can
//! be serialised, and nothing here computes.

mod event;
mod plan;

pub use event::{Cancel, CellRequest, Command, Event, Seen, Stage};
pub use plan::{
    CLASSIFIER, ClusterCount, Criterion, DESCRIBERS, DeviceChoice, IMPORT, NAMERS, Networks, PROJECTORS, Plan,
    PlanError, SENTENCES, VECTORIZERS, namer,
};
