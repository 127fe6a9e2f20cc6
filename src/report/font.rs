//! A small stroke font for the PNG map, drawn for gistmap, so that no font file is needed.
//!
//! Glyphs are strokes (`L`: a polyline of points; `A`: an elliptical arc, centre, radii, from and to in
//! degrees, anticlockwise) in units of a tenth of the size: capitals are 7 high, small letters 5, the
//! baseline is 0 and y goes up. Accented Latin letters are drawn without the accent, other characters as
//! a box.

/// Space between two glyphs, in units.
const SPACING: f64 = 1.7;
/// Units of the font size.
const UNITS: f64 = 10.0;
/// Degrees of one segment of an arc.
const ARC_STEP: f64 = 12.0;

/// Polylines of a text, in pixels right of the start and below the baseline.
pub(super) type Strokes = Vec<Vec<(f64, f64)>>;

/// Character, width, strokes.
const GLYPHS: &[(char, f64, &str)] = &[
    ('a', 4.0, "A 2 2.5 2 2.5 0 360;L 4 5 4 0"),
    ('b', 4.0, "L 0 7.4 0 0;A 2 2.5 2 2.5 0 360"),
    ('c', 3.7, "A 2 2.5 2 2.5 45 315"),
    ('d', 4.0, "A 2 2.5 2 2.5 0 360;L 4 7.4 4 0"),
    ('e', 4.0, "L 0 2.6 4 2.6;A 2 2.5 2 2.5 2 318"),
    ('f', 2.3, "L 0.8 0 0.8 5.8;A 2.3 5.8 1.5 1.6 180 95;L 0 4.8 2.2 4.8"),
    ('g', 4.0, "A 2 2.5 2 2.5 0 360;L 4 5 4 -0.4;A 2 -0.4 2 1.9 360 205"),
    ('h', 3.8, "L 0 7.4 0 0;A 1.9 3 1.9 2 180 0;L 3.8 3 3.8 0"),
    ('i', 0.0, "L 0 5 0 0;L 0 7 0 7.1"),
    ('j', 1.2, "L 1.2 5 1.2 -0.8;A -0.2 -0.8 1.4 1.5 360 280;L 1.2 7 1.2 7.1"),
    ('k', 3.6, "L 0 7.4 0 0;L 3.4 5 0 1.8;L 1.4 3 3.6 0"),
    ('l', 0.0, "L 0 7.4 0 0"),
    ('m', 6.4, "L 0 5 0 0;A 1.6 3.2 1.6 1.8 180 0;L 3.2 3.2 3.2 0;A 4.8 3.2 1.6 1.8 180 0;L 6.4 3.2 6.4 0"),
    ('n', 3.8, "L 0 5 0 0;A 1.9 3 1.9 2 180 0;L 3.8 3 3.8 0"),
    ('o', 4.2, "A 2.1 2.5 2.1 2.5 0 360"),
    ('p', 4.0, "L 0 5 0 -2.2;A 2 2.5 2 2.5 0 360"),
    ('q', 4.0, "A 2 2.5 2 2.5 0 360;L 4 5 4 -2.2"),
    ('r', 2.2, "L 0 5 0 0;A 2 3 2 2 180 80"),
    ('s', 3.2, "A 1.65 3.75 1.5 1.25 35 270;A 1.55 1.25 1.65 1.25 90 -150"),
    ('t', 2.3, "L 0.8 6.6 0.8 1.4;A 2.1 1.4 1.3 1.4 180 275;L 0 4.8 2.2 4.8"),
    ('u', 3.8, "L 0 5 0 2;A 1.9 2 1.9 2 180 360;L 3.8 5 3.8 0"),
    ('v', 3.8, "L 0 5 1.9 0 3.8 5"),
    ('w', 5.8, "L 0 5 1.45 0 2.9 4.6 4.35 0 5.8 5"),
    ('x', 3.6, "L 0 5 3.6 0;L 3.6 5 0 0"),
    ('y', 3.8, "L 0 5 1.95 0.2;L 3.8 5 1.5 -1;A 0 -0.5 1.6 1.6 340 290"),
    ('z', 3.4, "L 0 5 3.4 5 0 0 3.4 0"),
    ('A', 5.2, "L 0 0 2.6 7 5.2 0;L 0.9 2.4 4.3 2.4"),
    ('B', 4.3, "L 2.4 0 0 0 0 7 2.3 7;A 2.3 5.3 1.7 1.7 90 -90;L 0 3.6 2.4 3.6;A 2.4 1.8 1.9 1.8 90 -90"),
    ('C', 5.0, "A 3 3.5 3 3.5 48 312"),
    ('D', 4.9, "L 1.6 0 0 0 0 7 1.6 7;A 1.6 3.5 3.3 3.5 90 -90"),
    ('E', 3.9, "L 3.9 7 0 7 0 0 3.9 0;L 0 3.6 3.4 3.6"),
    ('F', 3.8, "L 3.8 7 0 7 0 0;L 0 3.5 3.3 3.5"),
    ('G', 5.4, "A 3 3.5 3 3.5 48 345;L 3.2 3.2 5.8 3.2 5.8 2"),
    ('H', 4.8, "L 0 7 0 0;L 4.8 7 4.8 0;L 0 3.6 4.8 3.6"),
    ('I', 0.0, "L 0 7 0 0"),
    ('J', 3.0, "L 3 7 3 1.8;A 1.4 1.8 1.6 1.8 360 190"),
    ('K', 4.5, "L 0 7 0 0;L 4.3 7 0 2.7;L 1.6 4.2 4.5 0"),
    ('L', 3.7, "L 0 7 0 0 3.7 0"),
    ('M', 5.6, "L 0 0 0 7 2.8 1.8 5.6 7 5.6 0"),
    ('N', 4.8, "L 0 0 0 7 4.8 0 4.8 7"),
    ('O', 5.8, "A 2.9 3.5 2.9 3.5 0 360"),
    ('P', 4.2, "L 0 0 0 7 2.2 7;A 2.2 5 2 2 90 -90;L 2.2 3 0 3"),
    ('Q', 5.8, "A 2.9 3.5 2.9 3.5 0 360;L 3.6 1.8 5.6 -0.4"),
    ('R', 4.4, "L 0 0 0 7 2.2 7;A 2.2 5.1 1.9 1.9 90 -90;L 2.2 3.2 0 3.2;L 2.2 3.2 4.4 0"),
    ('S', 4.3, "A 2.2 5.25 1.95 1.75 35 270;A 2.1 1.75 2.15 1.75 90 -150"),
    ('T', 4.8, "L 0 7 4.8 7;L 2.4 7 2.4 0"),
    ('U', 4.7, "L 0 7 0 2.3;A 2.35 2.3 2.35 2.3 180 360;L 4.7 2.3 4.7 7"),
    ('V', 5.0, "L 0 7 2.5 0 5 7"),
    ('W', 7.6, "L 0 7 1.9 0 3.8 6.6 5.7 0 7.6 7"),
    ('X', 4.6, "L 0 7 4.6 0;L 4.6 7 0 0"),
    ('Y', 4.6, "L 0 7 2.3 3.4 4.6 7;L 2.3 3.4 2.3 0"),
    ('Z', 4.4, "L 0 7 4.4 7 0 0 4.4 0"),
    ('0', 4.2, "A 2.1 3.5 2.1 3.5 0 360"),
    ('1', 4.2, "L 0.8 5.5 2.5 7 2.5 0"),
    ('2', 4.2, "A 2.1 5 1.95 2 170 -35;L 3.7 3.85 0.1 0 4.2 0"),
    ('3', 4.2, "A 2 5.3 1.75 1.7 160 -90;A 2 1.8 2.1 1.8 90 -160"),
    ('4', 4.2, "L 3.2 0 3.2 7 0 2 4.2 2"),
    ('5', 4.2, "L 3.8 7 0.6 7 0.3 3.8;A 2 2.3 2.15 2.3 140 -150"),
    ('6', 4.2, "A 2.1 2.2 2.05 2.2 0 360;L 0.1 2.7 2.8 7"),
    ('7', 4.2, "L 0 7 4.2 7 1.4 0"),
    ('8', 4.2, "A 2.1 5.3 1.75 1.7 0 360;A 2.1 1.8 2.1 1.8 0 360"),
    ('9', 4.2, "A 2.1 4.8 2.05 2.2 0 360;L 4.1 4.3 1.4 0"),
    (' ', 1.2, ""),
    ('.', 0.0, "L 0 0 0 0.1"),
    (',', 0.5, "L 0.5 0.2 0 -1.4"),
    (':', 0.0, "L 0 0 0 0.1;L 0 4 0 4.1"),
    (';', 0.5, "L 0.5 0.2 0 -1.4;L 0.4 4 0.4 4.1"),
    ('-', 2.4, "L 0 2.7 2.4 2.7"),
    ('_', 4.0, "L 0 -0.8 4 -0.8"),
    ('\'', 0.0, "L 0 7.2 0 5.2"),
    ('"', 1.6, "L 0 7.2 0 5.2;L 1.6 7.2 1.6 5.2"),
    ('/', 3.0, "L 0 -0.8 3 7.4"),
    ('+', 3.8, "L 0 3 3.8 3;L 1.9 4.9 1.9 1.1"),
    ('=', 3.8, "L 0 3.9 3.8 3.9;L 0 2.1 3.8 2.1"),
    ('@', 6.6, "A 3.3 3 3.3 3.6 -50 290;A 3.3 3 1.5 1.7 0 360;L 4.8 4.7 4.8 2"),
    ('(', 1.5, "A 2.6 3 2.4 5 130 230"),
    (')', 1.5, "A -1.1 3 2.4 5 50 -50"),
    ('!', 0.0, "L 0 7 0 2.2;L 0 0 0 0.1"),
    ('?', 3.4, "A 1.7 5.4 1.7 1.6 170 -60;L 2.4 3.9 1.7 3 1.7 2.2;L 1.7 0 1.7 0.1"),
    ('&', 4.8, "L 4.8 0 1 4.6;A 2.1 5.6 1.4 1.4 225 -35;L 3.2 4.8 0.6 2.9;A 2 1.7 2 1.7 130 325;L 3.6 0.7 4.8 2.8"),
    ('%', 5.6, "L 0.6 0 5 7;A 1.2 5.6 1.2 1.4 0 360;A 4.4 1.4 1.2 1.4 0 360"),
    ('#', 4.4, "L 1 0 1.8 7;L 2.8 0 3.6 7;L 0 2.3 4.2 2.3;L 0.3 4.7 4.4 4.7"),
    ('\u{b7}', 0.0, "L 0 2.8 0 2.9"),
];

