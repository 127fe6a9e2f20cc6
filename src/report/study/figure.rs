//! A study's figures: maps of a representation, one panel a colouring, and scores with their spread.

use std::fmt::Write;

use crate::album::Layout;
use crate::album::studied::Row;
use crate::report::map::{Rect, fit, matching_colours, places_of, radius};
use crate::report::svg::escape;
use crate::scene::palette::{Colour, Theme, categorical, noise};
use crate::study::Study;
use crate::study::table::{Metric, SUPERVISED};

/// Side of a panel's square.
const SIDE: f64 = 400.0;
/// Space for a panel's title, and between panels.
const GAP: f64 = 30.0;
/// Pictures that a panel in the page shows at most; those of files show all.
pub(super) const SHOWN: usize = 4_000;
/// Height of a line of scores.
const LINE: f64 = 22.0;
/// Where the panels of scores begin, how wide one is, and the space between two.
const SCORES_AT: f64 = 330.0;
const SCORES_WIDE: f64 = 190.0;
const SCORES_GAP: f64 = 24.0;
/// The scores that are drawn.
const DRAWN: [Metric; 3] = [Metric::Acc, Metric::Nmi, Metric::Ari];

/// One colouring of a map.
pub(super) struct Panel {
    /// For people.
    pub(super) title: String,
    /// Colour of each picture; none for noise and for pictures without a label.
    pub(super) colours: Vec<Option<usize>>,
}

/// Colours that all panels of a study need.
pub(super) fn colours(study: &Study) -> usize {
    let clusters = study.cells.iter().filter_map(|c| c.labels.iter().copied().max()).max().unwrap_or(-1);
    study.label_names.len().max(usize::try_from(clusters + 1).unwrap_or(0))
}

/// The panels of a representation's map: by label, and by the clusters of every clusterer with the first seed, each in the
/// colour of the label that it shares most pictures with.
pub(super) fn panels(study: &Study, representation: &str) -> Vec<Panel> {
    let labels: Vec<Option<usize>> = study.pictures.iter().map(|(_, label)| label.map(|l| l as usize)).collect();
    let mut panels = Vec::new();
    if !study.label_names.is_empty() {
        panels.push(Panel { title: "labels".to_owned(), colours: labels.clone() });
    }
    let seed = study.cells.first().map(|cell| cell.seed);
    for cell in study.cells.iter().filter(|c| c.representation == representation && Some(c.seed) == seed) {
        let clusters: Vec<Option<usize>> = cell.labels.iter().map(|l| usize::try_from(*l).ok()).collect();
        let count = clusters.iter().flatten().max().map_or(0, |m| m + 1);
        let matched = matching_colours(clusters.iter().copied().zip(labels.iter().copied()), count);
        let colours = clusters.into_iter().map(|c| c.map(|c| matched[c])).collect();
        panels.push(Panel { title: cell.clustered_by(), colours });
    }
    panels
}

/// Paths of a panel's pictures, one a colour, noise first; `paint` gives the attributes of a colour.
fn dots(
    places: &[(f64, f64)],
    colours: &[Option<usize>],
    shown: usize,
    paint: impl Fn(Option<usize>) -> String,
) -> String {
    let step = places.len().div_ceil(shown.max(1)).max(1);
    let area = Rect { x: 6.0, y: 6.0, w: SIDE - 12.0, h: SIDE - 12.0 };
    let points = fit(places, area);
    let mut order: Vec<Option<usize>> = colours.to_vec();
    order.sort_unstable();
    order.dedup();
    let wide = 1.6 * radius(places.len().div_ceil(step), area);
    let mut out = String::new();
    for colour in order {
        let _ = write!(out, "<path {} stroke-width=\"{wide:.1}\" d=\"", paint(colour));
        for at in (0..points.len()).step_by(step).filter(|at| colours.get(*at) == Some(&colour)) {
            let (x, y) = points[at];
            let _ = write!(out, "M{x:.0} {y:.0}h0");
        }
        out.push_str("\"/>");
    }
    out
}

/// A panel for the page, in the page's colours.
pub(super) fn panel_in_page(map: &Layout, panel: &Panel, label: &str) -> String {
    let class = |colour: Option<usize>| colour.map_or("class=\"kn\"".to_owned(), |c| format!("class=\"k{c}\""));
    format!(
        "<svg class=\"dots\" viewBox=\"0 0 {SIDE} {SIDE}\" role=\"img\" aria-label=\"{label}\">{}</svg>",
        dots(&places_of(map, panel.colours.len()), &panel.colours, SHOWN, class)
    )
}

fn document(title: &str, (width, height): (f64, f64), body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\" role=\"img\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n",
        escape(title)
    )
}

