//! What a PyTorch checkpoint's pickles refer to, looked at before anything else is done with the file.
//!
//! A pickle is a program that names functions and calls them. The reader of checkpoints calls none: it knows the few that
//! weights are made of, and passes over others. A published checkpoint has no others, so one that has is refused here, by
//! the name, as PyTorch's own `weights_only` does. Called by `checkpoint` alone.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// How the archives of PyTorch 1.6 and later begin.
const ARCHIVE: &[u8] = b"PK";
/// In the first bytes of the stream of pickles that PyTorch 0.1.10 to 1.5 wrote; its number as bytes and as text.
const STREAM: [&[u8]; 2] = [&[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], b"119547037146038801333356"];
/// Number, version, machine, weights, storages' keys; the values follow.
const PICKLES_OF_STREAM: usize = 5;
/// A name's length at most; longer text names nothing.
const LONGEST_NAME: u64 = 1 << 12;

/// Modules and what of them weights are made of; PyTorch's storages and element types are known by their form.
const HARMLESS: [(&str, &[&str]); 6] = [
    ("collections", &["OrderedDict"]),
    (
        "torch._utils",
        &[
            "_rebuild_tensor",
            "_rebuild_tensor_v2",
            "_rebuild_tensor_v3",
            "_rebuild_parameter",
            "_rebuild_parameter_with_state",
        ],
    ),
    ("torch._tensor", &["_rebuild_from_type_v2"]),
    ("torch.nn.parameter", &["Parameter"]),
    ("torch", &["Size", "Tensor", "device"]),
    ("torch.storage", &["TypedStorage", "UntypedStorage"]),
];
const TYPES: [&str; 12] =
    ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "float", "half"];

/// Checks every pickle of the checkpoint at `path`.
///
/// # Errors
/// The name of what a pickle refers to and no weights are made of; pickles that cannot be followed.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let failed = |e: io::Error| e.to_string();
    let mut file = File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(64).read_to_end(&mut start).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    if !start.starts_with(ARCHIVE) {
        let stream = STREAM.iter().any(|number| start.windows(number.len()).any(|bytes| bytes == *number));
        let mut reader = BufReader::new(file);
        return (0..if stream { PICKLES_OF_STREAM } else { 1 }).try_for_each(|_| Scan::new(&mut reader).run());
    }
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|e| e.to_string())?;
        if entry.name().ends_with(".pkl") {
            Scan::new(&mut BufReader::new(entry)).run()?;
        }
    }
    Ok(())
}

fn harmless(module: &str, name: &str) -> bool {
    let known = HARMLESS.iter().any(|(of, names)| *of == module && names.contains(&name));
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric());
    known || module == "torch" && plain && (TYPES.contains(&name) || name.ends_with("Storage"))
}

/// One pickle on its way through.
struct Scan<'a, R> {
    reader: &'a mut R,
    /// What the last two operations pushed, where they pushed text.
    last: [Option<String>; 2],
    /// Text that was put aside.
    memo: HashMap<u64, Option<String>>,
}

impl<'a, R: BufRead> Scan<'a, R> {
    fn new(reader: &'a mut R) -> Self {
        Self { reader, last: [None, None], memo: HashMap::new() }
    }

