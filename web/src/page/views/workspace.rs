//! The workspace: clusters left, map in the middle with the lab below it, pictures right. Where there is room for one
//! pane only, a bar at the bottom switches between them.

use leptos::prelude::*;

use super::atlas::Atlas;
use super::clusters::Clusters;
use super::grid::Grid;
use super::icons::{Glyph, Icon};
use super::inspector::Inspector;
use super::lab::Lab;
use super::progress::Stages;
use super::recipe::Recipe;
use crate::pause::Later;
use crate::state::{Pane, Sheet, State};

impl Pane {
    fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Pictures => "pictures",
            Self::Clusters => "clusters",
            Self::Lab => "lab",
        }
    }
}

/// What is seen while an album is made or open; its parts come one task after another.
#[component]
pub(super) fn Workspace() -> impl IntoView {
    let state = expect_context::<State>();
    let clustered = Memo::new(move |_| state.clusters.with(|c| !c.is_empty()));
    let sheet = move || state.sheet.get().map_or("none", Sheet::id);
    view! {
        <main class="work" id="main" data-pane=move || state.pane.get().name() data-sheet=sheet>
            <aside class="left" aria-label="Clusters">
                <Show when=move || !clustered.get()><Stages/></Show>
                // Made ahead, before the engine takes all processors.
                <div class="clustering" hidden=move || !clustered.get()>
                    <Later tasks=4><Recipe/></Later>
                    <Later tasks=5><Clusters/></Later>
                </div>
            </aside>
            <section class="centre" aria-label="Map"><Later tasks=1><Atlas/></Later></section>
            <section class="lab" aria-label="Lab"><Later tasks=2><Lab/></Later></section>
            <aside class="right" id="pictures" aria-label="Pictures">
                <Later tasks=3><Inspector/><Grid/></Later>
            </aside>
        </main>
        <nav class="panes" aria-label="Panes">
            <PaneButton pane=Pane::Map glyph=Glyph::Map title="Map"/>
            <PaneButton pane=Pane::Pictures glyph=Glyph::Pictures title="Pictures"/>
            <PaneButton pane=Pane::Clusters glyph=Glyph::Shapes title="Clusters"/>
            <PaneButton pane=Pane::Lab glyph=Glyph::Flask title="Lab"/>
        </nav>
    }
}

#[component]
fn PaneButton(pane: Pane, glyph: Glyph, title: &'static str) -> impl IntoView {
    let state = expect_context::<State>();
    let chosen = move || state.pane.get() == pane;
    let choose = move |_| {
        state.pane.set(pane);
        if pane == Pane::Lab && state.sheet.get_untracked().is_none() {
            state.sheet.set(Some(state.first_sheet()));
        }
    };
    view! {
        <button type="button" aria-current=move || if chosen() { "page" } else { "false" } on:click=choose>
            <Icon glyph/>
            {title}
        </button>
    }
}
