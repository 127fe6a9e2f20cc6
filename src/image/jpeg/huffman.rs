//! Huffman tables and the bit reader of a JPEG scan (ITU-T T.81, annexes C and F).

use super::Fault;

/// Bits that the look-up takes; longer codes go the slow way.
const LOOK: u32 = 11;

/// What a code says: `run << 16 | size << 8 | bits`, `bits` counting the code and its `size` extra bits. Never 0.
type Entry = u32;

/// Runs from here on end a block, whatever their size: it is behind any position. `END + r` is the end of
/// `2^r + extra` blocks in progressive files; sequential ones know `END` alone.
pub(super) const END: u32 = 64;

/// A Huffman table, prepared for decoding.
pub(super) struct Huffman {
    /// What the next bits say; 0 for codes that are longer, have more than ten extra bits, or do not exist.
    lut: [Entry; 1 << LOOK],
    /// Per code length: the first code above those of this length, left-aligned to 16 bits.
    limit: [u32; 17],
    /// Per code length: index of its first symbol minus its first code.
    offset: [i32; 17],
    entries: [Entry; 256],
}

impl Huffman {
    /// Prepares a table from the counts of codes per length (1 to 16) and their symbols.
    ///
    /// A symbol of an AC table (`ac`) is `run << 4 | size`, of a DC table a size. Returns `None` where the counts make
    /// no prefix code, or a symbol means nothing.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8], ac: bool) -> Option<Self> {
        let mut table = Self { lut: [0; 1 << LOOK], limit: [0; 17], offset: [0; 17], entries: [0; 256] };
        let (mut code, mut next) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            table.offset[length as usize] = next as i32 - code as i32;
            for &symbol in symbols.get(next..next + count)? {
                let entry = entry(symbol, length, ac)?;
                *table.entries.get_mut(next)? = entry;
                if length <= LOOK && entry >> 8 & 15 <= 10 {
                    let first = (code << (LOOK - length)) as usize;
                    table.lut.get_mut(first..first + (1 << (LOOK - length)))?.fill(entry);
                }
                code += 1;
                next += 1;
            }
            if code > 1 << length {
                return None;
            }
            table.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// The entry of a code that the look-up does not hold; `top` is the next 16 bits.
    fn long(&self, top: u32) -> Option<Entry> {
        let length = (1..=16).find(|&length| top < self.limit[length])?;
        let index = (top >> (16 - length)) as i32 + self.offset[length];
        self.entries.get(index as usize).copied().filter(|&e| e != 0)
    }
}

fn entry(symbol: u8, length: u32, ac: bool) -> Option<Entry> {
    let (run, size) = if ac { (u32::from(symbol >> 4), u32::from(symbol & 15)) } else { (0, u32::from(symbol)) };
    if size > 15 {
        return None;
    }
    let run = if ac && size == 0 && run < 15 { END + run } else { run };
    Some(run << 16 | size << 8 | (length + size))
}

/// The signed value of `size` extra bits (T.81, F.2.2.1), without a branch that could be mispredicted.
#[inline(always)]
fn extend(extra: u32, size: u32) -> i32 {
    let half = (1u32 << size) >> 1;
    let below = i32::from(extra < half);
    extra as i32 - below * ((1 << size) - 1)
}

/// The data of a scan up to the next marker, its byte stuffing removed.
pub(super) struct Segment {
    bytes: Vec<u8>,
    /// Data bytes; zeros follow them.
    len: usize,
    /// Where the marker is that ends the data, or the end of the file.
    stop: usize,
    /// How far decoding came.
    pos: usize,
    buffer: u64,
    loaded: u32,
}

/// Zeros behind the data, so that whole words can be loaded at its end.
const PAD: usize = 8;

impl Segment {
    /// Takes the data from `start` on.
    pub(super) fn new(file: &[u8], start: usize) -> Self {
        let mut segment = Self { bytes: Vec::new(), len: 0, stop: start, pos: 0, buffer: 0, loaded: 0 };
        segment.load(file, start);
        segment
    }

