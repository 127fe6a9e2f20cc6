//! The parts of a study's page that say what came out.

use std::fmt::Write;

use super::figure;
use super::html::table;
use crate::album::studied::{Row, Spread};
use crate::report::html::escape::text;
use crate::study::Study;
use crate::study::table::{Difference, LABEL_FREE, Metric, SUPERVISED};

/// `0.548 ± 0.012`
fn number(spread: Spread) -> String {
    let sd = spread.sd.map(|sd| format!(" <span class=\"sd\">\u{b1}\u{a0}{sd:.3}</span>")).unwrap_or_default();
    format!("{:.3}{sd}", spread.mean)
}

/// `+0.018 ± 0.004`
fn signed(spread: Spread) -> String {
    let sd = spread.sd.map(|sd| format!(" <span class=\"sd\">\u{b1}\u{a0}{sd:.3}</span>")).unwrap_or_default();
    format!("{:+.3}{sd}", spread.mean)
}

/// A row's begin: representation and clusterer, with a line above where another representation begins.
fn begin(representation: &str, clusterer: &str, former: Option<&str>) -> String {
    let class = if former.is_some_and(|former| former != representation) { " class=\"next\"" } else { "" };
    format!("<tr{class}><th scope=\"row\">{}</th><td>{}</td>", text(representation), text(clusterer))
}

/// Rows of scores, the best of each column marked.
fn score_rows(rows: &[Row], metrics: &[Metric], of: impl Fn(&Row) -> Vec<Option<Spread>>, mark: bool) -> String {
    let values: Vec<Vec<Option<Spread>>> = rows.iter().map(&of).collect();
    let best = |at: usize| {
        let means = values.iter().filter_map(|row| row[at].map(|s| s.mean));
        means.reduce(|a, b| if metrics[at].better(b, a) { b } else { a })
    };
    let mut out = String::new();
    for (line, (row, values)) in rows.iter().zip(&values).enumerate() {
        let former = line.checked_sub(1).map(|l| rows[l].representation.as_str());
        out += &begin(&row.representation, &row.clusterer, former);
        for (at, value) in values.iter().enumerate() {
            let shown = value.map(number).unwrap_or_default();
            let is_best = mark && value.is_some_and(|s| Some(s.mean) == best(at));
            let shown = if is_best { format!("<strong class=\"best\">{shown}</strong>") } else { shown };
            let _ = write!(out, "<td class=\"n\">{shown}</td>");
        }
        let _ = write!(out, "<td class=\"n\">{}</td></tr>", row.k.n);
    }
    out
}

fn head(metrics: &[Metric]) -> Vec<&'static str> {
    let titles = metrics.iter().map(|m| m.title());
    ["Representation", "Clusterer"].into_iter().chain(titles).chain(["Runs"]).collect()
}

/// What was best, in words.
fn best(rows: &[Row]) -> String {
    let winner = |at: usize| {
        let scored = rows.iter().filter_map(|row| row.supervised[at].map(|s| (row, s)));
        scored.reduce(|a, b| if b.1.mean > a.1.mean { b } else { a })
    };
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for (at, metric) in SUPERVISED.iter().enumerate() {
        let Some((row, spread)) = winner(at) else { continue };
        let who = format!("{} by {}", row.representation, row.clusterer);
        let sd = spread.sd.map(|sd| format!(" \u{b1} {sd:.3}")).unwrap_or_default();
        let score = format!("{} {:.3}{sd}", metric.title(), spread.mean);
        match said.iter_mut().find(|(known, _)| *known == who) {
            Some((_, scores)) => scores.push(score),
            None => said.push((who, vec![score])),
        }
    }
    let all: Vec<String> = said.into_iter().map(|(who, scores)| format!("{who} ({})", scores.join(", "))).collect();
    if all.is_empty() { String::new() } else { format!("Best: {}.", all.join("; ")) }
}

/// The table of scores that need labels, their figure, the differences to the baseline.
pub(super) fn with_labels(study: &Study) -> String {
    let rows = study.rows();
    if study.label_names.is_empty() {
        return "<p>Without labels there are only the scores below.</p>".to_owned();
    }
    let caption = "<b>Table 2.</b> Agreement with the labels, mean \u{b1} standard deviation over the runs; 1 is perfect. ACC: \
                   accuracy after the best one-to-one matching; NMI: normalised mutual information; ARI: adjusted Rand index; \
                   Kappa: Cohen\u{2019}s, after every cluster takes its majority label.";
    let mut out = format!("<p>{}</p>", text(&best(&rows)));
    let shown = score_rows(&rows, &SUPERVISED, |row| row.supervised.to_vec(), rows.len() > 1);
    out += &table(caption, &head(&SUPERVISED), 2, &shown);
    if let Some(plot) = figure::scores_in_page(study) {
        let _ = write!(
            out,
            "<figure class=\"table\"><figcaption><b>Figure 1.</b> The same: dots are means, lines one standard deviation to \
             either side.</figcaption><div class=\"scroll\" role=\"region\" aria-label=\"Figure\" tabindex=\"0\">{plot}</div></figure>"
        );
    }
    let Some(baseline) = study.baseline() else {
        let wanted = study.recipe.report.baseline.as_deref().unwrap_or_default();
        let _ = write!(
            out,
            "<p>The baseline {} is not among the representations, so there are no differences.</p>",
            text(wanted)
        );
        return out;
    };
    let differences = study.differences();
    if !differences.is_empty() {
        let caption = format!(
            "<b>Table 3.</b> Differences to {} with the same clusterer, paired by seed: mean \u{b1} standard deviation, and in \
             how many of the pairs ACC was higher.",
            text(baseline)
        );
        let mut head = head(&SUPERVISED);
        head.pop();
        head.push("Higher");
        out += &table(&caption, &head, 2, &difference_rows(&differences, false));
    }
    out
}

