//! The legend and a card for every cluster.

use super::Thumbnails;
use super::escape::text;
use super::sections::{percent, plural};
use crate::album::{Album, ClusterSummary};
use crate::report::thousands;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// Exemplars shown on a card at most.
const EXEMPLARS: usize = 8;

/// Clusters in the order of the page: largest first, noise last.
pub(super) fn by_size(clusters: &[ClusterSummary]) -> Vec<&ClusterSummary> {
    let mut clusters: Vec<&ClusterSummary> = clusters.iter().collect();
    clusters.sort_by_key(|c| (c.cluster < 0, std::cmp::Reverse(c.size), c.cluster));
    clusters
}

/// Class of a cluster's colour.
fn colour_class(cluster: i32) -> String {
    if cluster < 0 { "kn".to_owned() } else { format!("k{cluster}") }
}

/// Buttons that highlight a cluster in both maps.
pub(super) fn legend(album: &Album) -> String {
    let button = |c: &ClusterSummary| {
        format!(
            "<button type=\"button\" class=\"chip {}\" data-cluster=\"{}\" aria-pressed=\"false\"><i></i>{} <span>{}</span></button>",
            colour_class(c.cluster),
            c.cluster,
            text(&c.name),
            thousands(c.size)
        )
    };
    by_size(&album.clusters).into_iter().map(button).collect()
}

/// A card for each cluster: colour, name, size, majority label, keywords, exemplars.
pub(super) fn cards(album: &Album, thumbnails: &dyn Thumbnails) -> String {
    let mut out = String::new();
    for c in by_size(&album.clusters) {
        let _ = write!(
            out,
            "<article class=\"card {}\" data-cluster=\"{}\"><header><h3><button type=\"button\" class=\"name\" \
             data-cluster=\"{}\" aria-pressed=\"false\"><i></i>{}</button></h3><p class=\"size\">{}</p></header>",
            colour_class(c.cluster),
            c.cluster,
            c.cluster,
            text(&c.name),
            size(album, c)
        );
        if let Some(by) = &c.named_by {
            let _ = write!(out, "<p class=\"by quiet\">named by {}</p>", text(by));
        }
        if let (Some(purity), Some(majority)) = (c.purity, &c.majority) {
            let _ = write!(
                out,
                "<p class=\"purity\"><svg viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
                 <rect width=\"100\" height=\"4\"/><rect class=\"part\" width=\"{:.1}\" height=\"4\"/></svg>\
                 <span><b>{}</b> {}</span></p>",
                purity.clamp(0.0, 1.0) * 100.0,
                percent(purity),
                text(majority)
            );
        }
        if !c.keywords.is_empty() {
            let words: String = c.keywords.iter().map(|w| format!("<li>{}</li>", text(w))).collect();
            let _ = write!(out, "<ul class=\"words\" aria-label=\"Keywords\">{words}</ul>");
        }
        out.push_str(&exemplars(album, c, thumbnails));
        out.push_str("</article>");
    }
    out
}

fn size(album: &Album, c: &ClusterSummary) -> String {
    let share = c.size as f64 / album.pictures.len().max(1) as f64;
    format!("{} <span>{}</span>", plural(c.size, "picture"), percent(share))
}

fn exemplars(album: &Album, c: &ClusterSummary, thumbnails: &dyn Thumbnails) -> String {
    let mut out = String::from("<div class=\"exemplars\">");
    for &i in c.exemplars.iter().take(EXEMPLARS) {
        let (Some(picture), Some(jpeg)) = (album.pictures.get(i), thumbnails.exemplar(i)) else { continue };
        let _ = write!(
            out,
            "<button type=\"button\" class=\"thumb\" data-picture=\"{i}\"><img alt=\"{}\" \
             src=\"data:image/jpeg;base64,{}\"></button>",
            text(&picture.file),
            STANDARD.encode(jpeg)
        );
    }
    out.push_str("</div>");
    out
}
