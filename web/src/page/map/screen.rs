//! The map's elements in the page: canvas, names, the lasso's line; and what the browser says about the screen.

use gistmap::scene::labels::{Candidate, place};
use gistmap::scene::viewport::Viewport;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, HtmlCanvasElement, HtmlElement};

use super::{Label, Tool};

/// Names on the map at most, and the square CSS pixels of map that each is to have around it: more hide what they name.
const MOST_LABELS: usize = 28;
const ROOM: f64 = 26_000.0;
/// Device pixels a CSS pixel at most: more is not seen on points, and costs.
const MOST_DENSITY: f64 = 2.0;
/// Device pixels of a canvas' side at most, as far as it is not needed: browsers' devices have at least these.
const MOST_ROOM: f64 = 4096.0;
/// How much larger than needed a canvas may be before it is made smaller.
const MOST_SPARE: f64 = 1.5;
/// The canvas where the camera is what it shows.
const STILL: ([f64; 2], f64) = ([0.0; 2], 1.0);
const SVG: &str = "http://www.w3.org/2000/svg";

/// Milliseconds since the page was opened, as animation frames are told.
pub(super) fn now() -> f64 {
    web_sys::window().and_then(|w| w.performance()).map_or(0.0, |p| p.now())
}

/// Whether the person asked the system for less motion.
pub(super) fn wants_less_motion() -> bool {
    let query = |w: web_sys::Window| w.match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    web_sys::window().and_then(query).is_some_and(|q| q.matches())
}

/// The map's elements.
pub(super) struct Screen {
    root: HtmlElement,
    canvas: HtmlCanvasElement,
    names: HtmlElement,
    lasso: Element,
    outline: Element,
    written: Vec<Name>,
    size: [f64; 2],
    density: f64,
    over_pictures: bool,
    /// How far the canvas is slid, CSS pixels, and stretched.
    slid: ([f64; 2], f64),
}

/// A name's element, its size, and where it was placed in the last frame.
struct Name {
    element: HtmlElement,
    size: [f64; 2],
    at: Option<[f64; 2]>,
}

impl Screen {
    /// Puts the map's elements into `root`.
    ///
    /// # Errors
    /// When the document refuses to make elements.
    pub(super) fn new(root: &HtmlElement) -> Result<Self, JsValue> {
        let document = root.owner_document().ok_or("the map's element is in no document")?;
        let canvas = canvas(&document)?;
        let names: HtmlElement = document.create_element("div")?.unchecked_into();
        names.set_class_name("map-names");
        names.set_attribute("aria-hidden", "true")?;
        let lasso = document.create_element_ns(Some(SVG), "svg")?;
        lasso.set_attribute("class", "map-lasso")?;
        lasso.set_attribute("aria-hidden", "true")?;
        let outline = document.create_element_ns(Some(SVG), "polygon")?;
        lasso.append_child(&outline)?;
        root.replace_children_with_node_3(&canvas, &names, &lasso);
        let (root, written) = (root.clone(), Vec::new());
        let (size, density, over_pictures, slid) = ([1.0; 2], 1.0, false, STILL);
        Ok(Self { root, canvas, names, lasso, outline, written, size, density, over_pictures, slid })
    }

    pub(super) fn root(&self) -> &HtmlElement {
        &self.root
    }

    /// Shows `canvas` in place of the one before, whose device is gone or another.
    ///
    /// # Errors
    /// When the document refuses to replace elements.
    pub(super) fn show_canvas(&mut self, canvas: HtmlCanvasElement) -> Result<(), JsValue> {
        self.canvas.replace_with_with_node_1(&canvas)?;
        self.canvas = canvas;
        self.slid = STILL;
        Ok(())
    }

    /// Device pixels a CSS pixel.
    pub(super) fn density(&self) -> f64 {
        self.density
    }

    /// Reads the root's size, and sees to it that the canvas has pixels for that and for what it is to have `beyond` either
    /// edge of a side.
    pub(super) fn measure(&mut self, longest: u32, slow: bool, beyond: fn(f64) -> f64) -> Measured {
        let area = self.root.get_bounding_client_rect();
        self.size = [area.width().max(1.0), area.height().max(1.0)];
        let drawn = self.size.map(|s| s + 2.0 * beyond(s));
        let room = f64::from(longest) / drawn[0].max(drawn[1]);
        self.density = device_density(slow).min(room);
        let pixels = drawn.map(|s| ((s * self.density).round() as u32).max(1));
        let canvas = self.make_room(pixels, slow);
        let sides = canvas.map(|s| f64::from(s) / self.density);
        let [left, top] = self.size.map(|s| -beyond(s));
        let style = self.canvas.style();
        for (name, pixels) in [("left", left), ("top", top), ("width", sides[0]), ("height", sides[1])] {
            // A browser that refuses one of these has never been seen; the map would be cut off.
            let _ = style.set_property(name, &format!("{pixels}px"));
        }
        // The canvas slides and is stretched about the middle of what is drawn of it.
        let _ = style.set_property("transform-origin", &format!("{}px {}px", drawn[0] / 2.0, drawn[1] / 2.0));
        Measured { size: self.size, pixels, canvas }
    }

    /// Sees to it that the canvas has at least `pixels`; the size that it then has. Another size makes browsers wait for all
    /// that their GPU process has to do, so a canvas keeps its own where that serves.
    fn make_room(&self, pixels: [u32; 2], slow: bool) -> [u32; 2] {
        let have = [self.canvas.width(), self.canvas.height()];
        let usual = usual_room(slow);
        let wanted = [pixels[0].max(usual[0]), pixels[1].max(usual[1])];
        let serves = |a: usize| pixels[a] <= have[a] && f64::from(have[a]) <= MOST_SPARE * f64::from(wanted[a]);
        if serves(0) && serves(1) {
            return have;
        }
        self.canvas.set_width(wanted[0]);
        self.canvas.set_height(wanted[1]);
        wanted
    }

