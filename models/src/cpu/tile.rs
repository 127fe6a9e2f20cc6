//! The inner loop of products and convolutions: a few rows times one or two groups of 16 outputs, held in registers.
//!
//! Called by [`gemm`](super::gemm), whose rows lie one behind the other, and by [`convolution`](super::convolution), whose
//! rows are pixels, read once for every tap of the filter. Every output is one chain of multiply-adds in the order of the
//! weights, whatever tile it falls into.

use super::activation::Activation;
use super::lanes::{LANES, Lanes, NARROW};
use super::narrow::Sums;

/// The weights of 16 outputs, `[values of the inner dimension][16]`.
pub(crate) struct Panel<'a> {
    pub(crate) weights: &'a [Lanes],
    pub(crate) bias: Lanes,
}

/// Where a tile reads: planes `stride` apart, and in each of them pixels at these distances.
#[derive(Clone, Copy)]
pub(crate) struct Reach<'a> {
    pub(crate) stride: usize,
    pub(crate) taps: &'a [usize],
}

impl Reach<'static> {
    /// Of a product: one pixel a plane.
    pub(crate) fn planes(stride: usize) -> Self {
        Self { stride, taps: &[0] }
    }
}

/// What is added before the activation: the planes that belong to the panels, and for every row its place in them.
pub(crate) type Residual<'a, const R: usize, const N: usize> = Option<([&'a [Lanes]; N], [usize; R])>;

/// The product of `R` rows with `N` panels, from bias and residual to the activation; row `r` goes to `to[r]`.
///
/// The rows are `G` segments of equal length; those of a segment lie `STEP` apart, so that it spans `SPAN` of them.
///
/// Kept free of anything that is not needed per element: every branch or second use of the accumulators can make the
/// optimiser keep them in memory. The cells are written out one by one because it holds them in registers only where
/// every index is a constant, and does not unroll two nested loops of this size by itself.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
pub(crate) fn tile<
    const FMA: bool,
    const R: usize,
    const G: usize,
    const STEP: usize,
    const SPAN: usize,
    const N: usize,
