//! Canny's edges (*A Computational Approach to Edge Detection*, PAMI 1986), as OpenCV finds them.

use super::{PIXELS, SIDE};

/// Cells along a side.
const CELLS: usize = 8;

/// Numbers that [`Canny::density`] gives, one for each cell, row by row.
pub(super) const COLUMNS: usize = CELLS * CELLS;

/// Side of a cell, pixels.
const CELL: usize = SIDE / CELLS;

/// Gradients above `HIGH` are edges, and those above `LOW` that touch edges.
const LOW: u16 = 100;
const HIGH: u16 = 200;

/// Words of a row of bits.
const WORDS: usize = SIDE.div_ceil(64);

/// A bit for each pixel of a row, the first the lowest.
pub(super) type Bits = [u64; WORDS];

/// A row of bytes, one or none for a pixel, padded to whole words of bits.
type Flags = [u8; WORDS * 64];

/// A row of gradients, and zeros beyond both ends.
#[derive(Debug, Clone)]
struct Gradients {
    across: [i16; SIDE],
    down: [i16; SIDE],
    /// `|across| + |down|`
    length: [u16; SIDE + 2],
}

impl Gradients {
    const ZERO: Self = Self { across: [0; SIDE], down: [0; SIDE], length: [0; SIDE + 2] };
}

/// Finds edges; one for each thread, because it keeps its buffers.
#[derive(Debug, Clone)]
pub(super) struct Canny {
    /// The rows above, at, and below.
    rows: Box<[Gradients; 3]>,
    /// What may be an edge.
    weak: Box<[Bits; SIDE]>,
    edges: Box<[Bits; SIDE]>,
}

impl Default for Canny {
    fn default() -> Self {
        let bits = Box::new([Bits::default(); SIDE]);
        Self { rows: Box::new([Gradients::ZERO; 3]), weak: bits.clone(), edges: bits }
    }
}

impl Canny {
    /// The share of edge pixels in each cell of an 8 x 8 grid over a `[224, 224]` grey picture.
    ///
    /// The edges are those of `cv2.Canny(grey, 100, 200)`: aperture 3, gradients measured as `|dx| + |dy|`.
    pub(super) fn density(&mut self, grey: &[u8; PIXELS], out: &mut [f32]) {
        let edges = self.find(grey);
        for (out, rows) in out.chunks_exact_mut(CELLS).zip(edges.chunks_exact(CELL)) {
            for (cell, out) in out.iter_mut().enumerate() {
                let count: u32 = rows.iter().map(|row| ones(row, cell * CELL)).sum();
                *out = (f64::from(count) / (CELL * CELL) as f64) as f32;
            }
        }
    }

    /// The edges, row by row.
    pub(super) fn find(&mut self, grey: &[u8; PIXELS]) -> &[Bits; SIDE] {
        let row = |y: usize| &grey[y * SIDE..][..SIDE];
        let (mut weak, mut strong) = ([0; WORDS * 64], [0; WORDS * 64]);
        self.rows[1] = Gradients::ZERO;
        // Beyond the border lies the border's row.
        sobel(row(0), row(0), row(1), &mut self.rows[2]);
        for y in 0..SIDE {
            self.rows.rotate_left(1);
            match y + 1 {
                SIDE => self.rows[2] = Gradients::ZERO,
                next => sobel(row(y), row(next), row((next + 1).min(SIDE - 1)), &mut self.rows[2]),
            }
            thin(&self.rows, &mut weak, &mut strong);
            self.weak[y] = pack(&weak);
            self.edges[y] = fill(&pack(&strong), &self.weak[y]);
        }
        while self.grow() {}
        &self.edges
    }

    /// Lets edges grow over what touches them, downwards and then upwards; along their own rows they have grown. Whether
    /// any did.
    fn grow(&mut self) -> bool {
        let mut grown = false;
        for y in (0..SIDE).chain((0..SIDE - 1).rev()) {
            let mut near = self.edges[y];
            for other in [y.checked_sub(1), Some(y + 1)].into_iter().flatten() {
                near = self.edges.get(other).map_or(near, |row| or(&near, &wider(row)));
            }
            let seeds = and(&near, &self.weak[y]);
            if seeds != self.edges[y] {
                self.edges[y] = fill(&seeds, &self.weak[y]);
                grown = true;
            }
        }
        grown
    }
}

