//! The clusters: name, size, keywords, what the folders say, the pictures nearest the centre.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::format;
use crate::pause::{few_by_few, next_frame};
use crate::state::{Cluster, Origin, State, shown_name};

/// Pictures shown of a cluster.
const STRIP: usize = 6;
/// Keywords shown of a cluster.
const WORDS: usize = 5;

/// The list. A click selects a cluster's members, hovering lifts them out on the map.
#[component]
pub(super) fn Clusters() -> impl IntoView {
    let state = expect_context::<State>();
    let largest = Memo::new(move |_| state.clusters.with(|c| c.iter().map(|c| c.size).max().unwrap_or(1)));
    let sorted = Signal::derive(move || {
        let mut clusters = (*state.clusters.get()).clone();
        clusters.sort_by_key(|c| (c.cluster < 0, std::cmp::Reverse(c.size), c.cluster));
        clusters
    });
    let rows = few_by_few(sorted);
    // A cluster whose words have come is another row than one without.
    let key = |c: &Cluster| (c.cluster, c.size, c.name.clone(), c.exemplars.clone());
    view! {
        <section class="clusters" aria-labelledby="clusters-title">
            <h2 class="panel-title" id="clusters-title">
                "Clusters"
                <span class="badge">{move || state.clusters.with(|c| c.iter().filter(|c| c.cluster >= 0).count())}</span>
            </h2>
            <ul>
                <For each=move || rows.get() key=key let:cluster>
                    <Row cluster largest/>
                </For>
            </ul>
        </section>
    }
}

#[component]
fn Row(cluster: Cluster, largest: Memo<usize>) -> impl IntoView {
    let state = expect_context::<State>();
    let id = cluster.cluster;
    let colour = move || state.colouring.with(|c| c.cluster(id).hex());
    let chosen = move || state.selection.with(|s| s.origin == Origin::Cluster(id));
    let hovered =
        move || state.hover.get().is_some_and(|p| state.assignment.with(|a| a.get(p as usize).copied()) == Some(id));
    let size = cluster.size;
    let words = cluster.keywords.iter().take(WORDS).cloned().collect::<Vec<_>>().join(", ");
    let author = cluster.named_by.as_ref().map(|by| format!("Named by {by}"));
    let majority = cluster.majority.clone().zip(cluster.purity);
    let strip = cluster.exemplars.iter().take(STRIP).map(|p| *p as u32).collect::<Vec<_>>();
    let pictured = RwSignal::new(false);
    spawn_local(async move {
        next_frame().await;
        // Other clusters may be listed by now.
        pictured.try_set(true);
    });
    // Exemplars of an album that is opened come before its pictures.
    let there = Memo::new(move |_| pictured.get() && state.pictures.count.get() > 0);
    let image = move |picture: u32| {
        let url = move || there.get().then(|| state.pictures.thumbnail_url(picture)).flatten();
        view! { <img src=url alt="" draggable="false"/> }
    };
    // The room that pictures and words will take is kept for them, so that nothing jumps when they come.
    let awaited = strip.is_empty();
    let blank = awaited.then(|| view! { <span class="blank"></span> }.into_any());
    let strip = strip.into_iter().map(image).collect_view();
    let labelled = awaited && state.label_names.with_untracked(|names| names.len() > 1);
    view! {
        <li>
            <button
                class="cluster"
                class:hot=hovered
                type="button"
                data-testid="cluster"
                data-cluster=id.to_string()
                aria-pressed=move || chosen().to_string()
                on:click=move |_| state.pick_cluster(id)
                on:pointerenter=move |_| state.hover_cluster.set(Some(id))
                on:pointerleave=move |_| state.hover_cluster.set(None)
                on:focus=move |_| state.hover_cluster.set(Some(id))
                on:blur=move |_| state.hover_cluster.set(None)
            >
                <span class="cluster-head">
                    <span class="swatch" style:background-color=colour></span>
                    <span class="cluster-name" title=author>{shown_name(&cluster)}</span>
                    <span class="cluster-size">{format::count(size)}</span>
                </span>
                <span class="bar"><span class="bar-fill" style:background-color=colour style:transform=move || format!("scaleX({:.4})", size as f64 / largest.get() as f64)></span></span>
                <span class="strip">{blank}{strip}</span>
                <span class="cluster-words" class:awaited=awaited>{words}</span>
                {majority.map(|(label, purity)| view! {
                    <span class="cluster-label" title="The commonest label folder of this cluster, and its share">
                        <strong>{format::percent(purity)}</strong>" "{label}
                    </span>
                })}
                {labelled.then(|| view! { <span class="cluster-label awaited"></span> })}
            </button>
        </li>
    }
}
