//! Which colour a picture has on the map, and the page's theme.

use std::sync::Arc;

use gistmap::scene::palette::{self, Colour};
use leptos::prelude::*;

use super::{Found, Pictures};

/// Colours of likeness that are told apart.
const RAMP: usize = 64;
/// What pictures have in common when colours tell nothing.
const PLAIN_LIGHT: Colour = Colour::rgb(0x5b, 0x64, 0x72);
const PLAIN_DARK: Colour = Colour::rgb(0x9a, 0xa3, 0xb2);
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

/// The colours of clusters and labels in a theme. Working them out takes long beside looking them up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Palette {
    theme: palette::Theme,
    clusters: Arc<Vec<Colour>>,
    labels: Arc<Vec<Colour>>,
}

impl Palette {
    pub(super) fn new(theme: Theme, clusters: usize, labels: usize) -> Self {
        let theme = theme.palette();
        let of = |n| Arc::new(palette::categorical(n, theme));
        Self { theme, clusters: of(clusters), labels: of(labels) }
    }
}

/// The colour of every cluster, label and picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Colouring {
    palette: Palette,
    noise: Colour,
    /// Whether colours tell pictures apart.
    pub(crate) tells: bool,
    /// The colour of each picture.
    pub(crate) pictures: Arc<Vec<Colour>>,
}

impl Colouring {
    pub(super) fn new(
        by: ColourBy,
        palette: Palette,
        assignment: &[i32],
        pictures: &Pictures,
        found: Option<&Found>,
    ) -> Self {
        let count = pictures.count.get();
        let theme = palette.theme;
        let mut colouring = Self { noise: palette::noise(theme), palette, tells: true, pictures: Arc::default() };
        let of: Vec<Colour> = match by {
            ColourBy::Cluster if assignment.len() == count => {
                assignment.iter().map(|c| colouring.cluster(*c)).collect()
            }
            ColourBy::Label if !colouring.palette.labels.is_empty() => {
                pictures.labels().into_iter().map(|l| colouring.label(l)).collect()
            }
            ColourBy::Likeness => likeness(found, count, theme),
            _ => {
                colouring.tells = false;
                vec![if theme == palette::Theme::Light { PLAIN_LIGHT } else { PLAIN_DARK }; count]
            }
        };
        colouring.pictures = Arc::new(of);
        colouring
    }

    /// A cluster's colour.
    pub(crate) fn cluster(&self, cluster: i32) -> Colour {
        usize::try_from(cluster).ok().and_then(|c| self.palette.clusters.get(c).copied()).unwrap_or(self.noise)
    }

    /// A label's colour.
    pub(crate) fn label(&self, label: Option<u32>) -> Colour {
        label.and_then(|l| self.palette.labels.get(l as usize).copied()).unwrap_or(self.noise)
    }
}

/// How many clusters an assignment names.
pub(crate) fn clusters_of(assignment: &[i32]) -> usize {
    assignment.iter().max().map_or(0, |max| usize::try_from(max + 1).unwrap_or(0))
}

/// Found pictures on the ramp from the least to the most alike, the rest grey.
fn likeness(found: Option<&Found>, count: usize, theme: palette::Theme) -> Vec<Colour> {
    let mut colours = vec![palette::noise(theme); count];
    let Some(found) = found else { return colours };
    let ramp = palette::sequential(RAMP, theme);
    let low = found.pictures.iter().map(|p| p.1).fold(f32::INFINITY, f32::min);
    let high = found.pictures.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max);
    for (picture, cosine) in found.pictures.iter() {
        let step = (cosine - low) / (high - low).max(1e-6) * (RAMP - 1) as f32;
        if let (Some(of), Some(colour)) = (colours.get_mut(*picture as usize), ramp.get(step.round() as usize)) {
            *of = *colour;
        }
    }
    colours
}
