//! The page's parts that are sentences and tables.

use super::escape::text;
use crate::album::{Album, Cell, Scores, Timing};
use crate::report::thousands;
use std::fmt::Write;

/// Failures listed in the page; the rest is in `errors.csv`.
const FAILURES: usize = 500;

/// A score's short name, how to read it, and where it is.
struct Column {
    short: &'static str,
    long: &'static str,
    about: &'static str,
    get: fn(&Scores) -> Option<f64>,
}

const COLUMNS: [Column; 5] = [
    Column {
        short: "ACC",
        long: "Accuracy",
        about: "Share of pictures in the right group when groups and labels are matched one to one as well as possible. 0 to 1.",
        get: |s| s.acc,
    },
    Column {
        short: "NMI",
        long: "Normalised mutual information",
        about: "How much the groups tell about the labels and the labels about the groups. 0: nothing, 1: everything.",
        get: |s| s.nmi,
    },
    Column {
        short: "ARI",
        long: "Adjusted Rand index",
        about: "Agreement over all pairs of pictures, corrected for chance. 0: as good as chance, 1: equal.",
        get: |s| s.ari,
    },
    Column {
        short: "Kappa",
        long: "Cohen's kappa",
        about: "Agreement beyond chance after every group takes its majority label. 0: chance, 1: perfect.",
        get: |s| s.kappa,
    },
    Column {
        short: "Silhouette",
        long: "Silhouette",
        about: "How much nearer pictures are to their own group than to the next. Needs no labels; -1 to 1. Compare it within one representation only.",
        get: |s| s.silhouette,
    },
];

/// What the run found, in one or two sentences (HTML).
pub(super) fn sentence(album: &Album) -> (String, String) {
    let n = album.pictures.len();
    let groups = album.clusters.iter().filter(|c| c.cluster >= 0).count();
    let noise = album.clusters.iter().find(|c| c.cluster < 0).map_or(0, |c| c.size);
    let falls = if n == 1 { "falls" } else { "fall" };
    let mut result = format!("{} {falls} into {}", plural(n, "picture"), plural(groups, "group"));
    if noise > 0 {
        let _ = write!(
            result,
            "; {} to none",
            if noise == 1 { "1 belongs".into() } else { format!("{} belong", thousands(noise)) }
        );
    }
    result.push('.');
    let mut detail = String::new();
    if let Some(acc) = main_cell(album).and_then(|c| c.scores.acc) {
        let _ = write!(
            detail,
            "Matched one to one with the {}, {} of the pictures are in the right group. ",
            plural(album.label_names.len(), "label"),
            percent(acc)
        );
    }
    if let Some(largest) =
        album.clusters.iter().filter(|c| c.cluster >= 0).max_by_key(|c| c.size).filter(|_| groups > 1)
    {
        let _ = write!(
            detail,
            "The largest is \u{201c}{}\u{201d} with {}. ",
            largest.name,
            plural(largest.size, "picture")
        );
    }
    if !album.failures.is_empty() {
        let _ = write!(detail, "{} could not be read.", plural(album.failures.len(), "file"));
    }
    (text(&result), text(detail.trim_end()))
}

/// The row of key figures under the title.
pub(super) fn figures(album: &Album) -> String {
    let (n, groups) = (album.pictures.len(), album.clusters.iter().filter(|c| c.cluster >= 0).count());
    let mut figures = vec![(thousands(n), if n == 1 { "picture" } else { "pictures" })];
    figures.push((thousands(groups), if groups == 1 { "group" } else { "groups" }));
    if let Some(cell) = main_cell(album) {
        let s = &cell.scores;
        let scores = [(s.acc, "accuracy"), (s.nmi, "NMI"), (s.ari, "ARI"), (s.silhouette, "silhouette")];
        figures.extend(scores.iter().filter_map(|(v, name)| v.map(|v| (format!("{v:.3}"), *name))));
    }
    let seconds: f64 = album.timings.iter().map(|t| t.seconds).sum();
    if seconds > 0.0 {
        figures.push((duration(seconds), "total time"));
    }
    let item = |(value, name): &(String, &str)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", text(value));
    figures.iter().map(item).collect()
}

