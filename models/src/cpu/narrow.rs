//! Depthwise filters, and sums of products, for sixteen registers of four lanes without multiply-add, which is what wasm
//! offers. Called by [`depthwise`](super::depthwise) and [`tile`](super::tile).
//!
//! [`depthwise`](super::depthwise) works on all sixteen lanes at once; four registers hold one accumulator there, few
//! pixels fit beside them, and the compiler leaves part of the arithmetic scalar. Here a quarter of the lanes is
//! filtered at a time, over more pixels, so that each value read serves several sums. Every sum is the same chain of
//! operations in the same order: results are equal to the bit.

use super::lanes::{LANES, Lanes};

/// Lanes of a register.
const QUARTER: usize = 4;

#[cfg(target_arch = "wasm32")]
mod quad {
    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, v128,
    };

    /// Four lanes in a register; written in instructions because the compiler does not find all of them.
    #[derive(Clone, Copy)]
    pub(super) struct Quad(v128);

    impl Quad {
        #[inline(always)]
        pub(super) fn load([a, b, c, d]: [f32; 4]) -> Self {
            Self(f32x4(a, b, c, d))
        }

        #[inline(always)]
        pub(super) fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        #[inline(always)]
        pub(super) fn add_product(self, a: Self, b: Self) -> Self {
            Self(f32x4_add(self.0, f32x4_mul(a.0, b.0)))
        }

        #[inline(always)]
        pub(super) fn limited(self, (low, high): (f32, f32)) -> [f32; 4] {
            let v = f32x4_pmin(f32x4_splat(high), f32x4_pmax(f32x4_splat(low), self.0));
            [
                f32x4_extract_lane::<0>(v),
                f32x4_extract_lane::<1>(v),
                f32x4_extract_lane::<2>(v),
                f32x4_extract_lane::<3>(v),
            ]
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod quad {
    /// Four lanes, for the tests of this file.
    #[derive(Clone, Copy)]
    pub(super) struct Quad([f32; 4]);

    impl Quad {
        #[inline(always)]
        pub(super) fn load(values: [f32; 4]) -> Self {
            Self(values)
        }

        #[inline(always)]
        pub(super) fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        #[inline(always)]
        pub(super) fn add_product(self, a: Self, b: Self) -> Self {
            Self(std::array::from_fn(|l| self.0[l] + a.0[l] * b.0[l]))
        }

        #[inline(always)]
        pub(super) fn limited(self, (low, high): (f32, f32)) -> [f32; 4] {
            self.0.map(|v| v.max(low).min(high))
        }
    }
}

use quad::Quad;

/// The sums of `R` rows with a panel, in registers over the whole of a loop.
#[derive(Clone, Copy)]
pub(crate) struct Sums<const R: usize>([[Quad; LANES / QUARTER]; R]);

impl<const R: usize> Sums<R> {
    /// What is added to.
    #[inline(always)]
    pub(crate) fn new(start: &[Lanes; R]) -> Self {
        Self(start.each_ref().map(quads))
    }

    /// Adds the products of `values`, one of each row, with the weights of 16 outputs.
    #[inline(always)]
    pub(crate) fn add_scaled(&mut self, values: [f32; R], weights: &Lanes) {
        let weights = quads(weights);
        for (sums, value) in self.0.iter_mut().zip(values) {
            let value = Quad::splat(value);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = sum.add_product(value, weights);
            }
        }
    }

    /// The sums, clamped.
    #[inline(always)]
    pub(crate) fn limited(self, limits: (f32, f32)) -> [Lanes; R] {
        self.0.map(|row| {
            let mut lanes = Lanes::ZERO;
            for (to, quad) in lanes.0.as_chunks_mut().0.iter_mut().zip(row) {
                *to = quad.limited(limits);
            }
            lanes
        })
    }
}

#[inline(always)]
fn quads(lanes: &Lanes) -> [Quad; LANES / QUARTER] {
    let quads = lanes.0.as_chunks().0;
    std::array::from_fn(|q| Quad::load(quads[q]))
}

/// `X` outputs of a depthwise filter of `K` by `K` with stride `S`, with bias and clamp, from `SPAN = (X - 1) S + K`
/// pixels of each of `K` lines that lie `pitch` apart.
#[inline(always)]
pub(crate) fn span<const K: usize, const S: usize, const X: usize, const SPAN: usize>(
    weights: &[Lanes],
    bias: &Lanes,
    frame: &[Lanes],
    pitch: usize,
    limits: (f32, f32),
    to: &mut [Lanes; X],
) {
    for quarter in 0..LANES / QUARTER {
        let part = |lanes: &Lanes| Quad::load(lanes.0.as_chunks().0[quarter]);
        let mut acc = [part(bias); X];
        for (line, weights) in weights.chunks_exact(K).enumerate() {
            let Some(pixels) = frame[line * pitch..].first_chunk::<SPAN>() else { return };
            let Some(weights) = weights.first_chunk::<K>() else { return };
            for k in 0..K {
                let w = part(&weights[k]);
                for x in 0..X {
                    acc[x] = acc[x].add_product(part(&pixels[x * S + k]), w);
                }
            }
        }
        for x in 0..X {
            to[x].0.as_chunks_mut().0[quarter] = acc[x].limited(limits);
        }
    }
}
