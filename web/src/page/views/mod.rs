//! What is seen, one file a view. Views read [`State`](crate::state::State), and speak to the engine through
//! [`Link`](crate::link::Link).

#![expect(unreachable_pub, reason = "Leptos writes the properties of components as `pub`")]

mod app;
mod atlas;
mod bitmaps;
mod charts;
mod clusters;
mod compare;
mod contingency;
mod empty;
mod experiments;
mod explain;
mod export;
mod format;
mod grid;
mod hovercard;
mod icons;
mod inspector;
mod lab;
mod legend;
mod lightbox;
mod models;
mod plot;
mod problems;
mod progress;
mod recipe;
mod replay;
mod study;
mod toasts;
mod top;
mod workspace;

pub(crate) use app::App;
