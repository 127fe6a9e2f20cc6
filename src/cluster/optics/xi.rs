//! Clusters in a reachability plot: valleys between a steep way down and a steep way up (Ankerst et al., section 4.3,
//! figure 19), or what lies below one height.

use super::Plot;

/// What makes a valley.
#[derive(Debug, Clone, Copy)]
pub(super) struct Valleys {
    pub(super) xi: f64,
    pub(super) min_samples: usize,
    pub(super) min_cluster_size: usize,
    pub(super) predecessor_correction: bool,
}

/// A steep way down, and the highest value since.
#[derive(Debug, Clone, Copy)]
struct Descent {
    start: usize,
    end: usize,
    highest_since: f64,
}

/// The plot in its order, and how each value stands to the next.
struct Slopes {
    /// One infinite value more than there are rows.
    heights: Vec<f64>,
    /// Each value divided by the next.
    ratios: Vec<f64>,
    /// 1 less xi.
    keep: f64,
}

impl Slopes {
    fn new(plot: &Plot, xi: f64) -> Self {
        let mut heights: Vec<f64> = plot.ordering.iter().map(|&row| plot.reachability[row]).collect();
        heights.push(f64::INFINITY);
        let ratios = heights.windows(2).map(|pair| pair[0] / pair[1]).collect();
        Self { heights, ratios, keep: 1.0 - xi }
    }

    fn steep_up(&self, at: usize) -> bool {
        self.ratios[at] <= self.keep
    }

    fn steep_down(&self, at: usize) -> bool {
        self.ratios[at] >= 1.0 / self.keep
    }

    /// The last steep place of a slope that starts at `start`; it ends where the plot turns or `most` places in a row are
    /// not steep.
    fn end(&self, start: usize, up: bool, most: usize) -> usize {
        let (mut end, mut flat) = (start, 0);
        for (at, &ratio) in self.ratios.iter().enumerate().skip(start) {
            let (steep, turns) = if up { (self.steep_up(at), ratio > 1.0) } else { (self.steep_down(at), ratio < 1.0) };
            if steep {
                (end, flat) = (at, 0);
            } else if turns {
                break;
            } else {
                flat += 1;
                if flat > most {
                    break;
                }
            }
        }
        end
    }
}

/// Labels by row; where valleys lie within each other the smallest count.
pub(super) fn label_valleys(plot: &Plot, valleys: Valleys) -> Vec<i32> {
    let mut by_place = vec![-1; plot.ordering.len()];
    let mut next = 0;
    for (start, end) in find(plot, valleys) {
        let places = &mut by_place[start..=end];
        if places.iter().all(|&label| label == -1) {
            places.fill(next);
            next += 1;
        }
    }
    let mut labels = vec![-1; by_place.len()];
    plot.ordering.iter().zip(by_place).for_each(|(&row, label)| labels[row] = label);
    labels
}

/// Valleys as first and last places in the order, smaller before larger that hold them.
fn find(plot: &Plot, valleys: Valleys) -> Vec<(usize, usize)> {
    let slopes = Slopes::new(plot, valleys.xi);
    let (mut descents, mut found) = (Vec::<Descent>::new(), Vec::new());
    let (mut next, mut highest) = (0, 0.0f64);
    for at in 0..slopes.ratios.len() {
        let down = slopes.steep_down(at);
        if at < next || !(down || slopes.steep_up(at)) {
            continue;
        }
        highest = slopes.heights[next..=at].iter().fold(highest, |most, &height| most.max(height));
        if highest.is_infinite() {
            descents.clear();
        }
        descents.retain(|descent| highest <= slopes.heights[descent.start] * slopes.keep);
        descents.iter_mut().for_each(|descent| descent.highest_since = descent.highest_since.max(highest));
        let end = slopes.end(at, !down, valleys.min_samples);
        if down {
            descents.push(Descent { start: at, end, highest_since: 0.0 });
        } else {
            let between = |descent: &Descent| valley(plot, &slopes, descent, (at, end), valleys);
            found.extend(descents.iter().rev().filter_map(between));
        }
        next = end + 1;
        highest = slopes.heights[next];
    }
    found
}

/// The valley between a way down and a way up, if it is one.
fn valley(
    plot: &Plot,
    slopes: &Slopes,
    down: &Descent,
    (up_start, up_end): (usize, usize),
    valleys: Valleys,
) -> Option<(usize, usize)> {
    let heights = &slopes.heights;
    let (left, right) = (heights[down.start], heights[up_end + 1]);
    if right * slopes.keep < down.highest_since {
        return None;
    }
    let (mut start, mut end) = (down.start, up_end);
    if left * slopes.keep >= right {
        // The left side is higher: it begins where it comes down to the right side's height.
        while start < down.end && heights[start + 1] > right {
            start += 1;
        }
    } else if right * slopes.keep >= left {
        while end > up_start && heights[end - 1] > left {
            end -= 1;
        }
    }
    if valleys.predecessor_correction {
        end = corrected(plot, heights, start, end)?;
    }
    let holds = end + 1 - start >= valleys.min_cluster_size && start <= down.end && end >= up_start;
    holds.then_some((start, end))
}

/// The end without places that were not reached from within (Schubert and Gertz, algorithm 2).
fn corrected(plot: &Plot, heights: &[f64], start: usize, end: usize) -> Option<usize> {
    (start + 1..=end).rev().find(|&end| {
        let from = plot.predecessor[plot.ordering[end]];
        heights[start] > heights[end] || plot.ordering[start..end].iter().any(|&row| Some(row) == from)
    })
}

/// Labels by row of what lies below one height.
pub(super) fn label_below(plot: &Plot, eps: f64) -> Vec<i32> {
    let mut labels = vec![-1; plot.ordering.len()];
    let mut current = -1;
    for &row in &plot.ordering {
        let (far, core) = (plot.reachability[row] > eps, plot.core_distances[row] <= eps);
        current += i32::from(far && core);
        labels[row] = if far && !core { -1 } else { current };
    }
    labels
}
