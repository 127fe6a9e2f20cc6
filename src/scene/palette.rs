//! Colours for clusters and labels that people with a colour vision deficiency can tell apart.
//!
//! The first eight follow Okabe & Ito, "Color Universal Design" (2008), in an order that keeps
//! neighbours apart; beyond eight, colours are generated in OKLCH (Ottosson, "A perceptual color
//! space for image processing", 2020): each new one is the candidate that is farthest from all
//! before it, seen with normal vision and with simulated protanopia and deuteranopia (Machado,
//! Oliveira & Fernandes, 2009, severity 1).

/// The page behind the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white.
    Light,
    /// Light on near black.
    Dark,
}

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Red, 0 to 255.
    pub r: u8,
    /// Green, 0 to 255.
    pub g: u8,
    /// Blue, 0 to 255.
    pub b: u8,
}

/// Where clusters are drawn in the light theme.
pub const LIGHT_BACKGROUND: Colour = Colour::rgb(0xff, 0xff, 0xff);
/// Where clusters are drawn in the dark theme.
pub const DARK_BACKGROUND: Colour = Colour::rgb(0x16, 0x18, 0x1c);

/// Okabe and Ito's eight, blue first, black last.
const OKABE_ITO: [Colour; 8] = [
    Colour::rgb(0x00, 0x72, 0xb2),
    Colour::rgb(0xd5, 0x5e, 0x00),
    Colour::rgb(0x00, 0x9e, 0x73),
    Colour::rgb(0xcc, 0x79, 0xa7),
    Colour::rgb(0xe6, 0x9f, 0x00),
    Colour::rgb(0x56, 0xb4, 0xe9),
    Colour::rgb(0xf0, 0xe4, 0x42),
    Colour::rgb(0x00, 0x00, 0x00),
];
/// Yellow of the light theme: darker, since the original is hardly seen on white.
const LIGHT_YELLOW: Colour = Colour::rgb(0xd8, 0xca, 0x00);
/// Stands for black in the dark theme.
const DARK_BLACK: Colour = Colour::rgb(0xff, 0xff, 0xff);
/// Blue of the dark theme: lighter, since the original is hardly seen on near black.
const DARK_BLUE: Colour = Colour::rgb(0x1f, 0x8a, 0xd0);

/// Hues tried for generated colours.
const HUES: usize = 36;
/// Lightness levels tried in the light theme (OKLCH L).
const LIGHT_LEVELS: [f64; 4] = [0.38, 0.50, 0.62, 0.72];
/// Lightness levels tried in the dark theme (OKLCH L).
const DARK_LEVELS: [f64; 4] = [0.58, 0.68, 0.78, 0.88];
/// Chroma levels tried (OKLCH C), reduced where sRGB has no such colour.
const CHROMAS: [f64; 2] = [0.17, 0.09];

impl Colour {
    /// A colour from its three channels.
    pub const fn rgb(r: u8, g: u8, b: u8) -> Self {
        Self { r, g, b }
    }

    /// `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }

    /// Relative luminance in [0, 1] (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let [r, g, b] = self.linear();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast ratio in [1, 21] (WCAG 2.2).
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Black or white, whichever is easier to read on this colour: at least 4.5 to 1 on any colour.
    pub fn text(self) -> Self {
        let (black, white) = (Self::rgb(0, 0, 0), Self::rgb(255, 255, 255));
        if self.contrast(black) >= self.contrast(white) { black } else { white }
    }

    /// The colour as `[L, a, b]` of OKLab.
    pub fn oklab(self) -> [f64; 3] {
        linear_to_oklab(self.linear())
    }