/// All panels of a map side by side, as one document in the light theme.
pub(super) fn map_file(study: &Study, map: &Layout) -> String {
    let (palette, panels) = (categorical(colours(study), Theme::Light), panels(study, &map.representation));
    let hex = |colour: Option<usize>| colour.and_then(|c| palette.get(c)).map_or(noise(Theme::Light), |c| *c);
    let paint = |colour| {
        let hex = Colour::hex(hex(colour));
        format!("fill=\"none\" stroke=\"{hex}\" stroke-linecap=\"round\" stroke-opacity=\"0.85\"")
    };
    let places = places_of(map, study.pictures.len());
    let mut body = String::new();
    for (at, panel) in panels.iter().enumerate() {
        let x = GAP + at as f64 * (SIDE + GAP);
        let _ = writeln!(
            body,
            "<g transform=\"translate({x:.0} {GAP})\"><text x=\"6\" y=\"-8\" font-size=\"15\" fill=\"#1a1d21\">{}</text>{}</g>",
            escape(&panel.title),
            dots(&places, &panel.colours, usize::MAX, paint)
        );
    }
    let width = GAP + panels.len().max(1) as f64 * (SIDE + GAP);
    document(&format!("t-SNE of {}", map.representation), (width, SIDE + 2.0 * GAP), &body)
}

/// Mean and standard deviation of [`DRAWN`] for each row; `None` without labels.
pub(super) fn scores_file(study: &Study) -> Option<String> {
    let rows = study.rows();
    (!study.label_names.is_empty()).then(|| {
        let (body, size) = scores_body(&rows);
        let style = "<style>text{fill:#1a1d21;font-size:12px}.quiet{fill:#586069}.grid{stroke:#e1e4e8}\
                     .sd{stroke:#0a5ca8;stroke-width:2}.mean{fill:#0a5ca8}</style>";
        document(&format!("{}: scores", study.recipe.title), size, &format!("{style}{body}"))
    })
}

/// The same for the page.
pub(super) fn scores_in_page(study: &Study) -> Option<String> {
    let rows = study.rows();
    (!study.label_names.is_empty()).then(|| {
        let (body, (width, height)) = scores_body(&rows);
        format!(
            "<svg class=\"plot\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"Scores of every \
             representation and clusterer; the tables hold the numbers\">{body}</svg>"
        )
    })
}

fn scores_body(rows: &[Row]) -> (String, (f64, f64)) {
    let (top, bottom) = (34.0, 34.0 + rows.len() as f64 * LINE);
    let left = |at: usize| SCORES_AT + at as f64 * (SCORES_WIDE + SCORES_GAP);
    let mut out = String::new();
    for (at, metric) in DRAWN.iter().enumerate() {
        let _ = write!(out, "<text x=\"{:.0}\" y=\"14\">{}</text>", left(at), metric.title());
        for tick in 0..=4 {
            let value = f64::from(tick) / 4.0;
            let x = left(at) + value * SCORES_WIDE;
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\
                 <text class=\"quiet\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.0}\">{value}</text>",
                bottom + 16.0
            );
        }
    }
    for (line, row) in rows.iter().enumerate() {
        let y = top + (line as f64 + 0.5) * LINE;
        let name = shortened(&format!("{} / {}", row.representation, row.clusterer));
        let _ = write!(out, "<text x=\"0\" y=\"{:.1}\">{}</text>", y + 4.0, escape(&name));
        for (at, metric) in DRAWN.iter().enumerate() {
            let spread = SUPERVISED.iter().position(|m| m == metric).and_then(|i| row.supervised[i]);
            let Some(spread) = spread else { continue };
            let x = |value: f64| left(at) + value.clamp(0.0, 1.0) * SCORES_WIDE;
            if let Some(sd) = spread.sd {
                let (from, to) = (x(spread.mean - sd), x(spread.mean + sd));
                let _ = write!(out, "<line class=\"sd\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
            }
            let _ = write!(out, "<circle class=\"mean\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\"/>", x(spread.mean));
        }
    }
    (out, (left(DRAWN.len()), bottom + 24.0))
}

/// A name cut in its middle where it is longer than there is room.
fn shortened(name: &str) -> String {
    const MOST: usize = 46;
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= MOST {
        return name.to_owned();
    }
    let half = MOST / 2;
    letters[..half].iter().chain(&['\u{2026}']).chain(&letters[letters.len() - half + 1..]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{SHOWN, dots, map_file, panels, scores_file, shortened};
    use crate::report::study::testing::study;

    #[test]
    fn a_map_has_a_panel_for_labels_and_each_clusterer_and_a_dot_for_each_picture() {
        let study = study(true);
        let titles: Vec<String> = panels(&study, "text").into_iter().map(|p| p.title).collect();
        assert_eq!(titles, ["labels", "kmeans", "dbscan"]);
        let svg = map_file(&study, &study.maps[0]);
        assert_eq!(svg.matches("h0").count(), 3 * 40);
        assert!(svg.contains("image &lt;i&gt;") && !svg.contains("<i>"));
    }

    #[test]
    fn large_maps_are_thinned_in_the_page() {
        let places: Vec<(f64, f64)> = (0..3 * SHOWN).map(|i| (i as f64, 0.5)).collect();
        let drawn = dots(&places, &vec![Some(0); places.len()], SHOWN, |_| String::new());
        assert_eq!(drawn.matches("h0").count(), SHOWN);
    }

    #[test]
    fn scores_are_drawn_where_there_are_labels() {
        let svg = scores_file(&study(true)).unwrap();
        assert_eq!(svg.matches("class=\"mean\"").count(), 6 * 3);
        assert!(svg.contains("image &lt;i&gt; / kmeans"));
        assert_eq!(scores_file(&study(false)), None);
        assert_eq!(shortened(&"x".repeat(100)).chars().count(), 46);
    }
}
