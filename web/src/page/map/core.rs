//! What the map knows, apart from any device: points, colours, selection, camera. [`super::Map`] changes it, `frame` draws
//! it, `input` steers it.

use gistmap::scene::Bounds;
use gistmap::scene::lasso::Lasso;
use gistmap::scene::palette::{Colour, Theme};
use gistmap::scene::viewport::{Flight, Viewport};
use web_sys::ImageBitmap;

use super::draw::{Renderer, Shown};
use super::frame::{Pace, side_at};
use super::input::Pointers;
use super::layout::Layout;
use super::screen::{Measured, Screen};
use super::stage::Stage;
use super::stamped::Stamped;
use super::{Centre, Label, MapEvent, Tool};

/// CSS pixels left free around the points when all are in view.
const MARGIN: f64 = 36.0;
/// CSS pixels left free beside a thumbnail at the edge.
const EDGE: f64 = 8.0;
/// Milliseconds in which points go to new places.
const MOVE: f64 = 420.0;
/// CSS pixels around a point that count as on it.
const NEAR: f64 = 6.0;

/// The map's state.
pub(super) struct Core {
    pub(super) layout: Layout,
    pub(super) colours: Vec<[u8; 4]>,
    pub(super) selected: Vec<bool>,
    pub(super) dimmed: Vec<bool>,
    pub(super) hover: Option<usize>,
    pub(super) centres: Vec<Centre>,
    /// Where the centres come from, and when they set out.
    pub(super) centres_before: Option<(Vec<[f32; 2]>, f64)>,
    pub(super) labels: Vec<Label>,
    /// The next frame writes the names.
    pub(super) names_due: bool,
    pub(super) theme: Theme,
    pub(super) tool: Tool,
    pub(super) with_pictures: bool,
    pub(super) still: bool,
    pub(super) camera: Viewport,
    pub(super) flight: Option<(Flight, f64)>,
    /// Whether the camera keeps all points in view as they move: until a person moves it.
    pub(super) follow: bool,
    pub(super) stale: Stale,
    pub(super) styles: Vec<[u8; 4]>,
    pub(super) shown: Vec<Shown>,
    pub(super) stamped: Stamped,
    pub(super) stage: Stage,
    /// A thumbnail's side on the canvas, a point's radius.
    pub(super) side: f64,
    pub(super) radius: f64,
    /// How far neighbours are apart, in world units.
    pub(super) spacing: f64,
    /// Pictures asked for and not here yet: tiles, sharper ones.
    pub(super) asked: [std::collections::HashSet<u32>; 2],
    pub(super) screen: Option<Screen>,
    pub(super) renderer: Option<Renderer>,
    /// Counts openings of a device, so that news of an earlier one is passed over.
    pub(super) opening: u32,
    pub(super) losses: u32,
    pub(super) pointers: Pointers,
    pub(super) pace: Pace,
    pub(super) events: Vec<MapEvent>,
    /// Whether a frame is due.
    pub(super) due: bool,
}

/// What the device has not been told yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stale {
    pub(super) places: bool,
    pub(super) styles: bool,
    pub(super) density: bool,
    pub(super) labels: bool,
}

impl Stale {
    pub(super) const ALL: Self = Self { places: true, styles: true, density: true, labels: true };
}

impl Core {
    pub(super) fn new() -> Self {
        let camera = Viewport::fit(&Bounds { low: [-1.0; 2], high: [1.0; 2] }, [1.0, 1.0], 0.0);
        Self {
            layout: Layout::default(),
            colours: Vec::new(),
            selected: Vec::new(),
            dimmed: Vec::new(),
            hover: None,
            centres: Vec::new(),
            centres_before: None,
            labels: Vec::new(),
            names_due: false,
            theme: Theme::Light,
            tool: Tool::Pan,
            with_pictures: true,
            still: super::screen::wants_less_motion(),
            camera,
            flight: None,
            follow: true,
            stale: Stale::default(),
            styles: Vec::new(),
            shown: Vec::new(),
            stamped: Stamped::default(),
            stage: Stage::new(camera),
            side: 0.0,
            radius: 0.0,
            spacing: 1.0,
            asked: Default::default(),
            screen: None,
            renderer: None,
            opening: 0,
            losses: 0,
            pointers: Pointers::default(),
            pace: Pace::default(),
            events: Vec::new(),
            due: false,
        }
    }

