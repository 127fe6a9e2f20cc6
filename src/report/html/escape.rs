//! Texts that others chose (file names, labels, captions) as HTML text and as embedded JSON.

use serde_json::Value;

/// Text for an element or a double-quoted attribute. Control characters become visible symbols
/// (U+2400 and on), so that a line break in a file name is seen and nothing is lost in silence.
pub(in crate::report) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{7f}' => out.push('\u{2421}'),
            '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            // Marks that reorder text could make a file name look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// JSON for a `<script type="application/json">`: no character that could end it or start markup.
pub(super) fn json(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{json, text};
    use proptest::prelude::proptest;
    use serde_json::Value;

    #[test]
    fn examples() {
        assert_eq!(text("<a href='x'>\"&\n"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\u{240a}");
        assert_eq!(json(&Value::from("</script>\u{2028}")), "\"\\u003c/script\\u003e\\u2028\"");
    }

    proptest! {
        #[test]
        fn text_never_holds_markup(s in "\\PC*|[<>&\"'\\x00-\\x1f!-]*") {
            let escaped = text(&s);
            assert!(!escaped.contains(['<', '>', '"', '\'']) && !escaped.contains(char::is_control));
            for entity in escaped.split('&').skip(1) {
                assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|e| entity.starts_with(e)));
            }
        }

        #[test]
        fn json_reads_back_and_never_ends_the_script(s in "\\PC*|(</script>|<!--|\u{2028}|\u{2029}|\"|\\\\|\n)*") {
            let value = Value::from(vec![s]);
            let escaped = json(&value);
            assert!(!escaped.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
            assert_eq!(serde_json::from_str::<Value>(&escaped).unwrap(), value);
        }
    }
}
