//! The records that segments are made of: how one is written, and how whole ones are found again.
//!
//! A record is `magic, key, length, header check, payload check, payload`. Damage anywhere loses the records that it
//! touches and no others, because reading finds the next valid header again.

use std::io;

use super::Key;
use super::segments::SegmentFile;

const MAGIC: [u8; 4] = *b"gmr1";
const HEADER: usize = 4 + 32 + 8 + 8 + 8;
/// Bytes read at once while records are looked for: headers of small records come several at a time, and payloads of
/// large ones are not read.
const WINDOW: usize = 8 << 10;

/// Where a payload lies in its segment, and its check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payload {
    offset: u64,
    length: u64,
    check: [u8; 8],
}

impl Payload {
    /// The payload's bytes, when they are there and undamaged.
    pub(super) fn read(&self, file: &mut dyn SegmentFile) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.length).ok()?];
        file.read_at(self.offset, &mut bytes).ok()?;
        (check_of(&bytes) == self.check).then_some(bytes)
    }
}

/// A record to be written at `offset`, and where its payload will lie.
pub(super) fn encode(key: &Key, bytes: &[u8], offset: u64) -> (Vec<u8>, Payload) {
    let check = check_of(bytes);
    let mut record = Vec::with_capacity(HEADER + bytes.len());
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&key.0);
    record.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    let header = check_of(&record);
    record.extend_from_slice(&header);
    record.extend_from_slice(&check);
    record.extend_from_slice(bytes);
    (record, Payload { offset: offset + HEADER as u64, length: bytes.len() as u64, check })
}

/// Every record whose header is whole and whose payload lies within the file, in order.
pub(super) fn scan(file: &mut dyn SegmentFile) -> io::Result<Vec<(Key, Payload)>> {
    let end = file.size()?;
    let mut reader = Reader { file, end, start: 0, window: Vec::new() };
    let mut records = Vec::new();
    let mut at = 0u64;
    while at + HEADER as u64 <= end {
        let header = parse(reader.bytes(at, HEADER)?);
        let payload = at + HEADER as u64;
        match header {
            // Not `payload + length`: a length may be any number.
            Some((key, length, check)) if length <= end - payload => {
                records.push((key, Payload { offset: payload, length, check }));
                at = payload + length;
            }
            _ => at = reader.next_magic(at + 1)?,
        }
    }
    Ok(records)
}

fn check_of(bytes: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    check
}

fn parse(header: &[u8]) -> Option<(Key, u64, [u8; 8])> {
    let (head, rest) = header.split_at_checked(44)?;
    if head[..4] != MAGIC || rest[..8] != check_of(head) {
        return None;
    }
    let key = Key(head[4..36].try_into().ok()?);
    let length = u64::from_le_bytes(head[36..44].try_into().ok()?);
    Some((key, length, rest[8..16].try_into().ok()?))
}

/// A segment, read through a window that moves forward.
struct Reader<'a> {
    file: &'a mut dyn SegmentFile,
    end: u64,
    /// Where the window begins.
    start: u64,
    window: Vec<u8>,
}

impl Reader<'_> {
    /// `count` bytes from `at` on, which lie within the file; `count` is at most [`WINDOW`].
    fn bytes(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let inside = at >= self.start && at + count as u64 <= self.start + self.window.len() as u64;
        if !inside {
            let length = (self.end - at).min(WINDOW as u64) as usize;
            self.window.resize(length, 0);
            self.start = at;
            if let Err(error) = self.file.read_at(at, &mut self.window) {
                self.window.clear();
                return Err(error);
            }
        }
        let from = (at - self.start) as usize;
        Ok(&self.window[from..from + count])
    }

    /// The first place from `from` on where a header may begin; the file's end when there is none.
    fn next_magic(&mut self, from: u64) -> io::Result<u64> {
        let mut at = from;
        while at + MAGIC.len() as u64 <= self.end {
            let count = (self.end - at).min((WINDOW / 2) as u64) as usize;
            if let Some(found) = self.bytes(at, count)?.windows(MAGIC.len()).position(|w| w == MAGIC) {
                return Ok(at + found as u64);
            }
            // A magic may lie across the end of what was looked at.
            at += (count - (MAGIC.len() - 1)) as u64;
        }
        Ok(self.end)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Bytes as a segment file that counts what is read.
    #[derive(Debug)]
    struct Counted(Vec<u8>, usize);

    impl SegmentFile for Counted {
        fn size(&mut self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }
        fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
            self.1 += bytes.len();
            bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
            Ok(())
        }
        fn write_at(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }
    }

    fn segment(payloads: &[usize]) -> Vec<u8> {
        let mut all = Vec::new();
        for (n, length) in payloads.iter().enumerate() {
            let record = encode(&Key::of(&[&[n as u8]]), &vec![n as u8; *length], all.len() as u64).0;
            all.extend(record);
        }
        all
    }

    #[test]
    fn large_payloads_are_passed_over_and_small_ones_come_together() {
        let mut large = Counted(segment(&[1 << 20, 1 << 20]), 0);
        assert_eq!(scan(&mut large).unwrap().len(), 2);
        assert!(large.1 <= 2 * WINDOW, "{} bytes read", large.1);
        let mut small = Counted(segment(&[10; 1000]), 0);
        assert_eq!(scan(&mut small).unwrap().len(), 1000);
        assert!(small.1 < 2 * small.0.len(), "{} bytes read", small.1);
    }

    #[test]
    fn a_record_is_found_behind_rubbish_of_any_length() {
        let whole = segment(&[5, 50_000]);
        for rubbish in [1, 59, 60, 4095, 4096, 4097, 3 * WINDOW + 1] {
            // Beginnings of a magic mislead nobody.
            let mut bytes: Vec<u8> = b"gmrgm".iter().copied().cycle().take(rubbish).collect();
            bytes.extend(&whole);
            let mut file = Counted(bytes, 0);
            let found = scan(&mut file).unwrap();
            assert_eq!(found.len(), 2, "behind {rubbish} bytes");
            assert_eq!(found[1].1.read(&mut file).unwrap(), vec![1; 50_000]);
        }
    }

    #[test]
    fn a_length_beyond_the_file_is_no_record() {
        let mut bytes = segment(&[4]);
        bytes[36..44].copy_from_slice(&u64::MAX.to_le_bytes());
        let check = check_of(&bytes[..44]);
        bytes[44..52].copy_from_slice(&check);
        assert_eq!(scan(&mut Counted(bytes, 0)).unwrap(), []);
    }
}
