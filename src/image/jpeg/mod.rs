//! JPEG: baseline, extended sequential and progressive Huffman files of 8 bits a sample (ITU-T T.81).
//!
//! Written for this project because decoding is what a first run waits for, and because three things matter here that
//! general decoders do not give: samples equal to libjpeg's (and so to Pillow's and torchvision's), truncated files as
//! errors, and decoding of a window: blocks outside the centre crop are entropy-decoded but not transformed.
//!
//! The steps: [`header`] reads tables and frame, [`scan`] the coefficients (with [`progressive`]), [`idct`] makes samples, [`upsample`] brings
//! chroma to full size, [`color`] turns rows into RGB.

mod color;
mod header;
mod huffman;
mod idct;
mod progressive;
mod scan;
mod upsample;

use image::ImageFormat;
use image::metadata::Orientation;

use super::{DecodeError, Limits, Rgb, Window};
use header::{Coding, Frame, Stop, Tables};

/// Row-order place of each coefficient in zigzag order; places behind the last one stay inside the block.
const ZIGZAG: [u8; 80] = {
    let mut order = [63; 80];
    let (mut row, mut column, mut k) = (0i32, 0i32, 0);
    while k < 64 {
        order[k] = (row * 8 + column) as u8;
        let up = (row + column) % 2 == 0;
        let (next_row, next_column) = if up { (row - 1, column + 1) } else { (row + 1, column - 1) };
        (row, column) = if next_column > 7 {
            (row + 1, 7)
        } else if next_row > 7 {
            (7, column + 1)
        } else if next_row < 0 {
            (0, next_column)
        } else if next_column < 0 {
            (next_row, 0)
        } else {
            (next_row, next_column)
        };
        k += 1;
    }
    order
};

/// What stops a decoder, before it is known how far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Truncated,
    Corrupt(&'static str),
    Unsupported(&'static str),
}

/// One colour component: its geometry, and its samples as they come.
struct Component {
    /// Blocks across and down in one interleaved unit.
    h: usize,
    v: usize,
    /// Samples across and down, without padding.
    width: usize,
    height: usize,
    /// Blocks across and down, padded to whole units.
    blocks_w: usize,
    blocks_h: usize,
    /// The quantisation table, taken when the component's first scan begins.
    quant: Option<[i16; 64]>,
    /// Which table that is.
    table: usize,
    /// Blocks to transform: columns and rows that the window needs.
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    /// Samples of those blocks, `columns.len() * 8` to a row.
    plane: Vec<u8>,
    /// Coefficients of all blocks, where scans refine each other.
    coefficients: Vec<i16>,
}

/// The components of a frame.
struct Planes {
    components: Vec<Component>,
    h_max: usize,
    v_max: usize,
}

/// A JPEG whose header is read.
pub(super) struct Jpeg<'a> {
    data: &'a [u8],
    pos: usize,
    tables: Tables,
    frame: Frame,
}

impl<'a> Jpeg<'a> {
    /// Reads the header: size, colour, orientation; nothing is allocated for pixels.
    pub(super) fn open(data: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        let mut tables = Tables::default();
        match header::segments(data, 0, &mut tables).map_err(|f| error(f, data.len()))? {
            (Stop::Frame(frame), pos) => {
                limits.check_size(frame.width as u64, frame.height as u64)?;
                Ok(Self { data, pos, tables, frame })
            }
            _ => Err(error(Fault::Corrupt("no frame header before the first scan"), data.len())),
        }
    }

    /// Width and height as stored, before orientation.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.frame.width as u32, self.frame.height as u32)
    }

    /// The EXIF orientation.
    pub(super) fn orientation(&self) -> Orientation {
        let exif = self.tables.exif.as_deref();
        exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
    }

    /// Decodes the part of the picture in `window`, which must lie inside [`Self::size`].
    pub(super) fn decode(mut self, window: &Window, limits: &Limits) -> Result<Rgb, DecodeError> {
        let data = self.data;
        let mut planes = Planes::new(&self.frame, window).map_err(|f| error(f, data.len()))?;
        limits.check_memory(self.memory(&planes, window))?;
        self.scans(&mut planes).map_err(|f| error(f, data.len()))?;
        let kind = color::kind(&self.frame, &self.tables);
        Ok(upsample::rgb(&planes, window, kind))
    }

    /// Bytes that decoding takes.
    fn memory(&self, planes: &Planes, window: &Window) -> u64 {
        let stored = self.frame.coding == Coding::Progressive;
        let blocks: usize = planes.components.iter().map(|c| c.blocks_w * c.blocks_h).sum();
        let samples: usize = planes.components.iter().map(|c| c.columns.len() * c.rows.len() * 64).sum();
        let coefficients = if stored { blocks * 128 } else { 0 };
        (coefficients + samples) as u64 + u64::from(window.width) * u64::from(window.height) * 3
    }

    /// Runs through all scans.
    fn scans(&mut self, planes: &mut Planes) -> Result<(), Fault> {
        let mut seen = [false; 4];
        let mut stored = self.frame.coding == Coding::Progressive;
        loop {
            let (stop, pos) = match header::segments(self.data, self.pos, &mut self.tables) {
                Err(Fault::Truncated) if !stored && seen[..planes.components.len()].iter().all(|&s| s) => break,
                other => other?,
            };
            match stop {
                Stop::End => break,
                Stop::Frame(_) => return Err(Fault::Corrupt("a second frame header")),
                Stop::Scan(segment, start) => {
                    let scan = header::scan(&segment, &self.frame)?;
                    let all = scan.parts.len() == planes.components.len();
                    stored |= !all;
                    for part in &scan.parts {
                        seen[part.component] = true;
                        planes.components[part.component].start(&self.tables, stored)?;
                    }
                    self.pos = scan::run(self.data, start, &self.tables, planes, &scan, self.frame.coding, stored)?;
                    if all && !stored {
                        // The picture is complete; what follows cannot change it.
                        return Ok(());
                    }
                }
            }
            self.pos = self.pos.max(pos);
        }
        if !seen[..planes.components.len()].iter().all(|&s| s) {
            return Err(Fault::Corrupt("a colour component without a scan"));
        }
        scan::transform(planes);
        Ok(())
    }
}

