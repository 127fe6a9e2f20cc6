//! `report.html`: one page that needs nothing else, to be read, projected or printed.
//!
//! The page carries its data, pictures, style and script; its Content-Security-Policy allows no request
//! and no style or script but the two whose SHA-256 it names. Every text that others chose is escaped.

mod cards;
mod criteria;
mod curve;
mod data;
mod density;
pub(super) mod escape;
pub(super) mod sections;

use crate::album::Album;
use crate::scene::palette::{Colour, Theme, noise};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const TEMPLATE: &str = include_str!("html/template.html");
pub(super) const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Small JPEG versions of an album's pictures.
pub trait Thumbnails {
    /// The bytes of a JPEG of at most 96 pixels a side, shown while the pointer is on the map; `None` where
    /// the picture cannot be had. `picture` indexes [`Album::pictures`].
    fn jpeg(&self, picture: usize) -> Option<Vec<u8>>;

    /// The same for the exemplars on the cards, which may be larger (256 pixels look well); by default the
    /// small one.
    fn exemplar(&self, picture: usize) -> Option<Vec<u8>> {
        self.jpeg(picture)
    }

    /// A whole sheet of [`crate::album::sheets`], where one is at hand: what was read is written again as it was.
    fn sheet(&self, _sheet: usize) -> Option<Vec<u8>> {
        None
    }
}

/// The whole page.
///
/// Up to 3,000 pictures every one has its thumbnail in the page, above only the exemplars. Without labels
/// there is one map and no label scores.
pub fn render(album: &Album, thumbnails: &dyn Thumbnails) -> String {
    let style = format!("{STYLE}{}", palette_css(album));
    let (result, detail) = sections::sentence(album);
    fill(TEMPLATE, |name| match name {
        "style" => style.clone(),
        "script" => SCRIPT.to_owned(),
        "style-hash" => hash(&style),
        "script-hash" => hash(SCRIPT),
        "title" => escape::text(&album.title),
        "result" => result.clone(),
        "detail" => detail.clone(),
        "figures" => sections::figures(album),
        "maps" => maps(album),
        "legend" => cards::legend(album),
        "scores" => sections::scores(album),
        "curve" => curve::section(album),
        "density" => density::section(album),
        "cards" => cards::cards(album, thumbnails),
        "criteria" => criteria::section(album),
        "run" => sections::run(album),
        "timings" => sections::timings(&album.timings),
        "failures" => sections::failures(album),
        "data" => escape::json(&data::of(album, thumbnails)),
        "version" => escape::text(&album.version),
        other => format!("{{{{{other}}}}}"),
    })
}

/// A template with every `{{name}}` replaced, in one pass: what is put in is not looked at again.
pub(super) fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, after)) = after.split_once("}}") else { break };
        out.push_str(&value(name));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The source expression that lets exactly this style or script run.
pub(super) fn hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content.as_bytes())))
}

/// Classes `k0`, `k1`, ... and `kn` (noise), each setting `--c` to its colour in either theme.
fn palette_css(album: &Album) -> String {
    colour_classes(&data::palette(album, Theme::Light), &data::palette(album, Theme::Dark))
}

/// The classes of these colours and of noise.
pub(super) fn colour_classes(light: &[Colour], dark: &[Colour]) -> String {
    let rule = |class: &str, light: String, dark: String| format!(".{class} {{ --c: light-dark({light}, {dark}); }}\n");
    let mut css = String::from("\n");
    for (i, (light, dark)) in light.iter().zip(dark).enumerate() {
        css.push_str(&rule(&format!("k{i}"), light.hex(), dark.hex()));
    }
    css.push_str(&rule("kn", noise(Theme::Light).hex(), noise(Theme::Dark).hex()));
    css
}

