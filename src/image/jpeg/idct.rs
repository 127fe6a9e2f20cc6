//! The inverse DCT: 8 x 8 dequantised coefficients to samples.
//!
//! Loeffler, Ligtenberg and Moschytz (ICASSP 1989) in 13-bit fixed point, rounded where the Independent JPEG Group's
//! "slow integer" transform rounds (columns to 2 extra bits, then rows), which makes samples equal to libjpeg's and so
//! to Pillow's and torchvision's. Between the roundings integer arithmetic is exact, so the order is free.

/// Fraction bits of the constants.
const BITS: u32 = 13;
/// Extra bits kept between the passes.
const EXTRA: u32 = 2;

/// `round(x * 2^13)` of the rotation constants, each rounded by itself as the reference does.
const C0_298: i32 = 2446;
const C0_390: i32 = 3196;
const C0_541: i32 = 4433;
const C0_765: i32 = 6270;
const C0_899: i32 = 7373;
const C1_175: i32 = 9633;
const C1_501: i32 = 12299;
const C1_847: i32 = 15137;
const C1_961: i32 = 16069;
const C2_053: i32 = 16819;
const C2_562: i32 = 20995;
const C3_072: i32 = 25172;

/// One-dimensional transforms of eight columns at once; lanes are independent, so the loop becomes vector code.
/// `HALF` takes rows 4 to 7 as zero. Wrapping arithmetic: damaged files may hold values that no encoder writes.
#[inline(always)]
fn columns<const SHIFT: u32, const HALF: bool>(input: &[[i32; 8]; 8], output: &mut [[i32; 8]; 8]) {
    let mul = i32::wrapping_mul;
    let add = i32::wrapping_add;
    let sub = i32::wrapping_sub;
    let round = 1 << (SHIFT - 1);
    for i in 0..8 {
        let (x0, x1, x2, x3) = (input[0][i], input[1][i], input[2][i], input[3][i]);
        let (x4, x5, x6, x7) = if HALF { (0, 0, 0, 0) } else { (input[4][i], input[5][i], input[6][i], input[7][i]) };
        // Even part: one rotation of (2, 6), a butterfly of (0, 4).
        let rotated = mul(add(x2, x6), C0_541);
        let t2 = sub(rotated, mul(x6, C1_847));
        let t3 = add(rotated, mul(x2, C0_765));
        let t0 = add(add(x0, x4).wrapping_shl(BITS), round);
        let t1 = add(sub(x0, x4).wrapping_shl(BITS), round);
        let (e0, e1, e2, e3) = (add(t0, t3), add(t1, t2), sub(t1, t2), sub(t0, t3));
        // Odd part: the sums that the four outputs share, then each with its own constant.
        let z5 = mul(add(add(x7, x3), add(x5, x1)), C1_175);
        let z1 = mul(add(x7, x1), -C0_899);
        let z2 = mul(add(x5, x3), -C2_562);
        let z3 = add(mul(add(x7, x3), -C1_961), z5);
        let z4 = add(mul(add(x5, x1), -C0_390), z5);
        let o0 = add(mul(x1, C1_501), add(z1, z4));
        let o1 = add(mul(x3, C3_072), add(z2, z3));
        let o2 = add(mul(x5, C2_053), add(z2, z4));
        let o3 = add(mul(x7, C0_298), add(z1, z3));
        output[0][i] = add(e0, o0) >> SHIFT;
        output[1][i] = add(e1, o1) >> SHIFT;
        output[2][i] = add(e2, o2) >> SHIFT;
        output[3][i] = add(e3, o3) >> SHIFT;
        output[4][i] = sub(e3, o3) >> SHIFT;
        output[5][i] = sub(e2, o2) >> SHIFT;
        output[6][i] = sub(e1, o1) >> SHIFT;
        output[7][i] = sub(e0, o0) >> SHIFT;
    }
}

#[inline(always)]
fn transpose(m: &[[i32; 8]; 8]) -> [[i32; 8]; 8] {
    let mut out = [[0; 8]; 8];
    for (r, row) in m.iter().enumerate() {
        for (c, &value) in row.iter().enumerate() {
            out[c][r] = value;
        }
    }
    out
}

/// Samples of a block: `coefficients` and `quant` in row order, `out` takes 8 rows `stride` apart. `HALF` takes all
/// coefficients but those of the first four rows and columns as zero.
#[inline(always)]
pub(super) fn block<const HALF: bool>(coefficients: &[i16; 64], quant: &[i16; 64], out: &mut [u8], stride: usize) {
    let mut first = [[0; 8]; 8];
    for (row, (c, q)) in first.iter_mut().zip(coefficients.as_chunks::<8>().0.iter().zip(quant.as_chunks::<8>().0)) {
        for i in 0..8 {
            row[i] = i32::from(c[i].wrapping_mul(q[i]));
        }
    }
    let mut second = [[0; 8]; 8];
    columns::<{ BITS - EXTRA }, HALF>(&first, &mut second);
    let turned = transpose(&second);
    columns::<{ BITS + EXTRA + 3 }, HALF>(&turned, &mut first);
    // Column by column now; bytes are cheaper to turn than numbers.
    let mut bytes = [[0u8; 8]; 8];
    for (bytes, values) in bytes.iter_mut().zip(&first) {
        for i in 0..8 {
            bytes[i] = values[i].wrapping_add(128).clamp(0, 255) as u8;
        }
    }
    for (line, samples) in out.chunks_mut(stride).zip(turn_bytes(bytes)) {
        if let Some(line) = line.first_chunk_mut() {
            *line = samples;
        }
    }
}

