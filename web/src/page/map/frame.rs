//! One frame: what is to be drawn, from the map's state, and whether another is due.

use gistmap::scene::density::Density;
use gistmap::scene::palette::{Colour, Theme, background};
use gistmap::scene::viewport::Viewport;

use super::MapEvent;
use super::core::{Core, Stale};
use super::draw::{Camera, Mark, Shape, Shown};
use super::stage::Staged;

/// CSS pixels between neighbours from which on thumbnails are drawn.
const NEAR_ENOUGH: f64 = 14.0;
/// A thumbnail's side, smallest and largest.
const SIDES: (f64, f64) = (21.0, 150.0);
/// CSS pixels between thumbnails.
const GAP: f64 = 3.0;
/// Thumbnails in a frame at most.
const MOST_PICTURES: usize = 1500;
/// Pictures asked for at a time.
const MOST_ASKED: usize = 48;
/// Device pixels from which on a thumbnail wants a sharper picture.
const SHARP: f64 = 76.0;
/// Fewer points than this make no crowd.
const CROWD: usize = 400;
/// CSS pixels between neighbours at which the density is at full strength, and at which it is gone.
const DENSITY: (f64, f64) = (3.5, 11.0);
/// Milliseconds of a frame that make a machine slow.
const SLOW: f64 = 33.0;
/// Frames in a row before a machine is called slow.
const PATIENCE: u32 = 16;
/// Milliseconds of a frame that go into working out which thumbnails keep their distance.
const SEPARATING: f64 = 3.0;
/// A pause that separates one motion from the next, in milliseconds.
const PAUSE: f64 = 250.0;

/// How fast frames follow each other while something moves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    last: f64,
    frames: u32,
    over: f64,
    work: f64,
    slow: bool,
}

impl Pace {
    /// A frame was drawn at `now`, which took `work` milliseconds of this thread.
    fn frame(&mut self, now: f64, work: f64) {
        let passed = now - self.last;
        if passed > PAUSE {
            (self.frames, self.over, self.work) = (0, 0.0, 0.0);
        } else {
            self.over += passed;
        }
        self.last = now;
        self.work += work;
        self.frames += 1;
    }

    /// Milliseconds of this thread that a frame of the last motion took.
    pub(super) fn work(&self) -> f64 {
        self.work / f64::from(self.frames.max(1))
    }

    /// Whether fewer pixels should be drawn.
    pub(super) fn slow(&self) -> bool {
        self.slow
    }

    /// Whether this frame found the machine to be slow.
    fn turned_slow(&mut self) -> bool {
        let now_slow = self.frames > PATIENCE && self.over / f64::from(self.frames - 1) > SLOW;
        let turned = now_slow && !self.slow;
        self.slow |= now_slow;
        turned
    }
}

impl Core {
    /// Draws. Called once per frame of the browser, at `now`, when one is due.
    pub(super) fn frame(&mut self, now: f64) {
        let began = super::screen::now();
        self.due = false;
        // An empty map looks like the ground that it is on.
        if self.renderer.is_none() || self.screen.is_none() || self.layout.len() == 0 {
            return;
        }
        if self.slides() != self.stage.sliding {
            self.stage.sliding = !self.stage.sliding;
            self.resize();
        }
        let flying = self.fly(now);
        let way = self.layout.way(now);
        self.keep_whole(now);
        self.tell();
        let waiting = self.present(now, way);
        self.name(flying);
        let moving = flying || way < 1.0 || self.centres_move(now);
        self.due |= moving || waiting || self.stage.fresh || self.stage.choosing;
        self.pace.frame(now, super::screen::now() - began);
        if moving && self.pace.turned_slow() {
            self.resize();
        }
    }

