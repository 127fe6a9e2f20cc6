//! Which texts belong to which picture of a collection.

use super::TextTable;
use crate::collection::unescape;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// Names shown in a report.
const SHOWN: usize = 3;

/// Texts of a collection's pictures, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextColumn {
    /// Name of the column.
    pub name: String,
    /// One text a picture, empty where it has none.
    pub texts: Vec<String>,
}

/// How well the file's lines and the collection's pictures go together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchReport {
    /// Pictures that a line was found for.
    pub matched: usize,
    /// Those of them that were found by the end of their path alone (another folder above, or just the file name).
    pub by_ending: Vec<(String, String)>,
    /// Pictures that no line speaks of.
    pub missing: Vec<String>,
    /// Names in the file that are no picture's.
    pub extra: Vec<String>,
    /// Names in the file that more than one picture could have, or that share a picture with another name.
    pub ambiguous: Vec<String>,
}

impl fmt::Display for MatchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "texts for {} of {} pictures", self.matched, self.matched + self.missing.len())?;
        if let Some((line, picture)) = self.by_ending.first() {
            write!(f, "; {} by the end of the path alone (first: {line} is {picture})", self.by_ending.len())?;
        }
        let lists = [
            (&self.missing, "pictures have no text"),
            (&self.extra, "names in the file are no picture's"),
            (&self.ambiguous, "names in the file could be several pictures'"),
        ];
        for (names, what) in lists.into_iter().filter(|(names, _)| !names.is_empty()) {
            let more = if names.len() > SHOWN { ", ..." } else { "" };
            write!(f, "; {} {what} ({}{more})", names.len(), names[..names.len().min(SHOWN)].join(", "))?;
        }
        Ok(())
    }
}

/// Columns for the pictures of a collection, and how the names went together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// One for each column of the table.
    pub columns: Vec<TextColumn>,
    /// What was found, missing and left over.
    pub report: MatchReport,
}

impl TextTable {
    /// The texts of `files`, a collection's pictures as [`Item::file`](crate::collection::Item::file) names them.
    ///
    /// A name is its picture's when, in this order: both are the same; both are the same path (`./` in front, `//` and
    /// backslashes do not count); the longest end of the name's path that any picture's path ends in belongs to one
    /// picture only (the whole name below a further folder, or just the file name as the last resort). Where two names
    /// come to the same picture in the last way, neither does.
    pub fn matched(&self, files: &[String]) -> Matched {
        let pictures = Pictures::new(files);
        let mut of: Vec<Option<&str>> = vec![None; files.len()];
        let mut report = MatchReport::default();
        let mut loose: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        let mut rest = Vec::new();
        for name in self.rows.keys() {
            match pictures.exact.get(name.as_str()) {
                Some(&i) => of[i] = Some(name),
                None => rest.push(name.as_str()),
            }
        }
        let mut left = Vec::new();
        for name in rest {
            match pictures.paths.get(&path(name)) {
                Some(&Some(i)) if of[i].is_none() => of[i] = Some(name),
                Some(_) => report.ambiguous.push(name.to_owned()),
                None => left.push(name),
            }
        }
        for name in left {
            match pictures.by_ending(&path(name)) {
                None => report.extra.push(name.to_owned()),
                Some(Some(i)) if of[i].is_none() => loose.entry(i).or_default().push(name),
                Some(_) => report.ambiguous.push(name.to_owned()),
            }
        }
        for (i, names) in loose {
            if let [name] = names[..] {
                of[i] = Some(name);
                report.by_ending.push((name.to_owned(), files[i].clone()));
            } else {
                report.ambiguous.extend(names.into_iter().map(str::to_owned));
            }
        }
        report.matched = of.iter().flatten().count();
        report.missing = files.iter().zip(&of).filter(|(_, o)| o.is_none()).map(|(f, _)| f.clone()).collect();
        report.ambiguous.sort_unstable();
        let text = |name: &Option<&str>, c: usize| name.map_or(String::new(), |n| self.rows[n][c].clone());
        let column = |(c, name): (usize, &String)| TextColumn {
            name: name.clone(),
            texts: of.iter().map(|name| text(name, c)).collect(),
        };
        Matched { columns: self.columns.iter().enumerate().map(column).collect(), report }
    }
}

/// The pictures of a collection by name, by path, and by the end of the path.
struct Pictures<'a> {
    exact: HashMap<&'a str, usize>,
    /// `None` where several pictures have the path.
    paths: HashMap<String, Option<usize>>,
    endings: HashMap<String, Option<usize>>,
}

impl<'a> Pictures<'a> {
    fn new(files: &'a [String]) -> Self {
        let mut pictures = Self { exact: HashMap::new(), paths: HashMap::new(), endings: HashMap::new() };
        for (i, file) in files.iter().enumerate() {
            pictures.exact.insert(file, i);
            // The name on the disk where it differs from what people are shown.
            let real = unescape(file).and_then(|bytes| String::from_utf8(bytes).ok());
            let forms: BTreeSet<String> = [Some(path(file)), real.map(|r| path(&r))].into_iter().flatten().collect();
            for form in forms {
                for (ending, whole) in endings(&form) {
                    let map = if whole { &mut pictures.paths } else { &mut pictures.endings };
                    let slot = map.entry(ending.to_owned()).or_insert(Some(i));
                    *slot = slot.filter(|&other| other == i);
                }
            }
        }
        pictures
    }

    /// The picture whose path ends as `path` does, as far as possible; `Some(None)` where there are several.
    fn by_ending(&self, path: &str) -> Option<Option<usize>> {
        endings(path).find_map(|(ending, _)| match (self.paths.get(ending), self.endings.get(ending)) {
            (None, found) => found.copied(),
            (found, None) => found.copied(),
            (Some(a), Some(b)) => Some(if a == b { *a } else { None }),
        })
    }
}

/// `a/b/c`, `b/c`, `c`, and whether it is the whole.
fn endings(path: &str) -> impl Iterator<Item = (&str, bool)> {
    let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
    starts.map(|at| (&path[at..], at == 0))
}

/// A path with `/` between its parts and neither empty parts nor `.` among them.
fn path(name: &str) -> String {
    name.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}
