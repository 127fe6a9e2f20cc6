//! The map's geometry, shared by the formats that draw it: places, colours, and where names fit.

use super::main_labels;
use crate::album::{Album, Layout};
use crate::scene::palette::{Colour, Theme, categorical, noise};
use std::collections::BTreeMap;

/// A rectangle: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Rect {
    fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }

    fn inside(&self, other: &Self) -> bool {
        self.x >= other.x
            && self.y >= other.y
            && self.x + self.w <= other.x + other.w
            && self.y + self.h <= other.y + other.h
    }
}

/// A group of points in one colour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) cluster: i32,
    pub(super) name: String,
    pub(super) colour: Colour,
    pub(super) members: Vec<usize>,
}

/// Places of all pictures in the unit square (y down), keeping the layout's proportions; the longer side
/// fills it. Pictures without a finite place are in the middle.
pub(super) fn places(album: &Album) -> Vec<(f64, f64)> {
    places_of(&album.layout, album.pictures.len())
}

/// [`places`] of a layout of `pictures`.
pub(super) fn places_of(layout: &Layout, pictures: usize) -> Vec<(f64, f64)> {
    let at = |i: usize| {
        let get = |j| layout.points.get((i, j)).copied().filter(|v: &f32| v.is_finite()).map(f64::from);
        Some((get(0)?, get(1)?))
    };
    let raw: Vec<Option<(f64, f64)>> = (0..pictures).map(at).collect();
    let (mut low, mut high) = ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    for &(x, y) in raw.iter().flatten() {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let (w, h) = (high.0 - low.0, high.1 - low.1);
    let side = if w.max(h) > 0.0 { w.max(h) } else { 1.0 };
    let unit =
        |(x, y): (f64, f64)| (0.5 + (x - (low.0 + high.0) / 2.0) / side, 0.5 - (y - (low.1 + high.1) / 2.0) / side);
    raw.into_iter().map(|p| p.map_or((0.5, 0.5), unit)).collect()
}

/// Puts unit-square places into `area`, as large as its proportions allow.
pub(super) fn fit(places: &[(f64, f64)], area: Rect) -> Vec<(f64, f64)> {
    let extent = |pick: fn(&(f64, f64)) -> f64| {
        let most = places.iter().map(|p| (pick(p) - 0.5).abs()).fold(0.0, f64::max);
        if most > 0.0 { 2.0 * most } else { 1.0 }
    };
    let scale = (area.w / extent(|p| p.0)).min(area.h / extent(|p| p.1));
    let centre = (area.x + area.w / 2.0, area.y + area.h / 2.0);
    places.iter().map(|p| (centre.0 + (p.0 - 0.5) * scale, centre.1 + (p.1 - 0.5) * scale)).collect()
}

/// The main cell's clusters by index, noise first (it is drawn below the others).
pub(super) fn groups(album: &Album, theme: Theme) -> Vec<Group> {
    let labels = main_labels(album);
    let mut members: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (i, &label) in labels.iter().enumerate() {
        members.entry(label.max(-1)).or_default().push(i);
    }
    let colours = cluster_colours(&labels, theme);
    let name = |cluster: i32| {
        let named = album.clusters.iter().find(|c| c.cluster == cluster).map(|c| c.name.clone());
        named.unwrap_or_else(|| if cluster < 0 { "noise".to_owned() } else { format!("cluster {cluster}") })
    };
    let group = |(cluster, members): (i32, Vec<usize>)| {
        let colour = usize::try_from(cluster).map_or(noise(theme), |c| colours[c]);
        Group { cluster, name: name(cluster), colour, members }
    };
    members.into_iter().map(group).collect()
}

/// One colour for each cluster `0..k`.
pub(super) fn cluster_colours(labels: &[i32], theme: Theme) -> Vec<Colour> {
    let k = labels.iter().max().map_or(0, |&m| usize::try_from(m + 1).unwrap_or(0));
    categorical(k, theme)
}

/// For each label the index of its colour in the palette, chosen so that a label has the colour of the
/// cluster that it shares most pictures with (largest overlap first, each colour once); labels without
/// such a cluster take the colours that are left.
pub(super) fn label_colour_indices(album: &Album) -> Vec<usize> {
    let index = |label: Option<u32>| label.map(|label| label as usize);
    let labels = album.pictures.iter().map(|picture| index(picture.label));
    let clusters = main_labels(album).into_iter().map(|cluster| usize::try_from(cluster).ok());
    matching_colours(labels.zip(clusters), album.label_names.len())
}

/// For each of `groups` groups the index of the colour with which it shares most pictures, as
/// [`label_colour_indices`]; `pairs` are the group and the colour of every picture.
pub(super) fn matching_colours(
    pairs: impl Iterator<Item = (Option<usize>, Option<usize>)>,
    groups: usize,
) -> Vec<usize> {
    let mut overlap: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for pair in pairs {
        if let (Some(group), Some(colour)) = pair {
            *overlap.entry((group, colour)).or_default() += 1;
        }
    }
    let mut pairs: Vec<((usize, usize), usize)> = overlap.into_iter().collect();
    pairs.sort_by_key(|&(pair, count)| (std::cmp::Reverse(count), pair));
    let mut chosen: Vec<Option<usize>> = vec![None; groups];
    let mut used = std::collections::BTreeSet::new();
    for ((group, colour), _) in pairs {
        if chosen.get(group) == Some(&None) && used.insert(colour) {
            chosen[group] = Some(colour);
        }
    }
    let mut free = (0..).filter(|c| !used.contains(c));
    chosen.into_iter().map(|c| c.or_else(|| free.next()).unwrap_or(0)).collect()
}

/// A radius at which `n` points fill about an eighth of `area`, within readable bounds.
pub(super) fn radius(n: usize, area: Rect) -> f64 {
    (area.w * area.h * 0.125 / (std::f64::consts::PI * n.max(1) as f64)).sqrt().clamp(1.4, 7.0)
}

/// The member nearest the middle (median of x and of y) of a group's points.
pub(super) fn medoid(points: &[(f64, f64)], members: &[usize]) -> Option<(f64, f64)> {
    let median = |pick: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = members.iter().map(|&i| pick(&points[i])).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let (x, y) = (median(|p| p.0)?, median(|p| p.1)?);
    let distance = |p: &(f64, f64)| (p.0 - x).powi(2) + (p.1 - y).powi(2);
    members.iter().map(|&i| points[i]).min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

/// A box to place: its anchor, then its width and height.
pub(super) type Anchored = ((f64, f64), (f64, f64));

/// Places for boxes of the given sizes near their anchors (box centre on the anchor where that is free),
/// at most two heights away, inside `area` and without overlap; the first in the list choose first, `None`
/// where nothing is free (a name far from its group would mislead).
pub(super) fn place(boxes: &[Anchored], area: Rect) -> Vec<Option<Rect>> {
    let mut placed: Vec<Option<Rect>> = Vec::with_capacity(boxes.len());
    for &((x, y), (w, h)) in boxes {
        let tries = (0..24).map(|t| {
            // A spiral, wider than high as text is.
            let (turn, reach) = (f64::from(t) * 2.4, f64::from(t) * 0.08);
            Rect { x: x - w / 2.0 + turn.cos() * reach * h * 1.6, y: y - h / 2.0 + turn.sin() * reach * h, w, h }
        });
        let free = tries
            .map(|r| Rect {
                x: r.x.clamp(area.x, (area.x + area.w - w).max(area.x)),
                y: r.y.clamp(area.y, (area.y + area.h - h).max(area.y)),
                ..r
            })
            .find(|r| r.inside(&area) && placed.iter().flatten().all(|p| !p.overlaps(r)));
        placed.push(free);
    }
    placed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Rect, fit, groups, label_colour_indices, medoid, place, places, radius};
    use crate::report::testing::album;
    use crate::scene::palette::{Theme, noise};

    const AREA: Rect = Rect { x: 10.0, y: 20.0, w: 400.0, h: 300.0 };

    #[test]
    fn places_fill_the_area_and_survive_numbers_that_are_not() {
        let mut album = album(50, 3, true);
        album.layout.points[(4, 0)] = f32::NAN;
        let fitted = fit(&places(&album), AREA);
        assert_eq!(fitted.len(), 50);
        assert!(fitted.iter().all(|p| p.0 > 9.99 && p.0 < 410.01 && p.1 > 19.99 && p.1 < 320.01));
        let top = fitted.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        assert!((top - 20.0).abs() < 1e-6);
        album.layout.points.fill(3.0);
        assert!(fit(&places(&album), AREA).iter().all(|&p| p == (210.0, 170.0)));
    }

    #[test]
    fn groups_have_noise_first_in_grey() {
        let album = album(50, 3, true);
        let groups = groups(&album, Theme::Light);
        assert_eq!(groups.iter().map(|g| g.cluster).collect::<Vec<_>>(), [-1, 0, 1, 2]);
        assert_eq!((groups[0].name.as_str(), groups[0].colour), ("noise", noise(Theme::Light)));
        assert_eq!(groups.iter().map(|g| g.members.len()).sum::<usize>(), 50);
    }

    #[test]
    fn labels_take_the_colour_of_their_cluster() {
        let mut album = album(60, 3, true);
        // Cluster c is label (c + 1) mod 3 but for the noise.
        for (i, picture) in album.pictures.iter_mut().enumerate() {
            picture.label = Some(((i + 1) % 3) as u32);
        }
        assert_eq!(label_colour_indices(&album), [2, 0, 1]);
        album.label_names.push("empty".into());
        assert_eq!(label_colour_indices(&album), [2, 0, 1, 3]);
    }

    #[test]
    fn names_never_overlap_and_the_first_sits_on_its_anchor() {
        let boxes: Vec<_> = (0..30).map(|i| ((200.0 + f64::from(i % 3), 150.0), (80.0, 16.0))).collect();
        let placed = place(&boxes, AREA);
        assert_eq!(placed[0], Some(Rect { x: 160.0, y: 142.0, w: 80.0, h: 16.0 }));
        let found: Vec<Rect> = placed.into_iter().flatten().collect();
        assert!(found.len() > 2);
        for (i, a) in found.iter().enumerate() {
            assert!(a.inside(&AREA) && found[i + 1..].iter().all(|b| !a.overlaps(b)));
        }
    }

    #[test]
    fn small_helpers() {
        assert_eq!(medoid(&[(0.0, 0.0), (1.0, 1.0), (9.0, 9.0), (5.0, 5.0)], &[0, 1, 2]), Some((1.0, 1.0)));
        assert_eq!(medoid(&[], &[]), None);
        assert!(radius(10, AREA) == 7.0 && radius(1_000_000, AREA) == 1.4 && radius(0, AREA) == 7.0);
    }
}
