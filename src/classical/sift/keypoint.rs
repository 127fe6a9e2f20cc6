//! From an extreme pixel to a keypoint: place between pixels and layers, contrast, no edge (Lowe, section 4).

use super::Keypoint;
use super::extrema::Candidate;
use super::octave::{BORDER, LAYERS, Octave, SIGMA};

/// Steps after which a place that still moves is given up.
const STEPS: usize = 5;
const CONTRAST: f32 = 0.04;
const EDGE: f32 = 10.0;
/// Differences are taken as of pixels in `0..=1`.
const SCALE: f32 = 1.0 / 255.0;
/// No extremum is sought further away than this in one step.
const FAR: f32 = (i32::MAX / 3) as f32;

/// A keypoint and where it lies in its octave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located {
    /// All but the angle is known.
    pub(super) keypoint: Keypoint,
    /// The pixel, and the level of the blurred picture, that it is nearest to.
    pub(super) pixel: Candidate,
    /// Column in the octave.
    pub(super) x: f32,
    /// Row in the octave.
    pub(super) y: f32,
    /// Sigma in pixels of the octave.
    pub(super) scale: f32,
}

/// First and second derivatives of the differences of Gaussians along column, row and layer.
struct Derivatives {
    first: [f32; 3],
    second: [[f32; 3]; 3],
}

impl Derivatives {
    fn at(octave: &Octave, &Candidate { layer, row, column }: &Candidate) -> Self {
        let value = |dl: isize, dy: isize, dx: isize| {
            octave.difference(
                layer.wrapping_add_signed(dl),
                row.wrapping_add_signed(dy),
                column.wrapping_add_signed(dx),
            )
        };
        let (half, quarter) = (SCALE * 0.5, SCALE * 0.25);
        let twice = 2.0 * value(0, 0, 0);
        let dxx = (value(0, 0, 1) + value(0, 0, -1) - twice) * SCALE;
        let dyy = (value(0, 1, 0) + value(0, -1, 0) - twice) * SCALE;
        let dss = (value(1, 0, 0) + value(-1, 0, 0) - twice) * SCALE;
        let dxy = (value(0, 1, 1) - value(0, 1, -1) - value(0, -1, 1) + value(0, -1, -1)) * quarter;
        let dxs = (value(1, 0, 1) - value(1, 0, -1) - value(-1, 0, 1) + value(-1, 0, -1)) * quarter;
        let dys = (value(1, 1, 0) - value(1, -1, 0) - value(-1, 1, 0) + value(-1, -1, 0)) * quarter;
        Self {
            first: [
                (value(0, 0, 1) - value(0, 0, -1)) * half,
                (value(0, 1, 0) - value(0, -1, 0)) * half,
                (value(1, 0, 0) - value(-1, 0, 0)) * half,
            ],
            second: [[dxx, dxy, dxs], [dxy, dyy, dys], [dxs, dys, dss]],
        }
    }

    /// Where the fitted parabola is extreme, from the pixel on (Cramer's rule); the pixel itself where it is flat.
    fn offset(&self) -> [f32; 3] {
        let determinant = determinant(&self.second);
        if determinant == 0.0 {
            return [0.0; 3];
        }
        let inverse = 1.0 / determinant;
        [0, 1, 2].map(|axis| {
            let mut replaced = self.second;
            replaced.iter_mut().zip(self.first).for_each(|(row, first)| row[axis] = first);
            -(inverse * self::determinant(&replaced))
        })
    }

    /// Whether the surface falls off to all sides about equally fast, as it does not along an edge.
    fn is_corner(&self) -> bool {
        let [[dxx, dxy, _], [_, dyy, _], _] = self.second;
        let (trace, determinant) = (dxx + dyy, dxx * dyy - dxy * dxy);
        determinant > 0.0 && trace * trace * EDGE < (EDGE + 1.0) * (EDGE + 1.0) * determinant
    }
}

fn determinant([a, b, c]: &[[f32; 3]; 3]) -> f32 {
    a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
}

/// The keypoint that a candidate leads to, if it is distinct enough.
pub(super) fn locate(octave: &Octave, candidate: Candidate) -> Option<Located> {
    let (pixel, derivatives, offset) = converge(octave, candidate)?;
    let slope: f32 = derivatives.first.iter().zip(offset).map(|(first, offset)| first * offset).sum();
    let contrast = (octave.difference(pixel.layer, pixel.row, pixel.column) * SCALE + slope * 0.5).abs();
    if contrast * (LAYERS as f32) < CONTRAST || !derivatives.is_corner() {
        return None;
    }
    let (x, y) = (pixel.column as f32 + offset[0], pixel.row as f32 + offset[1]);
    let exponent = (pixel.layer as f32 + offset[2]) / LAYERS as f32;
    let scale = SIGMA as f32 * f64::from(exponent).exp2() as f32;
    // The picture was doubled, so the pixels of octave 1 are its own.
    let zoom = 2f32.powi(octave.index as i32 - 1);
    let between = ((f64::from(offset[2]) + 0.5) * 255.0).round_ties_even() as i32;
    let octave = (between << 16) | ((pixel.layer as i32) << 8) | ((octave.index as i32 - 1) & 255);
    let keypoint =
        Keypoint { x: x * zoom, y: y * zoom, size: scale * zoom * 2.0, angle: 0.0, response: contrast, octave };
    Some(Located { keypoint, pixel, x, y, scale })
}

/// Moves to the pixel that the fitted extremum lies in, until it stays.
fn converge(octave: &Octave, mut pixel: Candidate) -> Option<(Candidate, Derivatives, [f32; 3])> {
    for _ in 0..STEPS {
        let derivatives = Derivatives::at(octave, &pixel);
        let offset = derivatives.offset();
        if offset.iter().all(|offset| offset.abs() < 0.5) {
            return Some((pixel, derivatives, offset));
        }
        if !offset.iter().all(|offset| offset.abs() <= FAR) {
            return None;
        }
        let moved = |from: usize, by: f32, low: usize, high: usize| {
            let to = from.checked_add_signed(by.round_ties_even() as isize)?;
            (low..high).contains(&to).then_some(to)
        };
        pixel = Candidate {
            layer: moved(pixel.layer, offset[2], 1, LAYERS + 1)?,
            row: moved(pixel.row, offset[1], BORDER, octave.height - BORDER)?,
            column: moved(pixel.column, offset[0], BORDER, octave.width - BORDER)?,
        };
    }
    None
}
