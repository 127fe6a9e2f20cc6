//! Scans: entropy-coded data to coefficients (ITU-T T.81, annexes F and G), and coefficients to samples.

use super::header::{Coding, Part, Scan, Tables, next_marker};
use super::huffman::{Bits, END, Huffman, Segment};
use super::progressive::{ac_first, ac_refine};
use super::{Component, Fault, Planes, ZIGZAG, idct};

/// One component's part in the scan that runs.
struct Active<'t> {
    component: usize,
    dc: Option<&'t Huffman>,
    ac: Option<&'t Huffman>,
    /// Blocks across and down in a unit.
    h: usize,
    v: usize,
    /// The DC value of the block before.
    last_dc: i32,
}

/// Decodes one scan whose data begins at `start`; returns the position of the marker that ends it.
pub(super) fn run(
    data: &[u8],
    start: usize,
    tables: &Tables,
    planes: &mut Planes,
    scan: &Scan,
    coding: Coding,
    stored: bool,
) -> Result<usize, Fault> {
    let interleaved = scan.parts.len() > 1;
    let mut active: Vec<Active<'_>> = Vec::new();
    for &Part { component, dc, ac } in &scan.parts {
        let c = &planes.components[component];
        let (h, v) = if interleaved { (c.h, c.v) } else { (1, 1) };
        active.push(Active { component, dc: tables.dc[dc].as_deref(), ac: tables.ac[ac].as_deref(), h, v, last_dc: 0 });
    }
    let first = &planes.components[scan.parts[0].component];
    let (units_w, units_h) = if interleaved {
        (first.blocks_w / first.h, first.blocks_h / first.v)
    } else {
        (first.width.div_ceil(8), first.height.div_ceil(8))
    };
    let mut segment = Segment::new(data, start);
    let mut left = tables.restart;
    let mut expected = 0;
    let mut end_run = 0;
    let needed = last_row(planes, &segment, data, tables.restart, stored).unwrap_or(units_h);
    for row in 0..units_h.min(needed) {
        let mut column = 0;
        while column < units_w {
            if tables.restart > 0 && left == 0 {
                restart(&mut segment, data, &mut expected)?;
                active.iter_mut().for_each(|a| a.last_dc = 0);
                (left, end_run) = (tables.restart, 0);
            }
            // Units up to the next restart or the end of the row.
            let count = if tables.restart > 0 { left.min(units_w - column) } else { units_w - column };
            let units = column..column + count;
            let outcome = match (coding, stored) {
                (Coding::Sequential, false) => sequential(&mut segment, planes, &mut active, row, units),
                (Coding::Sequential, true) => sequential_stored(&mut segment, planes, &mut active, row, units),
                (Coding::Progressive, _) => {
                    progressive(&mut segment, planes, &mut active, scan, row, units, &mut end_run)
                }
            };
            // Behind the data come zeros, which may also read as broken codes.
            if segment.overread() {
                return Err(out_of_data(data, segment.stop()));
            }
            outcome?;
            column += count;
            left = left.saturating_sub(count);
        }
    }
    Ok(segment.stop())
}

/// The row of units at which decoding may end, because nothing below is in the window: only where the picture goes
/// straight to samples and its end marker is in place, so that a truncated file is still found out.
fn last_row(planes: &Planes, segment: &Segment, data: &[u8], restart: usize, stored: bool) -> Option<usize> {
    if stored || restart > 0 || !matches!(next_marker(data, segment.stop()), Ok((0xD9, _))) {
        return None;
    }
    let single = planes.components.len() == 1;
    planes.components.iter().map(|c| c.rows.end.div_ceil(if single { 1 } else { c.v })).max()
}

/// Why the data of a scan ended early: the file ends, or another marker stands in its way.
fn out_of_data(data: &[u8], pos: usize) -> Fault {
    match next_marker(data, pos) {
        Err(_) | Ok((0xD9, _)) => Fault::Truncated,
        Ok(_) => Fault::Corrupt("a scan that ends too early"),
    }
}

