//! The lab, below the map: a study's table, experiments, replay, explanations, problems, each a sheet behind a tab.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use super::contingency::Contingency;
use super::experiments::Experiments;
use super::explain::Explain;
use super::format;
use super::icons::{Glyph, Icon};
use super::problems::Problems;
use super::replay::ReplaySheet;
use super::study::Study;
use crate::state::{Sheet, State};

const SHEETS: [Sheet; 6] =
    [Sheet::Study, Sheet::Experiments, Sheet::Labels, Sheet::Replay, Sheet::Explain, Sheet::Problems];

/// Whether there is anything to be seen on a sheet.
fn is_there(state: &State, sheet: Sheet) -> bool {
    match sheet {
        Sheet::Study => state.is_study(),
        Sheet::Labels => state.label_names.with(|names| names.len() > 1),
        Sheet::Experiments | Sheet::Replay | Sheet::Explain | Sheet::Problems => true,
    }
}

impl Sheet {
    /// The name by which styles and tabs know it.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Study => "study",
            Self::Experiments => "experiments",
            Self::Labels => "labels",
            Self::Replay => "replay",
            Self::Explain => "explain",
            Self::Problems => "problems",
        }
    }

    /// The name by which tests find the tab.
    fn hook(self) -> &'static str {
        match self {
            Self::Study => "tab-study",
            Self::Experiments => "tab-experiments",
            Self::Labels => "tab-labels",
            Self::Replay => "tab-replay",
            Self::Explain => "tab-explain",
            Self::Problems => "errors",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Study => "Study",
            Self::Experiments => "Experiments",
            Self::Labels => "Labels",
            Self::Replay => "Replay",
            Self::Explain => "How it works",
            Self::Problems => "Problems",
        }
    }
}

/// The tabs, and the sheet that is open.
#[component]
pub(super) fn Lab() -> impl IntoView {
    let state = expect_context::<State>();
    let sheet = move || {
        Some(match state.sheet.get()? {
            Sheet::Study => view! { <Study/> }.into_any(),
            Sheet::Experiments => view! { <Experiments/> }.into_any(),
            Sheet::Labels => view! { <Contingency/> }.into_any(),
            Sheet::Replay => view! { <ReplaySheet/> }.into_any(),
            Sheet::Explain => view! { <Explain/> }.into_any(),
            Sheet::Problems => view! { <Problems/> }.into_any(),
        })
    };
    view! {
            <div class="tabs">
                <div class="tab-list" role="tablist" aria-label="Lab" on:keydown=move |event| arrows(&state, &event)>
                    {SHEETS.into_iter().map(|sheet| view! { <Tab sheet/> }).collect_view()}
                </div>
                <button
                    class="quiet lab-fold"
                    type="button"
                    aria-label=move || if state.sheet.get().is_some() { "Close the lab" } else { "Open the lab" }
                    on:click=move |_| state.sheet.update(|s| *s = if s.is_some() { None } else { Some(state.first_sheet()) })
                >
                    <Icon glyph=Glyph::Chevron/>
                </button>
            </div>
            <div class="sheet" id="lab-sheet" role="tabpanel" aria-label=move || state.sheet.get().map(Sheet::title) hidden=move || state.sheet.get().is_none()>
                {sheet}
            </div>
    }
}

#[component]
fn Tab(sheet: Sheet) -> impl IntoView {
    let state = expect_context::<State>();
    let chosen = move || state.sheet.get() == Some(sheet);
    let number = move || match sheet {
        Sheet::Experiments => state.cells.with(|c| c.len()),
        Sheet::Problems => state.failures.with(|f| f.len()),
        Sheet::Study | Sheet::Labels | Sheet::Replay | Sheet::Explain => 0,
    };
    view! {
        <button
            class="tab"
            type="button"
            role="tab"
            id=format!("tab-{}", sheet.id())
            data-testid=sheet.hook()
            hidden=move || !is_there(&state, sheet)
            aria-selected=move || chosen().to_string()
            aria-controls="lab-sheet"
            tabindex=move || if chosen() || (state.sheet.get().is_none() && sheet == state.first_sheet()) { "0" } else { "-1" }
            on:click=move |_| state.sheet.update(|s| *s = if *s == Some(sheet) { None } else { Some(sheet) })
        >
            {sheet.title()}
            {move || (number() > 0).then(|| view! { <span class="badge" class:warn=sheet == Sheet::Problems>{format::count(number())}</span> })}
        </button>
    }
}

/// Left and right go from tab to tab, as everywhere.
fn arrows(state: &State, event: &KeyboardEvent) {
    let by: isize = match event.key().as_str() {
        "ArrowLeft" => -1,
        "ArrowRight" => 1,
        _ => return,
    };
    let there: Vec<Sheet> = SHEETS.into_iter().filter(|s| untrack(|| is_there(state, *s))).collect();
    let at = state.sheet.get_untracked().and_then(|s| there.iter().position(|t| *t == s)).unwrap_or(0);
    let to = there[(at.cast_signed() + by).rem_euclid(there.len().cast_signed()).cast_unsigned()];
    state.sheet.set(Some(to));
    let tab = document().get_element_by_id(&format!("tab-{}", to.id()));
    if let Some(tab) = tab.and_then(|t| t.dyn_into::<HtmlElement>().ok()) {
        // A tab that is in the document takes the focus.
        let _ = tab.focus();
    }
    event.prevent_default();
}
