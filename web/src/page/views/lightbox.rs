//! One picture as large as the window, with the keys to go on to the next.

use leptos::html;
use leptos::prelude::*;

use super::icons::{Glyph, Icon};
use super::inspector::{PictureFacts, best_url};
use crate::link::Link;
use crate::state::State;

/// Opened by Enter or a double click; a dialog of the browser, so Escape and focus are its own.
#[component]
pub(super) fn Lightbox() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = node.get() else { return };
        if state.enlarged.get() && !dialog.open() {
            if dialog.show_modal().is_err() {
                state.enlarged.set(false);
            }
        } else if !state.enlarged.get() && dialog.open() {
            dialog.close();
        }
    });
    let keys = move |event: web_sys::KeyboardEvent| {
        match event.key().as_str() {
            "ArrowLeft" | "ArrowUp" => state.walk(-1),
            "ArrowRight" | "ArrowDown" => state.walk(1),
            "Home" => state.walk(isize::MIN),
            "End" => state.walk(isize::MAX),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <dialog class="lightbox" node_ref=node aria-label="Picture" on:close=move |_| state.enlarged.set(false) on:keydown=keys>
            <Show when=move || state.enlarged.get()>
                <Content state link/>
            </Show>
        </dialog>
    }
}

#[component]
fn Content(state: State, link: Link) -> impl IntoView {
    let url = best_url(state, link);
    let name = move || state.current.get().and_then(|p| state.pictures.row(p)).map(|r| r.file.to_string());
    let broken = move |_| {
        if let Some(picture) = state.current.get_untracked() {
            link.large.set(Some((picture, None)));
        }
    };
    view! {
        <div class="lightbox-stage"><img src=move || url.get() alt=name on:error=broken/></div>
        <footer class="lightbox-foot">
            <button class="quiet" type="button" aria-label="Previous picture" on:click=move |_| state.walk(-1)><Icon glyph=Glyph::Previous/></button>
            <PictureFacts/>
            <button class="quiet" type="button" aria-label="Next picture" on:click=move |_| state.walk(1)><Icon glyph=Glyph::Next/></button>
            <button class="quiet" type="button" aria-label="Close" on:click=move |_| state.enlarged.set(false)><Icon glyph=Glyph::Close/></button>
        </footer>
    }
}
