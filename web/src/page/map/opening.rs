//! Devices for maps. Opening one takes long, above all on a busy machine, so one is opened ahead, a step a task, and the
//! first map that is shown takes it.

use std::cell::RefCell;

use gloo::events::EventListener;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlCanvasElement;

use super::draw::{Backend, Renderer};
use super::screen;
use crate::pause::wait;

/// Milliseconds after which a map looks again whether its device is open.
const LOOK_AGAIN: i32 = 20;
/// Milliseconds after which whoever waits for a device to be opened ahead goes on without.
const PATIENCE: f64 = 2000.0;
/// Milliseconds between a map's end and the next opening ahead.
const REST: i32 = 1500;

/// A device, and the canvas that belongs to it.
pub(super) struct Opened {
    pub(super) canvas: HtmlCanvasElement,
    pub(super) renderer: Renderer,
}

/// What has been opened ahead.
#[derive(Default)]
enum Ahead {
    #[default]
    Nothing,
    Opening,
    Ready(Box<Opened>),
}

thread_local! {
    static AHEAD: RefCell<Ahead> = RefCell::default();
}

/// Opens a device for the next map.
fn prepare() {
    let idle = AHEAD.with_borrow_mut(|ahead| {
        let idle = matches!(ahead, Ahead::Nothing);
        if idle {
            *ahead = Ahead::Opening;
        }
        idle
    });
    if !idle {
        return;
    }
    spawn_local(async {
        // What fails here fails again, and is told, when a map is shown.
        let opened = open().await.ok();
        if let Some(Opened { canvas, .. }) = &opened {
            // Only what nobody took: a map sees to the loss of its own.
            EventListener::once(canvas, "webglcontextlost", |event| {
                let canvas = event.current_target();
                AHEAD.with_borrow_mut(|ahead| {
                    if matches!(ahead, Ahead::Ready(o) if canvas.as_ref() == Some(o.canvas.unchecked_ref())) {
                        *ahead = Ahead::Nothing;
                    }
                });
            })
            .forget();
        }
        AHEAD.set(opened.map_or(Ahead::Nothing, |opened| Ahead::Ready(Box::new(opened))));
    });
}

/// Opens a device for the first map, and comes back when that is done or takes too long. A page that is not seen has slow
/// timers, and time enough later.
pub(crate) async fn prepared() {
    if web_sys::window().and_then(|w| w.document()).is_none_or(|d| d.hidden()) {
        return;
    }
    let begun = screen::now();
    prepare();
    while AHEAD.with_borrow(|ahead| matches!(ahead, Ahead::Opening)) && screen::now() - begun < PATIENCE {
        wait(LOOK_AGAIN).await;
    }
}

/// As [`prepare`], when the machine has had time for what is more urgent.
pub(super) fn prepare_later() {
    spawn_local(async {
        wait(REST).await;
        prepare();
    });
}

/// What was opened ahead, else a new device.
///
/// # Errors
/// In the words of the browser, for each kind of device.
pub(super) async fn take() -> Result<Opened, String> {
    loop {
        // Showing it is a task's work already.
        wait(LOOK_AGAIN).await;
        match AHEAD.take() {
            Ahead::Ready(opened) => return Ok(*opened),
            Ahead::Nothing => return open().await,
            Ahead::Opening => AHEAD.set(Ahead::Opening),
        }
    }
}

/// WebGPU, else WebGL 2.
async fn open() -> Result<Opened, String> {
    let mut reasons = Vec::new();
    for backend in [Backend::WebGpu, Backend::WebGl2] {
        // A canvas belongs to the first kind of device that touched it.
        let document = web_sys::window().and_then(|w| w.document()).ok_or("there is no document")?;
        let canvas = screen::canvas(&document).map_err(|e| format!("{e:?}"))?;
        match Renderer::open(&canvas, backend).await {
            Ok(renderer) => return Ok(Opened { canvas, renderer }),
            Err(reason) => reasons.push(format!("{}: {reason}", backend.name())),
        }
    }
    Err(reasons.join("; "))
}
