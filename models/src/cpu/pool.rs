//! Pooling of planes: the largest of 3x3 pixels, and means.

use super::lanes::Lanes;

/// PyTorch's `MaxPool2d(kernel_size = 3, stride = 2)` of lines of `pitch` pixels into lines of `out.len() / height`: output
/// line `y` is made of lines `2 y` to `2 y + 2`. Where all values are positive, zeros around a picture are its padding.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn max_pool(lines: &[Lanes], pitch: usize, width: usize, out: &mut [Lanes]) {
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        let three = [0, 1, 2].map(|line| &lines[(2 * y + line) * pitch..][..2 * width + 1]);
        for (x, out) in out.iter_mut().enumerate() {
            let mut most = three[0][2 * x];
            for line in three {
                for pixel in &line[2 * x..2 * x + 3] {
                    most = most.zip(pixel, |a, b| if a > b { a } else { b });
                }
            }
            *out = most;
        }
    }
}

/// The mean, by four sums whose order is fixed.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn mean(pixels: &[Lanes]) -> Lanes {
    let mut sums = [Lanes::ZERO; 4];
    let (fours, rest) = pixels.as_chunks::<4>();
    for four in fours {
        sums.iter_mut().zip(four).for_each(|(sum, pixel)| sum.add(pixel));
    }
    sums.iter_mut().zip(rest).for_each(|(sum, pixel)| sum.add(pixel));
    let [mut a, b, mut c, d] = sums;
    a.add(&b);
    c.add(&d);
    a.add(&c);
    a.map(|v| v / pixels.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::reference::Random;

    fn lanes(random: &mut Random, count: usize) -> Vec<Lanes> {
        (0..count).map(|_| Lanes(std::array::from_fn(|_| random.next()))).collect()
    }

    #[test]
    fn the_largest_of_nine_is_taken() {
        for width in [1, 2, 5, 8] {
            let (pitch, height) = (2 * width + 3, 3);
            let lines = lanes(&mut Random(4), (2 * height + 1) * pitch);
            let mut out = vec![Lanes::ZERO; width * height];
            max_pool(&lines, pitch, width, &mut out);
            for (i, pixel) in out.iter().enumerate() {
                let (x, y) = (i % width, i / width);
                let window = |l: usize| {
                    let rows = (0..9).map(move |t| (2 * y + t / 3) * pitch + 2 * x + t % 3);
                    rows.map(|at| lines[at].0[l]).fold(f32::NEG_INFINITY, f32::max)
                };
                assert!((0..16).all(|l| pixel.0[l] == window(l)), "{x}, {y} of {width}");
            }
        }
    }

    #[test]
    fn means_are_those_of_f64() {
        for count in [1, 3, 4, 49, 50] {
            let pixels = lanes(&mut Random(5), count);
            for (l, value) in mean(&pixels).0.into_iter().enumerate() {
                let exact = pixels.iter().map(|p| f64::from(p.0[l])).sum::<f64>() / count as f64;
                assert!((f64::from(value) - exact).abs() < 1e-6, "{count}: {value} {exact}");
            }
        }
    }
}
