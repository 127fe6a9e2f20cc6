//! Pictures to words: what the engine knows as text columns.

pub mod criterion;
pub mod import;
pub mod keywords;
pub mod phrases;
pub mod tags;
pub mod tfidf;
pub mod zero_shot;
