//! Markers: the frame, its tables, EXIF and Adobe segments (ITU-T T.81, annex B).

use super::huffman::Huffman;
use super::{Fault, ZIGZAG};

/// How a frame codes its coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Baseline or extended sequential.
    Sequential,
    /// Progressive: several scans refine each other.
    Progressive,
}

/// A colour component as the frame declares it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared {
    pub(super) id: u8,
    pub(super) h: usize,
    pub(super) v: usize,
    pub(super) table: usize,
}

/// The frame header.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) coding: Coding,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Declared>,
}

/// Everything that segments outside scans define.
#[derive(Default)]
pub(super) struct Tables {
    /// Quantisation tables in row order.
    pub(super) quant: [Option<[i16; 64]>; 4],
    pub(super) dc: [Option<Box<Huffman>>; 4],
    pub(super) ac: [Option<Box<Huffman>>; 4],
    /// MCUs between restart markers, 0 for none.
    pub(super) restart: usize,
    /// Whether a JFIF segment was seen.
    pub(super) jfif: bool,
    /// The colour transform of an Adobe segment.
    pub(super) adobe: Option<u8>,
    /// The EXIF block.
    pub(super) exif: Option<Vec<u8>>,
}

/// Where reading segments stopped.
pub(super) enum Stop {
    Frame(Frame),
    /// A scan: its header's bytes, and where its data begins.
    Scan(Vec<u8>, usize),
    End,
}

/// Reads segments from `pos` on up to the next frame header, scan or end.
pub(super) fn segments(data: &[u8], mut pos: usize, tables: &mut Tables) -> Result<(Stop, usize), Fault> {
    loop {
        let (marker, body) = next_marker(data, pos)?;
        match marker {
            0xD9 => return Ok((Stop::End, body)),
            0x01 | 0xD0..=0xD8 => {
                pos = body;
                continue;
            }
            _ => {}
        }
        let length = usize::from(u16_at(data, body).ok_or(Fault::Truncated)?);
        if length < 2 {
            return Err(Fault::Corrupt("a segment shorter than its own length"));
        }
        let segment = data.get(body + 2..body + length).ok_or(Fault::Truncated)?;
        pos = body + length;
        match marker {
            0xC0..=0xC2 => return Ok((Stop::Frame(frame(marker, segment)?), pos)),
            0xC4 => huffman_tables(segment, tables)?,
            0xC3 | 0xC5..=0xC7 | 0xCB | 0xF7 => return Err(Fault::Unsupported("lossless or hierarchical JPEG")),
            0xC9 | 0xCA | 0xCC..=0xCF => return Err(Fault::Unsupported("arithmetic-coded JPEG")),
            0xDA => return Ok((Stop::Scan(segment.to_vec(), pos), pos)),
            0xDB => quant_tables(segment, tables)?,
            0xDD => {
                tables.restart = usize::from(u16_at(segment, 0).ok_or(Fault::Corrupt("a restart interval cut short"))?)
            }
            0xE0 if segment.starts_with(b"JFIF\0") => tables.jfif = true,
            0xE1 if segment.starts_with(b"Exif\0") && tables.exif.is_none() => {
                tables.exif = segment.get(6..).map(<[u8]>::to_vec);
            }
            0xEE if segment.starts_with(b"Adobe") => tables.adobe = segment.get(11).copied(),
            _ => {}
        }
    }
}

/// Finds the next marker; returns it and the position behind it. Bytes that belong to nothing are passed over.
pub(super) fn next_marker(data: &[u8], mut pos: usize) -> Result<(u8, usize), Fault> {
    while let Some(&byte) = data.get(pos) {
        pos += 1;
        if byte != 0xFF {
            continue;
        }
        while data.get(pos) == Some(&0xFF) {
            pos += 1;
        }
        match data.get(pos) {
            Some(0) => {}
            Some(&marker) => return Ok((marker, pos + 1)),
            None => break,
        }
    }
    Err(Fault::Truncated)
}

