//! From texts to terms: lower-case words without stop words, plurals folded, and phrases joined.
//!
//! Words that stand together far more often than chance are one term, so that `ice cream` and
//! `hot dog` survive: pairs are scored by normalised pointwise mutual information over pictures
//! (Bouma, 2009) and joined as in Mikolov et al. (2013), twice, so that a term has at most three
//! words. Commas, full stops and stop words keep words apart.

use crate::english::is_stop_word;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A pair of words is a phrase from this normalised mutual information on.
const PHRASE_NPMI: f64 = 0.5;
/// ... if at least this many pictures have it.
const PHRASE_PICTURES: usize = 2;
/// Words of the longest phrase.
const PHRASE_WORDS: usize = 3;

/// The terms of every text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Every term, in alphabetical order.
    pub vocabulary: Vec<String>,
    /// For each text the indices of its terms into `vocabulary`, in the order of the text.
    pub documents: Vec<Vec<usize>>,
}

impl Terms {
    /// Terms of `texts`, one text a picture; an empty text has none.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Self {
        let mut runs: Vec<Vec<Vec<String>>> = texts.iter().map(|t| runs_of_words(t.as_ref())).collect();
        fold_plurals(&mut runs);
        join_phrases(&mut runs);
        join_phrases(&mut runs);
        let flat: Vec<Vec<String>> = runs.into_iter().map(|runs| runs.concat()).collect();
        let mut index: BTreeMap<&str, usize> = flat.iter().flatten().map(|w| (w.as_str(), 0)).collect();
        for (i, slot) in index.values_mut().enumerate() {
            *slot = i;
        }
        let documents = flat.iter().map(|words| words.iter().map(|w| index[w.as_str()]).collect()).collect();
        let vocabulary = index.keys().map(|w| (*w).to_owned()).collect();
        Self { vocabulary, documents }
    }

    /// The distinct terms of text `i`, ascending.
    pub fn distinct(&self, i: usize) -> Vec<usize> {
        let mut terms = self.documents[i].clone();
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

/// Content words of a text as runs: neighbours in a run are neighbours in the text.
fn runs_of_words(text: &str) -> Vec<Vec<String>> {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let mut runs = vec![Vec::new()];
    let break_run = |runs: &mut Vec<Vec<String>>| {
        if runs.last().is_some_and(|r| !r.is_empty()) {
            runs.push(Vec::new());
        }
    };
    for piece in lower.split_whitespace() {
        for (i, part) in piece.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-')).enumerate() {
            if i > 0 {
                break_run(&mut runs);
            }
            let word = part.trim_matches(|c| c == '\'' || c == '-');
            let word = word.strip_suffix("'s").unwrap_or(word);
            if word.is_empty() {
                continue;
            }
            if is_stop_word(word) || !word.chars().any(char::is_alphabetic) {
                break_run(&mut runs);
            } else if let Some(run) = runs.last_mut() {
                run.push(word.to_owned());
            }
        }
    }
    runs
}

/// Plurals become the singular where the singular occurs in the texts as well.
fn fold_plurals(runs: &mut [Vec<Vec<String>>]) {
    let words: HashSet<String> = runs.iter().flatten().flatten().cloned().collect();
    let singular: HashMap<&str, String> = words
        .iter()
        .filter_map(|w| singulars(w).into_iter().find(|s| words.contains(s)).map(|s| (w.as_str(), s)))
        .collect();
    for word in runs.iter_mut().flatten().flatten() {
        if let Some(s) = singular.get(word.as_str()) {
            s.clone_into(word);
        }
    }
}

/// What `word` may be the plural of, likeliest first.
fn singulars(word: &str) -> Vec<String> {
    let mut forms = Vec::new();
    if word.len() < 4 || word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return forms;
    }
    if let Some(stem) = word.strip_suffix("ies") {
        forms.push(format!("{stem}y"));
    }
    if let Some(stem) = word.strip_suffix("ves") {
        forms.push(format!("{stem}f"));
        forms.push(format!("{stem}fe"));
    }
    if let Some(stem) = word.strip_suffix('s') {
        forms.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix("es")
        && ["s", "x", "z", "ch", "sh", "o"].iter().any(|end| stem.ends_with(end))
    {
        forms.push(stem.to_owned());
    }
    forms
}

/// Joins neighbours that belong together; the strongest pair of a run first, the left one on ties.
fn join_phrases(runs: &mut [Vec<Vec<String>>]) {
    let phrases = phrases(runs);
    for run in runs.iter_mut().flatten() {
        while let Some(at) = strongest(run, &phrases) {
            let second = run.remove(at + 1);
            run[at] = format!("{} {second}", run[at]);
        }
    }
}

