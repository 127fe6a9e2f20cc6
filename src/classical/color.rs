//! Colour histograms: 32 bins a channel.

use super::PIXELS;

/// Bins of a channel.
const BINS: usize = 32;

/// Numbers that [`histogram`] gives: the bins of blue, then of green, then of red.
pub(super) const COLUMNS: usize = 3 * BINS;

/// How many pixels of `[224, 224, 3]` RGB fall into each of 32 equal bins of [0, 1], for each channel.
///
/// Counts, not frequencies: exactly `np.histogram(channel / 255, bins=32, range=(0, 1))[0]` of the channels in OpenCV's
/// order B, G, R. Divide by 224 * 224 for frequencies (`density=True` gives 32 times those). White belongs to the last
/// bin; `cv2.calcHist` would drop it.
pub(super) fn histogram(rgb: &[u8; PIXELS * 3], out: &mut [f32]) {
    let mut levels = [[0u32; 256]; 3];
    for rgb in rgb.chunks_exact(3) {
        for (channel, &value) in levels.iter_mut().zip(rgb) {
            channel[usize::from(value)] += 1;
        }
    }
    for (out, levels) in out.chunks_exact_mut(BINS).zip(levels.iter().rev()) {
        let mut counts = [0u32; BINS];
        for (value, count) in levels.iter().enumerate() {
            counts[bin(value)] += count;
        }
        for (out, count) in out.iter_mut().zip(counts) {
            *out = count as f32;
        }
    }
}

/// The bin of a level. None but 0 and 255 lies on an edge, so that no rounding matters.
fn bin(level: usize) -> usize {
    (level * BINS / 255).min(BINS - 1)
}
