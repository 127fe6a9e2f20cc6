//! `report.html` of a study: data, representations, clusterers, results, maps, in a paper's order. No script.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::figure::{self, SHOWN};
use super::results;
use crate::album::{Layout, RepresentationKind};
use crate::cluster::catalog::ClustererSpec;
use crate::protocol::ClusterCount;
use crate::report::html::escape::text;
use crate::report::html::sections::{plural, timings};
use crate::report::html::{self, STYLE, colour_classes};
use crate::report::thousands;
use crate::scene::palette::{Theme, categorical};
use crate::study::{Represented, Study};

const TEMPLATE: &str = include_str!("template.html");
const OWN_STYLE: &str = include_str!("style.css");

/// The whole page.
pub(super) fn render(study: &Study) -> String {
    let count = figure::colours(study);
    let colours = colour_classes(&categorical(count, Theme::Light), &categorical(count, Theme::Dark));
    let style = format!("{STYLE}{OWN_STYLE}{colours}");
    html::fill(TEMPLATE, |name| match name {
        "style" => style.clone(),
        "style-hash" => html::hash(&style),
        "title" => text(&study.recipe.title),
        "about" => text(study.recipe.about.trim()),
        "collection" => text(&study.collection),
        "figures" => figures(study),
        "data" => data(study),
        "representations" => representations(study),
        "clusterers" => clusterers(study),
        "results" => results::with_labels(study),
        "fusion" => results::fusion(study),
        "free" => results::label_free(study),
        "maps" => maps(study),
        "run" => run(study),
        "version" => text(&study.version),
        other => format!("{{{{{other}}}}}"),
    })
}

