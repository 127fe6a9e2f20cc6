//! A map tied to the page's state: what is selected, hovered and coloured elsewhere shows on it, and what is done on it
//! shows elsewhere.

use std::sync::Arc;

use gistmap::scene::palette::Colour;
use leptos::prelude::*;

use super::bitmaps::Bitmaps;
use super::hovercard::HoverCard;
use crate::link::Link;
use crate::map::{Centre, Label, Map, MapEvent, MapView, Modifiers, Tool};
use crate::state::{Film, Origin, State, clusters_of, shown_name};

/// What a map shows.
#[derive(Clone, Copy)]
pub(super) struct Plotted {
    /// `x, y` of each picture.
    pub(super) points: Signal<Option<Arc<Vec<f32>>>>,
    /// The colour of each picture.
    pub(super) colours: Signal<Arc<Vec<Colour>>>,
    /// Names on it.
    pub(super) labels: Signal<Vec<Label>>,
    /// Centres of K-Means.
    pub(super) centres: Signal<Vec<Centre>>,
}

impl Plotted {
    /// The main cell as it is shown: a film, a run, or the finished map.
    pub(super) fn main(state: State) -> Self {
        let points = Memo::new(move |_| {
            state.teaching.points().or_else(|| state.layout.with(|l| l.as_ref().map(|l| Arc::clone(&l.points))))
        });
        let colours = Memo::new(move |_| state.colouring.with(|c| Arc::clone(&c.pictures)));
        let labels = Signal::derive(move || {
            let film = state.teaching.replay.with(Option::is_some);
            match points.get() {
                Some(points) if !film => names(&state, &points),
                _ => Vec::new(),
            }
        });
        let centres = Signal::derive(move || {
            let film = state.teaching.replay.get().is_some_and(|r| r.film == Film::KMeans);
            match points.get() {
                Some(points) if film => centres(&state, &points),
                _ => Vec::new(),
            }
        });
        Self { points: points.into(), colours: colours.into(), labels, centres }
    }
}

/// The map, with the card that follows the pointer.
#[component]
pub(super) fn Plot(map: Map, plotted: Plotted, on_view: Callback<()>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let bitmaps = Bitmaps::new(map, state, link);
    // Only what the pointer is over on this map has a card here.
    let pointed = RwSignal::new(None::<u32>);
    follow(map, plotted, state);
    let on_event = move |event| match event {
        MapEvent::Hover(picture) => {
            let picture = picture.and_then(|p| u32::try_from(p).ok());
            pointed.set(picture);
            state.hover.set(picture);
        }
        MapEvent::Click { picture, modifiers, .. } => click(&state, picture, modifiers),
        MapEvent::Lasso { pictures, modifiers } => {
            let pictures = pictures.into_iter().filter_map(|p| u32::try_from(p).ok()).collect();
            if modifiers.command {
                state.select_more(pictures, Origin::Lasso);
            } else {
                state.select(pictures, Origin::Lasso);
            }
            state.lasso.set(false);
        }
        MapEvent::WantThumbnails(pictures) => bitmaps.want(pictures, false),
        MapEvent::WantDetails(pictures) => bitmaps.want(pictures, true),
        MapEvent::View => on_view.run(()),
        MapEvent::Ready(_) => {}
        MapEvent::Failed(why) => state.toast(true, why),
    };
    let place = Signal::derive(move || {
        let at = pointed.get().and_then(|p| map.place(p as usize)).unwrap_or_default();
        (at, map.viewport().map(|v| v.size).unwrap_or_default())
    });
    view! {
        <MapView map on_event/>
        <HoverCard picture=pointed.into() place/>
    }
}

