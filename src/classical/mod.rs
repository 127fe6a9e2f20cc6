//! Classical features of a picture of 224 x 224 pixels: what was used before networks, equal to OpenCV's.
//!
//! The engine calls this with the grey or coloured pixels of one picture and gets numbers; nothing here knows of files,
//! albums or networks.

pub mod sift;
