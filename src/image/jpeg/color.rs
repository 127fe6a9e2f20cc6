//! Colour: from a frame's components to RGB, in libjpeg's fixed point (JFIF 1.02; ITU-R BT.601).

use super::header::{Frame, Tables};

/// What the components mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Grey,
    Rgb,
    Ycc,
    /// Ink, `true` where stored inverted as Adobe does.
    Cmyk(bool),
    /// CMY as YCbCr, and K; `true` where stored inverted.
    Ycck(bool),
}

/// What the components mean, by libjpeg's rules: JFIF, then Adobe's transform, then the component names.
pub(super) fn kind(frame: &Frame, tables: &Tables) -> Kind {
    let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
    match (ids.as_slice(), tables.adobe) {
        ([_], _) => Kind::Grey,
        ([_, _, _], adobe) => match adobe {
            _ if tables.jfif => Kind::Ycc,
            Some(0) => Kind::Rgb,
            Some(_) => Kind::Ycc,
            None if ids == *b"RGB" => Kind::Rgb,
            None => Kind::Ycc,
        },
        (_, None) => Kind::Cmyk(false),
        (_, Some(0)) => Kind::Cmyk(true),
        (_, Some(_)) => Kind::Ycck(true),
    }
}

/// `round(x * 65536)` of 1.402 - 1, 1.772 - 2, 0.34414 and 0.71414: what is left fits 16 bits.
const R_CR: i32 = 91_881 - 65_536;
const B_CB: i32 = 116_130 - 131_072;
const G_CB: i32 = 22_554;
const G_CR: i32 = 46_802;
const HALF: i32 = 1 << 15;

/// `(factor * x + HALF) >> 16`, in steps that vector code does in 16 bits.
#[inline(always)]
fn scaled(x: i16, factor: i32) -> i16 {
    let doubled = ((i32::from(2 * x) * factor) >> 16) as i16;
    (doubled + 1) >> 1
}

#[inline(always)]
fn ycc(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i16::from(y), i16::from(cb) - 128, i16::from(cr) - 128);
    let r = y + cr + scaled(cr, R_CR);
    let g = y + ((HALF - G_CB * i32::from(cb) - G_CR * i32::from(cr)) >> 16) as i16;
    let b = y + 2 * cb + scaled(cb, B_CB);
    [r.clamp(0, 255) as u8, g.clamp(0, 255) as u8, b.clamp(0, 255) as u8]
}

/// One row: `rows` holds the components' samples at full size, `out` takes `3 * width` bytes.
#[inline(always)]
pub(super) fn row(kind: Kind, rows: [&[u8]; 4], out: &mut [u8]) {
    let width = out.len() / 3;
    let out = out.as_chunks_mut::<3>().0;
    let [a, b, c] = [rows[0], rows[1], rows[2]];
    match kind {
        Kind::Grey => out.iter_mut().zip(&a[..width]).for_each(|(o, &a)| *o = [a; 3]),
        Kind::Rgb => each(a, b, c, out, |r, g, b| [r, g, b]),
        Kind::Ycc => each(a, b, c, out, ycc),
        Kind::Cmyk(inverted) => {
            each(a, b, c, out, |c, m, y| [c, m, y]);
            ink(inverted, &rows[3][..width], out);
        }
        Kind::Ycck(inverted) => {
            each(a, b, c, out, |y, cb, cr| ycc(y, cb, cr).map(|v| 255 - v));
            ink(inverted, &rows[3][..width], out);
        }
    }
}

#[inline(always)]
fn each(a: &[u8], b: &[u8], c: &[u8], out: &mut [[u8; 3]], f: impl Fn(u8, u8, u8) -> [u8; 3]) {
    let width = out.len();
    let (a, b, c) = (&a[..width], &b[..width], &c[..width]);
    let whole = width / STEP * STEP;
    let parts = a.as_chunks::<STEP>().0.iter().zip(b.as_chunks::<STEP>().0).zip(c.as_chunks::<STEP>().0);
    for (((a, b), c), out) in parts.zip(out.as_chunks_mut::<STEP>().0) {
        // Vector code makes words of four bytes; the fourth is overwritten by the next pixel.
        let mut words = [0u32; STEP];
        for i in 0..STEP {
            let [r, g, b] = f(a[i], b[i], c[i]).map(u32::from);
            words[i] = r | g << 8 | b << 16;
        }
        let out = out.as_flattened_mut();
        for (i, word) in words[..STEP - 1].iter().enumerate() {
            out[3 * i..3 * i + 4].copy_from_slice(&word.to_le_bytes());
        }
        out[3 * STEP - 3..].copy_from_slice(&words[STEP - 1].to_le_bytes()[..3]);
    }
    for i in whole..width {
        out[i] = f(a[i], b[i], c[i]);
    }
}

/// Pixels that are converted at once.
const STEP: usize = 32;

/// CMY in `out` and black to RGB, as Pillow converts ink to light.
fn ink(inverted: bool, black: &[u8], out: &mut [[u8; 3]]) {
    let flip = if inverted { 255 } else { 0 };
    for (pixel, k) in out.iter_mut().zip(black) {
        *pixel = super::super::pixels::cmyk(pixel.map(|v| v ^ flip), k ^ flip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_point_is_within_a_level_of_the_definition() {
        for (y, cb, cr) in (0..=255)
            .step_by(5)
            .flat_map(|y| (0..=255).step_by(17).flat_map(move |cb| (0..=255).step_by(17).map(move |cr| (y, cb, cr))))
        {
            let (fy, fb, fr) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
            let exact = [fy + 1.402 * fr, fy - 0.344_136 * fb - 0.714_136 * fr, fy + 1.772 * fb];
            for (got, exact) in ycc(y as u8, cb as u8, cr as u8).into_iter().zip(exact) {
                assert!((f64::from(got) - exact.clamp(0.0, 255.0)).abs() <= 0.51, "{y} {cb} {cr}");
            }
        }
    }
}