    /// See [`super::Map::set_points`].
    pub(super) fn set_points(&mut self, xy: &[f32]) {
        let now = super::screen::now();
        let xy = &xy[..xy.len() / 2 * 2];
        let another = xy.len() / 2 != self.layout.len();
        let duration = if self.still { 0.0 } else { MOVE };
        let before = self.layout.set(xy, now, duration);
        if let Some(renderer) = self.renderer.as_mut().filter(|_| !self.stale.places) {
            renderer.place(before, xy);
        } else {
            self.stale.places = true;
        }
        self.stale.density = true;
        self.stamped.spoil();
        if another {
            let n = xy.len() / 2;
            self.colours.resize(n, self.neutral());
            self.selected = vec![false; n];
            self.dimmed.clear();
            self.hover = None;
            self.asked = Default::default();
            self.follow = true;
            self.stale.styles = true;
        }
        self.keep_whole(now);
        self.due = true;
    }

    /// See [`super::Map::set_colours`].
    pub(super) fn set_colours(&mut self, colours: &[Colour]) {
        self.colours = colours.iter().map(|c| [c.r, c.g, c.b, 255]).collect();
        self.colours.resize(self.layout.len(), self.neutral());
        self.stale.styles = true;
        self.stale.density = true;
        // Colours come with every batch of pictures, long before there is a map.
        self.due |= self.layout.len() > 0;
    }

    /// See [`super::Map::set_selection`].
    pub(super) fn set_selection(&mut self, pictures: &[usize]) {
        let mut selected = vec![false; self.layout.len()];
        for &picture in pictures {
            if let Some(flag) = selected.get_mut(picture) {
                *flag = true;
            }
        }
        if selected != self.selected {
            self.selected = selected;
            self.stale.styles = true;
            self.due = true;
        }
    }

    /// See [`super::Map::set_dimmed`].
    pub(super) fn set_dimmed(&mut self, dimmed: &[bool]) {
        if self.dimmed != dimmed {
            self.dimmed = dimmed.to_vec();
            self.stale.styles = true;
            self.due = true;
        }
    }

    /// See [`super::Map::set_hover`].
    pub(super) fn set_hover(&mut self, picture: Option<usize>) {
        let picture = picture.filter(|&p| p < self.layout.len());
        if self.hover != picture {
            self.hover = picture;
            self.due = true;
        }
    }

    /// See [`super::Map::set_centres`].
    pub(super) fn set_centres(&mut self, centres: Vec<Centre>) {
        let same = centres.len() == self.centres.len() && !centres.is_empty() && !self.still;
        let now = super::screen::now();
        let before = self.centres_now(now);
        self.centres_before = same.then_some((before, now));
        self.centres = centres;
        self.due = true;
    }

    /// Where the centres are on their way.
    pub(super) fn centres_now(&self, now: f64) -> Vec<[f32; 2]> {
        let Some((before, start)) = &self.centres_before else { return self.centres.iter().map(|c| c.at).collect() };
        let way = gistmap::scene::viewport::ease((now - start) / MOVE) as f32;
        let between = |(b, c): (&[f32; 2], &Centre)| std::array::from_fn(|a| b[a] + (c.at[a] - b[a]) * way);
        before.iter().zip(&self.centres).map(between).collect()
    }

    /// Whether the centres are on their way.
    pub(super) fn centres_move(&self, now: f64) -> bool {
        self.centres_before.as_ref().is_some_and(|(_, start)| now - start < MOVE)
    }

    /// See [`super::Map::set_thumbnail`] and [`super::Map::set_detail`].
    pub(super) fn set_picture(&mut self, picture: usize, sharp: bool, bitmap: &ImageBitmap) {
        let Ok(picture) = u32::try_from(picture) else { return };
        self.asked[usize::from(sharp)].remove(&picture);
        if let Some(renderer) = &mut self.renderer {
            renderer.put_picture(picture, sharp, bitmap);
            self.stage.fresh = true;
            self.due = true;
        }
    }

    /// Colour and state of each point, as the shaders read them.
    pub(super) fn restyle(&mut self) {
        let some_selected = self.selected.contains(&true);
        let state = |i: usize| {
            if self.selected.get(i) == Some(&true) {
                255
            } else if some_selected || self.dimmed.get(i) == Some(&true) {
                128
            } else {
                0
            }
        };
        self.styles = self.colours.iter().enumerate().map(|(i, &[r, g, b, _])| [r, g, b, state(i)]).collect();
    }

    /// The camera with all points in view.
    pub(super) fn whole(&mut self) -> Viewport {
        let bounds = self.layout.bounds();
        self.around(&bounds)
    }

