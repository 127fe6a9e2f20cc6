//! The middle of the workspace: search, colours and tools in one bar, the map below it, the wall of thumbnails over it
//! while there is no map yet.

use leptos::prelude::*;

use super::compare::{Beside, MainCaption};
use super::grid::Wall;
use super::icons::{Glyph, Icon};
use super::legend::Legend;
use super::plot::{Plot, Plotted};
use crate::link::Link;
use crate::map::Map;
use crate::pause::Later;
use crate::state::{ColourBy, Phase, State};

/// Map and tools.
#[component]
pub(super) fn Atlas() -> impl IntoView {
    let state = expect_context::<State>();
    let gathering = Memo::new(move |_| state.phase.get() == Phase::Running && state.layout.with(Option::is_none));
    let (map, second) = (Map::new(), Map::new());
    let compared = Memo::new(move |_| state.beside.get().filter(|i| *i != state.main_cell.get()));
    // Two maps of the same places move together; other places have nothing to do with each other.
    let same_places = move || {
        let of = |i: usize| state.cells.with_untracked(|c| c.get(i).map(|c| c.representation.clone()));
        compared.get_untracked().is_some_and(|i| of(i) == of(state.main_cell.get_untracked()))
    };
    let follow = move |from: Map, to: Map| {
        if same_places()
            && let Some(viewport) = from.viewport()
        {
            to.look(&viewport);
        }
    };
    let plotted = Plotted::main(state);
    view! {
            <div class="tools" role="toolbar" aria-label="Map tools">
                <Search/>
                <ColourChoice/>
                <Tools map second/>
            </div>
            <div class="maps">
                <div class="map-area">
                    <Show when=move || compared.get().is_some()><MainCaption/></Show>
                    <Later tasks=1><Plot map plotted on_view=Callback::new(move |()| follow(map, second))/></Later>
                    <Legend/>
                    <div class="gather" class:gone=move || !gathering.get()>
                        <Wall/>
                    </div>
                </div>
                {move || compared.get().map(|index| view! {
                    <Beside index map=second on_view=Callback::new(move |()| follow(second, map))/>
                })}
            </div>
    }
}

/// Lasso, and the whole map.
#[component]
fn Tools(map: Map, second: Map) -> impl IntoView {
    let state = expect_context::<State>();
    let fit = move |_| {
        map.fit();
        second.fit();
    };
    // What is selected can be looked at closely.
    let near = move |_| {
        let members = state.selection.with_untracked(|s| s.members.iter().map(|p| *p as usize).collect::<Vec<_>>());
        map.zoom_to(&members);
    };
    view! {
        <div class="tool-buttons">
            <button class="quiet" class:gone=move || state.selection.with(|s| s.len() < 2) type="button" title="Go near the selected pictures" aria-label="Go near the selected pictures" on:click=near><Icon glyph=Glyph::Near/></button>
            <button class="quiet" type="button" data-testid="lasso" title="Draw around pictures (or hold Shift and drag)" aria-label="Draw around pictures" aria-pressed=move || state.lasso.get().to_string() on:click=move |_| state.lasso.update(|on| *on = !*on)><Icon glyph=Glyph::Lasso/></button>
            <button class="quiet" type="button" data-testid="fit" title="Show the whole map (0)" aria-label="Show the whole map" on:click=fit><Icon glyph=Glyph::Fit/></button>
        </div>
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
