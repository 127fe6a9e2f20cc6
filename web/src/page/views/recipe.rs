//! How pictures are grouped. What is chosen here above the line answers at once, from what is already measured; what
//! is below it (networks, words) goes through the pictures again.

use std::time::Duration;

use gistmap::album::{Cell, RepresentationKind};
use gistmap::classical::Kind;
use gistmap::cluster::catalog::ClustererSpec;
use gistmap::protocol::{
    CellRequest, ClusterCount, Criterion, DESCRIBERS, DeviceChoice, NAMERS, Networks, PROJECTORS, Plan, PlanError,
    VECTORIZERS, namer,
};
use gistmap::report::k_distance;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use super::charts::Curve;
use super::format;
use super::icons::{Glyph, Icon};
use crate::link::Link;
use crate::state::{Phase, State};

/// Clusterers that can be chosen, as [`ClustererSpec`] reads them.
const CLUSTERERS: [&str; 11] = [
    "kmeans",
    "consensus",
    "agglomerative",
    "agglomerative:linkage=average",
    "gmm:covariance_type=diag",
    "spectral:affinity=nearest_neighbors",
    "minibatch-kmeans",
    "hdbscan",
    "dbscan",
    "optics",
    "agglomerative:linkage=complete",
];
/// The clusterer that has a reach.
const DBSCAN: &str = "dbscan";
/// Fusions of looks and words.
const FUSIONS: [&str; 4] = ["concat", "concat:share=auto", "weighted", "counterparts"];
/// Clusters that can be asked for.
const MOST_CLUSTERS: usize = 200;
/// A number that is being changed is asked for when it has been left alone for so long.
const PAUSE: Duration = Duration::from_millis(100);

/// The panel above the clusters.
#[component]
pub(super) fn Recipe() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    // What is asked for; follows the main cell.
    let request = RwSignal::new(None::<CellRequest>);
    Effect::new(move || {
        let cell = state.cell();
        request.set(cell.as_ref().map(request_of));
    });
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    let ask = Callback::new(move |change: CellRequest| {
        if request.get_untracked().as_ref() == Some(&change) {
            return;
        }
        request.set(Some(change.clone()));
        if let Some(earlier) = waiting.get_value() {
            earlier.clear();
        }
        let later = set_timeout_with_handle(move || link.cell(change), PAUSE).ok();
        waiting.set_value(later);
    });
    let idle = Signal::derive(move || state.phase.get() == Phase::Done);
    view! {
        <section class="recipe" aria-labelledby="recipe-title">
            <h2 class="panel-title" id="recipe-title">
                "Clustering"
                <span class="spinner small" class:on=move || state.busy.get() aria-hidden="true"></span>
            </h2>
            <fieldset disabled=move || !idle.get()>
                <legend class="unseen">"How pictures are grouped"</legend>
                <RepresentationChoice request ask/>
                <CountChoice request ask/>
                <div class="pair">
                    <ClustererChoice request ask/>
                    <SeedChoice request ask/>
                </div>
                <Show when=move || is_dbscan(request)>
                    <EpsChoice request ask/>
                </Show>
            </fieldset>
            <Again idle/>
        </section>
    }
}

fn request_of(cell: &Cell) -> CellRequest {
    CellRequest {
        representation: cell.representation.clone(),
        clusterer: cell.clusterer.clone(),
        k: if cell.k_curve.is_empty() { ClusterCount::Fixed(cell.k) } else { ClusterCount::Auto },
        seed: u32::try_from(cell.seed).unwrap_or(u32::MAX),
    }
}

