//! The map's mathematics without a canvas: so far the colours.

pub mod palette;
