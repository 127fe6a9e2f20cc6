//! Hands on the map: pointers, wheel and keys become movements of the camera, clicks and lassos.
//!
//! One finger or button drags the map; two fingers pinch; shift, or the lasso as the tool, draws an outline instead.

use web_sys::{KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};

use super::core::Core;
use super::{MapEvent, Modifiers, Tool};

/// CSS pixels that a pointer may move and still click.
const STEADY: f64 = 4.0;
/// CSS pixels between corners of a lasso.
const CORNER: f64 = 3.0;
/// How much nearer one CSS pixel of wheel brings the camera, and of a trackpad's pinch, which comes in smaller numbers.
const WHEEL: f64 = 0.0022;
const PINCH: f64 = 0.010;
/// CSS pixels in a line, and in a page, of a wheel that counts in those.
const LINE: f64 = 18.0;
const PAGE: f64 = 400.0;
/// The wheel moves in notches when it moves by this many CSS pixels or more: each is then a short flight.
const NOTCH: f64 = 40.0;
/// What one press of a key does: CSS pixels, times as near.
const STEP: f64 = 90.0;
const NEARER: f64 = 1.5;

/// The pointers that are down, and what they are doing.
#[derive(Debug, Default)]
pub(super) struct Pointers {
    down: Vec<(i32, [f64; 2])>,
    doing: Doing,
}

#[derive(Debug, Default)]
enum Doing {
    #[default]
    Nothing,
    /// Pressed at a place, not moved yet.
    Pressing([f64; 2]),
    Panning,
    Pinching,
    Lasso(Vec<[f64; 2]>),
}

impl Core {
    /// A pointer is pressed.
    pub(super) fn pointer_down(&mut self, event: &PointerEvent) {
        if event.pointer_type() == "mouse" && event.button() != 0 {
            return;
        }
        let at = self.place(event);
        if let Some(screen) = &self.screen {
            // Without capture, a drag merely ends at the map's edge.
            let _ = screen.root().set_pointer_capture(event.pointer_id());
        }
        self.pointers.down.retain(|(id, _)| *id != event.pointer_id());
        self.pointers.down.push((event.pointer_id(), at));
        let lasso = event.shift_key() || self.tool == Tool::Lasso;
        self.pointers.doing = match self.pointers.down.len() {
            1 if lasso => Doing::Lasso(vec![at]),
            1 => Doing::Pressing(at),
            _ => Doing::Pinching,
        };
        if !matches!(self.pointers.doing, Doing::Lasso(_)) {
            self.draw_lasso();
        }
    }

    /// A pointer moves, pressed or not.
    pub(super) fn pointer_moved(&mut self, event: &PointerEvent) {
        let at = self.place(event);
        let Some(held) = self.pointers.down.iter().position(|(id, _)| *id == event.pointer_id()) else {
            if event.pointer_type() != "touch" {
                self.hover_at(at);
            }
            return;
        };
        let before = std::mem::replace(&mut self.pointers.down[held].1, at);
        match &mut self.pointers.doing {
            Doing::Pressing(from) if distance(*from, at) > STEADY => {
                let by = [at[0] - from[0], at[1] - from[1]];
                self.pointers.doing = Doing::Panning;
                self.look(self.camera.panned(by), false);
            }
            Doing::Panning => self.look(self.camera.panned([at[0] - before[0], at[1] - before[1]]), false),
            Doing::Pinching => self.pinch(held, before, at),
            Doing::Lasso(corners) => {
                if corners.last().is_none_or(|&c| distance(c, at) >= CORNER) {
                    corners.push(at);
                    self.draw_lasso();
                }
            }
            Doing::Nothing | Doing::Pressing(_) => {}
        }
    }

    /// A pointer is let go; `cancelled` by the browser it selects nothing.
    pub(super) fn pointer_up(&mut self, event: &PointerEvent, cancelled: bool) {
        let held = self.pointers.down.iter().any(|(id, _)| *id == event.pointer_id());
        self.pointers.down.retain(|(id, _)| *id != event.pointer_id());
        if !held {
            return;
        }
        let left = self.pointers.down.len();
        // One finger of a pinch that stays goes on dragging.
        let next = if left == 1 { Doing::Panning } else { Doing::Nothing };
        match std::mem::replace(&mut self.pointers.doing, next) {
            Doing::Pressing(at) if !cancelled => {
                let picture = self.pick(at);
                self.events.push(MapEvent::Click { picture, at, modifiers: Modifiers::of(event) });
            }
            Doing::Lasso(corners) if !cancelled => {
                let pictures = self.enclosed(&corners);
                self.events.push(MapEvent::Lasso { pictures, modifiers: Modifiers::of(event) });
            }
            _ => {}
        }
        self.draw_lasso();
    }

