//! Texts made elsewhere: captions, answers or tags that another program wrote to a CSV or JSON Lines file.
//!
//! Called by the engine for `--text import:FILE[:column]` with the bytes of the file; knows neither paths nor folders.
//!
//! # What is read
//!
//! - **CSV** (RFC 4180, UTF-8, a header line): one column names the picture, the others are texts.
//! - **JSON Lines**: one object a line, one key names the picture; every other key whose value is a string, or a list
//!   of strings, is a text column. Other values are left out.
//!
//! The column that names the picture is the first of [`FILE_COLUMNS`] that there is, without regard to case. Columns of
//! [`LABEL_COLUMNS`] are answers, not descriptions: unless one is asked for by name they are left out, because labels
//! that slip in among the texts would make every score a lie.
//!
//! # Several captions of one picture
//!
//! A picture may have several lines (flickr8k has five), or a list of strings. Its texts become one, in the order of
//! the file, as sentences ("A girl by the stairs. A child in a pink dress."), which is how Stephan et al., "Text-Guided
//! Image Clustering" (EACL 2024) treat several captions. A line that repeats a text of its picture word for word adds
//! nothing and is reported.
//!
//! # What is wrong with a file
//!
//! A broken line costs its own picture's text, not the run: it is reported with its number. No usable line at all is an
//! error.

use std::collections::BTreeMap;
use std::fmt;

mod csv_rows;
mod json_rows;
mod matching;

pub use matching::{MatchReport, Matched, TextColumn};

/// Names of the column that says which picture a line is about, likeliest first; compared without regard to case.
pub const FILE_COLUMNS: [&str; 7] = ["file", "file_name", "filename", "image", "image_path", "path", "picture"];
/// Columns that hold the answer rather than a description; compared without regard to case.
pub const LABEL_COLUMNS: [&str; 5] = ["label", "labels", "class", "target", "split"];

/// How a file of texts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// `FILE.csv[:column]` or `FILE.jsonl[:column]`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSource {
    /// The path as given.
    pub path: String,
    /// By the ending of the path.
    pub format: Format,
    /// The one column wanted; all where `None`.
    pub column: Option<String>,
}

impl ImportSource {
    /// Reads what stands behind `import:`. The path ends at the last `.csv`, `.jsonl` or `.ndjson` (any case) that is
    /// followed by `:` or by nothing, so that `C:\texts.csv:mood` is the column `mood` of a file on drive C.
    ///
    /// # Errors
    /// [`ImportError::NotATable`] for another ending, [`ImportError::NoColumnName`] for nothing behind the colon.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        let lower = text.to_ascii_lowercase();
        let endings = [(".csv", Format::Csv), (".jsonl", Format::JsonLines), (".ndjson", Format::JsonLines)];
        let ends = endings.iter().flat_map(|&(ending, format)| {
            let at = lower.match_indices(ending).map(move |(start, _)| (start + ending.len(), format));
            at.filter(|&(end, _)| matches!(lower.as_bytes().get(end), None | Some(b':')))
        });
        let Some((end, format)) = ends.max_by_key(|&(end, _)| end) else {
            return Err(ImportError::NotATable { path: text.to_owned() });
        };
        let column = match text[end..].strip_prefix(':') {
            None => None,
            Some("") => return Err(ImportError::NoColumnName { path: text[..end].to_owned() }),
            Some(column) => Some(column.to_owned()),
        };
        Ok(Self { path: text[..end].to_owned(), format, column })
    }
}

/// Why a file gives no texts at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Neither `.csv` nor `.jsonl`.
    #[error("{path}: texts are read from .csv and .jsonl files, with :column behind them to choose one column")]
    NotATable {
        /// As given.
        path: String,
    },
    /// `FILE.csv:` with nothing behind the colon.
    #[error("{path}: the column behind the colon has no name")]
    NoColumnName {
        /// The path.
        path: String,
    },
    /// The file has no byte but white space.
    #[error("the file is empty")]
    Empty,
    /// The header is not UTF-8 text.
    #[error("the header line is not UTF-8 text")]
    Header,
    /// No column says which picture a line is about.
    #[error(
        "no column names the picture: it must be called {expected}; the columns are {found}",
        expected = FILE_COLUMNS.join(", ")
    )]
    NoFileColumn {
        /// The columns there are.
        found: String,
    },
    /// No column holds texts.
    #[error("no column holds texts; the columns are {found}")]
    NoTextColumn {
        /// The columns there are.
        found: String,
    },
    /// A column that the file does not have.
    #[error("there is no column `{column}`; the text columns are {found}")]
    UnknownColumn {
        /// As given.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// Every line is broken.
    #[error("no line could be read; {first}")]
    NothingRead {
        /// What is wrong with the first.
        first: Problem,
    },
}

