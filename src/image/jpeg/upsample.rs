//! Chroma to full size, row by row: libjpeg's triangle filter ("fancy upsampling"), and whole rows to RGB.
//!
//! A full-size sample is 3/4 of the nearer chroma sample and 1/4 of the next one, in each direction that is halved;
//! other ratios repeat samples. At the borders of the picture the last sample repeats.

use super::color::{self, Kind};
use super::{Component, Planes};
use crate::image::{Rgb, Window};

/// How a component is brought to full size, for ratios across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    /// Each sample stands for `.0 * .1` pixels.
    Repeat(usize, usize),
    /// Halved across only.
    Across,
    /// Halved down only.
    Down,
    /// Halved both ways.
    Both,
}

/// The picture in `window`, from samples.
pub(super) fn rgb(planes: &Planes, window: &Window, kind: Kind) -> Rgb {
    let (width, height) = (window.width as usize, window.height as usize);
    let mut pixels = vec![0; width * height * 3];
    let filters: Vec<Filter> = planes.components.iter().map(|c| filter(c, planes.h_max, planes.v_max)).collect();
    let scratch = width + 16;
    let mut sums = vec![0u16; scratch];
    let mut full = vec![vec![0u8; scratch]; planes.components.len()];
    for (line, out) in pixels.chunks_exact_mut(width * 3).enumerate() {
        let y = window.y as usize + line;
        let mut rows: [&[u8]; 4] = [&[]; 4];
        let parts = planes.components.iter().zip(&filters).zip(&mut full);
        for (row, ((component, &filter), full)) in rows.iter_mut().zip(parts) {
            *row = match filter {
                Filter::Repeat(1, 1) => component.line(y, window.x as usize, width),
                _ => {
                    let start = expand(component, filter, y, window.x as usize, width, &mut sums, full);
                    &full[start..start + width]
                }
            };
        }
        convert(kind, rows, out);
    }
    Rgb { width: window.width, height: window.height, pixels }
}

#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn convert(kind: Kind, rows: [&[u8]; 4], out: &mut [u8]) {
    color::row(kind, rows, out);
}

fn filter(component: &Component, h_max: usize, v_max: usize) -> Filter {
    match (h_max / component.h, v_max / component.v) {
        (2, 1) if component.width > 2 => Filter::Across,
        (2, 2) if component.width > 2 => Filter::Both,
        (1, 2) => Filter::Down,
        (h, v) => Filter::Repeat(h, v),
    }
}

impl Component {
    /// `width` samples of row `y` from column `x` on.
    fn line(&self, y: usize, x: usize, width: usize) -> &[u8] {
        let stride = self.columns.len() * 8;
        let at = (y - self.rows.start * 8) * stride + x - self.columns.start * 8;
        &self.plane[at..at + width]
    }
}

/// Writes the pixels of row `y` that lie over whole samples into `full`; returns where column `x` is in it.
#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn expand(
    component: &Component,
    filter: Filter,
    y: usize,
    x: usize,
    width: usize,
    sums: &mut [u16],
    full: &mut [u8],
) -> usize {
    let (h, v) = match filter {
        Filter::Repeat(h, v) => (h, v),
        Filter::Across => (2, 1),
        Filter::Down => (1, 2),
        Filter::Both => (2, 2),
    };
    let (first, count) = (x / h, (x + width).div_ceil(h) - x / h);
    let near = y / v;
    if let Filter::Repeat(..) = filter {
        for (out, &sample) in full.chunks_mut(h).zip(component.line(near, first, count)) {
            out.fill(sample);
        }
        return x - first * h;
    }
    let far = if y.is_multiple_of(v) { near.saturating_sub(1) } else { (near + 1).min(component.height - 1) };
    if filter == Filter::Down {
        let bias = 1 + (y % 2) as u16;
        let lines = component.line(near, first, count).iter().zip(component.line(far, first, count));
        for (out, (&a, &b)) in full.iter_mut().zip(lines) {
            *out = ((3 * u16::from(a) + u16::from(b) + bias) >> 2) as u8;
        }
        return 0;
    }
    // Sums of the rows, one sample more to each side; the picture's border repeats.
    let (before, behind) = (first.saturating_sub(1), (first + count).min(component.width - 1));
    let sums = &mut sums[..count + 2];
    let weigh = |a: u8, b: u8| if filter == Filter::Both { 3 * u16::from(a) + u16::from(b) } else { u16::from(a) };
    let (a, b) = (component.line(near, first, count), component.line(far, first, count));
    for ((sum, &a), &b) in sums[1..].iter_mut().zip(a).zip(b) {
        *sum = weigh(a, b);
    }
    sums[0] = weigh(component.line(near, before, 1)[0], component.line(far, before, 1)[0]);
    sums[count + 1] = weigh(component.line(near, behind, 1)[0], component.line(far, behind, 1)[0]);
    let (left, right, shift) = if filter == Filter::Both { (8, 7, 4) } else { (1, 2, 2) };
    let pairs = full.as_chunks_mut::<2>().0;
    let (before, here, behind) = (&sums[..count], &sums[1..=count], &sums[2..]);
    for (((out, &b), &h), &n) in pairs.iter_mut().zip(before).zip(here).zip(behind) {
        *out = [((3 * h + b + left) >> shift) as u8, ((3 * h + n + right) >> shift) as u8];
    }
    x - first * 2
}
