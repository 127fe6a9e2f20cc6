//! The grid of the interpolation: its size and spacing, and the spectra of the two kernels on it.

use super::fft::{Fft, LANES, Lanes};
use rayon::prelude::*;

/// Spacing of the nodes at most. FIt-SNE places three nodes a unit; with smooth splines two are more exact than that.
const MAX_SPACING: f32 = 0.5;
/// Nodes that lie before the first point, and after the last.
pub(crate) const BORDER: usize = 2;
/// Nodes of distance to the far end of the kernel, whose jump there rings over a few nodes.
const MARGIN: usize = 9;
/// Lengths of the transforms: half of each is a multiple of 32 and has no prime factor above 5.
const LENGTHS: [usize; 16] = [128, 192, 256, 320, 384, 512, 640, 768, 960, 1024, 1280, 1536, 1920, 2560, 3072, 4096];

/// Sixteen columns of the spectra, at one row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KernelLanes {
    /// Of `1 / (1 + d^2)`: real and even.
    pub q: [f32; LANES],
    /// Of `d_x / (1 + d^2)^2`, which is `i a`: odd in `k_x`, even in `k_y`.
    pub a: [f32; LANES],
    /// Of `d_y / (1 + d^2)^2`, which is `i b`: even in `k_x`, odd in `k_y`.
    pub b: [f32; LANES],
}

/// A square grid of `nodes` x `nodes` at a fixed spacing, and the kernels on it.
#[derive(Debug)]
pub(crate) struct Grid {
    pub fft: Fft,
    /// Nodes along one side; the transforms are twice as long, so that the convolution does not wrap around.
    pub nodes: usize,
    pub spacing: f32,
    /// What a charge adds to its own sum of `q`, on average over the places between nodes: not quite 1.
    pub self_effect: f64,
    /// Block after block of sixteen `k_x`: rows `k_y` in `0..=nodes`.
    pub kernel: Vec<KernelLanes>,
}

impl Grid {
    /// Number of nodes and spacing that hold points within a square of side `span`.
    ///
    /// Spacings are powers of `2^(1/4)`, so that the spectra are rarely computed anew while the layout grows.
    pub(crate) fn shape(span: f32) -> (usize, f32) {
        let mut shape = (0, 0.0);
        for nodes in LENGTHS.map(|len| len / 2) {
            let room = (nodes - 2 * BORDER - MARGIN) as f32;
            let steps = (4.0 * (span / room).max(1e-6).log2()).ceil();
            let spacing = (steps / 4.0).exp2();
            shape = (nodes, spacing.min(MAX_SPACING));
            if spacing <= MAX_SPACING || span <= room * MAX_SPACING {
                return shape;
            }
            shape.1 = spacing;
        }
        shape
    }

    /// Blocks of sixteen `k_x` that hold `0..=nodes`.
    pub(crate) fn column_blocks(&self) -> usize {
        self.nodes / LANES + 1
    }

    pub(crate) fn new((nodes, spacing): (usize, f32)) -> Self {
        let fft = Fft::new(2 * nodes);
        let table = spectra(&fft, nodes, f64::from(spacing));
        let at = |ky: usize, kx: usize| if kx <= nodes { table[ky * (nodes + 1) + kx] } else { (0.0, 0.0) };
        // splines act twice, when charges are spread and when forces are read: both are undone here
        let correction: Vec<f64> = (0..=nodes)
            .map(|k| (2.0 / 3.0 + (std::f64::consts::PI * k as f64 / nodes as f64).cos() / 3.0).powi(-2))
            .collect();
        let scale = 1.0 / (2.0 * nodes as f64).powi(2);
        let mut kernel = Vec::new();
        for block in 0..=nodes / LANES {
            for ky in 0..=nodes {
                let factor = |l: usize| {
                    let kx = block * LANES + l;
                    if kx <= nodes { (scale * correction[kx] * correction[ky]) as f32 } else { 0.0 }
                };
                let mirrored = |l: usize| if block * LANES + l <= nodes { at(block * LANES + l, ky).1 } else { 0.0 };
                kernel.push(KernelLanes {
                    q: std::array::from_fn(|l| factor(l) * at(ky, block * LANES + l).0),
                    a: std::array::from_fn(|l| factor(l) * at(ky, block * LANES + l).1),
                    b: std::array::from_fn(|l| factor(l) * mirrored(l)),
                });
            }
        }
        let self_effect = self_effect(&kernel, nodes);
        Self { fft, nodes, spacing, self_effect, kernel }
    }
}

