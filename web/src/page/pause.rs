//! Ends of tasks: what takes long on the page's thread goes on in another task, so that the browser can draw and listen in
//! between.

#![expect(unreachable_pub, reason = "Leptos writes the properties of components as `pub`")]

use js_sys::{Array, Promise};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

/// Milliseconds after which a page that is not seen, and has no frames, goes on.
const HIDDEN: i32 = 120;

/// Goes on in another task.
pub(crate) async fn pause() {
    wait(0).await;
}

/// Goes on after `milliseconds`.
pub(crate) async fn wait(milliseconds: i32) {
    settled(&later(milliseconds)).await;
}

/// Goes on with the next animation frame, or a little later where the page is not seen.
pub(crate) async fn next_frame() {
    let frame = Promise::new(&mut |resolve, _| {
        // The window of a document that is shown has frames.
        let _ = window().request_animation_frame(&resolve);
    });
    settled(&Promise::race(&Array::of2(&frame, &later(HIDDEN)))).await;
}

fn later(milliseconds: i32) -> Promise {
    Promise::new(&mut |resolve, _| {
        // A window takes any time.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    })
}

async fn settled(promise: &Promise) {
    // Neither timers nor frames fail.
    let _ = JsFuture::from(promise.clone()).await;
}

/// A number that grows by `step` with each animation frame, from `step` until it is `enough`: so many of a long list are made.
pub(crate) fn growing(step: usize, enough: Signal<usize>) -> Signal<usize> {
    let so_far = RwSignal::new(step);
    Effect::new(move || {
        if so_far.get() < enough.get() {
            spawn_local(async move {
                next_frame().await;
                // The list may be gone by now.
                so_far.try_update(|n| *n += step);
            });
        }
    });
    so_far.into()
}

/// Shows its children some tasks later than what is around them; the room that they take must be known without them.
#[component]
pub(crate) fn Later(
    /// How many tasks later.
    tasks: usize,
    children: ChildrenFn,
) -> impl IntoView {
    let due = RwSignal::new(false);
    spawn_local(async move {
        for _ in 0..tasks {
            pause().await;
        }
        // What was to be shown may be gone by now.
        due.try_set(true);
    });
    view! { <Show when=move || due.get()>{children()}</Show> }
}
