//! CSV to rows.

use super::{ImportError, Line, Problem, Rows, file_column};
use csv::{ByteRecord, ReaderBuilder};

/// Reads a CSV with a header; a record of another length than the header's, or not UTF-8, is a problem.
pub(super) fn read(bytes: &[u8]) -> Result<Rows, ImportError> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|_| ImportError::Header)?.clone();
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    let Some(file) = file_column(&names) else {
        return Err(ImportError::NoFileColumn { found: names.join(", ") });
    };
    // The place of each field among the text columns; the file's own has none.
    let columns: Vec<String> = names.iter().enumerate().filter(|(i, _)| *i != file).map(|(_, n)| (*n).into()).collect();
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    let mut record = ByteRecord::new();
    loop {
        let number = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let number = record.position().map_or(number, csv::Position::line);
                match line(&record, number, names.len(), file) {
                    Ok(line) => lines.push(line),
                    Err(what) => problems.push(Problem { line: number, what }),
                }
            }
            // Reading from memory does not fail; were it to, the rest could not be found.
            Err(error) => {
                problems.push(Problem { line: number, what: error.to_string() });
                break;
            }
        }
    }
    Ok(Rows { columns, lines, problems })
}

fn line(record: &ByteRecord, number: u64, fields: usize, file: usize) -> Result<Line, String> {
    if record.len() != fields {
        return Err(format!("{} fields where the header has {fields}", record.len()));
    }
    let text = |i: usize| {
        std::str::from_utf8(&record[i]).map(str::trim).map_err(|_| format!("field {} is not UTF-8 text", i + 1))
    };
    let name = text(file)?;
    if name.is_empty() {
        return Err("the picture has no name".to_owned());
    }
    let others = (0..fields).filter(|&i| i != file).enumerate();
    let texts = others.map(|(column, i)| text(i).map(|t| (column, vec![t.to_owned()]))).collect::<Result<_, _>>()?;
    Ok(Line { number, file: name.to_owned(), texts })
}
