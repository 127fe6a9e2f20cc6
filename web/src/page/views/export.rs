//! The menu of everything that can be saved: the very files that the terminal writes.

use gistmap_web::protocol::ALBUM_FILE;
use leptos::prelude::*;

use super::icons::{Glyph, Icon};
use crate::link::Link;
use crate::state::State;

/// A heading, and which paths stand below it.
struct Group {
    title: &'static str,
    has: fn(&str) -> bool,
}

const GROUPS: [Group; 4] = [
    Group {
        title: "To look at",
        has: |p| p == ALBUM_FILE || p.ends_with(".html") || p.ends_with(".png") || p.ends_with(".svg"),
    },
    Group { title: "Tables", has: |p| p.ends_with(".csv") },
    Group { title: "Matrices", has: |p| p.ends_with(".npy") },
    Group { title: "Album parts", has: |p| p.ends_with(".json") || p.ends_with(".jpg") },
];

/// What a file is, where its name does not say it to everyone.
fn about(path: &str) -> &'static str {
    match path {
        ALBUM_FILE => "the whole album in one file, to open again here or in the terminal",
        "report.html" => "one page to read or project",
        "map.png" | "map.svg" => "the map as a picture",
        "labels.csv" => "the cluster of every picture",
        "scores.csv" => "how good each clustering is",
        "clusters.csv" => "sizes, names, keywords",
        "layout.csv" => "places on the map",
        "errors.csv" => "what could not be used",
        _ => "",
    }
}

/// The button and its menu, which closes when something is chosen; the button tells that it is being made.
#[component]
pub(super) fn ExportMenu() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let making = move || link.exporting.with(|all| !all.is_empty());
    let ready = move || state.files.with(|f| !f.is_empty());
    let paths = move || {
        let mut paths = vec![ALBUM_FILE.to_owned()];
        paths.extend(state.files.get().iter().filter(|p| *p != ALBUM_FILE).cloned());
        paths
    };
    let groups = move || {
        GROUPS
            .iter()
            .filter_map(|group| {
                let items: Vec<String> = paths().into_iter().filter(|p| (group.has)(p)).collect();
                (!items.is_empty()).then(|| {
                    view! {
                        <h3>{group.title}</h3>
                        <ul>{items.into_iter().map(|path| view! { <Item path/> }).collect_view()}</ul>
                    }
                })
            })
            .collect_view()
    };
    view! {
        <button class="button small" type="button" data-testid="export-menu" popovertarget="export" disabled=move || !ready()>
            <Icon glyph=Glyph::Download/><span>"Save"</span><span class="making" class:on=making aria-hidden="true"></span>
        </button>
        <div class="popover export" id="export" popover="auto" aria-label="Save">
            <h2>"Save"</h2>
            {groups}
        </div>
    }
}

#[component]
fn Item(path: String) -> impl IntoView {
    let link = expect_context::<Link>();
    let (wanted, asked) = (path.clone(), path.clone());
    let busy = Memo::new(move |_| link.exporting.with(|all| all.contains(&asked)));
    // A button that became disabled by its own click would not close the menu.
    let choose = move |_| {
        if !busy.get_untracked() {
            link.export(wanted.clone());
        }
    };
    view! {
        <li>
            <button class="item" type="button" data-path=path.clone() popovertarget="export" popovertargetaction="hide" aria-disabled=move || busy.get().to_string() on:click=choose>
                <span class="item-name">{path.clone()}</span>
                <span class="spinner small" class:on=move || busy.get() aria-hidden="true"></span>
                <span class="item-about">{about(&path)}</span>
            </button>
        </li>
    }
}
