//! What the page's script draws and shows, as one JSON object inside the page.

use super::Thumbnails;
use crate::album::Album;
use crate::report::main_labels;
use crate::report::map::{cluster_colours, label_colour_indices, places};
use crate::scene::palette::{Colour, Theme, categorical, noise};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Up to this many pictures every one has a thumbnail and all its texts in the page; above, only
/// exemplars have thumbnails and the first text column is kept.
pub(super) const ALL_THUMBNAILS: usize = 3_000;
/// Places are whole numbers from 0 to this.
const GRID: f64 = 10_000.0;

/// The page's data: places, clusters, labels, files, texts, colours and thumbnails.
pub(super) fn of(album: &Album, thumbnails: &dyn Thumbnails) -> Value {
    let places = places(album);
    let grid = |v: f64| (v * GRID).round() as i64;
    let every = album.pictures.len() <= ALL_THUMBNAILS;
    let columns = if every { album.texts.len() } else { 1 };
    let texts: Vec<Value> =
        album.texts.iter().take(columns).map(|c| json!({ "name": c.name, "texts": c.texts })).collect();
    let thumbs: Vec<Option<String>> = if every {
        (0..album.pictures.len()).map(|i| thumbnails.jpeg(i).map(|jpeg| STANDARD.encode(jpeg))).collect()
    } else {
        Vec::new()
    };
    let clusters: Vec<Value> =
        album.clusters.iter().map(|c| json!({ "id": c.cluster, "name": c.name, "size": c.size })).collect();
    json!({
        "x": places.iter().map(|p| grid(p.0)).collect::<Vec<_>>(),
        "y": places.iter().map(|p| grid(p.1)).collect::<Vec<_>>(),
        "cluster": main_labels(album),
        "label": album.pictures.iter().map(|p| p.label.map_or(-1, i64::from)).collect::<Vec<_>>(),
        "files": album.pictures.iter().map(|p| p.file.as_str()).collect::<Vec<_>>(),
        "texts": texts,
        "thumbs": thumbs,
        "clusters": clusters,
        "labels": album.label_names,
        "labelColour": label_colour_indices(album),
        "light": colours(album, Theme::Light),
        "dark": colours(album, Theme::Dark),
    })
}

/// Colours of clusters (and of labels, which use the same ones), then the grey of noise.
fn colours(album: &Album, theme: Theme) -> Vec<String> {
    let mut colours = palette(album, theme);
    colours.push(noise(theme));
    colours.into_iter().map(Colour::hex).collect()
}

/// One colour for each cluster and, where labels are more, for each label.
pub(super) fn palette(album: &Album, theme: Theme) -> Vec<Colour> {
    let clusters = cluster_colours(&main_labels(album), theme).len();
    let labels = label_colour_indices(album).into_iter().max().map_or(0, |m| m + 1);
    categorical(clusters.max(labels), theme)
}
