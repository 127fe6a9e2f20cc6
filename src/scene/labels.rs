//! Where the clusters' names go: on their clusters, never over each other.

use super::Bounds;

/// Room kept around a name, in CSS pixels.
const GAP: f64 = 3.0;

/// A name that wants a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The place that it names, on the screen.
    pub at: [f64; 2],
    /// Width and height of the written name in CSS pixels.
    pub size: [f64; 2],
    /// The heavier goes first.
    pub weight: f64,
    /// Whether it was shown in the frame before: it then goes before those that were not, so that names do not flicker.
    pub shown: bool,
}

/// The top left corner of each name, `None` where it finds no room or its place is out of sight. A name lies on its place
/// or, where that is taken, just above, below or beside it; at most `most` are placed.
pub fn place(candidates: &[Candidate], screen: [f64; 2], most: usize) -> Vec<Option<[f64; 2]>> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let rank = |i: usize| (candidates[i].shown, candidates[i].weight);
    order.sort_by(|&a, &b| rank(b).0.cmp(&rank(a).0).then(rank(b).1.total_cmp(&rank(a).1)).then(a.cmp(&b)));
    let sight = Bounds { low: [0.0; 2], high: screen };
    let mut taken: Vec<Bounds> = Vec::new();
    let mut places = vec![None; candidates.len()];
    for i in order {
        let c = &candidates[i];
        if taken.len() == most {
            break;
        }
        if !sight.contains(c.at) {
            continue;
        }
        let free = corners(c).into_iter().find_map(|corner| {
            let low = inside(corner, c.size, screen);
            let area = Bounds { low, high: [low[0] + c.size[0], low[1] + c.size[1]] }.grown(GAP);
            (!taken.iter().any(|t| t.overlaps(&area))).then_some((low, area))
        });
        if let Some((low, area)) = free {
            taken.push(area);
            places[i] = Some(low);
        }
    }
    places
}

/// The corners to try, best first.
fn corners(c: &Candidate) -> [[f64; 2]; 5] {
    let [w, h] = c.size;
    let middle = [c.at[0] - w / 2.0, c.at[1] - h / 2.0];
    let away = h + 3.0 * GAP;
    [
        middle,
        [middle[0], middle[1] - away],
        [middle[0], middle[1] + away],
        [c.at[0] + h / 2.0, middle[1]],
        [c.at[0] - h / 2.0 - w, middle[1]],
    ]
}

/// Moved as little as it takes to be wholly on the screen.
fn inside(corner: [f64; 2], size: [f64; 2], screen: [f64; 2]) -> [f64; 2] {
    std::array::from_fn(|a| corner[a].min(screen[a] - size[a] - GAP).max(GAP))
}

#[cfg(test)]
mod tests {
    use super::{Candidate, place};

    const SCREEN: [f64; 2] = [800.0, 600.0];

    fn name(x: f64, y: f64, weight: f64) -> Candidate {
        Candidate { at: [x, y], size: [80.0, 20.0], weight, shown: false }
    }

    #[test]
    fn heavier_first_and_no_overlap() {
        let names: Vec<Candidate> = (0..9).map(|i| name(300.0 + f64::from(i), 300.0, f64::from(i))).collect();
        let places = place(&names, SCREEN, 99);
        assert_eq!(places[8], Some([268.0, 290.0]));
        let placed: Vec<[f64; 2]> = places.iter().flatten().copied().collect();
        assert!(placed.len() >= 3 && placed.len() < 9);
        for (i, a) in placed.iter().enumerate() {
            assert!(placed[..i].iter().all(|b| (a[0] - b[0]).abs() >= 80.0 || (a[1] - b[1]).abs() >= 20.0));
        }
        assert_eq!(place(&names, SCREEN, 2).iter().flatten().count(), 2);
    }

    #[test]
    fn stays_on_the_screen_and_out_of_sight_is_not_named() {
        let places = place(&[name(2.0, 599.0, 1.0), name(-5.0, 10.0, 2.0)], SCREEN, 9);
        let [x, y] = places[0].unwrap_or([-1.0; 2]);
        assert!(x >= 0.0 && y + 20.0 <= 600.0);
        assert_eq!(places[1], None);
    }

    #[test]
    fn whoever_was_shown_stays() {
        let mut names = [name(300.0, 300.0, 1.0), name(302.0, 300.0, 5.0)];
        names[0].shown = true;
        assert_eq!(place(&names, SCREEN, 1)[0], Some([260.0, 290.0]));
    }
}