    /// Slides the canvas, which shows `shows`, to where `camera` sees that.
    pub(super) fn slide(&mut self, shows: &Viewport, camera: &Viewport) {
        let at: [f64; 2] = std::array::from_fn(|a| (shows.centre[a] - camera.centre[a]) * camera.scale);
        let slid = ([at[0], -at[1]], camera.scale / shows.scale);
        if self.slid != slid {
            self.slid = slid;
            let ([x, y], scale) = slid;
            let transform = format!("translate({x:.3}px,{y:.3}px) scale({scale:.6})");
            let transform = if slid == STILL { "none" } else { &transform };
            let _ = self.canvas.style().set_property("transform", transform);
        }
    }

    /// Writes the names anew. Measuring them lays out the page, so this is not for every frame.
    pub(super) fn write_labels(&mut self, labels: &[Label]) {
        let Some(document) = self.root.owner_document() else { return };
        self.names.set_text_content(None);
        self.written.clear();
        for label in labels {
            let Ok(element) = document.create_element("span") else { continue };
            let element: HtmlElement = element.unchecked_into();
            element.set_text_content(Some(&label.text));
            let style = element.style();
            // A browser that refuses one of these shows the name a little plainer.
            let _ = style.set_property("--of", &label.colour.hex());
            let _ = self.names.append_child(&element);
            self.written.push(Name { element, size: [0.0; 2], at: None });
        }
        for name in &mut self.written {
            name.size = [f64::from(name.element.offset_width()), f64::from(name.element.offset_height())];
        }
    }

    /// Moves the names to where `camera` sees their clusters; over thumbnails they get a ground of their own.
    pub(super) fn place_labels(&mut self, labels: &[Label], camera: &Viewport, over_pictures: bool) {
        if self.over_pictures != over_pictures {
            self.over_pictures = over_pictures;
            let _ = self.names.class_list().toggle_with_force("over-pictures", over_pictures);
        }
        let candidates: Vec<Candidate> = self
            .written
            .iter()
            .zip(labels)
            .map(|(name, label)| Candidate {
                at: camera.to_screen(label.at.map(f64::from)),
                size: name.size,
                weight: label.weight,
                shown: name.at.is_some(),
            })
            .collect();
        let room = (camera.size[0] * camera.size[1] / ROOM) as usize;
        let places = place(&candidates, camera.size, room.min(MOST_LABELS));
        for (name, place) in self.written.iter_mut().zip(places) {
            let place = place.map(|p| p.map(f64::round));
            if name.at == place {
                continue;
            }
            let style = name.element.style();
            if let Some([x, y]) = place {
                let _ = style.set_property("transform", &format!("translate({x}px,{y}px)"));
            }
            if name.at.is_some() != place.is_some() {
                let _ = name.element.class_list().toggle_with_force("shown", place.is_some());
            }
            name.at = place;
        }
    }

    /// Draws the lasso's line; an empty one takes it away.
    pub(super) fn draw_lasso(&self, corners: &[[f64; 2]]) {
        let points: Vec<String> = corners.iter().map(|c| format!("{:.1},{:.1}", c[0], c[1])).collect();
        let _ = self.outline.set_attribute("points", &points.join(" "));
        let _ = self.lasso.class_list().toggle_with_force("drawing", !corners.is_empty());
    }

    /// The pointer's shape follows the tool.
    pub(super) fn show_tool(&self, tool: Tool) {
        let _ = self.root.class_list().toggle_with_force("lasso", tool == Tool::Lasso);
    }

    /// Notes for tests and the curious how much of this thread's time a frame takes.
    pub(super) fn report(&self, work: f64) {
        let _ = self.root.set_attribute("data-frame-ms", &format!("{work:.2}"));
    }
}

/// What a map measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// The root, in CSS pixels.
    pub(super) size: [f64; 2],
    /// What is drawn, in device pixels: the canvas' upper left.
    pub(super) pixels: [u32; 2],
    /// The whole canvas, in device pixels.
    pub(super) canvas: [u32; 2],
}

/// Device pixels a CSS pixel that a map has.
fn device_density(slow: bool) -> f64 {
    let wanted = web_sys::window().map_or(1.0, |w| w.device_pixel_ratio());
    wanted.clamp(0.5, if slow { 1.0 } else { MOST_DENSITY })
}

/// Device pixels that a canvas has ahead of knowing how large its map is: no map is larger than the window.
fn usual_room(slow: bool) -> [u32; 2] {
    let side = |s: Result<JsValue, JsValue>| s.ok().and_then(|s| s.as_f64()).unwrap_or(1.0);
    let window = web_sys::window().map_or([1.0; 2], |w| [side(w.inner_width()), side(w.inner_height())]);
    window.map(|s| (s * device_density(slow)).ceil().clamp(1.0, MOST_ROOM) as u32)
}

/// A canvas for a map, with the pixels that it is likely to need.
pub(super) fn canvas(document: &Document) -> Result<HtmlCanvasElement, JsValue> {
    let canvas: HtmlCanvasElement = document.create_element("canvas")?.unchecked_into();
    canvas.set_attribute("aria-hidden", "true")?;
    let [width, height] = usual_room(false);
    canvas.set_width(width);
    canvas.set_height(height);
    Ok(canvas)
}
