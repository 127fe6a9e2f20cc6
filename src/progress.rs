//! What one step of a long computation answers; clusterers and projectors share it.

/// The outcome of one `step()` of a resumable computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more to do: `done` of at most `total` steps are behind us.
    Running {
        /// Steps taken so far.
        done: usize,
        /// Steps at most; convergence may end the computation earlier.
        total: usize,
    },
    /// The result is final; further steps change nothing.
    Done,
}
