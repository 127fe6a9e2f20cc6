//! The middle of the workspace: search, colours and tools in one bar, the map below it, the wall of thumbnails over it
//! while there is no map yet.

use leptos::prelude::*;

use super::format;
use super::grid::Wall;
use super::icons::{Glyph, Icon};
use crate::link::Link;
use crate::state::{ColourBy, Phase, State, likeness_colour};

/// Labels named in the legend; more would hide the map.
const LEGEND_LABELS: usize = 24;
/// Steps of the ramp in the legend.
const RAMP: usize = 24;

/// Map and tools.
#[component]
pub(super) fn Atlas() -> impl IntoView {
    let state = expect_context::<State>();
    let gathering = Memo::new(move |_| state.phase.get() == Phase::Running && state.layout.with(Option::is_none));
    view! {
        <section class="centre" aria-label="Map">
            <div class="tools" role="toolbar" aria-label="Map tools">
                <Search/>
                <ColourChoice/>
            </div>
            <div class="map" data-testid="map">
                <Legend/>
                <div class="gather" class:gone=move || !gathering.get()>
                    <Wall/>
                </div>
            </div>
        </section>
    }
}

/// Pictures by words.
#[component]
fn Search() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let words = RwSignal::new(String::new());
    // What was forgotten elsewhere is not left standing here.
    Effect::new(move || {
        if state.found.with(Option::is_none) && !state.searching.get_untracked() {
            words.set(String::new());
        }
    });
    let ready = move || state.phase.get() == Phase::Done;
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let wanted = words.get_untracked().trim().to_owned();
        if wanted.is_empty() {
            state.found.set(None);
        } else {
            link.search(wanted);
        }
    };
    let escape = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" {
            words.set(String::new());
            state.found.set(None);
        }
    };
    view! {
        <form class="search" role="search" class:busy=move || state.searching.get() on:submit=submit>
            <Icon glyph=Glyph::Search/>
            <input
                type="search"
                data-testid="search"
                placeholder="Search by words"
                aria-label="Search pictures by words"
                autocomplete="off"
                enterkeyhint="search"
                disabled=move || !ready()
                prop:value=move || words.get()
                on:input=move |event| words.set(event_target_value(&event))
                on:keydown=escape
            />
            <span class="spinner small" class:on=move || state.searching.get() aria-hidden="true"></span>
        </form>
    }
}

#[component]
fn ColourChoice() -> impl IntoView {
    let state = expect_context::<State>();
    // Found pictures are seen at once; what was chosen before comes back with the search's end.
    Effect::new(move |before: Option<Option<ColourBy>>| {
        let found = state.found.with(Option::is_some);
        match (before.flatten(), found) {
            (None, true) => {
                let kept = state.colour_by.get_untracked();
                state.colour_by.set(ColourBy::Likeness);
                Some(kept)
            }
            (Some(kept), false) => {
                if state.colour_by.get_untracked() == ColourBy::Likeness {
                    state.colour_by.set(kept);
                }
                None
            }
            (kept, _) => kept,
        }
    });
    let choose = move |event| {
        let chosen = event_target_value(&event);
        if let Some(by) = ColourBy::ALL.into_iter().find(|c| c.title() == chosen) {
            state.colour_by.set(by);
        }
    };
    let possible = move |by: ColourBy| match by {
        ColourBy::Label => state.label_names.with(|l| l.len() > 1),
        ColourBy::Likeness => state.found.with(Option::is_some),
        ColourBy::Cluster | ColourBy::Plain => true,
    };
    view! {
        <label class="field inline">
            <span>"Colour"</span>
            <select data-testid="colour-by" on:change=choose prop:value=move || state.colour_by.get().title()>
                {ColourBy::ALL.into_iter().map(|by| view! {
                    <option value=by.title() disabled=move || !possible(by) selected=move || state.colour_by.get() == by>{by.title()}</option>
                }).collect_view()}
            </select>
        </label>
    }
}

/// What the colours mean, where the list of groups does not tell.
#[component]
fn Legend() -> impl IntoView {
    let state = expect_context::<State>();
    let labels = move || {
        let names = state.label_names.get();
        let more = names.len().saturating_sub(LEGEND_LABELS);
        let lines = (0_u32..).zip(names.iter().take(LEGEND_LABELS).cloned()).map(|(i, name)| {
            let colour = state.colouring.with(|c| c.label(Some(i)).hex());
            view! { <li><span class="swatch" style:background-color=colour></span>{name}</li> }
        });
        view! {
            <ul>{lines.collect_view()}</ul>
            {(more > 0).then(|| view! { <p class="muted">{format!("and {} more", format::count(more))}</p> })}
        }
    };
    let ramp = move || {
        let theme = state.theme.get().palette();
        let step = move |i: usize| likeness_colour(i as f64 / (RAMP - 1) as f64, theme).hex();
        view! {
            <p class="ramp" aria-hidden="true">{(0..RAMP).map(|i| view! { <span style:background-color=step(i)></span> }).collect_view()}</p>
            <p class="ramp-ends"><span>"less alike"</span><span>"more alike"</span></p>
        }
    };
    view! {
        {move || match state.colour_by.get() {
            ColourBy::Label => Some(view! { <aside class="legend" aria-label="Labels">{labels()}</aside> }.into_any()),
            ColourBy::Likeness => Some(view! { <aside class="legend" aria-label="Likeness to the search">{ramp()}</aside> }.into_any()),
            ColourBy::Cluster | ColourBy::Plain => None,
        }}
    }
}
