//! Pictures to words: what the engine knows as text columns.

pub mod tags;