    /// The pointer leaves the map.
    pub(super) fn pointer_left(&mut self) {
        if self.pointers.down.is_empty() {
            self.hovered(None);
        }
    }

    /// Two clicks: nearer.
    pub(super) fn double_clicked(&mut self, event: &MouseEvent) {
        let to = self.bound_for().zoomed(2.0, self.place(event));
        self.look(to, true);
    }

    /// The wheel turns, or two fingers pinch on a trackpad, which browsers tell as a wheel with the control key.
    pub(super) fn wheel(&mut self, event: &WheelEvent) {
        let unit = match event.delta_mode() {
            WheelEvent::DOM_DELTA_LINE => LINE,
            WheelEvent::DOM_DELTA_PAGE => PAGE,
            _ => 1.0,
        };
        let delta = (event.delta_y() * unit).clamp(-PAGE, PAGE);
        let rate = if event.ctrl_key() && delta.abs() < NOTCH { PINCH } else { WHEEL };
        let smoothly = delta.abs() >= NOTCH;
        let from = if smoothly { self.bound_for() } else { self.camera };
        let to = from.zoomed((-delta * rate).exp(), self.place(event));
        self.look(to, smoothly);
    }

    /// A key is pressed on the focused map; true where it meant something.
    pub(super) fn key(&mut self, event: &KeyboardEvent) -> bool {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return false;
        }
        let from = self.bound_for();
        let middle = from.size.map(|s| s / 2.0);
        let to = match event.key().as_str() {
            "ArrowLeft" => from.panned([STEP, 0.0]),
            "ArrowRight" => from.panned([-STEP, 0.0]),
            "ArrowUp" => from.panned([0.0, STEP]),
            "ArrowDown" => from.panned([0.0, -STEP]),
            "+" | "=" => from.zoomed(NEARER, middle),
            "-" | "_" => from.zoomed(1.0 / NEARER, middle),
            "0" => {
                self.fit();
                return true;
            }
            _ => return false,
        };
        self.look(to, true);
        true
    }

    /// The finger `moved` of two goes from `before` to `at`.
    fn pinch(&mut self, moved: usize, before: [f64; 2], at: [f64; 2]) {
        let Some(&(_, other)) = self.pointers.down.iter().enumerate().find(|(i, _)| *i != moved).map(|(_, p)| p) else {
            return;
        };
        let middle = |p: [f64; 2]| [(p[0] + other[0]) / 2.0, (p[1] + other[1]) / 2.0];
        let (from, to) = (middle(before), middle(at));
        let factor = distance(at, other).max(1.0) / distance(before, other).max(1.0);
        let panned = self.camera.panned([to[0] - from[0], to[1] - from[1]]);
        self.look(panned.zoomed(factor, to), false);
    }

    fn hover_at(&mut self, at: [f64; 2]) {
        let picture = self.pick(at);
        self.hovered(picture);
    }

    fn hovered(&mut self, picture: Option<usize>) {
        if self.hover != picture {
            self.set_hover(picture);
            self.events.push(MapEvent::Hover(picture));
        }
    }

    fn draw_lasso(&self) {
        let corners: &[[f64; 2]] = if let Doing::Lasso(corners) = &self.pointers.doing { corners } else { &[] };
        if let Some(screen) = &self.screen {
            screen.draw_lasso(corners);
        }
    }

    /// Where an event happened, in CSS pixels from the map's corner.
    fn place(&self, event: &MouseEvent) -> [f64; 2] {
        let [x, y] = [f64::from(event.client_x()), f64::from(event.client_y())];
        let Some(screen) = &self.screen else { return [x, y] };
        let area = screen.root().get_bounding_client_rect();
        [x - area.left(), y - area.top()]
    }
}

impl Modifiers {
    fn of(event: &MouseEvent) -> Self {
        Self { shift: event.shift_key(), command: event.ctrl_key() || event.meta_key() }
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}