/// The score table with its footnotes.
pub(super) fn scores(album: &Album) -> String {
    let columns: Vec<&Column> =
        COLUMNS.iter().filter(|c| album.cells.iter().any(|cell| (c.get)(&cell.scores).is_some())).collect();
    let best: Vec<f64> = columns
        .iter()
        .map(|c| album.cells.iter().filter_map(|cell| (c.get)(&cell.scores)).fold(f64::NEG_INFINITY, f64::max))
        .collect();
    let mut out = "<div class=\"scroll\" role=\"region\" aria-label=\"Score table\" tabindex=\"0\"><table class=\"scores\">\
        <thead><tr><th scope=\"col\">Representation</th><th scope=\"col\">Clusterer</th><th scope=\"col\" class=\"n\">k</th>"
        .to_owned();
    for c in &columns {
        let _ = write!(
            out,
            "<th scope=\"col\" class=\"n\"><abbr title=\"{}: {}\">{}</abbr></th>",
            text(c.long),
            text(c.about),
            c.short
        );
    }
    out.push_str("<th scope=\"col\" class=\"n\">Seconds</th></tr></thead><tbody>");
    for (i, cell) in album.cells.iter().enumerate() {
        let shown = if i == album.main_cell && album.cells.len() > 1 { " class=\"main\"" } else { "" };
        let _ = write!(out, "<tr{shown}><th scope=\"row\">{}", text(&cell.representation));
        if !shown.is_empty() {
            out.push_str(" <span class=\"tag\">shown here</span>");
        }
        let _ = write!(out, "</th><td>{}</td><td class=\"n\">{}</td>", text(&cell.clustered_by()), cell.k);
        for (c, &best) in columns.iter().zip(&best) {
            out.push_str(&score_cell((c.get)(&cell.scores), best, album.cells.len() > 1));
        }
        let _ = write!(out, "<td class=\"n\">{:.2}</td></tr>", cell.seconds);
    }
    out.push_str("</tbody></table></div><dl class=\"notes\">");
    for c in &columns {
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", text(c.long), text(c.about));
    }
    out.push_str("</dl>");
    if let Some(quality) = album.name_quality {
        let _ = write!(
            out,
            "<p class=\"quiet\">Keywords: of the groups, each matched to one label, {} have that label's name among their \
             keywords; the likeness of keywords to names is {:.3} (cosine of sentence vectors).</p>",
            percent(quality.exact_match),
            quality.similarity
        );
    }
    out
}

fn score_cell(value: Option<f64>, best: f64, compare: bool) -> String {
    match value {
        Some(v) if compare && v >= best => {
            format!("<td class=\"n\"><strong class=\"best\">{v:.3}<span class=\"sr\"> best</span></strong></td>")
        }
        Some(v) => format!("<td class=\"n\">{v:.3}</td>"),
        None => "<td class=\"n\"><span class=\"sr\">none</span></td>".to_owned(),
    }
}

/// What was run: version, device, layout, then the parameters.
pub(super) fn run(album: &Album) -> String {
    let mut rows = vec![("gistmap".to_owned(), album.version.clone()), ("Device".to_owned(), album.device.clone())];
    if let Some(cell) = main_cell(album) {
        rows.push(("Groups from".into(), format!("{} by {}", cell.representation, cell.clusterer)));
        if !album.parameters.iter().any(|(name, _)| name.trim_start_matches('-') == "seed") {
            rows.push(("Seed".into(), cell.seed.to_string()));
        }
    }
    let mut map = format!("{} of {}", album.layout.projector, album.layout.representation);
    if let Some(t) = album.layout.trustworthiness {
        let _ = write!(map, ", trustworthiness {t:.3}");
    }
    if let Some(kl) = album.layout.kl {
        let _ = write!(map, ", KL {kl:.3}");
    }
    rows.push(("Map".into(), map));
    rows.extend(album.parameters.iter().cloned());
    let row = |(name, value): &(String, String)| format!("<div><dt>{}</dt><dd>{}</dd></div>", text(name), text(value));
    rows.iter().map(row).collect()
}

/// How long each stage took and what came from the cache.
pub(in crate::report) fn timings(timings: &[Timing]) -> String {
    if timings.is_empty() {
        return String::new();
    }
    let longest = timings.iter().map(|t| t.seconds).fold(0.0, f64::max);
    let mut out =
        "<div class=\"scroll\" role=\"region\" aria-label=\"Table of stages\" tabindex=\"0\"><table class=\"timings\">\
        <thead><tr><th scope=\"col\">Stage</th><th scope=\"col\" class=\"n\">Seconds</th><td class=\"bar\"></td>\
        <th scope=\"col\" class=\"n\">Items</th><th scope=\"col\" class=\"n\">From cache</th></tr></thead><tbody>"
            .to_owned();
    for t in timings {
        let share = if longest > 0.0 { t.seconds / longest * 100.0 } else { 0.0 };
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{:.2}</td><td class=\"bar\"><svg viewBox=\"0 0 100 6\" \
             preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{share:.1}\" height=\"6\"/></svg></td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            text(&t.stage),
            t.seconds,
            thousands(t.items),
            thousands(t.cached)
        );
    }
    let total: f64 = timings.iter().map(|t| t.seconds).sum();
    let _ = write!(
        out,
        "</tbody><tfoot><tr><th scope=\"row\">Total</th><td class=\"n\">{total:.2}</td>\
        <td class=\"bar\"></td><td></td><td></td></tr></tfoot></table></div>"
    );
    out
}

