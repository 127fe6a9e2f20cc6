//! Where points crowd: a soft, coloured density for behind the points.

use super::{Bounds, points};

/// Cells along the longer side.
const LONGER: usize = 160;
/// Standard deviation of the blur in cells.
const BLUR: f32 = 2.2;
/// Less of full strength than this is nothing, so that a point alone leaves no square of blur.
const FLOOR: f32 = 0.04;
/// Cells around the layout for the blur to fade in.
const EDGE: usize = 7;
/// The part of the cells with any density that is at most as dense as full strength.
const FULL: f64 = 0.9;

/// A small picture of a layout's density; each cell has the mean colour of the points around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// The part of the world that it covers.
    pub bounds: Bounds,
    /// Cells across.
    pub columns: usize,
    /// Cells down.
    pub rows: usize,
    /// Premultiplied colours, the row with the largest y first.
    pub rgba: Vec<u8>,
}

impl Density {
    /// The density of `[x, y, x, y, ...]`, each point in its colour; `None` without points.
    pub fn new(xy: &[f32], colours: &[[u8; 4]]) -> Option<Self> {
        let tight = Bounds::around(points(xy))?;
        let extent = tight.size()[0].max(tight.size()[1]).max(1e-3);
        let side = extent / (LONGER - 2 * EDGE) as f64;
        let bounds = tight.grown(side * EDGE as f64);
        let [columns, rows] = bounds.size().map(|s| ((s / side).ceil() as usize).clamp(1, LONGER));
        let bounds =
            Bounds { high: [bounds.low[0] + columns as f64 * side, bounds.low[1] + rows as f64 * side], ..bounds };
        let mut cells = vec![[0.0_f32; 4]; columns * rows];
        for (p, colour) in points(xy).zip(colours).filter(|(p, _)| p[0].is_finite() && p[1].is_finite()) {
            let column = (((p[0] - bounds.low[0]) / side) as usize).min(columns - 1);
            let row = (((bounds.high[1] - p[1]) / side).max(0.0) as usize).min(rows - 1);
            let cell = &mut cells[row * columns + column];
            for c in 0..3 {
                cell[c] += f32::from(colour[c]);
            }
            cell[3] += 1.0;
        }
        let kernel = gaussian();
        let across = blurred(&cells, columns, rows, &kernel);
        let down = blurred(&across, rows, columns, &kernel);
        Some(Self { bounds, columns, rows, rgba: toned(&down) })
    }
}

/// One half of the blur's kernel, its middle first; the whole adds up to 1.
fn gaussian() -> Vec<f32> {
    let half: Vec<f32> = (0..EDGE).map(|i| (-((i as f32 / BLUR).powi(2)) / 2.0).exp()).collect();
    let sum = 2.0 * half.iter().sum::<f32>() - half[0];
    half.into_iter().map(|v| v / sum).collect()
}

/// Each row blurred, and the picture turned over its diagonal: twice, and both directions are done.
fn blurred(cells: &[[f32; 4]], columns: usize, rows: usize, kernel: &[f32]) -> Vec<[f32; 4]> {
    let mut turned = vec![[0.0; 4]; cells.len()];
    for (row, line) in cells.chunks_exact(columns).enumerate() {
        for (column, cell) in line.iter().enumerate().filter(|(_, cell)| cell[3] > 0.0) {
            for (offset, &weight) in kernel.iter().enumerate() {
                let mut add = |to: usize| {
                    let sum = &mut turned[to * rows + row];
                    (0..4).for_each(|c| sum[c] += weight * cell[c]);
                };
                if column + offset < columns {
                    add(column + offset);
                }
                if offset > 0 && offset <= column {
                    add(column - offset);
                }
            }
        }
    }
    turned
}

/// Sums of colours and counts → premultiplied bytes; the densest tenth is at full strength.
fn toned(cells: &[[f32; 4]]) -> Vec<u8> {
    let mut counts: Vec<f32> = cells.iter().map(|c| c[3]).filter(|&c| c > 0.02).collect();
    let rank = ((counts.len() as f64 * FULL) as usize).min(counts.len().saturating_sub(1));
    let full = if counts.is_empty() { 1.0 } else { *counts.select_nth_unstable_by(rank, f32::total_cmp).1 };
    let tone = |cell: &[f32; 4]| {
        let alpha = (cell[3] / full - FLOOR).clamp(0.0, 1.0).powf(0.7);
        let channel = |c: usize| if cell[3] > 1e-6 { (cell[c] / cell[3] * alpha).round() as u8 } else { 0 };
        [channel(0), channel(1), channel(2), (alpha * 255.0).round() as u8]
    };
    cells.iter().flat_map(tone).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Density;

    const RED: [u8; 4] = [255, 0, 0, 255];
    const BLUE: [u8; 4] = [0, 0, 255, 255];

    fn at(density: &Density, p: [f64; 2]) -> [u8; 4] {
        let size = density.bounds.size();
        let column = ((p[0] - density.bounds.low[0]) / size[0] * density.columns as f64) as usize;
        let row = ((density.bounds.high[1] - p[1]) / size[1] * density.rows as f64) as usize;
        density.rgba[4 * (row * density.columns + column)..][..4].try_into().unwrap()
    }

    #[test]
    fn colours_and_strength_follow_the_points() {
        let mut xy = Vec::new();
        let mut colours = Vec::new();
        for i in 0..400 {
            let (dx, dy) = ((i % 20) as f32 / 20.0, (i / 20) as f32 / 20.0);
            xy.extend([dx, dy]);
            colours.push(RED);
            xy.extend([10.0 + dx, 5.0 + dy]);
            colours.push(BLUE);
        }
        let density = Density::new(&xy, &colours).unwrap();
        assert!(density.columns > density.rows);
        let (red, blue) = (at(&density, [0.5, 0.5]), at(&density, [10.5, 5.5]));
        assert!(red[0] > 200 && red[2] == 0 && red[3] > 200, "{red:?}");
        assert!(blue[2] > 200 && blue[0] == 0, "{blue:?}");
        assert_eq!(at(&density, [5.0, 3.0]), [0; 4]);
        // Premultiplied: no channel above alpha.
        assert!(density.rgba.chunks_exact(4).all(|c| c[..3].iter().all(|&v| v <= c[3])));
        // The blur has room to fade out.
        assert!(density.rgba[..4 * density.columns].iter().all(|&v| v < 40));
    }

    #[test]
    fn degenerate_layouts() {
        assert_eq!(Density::new(&[], &[]), None);
        assert_eq!(Density::new(&[f32::NAN, 1.0], &[RED]), None);
        let one = Density::new(&[3.0, 3.0, f32::INFINITY, 0.0], &[RED, RED]).unwrap();
        assert!(one.rgba.contains(&255));
    }
}
