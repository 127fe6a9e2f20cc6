//! AC bands of progressive scans (ITU-T T.81, annex G).

use super::header::Scan;
use super::huffman::{Bits, END, Huffman};
use super::scan::TOO_LONG;
use super::{Fault, ZIGZAG};

/// First scan of a band of AC coefficients (T.81, G.1.2.2).
#[inline(always)]
pub(super) fn ac_first(
    bits: &mut Bits<'_>,
    table: &Huffman,
    scan: &Scan,
    values: &mut [i16; 64],
    end_run: &mut u32,
) -> Result<(), Fault> {
    if *end_run > 0 {
        *end_run -= 1;
        return Ok(());
    }
    let mut k = scan.band.0;
    while k <= scan.band.1 {
        let (run, value) = bits.value(table)?;
        if run >= END {
            let run = run - END;
            *end_run = (1 << run) - 1 + bits.take(run);
            break;
        }
        k += run as usize;
        if k > 63 {
            return Err(TOO_LONG);
        }
        values[usize::from(ZIGZAG[k]) & 63] = (value << scan.low) as i16;
        k += 1;
    }
    Ok(())
}

/// A scan that adds one bit to a band of AC coefficients (T.81, G.1.2.3).
#[inline(always)]
pub(super) fn ac_refine(
    bits: &mut Bits<'_>,
    table: &Huffman,
    scan: &Scan,
    values: &mut [i16; 64],
    end_run: &mut u32,
) -> Result<(), Fault> {
    let bit = 1i16 << scan.low;
    let mut k = scan.band.0;
    if *end_run == 0 {
        while k <= scan.band.1 {
            let (mut run, value) = bits.value(table)?;
            if run >= END {
                let run = run - END;
                *end_run = (1 << run) + bits.take(run);
                break;
            }
            let new = bit * value.signum() as i16;
            // Over `run` zeros, correcting what is set already, to the place of the new coefficient.
            while k <= scan.band.1 {
                let value = &mut values[usize::from(ZIGZAG[k]) & 63];
                k += 1;
                if *value != 0 {
                    correct(bits, value, bit);
                } else if run == 0 {
                    *value = new;
                    break;
                } else {
                    run -= 1;
                }
            }
        }
    }
    if *end_run > 0 {
        while k <= scan.band.1 {
            let value = &mut values[usize::from(ZIGZAG[k]) & 63];
            k += 1;
            if *value != 0 {
                correct(bits, value, bit);
            }
        }
        *end_run -= 1;
    }
    Ok(())
}

/// Reads the correction of a coefficient that is set already.
#[inline(always)]
fn correct(bits: &mut Bits<'_>, value: &mut i16, bit: i16) {
    if bits.take(1) == 1 && *value & bit == 0 {
        *value = value.wrapping_add(if *value > 0 { bit } else { -bit });
    }
}
