//! What the bench programs share. `cargo xtask bench NAME` runs them beside the Python references; each prints one
//! line of JSON with its milliseconds.
#![allow(dead_code, reason = "each bench program uses some of it")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use gistmap::report::npy;
use ndarray::{Array2, ArrayView2};

/// Seed of data and algorithms, the same as in `bench/reference/common.py`.
pub(crate) const SEED: u32 = 782;

/// The program's arguments; when there are none it was started by `cargo bench`, which has no data for it.
pub(crate) fn arguments<const N: usize>(usage: &str) -> Result<[String; N]> {
    // `cargo bench` passes `--bench`.
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let found = given.len();
    given
        .try_into()
        .map_err(|_| anyhow::anyhow!("{found} arguments, not {N}: {usage} (`cargo xtask bench` gives them)"))
}

/// Wall milliseconds of `work`, and what it returned.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

/// Milliseconds that this thread had the processor for `work`, whatever else the machine did, and what it returned; wall
/// milliseconds where the system does not tell (only Linux does).
pub(crate) fn processor_timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let nanoseconds = || std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok();
    let before: Option<f64> = nanoseconds();
    let (wall, result) = timed(work);
    let after: Option<f64> = nanoseconds();
    (before.zip(after).map_or(wall, |(before, after)| (after - before) / 1e6), result)
}

/// What lies in a folder, in order.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = found.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

/// The middle of the values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Reads a float32 matrix that NumPy saved.
pub(crate) fn read_matrix(path: &str) -> Result<Array2<f32>> {
    let bytes = std::fs::read(path).with_context(|| path.to_owned())?;
    npy::read(&bytes).with_context(|| path.to_owned())
}

/// Saves a float32 matrix for NumPy.
pub(crate) fn write_matrix(path: impl AsRef<Path>, matrix: ArrayView2<'_, f32>) -> Result<()> {
    let path = path.as_ref();
    std::fs::write(path, npy::write(matrix)).with_context(|| path.display().to_string())
}
