//! Data that not every machine has, for unit tests as well as integration tests.

use std::path::{Path, PathBuf};

/// `../shared/data/NAME`, or `$GISTMAP_SHARED/data/NAME`; prints why the test is skipped where it is absent.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GISTMAP_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not on this machine", path.display());
    None
}
