//! The points drawn by the processor, and how long one such picture serves: for devices that are software themselves.
//!
//! A sheet somewhat larger than the screen is slid and stretched while the camera moves; the next one is drawn, a part a
//! frame, when the camera comes near its edge, or rests.

use gistmap::scene::separation::fair_order;
use gistmap::scene::splat::{Disc, Sheet, Stamps};
use gistmap::scene::viewport::Viewport;

use super::draw::Camera;
use super::layout::Layout;

/// Fewer points than this are left to the device, however slow.
const MANY: usize = 4000;
/// How much of the screen's size a sheet has beyond each edge.
const BEYOND: f64 = 0.20;
/// How much a sheet may be stretched or shrunk.
const STRETCH: f64 = 2.2;
/// The share of either that may be used before the next sheet is begun.
const EASE: f64 = 0.8;
/// Points between two looks at the clock.
const BETWEEN_LOOKS: usize = 512;

/// The sheet that is shown, and the next one.
#[derive(Default)]
pub(super) struct Stamped {
    sheet: Sheet,
    shows: Option<Viewport>,
    next: Sheet,
    making: Option<Making>,
}

/// A sheet in the making.
struct Making {
    view: Viewport,
    camera: Camera,
    /// For points as they are, dimmed and selected.
    stamps: [Stamps; 3],
    /// The points to come, twice: selected ones lie on top.
    order: Box<dyn Iterator<Item = (bool, u32)>>,
}

impl Stamped {
    /// Whether `points` points are better drawn here than by a device that is slow.
    pub(super) fn pays(points: usize) -> bool {
        points >= MANY
    }

    /// What was drawn is no longer true.
    pub(super) fn spoil(&mut self) {
        (self.shows, self.making) = (None, None);
    }

    /// What the sheet shows.
    pub(super) fn shows(&self) -> Option<Viewport> {
        self.shows
    }

    /// The finished sheet.
    pub(super) fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// Whether the sheet serves a camera that moves.
    pub(super) fn serves(&self, camera: &Viewport) -> bool {
        self.shows.is_some_and(|shows| covers(&shows, camera, 1.0))
    }

    /// Whether it will go on to serve for a while.
    pub(super) fn eases(&self, camera: &Viewport) -> bool {
        self.shows.is_some_and(|shows| covers(&shows, camera, EASE))
    }

    /// Whether the sheet shows exactly what the camera sees, pixel on pixel.
    pub(super) fn matches(&self, camera: &Viewport, density: f64) -> bool {
        let Some(shows) = &self.shows else { return false };
        let whole = |a: usize| {
            let offset = (camera.centre[a] - shows.centre[a]) * camera.scale * density;
            (offset - offset.round()).abs() < 0.02
        };
        camera.scale == shows.scale && whole(0) && whole(1) && self.serves(camera)
    }

    /// Whether a sheet is in the making that will serve `camera`; in time, where it is not `urgent`.
    pub(super) fn making_for(&self, camera: &Viewport, urgent: bool) -> bool {
        let most = if urgent { 1.0 } else { EASE };
        self.making.as_ref().is_some_and(|making| covers(&making.view, camera, most))
    }

    /// What a sheet has beyond either edge of a screen that measures `size` along this axis: whole pixels.
    pub(super) fn beyond(size: f64) -> f64 {
        (size * BEYOND).round()
    }

    /// What a sheet made for `camera` shows.
    pub(super) fn view(camera: &Viewport) -> Viewport {
        camera.resized(camera.size.map(|s| s + 2.0 * Self::beyond(s)))
    }

    /// Begins a sheet of all points as the shader would draw them; `camera` is that of `view` and holds their sizes.
    pub(super) fn begin(&mut self, view: Viewport, camera: Camera, points: usize) {
        let density = camera.density;
        let size = view.size.map(|s| ((s * f64::from(density)).round() as usize).max(1));
        self.next.clear(size[0], size[1]);
        let bytes = |c: [f32; 4]| [c[0], c[1], c[2]].map(|v| (v * 255.0).round() as u8);
        let kind = |larger: f32, opacity: f32, edge: [f32; 4]| {
            Stamps::new(&Disc {
                radius: camera.radius * larger * density,
                outline: camera.outline * density,
                edge: bytes(edge),
                opacity,
            })
        };
        let stamps = [
            kind(1.0, camera.opacity, camera.background),
            kind(0.85, camera.dimmed, camera.background),
            kind(1.3, 1.0, camera.ink),
        ];
        let order = fair_order(points).map(|i| (false, i)).chain(fair_order(points).map(|i| (true, i)));
        self.making = Some(Making { view, camera, stamps, order: Box::new(order) });
    }

    /// Goes on while there is `time`; true when a sheet has been finished. `styles` are colours and states.
    pub(super) fn step(&mut self, layout: &Layout, styles: &[[u8; 4]], time: impl Fn() -> bool) -> bool {
        let Some(making) = &mut self.making else { return false };
        while time() {
            if !making.pass(&mut self.next, layout, styles) {
                self.shows = Some(making.view);
                self.making = None;
                std::mem::swap(&mut self.sheet, &mut self.next);
                return true;
            }
        }
        false
    }
}

impl Making {
    /// Stamps some more points; false where there are no more.
    fn pass(&mut self, sheet: &mut Sheet, layout: &Layout, styles: &[[u8; 4]]) -> bool {
        let scale = self.view.scale as f32 * self.camera.density;
        let middle = sheet.size().map(|s| s as f32 / 2.0);
        let (before, after) = (layout.before(), layout.after());
        let mut more = false;
        for (on_top, i) in self.order.by_ref().take(BETWEEN_LOOKS) {
            more = true;
            let i = i as usize;
            let [r, g, b, state] = styles[i];
            if (state == 255) != on_top {
                continue;
            }
            let along = |a: usize| {
                let from = before[2 * i + a];
                from + (after[2 * i + a] - from) * self.camera.way - self.camera.centre[a]
            };
            let at = [middle[0] + along(0) * scale, middle[1] - along(1) * scale];
            let [plain, dimmed, selected] = &self.stamps;
            let stamps = match state {
                0 => plain,
                255 => selected,
                _ => dimmed,
            };
            sheet.stamp(stamps, at, [r, g, b]);
        }
        more
    }
}

/// Whether a sheet that shows `shows` lies under all that `camera` sees, with at most a share of `most` of what it has
/// beyond the screen, and of what it may be stretched, in use.
fn covers(shows: &Viewport, camera: &Viewport, most: f64) -> bool {
    let stretch = camera.scale / shows.scale;
    let (inner, outer) = (camera.seen(), shows.seen());
    let room = |a: usize| {
        let spare = (1.0 - most) * BEYOND * camera.size[a] / shows.scale;
        outer.low[a] + spare <= inner.low[a] && inner.high[a] <= outer.high[a] - spare
    };
    stretch.ln().abs() <= most * STRETCH.ln() && room(0) && room(1)
}
