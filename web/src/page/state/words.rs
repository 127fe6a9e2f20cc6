//! What the engine says, in words for a page: the core's errors advise options of the command line, which is not here.

use std::borrow::Cow;

/// Options that the core's errors name.
const OPTIONS: [&str; 2] = ["--device", "--resume"];
/// What to do about a device, in this page.
const ADVICE: &str = "choose the CPU as device under “Measure differently”";

/// `text` with this page's advice in place of the terminal's.
pub(crate) fn for_page(text: &str) -> Cow<'_, str> {
    let (told, advice) = parts(text);
    if advice.contains(OPTIONS[0]) { format!("{told}; {ADVICE}").into() } else { told.into() }
}

/// `text` without advice, where the page has already done what is to be done.
pub(crate) fn without_advice(text: &str) -> &str {
    parts(text).0
}

/// What happened, and what the core advises: the last part of the sentence.
fn parts(text: &str) -> (&str, &str) {
    let option = OPTIONS.iter().filter_map(|option| text.find(option)).min();
    let cut = option.map_or(text.len(), |option| text[..option].rfind(';').unwrap_or(option));
    (text[..cut].trim_end(), &text[cut..])
}

#[cfg(test)]
mod tests {
    use super::{ADVICE, for_page, without_advice};

    #[test]
    fn nothing_of_the_terminal_is_left() {
        assert_eq!(for_page("a --b.png is empty; choose another"), "a --b.png is empty; choose another");
        let lost = "the device was lost while computing: a driver; was reset; run again to go on, or use --device cpu";
        assert_eq!(for_page(lost), format!("the device was lost while computing: a driver; was reset; {ADVICE}"));
        assert_eq!(for_page("stopped; run again with --resume to go on"), "stopped");
        assert_eq!(without_advice(lost), "the device was lost while computing: a driver; was reset");
    }
}
