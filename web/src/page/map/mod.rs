//! The map: every picture a point, on a canvas drawn by wgpu (WebGPU, or WebGL 2 where that is all there is).
//!
//! [`MapView`] puts a map into the page; a [`Map`] is the handle that the rest of the page holds on to it; [`MapEvent`] is
//! all that it tells. The mathematics is `gistmap::scene`'s. Inside: `core` is the state, `input` and [`Map`] change it,
//! `frame` decides what a frame shows, `stage` what the canvas does, `draw` speaks to the device, `screen` to the document, `opening` gets devices, `session`
//! holds all that together.

mod core;
mod draw;
mod frame;
mod handle;
mod input;
mod layout;
mod opening;
mod screen;
mod session;
mod stage;
mod stamped;
mod view;

use gistmap::scene::palette::Colour;

pub(crate) use draw::{Backend, DETAIL, TILE};
pub(crate) use handle::Map;
pub(crate) use opening::prepared;
pub(crate) use view::MapView;

/// What the map tells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MapEvent {
    /// It is ready to draw, for the first time or again after its device was lost.
    Ready(Backend),
    /// It cannot draw in this browser; a sentence for the person.
    Failed(String),
    /// The pointer is on another picture, or on none.
    Hover(Option<usize>),
    /// A click or tap.
    Click {
        /// The picture under it.
        picture: Option<usize>,
        /// CSS pixels from the map's top left corner.
        at: [f64; 2],
        /// Keys held down.
        modifiers: Modifiers,
    },
    /// A lasso was closed.
    Lasso {
        /// The pictures inside, ascending.
        pictures: Vec<usize>,
        /// Keys held down.
        modifiers: Modifiers,
    },
    /// The camera moved, or the map has another size.
    View,
    /// Pictures whose tiles ([`TILE`] texels square) are to be drawn and are not here: answer by [`Map::set_thumbnail`].
    WantThumbnails(Vec<usize>),
    /// Pictures that are near enough for more than a tile ([`DETAIL`] texels square): answer by [`Map::set_detail`].
    WantDetails(Vec<usize>),
}

/// Keys held down during a click or a lasso.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Modifiers {
    /// Shift.
    pub(crate) shift: bool,
    /// Control, or Command on a Mac: add to the selection.
    pub(crate) command: bool,
}

/// What dragging does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tool {
    /// It moves the map; with shift it draws a lasso.
    #[default]
    Pan,
    /// It draws a lasso.
    Lasso,
}

/// A name on the map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    /// The name.
    pub(crate) text: String,
    /// What it names: a place in the layout's coordinates.
    pub(crate) at: [f32; 2],
    /// The cluster's colour.
    pub(crate) colour: Colour,
    /// The heavier is shown where there is room for one: the cluster's size.
    pub(crate) weight: f64,
}

/// A centre of K-Means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Centre {
    /// A place in the layout's coordinates.
    pub(crate) at: [f32; 2],
    /// The cluster's colour.
    pub(crate) colour: Colour,
}
