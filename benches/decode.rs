//! Read, decode, resize and crop every picture of a folder per class on all threads: `decode FOLDER`.

mod common;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gistmap::image::{Limits, Preparer, Preprocess};
use rayon::prelude::*;

fn main() -> Result<()> {
    let [folder] = common::arguments("decode FOLDER")?;
    let mut paths = Vec::new();
    for class in common::entries(Path::new(&folder))? {
        paths.extend(common::entries(&class)?);
    }
    let (preprocess, limits) = (Preprocess::default(), Limits::default());
    let prepare_all = |paths: &[PathBuf]| {
        let prepare = |(preparer, out): &mut (Preparer, Vec<u8>), path: &PathBuf| {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            preparer.prepare(&bytes, &limits, &preprocess, out).with_context(|| path.display().to_string())
        };
        paths
            .par_iter()
            .map_init(|| (Preparer::new(), vec![0; preprocess.bytes()]), prepare)
            .collect::<Result<Vec<()>>>()
    };
    prepare_all(&paths[..paths.len().min(100)])?;
    let (ms, done) = common::timed(|| prepare_all(&paths));
    println!("{}", serde_json::json!({"ms": ms, "pictures": done?.len()}));
    Ok(())
}
