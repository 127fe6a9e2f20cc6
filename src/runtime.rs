//! The only file that knows WebAssembly from a native process.

/// Milliseconds since some fixed moment, never going back.
#[cfg(not(target_arch = "wasm32"))]
fn now_ms() -> f64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}

#[cfg(target_arch = "wasm32")]
fn now_ms() -> f64 {
    js_sys::Date::now()
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

/// Waits for a future on this thread. Pages await instead.
#[cfg(not(target_arch = "wasm32"))]
pub fn block_on<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}
