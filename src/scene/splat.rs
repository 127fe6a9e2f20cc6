//! Points drawn by the processor: tens of thousands of small discs in a few milliseconds.
//!
//! Software rasterisers, which is what browsers fall back to without a GPU, spend about two microseconds on the triangle
//! of one small point. Discs of one radius differ only in where they lie within their pixel, so here each is one of 16
//! ready-made stamps.

/// Places within a pixel along each side that are told apart.
const PHASES: usize = 4;

/// How a kind of point looks. Lengths are pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disc {
    /// Of what is filled.
    pub radius: f32,
    /// Width of the outline around that; 0 for none.
    pub outline: f32,
    /// Colour of the outline.
    pub edge: [u8; 3],
    /// In [0, 1].
    pub opacity: f32,
}

/// A picture of premultiplied colours, transparent where nothing was stamped.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    width: usize,
    height: usize,
    pixels: Vec<u32>,
}

/// The stamps of one kind of point.
#[derive(Debug, Clone)]
pub struct Stamps {
    /// Pixels along a side.
    side: usize,
    /// Pixels from a stamp's corner to the pixel that holds the disc's middle.
    middle: usize,
    /// For each phase and pixel: how much of the disc's colour, and of the outline's, from 0 to 256.
    weights: Vec<[u16; 2]>,
    edge: u32,
}

impl Stamps {
    /// Prepares stamps of `disc`.
    pub fn new(disc: &Disc) -> Self {
        let reach = disc.radius + disc.outline + 0.5;
        let middle = reach.ceil() as usize;
        let side = 2 * middle + 1;
        let mut weights = Vec::with_capacity(PHASES * PHASES * side * side);
        for phase in 0..PHASES * PHASES {
            let within = |p: usize| (p as f32 + 0.5) / PHASES as f32;
            let centre = [middle as f32 + within(phase % PHASES), middle as f32 + within(phase / PHASES)];
            for pixel in 0..side * side {
                let at = [(pixel % side) as f32 + 0.5, (pixel / side) as f32 + 0.5];
                let distance = (at[0] - centre[0]).hypot(at[1] - centre[1]) - disc.radius;
                let coverage = |d: f32| (0.5 - d).clamp(0.0, 1.0);
                let (inner, whole) = (coverage(distance), coverage(distance - disc.outline));
                // The disc covers `inner` of the pixel, the outline what is left of `whole`.
                let weight = |share: f32| (256.0 * disc.opacity * share).round() as u16;
                weights.push([weight(inner), weight(whole - inner)]);
            }
        }
        Self { side, middle, weights, edge: packed(disc.edge) }
    }
}

impl Sheet {
    /// Takes a size and wipes the sheet.
    pub fn clear(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.pixels.clear();
        self.pixels.resize(width * height, 0);
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// One word a pixel, red in the lowest byte.
    pub fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// Stamps a disc of `colour` around `at`, pixels from the top left corner, over what is there.
    pub fn stamp(&mut self, stamps: &Stamps, at: [f32; 2], colour: [u8; 3]) {
        let reach = stamps.side as f32;
        let inside = |v: f32, size: usize| v > -reach && v < size as f32 + reach;
        if !(inside(at[0], self.width) && inside(at[1], self.height)) {
            return;
        }
        let pixel = at.map(f32::floor);
        let phase: [usize; 2] =
            std::array::from_fn(|a| (((at[a] - pixel[a]) * PHASES as f32) as usize).min(PHASES - 1));
        let corner = pixel.map(|p| p as isize - stamps.middle as isize);
        let cut = |from: isize, size: usize| {
            let first = (-from).max(0) as usize;
            let last = (size as isize - from).clamp(0, stamps.side as isize) as usize;
            first..last.max(first)
        };
        let (columns, rows) = (cut(corner[0], self.width), cut(corner[1], self.height));
        if columns.is_empty() {
            return;
        }
        let weights = &stamps.weights[(phase[1] * PHASES + phase[0]) * stamps.side * stamps.side..];
        let (colour, edge) = (packed(colour), stamps.edge);
        for row in rows {
            let start = (corner[1] + row as isize) as usize * self.width;
            let first = start + (corner[0] + columns.start as isize) as usize;
            let line = &mut self.pixels[first..first + columns.len()];
            let weights = &weights[row * stamps.side + columns.start..][..columns.len()];
            for (pixel, &[fill, outline]) in line.iter_mut().zip(weights) {
                if fill + outline > 0 {
                    *pixel = over(*pixel, colour, u32::from(fill), edge, u32::from(outline));
                }
            }
        }
    }
}

/// An opaque colour in one word.
fn packed([r, g, b]: [u8; 3]) -> u32 {
    u32::from_le_bytes([r, g, b, 255])
}

/// `fill` parts of 256 of one colour and `outline` parts of another over `below`, two channels at a time.
fn over(below: u32, colour: u32, fill: u32, edge: u32, outline: u32) -> u32 {
    const EVEN: u32 = 0x00ff_00ff;
    let left = 256 - (fill + outline).min(256);
    let mix = |shift: u32| {
        let of = |c: u32| (c >> shift) & EVEN;
        ((of(colour) * fill + of(edge) * outline + of(below) * left) >> 8) & EVEN
    };
    mix(0) | (mix(8) << 8)
}

#[cfg(test)]
mod tests {
    use super::{Disc, Sheet, Stamps};