    /// The camera with `bounds` in view, and the thumbnails at its edges.
    fn around(&mut self, bounds: &Bounds) -> Viewport {
        let points = Viewport::fit(bounds, self.camera.size, MARGIN);
        let side = side_at(self.layout.spacing() * points.scale);
        Viewport::fit(bounds, self.camera.size, MARGIN.max(side / 2.0 + EDGE))
    }

    /// Where nobody has moved the camera, it sees all points wherever they are on their way. Flying after them would lose
    /// them while a map forms, whose points are sent on ten times a second.
    pub(super) fn keep_whole(&mut self, now: f64) {
        if !self.follow || self.flight.is_some() || self.layout.len() == 0 {
            return;
        }
        let way = self.layout.way(now);
        let bounds = self.layout.bounds_at(way);
        let all = self.around(&bounds);
        if all != self.camera {
            self.camera = all;
            self.events.push(MapEvent::View);
        }
    }

    /// Moves the camera: smoothly, or at once where a hand leads it.
    pub(super) fn look(&mut self, to: Viewport, smoothly: bool) {
        let to = to.limited(&self.layout.bounds());
        if smoothly && !self.still {
            self.flight = Some((Flight::new(self.camera, to), super::screen::now()));
        } else {
            self.flight = None;
            self.camera = to;
        }
        self.follow = false;
        self.events.push(MapEvent::View);
        self.due = true;
    }

    /// Where the camera is going.
    pub(super) fn bound_for(&self) -> Viewport {
        self.flight.as_ref().map_or(self.camera, |(flight, _)| flight.end())
    }

    /// All points in view, and kept there.
    pub(super) fn fit(&mut self) {
        let all = self.whole();
        self.look(all, true);
        self.follow = true;
    }

    /// See [`super::Map::zoom_to`].
    pub(super) fn zoom_to(&mut self, pictures: &[usize]) {
        let places = pictures.iter().filter_map(|&i| self.layout.places(i)).map(|(_, p)| p.map(f64::from));
        let Some(bounds) = Bounds::around(places) else { return };
        // A single picture is shown among its neighbours.
        let least = self.layout.spacing() * 4.0;
        let short = (0..2).map(|a| (least - bounds.size()[a]).max(0.0) / 2.0).fold(f64::INFINITY, f64::min);
        let to = Viewport::fit(&bounds.grown(short), self.camera.size, 2.0 * MARGIN);
        self.look(to, true);
    }

    /// The picture at a place on the screen: a thumbnail that covers it, else the nearest point.
    pub(super) fn pick(&mut self, at: [f64; 2]) -> Option<usize> {
        let stretch = self.stage.stretch(&self.camera);
        let half = self.side * stretch / 2.0;
        let covers = |s: &&Shown| {
            let p = self.camera.to_screen(s.after.map(f64::from));
            (p[0] - at[0]).abs() <= half && (p[1] - at[1]).abs() <= half
        };
        if let Some(shown) = self.shown.iter().rev().find(covers) {
            return Some(shown.picture as usize);
        }
        let reach = (self.radius * stretch + NEAR) / self.camera.scale;
        self.layout.nearest(self.camera.to_world(at), reach)
    }

    /// The pictures inside an outline on the screen.
    pub(super) fn enclosed(&mut self, corners: &[[f64; 2]]) -> Vec<usize> {
        let world = corners.iter().map(|&c| self.camera.to_world(c)).collect();
        Lasso::new(world).map_or_else(Vec::new, |lasso| self.layout.enclosed(&lasso))
    }

    /// See [`super::Map::set_tool`].
    pub(super) fn set_tool(&mut self, tool: Tool) {
        self.tool = tool;
        if let Some(screen) = &self.screen {
            screen.show_tool(tool);
        }
    }

    /// Follows the size of the root element.
    pub(super) fn resize(&mut self) {
        let Some(screen) = &mut self.screen else { return };
        let longest = self.renderer.as_ref().map_or(2048, Renderer::longest_side);
        let beyond = if self.stage.sliding { Stamped::beyond } else { |_: f64| 0.0 };
        let Measured { size, pixels, canvas } = screen.measure(longest, self.pace.slow(), beyond);
        self.stamped.spoil();
        self.camera = self.camera.resized(size);
        self.flight = self.flight.take().filter(|_| !self.follow).map(|(flight, start)| (flight.resized(size), start));
        self.keep_whole(super::screen::now());
        if let Some(renderer) = &mut self.renderer {
            renderer.resize(canvas, pixels);
        }
        self.events.push(MapEvent::View);
        self.due = true;
    }

    fn neutral(&self) -> [u8; 4] {
        let grey = gistmap::scene::palette::noise(self.theme);
        [grey.r, grey.g, grey.b, 255]
    }
}
