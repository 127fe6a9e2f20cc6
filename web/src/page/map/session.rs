//! What keeps a map going: its state behind one lock, the frame loop, the listeners, the device's opening and loss.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Event, HtmlElement, ResizeObserver};

use super::MapEvent;
use super::core::{Core, Stale};
use super::opening::{self, Opened};
use super::screen::Screen;

/// Devices lost before the map gives up.
const MOST_LOSSES: u32 = 5;

/// A map's state and what keeps it going; clones are the same.
#[derive(Clone)]
pub(super) struct Session(Rc<Inner>);

/// Hears what the map tells.
type Listener = Rc<dyn Fn(MapEvent)>;

struct Inner {
    core: RefCell<Core>,
    listener: RefCell<Option<Listener>>,
    mounted: RefCell<Option<Mounted>>,
    /// The frame of the browser that will draw, by the number that takes it back.
    awaited: std::cell::Cell<Option<i32>>,
    tick: Closure<dyn FnMut(f64)>,
}

impl Inner {
    /// No frame is awaited any more.
    fn forgo(&self) {
        if let Some((frame, window)) = self.awaited.take().zip(web_sys::window()) {
            // A number that the browser gave is taken back by it.
            let _ = window.cancel_animation_frame(frame);
        }
    }
}

impl Drop for Inner {
    /// The browser would call a closure that is gone.
    fn drop(&mut self) {
        self.forgo();
    }
}

/// What must live as long as the map is in the page.
struct Mounted {
    observer: ResizeObserver,
    _resized: Closure<dyn FnMut()>,
    _listeners: Vec<EventListener>,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    pub(super) fn new() -> Self {
        Self(Rc::new_cyclic(|weak: &Weak<Inner>| {
            let session = weak.clone();
            let tick = Closure::new(move |now| {
                if let Some(inner) = session.upgrade() {
                    inner.awaited.set(None);
                    Session(inner).enter(|core| core.frame(now));
                }
            });
            Inner {
                core: RefCell::new(Core::new()),
                listener: RefCell::default(),
                mounted: RefCell::default(),
                awaited: std::cell::Cell::default(),
                tick,
            }
        }))
    }

    /// Asks or changes the state; then tells what there is to tell, and sees to it that a frame follows where one is due.
    pub(super) fn enter<R>(&self, question: impl FnOnce(&mut Core) -> R) -> R {
        let answer = question(&mut self.0.core.borrow_mut());
        self.settle();
        answer
    }

    fn settle(&self) {
        let (events, due) = {
            let mut core = self.0.core.borrow_mut();
            (std::mem::take(&mut core.events), core.due && core.screen.is_some())
        };
        if due && self.0.awaited.get().is_none() {
            let tick = self.0.tick.as_ref().unchecked_ref();
            self.0.awaited.set(web_sys::window().and_then(|w| w.request_animation_frame(tick).ok()));
        }
        // The listener may change the map, so nothing is borrowed while it runs.
        let listener = self.0.listener.borrow().clone();
        if let Some(listener) = listener {
            let mut viewed = false;
            for event in events {
                // One movement of the camera is told once.
                if event != MapEvent::View || !std::mem::replace(&mut viewed, true) {
                    listener(event);
                }
            }
        }
    }

    pub(super) fn listen(&self, listener: impl Fn(MapEvent) + 'static) {
        *self.0.listener.borrow_mut() = Some(Rc::new(listener));
    }

    /// Puts the map into `root`, listens there, and gets a device.
    pub(super) fn mount(&self, root: &HtmlElement) {
        let mounted = Screen::new(root).and_then(|screen| {
            let mounted = self.watch(root)?;
            self.enter(|core| {
                core.screen = Some(screen);
                core.stale = Stale::ALL;
            });
            Ok(mounted)
        });
        match mounted {
            Ok(mounted) => {
                *self.0.mounted.borrow_mut() = Some(mounted);
                self.open();
            }
            Err(error) => self.fail(&format!("{error:?}")),
        }
    }

    /// Lets go of the elements and the device; the state stays.
    pub(super) fn unmount(&self) {
        self.0.mounted.borrow_mut().take();
        self.enter(|core| {
            core.opening += 1;
            core.renderer = None;
            core.screen = None;
        });
        self.0.forgo();
        opening::prepare_later();
    }

