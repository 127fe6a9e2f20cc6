//! The handle by which the page holds a map.

use gistmap::scene::palette::{Colour, Theme};
use gistmap::scene::viewport::Viewport;
use leptos::prelude::{GetValue, LocalStorage, StoredValue};
use web_sys::{HtmlElement, ImageBitmap};

use super::core::Core;
use super::session::Session;
use super::{Centre, Label, MapEvent, Tool};

/// A map. Copies are the same map; once the owner that made it is gone, calls do nothing.
///
/// Pictures are named by their row in the album. Everything may be set in any order, before and after [`super::MapView`]
/// shows the map, and survives the loss of the device but for pictures, which are then asked for again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Map(StoredValue<Session, LocalStorage>);

impl Map {
    /// A map without points. Call it in a component: the map lives as long as that.
    pub(crate) fn new() -> Self {
        Self(StoredValue::new_local(Session::new()))
    }

    /// Places of all pictures, `[x, y, x, y, ...]`, y upwards. Pictures glide to their new places; another number of them
    /// starts afresh. The camera keeps all in view until a person moves it. A few milliseconds for 60,000.
    pub(crate) fn set_points(&self, xy: &[f32]) {
        self.change(|core| core.set_points(xy));
    }

    /// One colour for each picture, for its point and the frame of its thumbnail.
    pub(crate) fn set_colours(&self, colours: &[Colour]) {
        self.change(|core| core.set_colours(colours));
    }

    /// A picture's tile, 64 texels square; unasked ones are welcome.
    pub(crate) fn set_thumbnail(&self, picture: usize, bitmap: &ImageBitmap) {
        self.change(|core| core.set_picture(picture, false, bitmap));
    }

    /// A sharper picture, 256 texels square.
    pub(crate) fn set_detail(&self, picture: usize, bitmap: &ImageBitmap) {
        self.change(|core| core.set_picture(picture, true, bitmap));
    }

    /// The selected pictures; while there are any, all others fade.
    pub(crate) fn set_selection(&self, pictures: &[usize]) {
        self.change(|core| core.set_selection(pictures));
    }

    /// Pictures that fade, a flag for each; empty for none.
    pub(crate) fn set_dimmed(&self, dimmed: &[bool]) {
        self.change(|core| core.set_dimmed(dimmed));
    }

    /// The picture that is marked as under the pointer, here or elsewhere in the page.
    pub(crate) fn set_hover(&self, picture: Option<usize>) {
        self.change(|core| core.set_hover(picture));
    }

    /// Centres of K-Means; as many as before, they glide to their new places.
    pub(crate) fn set_centres(&self, centres: Vec<Centre>) {
        self.change(|core| core.set_centres(centres));
    }

    /// Names on the map.
    pub(crate) fn set_labels(&self, labels: Vec<Label>) {
        self.change(|core| {
            core.labels = labels;
            core.stale.labels = true;
            core.due = true;
        });
    }

    /// Light or dark. Colours made for one theme must be set anew for the other.
    pub(crate) fn set_theme(&self, theme: Theme) {
        self.change(|core| {
            core.theme = theme;
            core.stamped.spoil();
            core.due = true;
        });
    }

    /// What dragging does.
    pub(crate) fn set_tool(&self, tool: Tool) {
        self.change(|core| core.set_tool(tool));
    }

    /// Shows all pictures, and goes on doing so when they move.
    pub(crate) fn fit(&self) {
        self.change(Core::fit);
    }

    /// Shows these pictures as large as they fit.
    pub(crate) fn zoom_to(&self, pictures: &[usize]) {
        self.change(|core| core.zoom_to(pictures));
    }

    /// Looks at the same part of the world as another map.
    pub(crate) fn look(&self, viewport: &Viewport) {
        self.change(|core| {
            let to = viewport.resized(core.camera.size);
            if (to.centre, to.scale) != (core.camera.centre, core.camera.scale) {
                core.look(to, false);
            }
        });
    }

    /// What is seen now.
    pub(crate) fn viewport(&self) -> Option<Viewport> {
        self.ask(|core| core.camera)
    }

    /// Where a picture is, in CSS pixels from the map's corner: for a tooltip beside it.
    pub(crate) fn place(&self, picture: usize) -> Option<[f64; 2]> {
        let at = |core: &mut Core| core.layout.places(picture).map(|(_, p)| core.camera.to_screen(p.map(f64::from)));
        self.ask(at).flatten()
    }

    /// Who hears what the map tells; one listener at a time.
    pub(super) fn listen(&self, listener: impl Fn(MapEvent) + 'static) {
        if let Some(session) = self.0.try_get_value() {
            session.listen(listener);
        }
    }

    /// Shows the map in `root`.
    pub(super) fn mount(&self, root: &HtmlElement) {
        if let Some(session) = self.0.try_get_value() {
            session.mount(root);
        }
    }

    /// Lets go of elements and device.
    pub(super) fn unmount(&self) {
        if let Some(session) = self.0.try_get_value() {
            session.unmount();
        }
    }

    fn change(&self, change: impl FnOnce(&mut Core)) {
        self.ask(change);
    }

    fn ask<R>(&self, question: impl FnOnce(&mut Core) -> R) -> Option<R> {
        self.0.try_get_value().map(|session| session.enter(question))
    }
}
