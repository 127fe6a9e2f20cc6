//! The bar above everything: what is open, how far the run is, which device computes, and ways out.

use leptos::prelude::*;

use super::export::ExportMenu;
use super::format;
use super::icons::{Glyph, Icon, Mark};
use super::models::ModelsMenu;
use super::progress::Progress;
use crate::state::{Phase, State};

/// The top bar.
#[component]
pub(super) fn Top() -> impl IntoView {
    let state = expect_context::<State>();
    let open = Memo::new(move |_| state.is_open() && state.expected.get() > 0);
    view! {
        <header class="top">
            <h1 class="brand"><Mark/><span>"gistmap"</span></h1>
            <Show when=move || open.get()>
                <Facts/>
                <Progress/>
                <DeviceChip/>
                <ExportMenu/>
                <OpenOther/>
            </Show>
            <ModelsMenu/>
            <ThemeSwitch/>
        </header>
    }
}

/// Title and size of what is open.
#[component]
fn Facts() -> impl IntoView {
    let state = expect_context::<State>();
    let facts = move || {
        let pictures = if state.phase.get() == Phase::Done { state.pictures.count.get() } else { state.expected.get() };
        let clusters = state.clusters.with(|c| c.iter().filter(|c| c.cluster >= 0).count());
        let mut facts = format::counted(pictures, "picture");
        if clusters > 0 {
            facts.push_str(&format!(" · {}", format::counted(clusters, "cluster")));
        }
        facts
    };
    view! {
        <div class="facts">
            <strong title=move || state.title.get()>{move || state.title.get()}</strong>
            <span>{facts}</span>
        </div>
    }
}

/// The device, in two words; the whole sentence on demand.
#[component]
fn DeviceChip() -> impl IntoView {
    let state = expect_context::<State>();
    let sentence = move || {
        let chosen = state.stages.with(|s| s.device.clone()).map(|(name, why)| format!("{name}: {why}"));
        let opened = state.album.with(|a| a.as_ref().map(|a| a.device.clone()));
        chosen.or(opened).or_else(|| state.device.get().map(|d| d.about)).unwrap_or_default()
    };
    let short = move || {
        let chosen = state.stages.with(|s| s.device.as_ref().map(|d| d.0.to_lowercase()));
        let gpu = match chosen {
            Some(name) => !name.contains("cpu"),
            None => state.device.get().is_some_and(|d| d.webgpu),
        };
        if gpu { "WebGPU" } else { "CPU" }
    };
    view! {
        <button class="chip" type="button" data-testid="device" popovertarget="device-about" title=sentence>
            <span class="chip-dot" class:gpu=move || short() == "WebGPU"></span>
            {short}
        </button>
        <div class="popover device-about" id="device-about" popover="auto" role="note">
            <h2>"What computes"</h2>
            <p>{sentence}</p>
            <p class="muted">"Nothing leaves this machine."</p>
        </div>
    }
}

/// Leaves what is open.
#[component]
fn OpenOther() -> impl IntoView {
    let link = expect_context::<crate::link::Link>();
    view! {
        <button class="quiet" type="button" data-testid="open-other" title="Open other pictures" aria-label="Open other pictures" on:click=move |_| link.close()>
            <Icon glyph=Glyph::Folder/>
        </button>
    }
}

/// Light or dark.
#[component]
fn ThemeSwitch() -> impl IntoView {
    let state = expect_context::<State>();
    let other = move || state.theme.get().other().name();
    let switch = move |_| {
        state.theme.update(|t| *t = t.other());
        state.theme.get_untracked().keep();
    };
    view! {
        <button class="quiet theme" type="button" data-testid="theme" title=move || format!("Switch to the {} theme", other()) aria-label=move || format!("Switch to the {} theme", other()) on:click=switch>
            {move || {
                let glyph = if other() == "dark" { Glyph::Moon } else { Glyph::Sun };
                view! { <Icon glyph/> }
            }}
        </button>
    }
}
