//! `map.png`: the same map as the SVG, drawn by our own anti-aliased circles and stroke font.

use super::map::{Group, Rect, fit, groups, medoid, place, places, radius};
use super::{font, thousands};
use crate::album::Album;
use crate::scene::palette::{Colour, Theme};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use std::cmp::Reverse;

/// Width in pixels.
const WIDTH: usize = 1600;
/// Height in pixels.
const HEIGHT: usize = 1200;
const AREA: Rect = Rect { x: 50.0, y: 96.0, w: 1160.0, h: 1054.0 };
const LEGEND_X: f64 = 1270.0;
const LEGEND_TOP: f64 = 122.0;
const LEGEND_ROWS: usize = 40;
/// Widest text of the legend in pixels, without its count.
const LEGEND_WIDTH: f64 = 235.0;
const INK: Colour = Colour::rgb(0x1a, 0x1d, 0x21);
const MUTED: Colour = Colour::rgb(0x5a, 0x61, 0x6b);
const PAPER: Colour = Colour::rgb(0xff, 0xff, 0xff);

/// The map as a PNG file of 1600 x 1200 pixels, in the light theme.
///
/// # Errors
/// When the encoder fails (it writes to memory, so only for want of it).
pub fn map(album: &Album) -> Result<Vec<u8>, ImageError> {
    let mut canvas = Canvas { pixels: vec![0xff; WIDTH * HEIGHT * 3] };
    let points = fit(&places(album), AREA);
    let groups = groups(album, Theme::Light);
    canvas.text(&shorten(&album.title, 30.0, 1500.0), (50.0, 58.0), 30.0, 3.0, INK);
    let radius = radius(points.len(), AREA);
    let mut order: Vec<(usize, Colour)> = Vec::with_capacity(points.len());
    for group in groups.iter().filter(|g| g.cluster < 0) {
        order.extend(group.members.iter().map(|&i| (i, group.colour)));
    }
    let noise = order.len();
    for group in groups.iter().filter(|g| g.cluster >= 0) {
        order.extend(group.members.iter().map(|&i| (i, group.colour)));
    }
    // In the order of the pictures, so that no cluster lies on top of all others.
    order[noise..].sort_by_key(|&(i, _)| (i as u64 * 2_654_435_761) % (1 << 32));
    for (i, colour) in order {
        canvas.stroke(&[vec![points[i]]], radius, colour, 0.85);
    }
    names(&mut canvas, &groups, &points);
    legend(&mut canvas, &groups);
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.write_image(&canvas.pixels, WIDTH as u32, HEIGHT as u32, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn names(canvas: &mut Canvas, groups: &[Group], points: &[(f64, f64)]) {
    const SIZE: f64 = 24.0;
    let mut named: Vec<(&Group, (f64, f64))> =
        groups.iter().filter(|g| g.cluster >= 0).filter_map(|g| medoid(points, &g.members).map(|m| (g, m))).collect();
    named.sort_by_key(|(g, _)| (Reverse(g.members.len()), g.cluster));
    let boxes: Vec<_> = named.iter().map(|(g, m)| (*m, (font::width(&g.name, SIZE) + 16.0, SIZE * 1.3))).collect();
    for ((group, _), rect) in named.iter().zip(place(&boxes, AREA)) {
        let Some(r) = rect else { continue };
        let at = (r.x + 8.0, r.y + r.h * 0.72);
        canvas.text(&group.name, at, SIZE, 9.0, PAPER);
        canvas.text(&group.name, at, SIZE, 2.9, INK);
    }
}

fn legend(canvas: &mut Canvas, groups: &[Group]) {
    const SIZE: f64 = 19.0;
    let mut listed: Vec<&Group> = groups.iter().filter(|g| g.cluster >= 0).collect();
    listed.extend(groups.iter().filter(|g| g.cluster < 0));
    let step = (1030.0 / listed.len().clamp(1, LEGEND_ROWS + 1) as f64).clamp(24.0, 34.0);
    for (row, group) in listed.iter().take(LEGEND_ROWS).enumerate() {
        let y = LEGEND_TOP + row as f64 * step;
        canvas.stroke(&[vec![(LEGEND_X, y - 6.5)]], 7.5, group.colour, 1.0);
        let name = shorten(&group.name, SIZE, LEGEND_WIDTH);
        canvas.text(&name, (LEGEND_X + 20.0, y), SIZE, 1.9, INK);
        let after = LEGEND_X + 20.0 + font::width(&name, SIZE) + 10.0;
        canvas.text(&thousands(group.members.len()), (after, y), SIZE, 1.7, MUTED);
    }
    if listed.len() > LEGEND_ROWS {
        let y = LEGEND_TOP + LEGEND_ROWS as f64 * step;
        let more = format!("and {} more", listed.len() - LEGEND_ROWS);
        canvas.text(&more, (LEGEND_X + 20.0, y), SIZE, 1.7, MUTED);
    }
}

/// The text, or its beginning and "..." where it is wider than `room` pixels.
fn shorten(text: &str, size: f64, room: f64) -> String {
    if font::width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while let Some(_dropped) = kept.pop() {
        let short: String = kept.iter().chain(&['.', '.', '.']).collect();
        if font::width(&short, size) <= room {
            return short;
        }
    }
    String::new()
}

/// RGB pixels, row by row.
struct Canvas {
    pixels: Vec<u8>,
}

impl Canvas {
    /// Draws a text from its baseline's start with round pens of the given width.
    fn text(&mut self, text: &str, at: (f64, f64), size: f64, pen: f64, colour: Colour) {
        for glyph in font::strokes(text, size) {
            let moved: Vec<Vec<(f64, f64)>> =
                glyph.iter().map(|line| line.iter().map(|p| (p.0 + at.0, p.1 + at.1)).collect()).collect();
            self.stroke(&moved, pen / 2.0, colour, 1.0);
        }
    }

    /// Covers everything within `reach` of the lines (a single point is a disc) once, with soft edges.
    fn stroke(&mut self, lines: &[Vec<(f64, f64)>], reach: f64, colour: Colour, opacity: f64) {
        let all = || lines.iter().flatten();
        let bound = |pick: fn(&(f64, f64)) -> f64, limit: usize| {
            let low = all().map(pick).fold(f64::INFINITY, f64::min) - reach - 1.0;
            let high = all().map(pick).fold(f64::NEG_INFINITY, f64::max) + reach + 1.0;
            // An empty or outlying shape gives an empty range.
            (low.clamp(0.0, limit as f64) as usize)..(high.ceil().clamp(0.0, limit as f64) as usize)
        };
        let (columns, rows) = (bound(|p| p.0, WIDTH), bound(|p| p.1, HEIGHT));
        for y in rows {
            for x in columns.clone() {
                let distance = nearest(lines, (x as f64 + 0.5, y as f64 + 0.5));
                let cover = (reach - distance + 0.5).clamp(0.0, 1.0) * opacity;
                if cover > 0.0 {
                    self.blend(x, y, colour, cover);
                }
            }
        }
    }

    fn blend(&mut self, x: usize, y: usize, colour: Colour, cover: f64) {
        let at = (y * WIDTH + x) * 3;
        for (pixel, ink) in self.pixels[at..at + 3].iter_mut().zip([colour.r, colour.g, colour.b]) {
            *pixel = (f64::from(*pixel) * (1.0 - cover) + f64::from(ink) * cover).round() as u8;
        }
    }
}

/// Distance from `p` to the nearest point of the lines.
fn nearest(lines: &[Vec<(f64, f64)>], p: (f64, f64)) -> f64 {
    let mut least = f64::INFINITY;
    for line in lines {
        if let [only] = line[..] {
            least = least.min((p.0 - only.0).hypot(p.1 - only.1));
        }
        for pair in line.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let length = dx * dx + dy * dy;
            let t = if length > 0.0 { (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
            least = least.min((p.0 - a.0 - t * dx).hypot(p.1 - a.1 - t * dy));
        }
    }
    least
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{HEIGHT, WIDTH, font, map, shorten};
    use crate::report::testing::album;
    use crate::scene::palette::{Theme, categorical};
    use std::collections::HashMap;

    #[test]
    fn decodes_and_shows_every_cluster_s_colour() {
        let picture = image::load_from_memory(&map(&album(60, 4, true)).unwrap()).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (WIDTH as u32, HEIGHT as u32));
        let mut seen: HashMap<[u8; 3], usize> = HashMap::new();
        for pixel in picture.pixels() {
            *seen.entry(pixel.0).or_default() += 1;
        }
        for colour in categorical(4, Theme::Light) {
            // The legend's dot is opaque: pi * 7.5^2 pixels, less the soft edge.
            assert!(seen.get(&[colour.r, colour.g, colour.b]).is_some_and(|&n| n > 100), "{}", colour.hex());
        }
        assert!(seen[&[255, 255, 255]] > WIDTH * HEIGHT / 2);
    }

    #[test]
    fn empty_and_crowded_maps_are_drawn() {
        for album in [album(0, 1, false), album(400, 60, false)] {
            assert!(map(&album).unwrap().starts_with(b"\x89PNG"));
        }
    }

    #[test]
    fn long_texts_are_shortened() {
        let short = shorten(&"long ".repeat(50), 20.0, 200.0);
        assert!(short.ends_with("...") && font::width(&short, 20.0) <= 200.0 && short.len() > 10);
        assert_eq!(shorten("ok", 20.0, 200.0), "ok");
    }
}
