//! Weights as integers and a scale for each block of a row.

use half::f16;
use rayon::prelude::*;

/// Integers that weights can be, in steps of a block's scale.
pub(super) struct Grid {
    /// Weights of a row that share a scale; the last block of a row may be shorter.
    pub(super) block: usize,
    least: f32,
    most: f32,
    /// The scale of a block.
    scale: fn(&[f32]) -> f16,
}

/// Of a `q8` pack; -128 is not used, so that the range is symmetric.
pub(super) const EIGHT_BITS: Grid = Grid { block: 64, least: -127.0, most: 127.0, scale: covering };
/// Of a `q4` pack.
pub(super) const FOUR_BITS: Grid = Grid { block: 32, least: -8.0, most: 7.0, scale: nearest_of_some };

/// What a scale of a `q4` pack is tried at: parts of the one that gives the largest weight the integer -8.
const PARTS: [f32; 4] = [1.0, 0.94, 0.88, 0.82];

impl Grid {
    /// The scale of each block of the rows of `row` weights.
    pub(super) fn scales(&self, values: &[f32], row: usize) -> Vec<f16> {
        values.par_chunks_exact(row).flat_map_iter(|row| row.chunks(self.block).map(self.scale)).collect()
    }

    /// The integer next to each weight.
    pub(super) fn nearest(&self, values: &[f32], row: usize, scales: &[f16]) -> Vec<i8> {
        let rows = values.par_chunks_exact(row).zip(scales.par_chunks_exact(row.div_ceil(self.block)));
        let integers = |(row, scales): (&[f32], &[f16])| {
            let blocks = row.chunks(self.block).zip(scales);
            let block = |(block, scale): (&[f32], &f16)| {
                let scale = scale.to_f32();
                block.iter().map(|weight| self.integer(*weight, scale) as i8).collect::<Vec<_>>()
            };
            blocks.flat_map(block).collect::<Vec<_>>()
        };
        rows.flat_map_iter(integers).collect()
    }

    /// The integer next to `weight`.
    #[inline(always)]
    pub(super) fn integer(&self, weight: f32, scale: f32) -> f32 {
        if scale == 0.0 { 0.0 } else { (weight * (1.0 / scale)).round().clamp(self.least, self.most) }
    }
}

/// The smallest half that brings every weight of `block` to at most 127.
fn covering(block: &[f32]) -> f16 {
    let exact = block.iter().fold(0f32, |m, w| m.max(w.abs())) / EIGHT_BITS.most;
    let near = f16::from_f32(exact);
    if near.to_f32() < exact { f16::from_bits(near.to_bits() + 1) } else { near }
}

/// The half, of a few, that moves the weights of `block` least.
fn nearest_of_some(block: &[f32]) -> f16 {
    let largest = block.iter().fold(0f32, |m, w| if w.abs() > m.abs() { *w } else { m });
    let moved = |scale: f16| {
        let scale = scale.to_f32();
        let error = |weight: &f32| f64::from(FOUR_BITS.integer(*weight, scale) * scale - weight);
        block.iter().map(|w| error(w).powi(2)).sum::<f64>()
    };
    let tried = PARTS.map(|part| f16::from_f32(part * largest / FOUR_BITS.least));
    tried.into_iter().min_by(|a, b| moved(*a).total_cmp(&moved(*b))).unwrap_or(f16::ZERO)
}

/// 4-bit integers plus eight, two a byte, the first in the lower half.
pub(super) fn in_pairs(integers: &[i8]) -> Vec<u8> {
    let half = |integer: i8| (integer + 8).cast_unsigned();
    integers.chunks_exact(2).map(|pair| half(pair[0]) | half(pair[1]) << 4).collect()
}

/// Weights of 8-bit integers and their scales; `None` where the sizes do not fit.
pub(crate) fn dequantize(integers: &[u8], rows: usize, scales: &[f32]) -> Option<Vec<f32>> {
    let row = integers.len().checked_div(rows)?;
    let block = EIGHT_BITS.block;
    if row == 0 || row * rows != integers.len() || row.div_ceil(block) * rows != scales.len() {
        return None;
    }
    let blocks = integers.chunks_exact(row).flat_map(|row| row.chunks(block)).zip(scales);
    Some(blocks.flat_map(|(block, scale)| block.iter().map(move |i| f32::from(i.cast_signed()) * scale)).collect())
}

