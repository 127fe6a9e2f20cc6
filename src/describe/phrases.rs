//! Captions cut into phrases, each about one thing: what there is, what is done, where.
//!
//! Called by [`criterion`](super::criterion). There is no parser behind this, only word lists and places: a phrase ends
//! at punctuation, conjunctions and auxiliaries, before a verb (an *action* begins: `riding a horse`) and before a
//! preposition of place (a *place* begins: `on a dirt road`); all else is a *thing*. A participle straight after a
//! determiner is part of a thing (`a dining area`), as in [`keywords`](super::keywords).

use crate::english::{is_adverb, is_opener, is_participle, is_verb_form};
use std::collections::BTreeMap;

/// Prepositions that say where.
const PLACE: &[&str] = &[
    "in",
    "on",
    "at",
    "inside",
    "outside",
    "near",
    "under",
    "over",
    "behind",
    "beside",
    "into",
    "onto",
    "through",
    "along",
    "across",
    "above",
    "below",
    "by",
    "against",
    "around",
    "among",
    "between",
    "underneath",
    "toward",
    "towards",
];
/// Words that end a phrase and begin none.
const BREAKS: &[&str] = &[
    "and", "or", "but", "while", "which", "who", "where", "that", "with", "is", "are", "was", "were", "be", "been",
    "being", "has", "have", "had", "do", "does", "did", "can", "could", "may", "might", "will", "would", "should",
];

/// What a phrase is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// What there is: `a young girl`.
    Thing,
    /// What is done: `playing a guitar`.
    Action,
    /// Where: `on a stage`.
    Place,
}

/// A few words of a caption, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phrase {
    /// The words.
    pub text: String,
    /// What they are about.
    pub role: Role,
}

/// The phrases of `text`, in its order.
pub fn phrases(text: &str) -> Vec<Phrase> {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let mut cut = Cut { phrases: Vec::new(), words: Vec::new(), role: Role::Thing };
    let mut opened = false;
    for piece in lower.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-')) {
        let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
        if word.is_empty() || BREAKS.contains(&word) {
            opened = false;
            cut.begin(Role::Thing);
        } else if !opened && (is_participle(word) || is_verb_form(word)) {
            cut.begin(Role::Action);
            cut.words.push(word.to_owned());
        } else {
            let place = PLACE.contains(&word);
            if place {
                cut.begin(Role::Place);
            }
            cut.words.push(word.to_owned());
            opened = place || is_opener(word) || (opened && is_adverb(word));
        }
        if piece.ends_with(|c: char| !(c.is_alphanumeric() || c.is_whitespace() || c == '\'' || c == '-')) {
            opened = false;
            cut.begin(Role::Thing);
        }
    }
    cut.begin(Role::Thing);
    cut.phrases
}

struct Cut {
    phrases: Vec<Phrase>,
    words: Vec<String>,
    role: Role,
}

impl Cut {
    /// Ends the phrase there is, if any.
    fn begin(&mut self, role: Role) {
        if !self.words.is_empty() {
            self.phrases.push(Phrase { text: self.words.join(" "), role: self.role });
            self.words.clear();
        }
        self.role = role;
    }
}

/// The distinct phrases of many texts, and which text has which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrases {
    /// Every phrase once, by its words; what is embedded is [`Phrase::text`].
    pub distinct: Vec<Phrase>,
    /// For each text the indices of its phrases, ascending, each once.
    pub documents: Vec<Vec<usize>>,
}

impl Phrases {
    /// Cuts every text, one a picture.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Self {
        let cut: Vec<Vec<Phrase>> = texts.iter().map(|t| phrases(t.as_ref())).collect();
        let mut index: BTreeMap<&Phrase, usize> = cut.iter().flatten().map(|p| (p, 0)).collect();
        index.values_mut().enumerate().for_each(|(i, slot)| *slot = i);
        let distinct = index.keys().map(|p| (*p).clone()).collect();
        let documents = cut
            .iter()
            .map(|phrases| {
                let mut found: Vec<usize> = phrases.iter().map(|p| index[p]).collect();
                found.sort_unstable();
                found.dedup();
                found
            })
            .collect();
        Self { distinct, documents }
    }

    /// `ln((1 + n) / (1 + df))` of each phrase, with `n` texts of which `df` have it: 0 for what every text says.
    pub fn rarity(&self) -> Vec<f64> {
        let n = self.documents.len() as f64;
        self.frequency().into_iter().map(|df| ((1.0 + n) / (1.0 + df)).ln()).collect()
    }

    /// How much each phrase counts: in how many texts it is, times its rarity.
    pub fn weights(&self) -> Vec<f64> {
        self.frequency().into_iter().zip(self.rarity()).map(|(df, rarity)| df * rarity).collect()
    }

    fn frequency(&self) -> Vec<f64> {
        let mut frequency = vec![0.0; self.distinct.len()];
        self.documents.iter().flatten().for_each(|&phrase| frequency[phrase] += 1.0);
        frequency
    }
}

#[cfg(test)]
mod tests {
    use super::{Phrases, Role, phrases};
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    fn cut(text: &str) -> Vec<(Role, String)> {
        phrases(text).into_iter().map(|p| (p.role, p.text)).collect()
    }

    #[test]
    fn captions_are_cut_into_things_actions_and_places() {
        let own = |pairs: &[(Role, &str)]| pairs.iter().map(|(r, t)| (*r, (*t).to_owned())).collect::<Vec<_>>();
        assert_eq!(
            cut("The person is located on a stage, sitting on a stool, and playing a guitar."),
            own(&[
                (Role::Thing, "the person"),
                (Role::Action, "located"),
                (Role::Place, "on a stage"),
                (Role::Action, "sitting"),
                (Role::Place, "on a stool"),
                (Role::Action, "playing a guitar"),
            ])
        );
        assert_eq!(
            cut("A dining area with two parked cars"),
            own(&[(Role::Thing, "a dining area"), (Role::Thing, "two parked cars")])
        );
        assert_eq!(cut("and, is ..."), own(&[]));
    }

    #[test]
    fn a_phrase_that_all_have_is_not_rare() {
        let table = Phrases::new(&["the person is riding a horse", "the person is at home", ""]);
        let texts: Vec<&str> = table.distinct.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(texts, ["at home", "riding a horse", "the person"]);
        assert_eq!(table.documents, [vec![1, 2], vec![0, 2], vec![]]);
        let rarity = table.rarity();
        assert!((rarity[0] - 2.0_f64.ln()).abs() < 1e-12 && rarity[2] < rarity[0]);
        assert_eq!(table.weights()[2], 2.0 * rarity[2]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_word_is_invented(text in "\\PC{0,60}") {
            let lower = text.to_lowercase().replace('\u{2019}', "'");
            for phrase in phrases(&text) {
                prop_assert!(!phrase.text.is_empty());
                prop_assert!(phrase.text.split(' ').all(|word| lower.contains(word)));
            }
            let table = Phrases::new(&[text.as_str(), text.as_str()]);
            prop_assert_eq!(&table.documents[0], &table.documents[1]);
        }
    }
}
