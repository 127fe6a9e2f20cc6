//! The picture that is looked at, as large as there is room, with all that is known of it; the album's scores while
//! none is.

use gistmap::album::{Scores, TextColumn};
use leptos::prelude::*;

use super::format;
use super::icons::{Glyph, Icon};
use crate::link::Link;
use crate::state::{Phase, State};

/// Above the grid.
#[component]
pub(super) fn Inspector() -> impl IntoView {
    let state = expect_context::<State>();
    view! {
        <section class="inspector" data-testid="inspector" aria-label="Picture">
            <Show when=move || state.current.get().is_some() fallback=Overview>
                <Portrait/>
                <PictureFacts/>
            </Show>
        </section>
    }
}

/// Where the best version of the current picture can be had: itself, else its thumbnail.
pub(super) fn best_url(state: State, link: Link) -> Memo<Option<String>> {
    Effect::new(move || {
        if let Some(picture) = state.current.get() {
            link.enlarge(picture);
        }
    });
    Memo::new(move |_| {
        let picture = state.current.get()?;
        match link.large.get() {
            Some((known, Some(url))) if known == picture => Some(url),
            _ => state.pictures.thumbnail_url(picture),
        }
    })
}

#[component]
fn Portrait() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let url = best_url(state, link);
    // A format that the browser does not know is shown by its thumbnail.
    let broken = move |_| {
        if let Some(picture) = state.current.get_untracked() {
            link.large.set(Some((picture, None)));
        }
    };
    let name = move || state.current.get().and_then(|p| state.pictures.row(p)).map(|r| r.file.to_string());
    view! {
        <button class="portrait" type="button" title="Larger (Enter)" aria-label="Show the picture larger" on:click=move |_| state.enlarged.set(true)>
            <img src=move || url.get() alt=name on:error=broken draggable="false"/>
        </button>
    }
}

/// File, label, cluster, texts.
#[component]
pub(super) fn PictureFacts() -> impl IntoView {
    let state = expect_context::<State>();
    let row = Memo::new(move |_| state.current.get().and_then(|p| state.pictures.row(p)));
    let file = move || row.with(|r| r.as_ref().map(|r| r.file.to_string()).unwrap_or_default());
    let label = move || {
        let label = row.with(|r| r.as_ref().and_then(|r| r.label))?;
        state.label_names.with(|names| names.get(label as usize).cloned())
    };
    let cluster = move || {
        let picture = state.current.get()?;
        state.assignment.with(|a| a.get(picture as usize).copied())
    };
    let likeness = move || {
        let picture = state.current.get()?;
        state.found.with(|f| f.as_ref()?.pictures.iter().find(|p| p.0 == picture).map(|p| p.1))
    };
    let texts = move || {
        let picture = state.current.get()? as usize;
        let whole = state.album.with(|a| {
            let columns = a.as_ref()?.texts.iter();
            let text = |column: &TextColumn| {
                let likely = column.probabilities.as_ref().and_then(|all| all.get(picture).copied());
                Some((column.name.clone(), column.texts.get(picture)?.clone(), likely))
            };
            Some(columns.filter_map(text).collect::<Vec<_>>())
        });
        let so_far = || {
            state.texts.with(|all| {
                all.iter()
                    .filter_map(|(name, texts)| Some((name.clone(), texts.get(&picture)?.clone(), None)))
                    .collect()
            })
        };
        Some(whole.unwrap_or_else(so_far))
    };
    view! {
        <div class="picture-facts">
            <p class="file" title=file>{move || format::file_name(&file()).to_owned()}</p>
            <p class="tags">
                {move || cluster().map(|c| view! {
                    <button class="tag" type="button" title="Select this cluster" on:click=move |_| state.pick_cluster(c)>
                        <span class="swatch" style:background-color=move || state.colouring.with(|colours| colours.cluster(c).hex())></span>
                        {move || state.cluster_name(c)}
                    </button>
                })}
                {move || label().map(|l| view! { <span class="tag plain" title="The folder's label">{l}</span> })}
                {move || likeness().map(|l| view! { <span class="tag plain" title="Likeness to the words searched for (cosine)">{format!("{l:.2}")}</span> })}
            </p>
            {move || texts().unwrap_or_default().into_iter().filter(|(_, text, _)| !text.is_empty()).map(|(name, text, likely)| view! {
                <p class="text" title=format!("Described by: {name}")>
                    {text}
                    {likely.map(|p| view! { <span class="likely" title="How likely the network finds it">{format!(" {:.0} %", 100.0 * p)}</span> })}
                </p>
            }).collect_view()}
        </div>
    }
}

/// The album in numbers.
#[component]
fn Overview() -> impl IntoView {
    let state = expect_context::<State>();
    let scores = move || state.cell().map(|c| c.scores);
    let labelled = move || scores().is_some_and(|s| s.ari.is_some());
    let stat = move |name: &'static str, about: &'static str, get: fn(&Scores) -> Option<f64>| {
        view! {
            <div class="stat" title=about>
                <dt>{name}</dt>
                <dd>{move || format::score(scores().as_ref().and_then(get))}</dd>
            </div>
        }
    };
    view! {
        <div class="overview">
            <h2 class="panel-title">{move || if state.phase.get() == Phase::Done { "This album" } else { "So far" }}</h2>
            <Show when=move || scores().is_some() fallback=|| view! { <p class="muted hint">"Scores come with the clusters."</p> }>
            <dl class="stats">
                {stat("Silhouette", "How much nearer pictures are to their own cluster than to the next one; from -1 to 1", |s| s.silhouette)}
                <Show when=labelled>
                    {stat("Accuracy", "Share of pictures whose cluster matches their label folder, each cluster taken for one label", |s| s.acc)}
                    {stat("NMI", "Normalised mutual information of clusters and labels; from 0 to 1", |s| s.nmi)}
                    {stat("ARI", "Adjusted Rand index of clusters and labels; 0 is chance, 1 is equal", |s| s.ari)}
                    {stat("Kappa", "Cohen's kappa when each cluster takes its commonest label; 0 is chance, 1 is equal", |s| s.kappa)}
                </Show>
            </dl>
            </Show>
            <p class="muted hint"><Icon glyph=Glyph::Picture/>"Click a point or a picture to look at it. With the lasso above the map, draw around many."</p>
        </div>
    }
}
