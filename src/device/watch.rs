//! What a browser's GPU reports besides the calls that are made on it: that it is lost, or refuses a kernel.
//!
//! A refused kernel is skipped, and whoever reads its output gets what lay there before: after such a report no number
//! of that GPU can be trusted. While the GPU is being tested a report fails the test; later the shell hears of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static LISTENER: OnceLock<fn(&str)> = OnceLock::new();
static TESTED: AtomicBool = AtomicBool::new(false);
static REFUSED: OnceLock<String> = OnceLock::new();

/// Has `listener` hear why a GPU that had passed its tests can be used no longer; the first one that is set stays.
pub fn on_trouble(listener: fn(&str)) {
    let _ = LISTENER.set(listener);
}

/// Listens to `device` instead of Burn, which would panic.
pub(super) fn watch(device: &wgpu::Device) {
    device.on_uncaptured_error(Arc::new(|error: wgpu::Error| report(&format!("it reports: {error}"))));
    device.set_device_lost_callback(|reason, message| report(&format!("it is lost ({reason:?}: {message})")));
}

/// The tests are over: what was reported during them.
pub(super) fn tested() -> Option<&'static str> {
    TESTED.store(true, Ordering::Relaxed);
    REFUSED.get().map(String::as_str)
}

fn report(what: &str) {
    if !TESTED.load(Ordering::Relaxed) {
        // The first report is the cause, later ones follow from it.
        let _ = REFUSED.set(what.to_owned());
    } else if let Some(listener) = LISTENER.get() {
        listener(what);
    }
}