fn maps(album: &Album) -> String {
    let map = |kind: &str, title: &str| {
        format!(
            "<figure class=\"map\"><figcaption>{title}</figcaption><canvas data-map=\"{kind}\" tabindex=\"0\" \
             role=\"application\" aria-label=\"Map of the pictures coloured by {kind}. Arrow keys go from picture to \
             picture, Enter highlights its group.\"></canvas></figure>"
        )
    };
    let mut out = map("group", "Coloured by group");
    if !album.label_names.is_empty() {
        let _ = write!(out, "{}", map("label", "Coloured by label"));
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{STYLE, TEMPLATE, Thumbnails, fill, hash, render};
    use crate::report::testing::{NASTY, album};
    use proptest::prelude::{ProptestConfig, proptest};
    use serde_json::Value;

    struct Tiny;
    impl Thumbnails for Tiny {
        fn jpeg(&self, picture: usize) -> Option<Vec<u8>> {
            (picture != 1).then(|| vec![0xff, 0xd8, picture as u8])
        }
    }

    /// Tag names in the page outside script, style and data, in order.
    fn tags(page: &str) -> Vec<String> {
        let mut rest = page;
        let mut found = Vec::new();
        while let Some((_, after)) = rest.split_once('<') {
            let (tag, after) = after.split_once('>').unwrap();
            let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || "/!-".contains(*c)).collect();
            rest = match name.as_str() {
                "script" | "style" => after.split_once(&format!("</{name}>")).unwrap().1,
                _ => after,
            };
            found.push(name);
        }
        found
    }

    fn data(page: &str) -> Value {
        let json = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn nothing_is_left_open() {
        let page = render(&album(30, 3, true), &Tiny);
        assert!(!page.contains("{{") && !page.contains("}}<"));
        let mut open = Vec::new();
        for tag in tags(&page) {
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
                None if [
                    "meta", "img", "input", "!DOCTYPE", "rect", "line", "circle", "polyline", "script", "style",
                ]
                .contains(&tag.as_str()) => {}
                None => open.push(tag),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn the_policy_names_the_very_style_and_script() {
        let page = render(&album(3, 2, false), &Tiny);
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert!(style.starts_with(STYLE) && page.contains(&hash(style)));
        let script = page.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
        assert!(page.contains(&hash(script)));
        assert_eq!(hash("alert(1)"), "sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=");
        for forbidden in ["http://", "https://", " style=", " onclick", "unsafe-inline", "url("] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn data_hold_every_picture_and_its_thumbnail() {
        let page = render(&album(30, 3, true), &Tiny);
        let data = data(&page);
        assert_eq!(data["files"].as_array().unwrap().len(), 30);
        assert_eq!(data["files"][6], NASTY[6]);
        assert_eq!(data["cluster"][10], -1);
        assert_eq!(data["thumbs"][1], Value::Null);
        assert_eq!(data["thumbs"][2], "/9gC");
        assert_eq!(data["light"].as_array().unwrap().len(), 4);
        assert_eq!(page.matches("data-map=").count(), 2);
        assert_eq!(page.matches("<article").count(), 4);
    }

    #[test]
    fn large_albums_embed_exemplars_only_and_no_labels_mean_one_map() {
        let page = render(&album(3_001, 3, false), &Tiny);
        assert!(data(&page)["thumbs"].as_array().unwrap().is_empty());
        assert_eq!(page.matches("class=\"thumb\"").count(), 4 * 3 - 1);
        assert_eq!(page.matches("data-map=").count(), 1);
        assert!(!page.contains("ACC"));
        assert!(render(&album(0, 1, false), &Tiny).contains("0 pictures fall into 0 groups."));
    }

    #[test]
    fn what_is_put_in_is_not_a_template() {
        assert!(fill(TEMPLATE, |_| "{{data}}".to_owned()).contains("{{data}}"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn texts_never_become_tags(s in "\\PC*|(</script>|</style>|<img src=x onerror=alert(1)>|<!--|-->|\"|'|&|\u{2028}|\n|\\{\\{data\\}\\})*") {
            let mut album = album(4, 2, true);
            album.clusters[0].named_by = Some("m".to_owned());
            let plain = tags(&render(&album, &Tiny));
            album.title = s.clone();
            album.device = s.clone();
            album.parameters[1] = (s.clone(), s.clone());
            album.pictures[0].file = s.clone();
            album.label_names[0] = s.clone();
            album.texts[0].texts[2] = s.clone();
            album.texts[0].name = s.clone();
            album.clusters[0].name = s.clone();
            album.clusters[0].keywords[1] = s.clone();
            album.clusters[0].named_by = Some(s.clone());
            album.clusters[0].majority = Some(s.clone());
            album.failures[0].reason = s.clone();
            album.timings[0].stage = s.clone();
            album.cells[0].representation = s.clone();
            let page = render(&album, &Tiny);
            assert!(tags(&page) == plain, "{page}");
            let data = data(&page);
            assert_eq!(data["files"][0], s);
            assert_eq!(data["texts"][0]["texts"][2], s);
        }
    }
}
