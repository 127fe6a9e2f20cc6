//! Every cell that was tried, with its scores; a click brings one back, and its map.

use gistmap::album::Cell;
use gistmap::protocol::{CellRequest, ClusterCount};
use leptos::prelude::*;

use super::format;
use super::icons::{Glyph, Icon};
use crate::link::Link;
use crate::state::State;

/// A column of scores.
struct Score {
    title: &'static str,
    about: &'static str,
    of: fn(&Cell) -> Option<f64>,
}

const SCORES: [Score; 5] = [
    Score { title: "ACC", about: "Accuracy after the best matching of clusters and labels", of: |c| c.scores.acc },
    Score { title: "NMI", about: "Normalised mutual information with the labels", of: |c| c.scores.nmi },
    Score { title: "ARI", about: "Adjusted Rand index with the labels", of: |c| c.scores.ari },
    Score {
        title: "Kappa",
        about: "Cohen's kappa after each cluster takes its commonest label",
        of: |c| c.scores.kappa,
    },
    Score { title: "Silhouette", about: "Mean silhouette; needs no labels", of: |c| c.scores.silhouette },
];

/// The table.
#[component]
pub(super) fn Experiments() -> impl IntoView {
    let state = expect_context::<State>();
    let labelled = Memo::new(move |_| state.cells.with(|cells| cells.iter().any(|c| c.scores.ari.is_some())));
    // The best value of each column; where all are equal, none is.
    let best = Memo::new(move |_| {
        let top = |s: &Score| {
            let values: Vec<f64> = state.cells.with(|cells| cells.iter().filter_map(s.of).collect());
            let (low, high) =
                values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
            if low < high { high } else { f64::INFINITY }
        };
        SCORES.iter().map(top).collect::<Vec<_>>()
    });
    let columns = move || if labelled.get() { 0..SCORES.len() } else { SCORES.len() - 1..SCORES.len() };
    let rows = move || state.cells.with(|cells| cells.iter().cloned().enumerate().collect::<Vec<_>>());
    let key = |(i, c): &(usize, Cell)| (*i, c.k, c.seed, c.scores.silhouette.map(f64::to_bits), c.seconds.to_bits());
    view! {
        <table class="experiments" data-testid="experiments">
            <caption class="unseen">"Every clustering that was tried"</caption>
            <thead>
                <tr>
                    <th scope="col">"Representation"</th>
                    <th scope="col">"Clusterer"</th>
                    <th scope="col" class="num">"Clusters"</th>
                    <th scope="col" class="num">"Seed"</th>
                    {move || columns().map(|i| view! { <th scope="col" class="num" title=SCORES[i].about>{SCORES[i].title}</th> }).collect_view()}
                    <th scope="col" class="num">"Time"</th>
                    <th scope="col"><span class="unseen">"Compare"</span></th>
                </tr>
            </thead>
            <tbody>
                <For each=rows key=key let:row>
                    <Row index=row.0 cell=row.1 best columns=Signal::derive(columns)/>
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn Row(index: usize, cell: Cell, best: Memo<Vec<f64>>, columns: Signal<std::ops::Range<usize>>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let main = move || state.main_cell.get() == index;
    let request = CellRequest {
        representation: cell.representation.clone(),
        clusterer: cell.clusterer.clone(),
        k: ClusterCount::Fixed(cell.k),
        seed: u32::try_from(cell.seed).unwrap_or(u32::MAX),
    };
    let bring = Callback::new(move |()| {
        if state.main_cell.get_untracked() != index {
            link.cell(request.clone());
        }
    });
    let beside = move |_| {
        let left = state.main_cell.get_untracked();
        if left != index {
            state.beside.set(Some(left));
            bring.run(());
        }
    };
    let values = SCORES.iter().map(|s| (s.of)(&cell)).collect::<Vec<_>>();
    let scores = move || {
        let values = values.clone();
        columns
            .get()
            .map(|i| {
                let value = values[i];
                let top = move || value.is_some_and(|v| best.with(|b| v >= b[i]));
                view! { <td class="num" class:best=top>{format::score(value)}</td> }
            })
            .collect_view()
    };
    let name = format::representation(&cell.representation);
    view! {
        <tr class:main=main aria-current=move || main().then_some("true") on:click=move |_| bring.run(())>
            <th scope="row">
                <button class="link" type="button" title="Show this clustering and its map" on:click=move |event| { event.stop_propagation(); bring.run(()); }>{name}</button>
            </th>
            <td>{format::clusterer(&cell.clusterer)}{cell.chosen.as_ref().map(|(name, value)| format!(" ({name} {value:.3})"))}</td>
            <td class="num">{cell.k}{(!cell.k_curve.is_empty()).then_some(" auto")}</td>
            <td class="num">{cell.seed}</td>
            {scores}
            <td class="num">{format::seconds(cell.seconds)}</td>
            <td>
                <button class="quiet small" class:gone=main type="button" data-testid="compare" title="Show beside the present one" on:click=move |event| { event.stop_propagation(); beside(event); }>
                    <Icon glyph=Glyph::Columns/>"Compare"
                </button>
            </td>
        </tr>
    }
}