/// Goes behind the restart marker that is due.
fn restart(segment: &mut Segment, data: &[u8], expected: &mut u8) -> Result<(), Fault> {
    let (marker, pos) = next_marker(data, segment.stop())?;
    if marker != 0xD0 + *expected {
        return Err(if marker == 0xD9 { Fault::Truncated } else { Fault::Corrupt("a missing restart marker") });
    }
    *expected = (*expected + 1) % 8;
    segment.load(data, pos);
    Ok(())
}

pub(super) const TOO_LONG: Fault = Fault::Corrupt("a block of more than 64 coefficients");
const NO_TABLE: Fault = Fault::Corrupt("a scan without its Huffman table");

/// Decodes one sequential block into `block` (zeroed); returns the zigzag place behind its last coefficient.
#[inline(always)]
fn block(
    bits: &mut Bits<'_>,
    dc: &Huffman,
    ac: &Huffman,
    last_dc: &mut i32,
    block: &mut [i16; 64],
) -> Result<usize, Fault> {
    *last_dc = last_dc.wrapping_add(bits.value(dc)?.1);
    block[0] = *last_dc as i16;
    let mut k = 1;
    loop {
        bits.refill();
        for _ in 0..2 {
            let (run, value) = bits.refilled(ac)?;
            let place = k + run as usize;
            if place > 63 {
                return if run >= END { Ok(k) } else { Err(TOO_LONG) };
            }
            block[usize::from(ZIGZAG[place]) & 63] = value as i16;
            if place == 63 {
                return Ok(64);
            }
            k = place + 1;
        }
    }
}

