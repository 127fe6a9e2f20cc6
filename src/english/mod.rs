//! What is known about English words: lists by class, no model.
//!
//! Called by the stages that read texts (`describe`, `explain`); knows nothing of pictures. [`is_stop_word`] is
//! gistmap's own list for names and keywords, [`is_scikit_learn_stop_word`] the one that scikit-learn's vectorizers
//! use.

mod stop_words;
mod verbs;

use std::collections::HashSet;
use std::sync::LazyLock;
pub use stop_words::is_stop_word;
pub use verbs::{is_adverb, is_opener, is_participle, is_verb_form};

/// The list of the Glasgow Information Retrieval Group as scikit-learn 1.9 has it (`ENGLISH_STOP_WORDS`), a word a
/// line, sorted; scikit-learn is under the BSD 3-clause licence.
static SCIKIT_LEARN: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("scikit_learn.txt").lines().collect());

/// Whether a lower-case word is one of the 318 that scikit-learn's `stop_words="english"` drops.
pub fn is_scikit_learn_stop_word(word: &str) -> bool {
    SCIKIT_LEARN.contains(word)
}

#[cfg(test)]
mod tests {
    use super::{SCIKIT_LEARN, is_scikit_learn_stop_word};

    #[test]
    fn scikit_learns_list_is_whole() {
        assert_eq!(SCIKIT_LEARN.len(), 318);
        assert!(["a", "yourselves", "whereupon", "amoungst"].into_iter().all(is_scikit_learn_stop_word));
        assert!(!is_scikit_learn_stop_word("horse"));
    }
}
