//! Which clusters of the condensed tree are taken, and the labels that follow.

use super::condense::CondensedTree;
use super::{HdbscanValidParams, Selection};

/// Labels and probabilities of each row.
pub(super) fn label(tree: &CondensedTree, params: &HdbscanValidParams) -> (Vec<i32>, Vec<f64>) {
    let mut taken = match params.cluster_selection_method() {
        Selection::Eom => excess_of_mass(tree, params),
        Selection::Leaf => tree.branches.iter().map(|branch| branch.children.is_empty()).collect(),
    };
    // A root without children is no leaf: there is nothing that it could be told from.
    let alone = tree.branches.len() == 1;
    if params.cluster_selection_method() == Selection::Leaf && alone {
        taken[0] = false;
    }
    if params.cluster_selection_epsilon() > 0.0 && !alone && !taken[0] {
        taken = not_parted_within(tree, &taken, params);
    }
    if !params.allow_single_cluster() {
        taken[0] = false;
    }
    let numbers = numbered(&taken);
    // A root that is taken is the only cluster, of the rows that stay to its end.
    let epsilon = params.cluster_selection_epsilon();
    let only = taken.iter().filter(|&&taken| taken).count() == 1;
    let stays = if epsilon > 0.0 { 1.0 / epsilon } else { tree.branches[0].death };
    let of_row = |&(branch, lambda): &(usize, f64)| {
        let top = std::iter::successors(Some(branch), |&at| (at != 0).then(|| tree.branches[at].parent));
        let found = top.into_iter().find(|&at| taken[at]).filter(|&at| at != 0 || (only && lambda >= stays));
        let Some(found) = found else { return (-1, 0.0) };
        let death = tree.branches[found].death;
        let firm = if death == 0.0 || lambda.is_infinite() { 1.0 } else { lambda.min(death) / death };
        (numbers[found], firm)
    };
    tree.rows.iter().map(of_row).unzip()
}

/// Numbers of the clusters that are taken, by their order in the tree.
fn numbered(taken: &[bool]) -> Vec<i32> {
    let count = |next: &mut i32, &taken: &bool| {
        let number = *next;
        *next += i32::from(taken);
        Some(number)
    };
    taken.iter().scan(0, count).collect()
}

/// Those that are more stable than all that they part into together.
fn excess_of_mass(tree: &CondensedTree, params: &HdbscanValidParams) -> Vec<bool> {
    let branches = &tree.branches;
    let mut stabilities: Vec<f64> = branches.iter().map(|branch| branch.stability).collect();
    let mut taken = vec![true; branches.len()];
    taken[0] = params.allow_single_cluster();
    let root_size = branches[0].children.iter().map(|&child| branches[child].size).sum();
    for (at, branch) in branches.iter().enumerate().rev() {
        if at == 0 && !params.allow_single_cluster() {
            break;
        }
        let below: f64 = branch.children.iter().map(|&child| stabilities[child]).sum();
        let size = if at == 0 { root_size } else { branch.size };
        if below > stabilities[at] || params.max_cluster_size().is_some_and(|most| size > most) {
            taken[at] = false;
            stabilities[at] = below;
        } else {
            clear_below(tree, at, &mut taken);
        }
    }
    taken
}

fn clear_below(tree: &CondensedTree, at: usize, taken: &mut [bool]) {
    let mut below = tree.branches[at].children.clone();
    while let Some(at) = below.pop() {
        taken[at] = false;
        below.extend(&tree.branches[at].children);
    }
}

/// Clusters that appeared within the distance give way to the one above them that did not.
fn not_parted_within(tree: &CondensedTree, taken: &[bool], params: &HdbscanValidParams) -> Vec<bool> {
    let appeared = |at: usize| 1.0 / tree.branches[at].birth;
    let epsilon = params.cluster_selection_epsilon();
    let (mut out, mut covered) = (vec![false; taken.len()], vec![false; taken.len()]);
    for start in (0..taken.len()).filter(|&at| taken[at]) {
        if appeared(start) >= epsilon {
            out[start] = true;
        } else if !covered[start] {
            let mut at = start;
            loop {
                let parent = tree.branches[at].parent;
                if parent == 0 {
                    at = if params.allow_single_cluster() { 0 } else { at };
                    break;
                }
                at = parent;
                if appeared(at) > epsilon {
                    break;
                }
            }
            out[at] = true;
            let mut below = tree.branches[at].children.clone();
            while let Some(at) = below.pop() {
                covered[at] = true;
                below.extend(&tree.branches[at].children);
            }
        }
    }
    out
}
