//! Fourier transforms of sixteen signals at once.
//!
//! Element `t` of a [`Lanes`] sequence holds sample `t` of sixteen signals, so every butterfly is the same arithmetic
//! on sixteen neighbouring floats and compiles to vector instructions without any shuffling. The algorithm is
//! Stockham's autosort, decimation in frequency, radices 4, 2, 3 and 5 (Van Loan, *Computational Frameworks for the
//! Fast Fourier Transform*, 1992, section 1.7).

use std::f64::consts::TAU;

/// Signals that are transformed side by side.
pub(crate) const LANES: usize = 16;

/// One complex sample of sixteen signals.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(crate) struct Lanes {
    /// Real parts.
    pub re: [f32; LANES],
    /// Imaginary parts.
    pub im: [f32; LANES],
}

impl Lanes {
    /// All samples zero.
    pub(crate) const ZERO: Self = Self { re: [0.0; LANES], im: [0.0; LANES] };
}

/// A complex factor.
type Twiddle = (f32, f32);

#[derive(Debug, Clone)]
struct Stage {
    radix: usize,
    /// Length of the transform that is split here, over `radix`.
    m: usize,
    /// Interleaved transforms.
    stride: usize,
    /// `w^(k p)` for `p` in `0..m`, `k` in `1..radix`.
    twiddles: Vec<Twiddle>,
}

/// The plan of a forward transform of one length.
#[derive(Debug, Clone)]
pub(crate) struct Fft {
    len: usize,
    stages: Vec<Stage>,
}

impl Fft {
    /// A plan for `len` samples; `len` has no prime factor above 5.
    pub(crate) fn new(len: usize) -> Self {
        let (mut n, mut stride, mut stages) = (len, 1, Vec::new());
        while n > 1 {
            let Some(radix) = [4, 2, 3, 5].into_iter().find(|r| n % r == 0) else { break };
            let m = n / radix;
            let twiddle = |p: usize, k: usize| {
                let angle = -TAU * ((k * p) % n) as f64 / n as f64;
                (angle.cos() as f32, angle.sin() as f32)
            };
            let twiddles = (0..m).flat_map(|p| (1..radix).map(move |k| twiddle(p, k))).collect();
            stages.push(Stage { radix, m, stride, twiddles });
            n = m;
            stride *= radix;
        }
        debug_assert_eq!(n, 1, "{len} has a prime factor above 5");
        Self { len, stages }
    }

    /// Samples per signal.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Transforms `data` in place (`X[k] = sum_t x[t] exp(-2 pi i k t / len)`); `scratch` is of the same length.
    pub(crate) fn forward(&self, data: &mut Vec<Lanes>, scratch: &mut Vec<Lanes>) {
        for stage in &self.stages {
            match stage.radix {
                4 => radix4(data, scratch, stage.m, stage.stride, &stage.twiddles),
                2 => radix2(data, scratch, stage.m, stage.stride, &stage.twiddles),
                3 => radix3(data, scratch, stage.m, stage.stride, &stage.twiddles),
                _ => radix5(data, scratch, stage.m, stage.stride, &stage.twiddles),
            }
            std::mem::swap(data, scratch);
        }
    }
}

#[inline(always)]
fn add(a: &Lanes, b: &Lanes) -> Lanes {
    let mut out = Lanes::ZERO;
    for l in 0..LANES {
        out.re[l] = a.re[l] + b.re[l];
        out.im[l] = a.im[l] + b.im[l];
    }
    out
}

#[inline(always)]
fn sub(a: &Lanes, b: &Lanes) -> Lanes {
    let mut out = Lanes::ZERO;
    for l in 0..LANES {
        out.re[l] = a.re[l] - b.re[l];
        out.im[l] = a.im[l] - b.im[l];
    }
    out
}

/// `a + s b`.
#[inline(always)]
fn add_scaled(a: &Lanes, s: f32, b: &Lanes) -> Lanes {
    let mut out = Lanes::ZERO;
    for l in 0..LANES {
        out.re[l] = a.re[l] + s * b.re[l];
        out.im[l] = a.im[l] + s * b.im[l];
    }
    out
}

/// `a - i s b`.
#[inline(always)]
fn sub_i_scaled(a: &Lanes, s: f32, b: &Lanes) -> Lanes {
    let mut out = Lanes::ZERO;
    for l in 0..LANES {
        out.re[l] = a.re[l] + s * b.im[l];
        out.im[l] = a.im[l] - s * b.re[l];
    }
    out
}