    fn watch(&self, root: &HtmlElement) -> Result<Mounted, JsValue> {
        let session = Rc::downgrade(&self.0);
        let resized = Closure::<dyn FnMut()>::new(move || {
            if let Some(inner) = session.upgrade() {
                // A canvas is empty once its size has changed, so it is drawn before the browser shows it.
                Session(inner).enter(|core| {
                    core.resize();
                    core.frame(super::screen::now());
                });
            }
        });
        let observer = ResizeObserver::new(resized.as_ref().unchecked_ref())?;
        observer.observe(root);
        Ok(Mounted { observer, _resized: resized, _listeners: self.listeners(root) })
    }

    fn listeners(&self, root: &HtmlElement) -> Vec<EventListener> {
        let on = |name: &'static str, passive: bool, act: fn(&mut Core, &Event)| {
            let session = Rc::downgrade(&self.0);
            let options = EventListenerOptions { passive, ..Default::default() };
            EventListener::new_with_options(root, name, options, move |event| {
                if let Some(inner) = session.upgrade() {
                    Session(inner).enter(|core| act(core, event));
                }
            })
        };
        vec![
            on("pointerdown", true, |core, e| core.pointer_down(e.unchecked_ref())),
            on("pointermove", true, |core, e| core.pointer_moved(e.unchecked_ref())),
            on("pointerup", true, |core, e| core.pointer_up(e.unchecked_ref(), false)),
            on("pointercancel", true, |core, e| core.pointer_up(e.unchecked_ref(), true)),
            on("pointerleave", true, |core, _| core.pointer_left()),
            on("dblclick", true, |core, e| core.double_clicked(e.unchecked_ref())),
            // The page must not scroll or zoom as well.
            on("wheel", false, |core, e| {
                e.prevent_default();
                core.wheel(e.unchecked_ref());
            }),
            on("keydown", false, |core, e| {
                if core.key(e.unchecked_ref()) {
                    e.prevent_default();
                }
            }),
        ]
    }

    /// Gets a device.
    fn open(&self) {
        let session = Rc::downgrade(&self.0);
        let opening = self.enter(|core| {
            core.opening += 1;
            core.opening
        });
        spawn_local(async move {
            let opened = opening::take().await;
            let Some(session) = session.upgrade().map(Session) else { return };
            match opened {
                Ok(opened) => session.opened(opened, opening),
                Err(reasons) => session.fail(&reasons),
            }
        });
    }

    fn opened(&self, Opened { canvas, renderer }: Opened, opening: u32) {
        let backend = renderer.backend();
        let lost = renderer.lost();
        let session = Rc::downgrade(&self.0);
        EventListener::once(&canvas, "webglcontextlost", move |_| {
            if let Some(inner) = session.upgrade() {
                Session(inner).lost(opening);
            }
        })
        .forget();
        let current = self.enter(|core| {
            let Some(screen) = core.screen.as_mut().filter(|_| core.opening == opening) else { return false };
            if screen.show_canvas(canvas).is_err() {
                return false;
            }
            // A browser that refuses an attribute keeps tests from reading it, nothing else.
            let _ = screen.root().set_attribute("data-backend", backend.name());
            core.renderer = Some(renderer);
            core.stale = Stale::ALL;
            core.asked = Default::default();
            core.events.push(MapEvent::Ready(backend));
            core.resize();
            true
        });
        if !current {
            return;
        }
        let session = Rc::downgrade(&self.0);
        spawn_local(async move {
            lost.await;
            if let Some(inner) = session.upgrade() {
                Session(inner).lost(opening);
            }
        });
    }

    /// The device that `opening` opened is gone: another one.
    fn lost(&self, opening: u32) {
        let again = self.enter(|core| {
            if core.opening != opening || core.screen.is_none() {
                return None;
            }
            core.renderer = None;
            core.losses += 1;
            Some(core.losses <= MOST_LOSSES)
        });
        match again {
            Some(true) => self.open(),
            Some(false) => self.fail("the graphics device was lost again and again"),
            None => {}
        }
    }

    fn fail(&self, reason: &str) {
        let text = format!(
            "The map cannot be drawn here ({reason}). Everything else works; to see the map, open this page in a browser \
             with WebGPU or WebGL 2 and its hardware acceleration switched on."
        );
        self.enter(|core| core.events.push(MapEvent::Failed(text)));
    }
}
