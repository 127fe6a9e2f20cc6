//! The files that an album is made of: their names, and who writes each.

use std::io::{self, Write};

use ndarray::Array2;

use super::folder::Contents;
use super::{Album, Representation};
use crate::report::html::{self, Thumbnails};
use crate::report::{csv, npy, png, svg};

/// Every file but the manifest, in the order they are written.
pub fn files<'a>(album: &'a Album, thumbnails: &'a dyn Thumbnails) -> Vec<(String, Contents<'a>)> {
    let mut files: Vec<(String, Contents<'a>)> = Vec::new();
    for features in &album.features {
        let name = file_name(&features.name);
        files.push((format!("features/{name}.csv"), Box::new(|w| csv::features(album, features.matrix.view(), w))));
        files.push((format!("features/{name}.npy"), matrix(&features.matrix)));
    }
    for column in &album.texts {
        let path = format!("texts/{}.csv", file_name(&column.name));
        files.push((path, text(|| csv::texts(album, column))));
    }
    for Representation { name, matrix: vectors, .. } in &album.vectors {
        files.push((format!("vectors/{}.npy", file_name(name)), matrix(vectors)));
    }
    files.push(("labels.csv".to_owned(), text(|| csv::labels(album))));
    files.push(("scores.csv".to_owned(), text(|| csv::scores(album))));
    files.push(("clusters.csv".to_owned(), text(|| csv::clusters(album))));
    files.push(("layout.csv".to_owned(), text(|| csv::layout(album))));
    files.push(("errors.csv".to_owned(), text(|| csv::errors(album))));
    files.push(("map.svg".to_owned(), text(|| svg::map(album))));
    files.push(("map.png".to_owned(), Box::new(|w| w.write_all(&png::map(album).map_err(io::Error::other)?))));
    files.push(("report.html".to_owned(), text(move || html::render(album, thumbnails))));
    files
}

fn text<'a>(make: impl Fn() -> String + 'a) -> Contents<'a> {
    Box::new(move |w: &mut dyn Write| w.write_all(make().as_bytes()))
}

fn matrix(matrix: &Array2<f32>) -> Contents<'_> {
    Box::new(|w: &mut dyn Write| w.write_all(&npy::write(matrix.view())))
}

/// A representation's name as a file name: names come from gistmap itself, but an imported one may hold anything.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "-_+@.".contains(c) { c } else { '_' }).collect()
}