    /// Takes the data from `start` on in place of what was there.
    pub(super) fn load(&mut self, file: &[u8], start: usize) {
        self.bytes.clear();
        let rest = file.get(start..).unwrap_or(&[]);
        let mut at = 0;
        loop {
            // Eight bytes at a time where none of them is 0xFF.
            if let Some(eight) = rest.get(at..).and_then(|r| r.first_chunk::<8>()) {
                let word = u64::from_le_bytes(*eight);
                if (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                    self.bytes.extend_from_slice(eight);
                    at += 8;
                    continue;
                }
            }
            match (rest.get(at), rest.get(at + 1)) {
                (None, _) | (Some(0xFF), None | Some(1..)) => break,
                (Some(0xFF), Some(0)) => {
                    self.bytes.push(0xFF);
                    at += 2;
                }
                (Some(&byte), _) => {
                    self.bytes.push(byte);
                    at += 1;
                }
            }
        }
        self.len = self.bytes.len();
        self.bytes.extend_from_slice(&[0; PAD]);
        self.stop = start + at;
        (self.pos, self.buffer, self.loaded) = (0, 0, 0);
    }

    /// Where the marker is that ends the data, or the end of the file.
    pub(super) fn stop(&self) -> usize {
        self.stop
    }

    /// Whether bits were used that are not in the data.
    pub(super) fn overread(&self) -> bool {
        self.pos * 8 > self.len * 8 + self.loaded as usize
    }

    /// The bits from here on; give them back to [`Self::keep`].
    #[inline(always)]
    pub(super) fn bits(&self) -> Bits<'_> {
        Bits { data: &self.bytes, pos: self.pos, buffer: self.buffer, loaded: self.loaded }
    }

    /// Remembers how far the bits were used.
    #[inline(always)]
    pub(super) fn keep(&mut self, (pos, buffer, loaded): (usize, u64, u32)) {
        (self.pos, self.buffer, self.loaded) = (pos, buffer, loaded);
    }
}

/// The bits of a segment; behind its end come zeros. Small and copied, so that it stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next byte to load.
    pos: usize,
    /// Loaded bits, the next one on top.
    buffer: u64,
    /// Number of loaded bits; those below may hold a look ahead at the same data.
    loaded: u32,
}

