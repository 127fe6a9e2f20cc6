//! JSON Lines to rows.

use super::{ImportError, Line, Problem, Rows, file_column};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Reads one object a line; empty lines are none. A line that is no object, or names no picture, is a problem.
pub(super) fn read(bytes: &[u8]) -> Result<Rows, ImportError> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let number = i as u64 + 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(line) {
            Ok((file, texts)) => found.push((number, file, texts)),
            Err(what) => problems.push(Problem { line: number, what }),
        }
    }
    let names: BTreeSet<&String> = found.iter().flat_map(|(_, _, texts)| texts.iter().map(|(name, _)| name)).collect();
    let columns: Vec<String> = names.into_iter().cloned().collect();
    let place = |name: &String| columns.binary_search(name).unwrap_or_default();
    let lines = found
        .into_iter()
        .map(|(number, file, texts)| {
            let texts = texts.into_iter().map(|(name, text)| (place(&name), text)).collect();
            Line { number, file, texts }
        })
        .collect::<Vec<_>>();
    match problems.first() {
        Some(first) if lines.is_empty() => Err(ImportError::NothingRead { first: first.clone() }),
        _ => Ok(Rows { columns, lines, problems }),
    }
}

type NamedTexts = Vec<(String, Vec<String>)>;

fn parse(line: &[u8]) -> Result<(String, NamedTexts), String> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8 text".to_owned())?;
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|e| format!("not a JSON object ({e})"))?;
    let names: Vec<&String> = object.keys().collect();
    let key = file_column(&names).map(|at| names[at].clone()).ok_or("no key names the picture")?;
    let file = match object.get(&key).and_then(Value::as_str).map(str::trim) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => return Err(format!("`{key}` does not name a picture")),
    };
    let others = object.into_iter().filter(|(name, _)| *name != key);
    let texts = others.filter_map(|(name, value)| texts(value).map(|t| (name, t))).collect();
    Ok((file, texts))
}

/// A string, or a list of strings; `None` for anything else.
fn texts(value: Value) -> Option<Vec<String>> {
    let text = |value: Value| if let Value::String(text) = value { Some(text) } else { None };
    match value {
        Value::Array(items) => items.into_iter().map(text).collect(),
        other => text(other).map(|t| vec![t]),
    }
}
