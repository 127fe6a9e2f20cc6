//! Elementary functions as plain arithmetic, so that loops over them vectorise on every target.

/// `a * b + c`, with one rounding where `FMA` says that the target has the instruction.
#[inline(always)]
pub(crate) fn mul_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// The polynomial with these coefficients, highest power first.
#[inline(always)]
fn horner<const FMA: bool, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for c in &coefficients[1..] {
        sum = mul_add::<FMA>(sum, x, *c);
    }
    sum
}

/// `e^x`, relative error under 3e-7; below -80 it stays at 2e-35 (no subnormal numbers, which are slow), above 88 it
/// saturates.
///
/// `x = n ln 2 + r` with the integer `n` read from the low bits of a float that was pushed to where the spacing of
/// floats is 1; `e^r` is its Taylor polynomial, `|r| <= ln 2 / 2`.
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(x: f32) -> f32 {
    const PUSH: f32 = 12_582_912.0; // 1.5 * 2^23
    const LN2_HIGH: f32 = 0.693_359_4; // 355 / 512: n * LN2_HIGH is exact
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > -80.0 { x } else { -80.0 };
    let x = if x < 88.0 { x } else { 88.0 };
    let pushed = mul_add::<FMA>(x, std::f32::consts::LOG2_E, PUSH);
    let n = pushed - PUSH;
    let r = mul_add::<FMA>(n, -LN2_LOW, mul_add::<FMA>(n, -LN2_HIGH, x));
    let series = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    horner::<FMA, 8>(r, series) * f32::from_bits((pushed.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// `1 / y` for `1 <= y < 2^100`, relative error under 2e-7, without the division, which takes as long as a dozen of
/// multiplications: a first guess from the bits (5 %), then a step that cubes the error and one that squares it.
#[inline(always)]
fn reciprocal<const FMA: bool>(y: f32) -> f32 {
    let r = f32::from_bits(0x7ef3_1000_u32.wrapping_sub(y.to_bits()));
    let error = mul_add::<FMA>(-y, r, 1.0);
    let r = mul_add::<FMA>(mul_add::<FMA>(error, error, error), r, r);
    mul_add::<FMA>(mul_add::<FMA>(-y, r, 1.0), r, r)
}

/// `1 / (1 + e^-x)`, absolute error under 2e-7; from -28 on it stays at 9e-13: products of several would be subnormal numbers
/// otherwise, which are slow.
///
/// `e^-x = 2^n 2^f` with `|f| <= 1/2`; the polynomial is `2^f` at Chebyshev's points, relative error 1e-7.
#[inline(always)]
pub(crate) fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    const PUSH: f32 = 12_582_912.0; // 1.5 * 2^23
    const POWER: [f32; 6] = [0.001_339_086_3, 0.009_676_032, 0.055_503_57, 0.240_221_07, std::f32::consts::LN_2, 1.0];
    let t = x * -std::f32::consts::LOG2_E;
    let t = if t > -40.0 { t } else { -40.0 };
    let t = if t < 40.0 { t } else { 40.0 };
    let pushed = t + PUSH;
    let power = horner::<FMA, 6>(t - (pushed - PUSH), POWER);
    reciprocal::<FMA>(1.0 + f32::from_bits(power.to_bits().wrapping_add(pushed.to_bits() << 23)))
}

/// `x / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn silu<const FMA: bool>(x: f32) -> f32 {
    x * sigmoid::<FMA>(x)
}

/// `min(max(x + 3, 0), 6) / 6`.
#[inline(always)]
pub(crate) fn hard_sigmoid(x: f32) -> f32 {
    relu6(x + 3.0) * (1.0 / 6.0)
}

/// GPT-2's approximation of [`gelu`], `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
#[inline(always)]
pub(crate) fn gelu_tanh<const FMA: bool>(x: f32) -> f32 {
    const TWICE: f32 = 1.595_769; // 2 sqrt(2 / pi)
    x * sigmoid::<FMA>(TWICE * x * mul_add::<FMA>(0.044_715, x * x, 1.0))
}

/// BERT's exact GELU, `x / 2 (1 + erf(x / sqrt 2))`, absolute error under 5e-7 for `|x| < 10`.
///
/// Written as `max(x, 0) - |x| / 2 erfc(|x| / sqrt 2)` with `erfc(z) = t p(t) e^(-z^2)`, `t = 1 / (1 + 0.4 z)`; the
/// coefficients are a least-squares fit of `p` made for this file with a maximum error of 7e-9 in `erfc`.
#[inline(always)]
pub(crate) fn gelu<const FMA: bool>(x: f32) -> f32 {
    const P: [f32; 8] =
        [0.079_859_74, -0.420_582_93, 0.735_156_9, -0.427_133_6, 0.440_730_6, 0.128_860_53, 0.238_265_04, 0.224_843_7];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / mul_add::<FMA>(z, 0.4, 1.0);
    let erfc = t * horner::<FMA, 8>(t, P) * exp::<FMA>(-z * z);
    let positive = if x > 0.0 { x } else { 0.0 };
    mul_add::<FMA>(-0.5 * x.abs(), erfc, positive)
}

/// `min(max(x, 0), 6)`.
#[inline(always)]
pub(crate) fn relu6(x: f32) -> f32 {
    let x = if x > 0.0 { x } else { 0.0 };
    if x < 6.0 { x } else { 6.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_to_the_library() {
        for i in -8_000..8_800 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            for ours in [exp::<true>(x), exp::<false>(x)] {
                assert!((f64::from(ours) - exact).abs() <= 3e-7 * exact, "{x}: {ours} {exact}");
            }
        }
        assert!(exp::<true>(f32::NEG_INFINITY) < 3e-35 && exp::<false>(-1e30) > 0.0);
        assert_eq!((exp::<true>(0.0), exp::<false>(0.0)), (1.0, 1.0));
    }

    #[test]
    fn sigmoids_are_close_to_the_library() {
        for i in -9_000..9_000 {
            let x = i as f32 * 0.01;
            let exact = |scale: f64| 1.0 / (1.0 + (-scale * f64::from(x)).exp());
            let close = |ours: [f32; 2], exact: f64| {
                let bound = 2e-7 * exact.abs().max(1.0);
                ours.iter().all(|v| (f64::from(*v) - exact).abs() < bound) || panic!("{x}: {ours:?} {exact}")
            };
            close([sigmoid::<true>(x), sigmoid::<false>(x)], exact(1.0));
            close([silu::<true>(x), silu::<false>(x)], f64::from(x) * exact(1.0));
            close([hard_sigmoid(x); 2], (f64::from(x) + 3.0).clamp(0.0, 6.0) / 6.0);
            let x = f64::from(x);
            let tanh = ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh();
            let x = x as f32;
            close([gelu_tanh::<true>(x), gelu_tanh::<false>(x)], f64::from(x) / 2.0 * (1.0 + tanh));
        }
        assert_eq!((sigmoid::<true>(f32::INFINITY), silu::<false>(1e30)), (1.0, 1e30));
        assert!(sigmoid::<true>(f32::NEG_INFINITY) < 1e-12 && silu::<true>(-1e4).abs() < 1e-7);
    }

    /// erf by its Maclaurin series in f64, good to 1e-10 for |z| < 4.
    fn erf(z: f64) -> f64 {
        let (mut term, mut sum) = (z, z);
        for n in 1..200 {
            term *= -z * z / n as f64;
            sum += term / (2 * n + 1) as f64;
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn gelu_is_the_exact_one() {
        // the tanh approximation is up to 4.7e-4 off, far above the tolerance
        for i in -550..550 {
            let x = i as f64 * 0.01;
            let exact = 0.5 * x * (1.0 + erf(x / 2f64.sqrt()));
            for ours in [gelu::<true>(x as f32), gelu::<false>(x as f32)] {
                assert!((f64::from(ours) - exact).abs() < 5e-7, "{x}: {ours} {exact}");
            }
        }
        assert_eq!((gelu::<true>(0.0), gelu::<true>(20.0)), (0.0, 20.0));
    }

    #[test]
    fn relu6_clips_both_ends() {
        assert_eq!([-1.0, 0.0, 2.5, 6.0, 7.0].map(relu6), [0.0, 0.0, 2.5, 6.0, 6.0]);
    }
}
