//! `map.svg`: the map coloured by cluster, each cluster's name at its middle, a legend beside it.

use super::map::{Group, Rect, fit, groups, medoid, place, places, radius};
use super::thousands;
use crate::album::Album;
use crate::scene::palette::Theme;
use std::cmp::Reverse;
use std::fmt::Write;

/// The drawing is this wide ...
const WIDTH: f64 = 1600.0;
/// ... and this high.
const HEIGHT: f64 = 1200.0;
const AREA: Rect = Rect { x: 50.0, y: 96.0, w: 1160.0, h: 1054.0 };
const LEGEND_X: f64 = 1270.0;
const LEGEND_TOP: f64 = 120.0;
/// Clusters listed in the legend at most.
const LEGEND_ROWS: usize = 40;
const NAME_SIZE: f64 = 22.0;

/// The map as one SVG document of 1600 x 1200, in the light theme.
///
/// Circles are grouped by cluster (`<g>`), noise lowest; largest clusters place their names first, and a name
/// that finds no free place is in the legend only.
pub fn map(album: &Album) -> String {
    let points = fit(&places(album), AREA);
    let groups = groups(album, Theme::Light);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escape(&format!("Map of {}", album.title))
    );
    let _ = writeln!(
        out,
        "<text x=\"50\" y=\"58\" font-size=\"30\" font-weight=\"600\" fill=\"#1a1d21\">{}</text>",
        escape(&album.title)
    );
    circles(&mut out, &groups, &points, radius(points.len(), AREA));
    names(&mut out, &groups, &points);
    legend(&mut out, &groups);
    out.push_str("</svg>\n");
    out
}

fn circles(out: &mut String, groups: &[Group], points: &[(f64, f64)], radius: f64) {
    for group in groups {
        let _ = writeln!(out, "<g fill=\"{}\" fill-opacity=\"0.85\">", group.colour.hex());
        for &i in &group.members {
            let (x, y) = points[i];
            let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>");
        }
        out.push_str("</g>\n");
    }
}

fn names(out: &mut String, groups: &[Group], points: &[(f64, f64)]) {
    let mut named: Vec<(&Group, (f64, f64))> =
        groups.iter().filter(|g| g.cluster >= 0).filter_map(|g| medoid(points, &g.members).map(|m| (g, m))).collect();
    named.sort_by_key(|(g, _)| (Reverse(g.members.len()), g.cluster));
    let boxes: Vec<_> =
        named.iter().map(|(g, m)| (*m, (text_width(&g.name) * NAME_SIZE + 12.0, NAME_SIZE * 1.3))).collect();
    out.push_str("<g text-anchor=\"middle\" font-weight=\"600\" fill=\"#1a1d21\" stroke=\"#ffffff\" stroke-width=\"5\" stroke-linejoin=\"round\" paint-order=\"stroke\">\n");
    for ((group, _), rect) in named.iter().zip(place(&boxes, AREA)) {
        let Some(r) = rect else { continue };
        let (x, y) = (r.x + r.w / 2.0, r.y + r.h * 0.74);
        let _ =
            writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{NAME_SIZE}\">{}</text>", escape(&group.name));
    }
    out.push_str("</g>\n");
}

fn legend(out: &mut String, groups: &[Group]) {
    let mut listed: Vec<&Group> = groups.iter().filter(|g| g.cluster >= 0).collect();
    listed.extend(groups.iter().filter(|g| g.cluster < 0));
    let step = (1030.0 / listed.len().clamp(1, LEGEND_ROWS + 1) as f64).clamp(24.0, 34.0);
    out.push_str("<g font-size=\"18\" fill=\"#1a1d21\">\n");
    for (row, group) in listed.iter().take(LEGEND_ROWS).enumerate() {
        let y = LEGEND_TOP + row as f64 * step;
        let _ = writeln!(
            out,
            "<circle cx=\"{LEGEND_X}\" cy=\"{:.1}\" r=\"7\" fill=\"{}\"/><text x=\"{}\" y=\"{y:.1}\">{} \
             <tspan fill=\"#5a616b\">{}</tspan></text>",
            y - 6.0,
            group.colour.hex(),
            LEGEND_X + 20.0,
            escape(&group.name),
            thousands(group.members.len()),
        );
    }
    if listed.len() > LEGEND_ROWS {
        let y = LEGEND_TOP + LEGEND_ROWS as f64 * step;
        let more = listed.len() - LEGEND_ROWS;
        let _ = writeln!(out, "<text x=\"{}\" y=\"{y:.1}\" fill=\"#5a616b\">and {more} more</text>", LEGEND_X + 20.0);
    }
    out.push_str("</g>\n");
}

/// Width of a text in ems, roughly: any system font may draw it.
fn text_width(text: &str) -> f64 {
    text.chars().map(|c| if c.is_ascii() { 0.56 } else { 1.0 }).sum()
}

/// Text for an element or an attribute; characters that XML does not allow become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push('\u{fffd}')
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::map;
    use crate::report::testing::album;
    use proptest::prelude::proptest;

    /// Checks that tags nest and texts are escaped; returns how often each element opens.
    fn well_formed(xml: &str) -> std::collections::BTreeMap<String, usize> {
        let mut open: Vec<&str> = Vec::new();
        let mut count = std::collections::BTreeMap::new();
        let mut rest = xml;
        while let Some(at) = rest.find('<') {
            let text = &rest[..at];
            assert!(!text.contains('>'), "{text}");
            for entity in text.split('&').skip(1) {
                assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|e| entity.starts_with(e)), "{entity}");
            }
            let (tag, after) = rest[at + 1..].split_once('>').unwrap();
            assert!(tag.matches('"').count() % 2 == 0 && !tag.contains('<'), "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else {
                let name = tag.split([' ', '/']).next().unwrap();
                assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{name:?}");
                *count.entry(name.to_owned()).or_default() += 1;
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
            rest = after;
        }
        assert!(open.is_empty() && rest.trim().is_empty());
        count
    }

    #[test]
    fn has_a_circle_for_each_picture_and_legend_row() {
        let svg = map(&album(50, 3, true));
        let count = well_formed(&svg);
        assert_eq!(count["circle"], 50 + 4);
        assert_eq!(count["text"], 1 + 3 + 4);
        assert!(svg.contains("group 1 &lt;b&gt;"));
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn many_clusters_and_none() {
        let svg = map(&album(500, 60, false));
        assert!(svg.contains("and 21 more"));
        well_formed(&svg);
        assert_eq!(well_formed(&map(&album(0, 1, false))).get("circle"), None);
    }

    proptest! {
        #[test]
        fn any_name_is_only_text(name in "\\PC*|[<>&\"\\x00-\\x1f/a]*") {
            let mut album = album(5, 2, false);
            album.title = name.clone();
            album.clusters[0].name = name;
            assert_eq!(well_formed(&map(&album))["title"], 1);
        }
    }
}
