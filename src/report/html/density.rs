//! The curves of distances that `eps` was read off, one a cell that chose it; nothing where none did.

use super::escape::text;
use crate::album::{Album, Cell};
use crate::cluster::k_distance::KDistanceCurve;
use crate::report::k_distance;

/// The section.
pub(super) fn section(album: &Album) -> String {
    let curves: Vec<(&Cell, &KDistanceCurve)> =
        album.cells.iter().filter_map(|cell| Some((cell, cell.k_distances.as_ref()?))).collect();
    if curves.is_empty() {
        return String::new();
    }
    let figures: String = curves.into_iter().map(figure).collect();
    format!(
        "<section class=\"wide\" aria-labelledby=\"eps-title\"><div class=\"heading\"><h2 id=\"eps-title\">How close is \
         near?</h2><p class=\"quiet\">The distance of every picture to a near one, ascending. Pictures in groups come first, \
         strays last, and eps was taken where the curve bends most. A smaller eps parts more groups and leaves more strays: \
         --cluster dbscan:eps=NUMBER.</p></div><div class=\"curves\">{figures}</div></section>"
    )
}

fn figure((cell, curve): (&Cell, &KDistanceCurve)) -> String {
    format!(
        "<figure><figcaption>{}, {}</figcaption>{}<p class=\"quiet\">{}.</p></figure>",
        text(&cell.representation),
        text(&cell.clusterer),
        k_distance::svg(curve),
        k_distance::sentence(curve)
    )
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::cluster::k_distance::KDistanceCurve;
    use crate::report::testing::album;

    #[test]
    fn only_where_eps_was_chosen() {
        let mut album = album(12, 3, false);
        assert_eq!(section(&album), "");
        album.cells[1].k_distances = KDistanceCurve::new(&[0.1, 0.2, 0.3, 0.9], 4);
        album.cells[1].representation = "<b>".to_owned();
        let html = section(&album);
        assert!(html.contains("<figcaption>&lt;b&gt;, gmm</figcaption><svg") && html.contains("eps = 0.300"), "{html}");
    }
}
