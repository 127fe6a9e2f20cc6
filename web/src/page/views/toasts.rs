//! Messages that a person can put away, and what screen readers are told.

use leptos::prelude::*;

use super::icons::{Glyph, Icon};
use crate::state::State;

/// The messages, newest last.
#[component]
pub(super) fn Toasts() -> impl IntoView {
    let state = expect_context::<State>();
    view! {
        <div class="toasts" role="region" aria-label="Messages">
            <For each=move || state.toasts.get() key=|t| t.id let:toast>
                <div class="toast" class:bad=toast.bad role=if toast.bad { "alert" } else { "status" } data-testid="toast">
                    <p>{toast.text.clone()}</p>
                    <button
                        class="quiet"
                        type="button"
                        aria-label="Put this message away"
                        on:click=move |_| state.toasts.update(|all| all.retain(|t| t.id != toast.id))
                    >
                        <Icon glyph=Glyph::Close/>
                    </button>
                </div>
            </For>
        </div>
    }
}

/// Says what has changed, to those who do not see it.
#[component]
pub(super) fn Announcer() -> impl IntoView {
    let state = expect_context::<State>();
    view! { <p class="unseen" role="status" aria-live="polite">{move || state.said.get()}</p> }
}
