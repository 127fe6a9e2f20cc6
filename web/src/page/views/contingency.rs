//! Which labels went into which clusters: a table of counts, as strong as the share of the label, and below it in words
//! what was most confused with what. A click selects these pictures.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::format;
use crate::pause::growing;
use crate::state::{Origin, Pane, State};

/// Labels and clusters shown, the largest; more are too small to be read.
const MOST: usize = 48;
/// Rows that one frame adds.
const AT_ONCE: usize = 4;
/// Confusions told in words.
const TOLD: usize = 6;
/// Per cent of the accent's colour in the cell of a share of 0, and more of a share of 1; writing stays legible on it.
const FAINT: f64 = 8.0;
const MORE: f64 = 47.0;

/// Counts of pictures by label and cluster.
#[derive(Debug, Clone, PartialEq, Default)]
struct Counts {
    /// Labels in the order of rows, and how many pictures have them.
    labels: Vec<(u32, usize)>,
    /// Clusters in the order of columns: each below the label that it has most of, so that good clusters are a diagonal.
    clusters: Vec<i32>,
    /// A row for each label.
    counts: Vec<Vec<usize>>,
    /// Pictures that are with the label of others: count, label, cluster, and the label that most there have.
    confused: Vec<(usize, u32, i32, u32)>,
}

impl Counts {
    fn new(truth: &[Option<u32>], assignment: &[i32]) -> Self {
        let pairs = || truth.iter().zip(assignment).filter_map(|(label, cluster)| Some(((*label)?, *cluster)));
        let labels = largest(pairs().map(|p| p.0));
        let clusters = largest(pairs().map(|p| p.1));
        let mut counts = vec![vec![0; clusters.len()]; labels.len()];
        for (label, cluster) in pairs() {
            let row = labels.binary_search_by_key(&label, |l| l.0);
            let column = clusters.binary_search_by_key(&cluster, |c| c.0);
            if let (Ok(row), Ok(column)) = (row, column) {
                counts[row][column] += 1;
            }
        }
        let order = diagonal(&counts);
        let in_order = |row: Vec<usize>| order.iter().map(|column| row[*column]).collect();
        let mut found = Self {
            counts: counts.into_iter().map(in_order).collect(),
            clusters: order.iter().map(|column| clusters[*column].0).collect(),
            labels,
            confused: Vec::new(),
        };
        found.confused = found.confused();
        found
    }

    fn confused(&self) -> Vec<(usize, u32, i32, u32)> {
        let mut all = Vec::new();
        for (column, cluster) in self.clusters.iter().enumerate().filter(|(_, cluster)| **cluster >= 0) {
            let of = |row: &usize| self.counts[*row][column];
            let Some(most) = (0..self.labels.len()).max_by_key(of) else { continue };
            let others = (0..self.labels.len()).filter(|row| *row != most && of(row) > 0);
            all.extend(others.map(|row| (of(&row), self.labels[row].0, *cluster, self.labels[most].0)));
        }
        all.sort_by_key(|(count, label, cluster, _)| (std::cmp::Reverse(*count), *label, *cluster));
        all.truncate(TOLD);
        all
    }
}

/// The values that are commonest, in ascending order, and how common they are.
fn largest<T: Copy + Ord>(values: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut sizes = std::collections::BTreeMap::<T, usize>::new();
    for value in values {
        *sizes.entry(value).or_default() += 1;
    }
    let mut all: Vec<(T, usize)> = sizes.into_iter().collect();
    all.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    all.truncate(MOST);
    all.sort_unstable();
    all
}

/// Columns such that each row's own is in its place, as far as there is one for each; the others follow.
fn diagonal(counts: &[Vec<usize>]) -> Vec<usize> {
    let columns = counts.first().map_or(0, Vec::len);
    let mut cells: Vec<(usize, usize)> =
        (0..counts.len()).flat_map(|row| (0..columns).map(move |column| (row, column))).collect();
    cells.sort_by_key(|(row, column)| std::cmp::Reverse(counts[*row][*column]));
    let mut own = vec![None; counts.len()];
    let mut taken = vec![false; columns];
    for (row, column) in cells.into_iter().filter(|(row, column)| counts[*row][*column] > 0) {
        if own[row].is_none() && !taken[column] {
            (own[row], taken[column]) = (Some(column), true);
        }
    }
    let rest = (0..columns).filter(|column| !taken[*column]);
    own.into_iter().flatten().chain(rest).collect()
}

/// The sheet.
#[component]
pub(super) fn Contingency() -> impl IntoView {
    let state = expect_context::<State>();
    let counts = Memo::new(move |_| {
        state.pictures.count.track();
        Arc::new(state.assignment.with(|assignment| Counts::new(&state.pictures.labels(), assignment)))
    });
    view! {
        <div class="contingency" data-testid="contingency">
            <Confused counts/>
            {move || view! { <Table counts=counts.get()/> }}
        </div>
    }
}