/// Transposes 8 x 8 bytes as eight words: 4 x 4, 2 x 2, then single bytes change places.
#[inline(always)]
fn turn_bytes(bytes: [[u8; 8]; 8]) -> [[u8; 8]; 8] {
    let mut words = bytes.map(u64::from_le_bytes);
    for (step, mask) in [(4, 0x0000_0000_FFFF_FFFF), (2, 0x0000_FFFF_0000_FFFF), (1, 0x00FF_00FF_00FF_00FFu64)] {
        let mut at = 0;
        while at < 8 {
            if at & step == 0 {
                let (low, high) = (words[at], words[at + step]);
                let swapped = (low >> (8 * step) ^ high) & mask;
                words[at + step] = high ^ swapped;
                words[at] = low ^ swapped << (8 * step);
            }
            at += 1;
        }
    }
    words.map(u64::to_le_bytes)
}

/// Samples of a block whose coefficients but the first are zero: what [`block`] gives, at less cost.
#[inline(always)]
pub(super) fn flat(dc: i16, quant: i16, out: &mut [u8], stride: usize) {
    let scaled = i32::from(dc.wrapping_mul(quant)) << EXTRA;
    let sample = (((scaled + (1 << (EXTRA + 2))) >> (EXTRA + 3)) + 128).clamp(0, 255) as u8;
    for line in out.chunks_mut(stride).take(8) {
        if let Some(line) = line.first_chunk_mut() {
            *line = [sample; 8];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition (T.81, A.3.3) in floating point.
    fn definition(coefficients: &[i16; 64]) -> [f64; 64] {
        let mut out = [0.0; 64];
        for (at, sample) in out.iter_mut().enumerate() {
            let (y, x) = ((at / 8) as f64, (at % 8) as f64);
            for (k, &c) in coefficients.iter().enumerate() {
                let (v, u) = (k / 8, k % 8);
                let scale = |n: usize| if n == 0 { 0.5f64.sqrt() } else { 1.0 };
                let wave = |at: f64, n: usize| ((2.0 * at + 1.0) * n as f64 * std::f64::consts::PI / 16.0).cos();
                *sample += 0.25 * scale(u) * scale(v) * f64::from(c) * wave(x, u) * wave(y, v);
            }
        }
        out
    }

    #[test]
    fn equals_the_definition_to_rounding() {
        let mut state = 1u32;
        for _ in 0..200 {
            let mut coefficients = [0i16; 64];
            for (k, c) in coefficients.iter_mut().enumerate() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *c = ((state >> 16) as i16) >> (8 + k / 12);
            }
            let mut out = [0; 64];
            block::<false>(&coefficients, &[1; 64], &mut out, 8);
            for (sample, exact) in out.iter().zip(definition(&coefficients)) {
                let exact = (exact + 128.0).clamp(0.0, 255.0);
                assert!((f64::from(*sample) - exact).abs() < 0.6, "{sample} {exact}");
            }
        }
    }

    #[test]
    fn flat_blocks_are_equal_either_way() {
        for dc in -1100..1100 {
            let mut coefficients = [0; 64];
            coefficients[0] = dc;
            let (mut a, mut b) = ([0; 64], [0; 64]);
            block::<false>(&coefficients, &[3; 64], &mut a, 8);
            flat(dc, 3, &mut b, 8);
            assert_eq!(a, b, "{dc}");
        }
    }

    #[test]
    fn half_blocks_are_equal_either_way() {
        let mut coefficients = [0; 64];
        for (k, place) in crate::image::jpeg::ZIGZAG[..10].iter().enumerate() {
            coefficients[usize::from(*place)] = 97 - 31 * k as i16;
        }
        let (mut a, mut b) = ([0; 64], [0; 64]);
        block::<false>(&coefficients, &[2; 64], &mut a, 8);
        block::<true>(&coefficients, &[2; 64], &mut b, 8);
        assert_eq!(a, b);
    }

    #[test]
    fn bytes_are_turned() {
        let turned = turn_bytes(std::array::from_fn(|r| std::array::from_fn(|c| (r * 8 + c) as u8)));
        assert_eq!(turned, std::array::from_fn(|r| std::array::from_fn(|c| (c * 8 + r) as u8)));
    }

    #[test]
    fn wild_values_do_not_panic() {
        let mut out = [0; 64];
        block::<false>(&[i16::MIN; 64], &[i16::MAX; 64], &mut out, 8);
        flat(i16::MAX, i16::MAX, &mut out, 8);
    }
}