/// The mean over all places of the interpolated `q` between a charge and itself: spreading and reading it, averaged, is
/// a filter by the splines' autocorrelation, which is the spline of degree seven.
fn self_effect(kernel: &[KernelLanes], nodes: usize) -> f64 {
    let filter = |k: usize| {
        let angle = std::f64::consts::PI * k as f64 / nodes as f64;
        (2416.0 + 2382.0 * angle.cos() + 240.0 * (2.0 * angle).cos() + 2.0 * (3.0 * angle).cos()) / 5040.0
    };
    let times = |k: usize| if k.is_multiple_of(nodes) { 1.0 } else { 2.0 };
    let column = |block: usize, l: usize, ky: usize| {
        let kx = block * LANES + l;
        let q = f64::from(kernel[block * (nodes + 1) + ky].q[l]);
        if kx <= nodes { times(kx) * times(ky) * filter(kx) * filter(ky) * q } else { 0.0 }
    };
    (0..=nodes / LANES)
        .flat_map(|block| (0..=nodes).flat_map(move |ky| (0..LANES).map(move |l| (block, l, ky))))
        .map(|(block, l, ky)| column(block, l, ky))
        .sum()
}

/// Spectra (`q`, `a`) of the kernels for `k_y`, `k_x` in `0..=nodes`, row after row.
fn spectra(fft: &Fft, nodes: usize, spacing: f64) -> Vec<(f32, f32)> {
    let len = fft.len();
    // q in the real part and the force in the imaginary part, both even in y: still apart after the first transform
    let along_y: Vec<Vec<Lanes>> = (0..=nodes / LANES)
        .into_par_iter()
        .map(|block| {
            let mut data = vec![Lanes::ZERO; len];
            for (y, lanes) in data.iter_mut().enumerate() {
                let dy = spacing * y.min(len - y) as f64;
                for l in 0..LANES {
                    let dx = spacing * (block * LANES + l) as f64;
                    let q = 1.0 / (1.0 + dx * dx + dy * dy);
                    lanes.re[l] = q as f32;
                    // an odd kernel is zero half way around
                    lanes.im[l] = if block * LANES + l < nodes { (dx * q * q) as f32 } else { 0.0 };
                }
            }
            fft.forward(&mut data, &mut vec![Lanes::ZERO; len]);
            data.truncate(nodes + 1);
            data
        })
        .collect();
    let rows: Vec<Vec<(f32, f32)>> = (0..=nodes / LANES)
        .into_par_iter()
        .map(|block| {
            let rows = LANES.min(nodes + 1 - block * LANES);
            let mut data = vec![Lanes::ZERO; len];
            for l in 0..rows {
                for x in 0..=nodes {
                    let value = &along_y[x / LANES][block * LANES + l];
                    let (q, force) = (value.re[x % LANES], value.im[x % LANES]);
                    (data[x].re[l], data[x].im[l]) = (q, force);
                    let mirror = (len - x) % len;
                    (data[mirror].re[l], data[mirror].im[l]) = (q, if x == 0 || x == nodes { force } else { -force });
                }
            }
            fft.forward(&mut data, &mut vec![Lanes::ZERO; len]);
            // the transform of q + i force is q - a: q is even and a is odd in k_x
            let split = |l: usize, k: usize| {
                let (plus, minus) = (data[k].re[l], data[(len - k) % len].re[l]);
                (0.5 * (plus + minus), 0.5 * (minus - plus))
            };
            (0..rows).flat_map(|l| (0..=nodes).map(move |k| (l, k))).map(|(l, k)| split(l, k)).collect()
        })
        .collect();
    rows.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_fits() {
        for span in [0.0, 1e-7, 0.003, 1.0, 20.0, 25.5, 26.0, 70.0, 300.0, 1000.0, 5000.0, 1e6] {
            let (nodes, spacing) = Grid::shape(span);
            assert!(span / spacing <= (nodes - 2 * BORDER - MARGIN) as f32 + 1e-3, "{span}: {nodes} at {spacing}");
            assert!(spacing <= MAX_SPACING || span > 1000.0, "{span}: {nodes} at {spacing}");
        }
    }

    #[test]
    fn spectra_equal_the_definition() {
        let (nodes, spacing) = (64usize, 0.5);
        let table = spectra(&Fft::new(128), nodes, spacing);
        for (ky, kx) in [(0, 0), (0, 3), (5, 0), (7, 12), (64, 1), (30, 64)] {
            let (mut q_sum, mut a_sum) = (0.0, 0.0);
            for y in 0..128i32 {
                for x in 0..128i32 {
                    let wrap = |v: i32| f64::from(if v > 64 { v - 128 } else { v }) * spacing;
                    let (dx, dy) = (wrap(x), wrap(y));
                    let q = 1.0 / (1.0 + dx * dx + dy * dy);
                    let angle = std::f64::consts::TAU * f64::from(kx * x + ky * y) / 128.0;
                    q_sum += q * angle.cos();
                    a_sum -= if x == 64 { 0.0 } else { dx * q * q * angle.sin() };
                }
            }
            let (q, a) = table[ky as usize * 65 + kx as usize];
            assert!((f64::from(q) - q_sum).abs() < 1e-4 && (f64::from(a) - a_sum).abs() < 1e-4, "{ky} {kx}");
        }
    }
}
