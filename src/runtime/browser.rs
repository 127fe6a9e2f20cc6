//! The clock and the event loop of a page or worker, found through the global object.

use std::cell::Cell;

use js_sys::wasm_bindgen::{JsCast, JsValue};
use js_sys::{Array, Function, Promise, Reflect};

/// Work between two returns to the event loop, in milliseconds: long enough that returning costs next to nothing.
const BREATH_EVERY_MS: f64 = 30.0;

thread_local! {
    static PERFORMANCE: Option<(JsValue, Function)> = performance();
    static CHANNEL: Option<Channel> = Channel::open();
    static LAST_BREATH: Cell<f64> = const { Cell::new(0.0) };
}

fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &JsValue::from_str(name)).ok().filter(|v| !v.is_undefined() && !v.is_null())
}

fn method(of: &JsValue, name: &str) -> Option<Function> {
    property(of, name)?.dyn_into().ok()
}

fn performance() -> Option<(JsValue, Function)> {
    let performance = property(&js_sys::global(), "performance")?;
    let now = method(&performance, "now")?;
    Some((performance, now))
}

/// Milliseconds by the monotonic clock; by the wall clock where there is none.
pub(super) fn now_ms() -> f64 {
    let monotonic = PERFORMANCE.with(|p| p.as_ref().and_then(|(this, now)| now.call0(this).ok()?.as_f64()));
    monotonic.unwrap_or_else(js_sys::Date::now)
}

/// A message to oneself: the shortest way once around the event loop (timers wait at least 4 ms when nested).
struct Channel {
    sender: JsValue,
    post: Function,
    receiver: JsValue,
}

impl Channel {
    fn open() -> Option<Self> {
        let constructor = method(&js_sys::global(), "MessageChannel")?;
        let channel = Reflect::construct(&constructor, &Array::new()).ok()?;
        let (sender, receiver) = (property(&channel, "port1")?, property(&channel, "port2")?);
        let post = method(&sender, "postMessage")?;
        Some(Self { sender, post, receiver })
    }

    /// Calls `resolve` from the event loop; false when it cannot.
    fn call_later(&self, resolve: &Function) -> bool {
        Reflect::set(&self.receiver, &JsValue::from_str("onmessage"), resolve).is_ok()
            && self.post.call1(&self.sender, &JsValue::NULL).is_ok()
    }
}

/// Returns to the event loop and comes back, at most every [`BREATH_EVERY_MS`].
pub(super) async fn breathe() {
    if now_ms() - LAST_BREATH.get() < BREATH_EVERY_MS {
        return;
    }
    let around = Promise::new(&mut |resolve, _| {
        let sent = CHANNEL.with(|channel| channel.as_ref().is_some_and(|channel| channel.call_later(&resolve)));
        if !sent {
            // Nobody would call back: going on without a breath is better than waiting for ever.
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    // The promise has no way to fail.
    let _ = around.await;
    LAST_BREATH.set(now_ms());
}