fn strongest(run: &[String], phrases: &HashMap<(String, String), f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, pair) in run.windows(2).enumerate() {
        if let Some(&score) = phrases.get(&(pair[0].clone(), pair[1].clone()))
            && best.is_none_or(|(_, b)| score > b)
        {
            best = Some((i, score));
        }
    }
    best.map(|(i, _)| i)
}

/// Pairs of neighbours that are phrases, with their normalised mutual information over texts.
fn phrases(runs: &[Vec<Vec<String>>]) -> HashMap<(String, String), f64> {
    let mut words: HashMap<&str, usize> = HashMap::new();
    let mut pairs: HashMap<(&str, &str), usize> = HashMap::new();
    for text in runs {
        let here: HashSet<&str> = text.iter().flatten().map(String::as_str).collect();
        for word in here {
            *words.entry(word).or_default() += 1;
        }
        let here: HashSet<(&str, &str)> =
            text.iter().flat_map(|run| run.windows(2).map(|p| (p[0].as_str(), p[1].as_str()))).collect();
        for pair in here {
            *pairs.entry(pair).or_default() += 1;
        }
    }
    let texts = runs.len() as f64;
    let mut found = HashMap::new();
    for ((a, b), both) in pairs {
        if both < PHRASE_PICTURES || a == b || a.split(' ').count() + b.split(' ').count() > PHRASE_WORDS {
            continue;
        }
        let joint = both as f64 / texts;
        let chance = (words[a] as f64 / texts) * (words[b] as f64 / texts);
        // A pair that every text has says as much as one word: mutual information 0 / 0 counts as 1.
        let npmi = if joint < 1.0 { (joint / chance).ln() / -joint.ln() } else { 1.0 };
        if npmi >= PHRASE_NPMI {
            found.insert((a.to_owned(), b.to_owned()), npmi);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Terms, runs_of_words};

    fn words(terms: &Terms, i: usize) -> Vec<&str> {
        terms.documents[i].iter().map(|&t| terms.vocabulary[t].as_str()).collect()
    }

    #[test]
    fn splits_at_stop_words_and_punctuation() {
        let runs = runs_of_words("A photo of mashed potato, perhaps Chef's T-shirt or 2 hot-dogs (caf\u{e9})");
        let runs: Vec<Vec<&str>> = runs.iter().map(|r| r.iter().map(String::as_str).collect()).collect();
        let runs: Vec<_> = runs.into_iter().filter(|r: &Vec<&str>| !r.is_empty()).collect();
        assert_eq!(runs, [vec!["mashed", "potato"], vec!["chef", "t-shirt"], vec!["hot-dogs"], vec!["caf\u{e9}"]]);
        assert!(runs_of_words(" ,, 12 ").concat().is_empty());
    }

    #[test]
    fn keeps_multi_word_names_together() {
        let texts = [
            "a photo of ice cream, perhaps chocolate sauce or trifle",
            "a photo of ice cream, perhaps ice lolly or chocolate sauce",
            "a photo of hot dog, perhaps ice lolly or trifle",
            "a photo of hot dog, perhaps golden retriever or great white shark",
            "a photo of guacamole, perhaps golden retriever or great white shark",
            "a photo of ice cream, perhaps guacamole or dog",
        ];
        let terms = Terms::new(&texts);
        assert_eq!(words(&terms, 0), ["ice cream", "chocolate sauce", "trifle"]);
        assert_eq!(words(&terms, 1), ["ice cream", "ice lolly", "chocolate sauce"]);
        assert_eq!(words(&terms, 3), ["hot dog", "golden retriever", "great white shark"]);
        assert_eq!(words(&terms, 5), ["ice cream", "guacamole", "dog"]);
    }

    #[test]
    fn chance_neighbours_stay_words() {
        // "man" is in most texts, so its neighbours say nothing about a phrase.
        let texts: Vec<String> = (0..40)
            .map(|i| {
                format!("a man {} a {}", ["riding", "holding", "near"][i % 3], ["horse", "dog", "boat"][i / 2 % 3])
            })
            .collect();
        let terms = Terms::new(&texts);
        assert!(terms.vocabulary.iter().all(|t| !t.contains(' ')), "{:?}", terms.vocabulary);
    }

    #[test]
    fn folds_plurals_only_onto_words_that_occur() {
        let texts = ["dogs, cherries, boxes, knives, glass, glasses, bus", "dog, cherry, box, knife, gas", "shorts"];
        let terms = Terms::new(&texts);
        assert_eq!(words(&terms, 0), ["dog", "cherry", "box", "knife", "glass", "glass", "bus"]);
        assert_eq!(words(&terms, 2), ["shorts"]);
        assert_eq!(terms.distinct(0).len(), 6);
    }
}
