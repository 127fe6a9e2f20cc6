//! The files that an album is made of: their names, and their bytes.
//!
//! [`super::folder`] writes them into a folder, [`super::archive`] into one file, and the page saves one at a time;
//! all of them are the very same bytes.

use std::io::{self, Write};

use ndarray::Array2;

use super::{Album, Representation, sheets};
use crate::report::html::{self, Thumbnails};
use crate::report::{csv, npy, png, svg};

/// Letters of a name that a file's name holds where it cannot hold all.
const LONGEST_NAME: usize = 60;

/// What is written into one file.
pub type Contents<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// Where features lie.
pub(super) const FEATURES: &str = "features/";
/// The map's points.
pub const LAYOUT: &str = "layout.csv";
/// What could not be used.
pub const ERRORS: &str = "errors.csv";

/// Every file but the manifest, in the order they are written.
pub fn files<'a>(album: &'a Album, thumbnails: &'a dyn Thumbnails) -> Vec<(String, Contents<'a>)> {
    let mut files: Vec<(String, Contents<'a>)> = Vec::new();
    for features in &album.features {
        let path = format!("{FEATURES}{}.csv", file_name(&features.name));
        files.push((path, Box::new(|w| csv::features(album, features.matrix.view(), w))));
        files.push((features_path(&features.name), matrix(&features.matrix)));
    }
    for column in &album.texts {
        files.push((texts_path(&column.name), text(|| csv::texts(album, column))));
    }
    for Representation { name, matrix: vectors, .. } in &album.vectors {
        files.push((vectors_path(name), matrix(vectors)));
    }
    for sheet in 0..sheets::count(album.pictures.len()) {
        let bytes = move || sheets::sheet(album.pictures.len(), sheet, thumbnails).map_err(io::Error::other);
        files.push((sheets::path(sheet), Box::new(move |w| w.write_all(&bytes()?))));
    }
    files.push(("labels.csv".to_owned(), text(|| csv::labels(album))));
    files.push(("scores.csv".to_owned(), text(|| csv::scores(album))));
    files.push(("clusters.csv".to_owned(), text(|| csv::clusters(album))));
    if album.cells.iter().any(|cell| cell.k_distances.is_some()) {
        files.push(("k_distances.csv".to_owned(), text(|| csv::k_distances(album))));
    }
    files.push((LAYOUT.to_owned(), text(|| csv::layout(&album.pictures, album.layout.points.view()))));
    for map in album.study.iter().flat_map(|study| &study.maps) {
        let contents = text(move || csv::layout(&album.pictures, map.points.view()));
        files.push((map_path(&map.representation), contents));
    }
    files.push((ERRORS.to_owned(), text(|| csv::errors(album))));
    files.push(("map.svg".to_owned(), text(|| svg::map(album))));
    files.push(("map.png".to_owned(), Box::new(|w| w.write_all(&png::map(album).map_err(io::Error::other)?))));
    files.push(("report.html".to_owned(), text(move || html::render(album, thumbnails))));
    files
}

/// Where the matrix of a feature lies.
pub(super) fn features_path(name: &str) -> String {
    format!("{FEATURES}{}.npy", file_name(name))
}

/// Where the matrix of a representation lies.
pub(super) fn vectors_path(name: &str) -> String {
    format!("vectors/{}.npy", file_name(name))
}

/// Where a text column lies.
pub(super) fn texts_path(name: &str) -> String {
    format!("texts/{}.csv", file_name(name))
}

/// Where a map of a study lies.
pub(super) fn map_path(representation: &str) -> String {
    format!("maps/{}.csv", file_name(representation))
}

/// The media type of an album's file, by the ending of its name.
pub fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => "text/csv; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("jpg") => "image/jpeg",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("gistmap") => "application/zip",
        _ => "application/octet-stream",
    }
}

fn text<'a>(make: impl Fn() -> String + 'a) -> Contents<'a> {
    Box::new(move |w: &mut dyn Write| w.write_all(make().as_bytes()))
}

fn matrix(matrix: &Array2<f32>) -> Contents<'_> {
    Box::new(|w: &mut dyn Write| w.write_all(&npy::write(matrix.view())))
}

/// A representation's name as a file name. A criterion or an imported column may hold anything: what a file's name cannot
/// hold becomes `_`, and a hash of the name keeps it apart from others.
pub(crate) fn file_name(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_+@.=".contains(c);
    if name.chars().all(plain) {
        return name.to_owned();
    }
    let shown: String = name.chars().take(LONGEST_NAME).map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{shown}-{}", &blake3::hash(name.as_bytes()).to_hex()[..8])
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_of_files_stay_apart() {
        assert_eq!(file_name("efficientnet-lite0+tags@concat"), "efficientnet-lite0+tags@concat");
        let names = ["what are they doing", "what_are_they_doing", "what/are/they/doing", "../x", "a:b"].map(file_name);
        assert!(names[0].starts_with("what_are_they_doing-"), "{}", names[0]);
        assert!(names.iter().all(|name| !name.contains(['/', ':', ' '])));
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
        assert!(file_name(&"long ".repeat(100)).len() < 80);
    }
}
