//! How it works: each stage in a few words, with what it did to these very pictures.

use gistmap::album::view::AlbumView;
use gistmap::album::{Cell, RepresentationKind};
use gistmap::protocol::Stage;
use leptos::prelude::*;

use super::charts::Curve;
use super::format;
use crate::state::{State, shown_name};

/// A cluster's word that stands out, and how much.
#[derive(Debug, Clone, PartialEq)]
struct Telling {
    word: String,
    cluster: String,
    inside: f64,
    outside: f64,
}

/// The stages, side by side.
#[component]
pub(super) fn Explain() -> impl IntoView {
    let state = expect_context::<State>();
    let album = move || state.album.get();
    let cell = Memo::new(move |_| state.cell());
    view! {
        <ol class="explain" data-testid="explain">
            <Step title="Look" stage=Stage::Pictures>
                <p>"A network that learned to name a thousand things looks at each picture, cut to 224 × 224 pixels. Not its answer counts here but what it saw on the way."</p>
                <p class="fact">{move || album().and_then(|a| looks(&a))}</p>
            </Step>
            <Step title="Put into words" stage=Stage::Words>
                <p>"Its best guesses become a sentence, and a second network turns the sentence into numbers: sentences that mean the same lie close together."</p>
                <p class="fact">{move || album().and_then(|a| words(&a))}</p>
            </Step>
            <Step title="Cluster" stage=Stage::Clusters>
                <p>"K-Means puts a centre into each cluster and moves it until every picture is nearest to its own. Ten starts are tried; the tightest wins."</p>
                <p class="fact">{move || cell.get().map(|c| grouped(&c, &album().map(|a| a.pictures.len()).unwrap_or_default()))}</p>
                <KCurve cell/>
            </Step>
            <Step title="Draw the map" stage=Stage::Map>
                <p>"t-SNE looks for a place in the plane for every picture, such that its nearest ones stay its nearest. Distances between far clusters mean little."</p>
                <p class="fact">{move || album().and_then(|a| mapped(&a))}</p>
            </Step>
            <Step title="Name" stage=Stage::Names>
                <p>"A cluster is named by words that are common in it and rare everywhere else."</p>
                <p class="fact">{move || album().and_then(|a| telling(&a)).map(|t| told(&t))}</p>
            </Step>
        </ol>
    }
}

#[component]
fn Step(title: &'static str, stage: Stage, children: Children) -> impl IntoView {
    let state = expect_context::<State>();
    let time = move || state.stages.with(|s| s.of(stage)).seconds.map(format::seconds);
    view! {
        <li class="step">
            <h3>{title}<span class="step-time">{time}</span></h3>
            {children()}
        </li>
    }
}

/// Silhouette by number of clusters, where it was searched for.
#[component]
fn KCurve(cell: Memo<Option<Cell>>) -> impl IntoView {
    let curve = Memo::new(move |_| cell.get().map(|c| c.k_curve).unwrap_or_default());
    let points = Signal::derive(move || curve.with(|c| c.iter().map(|(k, s)| (*k as f64, *s)).collect::<Vec<_>>()));
    let mark =
        Signal::derive(move || cell.get().and_then(|c| curve.with(|curve| curve.iter().position(|(k, _)| *k == c.k))));
    let title = Signal::derive(move || {
        let k = cell.get().map_or(0, |c| c.k);
        format!("Silhouette by number of clusters; best with {k}")
    });
    view! {
        <Show when=move || curve.with(|c| c.len() > 1)>
            <Curve points mark title foot="clusters (silhouette)"/>
        </Show>
    }
}

fn looks(album: &AlbumView) -> Option<String> {
    let image = album.representations.iter().find(|r| r.kind == RepresentationKind::Image)?;
    let pictures = format::counted(album.pictures.len(), "picture");
    Some(format!(
        "{} numbers for each of your {pictures}, from {}.",
        format::count(image.dimensions),
        format::representation(&image.name)
    ))
}

fn words(album: &AlbumView) -> Option<String> {
    let text = album.representations.iter().find(|r| r.kind == RepresentationKind::Text)?;
    let sentence = album.texts.first()?.texts.iter().find(|t| !t.is_empty())?;
    let file = album.texts.first()?.texts.iter().position(|t| t == sentence).and_then(|i| album.pictures.get(i))?;
    let name = format::file_name(&file.file);
    Some(format!("{name} became “{sentence}”, and that {} numbers.", format::count(text.dimensions)))
}

fn grouped(cell: &Cell, pictures: &usize) -> String {
    let how = if cell.k_curve.is_empty() {
        "as asked for".to_owned()
    } else {
        format!("the best of {} numbers tried", cell.k_curve.len())
    };
    format!(
        "{} into {} ({how}), in {}.",
        format::counted(*pictures, "picture"),
        format::counted(cell.k, "cluster"),
        format::seconds(cell.seconds)
    )
}

fn mapped(album: &AlbumView) -> Option<String> {
    let kept = album.layout.trustworthiness?;
    let kl = album.layout.kl.map(|kl| format!(" What is lost (Kullback-Leibler) is {kl:.2}.")).unwrap_or_default();
    Some(format!("{} of the neighbours on this map are true ones.{kl}", format::percent(kept)))
}

fn told(telling: &Telling) -> String {
    let Telling { word, cluster, inside, outside } = telling;
    let elsewhere = if *outside < 0.005 {
        "nowhere else".to_owned()
    } else {
        format!("in {} elsewhere", format::percent(*outside))
    };
    format!("The word “{word}” is in {} of “{cluster}” and {elsewhere}.", format::percent(*inside))
}

/// The first keyword that tells its cluster best from all others.
fn telling(album: &AlbumView) -> Option<Telling> {
    let texts = &album.texts.first()?.texts;
    let labels = &album.cells.get(album.main_cell)?.labels;
    let mut best: Option<Telling> = None;
    for cluster in album.clusters.iter().filter(|c| c.cluster >= 0) {
        let Some(word) = cluster.keywords.first() else { continue };
        let (mut inside, mut outside) = (0_usize, 0_usize);
        for (text, label) in texts.iter().zip(labels) {
            if text.to_lowercase().contains(word.as_str()) {
                *(if *label == cluster.cluster { &mut inside } else { &mut outside }) += 1;
            }
        }
        let others = labels.len().saturating_sub(cluster.size).max(1);
        let (inside, outside) = (inside as f64 / cluster.size.max(1) as f64, outside as f64 / others as f64);
        if best.as_ref().is_none_or(|b| inside - outside > b.inside - b.outside) {
            best = Some(Telling { word: word.clone(), cluster: shown_name(cluster), inside, outside });
        }
    }
    best
}
