//! Keyword-guided text: the nouns and adjectives of a caption, as far as word lists and endings can tell them.
//!
//! Called by the engine for `--text ...:keywords` on text columns; knows nothing of pictures. There is no tagger behind
//! this: function words and words about the picture itself are dropped by [`is_stop_word`], adverbs by their ending,
//! verbs by a list and by where they stand. A participle, or a word that is noun and verb, counts as a noun or an
//! adjective straight after a determiner or a preposition (`a dining area`, `on a walk`, `a parked car`) and as a verb
//! elsewhere (`a man riding`, `is parked`, `walks`). Where that is wrong a word too many or too few is left; nothing
//! breaks. Keywords are a baseline: on stanford40's captions they cluster worse than the whole sentences (ACC .43, not
//! .50), whose verbs count.

use crate::english::{is_adverb, is_opener, is_participle, is_stop_word, is_verb_form};

/// Nouns and adjectives of `text` in lower case, in its order, each once.
///
/// ```
/// use gistmap::describe::keywords::nouns_and_adjectives;
/// let caption = "The person is located in a dining area, sitting at a wooden table.";
/// assert_eq!(nouns_and_adjectives(caption), ["person", "dining", "area", "wooden", "table"]);
/// ```
pub fn nouns_and_adjectives(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let mut kept: Vec<String> = Vec::new();
    let mut opened = false;
    for piece in lower.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-')) {
        let word = piece.trim_matches(|c| c == '\'' || c == '-');
        let word = word.strip_suffix("'s").unwrap_or(word);
        if word.is_empty() {
            continue;
        }
        let verb = !opened && (is_participle(word) || is_verb_form(word));
        let content = word.chars().any(char::is_alphabetic) && !is_stop_word(word) && !is_adverb(word) && !verb;
        if content && !kept.iter().any(|k| k == word) {
            kept.push(word.to_owned());
        }
        // An adverb leaves the place open: "a freshly painted wall".
        opened = is_opener(word) || (opened && is_adverb(word));
    }
    kept
}

/// The keywords of a text as a text that can be embedded: `person, dining, area`. The text itself where it has none, so
/// that a picture whose caption is "sitting" keeps a vector.
pub fn keyword_text(text: &str) -> String {
    let words = nouns_and_adjectives(text);
    if words.is_empty() { text.to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{keyword_text, nouns_and_adjectives};
    use crate::english::is_stop_word;
    use proptest::prelude::{prop_assert, proptest};

    #[test]
    fn verbs_fall_out_but_not_where_a_noun_stands() {
        let words = |text: &str| nouns_and_adjectives(text).join(" ");
        assert_eq!(words("A man riding a brown horse walks happily on the beach."), "man brown horse beach");
        assert_eq!(words("A parked car is parked near a painting"), "parked car painting");
        assert_eq!(words("People watch the watch; she holds it"), "people watch");
        assert_eq!(words("A freshly painted wall in the living room"), "painted wall living room");
        assert_eq!(words("The image shows the person's T-shirt, 2 dogs"), "person t-shirt dogs");
    }

    #[test]
    fn a_text_without_nouns_stays_itself() {
        assert_eq!(keyword_text("sitting"), "sitting");
        assert_eq!(keyword_text(""), "");
        assert_eq!(keyword_text("a cat and a cat"), "cat");
    }

    proptest! {
        #[test]
        fn keywords_are_words_of_the_text(text in "[A-Za-z' .,-]{0,60}") {
            for word in nouns_and_adjectives(&text) {
                prop_assert!(text.to_lowercase().contains(&word) && !is_stop_word(&word));
            }
        }
    }
}