/// The folded list of files that could not be used; empty when there is none.
pub(super) fn failures(album: &Album) -> String {
    if album.failures.is_empty() {
        return String::new();
    }
    let count = album.failures.len();
    let mut out = format!(
        "<section class=\"wide\"><details class=\"failures\"><summary><h2>{} could not be read</h2></summary>\
         <div class=\"scroll\" role=\"region\" aria-label=\"Files that could not be read\" tabindex=\"0\"><table>\
         <thead><tr><th scope=\"col\">File</th><th scope=\"col\">Stage</th><th scope=\"col\">Reason</th></tr></thead><tbody>",
        plural(count, "file")
    );
    for f in album.failures.iter().take(FAILURES) {
        let _ = write!(
            out,
            "<tr><th scope=\"row\" class=\"file\">{}</th><td>{}</td><td>{}</td></tr>",
            text(&f.file),
            text(&f.stage),
            text(&f.reason)
        );
    }
    out.push_str("</tbody></table></div>");
    if count > FAILURES {
        let _ = write!(out, "<p class=\"quiet\">And {} more in errors.csv.</p>", thousands(count - FAILURES));
    }
    out.push_str("</details></section>");
    out
}

/// The cell that names, map and cards follow.
pub(super) fn main_cell(album: &Album) -> Option<&Cell> {
    album.cells.get(album.main_cell)
}

/// `1 picture`, `2,000 pictures`.
pub(in crate::report) fn plural(n: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// A share as whole percents; never 0 % or 100 % unless it is exactly that.
pub(super) fn percent(share: f64) -> String {
    let rounded = (share * 100.0).round();
    let shown = if share > 0.0 && share < 1.0 { rounded.clamp(1.0, 99.0) } else { rounded };
    format!("{shown:.0}\u{a0}%")
}

fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds:.1}\u{a0}s")
    } else {
        let whole = seconds.round() as u64;
        format!("{}\u{a0}min {:02}\u{a0}s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, failures, percent, run, scores, sentence};
    use crate::album::Failure;
    use crate::report::testing::album;

    #[test]
    fn the_sentence_says_what_was_found() {
        let (result, detail) = sentence(&album(60, 3, true));
        assert_eq!(result, "60 pictures fall into 3 groups; 5 belong to none.");
        assert!(
            detail
                .starts_with("Matched one to one with the 3 labels, 60\u{a0}% of the pictures are in the right group.")
        );
        assert!(
            detail.contains("group 0 &lt;b&gt;") || detail.contains("group 1 &lt;b&gt;") || detail.contains("group 2")
        );
        assert!(detail.ends_with("1 file could not be read."));
        assert_eq!(sentence(&album(1, 1, false)).0, "1 picture falls into 1 group.");
    }

    #[test]
    fn best_scores_are_marked_and_label_scores_need_labels() {
        let table = scores(&album(12, 2, true));
        assert!(table.contains("best\">0.600<") && table.contains("best\">0.400<"));
        // ACC and ARI once, NMI once, kappa and silhouette are ties of both rows.
        assert_eq!(table.matches("class=\"best\"").count(), 7);
        let table = scores(&album(12, 2, false));
        assert!(!table.contains("ACC") && !table.contains("Cohen") && table.contains("Silhouette"));
    }

    #[test]
    fn run_and_failures_are_escaped() {
        let album = album(3, 1, false);
        assert!(run(&album).contains("<dt>--cluster</dt><dd>&lt;kmeans&gt;</dd>"));
        assert!(!run(&album).contains("<dt>Seed</dt>"));
        assert!(failures(&album).contains("&lt;img src=x&gt;.jpg"));
    }

    #[test]
    fn long_failure_lists_are_cut_and_none_is_none() {
        let mut album = album(3, 1, false);
        album.failures = vec![Failure { file: "f".into(), stage: "s".into(), reason: "r".into() }; 501];
        assert!(failures(&album).contains("And 1 more in errors.csv"));
        album.failures.clear();
        assert_eq!(failures(&album), "");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            (percent(0.9999).as_str(), percent(0.0001).as_str(), percent(1.0).as_str()),
            ("99\u{a0}%", "1\u{a0}%", "100\u{a0}%")
        );
        assert_eq!((duration(12.34).as_str(), duration(125.4).as_str()), ("12.3\u{a0}s", "2\u{a0}min 05\u{a0}s"));
    }
}