/// A line that was left out, or partly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, from 1; of a quoted CSV record its first.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// The texts of a file: for each column and picture one text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextTable {
    /// Text columns, in the order of the file (of JSON Lines: alphabetical).
    pub columns: Vec<String>,
    /// By the picture's name as the file has it: its texts, one for each of `columns`, empty where it has none.
    pub rows: BTreeMap<String, Vec<String>>,
    /// Columns of [`LABEL_COLUMNS`] that were left out.
    pub left_out: Vec<String>,
    /// Lines that were left out, in order.
    pub problems: Vec<Problem>,
}

/// One line as read: the picture, and `(column, texts)`.
struct Line {
    number: u64,
    file: String,
    texts: Vec<(usize, Vec<String>)>,
}

/// What a format's reader gives.
struct Rows {
    /// All columns but the picture's.
    columns: Vec<String>,
    lines: Vec<Line>,
    problems: Vec<Problem>,
}

impl TextTable {
    /// Reads the bytes of a file; `column` chooses one column, `None` takes all that are not labels.
    ///
    /// # Errors
    /// [`ImportError`] when there is nothing to use; single broken lines are in [`problems`](Self::problems).
    pub fn read(bytes: &[u8], format: Format, column: Option<&str>) -> Result<Self, ImportError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ImportError::Empty);
        }
        let rows = match format {
            Format::Csv => csv_rows::read(bytes)?,
            Format::JsonLines => json_rows::read(bytes)?,
        };
        Self::collect(rows, column)
    }

    fn collect(rows: Rows, column: Option<&str>) -> Result<Self, ImportError> {
        let Rows { columns, lines, mut problems } = rows;
        let is_label = |name: &str| LABEL_COLUMNS.iter().any(|l| name.trim().eq_ignore_ascii_case(l));
        let kept: Vec<usize> = match column {
            Some(column) => match columns.iter().position(|c| c == column) {
                Some(at) => vec![at],
                None => {
                    return Err(ImportError::UnknownColumn { column: column.to_owned(), found: columns.join(", ") });
                }
            },
            None => (0..columns.len()).filter(|&c| !is_label(&columns[c])).collect(),
        };
        if kept.is_empty() {
            return Err(ImportError::NoTextColumn { found: columns.join(", ") });
        }
        let mut captions: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for line in lines {
            let number = line.number;
            if let Some(what) = add(&mut captions, line, &kept) {
                problems.push(Problem { line: number, what });
            }
        }
        if captions.is_empty() {
            problems.sort_by_key(|p| p.line);
            let first = problems.into_iter().next();
            return Err(first.map_or(ImportError::Empty, |first| ImportError::NothingRead { first }));
        }
        problems.sort_by_key(|p| p.line);
        let name = |c: &usize| columns[*c].clone();
        Ok(Self {
            columns: kept.iter().map(name).collect(),
            rows: captions.into_iter().map(|(file, texts)| (file, texts.iter().map(|t| joined(t)).collect())).collect(),
            left_out: (0..columns.len()).filter(|c| !kept.contains(c) && column.is_none()).map(|c| name(&c)).collect(),
            problems,
        })
    }
}

/// Adds a line's texts to its picture's; what is wrong where the line adds none.
fn add(captions: &mut BTreeMap<String, Vec<Vec<String>>>, line: Line, kept: &[usize]) -> Option<String> {
    let seen = captions.contains_key(&line.file);
    let (mut added, mut repeated) = (false, false);
    let shown = line.file.clone();
    let texts = captions.entry(line.file).or_insert_with(|| vec![Vec::new(); kept.len()]);
    for (column, found) in line.texts {
        let Some(at) = kept.iter().position(|&k| k == column) else { continue };
        for text in found {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.is_empty() {
                continue;
            }
            if texts[at].contains(&text) {
                repeated = true;
            } else {
                texts[at].push(text);
                added = true;
            }
        }
    }
    match (seen, added, repeated) {
        (_, true, _) | (false, false, _) => None,
        (true, false, true) => Some(format!("{shown} is there already, with the same text")),
        (true, false, false) => Some(format!("{shown} is there already, and this line has no text")),
    }
}

/// Captions as sentences of one text: "A girl" and "A child ." become "A girl. A child ."
fn joined(captions: &[String]) -> String {
    let mut out = String::new();
    for caption in captions {
        if !out.is_empty() {
            out.push_str(if out.ends_with(['.', '!', '?']) { " " } else { ". " });
        }
        out.push_str(caption);
    }
    out
}

/// Which of `names` says which picture a line is about.
fn file_column<S: AsRef<str>>(names: &[S]) -> Option<usize> {
    FILE_COLUMNS.iter().find_map(|wanted| names.iter().position(|n| n.as_ref().trim().eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
#[path = "import/tests.rs"]
mod tests;
