//! Filters of single channels.

use multiversion::multiversion;
use rayon::prelude::*;

use super::super::kernels::Activation;
use super::super::launch::Window;
use super::activate;
use crate::cpu::lanes::{BASE_FMA, LANES, Lanes};

/// A filter a channel and an activation; `x` `[n, height, width, channels]`, `weight` `[kernel * kernel, channels]`.
pub(in super::super) fn depthwise(
    x: &[f32],
    extents: [usize; 4],
    (weight, bias): (&[f32], &[f32]),
    window: Window,
    then: Activation,
) -> Vec<f32> {
    let [n, height, width, channels] = extents;
    let (down, across) = (window.output(height), window.output(width));
    let mut out = vec![0.0; n * down * across * channels];
    let top = window.padding(height).0;
    out.par_chunks_mut(across * channels).enumerate().for_each(|(line, out)| {
        let (picture, y) = (line / down, line % down);
        let picture = &x[picture * height * width * channels..][..height * width * channels];
        // Lines of the picture that the filter covers, and the first of its own that does.
        let first = (y * window.stride).saturating_sub(top);
        let skipped = top.saturating_sub(y * window.stride);
        let last = (y * window.stride + window.kernel).saturating_sub(top).min(height);
        let lines = &picture[first * width * channels..last.max(first) * width * channels];
        filter(lines, width, (&weight[skipped * window.kernel * channels..], bias), window, out);
        let (whole, rest) = out.as_chunks_mut::<LANES>();
        for part in whole {
            let mut lanes = [Lanes(*part)];
            activate(&mut lanes, then);
            *part = lanes[0].0;
        }
        let mut lanes = [Lanes::ZERO];
        lanes[0].0[..rest.len()].copy_from_slice(rest);
        activate(&mut lanes, then);
        rest.copy_from_slice(&lanes[0].0[..rest.len()]);
    });
    out
}

/// A line of the result, from the lines that the filter covers.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn filter(lines: &[f32], width: usize, (weight, bias): (&[f32], &[f32]), window: Window, out: &mut [f32]) {
    multiversion::target::match_target! {
        "x86_64+avx2+fma" => filter_by::<true>(lines, width, (weight, bias), window, out),
        _ => filter_by::<BASE_FMA>(lines, width, (weight, bias), window, out),
    }
}

#[inline(always)]
fn filter_by<const FMA: bool>(
    lines: &[f32],
    width: usize,
    (weight, bias): (&[f32], &[f32]),
    window: Window,
    out: &mut [f32],
) {
    let channels = bias.len();
    let Window { kernel, stride, .. } = window;
    let (left, count) = (window.padding(width).0, lines.len() / (width * channels));
    for first in (0..channels).step_by(LANES) {
        let lanes = LANES.min(channels - first);
        for (x, out) in out.chunks_exact_mut(channels).enumerate() {
            let mut sum = load(&bias[first..], lanes);
            let columns = (x * stride).saturating_sub(left)..(x * stride + kernel).saturating_sub(left).min(width);
            let skipped = left.saturating_sub(x * stride);
            for line in 0..count {
                for (tap, column) in columns.clone().enumerate() {
                    let pixel = load(&lines[(line * width + column) * channels + first..], lanes);
                    let w = load(&weight[(line * kernel + skipped + tap) * channels + first..], lanes);
                    sum.add_product::<FMA>(&pixel, &w);
                }
            }
            out[first..first + lanes].copy_from_slice(&sum.0[..lanes]);
        }
    }
}

#[inline(always)]
fn load(values: &[f32], lanes: usize) -> Lanes {
    if lanes == LANES
        && let Some(values) = values.first_chunk::<LANES>()
    {
        return Lanes(*values);
    }
    let mut loaded = Lanes::ZERO;
    loaded.0[..lanes].copy_from_slice(&values[..lanes]);
    loaded
}