#[component]
fn RepresentationChoice(request: RwSignal<Option<CellRequest>>, ask: Callback<CellRequest>) -> impl IntoView {
    let state = expect_context::<State>();
    let names = Memo::new(move |_| {
        let known = state.album.with(|a| {
            a.as_ref().map(|a| a.representations.iter().map(|r| (r.name.clone(), Some(r.kind))).collect::<Vec<_>>())
        });
        known.unwrap_or_else(|| {
            state.cells.with(|cells| cells.iter().map(|c| (c.representation.clone(), None)).collect())
        })
    });
    let chosen = move || request.with(|r| r.as_ref().map(|r| r.representation.clone()).unwrap_or_default());
    let change = move |event| {
        if let Some(request) = request.get_untracked() {
            ask.run(CellRequest { representation: event_target_value(&event), ..request });
        }
    };
    view! {
        <label class="field">
            <span>"Representation"</span>
            <select data-testid="representation" on:change=change prop:value=chosen>
                {move || names.with(|names| names.iter().map(|(name, kind)| {
                    let alone = names.iter().filter(|other| other.1 == *kind).count() == 1;
                    let shown = title(name, *kind, alone);
                    let name = name.clone();
                    let value = name.clone();
                    view! { <option value=value selected=move || chosen() == name>{shown}</option> }
                }).collect_view())}
            </select>
        </label>
    }
}

/// What a representation is made of, and its name where that alone does not tell which one it is.
fn title(name: &str, kind: Option<RepresentationKind>, alone: bool) -> String {
    let made_of = match kind {
        Some(RepresentationKind::Image) => "Looks",
        Some(RepresentationKind::Text) => "Words",
        Some(RepresentationKind::Fused) => "Looks and words",
        None => return format::representation(name),
    };
    if alone { made_of.to_owned() } else { format!("{made_of}: {}", format::representation(name)) }
}

#[component]
fn CountChoice(request: RwSignal<Option<CellRequest>>, ask: Callback<CellRequest>) -> impl IntoView {
    let state = expect_context::<State>();
    let labels = move || state.label_names.with(|l| l.len());
    let k = move || state.cell().map_or(0, |c| c.k);
    let wanted = move || match request.with(|r| r.as_ref().map(|r| r.k)) {
        Some(ClusterCount::Fixed(k)) => k,
        _ => k(),
    };
    let set = move |count: ClusterCount| {
        if let Some(request) = request.get_untracked() {
            ask.run(CellRequest { k: count, ..request });
        }
    };
    let fixed = move |k: usize| {
        set(ClusterCount::Fixed(k.clamp(1, MOST_CLUSTERS.min(state.pictures.count.get_untracked().max(1)))))
    };
    let auto = move || request.with(|r| r.as_ref().is_some_and(|r| r.k == ClusterCount::Auto));
    let typed = move |event| {
        if let Ok(k) = event_target_value(&event).parse() {
            fixed(k);
        }
    };
    view! {
        <div class="field">
            <span id="count-title">"Clusters"</span>
            <Show when=move || !finds_count(request) fallback=move || view! {
                <p class="muted hint found">{move || format!("{} found: this clusterer counts them itself.", k())}</p>
            }>
            <div class="count" role="group" aria-labelledby="count-title">
                <button class="quiet" type="button" aria-label="One cluster fewer" on:click=move |_| fixed(wanted().saturating_sub(1))><Icon glyph=Glyph::Minus/></button>
                <input class="number" data-testid="k" type="number" min="1" max=MOST_CLUSTERS.to_string() aria-label="Number of clusters" prop:value=move || wanted().to_string() on:change=typed/>
                <button class="quiet" type="button" aria-label="One cluster more" on:click=move |_| fixed(wanted() + 1)><Icon glyph=Glyph::Plus/></button>
                <button class="toggle" type="button" title="Try several numbers and take the one with the best silhouette" aria-pressed=move || auto().to_string() on:click=move |_| set(ClusterCount::Auto)>"Auto"</button>
                <Show when=move || { labels() > 1 }>
                    <button class="toggle" type="button" title="As many clusters as there are label folders" aria-pressed=move || (!auto() && wanted() == labels()).to_string() on:click=move |_| fixed(labels())>
                        {move || format!("Labels ({})", labels())}
                    </button>
                </Show>
            </div>
            </Show>
        </div>
    }
}

/// Whether the clusterer that is asked for finds the number of clusters itself.
fn finds_count(request: RwSignal<Option<CellRequest>>) -> bool {
    request.with(|r| r.as_ref().and_then(|r| r.clusterer.parse::<ClustererSpec>().ok()).is_some_and(|c| !c.takes_k()))
}

