//! English words that say nothing about what a picture shows.
//!
//! Source: written down by hand for this project, by class: the closed word classes of English
//! (determiners, pronouns, prepositions, conjunctions, auxiliaries; the division follows any English
//! grammar), common adverbs and numerals, and words that speak about the picture rather than of what is
//! in it ("a photo of", "close-up view"), as they occur in captions and in gistmap's own templates.

const WORDS: &[&[&str]] = &[
    // Determiners and numerals.
    &["a", "an", "the", "this", "that", "these", "those", "some", "any", "no", "every", "each", "either", "neither"],
    &["all", "both", "half", "many", "much", "more", "most", "few", "fewer", "less", "least", "several", "such"],
    &["what", "which", "whose", "another", "other", "others", "enough", "own", "same"],
    &["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "first", "second", "third"],
    // Pronouns.
    &["i", "me", "my", "mine", "myself", "you", "your", "yours", "yourself", "yourselves", "he", "him", "his"],
    &["himself", "she", "her", "hers", "herself", "it", "its", "itself", "we", "us", "our", "ours", "ourselves"],
    &["they", "them", "their", "theirs", "themselves", "who", "whom", "there", "here", "someone", "somebody"],
    &["something", "anyone", "anybody", "anything", "everyone", "everybody", "everything", "nobody", "nothing"],
    // Prepositions and particles.
    &["about", "above", "across", "after", "against", "along", "alongside", "amid", "among", "around", "as", "at"],
    &["away", "before", "behind", "below", "beneath", "beside", "besides", "between", "beyond", "by", "despite"],
    &["down", "during", "except", "for", "from", "in", "inside", "into", "like", "near", "nearby", "next", "of"],
    &["off", "on", "onto", "out", "outside", "over", "past", "per", "since", "through", "throughout", "till", "to"],
    &["toward", "towards", "under", "underneath", "until", "up", "upon", "via", "with", "within", "without"],
    // Conjunctions and question words.
    &["and", "or", "but", "nor", "so", "yet", "if", "unless", "because", "although", "though", "while", "whereas"],
    &["than", "then", "when", "where", "why", "how", "whether", "not"],
    // Auxiliaries and light verbs, with the forms that contractions leave behind.
    &["be", "am", "is", "are", "was", "were", "been", "being", "do", "does", "did", "doing", "done", "have", "has"],
    &["had", "having", "can", "could", "may", "might", "must", "shall", "should", "will", "would", "ought"],
    &["get", "gets", "got", "getting", "isn", "aren", "wasn", "weren", "don", "doesn", "didn", "s", "t", "ll", "ve"],
    &["appear", "appears", "appearing", "seem", "seems", "seeming"],
    // Adverbs of degree, time and doubt.
    &["again", "almost", "already", "also", "always", "else", "even", "ever", "far", "just", "maybe", "never", "now"],
    &["often", "once", "only", "perhaps", "possibly", "probably", "quite", "rather", "really", "still", "together"],
    &["too", "twice", "very", "well", "likely", "certainly", "surely", "etc"],
    // Words about the picture itself.
    &["image", "images", "photo", "photos", "photograph", "photographs", "picture", "pictures", "pic", "pics"],
    &["snapshot", "shot", "view", "views", "scene", "closeup", "close-up", "show", "shows", "showing", "shown"],
    &["depict", "depicts", "depicting", "depicted", "feature", "features", "featuring", "see", "seen", "unclear"],
];

/// Whether a lower-case word is on the stop list.
pub fn is_stop_word(word: &str) -> bool {
    WORDS.iter().any(|class| class.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{WORDS, is_stop_word};

    #[test]
    fn the_list_is_lower_case_and_has_no_word_twice() {
        let mut all: Vec<&str> = WORDS.concat();
        assert!(all.iter().all(|w| w.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn knows_template_words_and_keeps_content_words() {
        assert!(["photo", "perhaps", "a", "or", "of"].into_iter().all(is_stop_word));
        assert!(["cream", "hot", "dog", "ice"].into_iter().all(|w| !is_stop_word(w)));
    }
}
