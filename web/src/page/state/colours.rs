//! Which colour a picture has on the map, and the page's theme.

use std::sync::Arc;

use gistmap::scene::palette::{self, Colour};
use leptos::prelude::*;

use super::{Found, Pictures};

/// Where the chosen theme is kept.
const THEME_KEY: &str = "gistmap-theme";

/// What colours tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourBy {
    /// The main cell's clusters.
    Cluster,
    /// The label folders.
    Label,
    /// Likeness to the words that were searched for.
    Likeness,
    /// Nothing.
    Plain,
}

impl ColourBy {
    /// Every choice.
    pub(crate) const ALL: [Self; 4] = [Self::Cluster, Self::Label, Self::Likeness, Self::Plain];

    /// For people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Label => "Label",
            Self::Likeness => "Search likeness",
            Self::Plain => "None",
        }
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Dark on white.
    Light,
    /// Light on near black.
    Dark,
}

impl Theme {
    /// What the person chose before, else what the system asks for.
    pub(crate) fn of_document() -> Self {
        let kept = window().local_storage().ok().flatten().and_then(|s| s.get_item(THEME_KEY).ok().flatten());
        match kept.as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => {
                let dark = window().match_media("(prefers-color-scheme: dark)").ok().flatten();
                if dark.is_some_and(|m| m.matches()) { Self::Dark } else { Self::Light }
            }
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        if self == Self::Light { Self::Dark } else { Self::Light }
    }

    /// `data-theme` of the document.
    pub(crate) fn name(self) -> &'static str {
        if self == Self::Light { "light" } else { "dark" }
    }

    /// Remembers the choice; where storage is refused, it holds until the page is closed.
    pub(crate) fn keep(self) {
        if let Ok(Some(storage)) = window().local_storage() {
            let _ = storage.set_item(THEME_KEY, self.name());
        }
    }

    /// As the palette wants it.
    pub(crate) fn palette(self) -> palette::Theme {
        if self == Self::Light { palette::Theme::Light } else { palette::Theme::Dark }
    }
}

/// The colour of every cluster, label and picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Colouring {
    clusters: Arc<Vec<Colour>>,
    labels: Arc<Vec<Colour>>,
    noise: Colour,
    /// Red, green, blue, alpha of each picture.
    pub(crate) pictures: Arc<Vec<[u8; 4]>>,
}

impl Colouring {
    pub(super) fn new(
        by: ColourBy,
        theme: Theme,
        assignment: &[i32],
        pictures: &Pictures,
        labels: usize,
        found: Option<&Found>,
    ) -> Self {
        let count = pictures.count.get();
        let k = assignment.iter().max().map_or(0, |max| usize::try_from(max + 1).unwrap_or(0));
        let theme = theme.palette();
        let mut colouring = Self {
            clusters: Arc::new(palette::categorical(k, theme)),
            labels: Arc::new(palette::categorical(labels, theme)),
            noise: palette::noise(theme),
            pictures: Arc::default(),
        };
        let solid = |c: Colour| [c.r, c.g, c.b, 255];
        let plain = solid(if theme == palette::Theme::Light { Colour::rgb(0x5b, 0x64, 0x72) } else { Colour::rgb(0x9a, 0xa3, 0xb2) });
        let of: Vec<[u8; 4]> = match by {
            ColourBy::Cluster if assignment.len() == count => {
                assignment.iter().map(|c| solid(colouring.cluster(*c))).collect()
            }
            ColourBy::Label if labels > 0 => {
                pictures.labels().into_iter().map(|l| solid(colouring.label(l))).collect()
            }
            ColourBy::Likeness => likeness(found, count, theme),
            _ => vec![plain; count],
        };
        colouring.pictures = Arc::new(of);
        colouring
    }

    /// A cluster's colour.
    pub(crate) fn cluster(&self, cluster: i32) -> Colour {
        usize::try_from(cluster).ok().and_then(|c| self.clusters.get(c).copied()).unwrap_or(self.noise)
    }

    /// A label's colour.
    pub(crate) fn label(&self, label: Option<u32>) -> Colour {
        label.and_then(|l| self.labels.get(l as usize).copied()).unwrap_or(self.noise)
    }
}

/// Found pictures on a ramp from the least to the most alike, the rest faint.
fn likeness(found: Option<&Found>, count: usize, theme: palette::Theme) -> Vec<[u8; 4]> {
    let noise = palette::noise(theme);
    let mut colours = vec![[noise.r, noise.g, noise.b, 90]; count];
    let Some(found) = found else { return colours };
    let low = found.pictures.iter().map(|p| p.1).fold(f32::INFINITY, f32::min);
    let high = found.pictures.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max);
    for (picture, cosine) in found.pictures.iter() {
        if let Some(colour) = colours.get_mut(*picture as usize) {
            let c = likeness_colour(f64::from((cosine - low) / (high - low).max(1e-6)), theme);
            *colour = [c.r, c.g, c.b, 255];
        }
    }
    colours
}

/// A place in [0, 1] on the ramp of likeness: even steps of lightness, away from the theme's background.
pub(crate) fn likeness_colour(place: f64, theme: palette::Theme) -> Colour {
    let place = place.clamp(0.0, 1.0);
    let lightness = match theme {
        palette::Theme::Light => 0.84 - 0.44 * place,
        palette::Theme::Dark => 0.42 + 0.44 * place,
    };
    palette::from_oklch(lightness, 0.06 + 0.1 * place, 4.5 + 1.3 * place)
}
