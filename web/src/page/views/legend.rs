//! What the map's colours mean, where the list of clusters does not tell.

use gistmap::scene::palette;
use leptos::prelude::*;

use super::format;
use crate::state::{ColourBy, State};

/// Labels named in the legend; more would hide the map.
const LABELS: usize = 24;
/// Steps of the ramp.
const RAMP: usize = 24;

/// In a corner of the map.
#[component]
pub(super) fn Legend() -> impl IntoView {
    let state = expect_context::<State>();
    move || match state.colour_by.get() {
        ColourBy::Label => Some(view! { <aside class="legend" aria-label="Labels"><Labels/></aside> }.into_any()),
        ColourBy::Likeness => {
            Some(view! { <aside class="legend" aria-label="Likeness to the search"><Ramp/></aside> }.into_any())
        }
        ColourBy::Cluster | ColourBy::Plain => None,
    }
}

#[component]
fn Labels() -> impl IntoView {
    let state = expect_context::<State>();
    move || {
        let names = state.label_names.get();
        let more = names.len().saturating_sub(LABELS);
        let line = |(i, name): (u32, &String)| {
            let colour = state.colouring.with(|c| c.label(Some(i)).hex());
            view! { <li><span class="swatch" style:background-color=colour></span>{name.clone()}</li> }
        };
        view! {
            <ul>{(0_u32..).zip(names.iter().take(LABELS)).map(line).collect_view()}</ul>
            {(more > 0).then(|| view! { <p class="muted">{format!("and {} more", format::count(more))}</p> })}
        }
    }
}

#[component]
fn Ramp() -> impl IntoView {
    let state = expect_context::<State>();
    let steps = move || {
        let colours = palette::sequential(RAMP, state.theme.get().palette());
        colours.into_iter().map(|c| view! { <span style:background-color=c.hex()></span> }).collect_view()
    };
    view! {
        <p class="ramp" aria-hidden="true">{steps}</p>
        <p class="ramp-ends"><span>"less alike"</span><span>"more alike"</span></p>
    }
}
