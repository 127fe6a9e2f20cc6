//! The only place that knows WebAssembly from a native process: the clock, waiting, and what threads may share.

#[cfg(target_arch = "wasm32")]
mod browser;

#[cfg(not(target_arch = "wasm32"))]
use std::time::{Duration, Instant};

#[cfg(target_arch = "wasm32")]
use browser::now_ms;

/// Whether one thread does all the work, as in a page's worker: long calculations are shortened there, and cut into
/// steps that leave time to listen.
pub const ONE_THREAD: bool = cfg!(target_arch = "wasm32");

/// Milliseconds since some fixed moment, never going back.
#[cfg(not(target_arch = "wasm32"))]
fn now_ms() -> f64 {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}

/// A clock that works in a page and in a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(f64);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(now_ms())
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        (now_ms() - self.0) / 1e3
    }
}

/// Lets others have a turn in the middle of long work. In a page the worker returns to its event loop now and then, so
/// that it hears a wish to stop; a native process has threads for that, and goes on at once.
pub async fn breathe() {
    #[cfg(target_arch = "wasm32")]
    browser::breathe().await;
}

/// Waits for a future on this thread. Pages await instead.
#[cfg(not(target_arch = "wasm32"))]
pub fn block_on<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}

/// Waits on this thread for as long as `go_on`, which is asked ten times a second, is true; whether that is to the end.
#[cfg(not(target_arch = "wasm32"))]
#[cfg_attr(not(feature = "networks"), allow(dead_code, reason = "only what networks need is waited for"))]
pub(crate) fn rest(wait: Duration, go_on: &mut dyn FnMut() -> bool) -> bool {
    const LOOK: Duration = Duration::from_millis(100);
    let end = Instant::now() + wait;
    while go_on() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(LOOK));
    }
    false
}

/// What every thread of the engine may use: `Send + Sync`, but in a page, where the engine is one thread and its shell
/// holds JavaScript's objects, which are neither.
#[cfg(not(target_arch = "wasm32"))]
pub trait Shared: Send + Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + Sync + ?Sized> Shared for T {}

/// What every thread of the engine may use: anything, for in a page the engine is one thread.
#[cfg(target_arch = "wasm32")]
pub trait Shared {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> Shared for T {}