    fn linear(self) -> [f64; 3] {
        [self.r, self.g, self.b].map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn from_linear(rgb: [f64; 3]) -> Self {
        let [r, g, b] = rgb.map(|v| {
            let v = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
            (v.clamp(0.0, 1.0) * 255.0).round() as u8
        });
        Self { r, g, b }
    }
}

/// `k` colours to draw on `theme`'s background, each distinct for any `k` up to about 290; beyond,
/// they repeat.
pub fn categorical(k: usize, theme: Theme) -> Vec<Colour> {
    let mut chosen: Vec<Colour> = base(theme).into_iter().take(k).collect();
    if chosen.len() == k {
        return chosen;
    }
    let mut views: Vec<[[f64; 3]; 3]> = chosen.iter().map(|&c| seen(c)).collect();
    views.push(seen(noise(theme)));
    views.push(seen(background(theme)));
    let candidates = candidates(theme);
    let candidate_views: Vec<[[f64; 3]; 3]> = candidates.iter().map(|&c| seen(c)).collect();
    // The distance of each candidate to the nearest colour chosen so far.
    let to_nearest = |c: &[[f64; 3]; 3]| views.iter().map(|v| distance(c, v)).fold(f64::INFINITY, f64::min);
    let mut nearest: Vec<f64> = candidate_views.iter().map(to_nearest).collect();
    while chosen.len() < k {
        let best = nearest.iter().enumerate().fold(0, |best, (i, &d)| if d > nearest[best] { i } else { best });
        if nearest[best] <= 0.0 {
            break;
        }
        chosen.push(candidates[best]);
        for (d, view) in nearest.iter_mut().zip(&candidate_views) {
            *d = d.min(distance(view, &candidate_views[best]));
        }
    }
    let distinct = chosen.len();
    (0..k).map(|i| chosen[i % distinct]).collect()
}

/// `n` colours from low to high for a score: steps of equal size in OKLab, lightness changing in one direction, so that the
/// order is seen with any colour vision. High stands out most from `theme`'s background.
pub fn sequential(n: usize, theme: Theme) -> Vec<Colour> {
    /// Points of the curve that is then cut into equal steps.
    const FINE: usize = 256;
    let (light, hue) = match theme {
        Theme::Light => ((0.90, 0.32), (1.75, 4.95)),
        Theme::Dark => ((0.36, 0.94), (4.95, 1.75)),
    };
    let curve: Vec<Colour> = (0..FINE)
        .map(|i| {
            let t = i as f64 / (FINE - 1) as f64;
            let between = |(from, to): (f64, f64)| from + t * (to - from);
            from_oklch(between(light), 0.06 + 0.08 * (std::f64::consts::PI * t).sin(), between(hue))
        })
        .collect();
    let mut along = vec![0.0];
    for pair in curve.windows(2) {
        let (a, b) = (pair[0].oklab(), pair[1].oklab());
        let step = (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f64>().sqrt();
        along.push(along[along.len() - 1] + step);
    }
    let length = along[FINE - 1];
    let at = |i: usize| {
        let wanted = length * i as f64 / (n - 1).max(1) as f64;
        curve[along.partition_point(|&a| a < wanted).min(FINE - 1)]
    };
    (0..n).map(at).collect()
}

/// The grey of pictures that belong to no cluster or carry no label.
pub fn noise(theme: Theme) -> Colour {
    match theme {
        Theme::Light => Colour::rgb(0xb4, 0xb6, 0xba),
        Theme::Dark => Colour::rgb(0x5d, 0x61, 0x68),
    }
}

/// The background that `theme`'s colours are made for.
pub fn background(theme: Theme) -> Colour {
    match theme {
        Theme::Light => LIGHT_BACKGROUND,
        Theme::Dark => DARK_BACKGROUND,
    }
}

fn base(theme: Theme) -> [Colour; 8] {
    let mut colours = OKABE_ITO;
    match theme {
        Theme::Light => colours[6] = LIGHT_YELLOW,
        Theme::Dark => {
            colours[0] = DARK_BLUE;
            colours[7] = DARK_BLACK;
        }
    }
    colours
}

fn candidates(theme: Theme) -> Vec<Colour> {
    let levels = match theme {
        Theme::Light => LIGHT_LEVELS,
        Theme::Dark => DARK_LEVELS,
    };
    let mut colours = Vec::with_capacity(HUES * levels.len() * CHROMAS.len());
    for chroma in CHROMAS {
        for lightness in levels {
            for hue in 0..HUES {
                let colour = from_oklch(lightness, chroma, hue as f64 * std::f64::consts::TAU / HUES as f64);
                if !colours.contains(&colour) {
                    colours.push(colour);
                }
            }
        }
    }
    colours
}

/// The sRGB colour of an OKLCH one (hue in radians); chroma shrinks until sRGB holds it.
pub fn from_oklch(lightness: f64, chroma: f64, hue: f64) -> Colour {
    let mut chroma = chroma;
    loop {
        let rgb = oklab_to_linear([lightness, chroma * hue.cos(), chroma * hue.sin()]);
        if chroma < 1e-3 || rgb.iter().all(|v| (-1e-6..=1.0 + 1e-6).contains(v)) {
            return Colour::from_linear(rgb);
        }
        chroma *= 0.97;
    }
}

/// OKLab of a colour in normal vision, protanopia and deuteranopia.
fn seen(colour: Colour) -> [[f64; 3]; 3] {
    const PROTAN: [[f64; 3]; 3] =
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]];
    const DEUTAN: [[f64; 3]; 3] =
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
    let rgb = colour.linear();
    let simulated = |m: &[[f64; 3]; 3]| linear_to_oklab(product(m, rgb).map(|v| v.clamp(0.0, 1.0)));
    [linear_to_oklab(rgb), simulated(&PROTAN), simulated(&DEUTAN)]
}

/// The smallest OKLab distance over the three visions; deficiencies count a little less, since
/// position and name also tell clusters apart.
fn distance(a: &[[f64; 3]; 3], b: &[[f64; 3]; 3]) -> f64 {
    const WEIGHTS: [f64; 3] = [1.0, 1.4, 1.4];
    (0..3)
        .map(|v| WEIGHTS[v] * (0..3).map(|i| (a[v][i] - b[v][i]).powi(2)).sum::<f64>().sqrt())
        .fold(f64::INFINITY, f64::min)
}

