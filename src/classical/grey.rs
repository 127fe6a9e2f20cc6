//! Grey as `cv2.cvtColor` makes it, in both of its precisions: 0.299 R + 0.587 G + 0.114 B.

use super::PIXELS;

/// 8-bit grey of `[224, 224, 3]` RGB: weights of 15 bits, rounded. What Canny and SIFT look at.
///
/// Equal to `cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
pub(super) fn bytes(rgb: &[u8; PIXELS * 3], out: &mut [u8; PIXELS]) {
    for (out, rgb) in out.iter_mut().zip(rgb.chunks_exact(3)) {
        let sum = 9798 * u32::from(rgb[0]) + 19_235 * u32::from(rgb[1]) + 3735 * u32::from(rgb[2]);
        *out = ((sum + (1 << 14)) >> 15) as u8;
    }
}

/// Grey in [0, 1] of `[224, 224, 3]` RGB, in single precision. What HOG and LBP look at.
///
/// Equal to `cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2GRAY)` where the processor fuses multiplication
/// and addition: `fma(r, .299, fma(b, .114, g * .587))`. (`COLOR_RGB2GRAY` of the reversed picture adds in another
/// order; a sixth of the pixels differ in their last bit, which is enough to change patterns of LBP.)
#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
pub(super) fn floats(rgb: &[u8; PIXELS * 3], out: &mut [f32; PIXELS]) {
    for (out, rgb) in out.iter_mut().zip(rgb.chunks_exact(3)) {
        *out = float([rgb[0], rgb[1], rgb[2]]);
    }
}

/// One pixel of [`floats`].
#[inline(always)]
fn float(rgb: [u8; 3]) -> f32 {
    let [r, g, b] = rgb.map(|v| f32::from(v) / 255.0);
    fused(r, 0.299, fused(b, 0.114, g * 0.587))
}

/// `a b + c`, rounded once. Double precision holds the product exactly; rounding the sum twice gives what a fused
/// instruction gives for all colours (a test tries each), and needs no such instruction.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    (f64::from(a) * f64::from(b) + f64::from(c)) as f32
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn double_precision_is_as_good_as_fused_instructions_for_every_colour() {
        for colour in 0..1u32 << 24 {
            let [r, g, b, _] = colour.to_le_bytes();
            let [fr, fg, fb] = [r, g, b].map(|v| f32::from(v) / 255.0);
            assert_eq!(float([r, g, b]), fr.mul_add(0.299, fb.mul_add(0.114, fg * 0.587)), "{r} {g} {b}");
        }
    }
}
