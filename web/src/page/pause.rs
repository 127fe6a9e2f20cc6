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

/// Items of a list that a frame takes in.
const AT_ONCE: usize = 4;

/// `list` as it is to be shown: with each animation frame a few items more are what they should be, so that few rows of a
/// list are made anew at a time.
pub(crate) fn few_by_few<T: Clone + PartialEq + Send + Sync + 'static>(list: Signal<Vec<T>>) -> Signal<Vec<T>> {
    let shown = RwSignal::new(Vec::new());
    let going = StoredValue::new(false);
    Effect::new(move || {
        list.track();
        if going.get_value() {
            return;
        }
        going.set_value(true);
        spawn_local(async move {
            // The list may be gone by the next frame.
            while let Some(wanted) = list.try_get_untracked()
                && shown.try_update(|shown| (0..AT_ONCE).all(|_| take_one(shown, &wanted))) == Some(true)
            {
                next_frame().await;
            }
            going.try_set_value(false);
        });
    });
    shown.into()
}

/// Puts the first item that is not what it should be in its place; false where all are.
fn take_one<T: Clone + PartialEq>(shown: &mut Vec<T>, wanted: &[T]) -> bool {
    shown.truncate(wanted.len());
    let Some(at) = (0..wanted.len()).find(|&at| shown.get(at) != Some(&wanted[at])) else { return false };
    let next = &wanted[at];
    // No item stands there twice, which lists with keys do not bear.
    let elsewhere = shown.iter().skip(at).position(|item| item == next);
    match elsewhere {
        Some(after) => shown.swap(at, at + after),
        None if at < shown.len() => shown[at] = next.clone(),
        None => shown.push(next.clone()),
    }
    true
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

#[cfg(test)]
mod tests {
    use super::take_one;

    #[test]
    fn lists_become_what_they_should_be_item_by_item() {
        let mut shown = vec![1, 2, 3, 4];
        let mut steps = 0;
        while take_one(&mut shown, &[3, 1, 9]) {
            steps += 1;
            let mut distinct = shown.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), shown.len(), "{shown:?}");
        }
        assert_eq!((shown, steps), (vec![3, 1, 9], 3));
        assert!(!take_one(&mut Vec::<i32>::new(), &[]));
    }
}
