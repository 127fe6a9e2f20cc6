//! Arithmetic on sixteen floats at once; always inlined into functions that are compiled for several targets.

/// Floats that are computed side by side.
pub(crate) const WIDTH: usize = 16;

/// Sixteen floats.
pub(crate) type Wide = [f32; WIDTH];

/// `a b + c`, fused where the instruction exists: without it `mul_add` would call a slow library function.
#[inline(always)]
pub(crate) fn madd<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `1 / d` for normal positive `d`, to three units in the last place.
///
/// A first guess from the bit pattern (12 % off at most), one quartic and one quadratic step. Seven multiplications
/// instead of a division: on AVX-512 four times the throughput.
#[inline(always)]
pub(crate) fn reciprocal<const FMA: bool>(d: f32) -> f32 {
    let guess = f32::from_bits(0x7EF3_11C7u32.wrapping_sub(d.to_bits()));
    let r = madd::<FMA>(-d, guess, 1.0);
    let y = madd::<FMA>(guess, r, guess) * madd::<FMA>(r, r, 1.0);
    let e = madd::<FMA>(-d, y, 1.0);
    madd::<FMA>(y, e, y)
}

/// The sum of the sixteen, pairwise, in a fixed order.
#[inline(always)]
pub(crate) fn sum(v: &Wide) -> f32 {
    let mut v = *v;
    let mut half = WIDTH / 2;
    while half > 0 {
        for l in 0..half {
            v[l] += v[l + half];
        }
        half /= 2;
    }
    v[0]
}

#[cfg(test)]
mod tests {
    use super::{reciprocal, sum};

    #[test]
    fn reciprocal_is_as_good_as_a_division() {
        let mut d = 1.0f32;
        let mut worst = 0.0f64;
        while d < 1e36 {
            worst = worst.max((f64::from(reciprocal::<false>(d)) * f64::from(d) - 1.0).abs());
            d *= 1.000_37;
        }
        assert!(worst < 2.5e-7, "{worst}");
    }

    #[test]
    fn sum_adds_all_lanes() {
        let v = std::array::from_fn(|l| l as f32);
        assert_eq!(sum(&v), 120.0);
    }
}
