//! How each criterion divides the pictures: its groups with their words.

use super::cards;
use super::escape::text;
use super::sections::plural;
use crate::album::{Album, ClusterSummary, CriterionClusters};
use crate::report::thousands;

/// The section; nothing where there are no criteria.
pub(super) fn section(album: &Album) -> String {
    if album.criteria.is_empty() {
        return String::new();
    }
    let parts: String = album.criteria.iter().map(part).collect();
    format!(
        "<section class=\"wide\" aria-labelledby=\"criteria-title\"><div class=\"heading\"><h2 id=\"criteria-title\">By \
         criterion</h2><p class=\"quiet\">The same pictures, told apart by what their texts say of one question.</p></div>\
         {parts}</section>"
    )
}

fn part(criterion: &CriterionClusters) -> String {
    let groups = criterion.clusters.iter().filter(|c| c.cluster >= 0).count();
    let rows: String = cards::by_size(&criterion.clusters).into_iter().map(row).collect();
    format!(
        "<h3 class=\"criterion\">{}</h3><p class=\"quiet\">{}, from {}.</p><div class=\"scroll\" role=\"region\" \
         aria-label=\"Groups\" tabindex=\"0\"><table class=\"criterion\"><thead><tr><th scope=\"col\">Group</th>\
         <th scope=\"col\" class=\"n\">Pictures</th><th scope=\"col\">Words</th></tr></thead><tbody>{rows}</tbody></table></div>",
        text(&criterion.criterion),
        plural(groups, "group"),
        text(&criterion.answered_by),
    )
}

fn row(cluster: &ClusterSummary) -> String {
    let by = cluster.named_by.as_ref().map(|by| format!(" <span class=\"tag\">named by {}</span>", text(by)));
    let by = by.unwrap_or_default();
    format!(
        "<tr><th scope=\"row\">{}{by}</th><td class=\"n\">{}</td><td>{}</td></tr>",
        text(&cluster.name),
        thousands(cluster.size),
        text(&cluster.keywords.join(", "))
    )
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::report::testing::album;

    #[test]
    fn criteria_are_listed_and_escaped() {
        let mut album = album(12, 2, true);
        let html = section(&album);
        assert!(html.contains("what &amp; &lt;where&gt;") && html.contains("from the column &lt;tags&gt;."), "{html}");
        assert_eq!(html.matches("<th scope=\"row\">").count(), 3, "two groups and noise");
        album.criteria[0].clusters[1].named_by = Some("m at <there>".into());
        assert_eq!(section(&album).matches("named by m at &lt;there&gt;").count(), 1);
        album.criteria.clear();
        assert_eq!(section(&album), "");
    }
}