/// Gradients of a row from the rows around it (Sobel's 3 x 3); beyond the ends lie the ends' pixels.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn sobel(above: &[u8], here: &[u8], below: &[u8], out: &mut Gradients) {
    let (mut smooth, mut step) = ([0i16; SIDE + 2], [0i16; SIDE + 2]);
    let (above, here, below) = (&above[..SIDE], &here[..SIDE], &below[..SIDE]);
    for x in 0..SIDE {
        let [a, h, b] = [above[x], here[x], below[x]].map(i16::from);
        smooth[x + 1] = a + 2 * h + b;
        step[x + 1] = b - a;
    }
    for row in [&mut smooth, &mut step] {
        row[0] = row[1];
        row[SIDE + 1] = row[SIDE];
    }
    for x in 0..SIDE {
        let across = smooth[x + 2] - smooth[x];
        let down = step[x] + 2 * step[x + 1] + step[x + 2];
        out.across[x] = across;
        out.down[x] = down;
        out.length[x + 1] = across.unsigned_abs() + down.unsigned_abs();
    }
}

/// One for each pixel of the middle row whose gradient is above `LOW` (and above `HIGH`) and the longest along its own
/// direction, of which there are four.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn thin(rows: &[Gradients; 3], weak: &mut Flags, strong: &mut Flags) {
    let [above, here, below] = rows;
    for x in 0..SIDE {
        let (across, down) = (here.across[x], here.down[x]);
        let (width, height) = (across.unsigned_abs(), down.unsigned_abs());
        let length = here.length[x + 1];
        // tan 22.5 degrees of 15 bits; what OpenCV compares with fractions, whole numbers compare as well.
        let shallow = ((u32::from(2 * width) * 13_573) >> 16) as u16;
        let horizontal = height <= shallow;
        let vertical = height > shallow + 2 * width;
        let falling = (across ^ down) >= 0;
        // A tie is an edge where the neighbour before is shorter: left, above, or above to the side.
        let (before, after) = (here.length[x], here.length[x + 2]);
        let (up, under) = (above.length[x + 1], below.length[x + 1]);
        let fall = (length > above.length[x]) & (length > below.length[x + 2]);
        let rise = (length > above.length[x + 2]) & (length > below.length[x]);
        let longest = (horizontal & (length > before) & (length >= after))
            | (vertical & (length > up) & (length >= under))
            | (!horizontal & !vertical & ((falling & fall) | (!falling & rise)));
        weak[x] = u8::from(longest & (length > LOW));
        strong[x] = u8::from(longest & (length > HIGH));
    }
}

/// The lowest bit of each byte.
fn pack(flags: &Flags) -> Bits {
    let mut bits = Bits::default();
    for (word, flags) in bits.iter_mut().zip(flags.chunks_exact(64)) {
        for (index, eight) in flags.chunks_exact(8).enumerate() {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(eight);
            // Each of the eight is moved to its place in the highest byte.
            let packed = u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            *word |= packed << (8 * index);
        }
    }
    bits
}

fn and(a: &Bits, b: &Bits) -> Bits {
    std::array::from_fn(|i| a[i] & b[i])
}

fn or(a: &Bits, b: &Bits) -> Bits {
    std::array::from_fn(|i| a[i] | b[i])
}

/// Each bit and its neighbours.
fn wider(bits: &Bits) -> Bits {
    std::array::from_fn(|i| {
        let before = if i > 0 { bits[i - 1] >> 63 } else { 0 };
        let after = bits.get(i + 1).map_or(0, |next| next << 63);
        bits[i] | bits[i] << 1 | before | bits[i] >> 1 | after
    })
}