#[component]
fn ClustererChoice(request: RwSignal<Option<CellRequest>>, ask: Callback<CellRequest>) -> impl IntoView {
    let chosen = Memo::new(move |_| request.with(|r| r.as_ref().map(|r| r.clusterer.clone()).unwrap_or_default()));
    let change = move |event| {
        if let Some(request) = request.get_untracked() {
            ask.run(CellRequest { clusterer: event_target_value(&event), ..request });
        }
    };
    // An album of the terminal may have others.
    let names = move || {
        let others = [chosen.get()].into_iter().filter(|name| !name.is_empty() && !CLUSTERERS.contains(&name.as_str()));
        CLUSTERERS.into_iter().map(str::to_owned).chain(others).collect::<Vec<_>>()
    };
    view! {
        <label class="field">
            <span>"Clusterer"</span>
            <select data-testid="clusterer" on:change=change prop:value=move || chosen.get()>
                {move || names().into_iter().map(|name| {
                    let title = format::clusterer(&name);
                    let value = name.clone();
                    view! { <option value=value selected=move || chosen.get() == name>{title}</option> }
                }).collect_view()}
            </select>
        </label>
    }
}

#[component]
fn SeedChoice(request: RwSignal<Option<CellRequest>>, ask: Callback<CellRequest>) -> impl IntoView {
    let seed = move || request.with(|r| r.as_ref().map_or(0, |r| r.seed));
    let set = move |seed: u32| {
        if let Some(request) = request.get_untracked() {
            ask.run(CellRequest { seed, ..request });
        }
    };
    let typed = move |event| {
        if let Ok(seed) = event_target_value(&event).parse() {
            set(seed);
        }
    };
    view! {
        <div class="field">
            <span id="seed-title">"Seed"</span>
            <div class="count" role="group" aria-labelledby="seed-title">
                <input class="number" data-testid="seed" type="number" min="0" aria-label="Seed of the clusterer" prop:value=move || seed().to_string() on:change=typed/>
                <button class="quiet" type="button" title="Another seed" aria-label="Another seed" on:click=move |_| set(seed().wrapping_add(1))><Icon glyph=Glyph::Dice/></button>
            </div>
        </div>
    }
}

fn is_dbscan(request: RwSignal<Option<CellRequest>>) -> bool {
    request.with(|r| r.as_ref().is_some_and(|r| r.clusterer.split(':').next() == Some(DBSCAN)))
}

/// DBSCAN's reach, chosen with the curve of k-distances in view.
#[component]
fn EpsChoice(request: RwSignal<Option<CellRequest>>, ask: Callback<CellRequest>) -> impl IntoView {
    let state = expect_context::<State>();
    let curve = Memo::new(move |_| {
        let cell = state.cell()?;
        let like = |c: &&Cell| c.representation == cell.representation && c.k_distances.is_some();
        state.cells.with(|cells| cells.iter().rev().find(like).and_then(|c| c.k_distances.clone()))
    });
    let given = move || {
        let clusterer = request.with(|r| r.as_ref().map(|r| r.clusterer.clone()))?;
        let (_, parameters) = clusterer.split_once(':')?;
        parameters.split(',').find_map(|p| p.strip_prefix("eps=")?.parse::<f64>().ok())
    };
    let eps = Memo::new(move |_| given().or_else(|| curve.with(|c| c.as_ref().map(|c| c.eps))));
    let set = move |clusterer: String| {
        if let Some(request) = request.get_untracked() {
            ask.run(CellRequest { clusterer, ..request });
        }
    };
    let typed = move |event| {
        if let Some(eps) = event_target_value(&event).parse::<f64>().ok().filter(|eps| *eps > 0.0 && eps.is_finite()) {
            set(format!("{DBSCAN}:eps={eps}"));
        }
    };
    let points = Signal::derive(move || {
        curve.with(|c| c.as_ref().map_or_else(Vec::new, |c| c.points.iter().map(|p| (p.0 as f64, p.1)).collect()))
    });
    let mark = Signal::derive(move || {
        let eps = eps.get()?;
        points.with(|points| points.iter().position(|p| p.1 >= eps).or_else(|| points.len().checked_sub(1)))
    });
    let title = Signal::derive(move || curve.with(|c| c.as_ref().map(k_distance::sentence)).unwrap_or_default());
    view! {
        <div class="field">
            <span id="eps-title">"Reach (eps)"</span>
            <div class="count" role="group" aria-labelledby="eps-title">
                <input class="number" data-testid="eps" type="number" min="0" step="any" aria-label="Pictures so near each other are neighbours" prop:value=move || eps.get().map_or_else(String::new, |eps| format!("{eps:.3}")) on:change=typed/>
                <button class="toggle" type="button" aria-pressed=move || given().is_none().to_string() title="Where the curve bends" on:click=move |_| set(DBSCAN.to_owned())>"Auto"</button>
            </div>
            <Show when=move || curve.with(Option::is_some)>
                <Curve points mark title foot="pictures by distance to their neighbours"/>
            </Show>
        </div>
    }
}

