//! The whole page: what is above everything, and which of the two faces (empty, workspace) is shown.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{DataTransfer, DragEvent, HtmlElement};

use super::empty::Empty;
use super::lightbox::Lightbox;
use super::toasts::{Announcer, Toasts};
use super::top::Top;
use super::workspace::Workspace;
use crate::intake::Intake;
use crate::link::Link;
use crate::map::prepared;
use crate::state::State;

/// The page.
#[component]
pub(crate) fn App() -> impl IntoView {
    let state = State::new();
    let link = Link::new(state);
    spawn_local(async move {
        // The engine's start takes all processors; what the browser does for the map's device would be held up by it, and
        // hold the page up.
        prepared().await;
        link.start();
    });
    let intake = Intake::new(state, link);
    provide_context(state);
    provide_context(link);
    provide_context(intake);
    mirror(state);
    let dragging = take_drops(intake);
    take_pastes(intake);
    intake.linked();
    let open = Memo::new(move |_| state.is_open() && state.expected.get() > 0);
    view! {
        <a class="skip" href="#pictures">"Skip to the pictures"</a>
        <Top/>
        <Show when=move || open.get() fallback=Empty>
            <Workspace/>
        </Show>
        <div class="veil" class:on=move || dragging.get() && open.get() aria-hidden="true">
            <p>"Drop to open"</p>
        </div>
        <Lightbox/>
        <Toasts/>
        <Announcer/>
    }
}

/// Keeps what styles and tests read on the document as the state is.
fn mirror(state: State) {
    let root = || document().document_element().and_then(|e| e.dyn_into::<HtmlElement>().ok());
    Effect::new(move || {
        let (phase, theme) = (state.phase.get(), state.theme.get());
        if let Some(root) = root() {
            // Setting a data attribute with a valid name does not fail.
            let _ = root.dataset().set("state", phase.name());
            let _ = root.dataset().set("theme", theme.name());
        }
    });
    Effect::new(move || {
        let title = state.title.get();
        document().set_title(&if title.is_empty() { "gistmap".to_owned() } else { format!("{title} · gistmap") });
    });
}

/// Files can be dropped anywhere; says whether some are just over the page.
fn take_drops(intake: Intake) -> RwSignal<bool> {
    let over = RwSignal::new(false);
    let has_files = |event: &DragEvent| {
        event.data_transfer().is_some_and(|d| d.types().iter().any(|t| t.as_string().as_deref() == Some("Files")))
    };
    window_event_listener(ev::dragover, move |event| {
        if has_files(&event) {
            event.prevent_default();
            over.set(true);
        }
    });
    window_event_listener(ev::dragleave, move |event| {
        // Only leaving the window has nowhere to go.
        if event.related_target().is_none() {
            over.set(false);
        }
    });
    window_event_listener(ev::drop, move |event| {
        over.set(false);
        if let Some(data) = event.data_transfer().filter(|_| has_files(&event)) {
            event.prevent_default();
            intake.dropped(&data);
        }
    });
    over
}

/// Pictures can be pasted.
fn take_pastes(intake: Intake) {
    window_event_listener(ev::paste, move |event| {
        let data = js_sys::Reflect::get(&event, &"clipboardData".into()).ok();
        let data = data.and_then(|d| d.dyn_into::<DataTransfer>().ok());
        if let Some(files) = data.and_then(|d| d.files()).filter(|f| f.length() > 0) {
            event.prevent_default();
            intake.chosen(&files);
        }
    });
}