impl Bits<'_> {
    /// What [`Segment::keep`] takes.
    #[inline(always)]
    pub(super) fn state(&self) -> (usize, u64, u32) {
        (self.pos, self.buffer, self.loaded)
    }

    /// Makes at least 56 bits available: more than the longest code with its extra bits.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let word = match self.data.get(self.pos..).and_then(|rest| rest.first_chunk()) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => self.last_word(),
        };
        self.buffer |= word >> self.loaded;
        self.pos += ((63 - self.loaded) >> 3) as usize;
        self.loaded |= 56;
    }

    /// Fewer than eight bytes are left, zeros after them.
    #[cold]
    fn last_word(self) -> u64 {
        let mut eight = [0; 8];
        let rest = self.data.get(self.pos..).unwrap_or(&[]);
        eight[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(eight)
    }

    #[inline(always)]
    fn consume(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.loaded -= bits;
    }

    /// Takes up to 16 bits; `count` 0 gives 0.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.refill();
        let value = ((self.buffer >> 32) >> (32 - count)) as u32;
        self.consume(count);
        value
    }

    /// Decodes a code and its extra bits: `(run, value)`. `(END + r, 0)` ends the block, `(15, 0)` is a run alone; DC
    /// tables give run 0. At least 56 - 31 bits stay loaded.
    #[inline(always)]
    pub(super) fn value(&mut self, table: &Huffman) -> Result<(u32, i32), Fault> {
        self.refill();
        self.refilled(table)
    }

    /// [`Self::value`] without loading more bits: twice after one [`Self::refill`], which holds two looked-up codes of
    /// 11 + 10 bits; longer ones load for themselves.
    #[inline(always)]
    pub(super) fn refilled(&mut self, table: &Huffman) -> Result<(u32, i32), Fault> {
        let entry = table.lut[(self.buffer >> (64 - LOOK)) as usize];
        if entry == 0 {
            let (after, outcome) = self.long(table);
            *self = after;
            return outcome;
        }
        Ok(self.finish(entry))
    }

    #[inline(always)]
    fn finish(&mut self, entry: Entry) -> (u32, i32) {
        // Masks that shift instructions have built in.
        let (bits, size) = (entry & 63, entry >> 8 & 15);
        let extra = ((self.buffer << ((bits - size) & 63)) >> 1 >> (!size & 63)) as u32;
        self.consume(bits);
        (entry >> 16, extend(extra, size))
    }

    /// By value, so that the caller's bits stay in registers.
    #[cold]
    #[inline(never)]
    fn long(mut self, table: &Huffman) -> (Self, Result<(u32, i32), Fault>) {
        self.refill();
        let outcome = match table.long((self.buffer >> 48) as u32) {
            Some(entry) => Ok(self.finish(entry)),
            None => Err(Fault::Corrupt("a Huffman code that the table does not have")),
        };
        self.refill();
        (self, outcome)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Codes 0, 10, 110 for symbols 0x00, 0x01, 0x12, and an eleven-bit code for 0xF0.
    fn table(ac: bool) -> Huffman {
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2], counts[10]) = (1, 1, 1, 1);
        Huffman::new(&counts, &[0x00, 0x01, 0x12, 0xF0], ac).unwrap()
    }

    #[test]
    fn coefficients_runs_and_ends() {
        // 10 1 | 110 01 | 11100000000 | 0 | padding: 1011 1001 1110 0000 0000 0111
        let data = [0b1011_1001, 0b1110_0000, 0b0000_0111];
        let table = table(true);
        let mut segment = Segment::new(&data, 0);
        let mut bits = segment.bits();
        assert_eq!(bits.value(&table), Ok((0, 1)));
        assert_eq!(bits.value(&table), Ok((1, -2)));
        assert_eq!(bits.value(&table), Ok((15, 0)));
        assert_eq!(bits.value(&table), Ok((END, 0)));
        let state = bits.state();
        segment.keep(state);
        assert!(!segment.overread());
        let mut bits = segment.bits();
        bits.take(8);
        let state = bits.state();
        segment.keep(state);
        assert!(segment.overread());
    }

    #[test]
    fn stuffed_bytes_and_markers() {
        let data = [9, 0xFF, 0x00, 0xAB, 0xFF, 0xD9, 0x12];
        let mut segment = Segment::new(&data, 1);
        let mut bits = segment.bits();
        assert_eq!((bits.take(16), segment.stop()), (0xFFAB, 4));
        let state = bits.state();
        segment.keep(state);
        assert!(!segment.overread());
        let mut bits = segment.bits();
        assert_eq!(bits.take(1), 0);
        let state = bits.state();
        segment.keep(state);
        assert!(segment.overread());
    }

    #[test]
    fn bits_come_in_order_whatever_the_portions() {
        let plain: Vec<u8> = (0..400u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let file: Vec<u8> = plain.iter().flat_map(|&b| if b == 0xFF { vec![b, 0] } else { vec![b] }).collect();
        let segment = Segment::new(&file, 0);
        let mut bits = segment.bits();
        let mut at = 0;
        for count in (1..=16).cycle().take(370) {
            let expected = (at..at + count).fold(0, |v, i| v << 1 | u32::from(plain[i / 8] >> (7 - i % 8) & 1));
            assert_eq!(bits.take(count as u32), expected, "{at}");
            at += count;
        }
    }

    #[test]
    fn impossible_tables_and_codes_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Huffman::new(&counts, &[1, 2, 3], true).is_none());
        counts[0] = 2;
        assert!(Huffman::new(&counts, &[1], true).is_none());
        assert!(Segment::new(&[0xFE; 9], 0).bits().value(&table(true)).is_err());
    }
}
