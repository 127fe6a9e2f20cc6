//! What is seen before anything is open: what the page is for, where pictures go, and what will compute.

use gistmap::scene::palette;
use leptos::html;
use leptos::prelude::*;

use super::icons::{Glyph, Icon};
use crate::intake::Intake;
use crate::state::{Phase, State};

/// Clusters of the picture behind the sentence: middle (of 100 x 100), radius, points.
const GROUPS: [(f64, f64, f64, u32); 9] = [
    (9.0, 18.0, 9.0, 46),
    (90.0, 16.0, 8.0, 40),
    (6.0, 72.0, 8.5, 38),
    (93.0, 66.0, 9.5, 52),
    (30.0, 96.0, 7.0, 30),
    (70.0, 97.0, 8.0, 36),
    (33.0, 2.0, 6.5, 26),
    (67.0, 4.0, 6.0, 22),
    (50.0, 104.0, 5.0, 14),
];
/// Turns from one point to the next; no two lie on one ray.
const GOLDEN_ANGLE: f64 = 2.399_963;

/// The empty state.
#[component]
pub(super) fn Empty() -> impl IntoView {
    let state = expect_context::<State>();
    let intake = expect_context::<Intake>();
    let opening = move || state.phase.get() == Phase::Opening;
    view! {
        <main class="empty" id="main">
            <Backdrop/>
            <section class="drop" class:busy=opening data-testid="drop-zone" aria-labelledby="empty-title" aria-busy=move || opening().to_string()>
                <h2 id="empty-title">"What are your pictures about?"</h2>
                <p class="lead">
                    "Drop a folder: gistmap puts every picture into words and numbers, groups those that are alike, names the groups and draws the map."
                </p>
                <Show when=move || !opening() fallback=Gathering>
                    <Ways intake/>
                </Show>
                <p class="promise"><Icon glyph=Glyph::Lock/>"Everything is computed on this machine. No picture leaves it."</p>
            </section>
            <p class="device-line" data-testid="device">{move || about(&state)}</p>
        </main>
    }
}

/// Which device computes, and what to expect of it.
fn about(state: &State) -> String {
    state.device.get().map_or_else(|| "Looking at what this machine can do …".to_owned(), |d| d.about)
}

/// Files are being gathered or the engine reads them.
#[component]
fn Gathering() -> impl IntoView {
    view! { <p class="gathering" role="status"><span class="spinner" aria-hidden="true"></span>"Reading what you chose …"</p> }
}

/// The ways in.
#[component]
fn Ways(intake: Intake) -> impl IntoView {
    let folder = NodeRef::<html::Input>::new();
    let files = NodeRef::<html::Input>::new();
    let album = NodeRef::<html::Input>::new();
    let click = |input: NodeRef<html::Input>| {
        if let Some(input) = input.get_untracked() {
            input.click();
        }
    };
    let chosen = move |input: NodeRef<html::Input>| {
        let Some(input) = input.get_untracked() else { return };
        if let Some(list) = input.files().filter(|f| f.length() > 0) {
            intake.chosen(&list);
        }
        // The same folder can be chosen again.
        input.set_value("");
    };
    view! {
        <div class="target" aria-hidden="true">
            <Icon glyph=Glyph::Folder/>
            <span>"Drop a folder, pictures, an album or a study here"</span>
        </div>
        <div class="ways">
            <button class="button primary" type="button" data-testid="choose-folder" on:click=move |_| click(folder)>
                <Icon glyph=Glyph::Folder/>"Choose a folder"
            </button>
            <button class="button" type="button" data-testid="try-sample" on:click=move |_| intake.sample()>
                <Icon glyph=Glyph::Spark/>"Try the sample"
            </button>
            <button class="button" type="button" data-testid="choose-files" on:click=move |_| click(files)>
                <Icon glyph=Glyph::Picture/>"Choose pictures"
            </button>
            <button class="button" type="button" data-testid="open-album" on:click=move |_| click(album)>
                <Icon glyph=Glyph::Album/>"Open an album"
            </button>
        </div>
        <div hidden>
            <input node_ref=folder type="file" prop:webkitdirectory=true multiple data-testid="folder-input" aria-label="Folder of pictures" on:change=move |_| chosen(folder)/>
            <input node_ref=files type="file" accept="image/*,.tif,.tiff" multiple data-testid="files-input" aria-label="Pictures" on:change=move |_| chosen(files)/>
            <input node_ref=album type="file" accept=".gistmap" data-testid="album-input" aria-label="Album file" on:change=move |_| chosen(album)/>
        </div>
    }
}

/// A map of nothing in particular.
#[component]
fn Backdrop() -> impl IntoView {
    let state = expect_context::<State>();
    let dots = move || {
        let colours = palette::categorical(GROUPS.len(), state.theme.get().palette());
        let dot = |x: f64, y: f64, radius: f64, points: u32, i: u32| {
            let (far, turn) = (radius * (f64::from(i) / f64::from(points)).sqrt(), f64::from(i) * GOLDEN_ANGLE + x);
            let wobble = 1.0 + 0.35 * (f64::from(i) * 1.7 + y).sin();
            (
                x + far * wobble * turn.cos() * 0.72,
                y + far * wobble * turn.sin(),
                0.34 + 0.16 * (f64::from(i) * 2.3).sin(),
            )
        };
        GROUPS
            .into_iter()
            .zip(colours)
            .map(|((x, y, radius, points), colour)| {
                let circles = (0..points).map(|i| dot(x, y, radius, points, i)).map(|(cx, cy, r)| {
                    view! { <circle cx=format!("{cx:.2}") cy=format!("{cy:.2}") r=format!("{r:.2}")></circle> }
                });
                view! { <g fill=colour.hex()>{circles.collect_view()}</g> }
            })
            .collect_view()
    };
    view! {
        <svg class="backdrop" viewBox="0 0 100 100" preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">
            {dots}
        </svg>
    }
}