    /// Sees to it that the canvas shows what it should; true where it will show more when there is time.
    fn present(&mut self, now: f64, way: f32) -> bool {
        let Staged { anew, settled, waiting } = self.restage(now, way);
        self.size_up();
        let mut news = anew || (settled && (self.stage.fresh || self.stage.choosing));
        if news {
            self.stage.choosing = self.choose(way);
        }
        let marks = self.marks(now, way);
        news |= marks != self.stage.marks;
        let camera = self.shader_camera(&self.stage.shows, way);
        if let Some(renderer) = self.renderer.as_mut().filter(|_| news) {
            self.stage.fresh = !renderer.draw(&camera, self.stage.sliding, &self.shown, &marks);
            self.stage.marks = marks;
        }
        if let Some(screen) = &mut self.screen {
            screen.slide(&self.stage.shows, &self.camera);
        }
        waiting
    }

    /// Moves the camera along; true while it is on its way.
    fn fly(&mut self, now: f64) -> bool {
        let Some((flight, start)) = &self.flight else { return false };
        let (camera, arrived) = flight.at((now - start) / 1000.0);
        self.camera = camera;
        if arrived {
            self.flight = None;
        }
        self.events.push(MapEvent::View);
        !arrived
    }

    /// Tells the device what it has not been told yet.
    fn tell(&mut self) {
        if self.stale.places || self.stale.styles || self.stale.density {
            self.stamped.spoil();
        }
        if self.stale.styles {
            self.restyle();
        }
        let Some(renderer) = &mut self.renderer else { return };
        if self.stale.places {
            renderer.place(Some(self.layout.before()), self.layout.after());
        }
        if self.stale.styles {
            renderer.style(&self.styles);
        }
        if self.stale.density
            && self.layout.len() >= CROWD
            && let Some(density) = Density::new(self.layout.after(), &self.colours)
        {
            renderer.set_density(&density);
        }
        self.stale = Stale { labels: self.stale.labels, ..Stale::default() };
    }

    /// How large points and thumbnails are on the canvas.
    fn size_up(&mut self) {
        let spacing = self.spacing * self.stage.shows.scale;
        self.radius = radius_at(spacing);
        self.side = if self.with_pictures { side_at(spacing) } else { 0.0 };
    }

    /// Which thumbnails are drawn, and which pictures must be asked for; true where the choice is not final.
    fn choose(&mut self, way: f32) -> bool {
        self.shown.clear();
        if self.side <= 0.0 {
            return false;
        }
        // While points move, the order of the places that they leave serves.
        let began = super::screen::now();
        let working = way >= 1.0 && self.layout.separate(|| super::screen::now() - began < SEPARATING);
        let shows = self.stage.shows;
        let apart = (self.side + GAP) / shows.scale;
        let area = shows.seen().grown(self.side / shows.scale);
        let mut found = self.layout.apart(&area, apart);
        found.truncate(MOST_PICTURES);
        let density = self.screen.as_ref().map_or(1.0, |s| s.density());
        let near = self.side * density >= SHARP;
        for i in found {
            let (Some((before, after)), Some(&style)) = (self.layout.places(i), self.styles.get(i)) else { continue };
            self.shown.push(Shown { picture: i as u32, before, after, style, near });
        }
        self.ask(near);
        let Some(renderer) = &self.renderer else { return working };
        self.shown
            .retain(|s| renderer.has_picture(s.picture, false) || (near && renderer.has_picture(s.picture, true)));
        working
    }

    /// Asks for pictures that are to be drawn and are not here.
    fn ask(&mut self, near: bool) {
        let Some(renderer) = &self.renderer else { return };
        for sharp in [false, true] {
            if sharp && !near {
                continue;
            }
            let asked = &mut self.asked[usize::from(sharp)];
            let wanted = self.shown.iter().map(|s| s.picture).filter(|&p| !renderer.has_picture(p, sharp));
            let wanted: Vec<usize> = wanted.filter(|&p| asked.insert(p)).take(MOST_ASKED).map(|p| p as usize).collect();
            if !wanted.is_empty() {
                self.events.push(if sharp { MapEvent::WantDetails(wanted) } else { MapEvent::WantThumbnails(wanted) });
            }
        }
    }