/// The runs of ones in `over` that hold one of `seeds`; each of those is one of `over`.
fn fill(seeds: &Bits, over: &Bits) -> Bits {
    let backwards = |bits: &Bits| -> Bits { std::array::from_fn(|i| bits[WORDS - 1 - i].reverse_bits()) };
    let up = fill_up(seeds, over);
    backwards(&fill_up(&backwards(&up), &backwards(over)))
}

/// The same, towards higher bits alone: a seed that is added to its run carries to the run's end.
fn fill_up(seeds: &Bits, over: &Bits) -> Bits {
    let mut carry = false;
    std::array::from_fn(|i| {
        let (sum, first) = over[i].overflowing_add(seeds[i]);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        // A run that goes on in this word: the carry alone clears it.
        carry = first | second;
        (over[i] & !sum) | seeds[i]
    })
}

/// How many of the `CELL` bits from `start` are ones.
fn ones(bits: &Bits, start: usize) -> u32 {
    let (word, shift) = (start / 64, start % 64);
    let low = bits[word] >> shift;
    let high = if shift + CELL > 64 { bits[word + 1] << (64 - shift) } else { 0 };
    ((low | high) & ((1 << CELL) - 1)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::{Bits, Canny, SIDE, and, fill};
    use proptest::prelude::*;

    fn bit(rows: &[Bits], x: usize, y: usize) -> bool {
        rows[y][x / 64] >> (x % 64) & 1 == 1
    }

    /// A row of random bits, of which `density` in 16 are ones.
    fn row(random: &mut impl FnMut() -> u64, density: u64) -> Bits {
        let mut bits = Bits::default();
        for x in (0..SIDE).filter(|_| random() >> 60 < density) {
            bits[x / 64] |= 1 << (x % 64);
        }
        bits
    }

    fn numbers(mut state: u64) -> impl FnMut() -> u64 {
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        }
    }

    /// What touches an edge, pixel by pixel.
    fn flood(weak: &[Bits; SIDE], strong: &[Bits; SIDE]) -> Vec<bool> {
        let mut found = vec![false; SIDE * SIDE];
        let all = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
        let mut open: Vec<(usize, usize)> = all.filter(|&(x, y)| bit(strong, x, y)).collect();
        open.iter().for_each(|&(x, y)| found[y * SIDE + x] = true);
        while let Some((x, y)) = open.pop() {
            for ny in y.saturating_sub(1)..=(y + 1).min(SIDE - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(SIDE - 1) {
                    if bit(weak, nx, ny) && !std::mem::replace(&mut found[ny * SIDE + nx], true) {
                        open.push((nx, ny));
                    }
                }
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn edges_grow_over_all_that_touches_them(seed: u64, density in 1..16u64, sparse in 0..2u64) {
            let mut random = numbers(seed);
            let mut canny = Canny::default();
            for y in 0..SIDE {
                canny.weak[y] = row(&mut random, density);
                let some = if random() >> 59 == 0 { row(&mut random, 1 + sparse) } else { Bits::default() };
                canny.edges[y] = fill(&and(&some, &canny.weak[y]), &canny.weak[y]);
            }
            let expected = flood(&canny.weak, &canny.edges);
            while canny.grow() {}
            for (i, expected) in expected.into_iter().enumerate() {
                prop_assert_eq!(bit(&*canny.edges, i % SIDE, i / SIDE), expected);
            }
        }

        #[test]
        fn runs_that_hold_a_seed_are_filled(seed: u64, density in 1..17u64) {
            let mut random = numbers(seed);
            let over = row(&mut random, density);
            let seeds = and(&row(&mut random, 2), &over);
            let filled = [fill(&seeds, &over)];
            let mut x = 0;
            while x < SIDE {
                let end = (x..SIDE).find(|&i| !bit(&[over], i, 0)).unwrap_or(SIDE);
                let any = (x..end).any(|i| bit(&[seeds], i, 0));
                prop_assert!((x..end).all(|i| bit(&filled, i, 0) == any));
                prop_assert!(end == SIDE || !bit(&filled, end, 0));
                x = end + 1;
            }
        }
    }
}
