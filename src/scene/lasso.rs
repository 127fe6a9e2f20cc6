//! What a hand-drawn outline encloses.

use super::Bounds;

/// A closed outline, the last corner joined to the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Lasso {
    corners: Vec<[f64; 2]>,
    bounds: Bounds,
}

impl Lasso {
    /// `None` where fewer than three corners enclose nothing.
    pub fn new(corners: Vec<[f64; 2]>) -> Option<Self> {
        let corners: Vec<[f64; 2]> = corners.into_iter().filter(|c| c[0].is_finite() && c[1].is_finite()).collect();
        let bounds = Bounds::around(corners.iter().copied())?;
        (corners.len() >= 3).then_some(Self { corners, bounds })
    }

    /// The box around it.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether `p` is inside, by the even-odd rule: where the outline crosses itself, twice around is outside.
    pub fn contains(&self, p: [f64; 2]) -> bool {
        if !self.bounds.contains(p) {
            return false;
        }
        let mut inside = false;
        let mut before = self.corners[self.corners.len() - 1];
        for &corner in &self.corners {
            if (corner[1] > p[1]) != (before[1] > p[1]) {
                let crossing = before[0] + (p[1] - before[1]) / (corner[1] - before[1]) * (corner[0] - before[0]);
                inside ^= p[0] < crossing;
            }
            before = corner;
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Lasso;

    #[test]
    fn concave_and_crossing_outlines() {
        let u =
            Lasso::new(vec![[0., 0.], [6., 0.], [6., 6.], [4., 6.], [4., 2.], [2., 2.], [2., 6.], [0., 6.]]).unwrap();
        assert!(u.contains([1.0, 5.0]) && u.contains([5.0, 5.0]) && u.contains([3.0, 1.0]));
        assert!(!u.contains([3.0, 4.0]) && !u.contains([-1.0, 1.0]) && !u.contains([3.0, 7.0]));
        let bow = Lasso::new(vec![[0., 0.], [4., 4.], [4., 0.], [0., 4.]]).unwrap();
        assert!(bow.contains([0.5, 2.0]) && bow.contains([3.5, 2.0]) && !bow.contains([2.0, 3.5]));
    }

    #[test]
    fn corners_at_the_points_height_count_once() {
        let diamond = Lasso::new(vec![[0., -2.], [2., 0.], [0., 2.], [-2., 0.]]).unwrap();
        assert!(diamond.contains([0.0, 0.0]) && !diamond.contains([-3.0, 0.0]) && !diamond.contains([3.0, 0.0]));
    }

    #[test]
    fn too_few_corners() {
        assert!(Lasso::new(vec![[0., 0.], [1., 1.]]).is_none());
        assert!(Lasso::new(vec![[0., 0.], [f64::NAN, 1.], [1., 1.]]).is_none());
    }
}