    fn marks(&self, now: f64, way: f32) -> Vec<Mark> {
        let ink = opaque(ink(self.theme));
        let centres = self.centres_now(now).into_iter().zip(&self.centres);
        let mut marks: Vec<Mark> =
            centres.map(|(at, c)| Mark { at, radius: 11.0, shape: Shape::Centre, colour: opaque(c.colour) }).collect();
        if let Some((picture, (before, after))) = self.hover.and_then(|i| Some((i, self.layout.places(i)?))) {
            let at = std::array::from_fn(|a| before[a] + (after[a] - before[a]) * way);
            let framed = self.shown.iter().any(|s| s.picture as usize == picture);
            let (shape, radius) =
                if framed { (Shape::Frame, self.side / 2.0 + 2.0) } else { (Shape::Ring, self.radius * 1.3 + 3.5) };
            marks.push(Mark { at, radius: radius as f32, shape, colour: ink });
        }
        marks
    }

    /// A canvas that shows `view`, as shaders read it.
    pub(super) fn shader_camera(&self, view: &Viewport, way: f32) -> Camera {
        let spacing = self.spacing * view.scale;
        let radius = radius_at(spacing);
        let crowded = ((DENSITY.1 - spacing) / (DENSITY.1 - DENSITY.0)).clamp(0.0, 1.0);
        let heat = if self.layout.len() >= CROWD { crowded as f32 } else { 0.0 };
        let strength = if self.theme == Theme::Light { 0.34 } else { 0.40 };
        let &Viewport { centre, scale, size } = view;
        let clip = |v: [f64; 2]| std::array::from_fn(|a| (2.0 * v[a] / size[a].max(1.0)) as f32);
        let unit = |c: Colour| [f32::from(c.r) / 255.0, f32::from(c.g) / 255.0, f32::from(c.b) / 255.0, 1.0];
        Camera {
            centre: centre.map(|c| c as f32),
            world: clip([scale; 2]),
            pixel: clip([1.0; 2]),
            density: self.screen.as_ref().map_or(1.0, |s| s.density()) as f32,
            way,
            radius: radius as f32,
            outline: if radius > 1.8 { 0.9 } else { 0.0 },
            opacity: 0.92 - 0.30 * crowded as f32,
            dimmed: if radius > 2.5 { 0.20 } else { 0.13 },
            side: if self.with_pictures { side_at(spacing) as f32 } else { 0.0 },
            heat: heat * strength * if self.selected.contains(&true) { 0.35 } else { 1.0 },
            unused: [0.0; 2],
            background: unit(background(self.theme)),
            ink: unit(ink(self.theme)),
        }
    }

    /// Places the clusters' names.
    fn name(&mut self, flying: bool) {
        let Some(screen) = &mut self.screen else { return };
        // Names come along with much else in the document, which is laid out between this frame and the next.
        if std::mem::take(&mut self.names_due) {
            screen.write_labels(&self.labels);
        } else if std::mem::take(&mut self.stale.labels) {
            (self.names_due, self.due) = (true, true);
            return;
        }
        screen.place_labels(&self.labels, &self.camera, self.side > 0.0);
        if !flying {
            screen.report(self.pace.work());
        }
    }
}

/// A point's radius where neighbours are `spacing` CSS pixels apart.
fn radius_at(spacing: f64) -> f64 {
    (0.21 * spacing).powf(0.8).clamp(1.15, 6.0)
}

/// A thumbnail's side where neighbours are `spacing` CSS pixels apart; 0 where points are drawn instead.
pub(super) fn side_at(spacing: f64) -> f64 {
    if spacing >= NEAR_ENOUGH { (9.0 + 0.85 * spacing).clamp(SIDES.0, SIDES.1) } else { 0.0 }
}

/// What is written and ringed in: nearly black, or nearly white.
fn ink(theme: Theme) -> Colour {
    match theme {
        Theme::Light => Colour::rgb(0x1a, 0x1c, 0x20),
        Theme::Dark => Colour::rgb(0xf2, 0xf3, 0xf5),
    }
}

fn opaque(c: Colour) -> [u8; 4] {
    [c.r, c.g, c.b, 255]
}
