//! Local binary patterns (Ojala, Pietikäinen and Mäenpää, *Multiresolution Gray-Scale and Rotation Invariant Texture
//! Classification with Local Binary Patterns*, TPAMI 2002), as scikit-image defines them.

use super::{PIXELS, SIDE};

/// Numbers that [`Lbp::histogram`] gives: uniform patterns of 0 to 8 bright neighbours, and all others.
pub(super) const COLUMNS: usize = 10;

/// `sin` and `cos` of 45 degrees, to the five digits that scikit-image keeps.
#[expect(clippy::approx_constant, reason = "other digits give other patterns in flat areas")]
const DIAGONAL: f64 = 0.70711;

/// A row and a pixel beyond either end.
type Row = [f64; SIDE + 2];

/// A row of the picture, and interpolated half a diagonal to its left and right.
#[derive(Debug, Clone)]
struct Rows {
    grey: Row,
    left: [f64; SIDE],
    right: [f64; SIDE],
}

impl Rows {
    const ZERO: Self = Self { grey: [0.0; SIDE + 2], left: [0.0; SIDE], right: [0.0; SIDE] };
}

/// Finds patterns; one for each thread, because it keeps its buffers.
#[derive(Debug, Clone)]
pub(super) struct Lbp {
    /// How far behind a pixel the points of its left and of its right neighbours lie: equal but for rounding.
    fractions: Box<[[f64; SIDE]; 2]>,
    /// The rows above, at, and below.
    rows: Box<[Rows; 3]>,
}

impl Default for Lbp {
    fn default() -> Self {
        let fractions = [-DIAGONAL, DIAGONAL].map(|step| std::array::from_fn(|x| fraction(x, step)));
        Self { fractions: Box::new(fractions), rows: Box::new([Rows::ZERO; 3]) }
    }
}

impl Lbp {
    /// The share of each uniform pattern in a `[224, 224]` grey picture.
    ///
    /// `local_binary_pattern(grey, P=8, R=1, method="uniform")` of `skimage.feature`; of that
    /// `np.histogram(..., bins=10, range=(0, 10), density=True)`. Beyond the border lies black.
    pub(super) fn histogram(&mut self, grey: &[f32; PIXELS], out: &mut [f32]) {
        let mut counts = [[0u32; 256]; 4];
        let mut codes = [0; SIDE];
        self.load(1, None);
        self.load(2, grey.chunks_exact(SIDE).next());
        for y in 0..SIDE {
            self.rows.rotate_left(1);
            self.load(2, grey.chunks_exact(SIDE).nth(y + 1));
            patterns(&self.rows, [fraction(y, -DIAGONAL), fraction(y, DIAGONAL)], &mut codes);
            // Neighbours are often alike, and a counter takes a few cycles to be ready again.
            for four in codes.chunks_exact(4) {
                for (counts, &code) in counts.iter_mut().zip(four) {
                    counts[usize::from(code)] += 1;
                }
            }
        }
        let mut sums = [0u32; COLUMNS];
        for code in 0..=u8::MAX {
            sums[uniform(code)] += counts.iter().map(|counts| counts[usize::from(code)]).sum::<u32>();
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = (f64::from(sum) / PIXELS as f64) as f32;
        }
    }

    fn load(&mut self, slot: usize, row: Option<&[f32]>) {
        match row {
            Some(row) => load(row, &self.fractions, &mut self.rows[slot]),
            None => self.rows[slot] = Rows::ZERO,
        }
    }
}

/// How far `index + step` lies behind the whole number before it; in this order of operations, because patterns of flat
/// areas hang on the rounding.
fn fraction(index: usize, step: f64) -> f64 {
    let place = index as f64 + step;
    place - place.floor()
}

/// The column of a pattern: how many neighbours are bright where they lie side by side, the last column elsewhere.
fn uniform(code: u8) -> usize {
    let changes = (code ^ code.rotate_left(1)).count_ones();
    if changes <= 2 { code.count_ones() as usize } else { COLUMNS - 1 }
}

#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn load(row: &[f32], fractions: &[[f64; SIDE]; 2], out: &mut Rows) {
    for (out, &value) in out.grey[1..=SIDE].iter_mut().zip(row) {
        *out = f64::from(value);
    }
    let Rows { grey, left, right } = out;
    for x in 0..SIDE {
        left[x] = between(grey[x], grey[x + 1], fractions[0][x]);
        right[x] = between(grey[x + 1], grey[x + 2], fractions[1][x]);
    }
}

#[inline(always)]
fn between(a: f64, b: f64, fraction: f64) -> f64 {
    (1.0 - fraction) * a + fraction * b
}

/// A bit for each of the eight neighbours that is at least as bright as the pixel, from the right counterclockwise.
#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn patterns(rows: &[Rows; 3], [up, down]: [f64; 2], codes: &mut [u8; SIDE]) {
    let [above, here, below] = rows;
    for (x, out) in codes.iter_mut().enumerate() {
        let centre = here.grey[x + 1];
        let neighbours = [
            here.grey[x + 2],
            between(above.right[x], here.right[x], up),
            above.grey[x + 1],
            between(above.left[x], here.left[x], up),
            here.grey[x],
            between(here.left[x], below.left[x], down),
            below.grey[x + 1],
            between(here.right[x], below.right[x], down),
        ];
        let mut code = 0;
        for (bit, neighbour) in neighbours.into_iter().enumerate() {
            code |= u8::from(neighbour >= centre) << bit;
        }
        *out = code;
    }
}
