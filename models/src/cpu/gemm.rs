//! Matrix products of planes with packed weights, bias, residual and activation fused in.
//!
//! A product is computed [tile](super::tile) by tile: `R` rows times one or two groups of 16 outputs, held in registers over
//! the whole inner dimension (28 accumulators of AVX-512), so results depend neither on the batch nor on the number of
//! threads. Tiles overlap at the end instead of shrinking: the last one starts `R` rows before the end.

pub(crate) use super::activation::Activation;
use super::lanes::{BASE_FMA, LANES, Lanes, planes_of};
use super::tile::{Panel, Reach, tile};
use rayon::prelude::*;

/// Rows to read: plane `p`, row `r` lies at `data[p * stride + start + r]`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) data: &'a [Lanes],
    pub(crate) stride: usize,
    pub(crate) start: usize,
}

/// Where row `r` of the result goes in each plane of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// At `r`.
    Flat,
    /// Rows are the pixels of pictures `width` x `height`, written into frames with room for padding: picture `i`,
    /// line `y`, column `x` goes to `i * area + y * pitch + x + offset`.
    Framed { width: usize, height: usize, pitch: usize, area: usize, offset: usize },
}

impl Place {
    /// Where rows `start..start + R` go.
    #[inline(always)]
    fn rows<const R: usize>(self, start: usize) -> [usize; R] {
        let Place::Framed { width, height, pitch, area, offset } = self else {
            return std::array::from_fn(|r| start + r);
        };
        let (mut line, mut x) = (start / width, start % width);
        let mut picture = line / height;
        line %= height;
        let mut to = [0; R];
        for to in &mut to {
            *to = picture * area + line * pitch + x + offset;
            x += 1;
            if x == width {
                (x, line) = (0, line + 1);
                if line == height {
                    (line, picture) = (0, picture + 1);
                }
            }
        }
        to
    }
}

/// Packed weights of a linear layer or 1x1 convolution: `[outputs / 16][inputs][16]` and a bias.
pub(crate) struct Linear {
    panels: Vec<Lanes>,
    bias: Vec<Lanes>,
    inputs: usize,
}

impl Linear {
    /// Packs `weight`, `[outputs, inputs]` row-major as PyTorch stores it, and `bias`, `[outputs]`.
    pub(crate) fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        let mut panels = vec![Lanes::ZERO; planes_of(bias.len()) * inputs];
        for (o, row) in weight.chunks_exact(inputs.max(1)).enumerate().take(bias.len()) {
            let panel = &mut panels[o / LANES * inputs..][..inputs];
            for (cell, &w) in panel.iter_mut().zip(row) {
                cell.0[o % LANES] = w;
            }
        }
        Self { panels, bias: super::lanes::to_planes(bias, bias.len()), inputs }
    }

    /// Planes of the output.
    pub(crate) fn planes(&self) -> usize {
        self.bias.len()
    }

    fn product<'a>(&'a self, first: usize, count: usize) -> [Panel<'a>; 2] {
        let panel = |p: usize| Panel { weights: &self.panels[p * self.inputs..][..self.inputs], bias: self.bias[p] };
        [panel(first), panel(first + count - 1)]
    }

    /// One or two planes of the output, `first` and the next, for `count` rows of `input`, on this thread.
    pub(crate) fn planes_into(
        &self,
        first: usize,
        input: Rows<'_>,
        count: usize,
        after: After<'_>,
        out: &mut [&mut [Lanes]],
    ) {
        let panels = self.product(first, out.len());
        match out {
            [one] => sweep_one(&panels[0], input, count, &after, one),
            [one, two] => sweep_two(&panels, input, count, &after, one, two),
            _ => unreachable!("one or two planes at a time"),
        }
    }

    /// All planes of the output for `count` rows of `input`, on this thread.
    pub(crate) fn all_into(&self, input: Rows<'_>, count: usize, after: After<'_>, out: &mut [&mut [Lanes]]) {
        for (pair, out) in out.chunks_mut(2).enumerate() {
            self.planes_into(2 * pair, input, count, after.at_plane(2 * pair), out);
        }
    }

    /// All planes of the output, `[planes][count]`, shared among the threads.
    pub(crate) fn all_parallel(&self, input: Rows<'_>, count: usize, after: After<'_>, out: &mut [Lanes]) {
        out.par_chunks_mut((2 * count).max(1)).enumerate().for_each(|(pair, out)| {
            let mut planes: Vec<&mut [Lanes]> = out.chunks_mut(count.max(1)).collect();
            self.planes_into(2 * pair, input, count, after.at_plane(2 * pair), &mut planes);
        });
    }
}