/// Weights of [pairs](in_pairs) of 4-bit integers and their scales; `None` where the sizes do not fit.
pub(crate) fn dequantize_halves(bytes: &[u8], rows: usize, scales: &[f32]) -> Option<Vec<f32>> {
    let row = (2 * bytes.len()).checked_div(rows)?;
    let block = FOUR_BITS.block;
    let whole = row > 0 && row.is_multiple_of(2) && row * rows == 2 * bytes.len();
    if !whole || row.div_ceil(block) * rows != scales.len() {
        return None;
    }
    let blocks = bytes.chunks_exact(row / 2).flat_map(|row| row.chunks(block / 2)).zip(scales);
    let pair = |byte: &u8| [byte & 15, byte >> 4];
    let weight = |scale: f32| move |integer: u8| (f32::from(integer) - 8.0) * scale;
    Some(
        blocks.flat_map(|(block, scale)| block.iter().flat_map(pair).map(weight(*scale)).collect::<Vec<_>>()).collect(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cpu::reference::Random;

    #[test]
    fn a_weight_moves_by_at_most_half_a_scale() {
        let mut random = Random(4);
        for size in 0..200 {
            let row = 1 + size;
            // From far below the smallest half to hundreds; every fifth row is zero.
            let magnitude = |r: usize| if r.is_multiple_of(5) { 0.0 } else { 10f32.powi(r as i32 % 14 - 11) };
            let values: Vec<f32> = (0..30 * row).map(|i| random.next() * magnitude(i / row)).collect();
            let scales = EIGHT_BITS.scales(&values, row);
            let integers = EIGHT_BITS.nearest(&values, row, &scales);
            let scales: Vec<f32> = scales.iter().map(|s| s.to_f32()).collect();
            let bytes: Vec<u8> = integers.iter().map(|i| i.cast_unsigned()).collect();
            let back = dequantize(&bytes, 30, &scales).unwrap();
            for (i, (w, b)) in values.iter().zip(&back).enumerate() {
                let scale = scales[i / row * row.div_ceil(EIGHT_BITS.block) + i % row / EIGHT_BITS.block];
                assert!((w - b).abs() <= scale * 0.500_001, "{w} became {b} by scale {scale}");
            }
        }
        assert_eq!(dequantize(&[0; 10], 3, &[1.0; 3]), None);
        assert_eq!(dequantize(&[0; 130], 2, &[1.0; 2]), None);
        assert_eq!(dequantize(&[], 0, &[]), None);
    }

    #[test]
    fn a_weight_moves_little_in_four_bits() {
        let mut random = Random(5);
        for row in (2..200).step_by(2) {
            let values: Vec<f32> = (0..8 * row).map(|i| if i / row == 3 { 0.0 } else { random.next() }).collect();
            let scales = FOUR_BITS.scales(&values, row);
            let bytes = in_pairs(&FOUR_BITS.nearest(&values, row, &scales));
            let scales: Vec<f32> = scales.iter().map(|s| s.to_f32()).collect();
            let back = dequantize_halves(&bytes, 8, &scales).unwrap();
            let squares = |v: &mut dyn Iterator<Item = f32>| v.map(|v| f64::from(v) * f64::from(v)).sum::<f64>();
            let moved = squares(&mut values.iter().zip(&back).map(|(w, b)| w - b));
            let share = (moved / squares(&mut values.iter().copied())).sqrt();
            assert!(share < 0.08, "rows of {row}: moved by {share}");
            assert!(back[3 * row..4 * row].iter().all(|b| *b == 0.0));
        }
        assert_eq!(dequantize_halves(&[0x88; 5], 3, &[1.0; 3]), None);
        assert_eq!(dequantize_halves(&[0x88; 34], 2, &[1.0; 2]), None);
        assert_eq!(dequantize_halves(&[0x80, 0x9f], 2, &[1.0, 2.0]), Some(vec![-8.0, 0.0, 14.0, 2.0]));
    }
}
