//! Squeeze and excitation: channels weighed by what the whole picture shows.
//!
//! Hu et al., *Squeeze-and-Excitation Networks*, 2017 (<https://arxiv.org/abs/1709.01507>).

use rayon::prelude::*;

use super::gemm::{Activation, After, Linear, Rows};
use super::lanes::Lanes;
use super::pool::mean;

/// Weights of both layers.
pub(crate) struct Excitation {
    pub(crate) squeeze: Linear,
    pub(crate) excite: Linear,
    /// Behind the first layer.
    pub(crate) activation: Activation,
    /// Behind the second one.
    pub(crate) gate: Activation,
}

impl Excitation {
    /// Weighs `planes`, `[channels / 16][pictures * pixels][16]`, on this thread or on all.
    pub(crate) fn apply(&self, planes: &mut [Lanes], pictures: usize, shared: bool) {
        let length = planes.len() / self.excite.planes();
        let least = if shared { 1 } else { usize::MAX };
        let each = planes.par_chunks_mut(length / pictures).with_min_len(least);
        let means: Vec<Lanes> = each.map(|pixels| mean(pixels)).collect();
        let gates = self.layer(
            &self.excite,
            &self.layer(&self.squeeze, &means, pictures, self.activation),
            pictures,
            self.gate,
        );
        let each = planes.par_chunks_mut(length / pictures).with_min_len(least);
        each.zip(&gates).for_each(|(pixels, gate)| scale(pixels, gate));
    }

    fn layer(&self, layer: &Linear, rows: &[Lanes], pictures: usize, activation: Activation) -> Vec<Lanes> {
        let mut out = vec![Lanes::ZERO; layer.planes() * pictures];
        let mut planes: Vec<&mut [Lanes]> = out.chunks_mut(pictures).collect();
        let input = Rows { data: rows, stride: pictures, start: 0 };
        layer.all_into(input, pictures, After::activation(activation), &mut planes);
        out
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn scale(pixels: &mut [Lanes], by: &Lanes) {
    for pixel in pixels {
        *pixel = pixel.zip(by, |a, b| a * b);
    }
}