/// `count` rows of `input` times one or two panels, each `[inner dimension][16]`, on this thread.
pub(crate) fn multiply(input: Rows<'_>, count: usize, panels: [&[Lanes]; 2], out: [&mut [Lanes]; 2]) {
    let panels = panels.map(|weights| Panel { weights, bias: Lanes::ZERO });
    let [one, two] = out;
    let after = After::activation(Activation::Identity);
    if two.is_empty() {
        sweep_one(&panels[0], input, count, &after, one);
    } else {
        sweep_two(&panels, input, count, &after, one, two);
    }
}

/// What is fused behind a product, and where its rows go.
#[derive(Clone, Copy)]
pub(crate) struct After<'a> {
    pub(crate) residual: Option<Rows<'a>>,
    pub(crate) activation: Activation,
    pub(crate) place: Place,
}

impl<'a> After<'a> {
    /// Only an activation, rows in order.
    pub(crate) fn activation(activation: Activation) -> Self {
        Self { residual: None, activation, place: Place::Flat }
    }

    /// Only an addition, rows in order.
    pub(crate) fn residual(residual: Option<Rows<'a>>) -> Self {
        Self { residual, activation: Activation::Identity, place: Place::Flat }
    }

    fn at_plane(mut self, plane: usize) -> Self {
        self.residual = self.residual.map(|r| Rows { start: r.start + plane * r.stride, ..r });
        self
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn sweep_two(
    panels: &[Panel<'_>; 2],
    input: Rows<'_>,
    count: usize,
    after: &After<'_>,
    one: &mut [Lanes],
    two: &mut [Lanes],
) {
    multiversion::target::match_target! {
        "x86_64+avx512f" => wide::<true, 2>([&panels[0], &panels[1]], input, count, after, [one, two]),
        "x86_64+avx2+fma" => middle_two(panels, input, count, after, [one, two]),
        _ => narrow_two(panels, input, count, after, [one, two]),
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn sweep_one(panel: &Panel<'_>, input: Rows<'_>, count: usize, after: &After<'_>, out: &mut [Lanes]) {
    multiversion::target::match_target! {
        "x86_64+avx512f" => wide::<true, 1>([panel], input, count, after, [out]),
        "x86_64+avx2+fma" => middle([panel], input, count, after, [out]),
        _ => narrow([panel], input, count, after, [out]),
    }
}

/// 32 registers of 16 lanes.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#[inline(always)]
fn wide<const FMA: bool, const N: usize>(
    panels: [&Panel<'_>; N],
    input: Rows<'_>,
    count: usize,
    after: &After<'_>,
    out: [&mut [Lanes]; N],
) {
    match count {
        14.. => sweep::<FMA, 14, N>(panels, input, count, after, out),
        7.. => sweep::<FMA, 7, N>(panels, input, count, after, out),
        3.. => sweep::<FMA, 3, N>(panels, input, count, after, out),
        _ => sweep::<FMA, 1, N>(panels, input, count, after, out),
    }
}

/// 16 registers of 8 lanes.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#[inline(always)]
fn middle(panels: [&Panel<'_>; 1], input: Rows<'_>, count: usize, after: &After<'_>, out: [&mut [Lanes]; 1]) {
    match count {
        6.. => sweep::<true, 6, 1>(panels, input, count, after, out),
        3.. => sweep::<true, 3, 1>(panels, input, count, after, out),
        _ => sweep::<true, 1, 1>(panels, input, count, after, out),
    }
}

/// 16 registers of 4 lanes (wasm, SSE2), or 32 with multiply-add (NEON).
#[inline(always)]
fn narrow(panels: [&Panel<'_>; 1], input: Rows<'_>, count: usize, after: &After<'_>, out: [&mut [Lanes]; 1]) {
    match count {
        6.. if BASE_FMA => sweep::<BASE_FMA, 6, 1>(panels, input, count, after, out),
        2.. => sweep::<BASE_FMA, 2, 1>(panels, input, count, after, out),
        _ => sweep::<BASE_FMA, 1, 1>(panels, input, count, after, out),
    }
}

#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#[inline(always)]
fn middle_two(
    panels: &[Panel<'_>; 2],
    input: Rows<'_>,
    count: usize,
    after: &After<'_>,
    [one, two]: [&mut [Lanes]; 2],
) {
    middle([&panels[0]], input, count, after, [one]);
    middle([&panels[1]], input, count, &after.at_plane(1), [two]);
}

#[inline(always)]
fn narrow_two(
    panels: &[Panel<'_>; 2],
    input: Rows<'_>,
    count: usize,
    after: &After<'_>,
    [one, two]: [&mut [Lanes]; 2],
) {
    narrow([&panels[0]], input, count, after, [one]);
    narrow([&panels[1]], input, count, &after.at_plane(1), [two]);
}

#[inline(always)]
fn sweep<const FMA: bool, const R: usize, const N: usize>(
    panels: [&Panel<'_>; N],
    input: Rows<'_>,
    count: usize,
    after: &After<'_>,
    mut out: [&mut [Lanes]; N],
) {
    let planes = after.residual.map(|rows| std::array::from_fn(|n| &rows.data[rows.start + n * rows.stride..]));
    let mut row = 0;
    while row < count {
        let start = row.min(count - R);
        let rows = [&input.data[input.start + start..]];
        let residual = planes.map(|planes| (planes, std::array::from_fn(|r| start + r)));
        let (reach, to) = (Reach::planes(input.stride), after.place.rows(start));
        tile::<FMA, R, 1, 1, R, N>(&panels, rows, reach, residual, after.activation, &to, &mut out);
        row += R;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::lanes::{to_planes, to_rows};
    use crate::cpu::reference::{Random, assert_close, dirty_planes, linear};

    const SHAPES: [(usize, usize, usize); 9] = [
        (1, 1, 1),
        (2, 3, 16),
        (3, 16, 17),
        (5, 24, 33),
        (7, 27, 48),
        (13, 40, 24),
        (14, 48, 64),
        (29, 95, 40),
        (49, 144, 112),
    ];

    fn case(rows: usize, inputs: usize, outputs: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let mut random = Random((rows * 1000 + inputs * 10 + outputs) as u64);
        (random.values(rows * inputs), random.values(outputs * inputs), random.values(outputs))
    }

    fn exact(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f64> {
        linear(&x.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), weight, bias)
    }

    fn serial(layer: &Linear, x: &[Lanes], rows: usize, after: After<'_>) -> Vec<Lanes> {
        let mut out = vec![Lanes::ZERO; layer.planes() * rows];
        let mut planes: Vec<&mut [Lanes]> = out.chunks_mut(rows).collect();
        layer.all_into(Rows { data: x, stride: rows, start: 0 }, rows, after, &mut planes);
        out
    }

    #[test]
    fn products_are_those_of_f64() {
        for (rows, inputs, outputs) in SHAPES {
            let (x, weight, bias) = case(rows, inputs, outputs);
            let layer = Linear::new(&weight, &bias, inputs);
            let planes = dirty_planes(&x, inputs);
            let want = exact(&x, &weight, &bias);
            let what = format!("{rows} x {inputs} x {outputs}");
            let got = serial(&layer, &planes, rows, After::activation(Activation::Identity));
            assert_close(&to_rows(&got, rows, outputs), &want, 1e-6, &what);
            let got = serial(&layer, &planes, rows, After::activation(Activation::Relu6));
            let clipped: Vec<f64> = want.iter().map(|v| v.clamp(0.0, 6.0)).collect();
            assert_close(&to_rows(&got, rows, outputs), &clipped, 2e-6, &what);
            let residual: Vec<f32> = Random(5).values(rows * outputs);
            let added = to_planes(&residual, outputs);
            let after = After::residual(Some(Rows { data: &added, stride: rows, start: 0 }));
            let got = serial(&layer, &planes, rows, after);
            let sums: Vec<f64> = want.iter().zip(&residual).map(|(a, b)| a + f64::from(*b)).collect();
            assert_close(&to_rows(&got, rows, outputs), &sums, 1e-6, &what);
        }
    }

    #[test]
    fn every_instruction_set_gives_the_product() {
        for (rows, inputs, _) in SHAPES {
            let (x, weight, bias) = case(rows, inputs, 16);
            let layer = Linear::new(&weight, &bias, inputs);
            let planes = dirty_planes(&x, inputs);
            let input = Rows { data: &planes, stride: rows, start: 0 };
            let after = After::activation(Activation::Identity);
            let [panel, _] = layer.product(0, 1);
            let want = exact(&x, &weight, &bias);
            for body in [wide::<false, 1>, wide::<true, 1>, middle, narrow] {
                let mut out = vec![Lanes::ZERO; rows];
                body([&panel], input, rows, &after, [&mut out]);
                assert_close(&to_rows(&out, rows, 16), &want, 1e-6, "instruction set");
            }
        }
    }

    #[test]
    fn every_instruction_set_adds_the_residual_of_each_plane() {
        for (rows, inputs, _) in SHAPES {
            let (x, weight, bias) = case(rows, inputs, 32);
            let layer = Linear::new(&weight, &bias, inputs);
            let planes = dirty_planes(&x, inputs);
            let input = Rows { data: &planes, stride: rows, start: 0 };
            let residual: Vec<f32> = Random(5).values(rows * 32);
            let added = to_planes(&residual, 32);
            let after = After::residual(Some(Rows { data: &added, stride: rows, start: 0 }));
            let want: Vec<f64> =
                exact(&x, &weight, &bias).iter().zip(&residual).map(|(a, b)| a + f64::from(*b)).collect();
            for body in [middle_two, narrow_two] {
                let mut out = vec![Lanes::ZERO; 2 * rows];
                let (one, two) = out.split_at_mut(rows);
                body(&layer.product(0, 2), input, rows, &after, [one, two]);
                assert_close(&to_rows(&out, rows, 32), &want, 1e-6, "instruction set");
            }
        }
    }

    #[test]
    fn threads_and_neighbours_do_not_change_a_bit() {
        for (rows, inputs, outputs) in SHAPES {
            let (x, weight, bias) = case(rows, inputs, outputs);
            let layer = Linear::new(&weight, &bias, inputs);
            let planes = dirty_planes(&x, inputs);
            let after = After::activation(Activation::Gelu);
            let all = serial(&layer, &planes, rows, after);
            let mut parallel = vec![Lanes::ZERO; all.len()];
            layer.all_parallel(Rows { data: &planes, stride: rows, start: 0 }, rows, after, &mut parallel);
            assert!(all == parallel, "{rows} x {inputs} x {outputs}");
            for row in 0..rows {
                let one = serial(&layer, &dirty_planes(&x[row * inputs..][..inputs], inputs), 1, after);
                assert!(one.iter().enumerate().all(|(p, lanes)| *lanes == all[p * rows + row]), "row {row} of {rows}");
            }
        }
    }

    #[test]
    fn frames_get_rows_of_several_pictures() {
        let (width, height, pictures, inputs) = (5, 4, 3, 20);
        let rows = width * height * pictures;
        let (x, weight, bias) = case(rows, inputs, 16);
        let layer = Linear::new(&weight, &bias, inputs);
        let planes = dirty_planes(&x, inputs);
        let flat = serial(&layer, &planes, rows, After::activation(Activation::Identity));
        let (pitch, area, offset) = (8, 8 * 7, 8 * 2 + 1);
        let place = Place::Framed { width, height, pitch, area, offset };
        let after = After { residual: None, activation: Activation::Identity, place };
        let mut frame = vec![Lanes::ZERO; pictures * area];
        layer.planes_into(0, Rows { data: &planes, stride: rows, start: 0 }, rows, after, &mut [&mut frame]);
        for (r, lanes) in flat.iter().enumerate() {
            let (picture, y, x) = (r / (width * height), r / width % height, r % width);
            let cell = &mut frame[picture * area + y * pitch + x + offset];
            assert_eq!(cell, lanes, "row {r}");
            *cell = Lanes::ZERO;
        }
        assert!(frame.iter().all(|lanes| *lanes == Lanes::ZERO), "nothing else is written");
    }
}
