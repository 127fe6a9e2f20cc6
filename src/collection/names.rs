//! Names: which are pictures', which are hidden, and how any name is written on one line of text.

/// Extensions of candidate pictures, compared without regard to case. The content decides the format later.
pub const EXTENSIONS: [&str; 9] = ["jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// Whether a file name (no folders) ends like a picture's.
pub fn is_picture_name(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((stem, extension)) => !stem.is_empty() && EXTENSIONS.iter().any(|e| extension.eq_ignore_ascii_case(e)),
        None => false,
    }
}

/// Whether a file or folder name is hidden, or left behind by a file manager or an archiver.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
        || ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"].contains(&name)
        || ["thumbs.db", "desktop.ini"].iter().any(|n| name.eq_ignore_ascii_case(n))
}

/// The display form of a file name given as bytes (UTF-8 on Unix where the name is sane).
///
/// Printable UTF-8 stays as it is. A backslash becomes `\\`, line feed `\n`, carriage return `\r`, tab `\t`; bytes
/// that are not UTF-8, other control characters, line separators and characters that reorder text become `\xHH` per
/// byte. [`unescape`] is the inverse, so names that no table could hold survive.
pub fn escape(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || misleads(c) => push_hex(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => out.push(c),
            }
        }
        push_hex(&mut out, chunk.invalid());
    }
    out
}

/// Characters that break a line or turn the direction of text, which would make a table show another name.
fn misleads(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        out.push_str(&format!("\\x{byte:02X}"));
    }
}

/// The bytes whose display form is `shown`; `None` where `shown` is not a display form.
pub fn unescape(shown: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(shown.len());
    let mut bytes = shown.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'\\' => b'\\',
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn picture_names_by_extension_in_any_case() {
        for name in ["a.jpg", "A.JPEG", "b.c.Png", "Ünï.webp", "x.GIF", "x.bmp", "x.tif", "x.TIFF", "x.jpe"] {
            assert!(is_picture_name(name), "{name}");
        }
        for name in ["a", "a.txt", "jpg", ".jpg", "a.jpg.part", "a.jpg ", "a.bin"] {
            assert!(!is_picture_name(name), "{name}");
        }
    }

    #[test]
    fn hidden_names() {
        for name in [".DS_Store", ".git", "__MACOSX", "Thumbs.db", "thumbs.DB", "desktop.ini", "._a.jpg"] {
            assert!(is_hidden(name), "{name}");
        }
        assert!(!is_hidden("cats") && !is_hidden("a.jpg"));
    }

    #[test]
    fn escapes_what_a_line_cannot_hold() {
        assert_eq!(escape("søk 写真 é.jpg".as_bytes()), "søk 写真 é.jpg");
        assert_eq!(escape(b"a\nb\\c\td\r"), "a\\nb\\\\c\\td\\r");
        assert_eq!(escape(b"\xff\xfe.jpg"), "\\xFF\\xFE.jpg");
        assert_eq!(escape("\u{7}\u{202E}gpj.exe".as_bytes()), "\\x07\\xE2\\x80\\xAEgpj.exe");
    }

    #[test]
    fn refuses_what_is_no_display_form() {
        for bad in ["\\", "\\q", "\\x", "\\xG0", "\\x1"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_name_survives(name in proptest::collection::vec(any::<u8>(), 0..40)) {
            let shown = escape(&name);
            prop_assert_eq!(unescape(&shown), Some(name));
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