fn u16_at(data: &[u8], pos: usize) -> Option<u16> {
    data.get(pos..pos + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn frame(marker: u8, segment: &[u8]) -> Result<Frame, Fault> {
    let short = Fault::Corrupt("a frame header cut short");
    let [precision, _, _, _, _, count] = *segment.first_chunk::<6>().ok_or(short)?;
    if precision != 8 {
        return Err(Fault::Unsupported("JPEG with more than 8 bits a sample"));
    }
    let (height, width) = (u16_at(segment, 1).unwrap_or(0).into(), u16_at(segment, 3).unwrap_or(0).into());
    if width == 0 || height == 0 {
        return Err(Fault::Unsupported("JPEG without a size in its header"));
    }
    let coding = if marker == 0xC2 { Coding::Progressive } else { Coding::Sequential };
    let mut components = Vec::new();
    for i in 0..usize::from(count) {
        let [id, sampling, table] = *segment.get(6 + 3 * i..).and_then(|s| s.first_chunk::<3>()).ok_or(short)?;
        let (h, v) = (usize::from(sampling >> 4), usize::from(sampling & 15));
        if !(1..=4).contains(&h) || !(1..=4).contains(&v) || table > 3 {
            return Err(Fault::Corrupt("a component with impossible sampling or table"));
        }
        components.push(Declared { id, h, v, table: table.into() });
    }
    if !matches!(components.len(), 1 | 3 | 4) {
        return Err(Fault::Unsupported("JPEG whose pixels have neither 1, 3 nor 4 components"));
    }
    Ok(Frame { coding, width, height, components })
}

fn quant_tables(mut segment: &[u8], tables: &mut Tables) -> Result<(), Fault> {
    let short = Fault::Corrupt("a quantisation table cut short");
    while let Some((&head, rest)) = segment.split_first() {
        let wide = head >> 4 != 0;
        let slot =
            tables.quant.get_mut(usize::from(head & 15)).ok_or(Fault::Corrupt("a quantisation table above 3"))?;
        let size = if wide { 128 } else { 64 };
        let values = rest.get(..size).ok_or(short)?;
        let mut table = [0i16; 64];
        for (k, &at) in ZIGZAG[..64].iter().enumerate() {
            let value = if wide { u16::from_be_bytes([values[2 * k], values[2 * k + 1]]) } else { values[k].into() };
            table[usize::from(at)] = value as i16;
        }
        *slot = Some(table);
        segment = &rest[size..];
    }
    Ok(())
}

fn huffman_tables(mut segment: &[u8], tables: &mut Tables) -> Result<(), Fault> {
    let bad = Fault::Corrupt("a Huffman table that is no prefix code");
    while let Some((&head, rest)) = segment.split_first() {
        let counts = rest.first_chunk::<16>().ok_or(bad)?;
        let total = counts.iter().map(|&c| usize::from(c)).sum::<usize>();
        let symbols = rest.get(16..16 + total).ok_or(bad)?;
        let ac = head >> 4 == 1;
        let slots = if ac { &mut tables.ac } else { &mut tables.dc };
        let slot = slots.get_mut(usize::from(head & 15)).ok_or(Fault::Corrupt("a Huffman table above 3"))?;
        *slot = Some(Box::new(Huffman::new(counts, symbols, ac).ok_or(bad)?));
        segment = &rest[16 + total..];
    }
    Ok(())
}

/// A component's part in a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Index into the frame's components.
    pub(super) component: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// A scan header.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// First and last coefficient, in zigzag order.
    pub(super) band: (usize, usize),
    /// Successive approximation: the bit position of the scan before (0 for a first scan), and of this one.
    pub(super) high: u32,
    pub(super) low: u32,
}

/// Reads a scan header.
pub(super) fn scan(segment: &[u8], frame: &Frame) -> Result<Scan, Fault> {
    let bad = Fault::Corrupt("a scan header that does not fit its frame");
    let count = usize::from(*segment.first().ok_or(bad)?);
    if !(1..=4).contains(&count) || segment.len() < 4 + 2 * count {
        return Err(bad);
    }
    let mut parts: Vec<Part> = Vec::new();
    for pair in segment[1..1 + 2 * count].chunks_exact(2) {
        let component = frame.components.iter().position(|c| c.id == pair[0]).ok_or(bad)?;
        let (dc, ac) = (usize::from(pair[1] >> 4), usize::from(pair[1] & 15));
        if parts.iter().any(|p| p.component == component) || dc > 3 || ac > 3 {
            return Err(bad);
        }
        parts.push(Part { component, dc, ac });
    }
    let tail = &segment[1 + 2 * count..];
    let mut scan = Scan {
        parts,
        band: (tail[0].into(), tail[1].into()),
        high: u32::from(tail[2] >> 4),
        low: u32::from(tail[2] & 15),
    };
    match frame.coding {
        // Sequential files may hold anything here; it has no meaning for them.
        Coding::Sequential => (scan.band, scan.high, scan.low) = ((0, 63), 0, 0),
        Coding::Progressive => {
            let (first, last) = scan.band;
            let dc = first == 0 && last == 0;
            let ac = first >= 1 && first <= last && last <= 63 && count == 1;
            if !(dc || ac) || scan.low > 13 || scan.high > 14 {
                return Err(bad);
            }
        }
    }
    Ok(scan)
}
