//! gistmap: see what your pictures are about.
//!
//! The pipeline, in order:
//!
//! 1. [`collection`] says what a folder of images is: which pictures, which labels.
//! 2. [`image`] decodes under limits, turns upright, resizes.
//! 3. [`classical`] measures pixels without networks.
//! 4. `gistmap_models` holds the networks; [`device`] chooses where they run, [`readback`] waits for them.
//! 5. [`describe`] puts pictures into words (what it knows of them is in [`english`]), [`embed`] turns words into vectors.
//! 6. [`fuse`] makes matrices ready for clustering, and one of two.
//! 7. [`cluster`] groups the rows.
//! 8. [`score`] measures the labelings.
//! 9. [`project`] lays the rows out in the plane.
//! 10. [`explain`] names the clusters.
//! 11. [`engine`] drives all of this and fills an [`album`]; [`store`] keeps what took time.
//! 12. [`study`] compares many runs over one collection as a recipe says.
//! 13. [`report`] writes what people and programs read; [`scene`] is the map's mathematics.
//!
//! The command line and the page speak to [`engine`], [`album`] and [`scene`] alone.

pub mod album;
pub mod classical;
pub mod cluster;
pub mod collection;
pub mod describe;
#[cfg(feature = "networks")]
pub mod device;
#[cfg(feature = "networks")]
pub mod embed;
pub mod endpoint;
#[cfg(feature = "networks")]
pub mod engine;
pub mod english;
pub mod explain;
pub mod fuse;
pub mod image;
pub mod linalg;
pub mod measure;
pub mod progress;
pub mod project;
pub mod protocol;
pub mod random;
#[cfg(feature = "networks")]
pub mod readback;
pub mod report;
pub mod runtime;
pub mod scene;
pub mod score;
#[cfg(test)]
#[path = "../tests/common/shared.rs"]
mod shared;
pub mod store;
pub mod study;
#[cfg(all(feature = "networks", not(target_arch = "wasm32")))]
pub mod weights;
