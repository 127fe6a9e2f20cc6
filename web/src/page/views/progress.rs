//! How far the run is: one line in the top bar, and a list of stages where clusters will be.

use gistmap::protocol::Stage;
use leptos::prelude::*;

use super::format;
use super::icons::{Glyph, Icon};
use crate::link::Link;
use crate::state::{Phase, STAGES, StageProgress, StageState, State};

/// Share of the line that each stage gets: about the share of a run's time.
const WEIGHTS: [u32; 6] = [1, 8, 2, 2, 4, 1];

/// The line in the top bar, with Cancel; empty but of the same size when nothing runs.
#[component]
pub(super) fn Progress() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let running = Memo::new(move |_| state.phase.get() == Phase::Running || state.busy.get());
    // On an open album only clusters are asked for.
    let first = move || if state.phase.get() == Phase::Done { title(Stage::Clusters) } else { "Starting" };
    let now = move || state.stages.with(|stages| sentence(stages, first()));
    view! {
        <div class="progress" class:on=move || running.get() data-testid="progress">
            <Show when=move || running.get()>
                <div class="progress-text">
                    <span class="progress-stage">{move || now().0}</span>
                    <span class="progress-rest">{move || now().1}</span>
                </div>
                <div class="segments" role="progressbar" aria-label="Progress of the run" aria-valuemin="0" aria-valuemax="100" aria-valuenow=move || state.stages.with(percent).to_string()>
                    {STAGES.into_iter().zip(WEIGHTS).map(|(stage, weight)| {
                        let fraction = move || state.stages.with(|s| s.of(stage).fraction());
                        view! {
                            <span class="segment" style:flex-grow=weight.to_string()>
                                <span class="segment-fill" style:transform=move || format!("scaleX({:.4})", fraction())></span>
                            </span>
                        }
                    }).collect_view()}
                </div>
                <button class="button small" type="button" data-testid="cancel" on:click=move |_| link.cancel()>"Cancel"</button>
            </Show>
        </div>
    }
}

/// Which stage is at work, and how it goes.
fn sentence(stages: &StageState, first: &str) -> (String, String) {
    let fetching = stages.fetches.iter().find(|f| f.done < f.total);
    let Some(stage) = stages.current() else {
        return match fetching {
            Some(f) => (title(Stage::Models).to_owned(), fetched(f)),
            None => (first.to_owned(), String::new()),
        };
    };
    if let (Stage::Models, Some(f)) = (stage, fetching) {
        return (title(stage).to_owned(), fetched(f));
    }
    (title(stage).to_owned(), pace(&stages.of(stage)))
}

fn fetched(fetch: &crate::state::Fetch) -> String {
    format!("{} {} of {}", fetch.name, format::megabytes(fetch.done), format::megabytes(fetch.total))
}

/// `1,240 of 2,000 · 31/s · 25 s left`.
fn pace(stage: &StageProgress) -> String {
    let mut parts = Vec::new();
    if stage.total > 0 {
        parts.push(format!("{} of {}", format::count(stage.done), format::count(stage.total)));
    }
    parts.extend(stage.rate().map(format::rate));
    parts.extend(stage.left().filter(|s| *s >= 0.5).map(|s| format!("{} left", format::seconds(s))));
    parts.join(" · ")
}

fn percent(stages: &StageState) -> u32 {
    let all: u32 = WEIGHTS.iter().sum();
    let done: f64 = STAGES.into_iter().zip(WEIGHTS).map(|(s, w)| stages.of(s).fraction() * f64::from(w)).sum();
    (100.0 * done / f64::from(all)).round() as u32
}

/// What a stage does, in a person's words.
pub(super) fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::Models => "Getting the networks ready",
        Stage::Pictures => "Looking at the pictures",
        Stage::Words => "Putting them into words",
        Stage::Clusters => "Finding clusters",
        Stage::Map => "Drawing the map",
        Stage::Names => "Naming the clusters",
    }
}

/// All stages, one below the other.
#[component]
pub(super) fn Stages() -> impl IntoView {
    view! {
        <section class="stages" aria-labelledby="stages-title">
            <h2 class="panel-title" id="stages-title">"This run"</h2>
            <ol>
                {STAGES.into_iter().map(|stage| view! { <StageLine stage/> }).collect_view()}
            </ol>
            <p class="muted hint">"Each finished picture is kept at once: a closed tab loses nothing."</p>
        </section>
    }
}

#[component]
fn StageLine(stage: Stage) -> impl IntoView {
    let state = expect_context::<State>();
    let progress = Memo::new(move |_| state.stages.with(|s| s.of(stage)));
    let current = Memo::new(move |_| state.stages.with(|s| s.current() == Some(stage)));
    let line = move || {
        let p = progress.get();
        match p.seconds {
            Some(seconds) if p.cached > 0 && p.cached == p.total => {
                format!("read back in {}", format::seconds(seconds))
            }
            Some(seconds) => format::seconds(seconds),
            None if stage == Stage::Models => {
                state.stages.with(|s| s.fetches.iter().find(|f| f.done < f.total).map_or_else(String::new, fetched))
            }
            None if p.begun() => pace(&p),
            None => String::new(),
        }
    };
    view! {
        <li class="stage" class:current=move || current.get() class:ended=move || progress.get().seconds.is_some()>
            <span class="stage-mark" aria-hidden="true">
                <Show when=move || progress.get().seconds.is_some()><Icon glyph=Glyph::Check/></Show>
            </span>
            <span class="stage-title">{title(stage)}</span>
            <span class="stage-line">{line}</span>
            <span class="bar"><span class="bar-fill" style:transform=move || format!("scaleX({:.4})", progress.get().fraction())></span></span>
        </li>
    }
}