    const DISC: Disc = Disc { radius: 3.0, outline: 0.0, edge: [0; 3], opacity: 1.0 };

    fn drawn(disc: Disc, points: &[([f32; 2], [u8; 3])]) -> Sheet {
        let mut sheet = Sheet::default();
        sheet.clear(32, 24);
        let stamps = Stamps::new(&disc);
        for &(at, colour) in points {
            sheet.stamp(&stamps, at, colour);
        }
        sheet
    }

    fn pixel(sheet: &Sheet, x: usize, y: usize) -> [u8; 4] {
        sheet.pixels()[y * sheet.size()[0] + x].to_le_bytes()
    }

    #[test]
    fn a_disc_has_its_colour_its_area_and_its_place() {
        let sheet = drawn(DISC, &[([10.4, 12.6], [200, 100, 50])]);
        let [r, g, b, a] = pixel(&sheet, 10, 12);
        assert!(r.abs_diff(200) <= 1 && g.abs_diff(100) <= 1 && b.abs_diff(50) <= 1 && a >= 254);
        let alpha = |f: &dyn Fn(usize, usize) -> f64| -> f64 {
            (0..24 * 32).map(|i| f64::from(pixel(&sheet, i % 32, i / 32)[3]) / 255.0 * f(i % 32, i / 32)).sum()
        };
        let area = alpha(&|_, _| 1.0);
        assert!((area / (std::f64::consts::PI * 9.0) - 1.0).abs() < 0.03, "{area}");
        let middle = [alpha(&|x, _| x as f64 + 0.5) / area, alpha(&|_, y| y as f64 + 0.5) / area];
        assert!((middle[0] - 10.4).abs() < 0.15 && (middle[1] - 12.6).abs() < 0.15, "{middle:?}");
        assert_eq!(pixel(&sheet, 20, 12), [0; 4]);
    }

    #[test]
    fn later_over_earlier_by_opacity() {
        let half = Disc { opacity: 0.5, ..DISC };
        let sheet = drawn(half, &[([10.0, 10.0], [255, 0, 0]), ([10.0, 10.0], [0, 0, 255])]);
        let [r, _, b, a] = pixel(&sheet, 10, 10);
        assert!(r.abs_diff(64) <= 2 && b.abs_diff(128) <= 2 && a.abs_diff(191) <= 2, "{r} {b} {a}");
    }

    #[test]
    fn an_outline_surrounds() {
        let ringed = Disc { outline: 2.0, edge: [0, 255, 0], ..DISC };
        let sheet = drawn(ringed, &[([16.0, 12.0], [255, 0, 0])]);
        assert!(pixel(&sheet, 16, 12)[0] > 250);
        let ring = pixel(&sheet, 19, 12);
        assert!(ring[1] > 200 && ring[3] > 250, "{ring:?}");
    }

    #[test]
    fn edges_cut_and_nonsense_is_passed_over() {
        let at = [
            [0.0, 0.0],
            [32.0, 24.0],
            [-2.0, 12.0],
            [1e18, 0.0],
            [f32::NAN, 3.0],
            [-1e9, 2.0],
            [31.9, 0.1],
            [37.5, 23.0],
            [-6.5, 2.0],
        ];
        let sheet = drawn(DISC, &at.map(|p| (p, [255, 255, 255])));
        assert!(pixel(&sheet, 0, 0)[3] > 200 && pixel(&sheet, 31, 23)[3] > 200);
        assert_eq!(pixel(&sheet, 16, 3)[3], 0);
    }
}
