//! Clusterers stepped to their end, for tests.

use super::Clusterer;
use crate::progress::Step;

/// Steps `run` to its end on `threads` threads: every step must show at least `least` more than the one before, never more
/// than there is, and a step after the end must say so again and change nothing.
pub(super) fn to_the_end<C: Clusterer + Send>(mut run: C, threads: usize, least: usize) -> C {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut last = 0;
        while let Step::Running { done, total } = run.step() {
            assert!(done >= last + least && done <= total);
            last = done;
        }
    });
    let labels = run.labels();
    assert_eq!(run.step(), Step::Done);
    assert_eq!(run.labels(), labels);
    run
}