>(
    panels: &[&Panel<'_>; N],
    segments: [&[Lanes]; G],
    reach: Reach<'_>,
    residual: Residual<'_, R, N>,
    activation: Activation,
    to: &[usize; R],
    out: &mut [&mut [Lanes]; N],
) {
    if NARROW {
        for n in 0..N {
            let residual = residual.map(|(planes, rows)| (planes[n], rows));
            narrow_tile::<R, G, STEP, SPAN>(panels[n], segments, reach, residual, activation, to, out[n]);
        }
        return;
    }
    let mut acc = [[Lanes::ZERO; N]; R];
    macro_rules! each_cell {
        (|$r:ident, $n:ident| $body:expr) => {
            each_cell!($r $n $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
        };
        ($r:ident $n:ident $body:expr; $($row:literal)*) => {
            $( if $row < R {
                let $r = const { index($row, R) };
                { let $n = 0; $body }
                if N > 1 { let $n = const { index(1, N) }; $body }
            } )*
        };
    }
    macro_rules! multiply {
        ($rows:ident, $w:ident, $i:ident) => {
            each_cell!(|r, n| {
                let value = $rows[segment(r, R, G)][within(r, R, G) * STEP].0[$i];
                acc[r][n].add_scaled::<FMA>(value, &$w[n][$i]);
            })
        };
    }
    each_cell!(|r, n| acc[r][n] = panels[n].bias);
    if let Some((planes, rows)) = residual {
        each_cell!(|r, n| acc[r][n].add(&planes[n][rows[r]]));
    }
    let full = panels[0].weights.len() / (LANES * reach.taps.len());
    let mut chunk = 0;
    for p in 0..full {
        for tap in reach.taps {
            let Some(rows) = spans::<G, SPAN>(segments, p * reach.stride + tap) else { break };
            let w: [&[Lanes; LANES]; N] = std::array::from_fn(|n| chunk_of(&panels[n].weights[chunk..]));
            for i in 0..LANES {
                multiply!(rows, w, i);
            }
            chunk += LANES;
        }
    }
    // Of single pixels only: filters of several taps are filled up.
    let rest = panels[0].weights.len() - chunk;
    if rest > 0
        && let Some(rows) = spans::<G, SPAN>(segments, full * reach.stride + reach.taps[0])
    {
        let w: [&[Lanes]; N] = std::array::from_fn(|n| &panels[n].weights[chunk..][..rest]);
        for i in 0..rest {
            multiply!(rows, w, i);
        }
    }
    let limits = activation.limits();
    each_cell!(|r, n| acc[r][n].limit(limits));
    if !activation.is_curved() {
        each_cell!(|r, n| out[n][to[r]] = acc[r][n]);
        return;
    }
    // Beside the output, where segments of a line may overlap: nothing is bent twice.
    let mut cells = [[Lanes::ZERO; N]; R];
    each_cell!(|r, n| cells[r][n] = acc[r][n]);
    activation.bend::<FMA>(cells.as_flattened_mut());
    for (cells, at) in cells.iter().zip(to) {
        for (plane, cell) in out.iter_mut().zip(cells) {
            plane[*at] = *cell;
        }
    }
}

/// The same of one panel, for targets whose registers hold four lanes and that have no multiply-add: the compiler leaves
/// part of [`tile`] scalar there, or not, by what else it compiles with it. Results are equal to the bit.
#[inline(always)]
fn narrow_tile<const R: usize, const G: usize, const STEP: usize, const SPAN: usize>(
    panel: &Panel<'_>,
    segments: [&[Lanes]; G],
    reach: Reach<'_>,
    residual: Option<(&[Lanes], [usize; R])>,
    activation: Activation,
    to: &[usize; R],
    out: &mut [Lanes],
) {
    let mut start = [panel.bias; R];
    if let Some((plane, rows)) = residual {
        for (start, row) in start.iter_mut().zip(rows) {
            start.add(&plane[row]);
        }
    }
    let mut sums = Sums::new(&start);
    macro_rules! multiply {
        ($rows:ident, $weights:expr, $count:expr) => {
            for i in 0..$count {
                let value = |r: usize| $rows[segment(r, R, G)][within(r, R, G) * STEP].0[i];
                sums.add_scaled(std::array::from_fn(value), &$weights[i]);
            }
        };
    }
    let full = panel.weights.len() / (LANES * reach.taps.len());
    let mut chunk = 0;
    for p in 0..full {
        for tap in reach.taps {
            let Some(rows) = spans::<G, SPAN>(segments, p * reach.stride + tap) else { break };
            let weights = chunk_of(&panel.weights[chunk..]);
            multiply!(rows, weights, LANES);
            chunk += LANES;
        }
    }
    let rest = &panel.weights[chunk..];
    if !rest.is_empty()
        && let Some(rows) = spans::<G, SPAN>(segments, full * reach.stride + reach.taps[0])
    {
        multiply!(rows, rest, rest.len().min(LANES));
    }
    let mut cells = sums.limited(activation.limits());
    activation.bend::<false>(&mut cells);
    for (cell, at) in cells.into_iter().zip(to) {
        out[*at] = cell;
    }
}

/// `i`, or 0 where there are not so many; only to keep indices of branches that are not taken in range.
const fn index(i: usize, count: usize) -> usize {
    if i < count { i } else { 0 }
}

/// The segment of row `r`, and its number there.
const fn segment(r: usize, rows: usize, segments: usize) -> usize {
    r / (rows / segments)
}

const fn within(r: usize, rows: usize, segments: usize) -> usize {
    r % (rows / segments)
}

static ZEROS: [Lanes; LANES] = [Lanes::ZERO; LANES];

#[inline(always)]
fn chunk_of(lanes: &[Lanes]) -> &[Lanes; LANES] {
    lanes.first_chunk().unwrap_or(&ZEROS)
}

#[inline(always)]
fn spans<const G: usize, const SPAN: usize>(segments: [&[Lanes]; G], at: usize) -> Option<[&[Lanes; SPAN]; G]> {
    let mut spans = [segments[0].get(at..)?.first_chunk()?; G];
    if G > 1 {
        spans[G - 1] = segments[G - 1].get(at..)?.first_chunk()?;
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::reference::Random;

    #[test]
    fn narrow_tiles_are_equal_to_the_bit() {
        let mut random = Random(3);
        let mut lanes =
            |n: usize| -> Vec<Lanes> { (0..n).map(|_| Lanes(std::array::from_fn(|_| random.next()))).collect() };
        let (data, bias, plane) = (lanes(3 * 40), lanes(1)[0], lanes(8));
        // Whole planes of three taps each, and one plane that is not full.
        for (weights, taps) in [(lanes(2 * 3 * LANES), &[0, 1, 9][..]), (lanes(LANES + 5), &[0][..])] {
            let panel = Panel { weights: &weights, bias };
            let reach = Reach { stride: 40, taps };
            for activation in [Activation::Identity, Activation::Relu, Activation::Silu] {
                for residual in [None, Some(([plane.as_slice()], [3, 6]))] {
                    let segments = [&data[2..], &data[7..]];
                    let mut wide = vec![Lanes::ZERO; 4];
                    let mut narrow = wide.clone();
                    let to = [1, 2];
                    let out = &mut [wide.as_mut_slice()];
                    tile::<false, 2, 2, 1, 1, 1>(&[&panel], segments, reach, residual, activation, &to, out);
                    let residual = residual.map(|([plane], rows)| (plane, rows));
                    narrow_tile::<2, 2, 1, 1>(&panel, segments, reach, residual, activation, &to, &mut narrow);
                    assert!(wide == narrow, "{activation:?}");
                }
            }
        }
    }
}
