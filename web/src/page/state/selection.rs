//! What is selected: one state for map, grid and cluster list.

use std::sync::Arc;

use leptos::prelude::*;

use super::{Found, Phase, Pictures, State};

/// How a selection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Origin {
    /// Nothing is selected.
    #[default]
    Nothing,
    /// Single pictures, one after another.
    Hand,
    /// The members of a cluster.
    Cluster(i32),
    /// The pictures of a label that are in a cluster.
    Shared(u32, i32),
    /// What was drawn around.
    Lasso,
}

/// Selected pictures, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selection {
    /// Which pictures.
    pub(crate) members: Arc<Vec<u32>>,
    /// How it came about.
    pub(crate) origin: Origin,
}

impl Selection {
    /// Whether a picture is in it.
    pub(crate) fn has(&self, picture: u32) -> bool {
        self.members.binary_search(&picture).is_ok()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}

impl State {
    /// Selects one picture and shows it; with `add`, adds it to the selection or takes it out.
    pub(crate) fn pick(&self, picture: u32, add: bool) {
        self.current.set(Some(picture));
        let members = if add {
            let mut members = self.selection.with_untracked(|s| (*s.members).clone());
            match members.binary_search(&picture) {
                Ok(at) => drop(members.remove(at)),
                Err(at) => members.insert(at, picture),
            }
            members
        } else {
            vec![picture]
        };
        self.select(members, Origin::Hand);
    }

    /// Selects these pictures.
    pub(crate) fn select(&self, mut members: Vec<u32>, origin: Origin) {
        members.sort_unstable();
        members.dedup();
        let origin = if members.is_empty() { Origin::Nothing } else { origin };
        if members.len() > 1 {
            self.said.set(format!("{} pictures selected", members.len()));
        }
        self.selection.set(Selection { members: Arc::new(members), origin });
    }

    /// Adds these pictures to the selection.
    pub(crate) fn select_more(&self, more: Vec<u32>, origin: Origin) {
        let mut members = self.selection.with_untracked(|s| (*s.members).clone());
        members.extend(more);
        self.select(members, origin);
    }

    /// Selects a cluster's members; a second time, nothing.
    pub(crate) fn pick_cluster(&self, cluster: i32) {
        if self.selection.with_untracked(|s| s.origin == Origin::Cluster(cluster)) {
            self.clear_selection();
            return;
        }
        let labels = self.assignment.get_untracked();
        let members: Vec<u32> = (0_u32..).zip(labels.iter()).filter(|(_, l)| **l == cluster).map(|(i, _)| i).collect();
        self.select(members, Origin::Cluster(cluster));
    }

    /// Nothing is selected any more.
    pub(crate) fn clear_selection(&self) {
        self.selection.set(Selection::default());
    }

    /// Moves the inspector by `by` places in the grid's order, and selects that picture where a selection is not what
    /// the grid lists.
    pub(crate) fn walk(&self, by: isize) {
        let listed = self.listed.get_untracked();
        let Some(last) = listed.len().checked_sub(1) else { return };
        let at = self.current.get_untracked().and_then(|c| listed.iter().position(|i| *i == c));
        let to = match at {
            Some(at) => at.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.current.set(Some(listed[to]));
    }

    /// Whether there is something to look at.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase.get(), Phase::Running | Phase::Done)
    }
}

/// What the grid lists: two or more selected pictures, else what was found, else everything, cluster by cluster.
pub(super) fn listed(
    selection: &Selection,
    found: Option<&Found>,
    pictures: &Pictures,
    labels: &Memo<Arc<Vec<i32>>>,
) -> Arc<Vec<u32>> {
    if selection.len() > 1 {
        return Arc::clone(&selection.members);
    }
    if let Some(found) = found {
        return Arc::new(found.pictures.iter().map(|(picture, _)| *picture).collect());
    }
    let count = pictures.count.get();
    let mut all: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
    labels.with(|labels| {
        if labels.len() == count {
            // Noise (-1) comes last.
            all.sort_by_key(|i| labels[*i as usize].cast_unsigned());
        }
    });
    Arc::new(all)
}
