//! A language model that a person runs: what it is asked, and what its replies are good for.
//!
//! Off unless given. The engine asks it for names of clusters and for answers to criteria; everything goes on without where
//! it fails. Words in, words out: this knows neither album nor pictures, and a reply is checked before it is used, for
//! whoever answers may answer anything. [`http`] alone speaks HTTP; a page has none.

#[cfg(all(feature = "networks", not(target_arch = "wasm32")))]
pub mod http;

use std::time::Duration;

use crate::runtime::Shared;

/// Descriptions in one question.
pub const BATCH: usize = 16;
/// Letters of a description that are sent.
const LONGEST_TEXT: usize = 300;
/// Descriptions of a cluster that are sent.
const EXAMPLES: usize = 8;
/// Words and letters of a name.
const LONGEST_NAME: (usize, usize) = (5, 48);
/// Letters of an answer.
const LONGEST_ANSWER: usize = 120;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the model is told to do.
    pub system: String,
    /// With what.
    pub user: String,
    /// Tokens of the reply at most; models that think before they answer take some.
    pub max_tokens: u32,
}

/// Who is asked.
pub trait Chat: Shared {
    /// For people, and to tell its replies from others': `MODEL at ADDRESS`.
    fn name(&self) -> String;

    /// Asks, and waits for the reply. Before it waits to ask again it calls `go_on` now and then, and stops when that is
    /// false.
    ///
    /// # Errors
    /// When there is no reply.
    fn ask(&self, question: &Question, go_on: &mut dyn FnMut() -> bool) -> Result<String, ChatError>;
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// It wants another key, or one at all.
    #[error("it refuses the key (status {status}{said}); give one in GISTMAP_ENDPOINT_KEY")]
    Refused {
        /// 401 or 403.
        status: u16,
        /// What it said, with a comma before it, or nothing.
        said: String,
    },
    /// It was asked several times and had no time.
    #[error("it is too busy (status {status}{said})")]
    Busy {
        /// 408, 429 or one of 500 to 599.
        status: u16,
        /// What it said, with a comma before it, or nothing.
        said: String,
    },
    /// It wants to be left alone for long.
    #[error("it is too busy, and asks to wait {} s", .0.as_secs())]
    Later(Duration),
    /// Another status than 200.
    #[error("it answers with status {status}{said}")]
    Status {
        /// The status.
        status: u16,
        /// What it said, with a comma before it, or nothing.
        said: String,
    },
    /// Nobody answers, or not in time.
    #[error("it does not answer: {0}")]
    Silent(String),
    /// What comes is no chat completion.
    #[error("its reply cannot be read: {0}")]
    Malformed(String),
    /// The reply has no end.
    #[error("its reply is too long")]
    TooLong,
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
}

impl ChatError {
    /// Whether asking something else may do better.
    pub fn is_of_one_reply(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::TooLong)
    }
}

/// Asks for a cluster's name, from its keywords and what some of its pictures show; `criterion` is what the pictures were
/// told apart by, where they were.
pub fn name_question(criterion: Option<&str>, keywords: &[String], texts: &[&str]) -> Question {
    let system =
        "You name groups of pictures. Reply with one name of one to four words, in lower case, and nothing else.";
    let mut user = criterion.map_or(String::new(), |criterion| format!("The pictures were grouped by: {criterion}\n"));
    user += &format!("Words that are frequent in this group and rare in others: {}\n", keywords.join(", "));
    user += "What some of its pictures show:\n";
    texts.iter().take(EXAMPLES).for_each(|text| user += &format!("- {}\n", line(text)));
    Question { system: system.to_owned(), user, max_tokens: 512 }
}

/// The name in a reply, on one line and without quotes; `None` where that is none, or too long to be one.
pub fn name(reply: &str) -> Option<String> {
    let first = spoken(reply).lines().map(str::trim).find(|line| !line.is_empty())?;
    let first = line(first);
    let name = first.trim_matches(|c: char| c.is_whitespace() || "\"'`*.,:".contains(c));
    let (words, letters) = LONGEST_NAME;
    let fits = !name.is_empty() && name.split(' ').count() <= words && name.chars().count() <= letters;
    fits.then(|| name.to_owned())
}

/// Asks what each of at most [`BATCH`] descriptions says of a criterion.
pub fn answers_question(criterion: &str, texts: &[&str]) -> Question {
    let system = "You answer one question about pictures from their descriptions. Reply with a JSON array of strings and nothing \
                  else: for each description, in order, a short answer of one to four words in lower case, \"unknown\" where \
                  the description does not tell.";
    let mut user = format!("Question: {criterion}\nDescriptions:\n");
    texts.iter().enumerate().for_each(|(i, text)| user += &format!("{}. {}\n", i + 1, line(text)));
    Question { system: system.to_owned(), user, max_tokens: 512 + 32 * texts.len() as u32 }
}

/// The answers in a reply; `None` where it is not an array of exactly `count` strings that are short.
pub fn answers(reply: &str, count: usize) -> Option<Vec<String>> {
    let reply = spoken(reply);
    let array = reply.get(reply.find('[')?..=reply.rfind(']')?)?;
    let answers: Vec<String> = serde_json::from_str(array).ok()?;
    let short = |answer: &String| answer.chars().count() <= LONGEST_ANSWER;
    (answers.len() == count && answers.iter().all(short)).then(|| answers.iter().map(|answer| line(answer)).collect())
}

/// What was said, without what was thought before.
fn spoken(reply: &str) -> &str {
    reply.rsplit_once("</think>").map_or(reply, |(_, spoken)| spoken).trim()
}

/// A text on one line, cut where it is long.
fn line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_on_one_line() {
        let found = |reply: &str| name(reply);
        assert_eq!(found("\n \"Ice  cream.\"\nBecause it is cold."), Some("Ice cream".to_owned()));
        assert_eq!(found("<think>hm\n\"soup\"?</think>\n**noodle soup**"), Some("noodle soup".to_owned()));
        assert_eq!(found("a\u{7}b"), Some("a b".to_owned()));
        for none in ["", " \n", "\"\"", "I would call this group of pictures food", &"x".repeat(60)] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn answers_are_as_many_as_were_asked_for() {
        let two = Some(vec!["riding a horse".to_owned(), "unknown".to_owned()]);
        assert_eq!(answers("```json\n[\"riding\\na horse\", \"unknown\"]\n```", 2), two);
        for none in ["", "[", "]", "][", "riding, unknown", "[\"a\"]", "[\"a\", 1]", "[\"a\", \"b\", \"c\"]"] {
            assert_eq!(answers(none, 2), None, "{none}");
        }
        assert_eq!(answers(&format!("[\"{}\"]", "a".repeat(500)), 1), None);
    }

    #[test]
    fn questions_hold_what_there_is() {
        let texts = ["a dog\nin snow", "x"];
        let asked = name_question(Some("where is it"), &["snow".to_owned()], &texts);
        assert!(asked.user.contains("grouped by: where is it\n") && asked.user.contains("- a dog in snow\n"));
        assert!(!name_question(None, &[], &["text"; 30]).user.contains("grouped"));
        assert_eq!(name_question(None, &[], &["text"; 30]).user.matches("- text").count(), EXAMPLES);
        let asked = answers_question("mood", &[&"long ".repeat(1000), "b"]);
        assert!(asked.user.len() < 400 && asked.user.ends_with("\n2. b\n"));
    }
}
