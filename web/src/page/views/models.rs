//! The models there are: what each gives, how large it is, whether it runs here, and how it is had.

use gistmap_web::protocol::{ModelLine, Standing};
use leptos::html;
use leptos::prelude::*;

use super::icons::{Glyph, Icon};
use crate::intake::Intake;
use crate::link::Link;
use crate::state::{State, is_had};

/// Megabytes.
const MB: f64 = 1e6;

/// The button and what it opens.
#[component]
pub(super) fn ModelsMenu() -> impl IntoView {
    let state = expect_context::<State>();
    let intake = expect_context::<Intake>();
    let pack = NodeRef::<html::Input>::new();
    let choose = move |_| {
        if let Some(input) = pack.get_untracked() {
            input.click();
        }
    };
    let chosen = move |_| {
        let Some(input) = pack.get_untracked() else { return };
        if let Some(list) = input.files().filter(|f| f.length() > 0) {
            intake.chosen(&list);
        }
        // The same file can be chosen again.
        input.set_value("");
    };
    let names = Memo::new(move |_| state.models.lines.with(|lines| sorted(lines)));
    view! {
        <button class="quiet models-button" type="button" data-testid="models" title="Models" aria-label="Models" popovertarget="models">
            <Icon glyph=Glyph::Chip/>
            <span class="making" class:on=move || state.models.coming.with(Option::is_some) aria-hidden="true"></span>
        </button>
        <div class="popover models" id="models" popover="auto" role="region" aria-label="Models">
            <h2>"Models"</h2>
            <p class="muted">"Networks that look at pictures and put them into words. Each is kept in this browser, and runs on this machine."</p>
            <ul>
                <For each=move || names.get() key=String::clone let:name>
                    <Model name/>
                </For>
            </ul>
            <div class="bring">
                <button class="button small" type="button" data-testid="bring-pack" on:click=choose><Icon glyph=Glyph::Plus/>"Bring a pack"</button>
                <p class="muted">"The terminal makes one: "<code>"gistmap models pull NAME"</code>", "<code>"gistmap models convert NAME --to q8"</code>". Choose it here, or drop it on this page."</p>
            </div>
            <input node_ref=pack hidden type="file" accept=".safetensors" data-testid="pack-input" aria-label="Model pack" on:change=chosen/>
        </div>
    }
}

/// Names: what is had first, then what can be had.
fn sorted(lines: &[ModelLine]) -> Vec<String> {
    let rank = |line: &&ModelLine| match line.standing {
        Standing::Here | Standing::Brought => 0,
        Standing::Partly { .. } | Standing::Offered => 1,
        Standing::Absent => 2,
    };
    let mut lines: Vec<&ModelLine> = lines.iter().collect();
    lines.sort_by_key(rank);
    lines.into_iter().map(|line| line.name.clone()).collect()
}

#[component]
fn Model(name: String) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let known = name.clone();
    let line = Memo::new(move |_| {
        let line = |lines: &std::sync::Arc<Vec<ModelLine>>| lines.iter().find(|l| l.name == known).cloned();
        state.models.lines.with(line)
    });
    let known = name.clone();
    let coming = Memo::new(move |_| state.models.coming.get().filter(|fetch| fetch.name == known));
    let facts = move || line.get().as_ref().map(facts).unwrap_or_default();
    let gives = move || line.with(|l| l.as_ref().map(|l| l.gives.clone()).unwrap_or_default());
    let about = move || line.with(|l| l.as_ref().map(|l| l.about.clone()).unwrap_or_default());
    let hindrance = move || line.with(|l| l.as_ref().and_then(|l| l.hindrance.clone()));
    let standing = move || line.with(|l| l.as_ref().map_or(Standing::Absent, |l| l.standing));
    let percent = move || coming.with(|c| c.as_ref().map_or(0, |c| c.done * 100 / c.total.max(1)));
    let (pulled, removed, called) = (name.clone(), name.clone(), name.clone());
    let action = move || {
        match (coming.with(Option::is_some), standing()) {
        (true, _) => view! {
            <button class="button small" type="button" data-testid="pause-model" on:click=move |_| link.cancel()><Icon glyph=Glyph::Pause/>"Pause"</button>
        }.into_any(),
        (false, standing) if is_had(standing) => {
            let (name, label) = (removed.clone(), format!("Remove {removed} from this browser"));
            view! {
                <span class="had"><Icon glyph=Glyph::Check/>"Here"</span>
                <button class="quiet" type="button" title=label.clone() aria-label=label on:click=move |_| link.remove(name.clone())><Icon glyph=Glyph::Close/></button>
            }.into_any()
        }
        (false, Standing::Absent) => view! { <span class="muted">"Bring its pack"</span> }.into_any(),
        (false, standing) => {
            let name = pulled.clone();
            let (title, label) = if standing == Standing::Offered { ("Get", "Get") } else { ("Go on", "Go on getting") };
            let label = format!("{label} {name}");
            view! {
                <button class="button small" type="button" data-testid="get-model" aria-label=label on:click=move |_| link.pull(name.clone())><Icon glyph=Glyph::Download/>{title}</button>
            }.into_any()
        }
    }
    };
    view! {
        <li class="model" data-model=called class:absent=move || standing() == Standing::Absent>
            <p class="model-name" title=about><strong>{name}</strong><span>{gives}</span></p>
            <p class="model-facts muted">
                {facts}
                {move || hindrance().map(|h| view! { <span class="hindrance">{h}</span> })}
            </p>
            <p class="model-action">{action}</p>
            <Show when=move || coming.with(Option::is_some)>
                <progress max="100" value=move || percent().to_string() aria-label="Fetched"></progress>
            </Show>
        </li>
    }
}

/// Size, quantization, licence.
fn facts(line: &ModelLine) -> String {
    let size = format!("{:.0} MB", line.bytes as f64 / MB);
    let size = match line.standing {
        Standing::Partly { bytes } => format!("{:.0} of {size}", bytes as f64 / MB),
        Standing::Absent => format!("{size} as published"),
        _ => size,
    };
    let stored = line.stored.as_ref().map(|stored| format!(" · {stored}")).unwrap_or_default();
    format!("{size}{stored} · {}", line.licence)
}
