//! Position embeddings of one grid of patches for another grid, as PyTorch's `interpolate` makes them.

/// How each output of an axis is mixed of the inputs.
pub(crate) struct Axis {
    inputs: usize,
    /// For each output, inputs and their weights.
    taps: Vec<Vec<(usize, f64)>>,
}

impl Axis {
    /// Cubic with a = -0.75, the centres of the outer pixels aligned with the edges; `scale` is the enlargement, which
    /// PyTorch does not derive from the extents where it is given. Beyond the edge, the edge is repeated.
    pub(crate) fn bicubic(inputs: usize, outputs: usize, scale: f64) -> Self {
        const A: f64 = -0.75;
        let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
        let taps = |output: usize| {
            let at = (output as f64 + 0.5) / scale - 0.5;
            let t = at - at.floor();
            let input = |k: usize| (at.floor() + k as f64 - 1.0).clamp(0.0, (inputs - 1) as f64) as usize;
            let weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)];
            weights.into_iter().enumerate().map(|(k, weight)| (input(k), weight)).collect()
        };
        Self { inputs, taps: (0..outputs).map(taps).collect() }
    }

    fn outputs(&self) -> usize {
        self.taps.len()
    }
}

/// `values` `[rows, columns, width]` on another grid, `[rows.outputs, columns.outputs, width]`.
pub(crate) fn resample(values: &[f32], rows: &Axis, columns: &Axis, width: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.outputs() * columns.outputs() * width);
    for down in &rows.taps {
        for across in &columns.taps {
            let mut sums = vec![0f64; width];
            for (row, column, weight) in down.iter().flat_map(|(y, v)| across.iter().map(move |(x, w)| (*y, *x, v * w)))
            {
                let input = &values[(row * columns.inputs + column) * width..][..width];
                sums.iter_mut().zip(input).for_each(|(sum, value)| *sum += weight * f64::from(*value));
            }
            out.extend(sums.into_iter().map(|sum| sum as f32));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_grid_is_the_same_and_flat_stays_flat() {
        let grid: Vec<f32> = (0..30).map(|i| 2.0 * (i / 6) as f32 - 3.0 * (i % 6) as f32).collect();
        let same = resample(&grid, &Axis::bicubic(5, 5, 1.0), &Axis::bicubic(6, 6, 1.0), 1);
        assert_eq!(same, grid);
        let flat = resample(&[2.5; 30], &Axis::bicubic(5, 9, 1.82), &Axis::bicubic(6, 3, 0.5), 1);
        assert_eq!(flat.len(), 27);
        assert!(flat.iter().all(|v| (v - 2.5).abs() < 1e-6));
    }
}
