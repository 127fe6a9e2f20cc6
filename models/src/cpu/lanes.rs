//! Sixteen channels side by side: the unit that every kernel of this module works in.
//!
//! Activations are stored as *planes*: `[channels / 16][pixels or tokens][16]`, channels filled up with zeros to a
//! multiple of 16. So a depthwise filter runs over contiguous pixels, a matrix product reads the operand that it
//! broadcasts from contiguous cache lines without packing, and every index inside the hot loops is a constant that
//! needs no bounds check.

/// Channels in one [`Lanes`]: one AVX-512 register, two of AVX2, four of NEON, SSE or wasm.
pub(crate) const LANES: usize = 16;

/// Whether a function that was compiled for no particular processor may use multiply-add: where it is not an
/// instruction, it is a slow call into the library.
pub(crate) const BASE_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// Whether the target's registers hold four lanes and multiply-add is not among its instructions: see
/// [`narrow`](super::narrow).
pub(crate) const NARROW: bool = cfg!(target_arch = "wasm32");

/// Sixteen consecutive channels of one pixel or token, aligned to a cache line.
#[repr(align(64))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lanes(pub(crate) [f32; LANES]);

impl Lanes {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// `self += a * b`, with one rounding where `FMA` says that the target has the instruction.
    #[inline(always)]
    pub(crate) fn add_scaled<const FMA: bool>(&mut self, a: f32, b: &Self) {
        for l in 0..LANES {
            self.0[l] = if FMA { a.mul_add(b.0[l], self.0[l]) } else { self.0[l] + a * b.0[l] };
        }
    }

    /// `self += a * b`, lane by lane.
    #[inline(always)]
    pub(crate) fn add_product<const FMA: bool>(&mut self, a: &Self, b: &Self) {
        for l in 0..LANES {
            self.0[l] = if FMA { a.0[l].mul_add(b.0[l], self.0[l]) } else { self.0[l] + a.0[l] * b.0[l] };
        }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, other: &Self) {
        for l in 0..LANES {
            self.0[l] += other.0[l];
        }
    }

    /// Clamped to `low..=high`.
    #[inline(always)]
    pub(crate) fn limit(&mut self, (low, high): (f32, f32)) {
        for l in 0..LANES {
            let v = if self.0[l] > low { self.0[l] } else { low };
            self.0[l] = if v < high { v } else { high };
        }
    }

    #[inline(always)]
    pub(crate) fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        for l in 0..LANES {
            self.0[l] = f(self.0[l]);
        }
        self
    }

    #[inline(always)]
    pub(crate) fn zip(mut self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        for l in 0..LANES {
            self.0[l] = f(self.0[l], other.0[l]);
        }
        self
    }

    /// All lanes folded into one value, pairwise, so that the order is the same on every target.
    #[inline(always)]
    pub(crate) fn fold(mut self, f: impl Fn(f32, f32) -> f32) -> f32 {
        let mut half = LANES / 2;
        while half > 0 {
            for l in 0..half {
                self.0[l] = f(self.0[l], self.0[l + half]);
            }
            half /= 2;
        }
        self.0[0]
    }
}

/// How many [`Lanes`] hold `channels` channels.
pub(crate) const fn planes_of(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

/// Rows `[rows][channels]` as planes `[channels / 16][rows][16]`.
pub(crate) fn to_planes(rows: &[f32], channels: usize) -> Vec<Lanes> {
    let count = rows.len() / channels.max(1);
    let mut planes = vec![Lanes::ZERO; planes_of(channels) * count];
    for (r, row) in rows.chunks_exact(channels).enumerate() {
        for (p, part) in row.chunks(LANES).enumerate() {
            planes[p * count + r].0[..part.len()].copy_from_slice(part);
        }
    }
    planes
}

/// Planes `[channels / 16][rows][16]` as rows `[rows][channels]`; `channels` may leave out the filling.
pub(crate) fn to_rows(planes: &[Lanes], count: usize, channels: usize) -> Vec<f32> {
    let mut rows = vec![0.0; count * channels];
    for (r, row) in rows.chunks_exact_mut(channels.max(1)).enumerate() {
        for (p, part) in row.chunks_mut(LANES).enumerate() {
            let lanes = &planes[p * count + r].0;
            part.copy_from_slice(&lanes[..part.len()]);
        }
    }
    rows
}
