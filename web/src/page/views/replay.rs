//! K-Means and t-SNE, played again on the map: step by step, or as a film.

use std::time::Duration;

use leptos::leptos_dom::helpers::IntervalHandle;
use leptos::prelude::*;

use super::charts::Curve;
use super::format;
use super::icons::{Glyph, Icon};
use crate::link::Link;
use crate::state::{Film, Phase, Replay, State};

/// From one iteration of K-Means to the next.
const KMEANS_PACE: Duration = Duration::from_millis(650);
/// From one frame of t-SNE to the next.
const TSNE_PACE: Duration = Duration::from_millis(90);

/// Both films side by side.
#[component]
pub(super) fn ReplaySheet() -> impl IntoView {
    let state = expect_context::<State>();
    run_films(state);
    // A film that nobody can stop any more must not go on.
    on_cleanup(move || state.teaching.replay.set(None));
    view! {
        <div class="films" data-testid="replay">
            <KMeansFilm/>
            <TsneFilm/>
        </div>
    }
}

/// Moves what is playing on.
fn run_films(state: State) {
    let replay = state.teaching.replay;
    let playing = Memo::new(move |_| replay.get().filter(|r| r.playing).map(|r| r.film));
    let timer = StoredValue::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(Some(timer)) = timer.try_update_value(Option::take) {
            timer.clear();
        }
    };
    Effect::new(move || {
        stop();
        let Some(film) = playing.get() else { return };
        let pace = if film == Film::KMeans { KMEANS_PACE } else { TSNE_PACE };
        let tick = move || {
            let last = state.teaching.frames(film).saturating_sub(1);
            replay.update(|r| {
                if let Some(r) = r {
                    r.frame = (r.frame + 1).min(last);
                    r.playing = r.frame < last;
                }
            });
        };
        timer.set_value(set_interval_with_handle(tick, pace).ok());
    });
    on_cleanup(stop);
}

#[component]
fn KMeansFilm() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let teaching = state.teaching;
    let there = move || teaching.frames(Film::KMeans) > 0;
    let frame = Memo::new(move |_| teaching.replay.get().filter(|r| r.film == Film::KMeans).map(|r| r.frame));
    let curve = Signal::derive(move || {
        teaching.kmeans.with(|frames| frames.iter().enumerate().map(|(i, f)| (i as f64, f.inertia)).collect::<Vec<_>>())
    });
    let title = Signal::derive(move || {
        let points = curve.get();
        let ends = points.first().zip(points.last());
        ends.map_or_else(String::new, |(first, last)| format!("Inertia falls from {:.1} to {:.1}", first.1, last.1))
    });
    let words = move || {
        match frame.get() {
        None => "Each picture joins the nearest centre, each centre moves to the middle of its pictures, until nothing changes.".to_owned(),
        Some(0) => "The first centres are chosen far from one another, and every picture joins the nearest.".to_owned(),
        Some(i) => {
            let moved = teaching.kmeans.with(|f| {
                f[i.min(f.len() - 1)].labels.iter().zip(f[(i - 1).min(f.len() - 1)].labels.iter()).filter(|(a, b)| a != b).count()
            });
            format!("Step {i}: the centres moved to the middle of their pictures; {} changed sides.", format::counted(moved, "picture"))
        }
    }
    };
    view! {
        <section class="film" aria-labelledby="film-kmeans">
            <h3 id="film-kmeans">"K-Means"</h3>
            <p class="film-words">{words}</p>
            <Show when=there fallback=move || view! {
                <button class="button" type="button" data-testid="trace" disabled=move || state.phase.get() != Phase::Done on:click=move |_| link.trace()>
                    <Icon glyph=Glyph::Play/>"Watch how the clusters were found"
                </button>
            }>
                <Controls film=Film::KMeans/>
                <Curve points=curve mark=Signal::derive(move || frame.get()) title foot="step (sum of squared distances)"/>
            </Show>
        </section>
    }
}

#[component]
fn TsneFilm() -> impl IntoView {
    let state = expect_context::<State>();
    let there = move || state.teaching.frames(Film::Tsne) > 1;
    let step = move || {
        let frame = state.teaching.replay.get().filter(|r| r.film == Film::Tsne)?.frame;
        state.teaching.tsne.with_value(|f| f.get(frame).map(|f| f.0))
    };
    let words = move || match step() {
        Some(step) => {
            format!("Step {}: pictures that are alike pull at each other, all others push.", format::count(step))
        }
        None => {
            "It starts flat (the two directions in which the pictures differ most) and lets neighbours find each other."
                .to_owned()
        }
    };
    view! {
        <section class="film" aria-labelledby="film-tsne">
            <h3 id="film-tsne">"t-SNE"</h3>
            <p class="film-words">{words}</p>
            <Show when=there fallback=|| view! {
                <p class="muted">"This map was read back whole: there are no steps to show. Another seed or another comparison draws a new one."</p>
            }>
                <Controls film=Film::Tsne/>
            </Show>
        </section>
    }
}

/// Play, pause, step, scrub.
#[component]
fn Controls(film: Film) -> impl IntoView {
    let state = expect_context::<State>();
    let replay = state.teaching.replay;
    let mine = move || replay.get().filter(|r| r.film == film);
    let playing = move || mine().is_some_and(|r| r.playing);
    let last = move || state.teaching.frames(film).saturating_sub(1);
    let frame = move || mine().map_or_else(last, |r| r.frame.min(last()));
    // A film is about all pictures.
    let begin = move || {
        if mine().is_none() {
            state.clear_selection();
        }
    };
    let go = move |frame: usize| {
        begin();
        replay.set(Some(Replay { film, frame: frame.min(last()), playing: false }));
    };
    let play = move |_| {
        if playing() {
            go(frame());
        } else {
            begin();
            let frame = if frame() >= last() { 0 } else { frame() };
            replay.set(Some(Replay { film, frame, playing: true }));
        }
    };
    let scrub = move |event| {
        if let Ok(frame) = event_target_value(&event).parse() {
            go(frame);
        }
    };
    view! {
        <div class="controls">
            <button class="quiet" type="button" aria-label="One step back" on:click=move |_| go(frame().saturating_sub(1))><Icon glyph=Glyph::Previous/></button>
            <button class="quiet" type="button" data-testid="play" aria-label=move || if playing() { "Pause" } else { "Play" } on:click=play>
                {move || { let glyph = if playing() { Glyph::Pause } else { Glyph::Play }; view! { <Icon glyph/> } }}
            </button>
            <button class="quiet" type="button" aria-label="One step on" on:click=move |_| go(frame() + 1)><Icon glyph=Glyph::Next/></button>
            <input type="range" min="0" max=move || last().to_string() prop:value=move || frame().to_string() aria-label="Step" on:input=scrub/>
            <span class="controls-count">{move || format!("{} / {}", frame() + 1, last() + 1)}</span>
            <button class="quiet small" class:gone=move || mine().is_none() type="button" on:click=move |_| replay.set(None)>"End"</button>
        </div>
    }
}