impl Planes {
    fn new(frame: &Frame, window: &Window) -> Result<Self, Fault> {
        let h_max = frame.components.iter().map(|c| c.h).max().unwrap_or(1);
        let v_max = frame.components.iter().map(|c| c.v).max().unwrap_or(1);
        let units_w = frame.width.div_ceil(8 * h_max);
        let units_h = frame.height.div_ceil(8 * v_max);
        let mut components = Vec::new();
        for c in &frame.components {
            if h_max % c.h != 0 || v_max % c.v != 0 {
                return Err(Fault::Unsupported("JPEG with fractional chroma sampling"));
            }
            let (blocks_w, blocks_h) = (units_w * c.h, units_h * c.v);
            components.push(Component {
                h: c.h,
                v: c.v,
                width: (frame.width * c.h).div_ceil(h_max),
                height: (frame.height * c.v).div_ceil(v_max),
                blocks_w,
                blocks_h,
                quant: None,
                table: c.table,
                columns: needed(window.x, window.width, h_max / c.h, blocks_w),
                rows: needed(window.y, window.height, v_max / c.v, blocks_h),
                plane: Vec::new(),
                coefficients: Vec::new(),
            });
        }
        Ok(Self { components, h_max, v_max })
    }
}

/// Blocks that hold the samples under a window of `length` pixels at `start`, and one sample to each side.
fn needed(start: u32, length: u32, ratio: usize, blocks: usize) -> std::ops::Range<usize> {
    let (start, end) = (start as usize / ratio, (start as usize + length as usize).div_ceil(ratio) + 1);
    start.saturating_sub(1) / 8..end.div_ceil(8).min(blocks)
}

impl Component {
    /// Takes the quantisation table and makes room, when the component's first scan begins.
    fn start(&mut self, tables: &Tables, stored: bool) -> Result<(), Fault> {
        if self.quant.is_none() {
            self.quant = Some(tables.quant[self.table].ok_or(Fault::Corrupt("a missing quantisation table"))?);
        }
        if self.plane.is_empty() {
            self.plane = vec![0; self.columns.len() * self.rows.len() * 64];
        }
        if stored && self.coefficients.is_empty() {
            self.coefficients = vec![0; self.blocks_w * self.blocks_h * 64];
        }
        Ok(())
    }
}

/// Names the fault as people need it.
fn error(fault: Fault, bytes: usize) -> DecodeError {
    let format = ImageFormat::Jpeg;
    match fault {
        Fault::Truncated => DecodeError::Truncated { format, bytes },
        Fault::Corrupt(what) => DecodeError::Corrupt { format, reason: what.to_owned() },
        Fault::Unsupported(what) => DecodeError::Unsupported { reason: what.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_is_the_order_of_the_standard() {
        assert_eq!(ZIGZAG[..12], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25]);
        assert_eq!(ZIGZAG[57..64], [60, 61, 54, 47, 55, 62, 63]);
        let mut all = ZIGZAG[..64].to_vec();
        all.sort_unstable();
        assert!(all.iter().enumerate().all(|(i, &place)| i == usize::from(place)));
    }

    #[test]
    fn needed_blocks_cover_the_window_and_its_neighbours() {
        assert_eq!(needed(0, 8, 1, 10), 0..2);
        assert_eq!(needed(16, 8, 1, 10), 1..4);
        assert_eq!(needed(32, 16, 2, 10), 1..4);
        assert_eq!(needed(70, 10, 1, 10), 8..10);
    }
}