/// The letter without its accent, for the letters of Latin-1 and a few more.
fn plain(c: char) -> char {
    const GROUPS: [(&str, char); 19] = [
        ("\u{e0}\u{e1}\u{e2}\u{e3}\u{e4}\u{e5}\u{101}\u{103}\u{105}", 'a'),
        ("\u{e7}\u{107}\u{10d}", 'c'),
        ("\u{e8}\u{e9}\u{ea}\u{eb}\u{113}\u{119}\u{11b}", 'e'),
        ("\u{ec}\u{ed}\u{ee}\u{ef}\u{12b}\u{131}", 'i'),
        ("\u{f1}\u{144}\u{148}", 'n'),
        ("\u{f2}\u{f3}\u{f4}\u{f5}\u{f6}\u{f8}\u{14d}\u{151}", 'o'),
        ("\u{f9}\u{fa}\u{fb}\u{fc}\u{16b}\u{16f}\u{171}", 'u'),
        ("\u{fd}\u{ff}", 'y'),
        ("\u{15b}\u{15f}\u{161}", 's'),
        ("\u{17a}\u{17c}\u{17e}", 'z'),
        ("\u{c0}\u{c1}\u{c2}\u{c3}\u{c4}\u{c5}", 'A'),
        ("\u{c7}\u{10c}", 'C'),
        ("\u{c8}\u{c9}\u{ca}\u{cb}", 'E'),
        ("\u{cc}\u{cd}\u{ce}\u{cf}", 'I'),
        ("\u{d1}", 'N'),
        ("\u{d2}\u{d3}\u{d4}\u{d5}\u{d6}\u{d8}", 'O'),
        ("\u{d9}\u{da}\u{db}\u{dc}", 'U'),
        ("\u{2018}\u{2019}`", '\''),
        ("\u{2013}\u{2014}\u{2010}", '-'),
    ];
    GROUPS.iter().find(|(letters, _)| letters.contains(c)).map_or(c, |&(_, plain)| plain)
}