/// A table that can be scrolled; `head` names its columns, those from `numbers` on are numbers.
pub(super) fn table(caption: &str, head: &[&str], numbers: usize, rows: &str) -> String {
    let column = |(at, name): (usize, &&str)| {
        let class = if at >= numbers { " class=\"n\"" } else { "" };
        format!("<th scope=\"col\"{class}>{name}</th>")
    };
    let head: String = head.iter().enumerate().map(column).collect();
    format!(
        "<div class=\"scroll table\" role=\"region\" aria-label=\"Table\" tabindex=\"0\"><table><caption>{caption}</caption>\
         <thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn figures(study: &Study) -> String {
    let labels = study.label_names.len();
    let mut figures = vec![(study.pictures.len(), "pictures")];
    figures.extend((labels > 0).then_some((labels, "classes")));
    figures.push((study.representations.len(), "representations"));
    figures.push((study.recipe.clusterings.clusterers.len(), "clusterers"));
    figures.push((study.recipe.clusterings.seeds.len(), "seeds"));
    figures.push((study.cells.len(), "clusterings"));
    let item = |(n, name): &(usize, &str)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", thousands(*n));
    figures.iter().map(item).collect()
}

fn data(study: &Study) -> String {
    let asked = &study.recipe.collection;
    let mut said = format!("{} of {}", plural(study.pictures.len(), "picture"), study.collection);
    if !study.label_names.is_empty() {
        let _ = write!(
            said,
            " in {}",
            if study.label_names.len() == 1 {
                "1 class".into()
            } else {
                format!("{} classes", study.label_names.len())
            }
        );
        let mut sizes: BTreeMap<Option<u32>, usize> = BTreeMap::new();
        study.pictures.iter().for_each(|(_, label)| *sizes.entry(*label).or_default() += 1);
        let (least, most) = (sizes.values().min().copied().unwrap_or(0), sizes.values().max().copied().unwrap_or(0));
        let _ = if least == most {
            write!(said, ", {} each", thousands(most))
        } else {
            write!(said, ", {} to {} each", thousands(least), thousands(most))
        };
    }
    said.push('.');
    if let Some(subset) = asked.per_class {
        let seed = asked.split.as_ref().map_or(782, |s| s.seed);
        let _ = write!(said, " Of every class {} were drawn at most (seed {seed}).", thousands(subset));
    }
    if let Some(split) = &asked.split {
        let used: Vec<&str> = split.used.iter().map(|p| p.name()).collect();
        let percent = |share: f64| format!("{:.0}", share * 100.0);
        let _ = write!(
            said,
            " They are divided into train, validation and test pictures, {}/{}/{} of every class (seed {}); clustered are {}.",
            percent(split.train),
            percent(split.validation),
            percent(split.test),
            split.seed,
            used.join(", ")
        );
    }
    if study.failures > 0 {
        let _ = write!(said, " {} could not be read; album/errors.csv names them.", plural(study.failures, "file"));
    }
    if study.label_names.is_empty() {
        said.push_str(" There are no labels, so nothing here says how right a clustering is.");
    } else {
        said.push_str(" Labels are used for scores alone.");
    }
    format!("<p>{}</p>", text(&said))
}

fn representations(study: &Study) -> String {
    let made_of = |r: &Represented| match (r.kind, &r.parts, &r.texts) {
        (RepresentationKind::Fused, Some([image, words]), _) => format!("{image} and {words}"),
        (RepresentationKind::Text, _, Some(column)) => {
            let answered = study.answered.iter().find(|(criterion, _)| criterion == &r.name);
            answered.map_or(format!("texts: {column}"), |(_, by)| format!("a criterion, answered by {by}"))
        }
        (RepresentationKind::Text, ..) => "texts".to_owned(),
        _ => "pixels".to_owned(),
    };
    let row = |r: &Represented| {
        let (name, of) = (text(&r.name), text(&made_of(r)));
        format!("<tr><th scope=\"row\">{name}</th><td>{of}</td><td class=\"n\">{}</td></tr>", thousands(r.dimensions))
    };
    let rows: String = study.representations.iter().map(row).collect();
    let caption = "<b>Table 1.</b> What is clustered. Features are centred and every row has length one; sentence vectors as the \
                   encoder gives them. Fusions are made once, with the first seed.";
    let mut out = table(caption, &["Representation", "Made of", "Dimensions"], 2, &rows);
    if !study.passed_over.is_empty() {
        let row = |p: &crate::study::recipe::PassedOver| {
            format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", text(&p.name), text(&p.reason))
        };
        let rows: String = study.passed_over.iter().map(row).collect();
        let caption =
            "<b>Passed over.</b> The recipe asks for these too; they could not be had, and nothing stands for them.";
        out += &table(caption, &["Asked for", "Why not"], 2, &rows);
    }
    out
}

fn clusterers(study: &Study) -> String {
    let asked = &study.recipe.clusterings;
    let once = |c: &String| c.parse::<ClustererSpec>().is_ok_and(|spec| !spec.draws());
    let list =
        |names: Vec<&String>| names.iter().map(|n| format!("<code>{}</code>", text(n))).collect::<Vec<_>>().join(", ");
    let (still, drawing): (Vec<&String>, Vec<&String>) = asked.clusterers.iter().partition(|c| once(c));
    let seeds = asked.seeds.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let mut said = String::new();
    if !drawing.is_empty() {
        let _ = write!(said, "{} with each of the seeds {seeds}.", list(drawing));
    }
    if !still.is_empty() {
        let _ = write!(said, " {} draw nothing and run once.", list(still));
    }
    let k = match ClusterCount::from(&asked.k) {
        ClusterCount::Labels => "as many as there are classes, else chosen by silhouette".to_owned(),
        ClusterCount::Auto => "chosen by silhouette".to_owned(),
        ClusterCount::Fixed(k) => k.to_string(),
    };
    let _ = write!(
        said,
        " The number of clusters, for those that are told it: {k}. Names, parameters and defaults are scikit-learn's."
    );
    format!("<p>{}</p>", said.trim_start())
}

fn maps(study: &Study) -> String {
    if study.maps.is_empty() {
        return String::new();
    }
    let thinned = if study.pictures.len() > SHOWN {
        format!(" The panels show every {}th picture, the files in figures/ all.", study.pictures.len().div_ceil(SHOWN))
    } else {
        String::new()
    };
    let maps: String = study.maps.iter().map(|map| one_map(study, map)).collect();
    format!(
        "<section aria-labelledby=\"maps-title\"><h2 id=\"maps-title\">Maps</h2><p>t-SNE of every representation, coloured by \
         label where there are labels, and by the clusters of the first seed in the colours of the labels that they share most \
         pictures with; grey is noise.{thinned}</p>{maps}</section>"
    )
}

fn one_map(study: &Study, map: &Layout) -> String {
    let panels = figure::panels(study, &map.representation);
    let panel = |panel: &figure::Panel| {
        let label = text(&format!("{}, coloured by {}", map.representation, panel.title));
        let drawn = figure::panel_in_page(map, panel, &label);
        format!("<figure>{drawn}<figcaption>{}</figcaption></figure>", text(&panel.title))
    };
    let panels: String = panels.iter().map(panel).collect();
    let trust = map.trustworthiness.map(|t| format!("trustworthiness {t:.3}"));
    let facts = [trust, map.kl.map(|kl| format!("KL {kl:.3}"))].into_iter().flatten().collect::<Vec<_>>().join(", ");
    format!(
        "<h3>{} <span class=\"sd\">{facts}</span></h3><div class=\"panels\">{panels}</div>",
        text(&map.representation)
    )
}

fn run(study: &Study) -> String {
    let rows = [("gistmap", &study.version), ("Device", &study.device), ("Pictures", &study.recipe.collection.images)];
    let row = |(name, value): &(&str, &String)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", text(value));
    let rows: String = rows.iter().map(row).collect();
    format!("<dl class=\"run\">{rows}</dl><div class=\"table\">{}</div>", timings(&study.timings))
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::report::study::testing::study;

    #[test]
    fn the_page_escapes_what_others_wrote_and_holds_no_script() {
        let page = render(&study(true));
        assert!(page.contains("Cats &amp; &lt;dogs&gt;") && page.contains("resnet&lt;50&gt;"));
        for forbidden in ["<script", "<i>", "http://", "https://", " style=", "{{", "unsafe-inline", "NaN"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn scores_with_and_without_labels_share_no_table() {
        for labelled in [true, false] {
            let page = render(&study(labelled));
            for table in page.split("<table>").skip(1) {
                let head = table.split("</thead>").next().unwrap_or_default();
                assert!(!(head.contains(">ACC<") && head.contains(">Silhouette<")));
            }
            assert_eq!(page.contains(">ACC<"), labelled);
            assert!(page.contains(">Silhouette<"));
        }
    }

    #[test]
    fn a_fusion_that_harms_is_said_to_harm() {
        let page = render(&study(true));
        assert!(page.contains("0 of 2 fusions are better than their best part and 2 worse"), "said in words");
        assert!(page.contains("class=\"worse\""), "and marked in the table");
    }
}