#[component]
fn Table(counts: Arc<Counts>) -> impl IntoView {
    let state = expect_context::<State>();
    let height = counts.labels.len();
    // Some thousand cells at once would hold the page up.
    let rows = growing(AT_ONCE, Signal::stored(height));
    let heads = counts.clusters.iter().map(|cluster| {
        let (cluster, name) = (*cluster, state.cluster_name(*cluster));
        let colour = move || state.colouring.with(|c| c.cluster(cluster).hex());
        view! { <th scope="col" title=name.clone()><span class="swatch" style:background-color=colour></span><span class="over">{name.clone()}</span></th> }
    });
    let heads = heads.collect_view();
    view! {
        <table class="counts" on:keydown=move |event| arrows(&event)>
            <caption class="unseen">"Pictures by label (down) and cluster (across)"</caption>
            <thead><tr><th class="corner"><span>"Cluster"</span><span>"Label"</span></th>{heads}</tr></thead>
            <tbody>
                <For each=move || 0..rows.get().min(height) key=|row| *row let:row>
                    <Row counts=Arc::clone(&counts) row/>
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn Row(counts: Arc<Counts>, row: usize) -> impl IntoView {
    let state = expect_context::<State>();
    let (label, size) = counts.labels[row];
    let name = state.label_name(label);
    let cells = counts.counts[row].iter().zip(&counts.clusters).enumerate().map(|(column, (count, cluster))| {
        let (count, cluster) = (*count, *cluster);
        if count == 0 {
            return view! { <td></td> }.into_any();
        }
        let share = count as f64 / size.max(1) as f64;
        let about = format!("{count} of {size} of “{name}” are in “{}”", state.cluster_name(cluster));
        view! {
            <td>
                <button
                    type="button"
                    class="share"
                    style=("--share", format!("{:.1}%", FAINT + MORE * share))
                    tabindex=if row == 0 { "0" } else { "-1" }
                    data-place=format!("{row}-{column}")
                    title=about.clone()
                    aria-label=about
                    aria-pressed=move || state.selection.with(|s| s.origin == Origin::Shared(label, cluster)).to_string()
                    on:click=move |_| select(&state, label, cluster)
                >
                    {count}
                </button>
            </td>
        }
        .into_any()
    });
    let cells = cells.collect_view();
    view! { <tr><th scope="row" title=name.clone()>{name.clone()}</th>{cells}</tr> }
}

/// What was taken for what, in words.
#[component]
fn Confused(counts: Memo<Arc<Counts>>) -> impl IntoView {
    let state = expect_context::<State>();
    let lines = move || {
        let line = |(count, label, cluster, most): &(usize, u32, i32, u32)| {
            let (label, cluster) = (*label, *cluster);
            view! {
                <li>
                    <button type="button" class="item" aria-pressed=move || state.selection.with(|s| s.origin == Origin::Shared(label, cluster)).to_string() on:click=move |_| select(&state, label, cluster)>
                        <span class="item-name">{state.label_name(label)}<span class="muted">" among "</span>{state.label_name(*most)}</span>
                        <span class="num">{format::count(*count)}</span>
                    </button>
                </li>
            }
        };
        counts.with(|c| c.confused.iter().map(line).collect_view())
    };
    let none = move || counts.with(|c| c.confused.is_empty());
    view! {
        <section class="confused" aria-labelledby="confused-title">
            <h3 id="confused-title">"Most confused"</h3>
            <ol>{lines}</ol>
            <p class="muted hint">{move || if none() {
                "No cluster mixes labels."
            } else {
                "A cell counts the pictures of a label in a cluster; the stronger, the larger the label's share. Click one to see them."
            }}</p>
        </section>
    }
}

/// Selects the pictures of a label that are in a cluster, and shows them.
fn select(state: &State, label: u32, cluster: i32) {
    let labels = state.pictures.labels();
    let members: Vec<u32> = state.assignment.with_untracked(|assignment| {
        let both = (0_u32..).zip(labels.iter().zip(assignment.iter()));
        both.filter(|(_, (l, c))| **l == Some(label) && **c == cluster).map(|(i, _)| i).collect()
    });
    state.current.set(members.first().copied().filter(|_| members.len() == 1));
    state.select(members, Origin::Shared(label, cluster));
    state.pane.set(Pane::Pictures);
}

/// The next filled cell in the direction of an arrow takes the focus.
fn arrows(event: &KeyboardEvent) {
    let (down, right) = match event.key().as_str() {
        "ArrowUp" => (-1, 0),
        "ArrowDown" => (1, 0),
        "ArrowLeft" => (0, -1),
        "ArrowRight" => (0, 1),
        _ => return,
    };
    let (Some(cell), Some(table)) = (
        event.target().and_then(|t| t.dyn_into::<Element>().ok()),
        event.current_target().and_then(|t| t.dyn_into::<Element>().ok()),
    ) else {
        return;
    };
    let Some(place) = cell.get_attribute("data-place") else { return };
    let Some((row, column)) =
        place.split_once('-').and_then(|(r, c)| Some((r.parse::<i32>().ok()?, c.parse::<i32>().ok()?)))
    else {
        return;
    };
    event.prevent_default();
    let most = i32::try_from(MOST).unwrap_or(i32::MAX);
    let next = (1..most).find_map(|step| {
        let selector = format!("[data-place=\"{}-{}\"]", row + step * down, column + step * right);
        table.query_selector(&selector).ok().flatten()
    });
    if let Some(next) = next.and_then(|n| n.dyn_into::<HtmlElement>().ok()) {
        // A button that is in the document takes the focus.
        let _ = next.focus();
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn clusters_stand_below_their_labels() {
        let truth = [Some(0), Some(0), Some(1), Some(1), Some(1), None, Some(2)];
        let counts = Counts::new(&truth, &[1, 1, 0, 0, 1, 0, -1]);
        assert_eq!(counts.labels, [(0, 2), (1, 3), (2, 1)]);
        assert_eq!(counts.clusters, [1, 0, -1]);
        assert_eq!(counts.counts, [[2, 0, 0], [1, 2, 0], [0, 0, 1]]);
        assert_eq!(counts.confused, [(1, 1, 1, 0)]);
        assert_eq!(Counts::new(&[None], &[0]), Counts::default());
    }
}