/// What needs the pictures again.
#[component]
fn Again(#[prop(into)] idle: Signal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let plan = state.plan;
    let projectors = PROJECTORS.into_iter().map(|name| {
        let title = if name == "tsne" { "t-SNE" } else { "PCA" };
        view! { <option value=name selected=move || plan.with(|p| p.project == name)>{title}</option> }
    });
    let devices = [(DeviceChoice::Auto, "The fastest"), (DeviceChoice::Wgpu, "GPU"), (DeviceChoice::Cpu, "CPU")];
    let choose_device = move |event| {
        if let Ok(device) = event_target_value(&event).parse() {
            plan.update(|p| p.device = device);
        }
    };
    let criteria = move || plan.with(|p| p.criteria.iter().map(Criterion::to_string).collect::<Vec<_>>().join("\n"));
    let write_criteria = move |event| {
        let read = event_target_value(&event).lines().filter_map(|line| line.parse().ok()).collect();
        plan.update(|p| p.criteria = read);
    };
    let networks = state.models.networks;
    let looks = Memo::new(move |_| {
        let classical = Kind::PARTS.iter().chain(&[Kind::Classical]).map(|kind| kind.name().to_owned());
        networks.with(|n| n.encoders.iter().cloned().chain(classical).collect::<Vec<_>>())
    });
    let words = Memo::new(move |_| networks.with(describers));
    let sentences = Memo::new(move |_| networks.with(|n| n.sentences.clone()));
    let asks = Memo::new(move |_| networks.with(|n| plan.with(|p| p.text.iter().any(|t| n.answerers.contains(t)))));
    let names = Memo::new(move |_| plan.with(|p| p.text.iter().any(|t| namer(t).is_some())));
    let lacking = Memo::new(move |_| plan.with(|p| networks.with(|n| lacking(p, n))));
    let lines = |all: &[String]| all.join("\n");
    let read = |event| {
        event_target_value(&event).lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect()
    };
    view! {
        <details class="again">
            <summary>"Measure differently"</summary>
            <fieldset disabled=move || !idle.get() || !link.can_run()>
                <legend class="unseen">"What is measured"</legend>
                <Ticks title="Looks" names=looks chosen=Signal::derive(move || plan.with(|p| p.features.clone())) set=Callback::new(move |v| plan.update(|p| p.features = v))/>
                <Ticks title="Words" names=words chosen=Signal::derive(move || plan.with(|p| p.text.clone())) set=Callback::new(move |v| plan.update(|p| p.text = v))/>
                <Show when=move || asks.get()>
                    <label class="field"><span>"Questions about every picture, one a line"</span>
                        <textarea rows="2" data-testid="ask" placeholder="Which dish is in this image?" prop:value=move || plan.with(|p| lines(&p.ask)) on:change=move |e| plan.update(|p| p.ask = read(e))></textarea>
                    </label>
                </Show>
                <Show when=move || names.get()>
                    <label class="field"><span>"What pictures may show, one a line"</span>
                        <textarea rows="3" data-testid="names" placeholder="a dog" prop:value=move || plan.with(|p| lines(&p.names)) on:change=move |e| plan.update(|p| p.names = read(e))></textarea>
                    </label>
                </Show>
                <Ticks title="Vectors" names=VECTORIZERS.map(str::to_owned).to_vec() chosen=Signal::derive(move || plan.with(|p| p.vectors.clone())) set=Callback::new(move |v| plan.update(|p| p.vectors = v))/>
                <Ticks title="Both" names=FUSIONS.map(str::to_owned).to_vec() chosen=Signal::derive(move || plan.with(|p| p.fuse.clone())) set=Callback::new(move |v| plan.update(|p| p.fuse = v))/>
                <label class="field"><span>"Criteria, one a line"</span>
                    <textarea rows="2" data-testid="criteria" placeholder="what are they doing" prop:value=criteria on:change=write_criteria></textarea>
                </label>
                <Show when=move || sentences.with(|s| s.len() > 1)>
                    <label class="field"><span>"Sentences"</span>
                        <select data-testid="sentences" on:change=move |e| plan.update(|p| p.sentences = event_target_value(&e))>
                            {move || sentences.get().into_iter().map(|name| {
                                let value = name.clone();
                                view! { <option value=value.clone() selected=move || plan.with(|p| p.sentences == value)>{name}</option> }
                            }).collect_view()}
                        </select>
                    </label>
                </Show>
                <div class="pair">
                    <label class="field"><span>"Map"</span>
                        <select on:change=move |e| plan.update(|p| p.project = event_target_value(&e))>{projectors.collect_view()}</select>
                    </label>
                    <label class="field"><span>"Device"</span>
                        <select on:change=choose_device>
                            {devices.into_iter().map(|(d, title)| view! { <option value=d.to_string() selected=move || plan.with(|p| p.device == d)>{title}</option> }).collect_view()}
                        </select>
                    </label>
                </div>
                <button class="button wide" type="button" data-testid="run-again" disabled=move || lacking.with(Option::is_some) on:click=move |_| link.run()>"Run again"</button>
                {move || lacking.get().map(|what| view! { <p class="muted hint">{what}</p> })}
            </fieldset>
            <Show when=move || !link.can_run()>
                <p class="muted hint">"An album holds small pictures only. Open the folder to measure it differently."</p>
            </Show>
        </details>
    }
}