    fn run(mut self) -> Result<(), String> {
        loop {
            let operation = self.number(1)? as u8;
            match operation {
                b'.' => return Ok(()),
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.refers(&module, &name)?;
                }
                // Takes both names from what was pushed last; from elsewhere, nobody honest does.
                0x93 => match std::mem::take(&mut self.last) {
                    [Some(module), Some(name)] => self.refers(&module, &name)?,
                    _ => return Err("its pickle hides a name".to_owned()),
                },
                b'X' | b'T' => self.text(4)?,
                b'U' | 0x8c => self.text(1)?,
                0x8d => self.text(8)?,
                b'V' => {
                    let text = self.line()?;
                    self.push(Some(text));
                }
                b'q' | b'r' | b'p' | 0x94 => self.put(operation)?,
                b'h' | b'j' | b'g' => {
                    let index = self.index(operation)?;
                    let text = self.memo.get(&index).cloned().flatten();
                    self.push(text);
                }
                // The protocol's number and the length of a frame push nothing.
                0x80 => self.skip(1)?,
                0x95 => self.skip(8)?,
                _ => {
                    self.pass(operation)?;
                    self.push(None);
                }
            }
        }
    }

    /// Passes over an operation that names nothing.
    fn pass(&mut self, operation: u8) -> Result<(), String> {
        let length = match operation {
            b'('
            | b')'
            | b'0'
            | b'1'
            | b'2'
            | b'N'
            | b'R'
            | b'b'
            | b'd'
            | b'l'
            | b't'
            | b's'
            | b'a'
            | b'e'
            | b'u'
            | b']'
            | b'}'
            | b'Q'
            | 0x81
            | 0x85..=0x89
            | 0x8f..=0x92 => 0,
            b'I' | b'L' | b'F' | b'P' => {
                self.line()?;
                0
            }
            b'K' => 1,
            b'M' => 2,
            b'J' => 4,
            b'G' => 8,
            b'C' | 0x8a => self.number(1)?,
            b'B' | 0x8b => self.number(4)?,
            0x8e | 0x96 => self.number(8)?,
            other => return Err(format!("it is no pickle that weights are made of (operation 0x{other:02x})")),
        };
        self.skip(length)
    }

    fn refers(&mut self, module: &str, name: &str) -> Result<(), String> {
        if !harmless(module, name) {
            let shown = |text: &str| text.chars().take(80).filter(|c| !c.is_control()).collect::<String>();
            return Err(format!(
                "its pickle asks for `{}.{}`, which no weights are made of; nothing of it was run, and the file is not \
                 used: take the checkpoint from somebody you trust, best as safetensors",
                shown(module),
                shown(name)
            ));
        }
        self.push(None);
        Ok(())
    }

    fn push(&mut self, text: Option<String>) {
        self.last.swap(0, 1);
        self.last[1] = text;
    }

    fn put(&mut self, operation: u8) -> Result<(), String> {
        let index = if operation == 0x94 { self.memo.len() as u64 } else { self.index(operation)? };
        self.memo.insert(index, self.last[1].clone());
        Ok(())
    }

    fn index(&mut self, operation: u8) -> Result<u64, String> {
        match operation {
            b'q' | b'h' => self.number(1),
            b'r' | b'j' => self.number(4),
            _ => self.line()?.trim().parse().map_err(|_| broken()),
        }
    }

    /// A little-endian number of so many bytes.
    fn number(&mut self, bytes: usize) -> Result<u64, String> {
        let mut number = [0; 8];
        self.reader.read_exact(&mut number[..bytes]).map_err(|_| broken())?;
        Ok(u64::from_le_bytes(number))
    }

    /// Text behind its length, of so many bytes.
    fn text(&mut self, bytes: usize) -> Result<(), String> {
        let length = self.number(bytes)?;
        if length > LONGEST_NAME {
            self.skip(length)?;
            self.push(None);
            return Ok(());
        }
        let mut text = Vec::new();
        self.reader.by_ref().take(length).read_to_end(&mut text).map_err(|_| broken())?;
        self.push(String::from_utf8(text).ok());
        Ok(())
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LONGEST_NAME).read_until(b'\n', &mut line).map_err(|_| broken())?;
        if line.pop() != Some(b'\n') {
            return Err(broken());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| broken())
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        let passed = io::copy(&mut self.reader.by_ref().take(bytes), &mut io::sink()).map_err(|_| broken())?;
        if passed == bytes { Ok(()) } else { Err(broken()) }
    }
}

fn broken() -> String {
    "its pickle is broken off or damaged".to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scan(pickle: &[u8]) -> Result<(), String> {
        Scan::new(&mut BufReader::new(pickle)).run()
    }

    #[test]
    fn what_weights_are_made_of_passes() {
        scan(b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01.").unwrap();
        scan(b"\x80\x02ctorch\nFloatStorage\nctorch\nbfloat16\nctorch._utils\n_rebuild_tensor_v2\n.").unwrap();
        // Protocol 4, the module's name put aside and taken again.
        scan(b"\x80\x04\x95\x20\0\0\0\0\0\0\0\x8c\x05torch\x94\x8c\x0aIntStorage\x94\x930h\x00\x8c\x05int64\x93.")
            .unwrap();
        scan(b"(I1\nL2L\nF1.5\nK\x01M\x01\x02J\x01\x02\x03\x04G\0\0\0\0\0\0\0\0\x8a\x01\x05C\x02abVtext\nt.").unwrap();
    }

    #[test]
    fn what_would_run_is_refused_by_name() {
        let refused = |pickle: &[u8], name: &str| {
            let error = scan(pickle).unwrap_err();
            assert!(error.contains(name), "{error}");
        };
        refused(b"\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R.", "`posix.system`");
        refused(b"cbuiltins\r\neval\r\n.", "`builtins.eval`");
        // Called and thrown away, so that what is left looks like weights.
        refused(b"\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R0}.", "`posix.system`");
        refused(b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93.", "`posix.system`");
        // Harmless names pushed last, and popped before both are taken.
        refused(b"\x80\x04\x8c\x05posix\x8c\x06system\x8c\x05torch\x8c\x05int6400\x93.", "hides a name");
        refused(b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x8c\x05torchh\x00h\x01\x93.", "`posix.system`");
        refused(b"\x80\x02ctorch.hub\nload\n.", "`torch.hub.load`");
        refused(b"\x80\x02ctorch\nload.evilStorage\n.", "`torch.load.evilStorage`");
        // INST and OBJ, which protocol 2 has no use for.
        refused(b"(iposix\nsystem\n.", "operation 0x69");
        refused(b"(o.", "operation 0x6f");
        refused(b"\x80\x02}", "broken off");
        refused(b"<!doctype html>", "no pickle");
        refused(b"\x80\x02X\xff\xff\xff\xffabc", "broken off");
    }
}