/// Units of a row in a sequential file whose scan holds all components: straight to samples.
#[multiversion::multiversion(targets("x86_64+avx2+fma+bmi1+bmi2+lzcnt"))]
fn sequential(
    segment: &mut Segment,
    planes: &mut Planes,
    active: &mut [Active<'_>],
    row: usize,
    units: std::ops::Range<usize>,
) -> Result<(), Fault> {
    let mut bits = segment.bits();
    let outcome = sequential_units(&mut bits, planes, active, row, units);
    let state = bits.state();
    segment.keep(state);
    outcome
}

#[inline(always)]
fn sequential_units(
    bits: &mut Bits<'_>,
    planes: &mut Planes,
    active: &mut [Active<'_>],
    row: usize,
    units: std::ops::Range<usize>,
) -> Result<(), Fault> {
    for unit in units {
        for part in active.iter_mut() {
            let (Some(dc), Some(ac)) = (part.dc, part.ac) else { return Err(NO_TABLE) };
            let component = &mut planes.components[part.component];
            for y in 0..part.v {
                for x in 0..part.h {
                    let mut values = [0i16; 64];
                    let end = block(bits, dc, ac, &mut part.last_dc, &mut values)?;
                    component.samples(row * part.v + y, unit * part.h + x, &values, end);
                }
            }
        }
    }
    Ok(())
}

impl Component {
    /// Transforms a block where the window needs it; coefficients from the zigzag place `end` on are zero.
    #[inline(always)]
    fn samples(&mut self, row: usize, column: usize, values: &[i16; 64], end: usize) {
        if !self.rows.contains(&row) || !self.columns.contains(&column) {
            return;
        }
        let Some(quant) = &self.quant else { return };
        let stride = self.columns.len() * 8;
        let at = (row - self.rows.start) * 8 * stride + (column - self.columns.start) * 8;
        let Some(out) = self.plane.get_mut(at..) else { return };
        match end {
            0 | 1 => idct::flat(values[0], quant[0], out, stride),
            // The first ten in zigzag order lie in the first four rows and columns.
            2..=10 => idct::block::<true>(values, quant, out, stride),
            _ => idct::block::<false>(values, quant, out, stride),
        }
    }

    /// The stored coefficients of a block.
    #[inline(always)]
    fn stored(&mut self, row: usize, column: usize) -> Option<&mut [i16; 64]> {
        let at = (row * self.blocks_w + column) * 64;
        self.coefficients.get_mut(at..)?.first_chunk_mut()
    }
}

/// Units of a row in a sequential file of several scans: into the store.
fn sequential_stored(
    segment: &mut Segment,
    planes: &mut Planes,
    active: &mut [Active<'_>],
    row: usize,
    units: std::ops::Range<usize>,
) -> Result<(), Fault> {
    let mut bits = segment.bits();
    let outcome = sequential_stored_units(&mut bits, planes, active, row, units);
    let state = bits.state();
    segment.keep(state);
    outcome
}

#[inline(always)]
fn sequential_stored_units(
    bits: &mut Bits<'_>,
    planes: &mut Planes,
    active: &mut [Active<'_>],
    row: usize,
    units: std::ops::Range<usize>,
) -> Result<(), Fault> {
    for unit in units {
        for part in active.iter_mut() {
            let (Some(dc), Some(ac)) = (part.dc, part.ac) else { return Err(NO_TABLE) };
            let component = &mut planes.components[part.component];
            for y in 0..part.v {
                for x in 0..part.h {
                    let Some(values) = component.stored(row * part.v + y, unit * part.h + x) else { continue };
                    block(bits, dc, ac, &mut part.last_dc, values)?;
                }
            }
        }
    }
    Ok(())
}

/// Units of a row in a progressive file: into the store.
#[multiversion::multiversion(targets("x86_64+avx2+fma+bmi1+bmi2+lzcnt"))]
fn progressive(
    segment: &mut Segment,
    planes: &mut Planes,
    active: &mut [Active<'_>],
    scan: &Scan,
    row: usize,
    units: std::ops::Range<usize>,
    end_run: &mut u32,
) -> Result<(), Fault> {
    let mut bits = segment.bits();
    let outcome = progressive_units(&mut bits, planes, active, row, units, scan, end_run);
    let state = bits.state();
    segment.keep(state);
    outcome
}

#[inline(always)]
fn progressive_units(
    bits: &mut Bits<'_>,
    planes: &mut Planes,
    active: &mut [Active<'_>],
    row: usize,
    units: std::ops::Range<usize>,
    scan: &Scan,
    end_run: &mut u32,
) -> Result<(), Fault> {
    for unit in units {
        for part in active.iter_mut() {
            let component = &mut planes.components[part.component];
            for y in 0..part.v {
                for x in 0..part.h {
                    let Some(values) = component.stored(row * part.v + y, unit * part.h + x) else { continue };
                    if scan.band.0 > 0 {
                        let ac = part.ac.ok_or(NO_TABLE)?;
                        if scan.high == 0 {
                            ac_first(bits, ac, scan, values, end_run)?;
                        } else {
                            ac_refine(bits, ac, scan, values, end_run)?;
                        }
                    } else if scan.high == 0 {
                        part.last_dc = part.last_dc.wrapping_add(bits.value(part.dc.ok_or(NO_TABLE)?)?.1);
                        values[0] = (part.last_dc << scan.low) as i16;
                    } else if bits.take(1) == 1 {
                        values[0] |= 1 << scan.low;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Stored coefficients to samples, for the blocks that the window needs.
pub(super) fn transform(planes: &mut Planes) {
    for component in &mut planes.components {
        transform_component(component);
    }
}

#[multiversion::multiversion(targets("x86_64+avx2+fma+bmi1+bmi2+lzcnt"))]
fn transform_component(component: &mut Component) {
    for row in component.rows.clone() {
        for column in component.columns.clone() {
            let Some(&mut values) = component.stored(row, column) else { continue };
            let busy = values[1..].iter().any(|&v| v != 0);
            component.samples(row, column, &values, if busy { 64 } else { 1 });
        }
    }
}