fn glyph(c: char) -> (f64, &'static str) {
    let c = plain(c);
    GLYPHS.iter().find(|g| g.0 == c).map_or((3.6, "L 0 0 3.6 0 3.6 7 0 7 0 0"), |g| (g.1, g.2))
}

/// Width of `text` in pixels at `size`.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let units: f64 = text.chars().map(|c| glyph(c).0 + SPACING).sum();
    (units - SPACING).max(0.0) * size / UNITS
}

/// The strokes of each glyph of `text` at `size`, from (0, 0) on the baseline, y down.
pub(super) fn strokes(text: &str, size: f64) -> Vec<Strokes> {
    let scale = size / UNITS;
    let mut left = 0.0;
    let mut glyphs = Vec::new();
    for c in text.chars() {
        let (width, path) = glyph(c);
        let lines = path.split(';').filter(|s| !s.is_empty()).map(polyline);
        glyphs.push(lines.map(|l| l.iter().map(|p| ((p.0 + left) * scale, -p.1 * scale)).collect()).collect());
        left += width + SPACING;
    }
    glyphs
}

fn polyline(stroke: &str) -> Vec<(f64, f64)> {
    let (kind, numbers) = stroke.split_at(1);
    let numbers: Vec<f64> = numbers.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    match (kind, numbers.as_slice()) {
        ("A", &[x, y, rx, ry, from, to]) => {
            let steps = ((to - from).abs() / ARC_STEP).ceil().max(1.0);
            let at = |i: f64| (from + (to - from) * i / steps).to_radians();
            (0..=steps as usize).map(|i| (x + rx * at(i as f64).cos(), y + ry * at(i as f64).sin())).collect()
        }
        (_, points) => points.as_chunks::<2>().0.iter().map(|p| (p[0], p[1])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{GLYPHS, polyline, strokes, width};

    #[test]
    fn every_printable_letter_and_digit_has_a_well_formed_glyph() {
        for c in ('a'..='z').chain('A'..='Z').chain('0'..='9') {
            assert!(GLYPHS.iter().any(|g| g.0 == c), "{c}");
        }
        for (c, width, path) in GLYPHS {
            for stroke in path.split(';').filter(|s| !s.is_empty()) {
                let numbers = stroke.split_whitespace().skip(1).count();
                assert!(
                    if stroke.starts_with('A') { numbers == 6 } else { numbers >= 4 && numbers % 2 == 0 },
                    "{c}: {stroke}"
                );
                for (x, y) in polyline(stroke) {
                    assert!(x >= -0.8 && x <= width + 0.9 && (-2.6..=8.1).contains(&y), "{c}: {x} {y}");
                }
            }
        }
    }

    #[test]
    fn widths_add_up_and_accents_fall_away() {
        assert!((width("oo", 10.0) - (4.2 + 1.7 + 4.2)).abs() < 1e-9);
        assert_eq!(width("", 10.0), 0.0);
        assert_eq!(strokes("caf\u{e9}", 20.0), strokes("cafe", 20.0));
        assert_eq!(strokes("\u{732b}", 10.0).len(), 1);
        assert!(strokes("ab", 10.0)[1][0].iter().all(|p| p.0 >= 5.7 - 1e-9 && p.1 <= 0.0));
    }
}