/// Rows of differences: every four are the scores of one pair. With `held` the part that each is a difference to is named,
/// and what is worse is marked.
fn difference_rows(differences: &[Difference], held: bool) -> String {
    let mut out = String::new();
    let mut former: Option<&Difference> = None;
    for first in differences {
        let same = |d: &&Difference| d.representation == first.representation && d.clusterer == first.clusterer;
        if former.as_ref().is_some_and(same) {
            continue;
        }
        out += &begin(&first.representation, &first.clusterer, former.map(|d| d.representation.as_str()));
        former = Some(first);
        let own: Vec<&Difference> = differences.iter().filter(same).collect();
        for metric in SUPERVISED {
            let Some(d) = own.iter().find(|d| d.metric == metric) else {
                out.push_str("<td class=\"n\"></td>");
                continue;
            };
            let shown = signed(d.spread);
            let cell = match held {
                false => shown,
                true if d.spread.mean < 0.0 => {
                    format!(
                        "<span class=\"worse\">{shown}</span><span class=\"over\">worse than {}</span>",
                        text(&d.to)
                    )
                }
                true => format!("{shown}<span class=\"over\">to {}</span>", text(&d.to)),
            };
            let _ = write!(out, "<td class=\"n\">{cell}</td>");
        }
        let _ = write!(out, "<td class=\"n\">{} of {}</td></tr>", first.better, first.spread.n);
    }
    out
}

/// What fusing brought: every fusion beside the best of its parts.
pub(super) fn fusion(study: &Study) -> String {
    let gains = study.gains();
    if gains.is_empty() || study.label_names.is_empty() {
        return String::new();
    }
    let mut said = String::new();
    for metric in [Metric::Acc, Metric::Ari] {
        let of: Vec<&Difference> = gains.iter().filter(|d| d.metric == metric).collect();
        let Some(best) = of.iter().max_by(|a, b| a.spread.mean.total_cmp(&b.spread.mean)) else { continue };
        let better = of.iter().filter(|d| d.spread.mean > 0.0).count();
        let worse = of.iter().filter(|d| d.spread.mean < 0.0).count();
        let _ = write!(
            said,
            "By {}, {better} of {} fusions are better than their best part and {worse} worse; the most that one brings is {:+.3} \
             ({} by {}, against {}). ",
            metric.title(),
            of.len(),
            best.spread.mean,
            best.representation,
            best.clusterer,
            best.to
        );
    }
    let caption = "<b>Table 4.</b> Every fusion beside that of its two parts which is best by the very score, with the same \
                   clusterer, paired by seed. What is worse than its best part is marked.";
    let mut head = head(&SUPERVISED);
    head.pop();
    head.push("Higher ACC");
    format!(
        "<section aria-labelledby=\"fusion-title\"><h2 id=\"fusion-title\">What fusing brought</h2><p>{}</p>{}</section>",
        text(said.trim_end()),
        table(caption, &head, 2, &difference_rows(&gains, true))
    )
}

/// Scores without labels, and what was found: clusters, noise, time.
pub(super) fn label_free(study: &Study) -> String {
    let rows = study.rows();
    let caption = "<b>Table 5.</b> How compact clusters are in their own representation, without labels. Silhouette: -1 to 1, the \
                   higher the better. Loss: the share of the variance that the clusters leave unexplained, mean over the \
                   dimensions, the lower the better at the same number of clusters. Compare within one representation only.";
    let scores = score_rows(&rows, &LABEL_FREE, |row| row.label_free.to_vec(), false);
    let mut found = String::new();
    for (line, row) in rows.iter().enumerate() {
        let former = line.checked_sub(1).map(|l| rows[l].representation.as_str());
        found += &begin(&row.representation, &row.clusterer, former);
        let chosen = row.chosen.as_ref().map(|(name, value)| format!("{name} {value:.3}")).unwrap_or_default();
        let count = |s: Spread| match s.sd.filter(|sd| *sd > 0.0) {
            Some(sd) => format!("{:.1} <span class=\"sd\">\u{b1}\u{a0}{sd:.1}</span>", s.mean),
            None => format!("{:.0}", s.mean),
        };
        let _ = write!(
            found,
            "<td>{}</td><td class=\"n\">{}</td><td class=\"n\">{:.1}\u{a0}%</td><td class=\"n\">{:.2}</td></tr>",
            text(&chosen),
            count(row.k),
            row.noise.mean * 100.0,
            row.seconds.mean
        );
    }
    let found_caption = "<b>Table 6.</b> What was found: clusters, pictures in none, and the seconds that one clustering took when it \
                         was first computed.";
    let found_head = ["Representation", "Clusterer", "Chosen", "Clusters", "Noise", "Seconds"];
    format!(
        "<section aria-labelledby=\"free-title\"><h2 id=\"free-title\">Without labels</h2>{}{}</section>",
        table(caption, &head(&LABEL_FREE), 2, &scores),
        table(found_caption, &found_head, 3, &found)
    )
}
