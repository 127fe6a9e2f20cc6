//! What the pointer is over on the map: the picture, its words, its cluster.

use leptos::prelude::*;

use super::format;
use crate::state::State;

/// Beside the pointer at `place` (pixels of the map's area); of no use to those who do not see the map.
#[component]
pub(super) fn HoverCard(
    /// The picture under the pointer.
    picture: Signal<Option<u32>>,
    /// Where the pointer is, and how large the map's area.
    place: Signal<([f64; 2], [f64; 2])>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let card = move |picture: u32| {
        let row = state.pictures.row(picture)?;
        let cluster = state.assignment.with(|a| a.get(picture as usize).copied());
        let label = row.label.and_then(|l| state.label_names.with(|names| names.get(l as usize).cloned()));
        let text = state.album.with(|a| {
            let column = a.as_ref()?.texts.first()?;
            column.texts.get(picture as usize).cloned()
        });
        Some(view! {
            <img src=state.pictures.thumbnail_url(picture) alt=""/>
            <p class="file">{format::file_name(&row.file).to_owned()}</p>
            {cluster.map(|c| view! {
                <p class="hover-cluster">
                    <span class="swatch" style:background-color=state.colouring.with(|colours| colours.cluster(c).hex())></span>
                    {state.cluster_name(c)}
                </p>
            })}
            {label.map(|l| view! { <p class="muted">{l}</p> })}
            {text.map(|t| view! { <p class="text">{t}</p> })}
        })
    };
    // Always towards the middle of the map, so that it is never cut off.
    let beside = move || {
        let ([x, y], [width, height]) = place.get();
        let over = (
            if x > width / 2.0 { "calc(-100% - 14px)" } else { "14px" },
            if y > height / 2.0 { "-100%" } else { "0px" },
        );
        format!("translate({x:.0}px,{y:.0}px) translate({},{})", over.0, over.1)
    };
    view! {
        <div class="hovercard" class:on=move || picture.get().is_some() style:transform=beside aria-hidden="true">
            {move || picture.get().and_then(card)}
        </div>
    }
}
