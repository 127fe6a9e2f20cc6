//! Verbs, adverbs and the words before nouns, as far as lists and endings know them.
//!
//! Source: written down by hand for this project: verbs that captions of photographs are made with, in the base form;
//! endings after any English grammar.

/// Verbs in the base form whose other forms are made by rule. Words that are commoner as nouns (`ski`, `surf`) are not
/// here.
const VERBS: &[&str] = &[
    "sit",
    "stand",
    "hold",
    "wear",
    "walk",
    "run",
    "ride",
    "look",
    "play",
    "jump",
    "lie",
    "lay",
    "lean",
    "carry",
    "throw",
    "catch",
    "hit",
    "kick",
    "swing",
    "watch",
    "read",
    "write",
    "eat",
    "drink",
    "cook",
    "cut",
    "pour",
    "serve",
    "smile",
    "laugh",
    "talk",
    "speak",
    "point",
    "pose",
    "wait",
    "work",
    "use",
    "make",
    "take",
    "give",
    "hang",
    "fly",
    "swim",
    "climb",
    "fall",
    "drive",
    "sleep",
    "rest",
    "relax",
    "enjoy",
    "try",
    "put",
    "pull",
    "push",
    "face",
    "stare",
    "reach",
    "cross",
    "pass",
    "perform",
    "prepare",
    "practice",
    "participate",
    "engage",
    "gather",
    "surround",
    "fill",
    "cover",
    "locate",
    "situate",
    "seat",
    "dress",
    "park",
    "place",
    "set",
    "position",
    "display",
    "attach",
    "contain",
    "include",
    "suggest",
    "indicate",
    "create",
    "add",
    "provide",
    "go",
    "come",
    "move",
    "turn",
    "bend",
    "kneel",
    "crouch",
    "squat",
    "grab",
    "touch",
    "feed",
    "brush",
    "wash",
    "clean",
    "fix",
    "repair",
    "blow",
    "smoke",
    "wave",
    "applaud",
    "clap",
    "observe",
    "focus",
    "interact",
    "travel",
    "float",
    "graze",
    "chase",
    "lick",
    "bite",
    "chew",
    "open",
    "close",
    "let",
    "leave",
    "follow",
    "lead",
    "help",
    "keep",
    "know",
    "think",
    "want",
    "need",
    "start",
    "begin",
    "stop",
    "happen",
];
/// Past forms that no rule makes.
const PAST: &[&str] = &[
    "sat", "stood", "held", "wore", "worn", "ran", "rode", "ridden", "lay", "lain", "laid", "threw", "thrown",
    "caught", "swung", "wrote", "written", "ate", "eaten", "drank", "drunk", "spoke", "spoken", "made", "took",
    "taken", "gave", "given", "hung", "flew", "flown", "swam", "swum", "fell", "fallen", "drove", "driven", "slept",
    "went", "gone", "came", "bent", "knelt", "fed", "blew", "blown", "bitten", "left", "led", "kept", "known",
    "thought", "began", "begun",
];
/// Words in `-ing` and `-ed` that are things or qualities wherever they stand.
const NOT_VERBS: &[&str] = &[
    "building",
    "painting",
    "ceiling",
    "clothing",
    "wedding",
    "evening",
    "morning",
    "railing",
    "string",
    "spring",
    "wing",
    "ring",
    "king",
    "thing",
    "sling",
    "swing",
    "pudding",
    "icing",
    "frosting",
    "topping",
    "stuffing",
    "dressing",
    "drawing",
    "awning",
    "lightning",
    "earring",
    "ping",
    "viking",
    "bed",
    "shed",
    "sled",
    "red",
    "seed",
    "weed",
    "reed",
    "breed",
    "feed",
    "speed",
    "bobsled",
    "wooded",
    "hundred",
    "crossing",
    "parking",
    "landing",
    "herring",
    "offspring",
    "bedding",
    "flooring",
];
/// Words in `-ly` that are no adverbs.
const NOT_ADVERBS: &[&str] = &[
    "family",
    "fly",
    "butterfly",
    "jelly",
    "lily",
    "belly",
    "bully",
    "rally",
    "ugly",
    "friendly",
    "elderly",
    "lovely",
    "lonely",
    "curly",
    "woolly",
    "silly",
    "holy",
    "hilly",
    "lively",
    "daily",
    "dragonfly",
    "monopoly",
];

/// Words that open the place of a noun: determiners, and prepositions that lead to one.
const OPENERS: &[&str] = &[
    "a", "an", "the", "this", "that", "these", "those", "some", "any", "no", "every", "each", "another", "several",
    "many", "two", "three", "four", "five", "his", "her", "its", "their", "my", "your", "our", "of", "in", "on", "at",
    "with", "by", "from", "near", "under", "over", "behind", "into", "onto", "inside", "outside", "for", "to", "as",
];

/// Whether a noun or an adjective follows a lower-case word, even one that looks like a verb (`a walk`, `for fishing`).
pub fn is_opener(word: &str) -> bool {
    OPENERS.contains(&word)
}

/// Whether a lower-case word is an adverb by its ending.
pub fn is_adverb(word: &str) -> bool {
    word.len() > 4 && word.ends_with("ly") && !NOT_ADVERBS.contains(&word)
}

/// Whether a lower-case word looks like a participle (`riding`, `parked`), which a noun's place makes a noun or an
/// adjective (`a dining room`, `a parked car`).
pub fn is_participle(word: &str) -> bool {
    word.len() > 4 && (word.ends_with("ing") || word.ends_with("ed")) && !NOT_VERBS.contains(&word)
}

/// Whether a lower-case word may be a finite form, or a past form, of a verb of the list.
pub fn is_verb_form(word: &str) -> bool {
    let base = |stem: &str| VERBS.contains(&stem);
    let third = word.strip_suffix('s').is_some_and(|stem| {
        let without_e = stem.strip_suffix('e');
        base(stem) || without_e.is_some_and(base) || stem.strip_suffix("ie").is_some_and(|s| base(&format!("{s}y")))
    });
    base(word) || third || PAST.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::{NOT_ADVERBS, NOT_VERBS, OPENERS, PAST, VERBS, is_adverb, is_opener, is_participle, is_verb_form};

    #[test]
    fn lists_are_lower_case() {
        let all = [VERBS, PAST, NOT_VERBS, NOT_ADVERBS, OPENERS].concat();
        assert!(all.iter().all(|w| w.chars().all(|c| c.is_ascii_lowercase())));
    }

    #[test]
    fn forms_are_recognised() {
        assert!(["sits", "carries", "watches", "takes", "ride", "stood"].into_iter().all(is_verb_form));
        assert!(["horse", "trees", "buses", "skis"].into_iter().all(|w| !is_verb_form(w)));
        assert!(["riding", "parked", "located"].into_iter().all(is_participle));
        assert!(["building", "red", "ring", "shed", "evening"].into_iter().all(|w| !is_participle(w)));
        assert!(is_opener("the") && !is_opener("horse"));
        assert!(is_adverb("happily") && !is_adverb("family") && !is_adverb("fly"));
    }
}
