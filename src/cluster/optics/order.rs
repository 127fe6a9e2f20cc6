//! The order: always the row that is nearest, by reachability, to those that came before.

/// The reachability plot; all but `ordering` by row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plot {
    /// Rows in their order; rows that are not reached yet are not in it.
    pub ordering: Vec<usize>,
    /// The distance within which a row has `min_samples` rows, itself counted; infinite beyond `max_eps`.
    pub core_distances: Vec<f64>,
    /// How far a row is from those before it, at least their core distance; infinite for a start.
    pub reachability: Vec<f64>,
    /// The row that a row was reached from; none for a start.
    pub predecessor: Vec<Option<usize>>,
}

/// An order that grows.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) plot: Plot,
    /// Rows that are not in the order, ascending.
    outside: Vec<u32>,
    max_eps: f64,
}

impl Order {
    pub(super) fn new(core_distances: &[f64], max_eps: f64) -> Self {
        let n = core_distances.len();
        let within = |&core: &f64| if core > max_eps { f64::INFINITY } else { rounded(core) };
        let plot = Plot {
            ordering: Vec::with_capacity(n),
            core_distances: core_distances.iter().map(within).collect(),
            reachability: vec![f64::INFINITY; n],
            predecessor: vec![None; n],
        };
        Self { plot, outside: (0..n as u32).collect(), max_eps }
    }

    pub(super) fn left(&self) -> usize {
        self.outside.len()
    }

    /// Takes the next row in, of equally near ones the lowest; `distance(i, j)` is that between two rows.
    pub(super) fn grow(&mut self, distance: impl Fn(usize, usize) -> f64) {
        let reachability = &mut self.plot.reachability;
        let nearer = |best: usize, at: usize| {
            let [a, b] = [best, at].map(|at| reachability[self.outside[at] as usize]);
            if b < a { at } else { best }
        };
        let Some(next) = (0..self.outside.len()).reduce(nearer) else { return };
        let row = self.outside.remove(next) as usize;
        self.plot.ordering.push(row);
        let core = self.plot.core_distances[row];
        if core.is_infinite() {
            return;
        }
        for other in self.outside.iter().map(|&other| other as usize) {
            let distance = distance(row, other);
            let reach = rounded(distance.max(core));
            if distance <= self.max_eps && reach < reachability[other] {
                reachability[other] = reach;
                self.plot.predecessor[other] = Some(row);
            }
        }
    }
}

/// To 15 decimals, as scikit-learn rounds, so that distances that are equal but for rounding are equal.
fn rounded(value: f64) -> f64 {
    let scaled = (value * 1e15).round_ties_even();
    if scaled.is_finite() { scaled / 1e15 } else { value }
}
