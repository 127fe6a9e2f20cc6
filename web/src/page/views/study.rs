//! A study's table, the map's menu: a row is a representation by a clusterer over all seeds, and a click brings its map and
//! the clusters of the first seed. Scores that need labels and scores that do not are never seen at once.

use gistmap::album::Cell;
use gistmap::album::studied::{Row, Spread};
use gistmap::album::view::StudyView;
use gistmap::protocol::{CellRequest, ClusterCount};
use gistmap::study::table::{LABEL_FREE, Metric, SUPERVISED};
use leptos::prelude::*;

use super::format;
use crate::link::Link;
use crate::state::State;

/// Which scores are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scores {
    Supervised,
    LabelFree,
}

impl Scores {
    fn title(self) -> &'static str {
        match self {
            Self::Supervised => "With labels",
            Self::LabelFree => "Without labels",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Supervised => "Agreement with the label folders; 1 is perfect.",
            Self::LabelFree => {
                "How compact clusters are in their own representation. Compare within one representation only."
            }
        }
    }

    fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Supervised => &SUPERVISED,
            Self::LabelFree => &LABEL_FREE,
        }
    }

    fn of(self, row: &Row) -> &[Option<Spread>] {
        match self {
            Self::Supervised => &row.supervised,
            Self::LabelFree => &row.label_free,
        }
    }

    /// The best mean of each column; none where means are not to be compared between representations, or are all equal.
    fn best(self, rows: &[Row]) -> Vec<Option<f64>> {
        let best = |column: usize| {
            let means = rows.iter().filter_map(|row| self.of(row)[column].map(|s| s.mean));
            let (low, high) = means.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), m| (l.min(m), h.max(m)));
            (self == Self::Supervised && low < high).then_some(high)
        };
        (0..self.metrics().len()).map(best).collect()
    }
}

fn meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Acc => "Accuracy after the best matching of clusters and labels",
        Metric::Nmi => "Normalised mutual information with the labels",
        Metric::Ari => "Adjusted Rand index with the labels",
        Metric::Kappa => "Cohen's kappa after each cluster takes its commonest label",
        Metric::Silhouette => "Mean silhouette, -1 to 1; the higher the better",
        Metric::Loss => "Share of the variance that the clusters leave unexplained; the lower the better",
    }
}

/// Title, choice of scores, table.
#[component]
pub(super) fn Study() -> impl IntoView {
    let state = expect_context::<State>();
    let study = Memo::new(move |_| state.album.with(|a| a.as_ref().and_then(|a| a.study.clone())));
    move || study.get().map(|study| view! { <Menu study/> })
}

#[component]
fn Menu(study: StudyView) -> impl IntoView {
    let StudyView { title, about, rows } = study;
    let labelled = rows.iter().any(|row| row.supervised.iter().any(Option::is_some));
    let scores = RwSignal::new(if labelled { Scores::Supervised } else { Scores::LabelFree });
    let choice = labelled.then(|| {
        let choices = [Scores::Supervised, Scores::LabelFree].map(|kind| {
            let chosen = move || (scores.get() == kind).to_string();
            view! { <button class="toggle" type="button" aria-pressed=chosen on:click=move |_| scores.set(kind)>{kind.title()}</button> }
        });
        view! { <div class="study-choice" role="group" aria-label="Scores">{choices.to_vec()}</div> }
    });
    // Neighbouring rows of one representation are a group, as in the report.
    let groups: Vec<Vec<Row>> =
        rows.chunk_by(|a, b| a.representation == b.representation).map(<[Row]>::to_vec).collect();
    let heading = if about.is_empty() {
        view! { <h3 id="study-title">{title}</h3> }.into_any()
    } else {
        view! { <details><summary><h3 id="study-title">{title}</h3></summary><p class="hint">{about}</p></details> }
            .into_any()
    };
    bring_into_view();
    view! {
        <section class="study" aria-labelledby="study-title" data-testid="study">
            <header class="study-head">
                {heading}
                {choice}
                <p class="study-about muted">{move || scores.get().about()}" Mean ± standard deviation over the seeds; the map shows the first."</p>
            </header>
            {move || {
                let (groups, kind) = (groups.clone(), scores.get());
                let best = kind.best(&groups.concat());
                view! { <Table groups kind best/> }
            }}
        </section>
    }
}

/// Scrolls the sheet, once it is there, to the row that is shown.
fn bring_into_view() {
    request_animation_frame(|| {
        let row = document().query_selector(".study-table tr.main").ok().flatten();
        let (Some(row), Some(sheet)) = (row, document().get_element_by_id("lab-sheet")) else { return };
        let (row, frame) = (row.get_bounding_client_rect(), sheet.get_bounding_client_rect());
        if row.bottom() > frame.bottom() {
            let middle = row.top() - frame.top() - (frame.height() - row.height()) / 2.0;
            sheet.set_scroll_top(sheet.scroll_top() + middle as i32);
        }
    });
}