/// `out = w a`.
#[inline(always)]
fn rotate(out: &mut Lanes, (c, s): Twiddle, a: &Lanes) {
    for l in 0..LANES {
        out.re[l] = a.re[l] * c - a.im[l] * s;
        out.im[l] = a.im[l] * c + a.re[l] * s;
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn radix2(x: &[Lanes], y: &mut [Lanes], m: usize, stride: usize, twiddles: &[Twiddle]) {
    let (x0, x1) = x.split_at(m * stride);
    let inputs = x0.chunks_exact(stride).zip(x1.chunks_exact(stride));
    for ((out, (x0, x1)), &w) in y.chunks_exact_mut(2 * stride).zip(inputs).zip(twiddles) {
        let (y0, y1) = out.split_at_mut(stride);
        for (((a, b), y0), y1) in x0.iter().zip(x1).zip(y0).zip(y1) {
            *y0 = add(a, b);
            rotate(y1, w, &sub(a, b));
        }
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn radix4(x: &[Lanes], y: &mut [Lanes], m: usize, stride: usize, twiddles: &[Twiddle]) {
    let (x01, x23) = x.split_at(2 * m * stride);
    let ((x0, x1), (x2, x3)) = (x01.split_at(m * stride), x23.split_at(m * stride));
    let inputs = x0.chunks_exact(stride).zip(x1.chunks_exact(stride));
    let inputs = inputs.zip(x2.chunks_exact(stride).zip(x3.chunks_exact(stride)));
    let (twiddles, _) = twiddles.as_chunks::<3>();
    for ((out, ((x0, x1), (x2, x3))), w) in y.chunks_exact_mut(4 * stride).zip(inputs).zip(twiddles) {
        let (y01, y23) = out.split_at_mut(2 * stride);
        let ((y0, y1), (y2, y3)) = (y01.split_at_mut(stride), y23.split_at_mut(stride));
        let inputs = x0.iter().zip(x1).zip(x2.iter().zip(x3));
        let outputs = y0.iter_mut().zip(y1).zip(y2.iter_mut().zip(y3));
        for (((a, b), (c, d)), ((y0, y1), (y2, y3))) in inputs.zip(outputs) {
            let (apc, amc, bpd, bmd) = (add(a, c), sub(a, c), add(b, d), sub(b, d));
            *y0 = add(&apc, &bpd);
            rotate(y1, w[0], &sub_i_scaled(&amc, 1.0, &bmd));
            rotate(y2, w[1], &sub(&apc, &bpd));
            rotate(y3, w[2], &sub_i_scaled(&amc, -1.0, &bmd));
        }
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn radix3(x: &[Lanes], y: &mut [Lanes], m: usize, stride: usize, twiddles: &[Twiddle]) {
    const SIN: f32 = 0.866_025_4;
    let (x0, x12) = x.split_at(m * stride);
    let (x1, x2) = x12.split_at(m * stride);
    let inputs = x0.chunks_exact(stride).zip(x1.chunks_exact(stride)).zip(x2.chunks_exact(stride));
    let (twiddles, _) = twiddles.as_chunks::<2>();
    for ((out, ((x0, x1), x2)), w) in y.chunks_exact_mut(3 * stride).zip(inputs).zip(twiddles) {
        let (y0, y12) = out.split_at_mut(stride);
        let (y1, y2) = y12.split_at_mut(stride);
        let outputs = y0.iter_mut().zip(y1).zip(y2);
        for (((a, b), c), ((y0, y1), y2)) in x0.iter().zip(x1).zip(x2).zip(outputs) {
            let (sum, difference) = (add(b, c), sub(b, c));
            let middle = add_scaled(a, -0.5, &sum);
            *y0 = add(a, &sum);
            rotate(y1, w[0], &sub_i_scaled(&middle, SIN, &difference));
            rotate(y2, w[1], &sub_i_scaled(&middle, -SIN, &difference));
        }
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn radix5(x: &[Lanes], y: &mut [Lanes], m: usize, stride: usize, twiddles: &[Twiddle]) {
    // cos and sin of 72 and 144 degrees
    const C: [f32; 2] = [0.309_017, -0.809_017];
    const S: [f32; 2] = [0.951_056_5, 0.587_785_24];
    let len = m * stride;
    let (twiddles, _) = twiddles.as_chunks::<4>();
    for (p, (out, w)) in y.chunks_exact_mut(5 * stride).zip(twiddles).enumerate() {
        for q in 0..stride {
            let at = p * stride + q;
            let (a, b, c, d, e) = (&x[at], &x[at + len], &x[at + 2 * len], &x[at + 3 * len], &x[at + 4 * len]);
            let (s1, s2, d1, d2) = (add(b, e), add(c, d), sub(b, e), sub(c, d));
            let m1 = add_scaled(&add_scaled(a, C[0], &s1), C[1], &s2);
            let m2 = add_scaled(&add_scaled(a, C[1], &s1), C[0], &s2);
            out[q] = add(a, &add(&s1, &s2));
            let (half1, half2) = (sub_i_scaled(&m1, S[0], &d1), sub_i_scaled(&m2, S[1], &d1));
            rotate(&mut out[q + stride], w[0], &sub_i_scaled(&half1, S[1], &d2));
            rotate(&mut out[q + 2 * stride], w[1], &sub_i_scaled(&half2, -S[0], &d2));
            let (half1, half2) = (sub_i_scaled(&m1, -S[0], &d1), sub_i_scaled(&m2, -S[1], &d1));
            rotate(&mut out[q + 3 * stride], w[2], &sub_i_scaled(&half2, S[0], &d2));
            rotate(&mut out[q + 4 * stride], w[3], &sub_i_scaled(&half1, -S[1], &d2));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn equals_the_definition_for_every_radix() {
        for len in [1, 2, 3, 4, 5, 8, 12, 15, 16, 20, 48, 64, 160] {
            let mut seed = 1u32;
            let mut next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / (1u32 << 24) as f32 - 0.5
            };
            let mut data = vec![Lanes::ZERO; len];
            for v in &mut data {
                v.re.iter_mut().chain(&mut v.im).for_each(|f| *f = next());
            }
            let input = data.clone();
            Fft::new(len).forward(&mut data, &mut vec![Lanes::ZERO; len]);
            for lane in [0, 7, 15] {
                for (k, found) in data.iter().enumerate() {
                    let (mut re, mut im) = (0.0f64, 0.0f64);
                    for (t, x) in input.iter().enumerate() {
                        let (s, c) = (-TAU * (k * t) as f64 / len as f64).sin_cos();
                        re += x.re[lane] as f64 * c - x.im[lane] as f64 * s;
                        im += x.re[lane] as f64 * s + x.im[lane] as f64 * c;
                    }
                    assert!((re - found.re[lane] as f64).abs() < 1e-5, "{len} {k}");
                    assert!((im - found.im[lane] as f64).abs() < 1e-5, "{len} {k}");
                }
            }
        }
    }
}
