//! Any pixel layout to 8-bit RGB, as Pillow's `convert("RGB")` does it.

use super::Alpha;

/// Ink to light, as Pillow's `CMYK` to `RGB`: `(255 - k) * (255 - c) / 255`, the product rounded.
pub(super) fn cmyk(ink: [u8; 3], black: u8) -> [u8; 3] {
    let light = 255 - i32::from(black);
    ink.map(|c| (light - i32::from(times(c, light as u8))).clamp(0, 255) as u8)
}

/// `a * b / 255`, rounded.
fn times(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}

/// Drops the alpha channel, or lays the pixel over white.
pub(super) fn without_alpha([r, g, b, a]: [u8; 4], alpha: Alpha) -> [u8; 3] {
    match alpha {
        Alpha::Drop => [r, g, b],
        Alpha::OverWhite => [r, g, b].map(|v| times(v, a).saturating_add(255 - a)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink() {
        assert_eq!(cmyk([0, 0, 0], 0), [255; 3]);
        assert_eq!(cmyk([255, 0, 128], 0), [0, 255, 127]);
        assert_eq!(cmyk([10, 20, 30], 255), [0; 3]);
        assert_eq!(cmyk([128, 0, 255], 55), [100, 200, 0]);
    }

    #[test]
    fn alpha() {
        assert_eq!(without_alpha([1, 2, 3, 0], Alpha::Drop), [1, 2, 3]);
        assert_eq!(without_alpha([1, 2, 3, 0], Alpha::OverWhite), [255; 3]);
        assert_eq!(without_alpha([1, 2, 3, 255], Alpha::OverWhite), [1, 2, 3]);
        assert_eq!(without_alpha([0, 255, 100, 128], Alpha::OverWhite), [127, 255, 177]);
    }
}