fn product(m: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    m.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

fn linear_to_oklab(rgb: [f64; 3]) -> [f64; 3] {
    const TO_LMS: [[f64; 3]; 3] = [
        [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
        [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
        [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
    ];
    const TO_LAB: [[f64; 3]; 3] = [
        [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
        [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
        [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
    ];
    product(&TO_LAB, product(&TO_LMS, rgb).map(f64::cbrt))
}

fn oklab_to_linear(lab: [f64; 3]) -> [f64; 3] {
    const TO_LMS: [[f64; 3]; 3] = [
        [1.0, 0.396_337_777_4, 0.215_803_757_3],
        [1.0, -0.105_561_345_8, -0.063_854_172_8],
        [1.0, -0.089_484_177_5, -1.291_485_548_0],
    ];
    const TO_RGB: [[f64; 3]; 3] = [
        [4.076_741_662_1, -3.307_711_591_3, 0.230_969_929_2],
        [-1.268_438_004_6, 2.609_757_401_1, -0.341_319_396_5],
        [-0.004_196_086_3, -0.703_418_614_7, 1.707_614_701_0],
    ];
    product(&TO_RGB, product(&TO_LMS, lab).map(|v| v.powi(3)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Colour, Theme, background, categorical, distance, from_oklch, noise, seen, sequential};
    use std::collections::HashSet;

    fn closest(colours: &[Colour]) -> f64 {
        let mut least = f64::INFINITY;
        for (i, &a) in colours.iter().enumerate() {
            for &b in &colours[i + 1..] {
                least = least.min(distance(&seen(a), &seen(b)));
            }
        }
        least
    }

    #[test]
    fn known_values() {
        // Ottosson's table: sRGB red is L .628, a .2249, b .1258; black on white is 21 to 1.
        let lab = Colour::rgb(255, 0, 0).oklab();
        for (got, want) in lab.iter().zip([0.6280, 0.2249, 0.1258]) {
            assert!((got - want).abs() < 2e-4, "{lab:?}");
        }
        assert!((Colour::rgb(0, 0, 0).contrast(Colour::rgb(255, 255, 255)) - 21.0).abs() < 1e-9);
        // #767676 is the classic grey with 4.54 to 1 on white.
        assert!((Colour::rgb(0x76, 0x76, 0x76).contrast(Colour::rgb(255, 255, 255)) - 4.54).abs() < 0.005);
        assert_eq!(Colour::rgb(1, 171, 255).hex(), "#01abff");
    }

    #[test]
    fn oklch_round_trips() {
        for hue in 0..12 {
            let angle = f64::from(hue) * std::f64::consts::TAU / 12.0;
            let [l, a, b] = from_oklch(0.6, 0.08, angle).oklab();
            assert!((l - 0.6).abs() < 0.01 && (a.hypot(b) - 0.08).abs() < 0.01, "{hue}: {l} {a} {b}");
        }
    }

    #[test]
    fn colours_are_distinct_and_prefix_stable() {
        for theme in [Theme::Light, Theme::Dark] {
            let all = categorical(200, theme);
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), 200);
            for k in [0, 1, 8, 9, 40, 100] {
                assert_eq!(categorical(k, theme), all[..k]);
            }
            for (k, least) in [(8, 0.09), (12, 0.075), (20, 0.055), (40, 0.03)] {
                assert!(closest(&all[..k]) > least, "{theme:?} {k}: {}", closest(&all[..k]));
            }
            assert_eq!(categorical(1000, theme).len(), 1000);
        }
    }

    #[test]
    fn colours_can_be_seen_on_the_background() {
        for (theme, least) in [(Theme::Light, 1.65), (Theme::Dark, 2.9)] {
            for colour in categorical(100, theme) {
                let contrast = colour.contrast(background(theme));
                assert!(contrast > least, "{theme:?} {}: {contrast}", colour.hex());
                assert!(colour.contrast(colour.text()) >= 4.5);
                assert!(distance(&seen(colour), &seen(noise(theme))) > 0.03, "{theme:?} {}", colour.hex());
            }
        }
    }

    #[test]
    fn scores_have_an_order_in_every_vision() {
        for theme in [Theme::Light, Theme::Dark] {
            let ramp = sequential(16, theme);
            let steps: Vec<f64> = ramp
                .windows(2)
                .map(|w| {
                    let (a, b) = (w[0].oklab(), w[1].oklab());
                    (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f64>().sqrt()
                })
                .collect();
            let mean = steps.iter().sum::<f64>() / steps.len() as f64;
            assert!(steps.iter().all(|s| (s / mean - 1.0).abs() < 0.3), "{theme:?} {steps:?}");
            for vision in 0..3 {
                let lightness: Vec<f64> = ramp.iter().map(|&c| seen(c)[vision][0]).collect();
                let rises = theme == Theme::Dark;
                assert!(lightness.windows(2).all(|w| (w[0] < w[1]) == rises), "{theme:?} {vision} {lightness:?}");
            }
            let contrast = |i: usize| ramp[i].contrast(background(theme));
            assert!(contrast(15) > 7.0 && contrast(0) > 1.1, "{theme:?} {} {}", contrast(0), contrast(15));
        }
        assert!(sequential(0, Theme::Light).is_empty());
        assert_eq!(sequential(1, Theme::Light).len(), 1);
    }
}
