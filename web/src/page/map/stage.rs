//! What the canvas shows. A device that is fast draws every frame, and the canvas shows what the camera sees. Where the
//! device is slow and points are many, the canvas is somewhat larger than the screen: it is drawn now and then, and in
//! between it slides under the camera, which costs browsers next to nothing.

use gistmap::scene::viewport::Viewport;

use super::core::Core;
use super::draw::{Mark, Renderer};
use super::stamped::Stamped;

/// Milliseconds without movement after which the camera rests.
const REST: f64 = 120.0;
/// Milliseconds of a frame that go into the next canvas while this one still serves.
const STAMPING: f64 = 4.0;

/// The canvas' part of the world.
#[derive(Debug)]
pub(super) struct Stage {
    /// Whether the canvas slides.
    pub(super) sliding: bool,
    /// What it shows; what the camera sees where it does not slide.
    pub(super) shows: Viewport,
    /// Pictures have come that the canvas does not show yet, or the browser had nothing to draw on.
    pub(super) fresh: bool,
    /// Which thumbnails are shown is not final.
    pub(super) choosing: bool,
    /// The marks that the canvas shows.
    pub(super) marks: Vec<Mark>,
    /// The camera of the frame before, and since when it has been so.
    camera_before: (Viewport, f64),
}

/// What a frame does about the canvas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Staged {
    /// It must be drawn.
    pub(super) anew: bool,
    /// It may be drawn: it does not slide just now. What comes while it slides is drawn with the next one.
    pub(super) settled: bool,
    /// It waits for the camera to rest, or for the rest of its points, to be drawn.
    pub(super) waiting: bool,
}

impl Stage {
    pub(super) fn new(camera: Viewport) -> Self {
        Self {
            sliding: false,
            shows: camera,
            fresh: false,
            choosing: false,
            marks: Vec::new(),
            camera_before: (camera, 0.0),
        }
    }

    /// How much larger things are on the screen than on the canvas.
    pub(super) fn stretch(&self, camera: &Viewport) -> f64 {
        camera.scale / self.shows.scale
    }
}

impl Core {
    /// Whether the canvas should slide.
    pub(super) fn slides(&self) -> bool {
        let slow = self.renderer.as_ref().is_some_and(Renderer::is_software) || self.pace.slow();
        slow && Stamped::pays(self.layout.len())
    }

    /// Decides what the canvas shows, and goes on drawing the points of what it will show.
    pub(super) fn restage(&mut self, now: f64, way: f32) -> Staged {
        self.spacing = self.layout.spacing();
        if !self.stage.sliding {
            self.stage.shows = self.camera;
            return Staged { anew: true, settled: true, waiting: false };
        }
        let density = self.screen.as_ref().map_or(1.0, |s| s.density());
        if self.camera != self.stage.camera_before.0 {
            self.stage.camera_before = (self.camera, now);
        }
        let resting = now - self.stage.camera_before.1 > REST;
        let urgent = !self.stamped.serves(&self.camera);
        let sharp = self.stamped.matches(&self.camera, density);
        let due = urgent || (!sharp && resting) || !self.stamped.eases(&self.camera);
        // What is in the making is of use as long as the camera will be over it.
        if due && !self.stamped.making_for(&self.camera, urgent) {
            let view = Stamped::view(&self.camera);
            let camera = self.shader_camera(&view, way);
            self.stamped.begin(view, camera, self.styles.len().min(self.layout.len()));
        }
        let began = super::screen::now();
        let time = || urgent || super::screen::now() - began < STAMPING;
        let anew = self.stamped.step(&self.layout, &self.styles, time);
        if let Some(shows) = self.stamped.shows().filter(|_| anew) {
            self.stage.shows = shows;
            if let Some(renderer) = &mut self.renderer {
                renderer.stamp(self.stamped.sheet());
            }
            if way < 1.0 {
                self.stamped.spoil();
            }
        }
        Staged { anew, settled: resting, waiting: !self.stamped.matches(&self.camera, density) }
    }
}
