//! Classical features of every picture of a folder per class: `classical FOLDER OUT.npy`.
//!
//! Decoding is not counted. Prints, for each kind and for all together (`classical`), the processor's milliseconds a
//! picture on one thread, from the whole picture to the numbers; and wall milliseconds a picture for all kinds on all
//! threads. Saves the features side by side.

mod common;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gistmap::classical::{Extractor, Kind};
use gistmap::image::{Limits, Rgb, decode};
use ndarray::Array2;
use rayon::prelude::*;

fn main() -> Result<()> {
    let [folder, out] = common::arguments("classical FOLDER OUT.npy")?;
    let mut paths = Vec::new();
    for class in common::entries(Path::new(&folder))? {
        paths.extend(common::entries(&class)?);
    }
    let pictures = paths.par_iter().map(read).collect::<Result<Vec<Rgb>>>()?;

    let mut line = serde_json::Map::new();
    // One kind alone on every fourth picture, as the reference does, whose SIFT takes its time.
    for kind in Kind::PARTS {
        let some: Vec<&Rgb> = pictures.iter().step_by(4).collect();
        let (ms, _) = one_thread(&[kind], &some)?;
        line.insert(kind.name().to_owned(), ms.into());
    }
    let all: Vec<&Rgb> = pictures.iter().collect();
    let (ms, features) = one_thread(&[Kind::Classical], &all)?;
    line.insert("classical".to_owned(), ms.into());
    let (ms, shared) = common::timed(|| {
        all.par_iter()
            .map_init(
                || Extractor::new(&[Kind::Classical]),
                |extractor, picture| Ok(extractor.extract(picture)?.concat()),
            )
            .collect::<Result<Vec<Vec<f32>>>>()
    });
    anyhow::ensure!(shared? == features, "threads changed the numbers");
    line.insert("threads".to_owned(), (ms / all.len() as f64).into());

    let columns = features.first().map_or(0, Vec::len);
    let features = Array2::from_shape_vec((features.len(), columns), features.concat())?;
    common::write_matrix(&out, features.view())?;
    println!("{}", serde_json::Value::Object(line));
    Ok(())
}

fn read(path: &PathBuf) -> Result<Rgb> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    decode(&bytes, &Limits::default()).with_context(|| path.display().to_string())
}

/// Processor milliseconds a picture, and each picture's numbers side by side.
fn one_thread(kinds: &[Kind], pictures: &[&Rgb]) -> Result<(f64, Vec<Vec<f32>>)> {
    let mut extractor = Extractor::new(kinds);
    for picture in pictures.iter().take(20) {
        extractor.extract(picture)?;
    }
    let (ms, features) = common::processor_timed(|| {
        pictures.iter().map(|picture| Ok(extractor.extract(picture)?.concat())).collect::<Result<_>>()
    });
    Ok((ms / pictures.len() as f64, features?))
}
