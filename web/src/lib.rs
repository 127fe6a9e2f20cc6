//! gistmap in a browser tab.
//!
//! Three programs share this package: `page` (the document's own thread: Leptos, the map), `engine` (a worker: networks,
//! clustering, layout) and `hand` (workers: decode, resize). [`protocol`] is all that passes between them.

#[cfg(any(feature = "page", feature = "engine", feature = "hand"))]
pub mod protocol;