/// What changes in the page changes on the map.
fn follow(map: Map, plotted: Plotted, state: State) {
    Effect::new(move || {
        if let Some(points) = plotted.points.get() {
            map.set_points(&points);
        }
    });
    // Another number of points has no colours yet.
    let count = Memo::new(move |_| plotted.points.with(|p| p.as_ref().map_or(0, |p| p.len())));
    Effect::new(move || {
        count.track();
        map.set_colours(&plotted.colours.get());
    });
    Effect::new(move || map.set_labels(plotted.labels.get()));
    Effect::new(move || map.set_centres(plotted.centres.get()));
    Effect::new(move || map.set_theme(state.theme.get().palette()));
    Effect::new(move || map.set_tool(if state.lasso.get() { Tool::Lasso } else { Tool::Pan }));
    Effect::new(move || map.set_hover(state.hover.get().or(state.current.get()).map(|p| p as usize)));
    // One picture alone is marked, not lifted out of all others.
    Effect::new(move || {
        count.track();
        let members = state.selection.with(|s| if s.len() > 1 { Arc::clone(&s.members) } else { Arc::default() });
        map.set_selection(&members.iter().map(|p| *p as usize).collect::<Vec<_>>());
    });
    Effect::new(move || {
        let dimmed = state
            .hover_cluster
            .get()
            .map(|c| state.assignment.with(|a| a.iter().map(|label| *label != c).collect::<Vec<_>>()));
        map.set_dimmed(&dimmed.unwrap_or_default());
    });
}

fn click(state: &State, picture: Option<usize>, modifiers: Modifiers) {
    match picture.and_then(|p| u32::try_from(p).ok()) {
        Some(picture) => state.pick(picture, modifiers.command || modifiers.shift),
        None => {
            state.clear_selection();
            state.current.set(None);
        }
    }
}

/// The clusters' names, each at the middle of its members.
fn names(state: &State, points: &[f32]) -> Vec<Label> {
    let assignment = state.assignment.get();
    let places = middles(points, &assignment, median);
    let colouring = state.colouring.get();
    let named = |cluster: &crate::state::Cluster| {
        let at = places.get(usize::try_from(cluster.cluster).ok()?).copied().flatten()?;
        Some(Label {
            text: shown_name(cluster),
            at,
            colour: colouring.cluster(cluster.cluster),
            weight: cluster.size as f64,
        })
    };
    state.clusters.with(|c| c.iter().filter(|c| !c.name.is_empty()).filter_map(named).collect())
}

/// Where the centres of K-Means would be on the map: in the middle of their members.
fn centres(state: &State, points: &[f32]) -> Vec<Centre> {
    let places = middles(points, &state.assignment.get(), mean);
    let colouring = state.colouring.get();
    let centre = |(cluster, at): (i32, Option<[f32; 2]>)| Some(Centre { at: at?, colour: colouring.cluster(cluster) });
    (0..).zip(places).filter_map(centre).collect()
}

/// For each cluster the middle of its members along either axis; `None` where it has none.
pub(super) fn middles(points: &[f32], assignment: &[i32], middle: fn(&mut [f32]) -> f32) -> Vec<Option<[f32; 2]>> {
    let mut members = vec![(Vec::new(), Vec::new()); clusters_of(assignment)];
    for (place, cluster) in points.chunks_exact(2).zip(assignment) {
        if let Some((xs, ys)) = usize::try_from(*cluster).ok().and_then(|c| members.get_mut(c)) {
            xs.push(place[0]);
            ys.push(place[1]);
        }
    }
    members.iter_mut().map(|(xs, ys)| (!xs.is_empty()).then(|| [middle(xs), middle(ys)])).collect()
}

pub(super) fn median(values: &mut [f32]) -> f32 {
    let half = values.len() / 2;
    *values.select_nth_unstable_by(half, f32::total_cmp).1
}

fn mean(values: &mut [f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

#[cfg(test)]
mod tests {
    use super::{mean, median, middles};

    #[test]
    fn middles_are_those_of_the_members() {
        let points = [0.0, 0.0, 2.0, 4.0, 10.0, 10.0, 7.0, 7.0];
        let assignment = [0, 0, 0, -1];
        assert_eq!(middles(&points, &assignment, mean), [Some([4.0, 14.0 / 3.0])]);
        assert_eq!(middles(&points, &assignment, median), [Some([2.0, 4.0])]);
        assert_eq!(middles(&points, &[2, 2, 2, 2], mean)[..2], [None, None], "clusters without members have no middle");
    }
}
