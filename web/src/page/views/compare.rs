//! Two cells side by side: the same pictures, grouped and laid out twice; selection, hover and colours are shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use gistmap::album::Cell;
use gistmap::scene::palette;
use gistmap::score::ari::adjusted_rand_score;
use leptos::prelude::*;

use super::format;
use super::icons::{Glyph, Icon};
use super::plot::{Plot, Plotted};
use crate::map::Map;
use crate::state::{ColourBy, Colouring, Origin, State, clusters_of};

/// How a second clustering relates to the first.
#[derive(Debug, Clone, PartialEq)]
struct Relation {
    /// For each cluster of the second, the one of the first that it is most alike, each taken once.
    partner: Vec<Option<i32>>,
    /// Pictures whose clusters are no partners.
    moved: Vec<u32>,
    /// Adjusted Rand index.
    agreement: f64,
}

impl Relation {
    fn new(first: &[i32], second: &[i32]) -> Self {
        let mut counts = BTreeMap::<(i32, i32), usize>::new();
        for pair in first.iter().copied().zip(second.iter().copied()).filter(|(a, b)| *a >= 0 && *b >= 0) {
            *counts.entry(pair).or_default() += 1;
        }
        let mut pairs: Vec<_> = counts.into_iter().collect();
        pairs.sort_by_key(|(pair, n)| (std::cmp::Reverse(*n), *pair));
        let mut partner = vec![None; clusters_of(second)];
        for ((a, b), _) in pairs {
            let Some(free) = usize::try_from(b).ok().filter(|b| partner[*b].is_none()) else { continue };
            if !partner.contains(&Some(a)) {
                partner[free] = Some(a);
            }
        }
        let of = |b: i32| usize::try_from(b).ok().and_then(|b| partner[b]);
        let moved = (0_u32..).zip(first.iter().zip(second)).filter(|(_, (a, b))| of(**b) != Some(**a)).map(|(i, _)| i);
        let moved = moved.collect();
        Self { moved, agreement: adjusted_rand_score(first, second), partner }
    }
}

/// What stands above a map in a comparison.
fn caption(cell: &Cell) -> String {
    let ari = cell.scores.ari.map(|a| format!(" · ARI {a:.3}")).unwrap_or_default();
    format!("{} · {}{ari}", format::representation(&cell.representation), format::counted(cell.k, "cluster"))
}

/// The caption of the main map while it is compared.
#[component]
pub(super) fn MainCaption() -> impl IntoView {
    let state = expect_context::<State>();
    view! { <p class="caption">{move || state.cell().map(|c| caption(&c))}</p> }
}

/// The second map, of the cell at `index`.
#[component]
pub(super) fn Beside(index: usize, map: Map, on_view: Callback<()>) -> impl IntoView {
    let state = expect_context::<State>();
    let cell = Memo::new(move |_| state.cells.with(|cells| cells.get(index).cloned()));
    let relation = Memo::new(move |_| {
        let second = cell.get()?;
        let first = state.cell()?;
        (first.labels.len() == second.labels.len()).then(|| Relation::new(&first.labels, &second.labels))
    });
    let points = Signal::derive(move || {
        let representation = cell.get()?.representation;
        state.maps.with(|maps| maps.get(&representation).map(Arc::clone))
    });
    let colours = Signal::derive(move || colours(&state, cell.get(), relation.get()));
    let plotted = Plotted { points, colours, labels: Signal::derive(Vec::new), centres: Signal::derive(Vec::new) };
    let select = move |_| {
        if let Some(relation) = relation.get_untracked() {
            state.select(relation.moved, Origin::Hand);
        }
    };
    view! {
        <div class="map-area beside" data-testid="beside">
            <p class="caption">
                <span>{move || cell.get().map(|c| caption(&c))}</span>
                <button class="quiet" type="button" aria-label="End the comparison" on:click=move |_| state.beside.set(None)><Icon glyph=Glyph::Close/></button>
            </p>
            <Plot map plotted on_view/>
            {move || relation.get().map(|r| view! {
                <p class="relation">
                    <span title="Adjusted Rand index of the two clusterings; 1 is equal">{format!("Agreement {:.3}", r.agreement)}</span>
                    <button class="button small" type="button" disabled=r.moved.is_empty() on:click=select>{format!("{} changed cluster", format::counted(r.moved.len(), "picture"))}</button>
                </p>
            })}
        </div>
    }
}

/// Clusters that are alike have the same colour on both maps.
fn colours(state: &State, cell: Option<Cell>, relation: Option<Relation>) -> Arc<Vec<palette::Colour>> {
    let colouring: Colouring = state.colouring.get();
    let (ColourBy::Cluster, Some(cell), Some(relation)) = (state.colour_by.get(), cell, relation) else {
        return colouring.pictures;
    };
    let theme = state.theme.get().palette();
    let own = palette::categorical(
        clusters_of(&cell.labels).max(state.clusters.with(|c| c.len())) + relation.partner.len(),
        theme,
    );
    let first_free = state.clusters.with(|c| c.len());
    let of = |label: i32| {
        let Ok(b) = usize::try_from(label) else { return palette::noise(theme) };
        match relation.partner.get(b).copied().flatten() {
            Some(a) => colouring.cluster(a),
            None => own[(first_free + b) % own.len()],
        }
    };
    Arc::new(cell.labels.iter().map(|l| of(*l)).collect())
}

#[cfg(test)]
mod tests {
    use super::Relation;

    #[test]
    fn partners_are_those_with_most_in_common() {
        let relation = Relation::new(&[0, 0, 0, 1, 1, -1], &[1, 1, 0, 0, 0, 2]);
        assert_eq!(relation.partner, [Some(1), Some(0), None]);
        assert_eq!(relation.moved, [2, 5]);
        assert!(Relation::new(&[0, 1, 1], &[1, 0, 0]).moved.is_empty(), "numbers do not matter");
    }
}