#[component]
fn Table(groups: Vec<Vec<Row>>, kind: Scores, best: Vec<Option<f64>>) -> impl IntoView {
    let columns = kind.metrics().len() + 3;
    let heads = kind.metrics().iter().map(|m| view! { <th scope="col" class="num" title=meaning(*m)>{m.title()}</th> });
    let bodies = groups.into_iter().map(|rows| {
        let name = rows.first().map(|row| format::representation(&row.representation));
        let span = rows.len().to_string();
        let mut beside = name
            .clone()
            .map(|name| view! { <th scope="rowgroup" class="study-of" rowspan=span>{name}</th> }.into_any());
        let best = best.clone();
        let lines = rows.into_iter().map(move |row| view! { <Line row kind best=best.clone() beside=beside.take()/> });
        // Beside its rows where there is room for one column more, else above them: styles show one of the two.
        view! {
            <tbody>
                <tr class="study-group"><th scope="rowgroup" colspan=columns.to_string()>{name}</th></tr>
                {lines.collect_view()}
            </tbody>
        }
    });
    view! {
        <table class="study-table">
            <caption class="unseen">"Every representation by every clusterer. A clusterer's button shows its clusters and its map."</caption>
            <thead>
                <tr>
                    <th scope="col" class="study-of">"Representation"</th>
                    <th scope="col">"Clusterer"</th>
                    {heads.collect_view()}
                    <th scope="col" class="num">"Clusters"</th>
                    <th scope="col" class="num runs">"Runs"</th>
                </tr>
            </thead>
            {bodies.collect_view()}
        </table>
    }
}

#[component]
fn Line(row: Row, kind: Scores, best: Vec<Option<f64>>, beside: Option<AnyView>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    // The first seed's cell is the first of its kind.
    let (representation, clusterer) = (row.representation.clone(), row.clusterer.clone());
    let is_own = move |cell: &Cell| cell.representation == representation && cell.clusterer == clusterer;
    let own = Memo::new(move |_| state.cells.with(|cells| cells.iter().position(&is_own)));
    let current = Memo::new(move |_| own.get() == Some(state.main_cell.get()));
    let name = format::clusterer(&row.clusterer);
    let said = format!("Showing {} by {name}", format::representation(&row.representation));
    let bring = Callback::new(move |()| {
        let cell = own.get_untracked().filter(|_| !current.get_untracked());
        let Some(cell) = cell.and_then(|at| state.cells.with_untracked(|cells| cells.get(at).cloned())) else { return };
        state.said.set(said.clone());
        link.cell(CellRequest {
            representation: cell.representation,
            clusterer: cell.clusterer,
            k: ClusterCount::Fixed(cell.k),
            seed: u32::try_from(cell.seed).unwrap_or(u32::MAX),
        });
    });
    let values = kind.of(&row).iter().zip(best).map(|(value, best)| {
        let is_best = value.is_some_and(|s| Some(s.mean) == best);
        view! { <td class="num" class:best=is_best>{value.map_or_else(|| "–".into_any(), |s| spread(s, 3).into_any())}</td> }
    });
    let chosen = row.chosen.as_ref().map(|(name, value)| format!(" ({name} {value:.3})"));
    let mark = move || current.get().then_some("true");
    let id = format!("{}/{}", row.representation, row.clusterer);
    view! {
        <tr class:main=move || current.get() data-testid="study-row" data-cell=id on:click=move |_| bring.run(())>
            {beside}
            <th scope="row">
                <button class="link" type="button" aria-current=mark on:click=move |event| { event.stop_propagation(); bring.run(()); }>{name}{chosen}</button>
            </th>
            {values.collect_view()}
            <td class="num">{spread(row.k, usize::from(row.k.mean.fract() != 0.0))}</td>
            <td class="num runs">{row.k.n}</td>
        </tr>
    }
}

/// `0.548 ± 0.012`; without a deviation where there is none, as of a single run.
fn spread(spread: Spread, digits: usize) -> impl IntoView {
    let Spread { mean, sd, .. } = spread;
    // What counts is whole has no deviation worth a line.
    let sd = sd.filter(|sd| digits > 1 || *sd > 0.0).map(|sd| {
        let digits = digits.max(1);
        view! { " " <span class="sd">{format!("± {sd:.digits$}")}</span> }
    });
    view! { <span class="mean">{format!("{mean:.digits$}")}</span> {sd} }
}