/// What can describe pictures.
fn describers(networks: &Networks) -> Vec<String> {
    let namers = NAMERS.into_iter().filter(|(_, network)| networks.encoders.iter().any(|e| e == network));
    let own = DESCRIBERS.into_iter().chain(namers.map(|(name, _)| name)).map(str::to_owned);
    own.chain(networks.captioners.iter().chain(&networks.answerers).cloned()).collect()
}

/// What a plan needs before it can be carried out.
fn lacking(plan: &Plan, networks: &Networks) -> Option<&'static str> {
    match plan.check(networks) {
        Ok(()) => None,
        Err(PlanError::NothingAsked(_)) => Some("Write a question first."),
        Err(PlanError::NoNames(_)) => Some("Write down what the pictures may show first."),
        Err(PlanError::NoTexts) => Some("Criteria need words: choose some."),
        Err(PlanError::Unknown { option: "--vectors", .. }) => Some("Choose how words become vectors."),
        Err(_) => Some("Choose looks, words or both."),
    }
}

/// Some of several names.
#[component]
fn Ticks(
    title: &'static str,
    #[prop(into)] names: Signal<Vec<String>>,
    chosen: Signal<Vec<String>>,
    set: Callback<Vec<String>>,
) -> impl IntoView {
    let tick = move |name: &str| {
        let mut all = chosen.get_untracked();
        match all.iter().position(|n| n == name) {
            Some(at) => drop(all.remove(at)),
            None => all.push(name.to_owned()),
        }
        set.run(all);
    };
    view! {
        <div class="ticks" role="group" aria-label=title>
            <span>{title}</span>
            <For each=move || names.get() key=String::clone let:name>
                {
                    let (asked, ticked) = (name.clone(), name.clone());
                    view! {
                        <label class="tick">
                            <input type="checkbox" prop:checked=move || chosen.with(|c| c.contains(&asked)) on:change=move |_| tick(&ticked)/>
                            {name}
                        </label>
                    }
                }
            </For>
        </div>
    }
}
