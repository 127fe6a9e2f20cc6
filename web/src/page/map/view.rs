//! The map as a component.

#![expect(unreachable_pub, reason = "Leptos writes the properties of components as `pub`")]

use leptos::html;
use leptos::prelude::*;

use super::{Map, MapEvent};

/// Shows `map`, filling the element that it is put into, and tells `on_event` what happens on it.
///
/// Looks are `web/map.css`'s. Screen readers are better served by the grid of pictures; the map is for eyes and hands.
#[component]
pub(crate) fn MapView(
    /// The map to show.
    map: Map,
    /// Hears what the map tells; may change the map.
    on_event: impl Fn(MapEvent) + 'static,
) -> impl IntoView {
    let root = NodeRef::<html::Div>::new();
    map.listen(on_event);
    Effect::new(move |_| {
        if let Some(root) = root.get() {
            map.mount(&root);
        }
    });
    on_cleanup(move || map.unmount());
    view! {
        <div
            node_ref=root
            class="map"
            tabindex="0"
            role="application"
            aria-label="Map of the pictures: arrow keys move it, plus and minus zoom, 0 shows all"
            data-testid="map"
        ></div>
    }
}
