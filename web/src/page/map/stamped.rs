//! The points drawn by the processor, and how long one such picture serves: for devices that are software themselves.
//!
//! A still somewhat larger than the screen is moved and stretched while the camera moves, and made anew when the camera
//! has gone too far, or rests.

use gistmap::scene::separation::fair_order;
use gistmap::scene::splat::{Disc, Sheet, Stamps};
use gistmap::scene::viewport::Viewport;

use super::draw::Camera;
use super::layout::Layout;

/// Fewer points than this are left to the device, however slow.
const MANY: usize = 4000;
/// How much of the screen's size a still has beyond each edge.
const BEYOND: f64 = 0.10;
/// How much a still may be stretched or shrunk.
const STRETCH: f64 = 1.3;

/// The sheet that points are stamped on, and what its still shows.
#[derive(Debug, Default)]
pub(super) struct Stamped {
    sheet: Sheet,
    shows: Option<Viewport>,
}

impl Stamped {
    /// Whether `points` points are better drawn here than by a device that is slow.
    pub(super) fn pays(points: usize) -> bool {
        points >= MANY
    }

    /// What was drawn is no longer true.
    pub(super) fn spoil(&mut self) {
        self.shows = None;
    }

    /// Whether the still serves a camera that moves.
    pub(super) fn serves(&self, camera: &Viewport) -> bool {
        let Some(shows) = &self.shows else { return false };
        let stretch = camera.scale / shows.scale;
        let (inner, outer) = (camera.seen(), shows.seen());
        (1.0 / STRETCH..=STRETCH).contains(&stretch) && outer.contains(inner.low) && outer.contains(inner.high)
    }

    /// Whether the still shows exactly what the camera sees, pixel on pixel.
    pub(super) fn matches(&self, camera: &Viewport, density: f64) -> bool {
        let Some(shows) = &self.shows else { return false };
        let whole = |a: usize| {
            let offset = (camera.centre[a] - shows.centre[a]) * camera.scale * density;
            (offset - offset.round()).abs() < 0.02
        };
        camera.scale == shows.scale && whole(0) && whole(1) && self.serves(camera)
    }

    /// What a still made for `camera` shows: some more on every side, by whole pixels.
    pub(super) fn view(camera: &Viewport) -> Viewport {
        camera.resized(camera.size.map(|s| s + 2.0 * (s * BEYOND).round()))
    }

    /// Draws all points as the shader would; `camera` is that of `view` and holds their sizes, `styles` colours and
    /// states.
    pub(super) fn draw(&mut self, layout: &Layout, styles: &[[u8; 4]], view: Viewport, camera: &Camera) -> &Sheet {
        self.shows = Some(view);
        let density = camera.density;
        let size = view.size.map(|s| ((s * f64::from(density)).round() as usize).max(1));
        self.sheet.clear(size[0], size[1]);
        let bytes = |c: [f32; 4]| [c[0], c[1], c[2]].map(|v| (v * 255.0).round() as u8);
        let kind = |larger: f32, opacity: f32, edge: [f32; 4]| {
            Stamps::new(&Disc {
                radius: camera.radius * larger * density,
                outline: camera.outline * density,
                edge: bytes(edge),
                opacity,
            })
        };
        let plain = kind(1.0, camera.opacity, camera.background);
        let dimmed = kind(0.85, camera.dimmed, camera.background);
        let selected = kind(1.3, 1.0, camera.ink);
        let scale = view.scale as f32 * density;
        let middle = size.map(|s| s as f32 / 2.0);
        let (before, after) = (layout.before(), layout.after());
        // Selected points lie on top.
        for on_top in [false, true] {
            for i in fair_order(styles.len().min(layout.len())).map(|i| i as usize) {
                let [r, g, b, state] = styles[i];
                if (state == 255) != on_top {
                    continue;
                }
                let along = |a: usize| {
                    let from = before[2 * i + a];
                    from + (after[2 * i + a] - from) * camera.way - camera.centre[a]
                };
                let at = [middle[0] + along(0) * scale, middle[1] - along(1) * scale];
                let stamps = match state {
                    0 => &plain,
                    255 => &selected,
                    _ => &dimmed,
                };
                self.sheet.stamp(stamps, at, [r, g, b]);
            }
        }
        &self.sheet
    }
}
