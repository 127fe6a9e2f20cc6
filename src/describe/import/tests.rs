#![allow(clippy::unwrap_used)]
use super::{Format, ImportError, ImportSource, Problem, TextTable};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

fn csv(text: &str) -> Result<TextTable, ImportError> {
    TextTable::read(text.as_bytes(), Format::Csv, None)
}

fn json(text: &str) -> Result<TextTable, ImportError> {
    TextTable::read(text.as_bytes(), Format::JsonLines, None)
}

fn files(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn sources_are_taken_apart() {
    let parse = |text: &str| ImportSource::parse(text).map(|s| (s.path, s.format, s.column));
    assert_eq!(parse("a/texts.csv"), Ok(("a/texts.csv".into(), Format::Csv, None)));
    assert_eq!(parse("t.JSONL:mood"), Ok(("t.JSONL".into(), Format::JsonLines, Some("mood".into()))));
    assert_eq!(parse("C:\\a.csv:x:y"), Ok(("C:\\a.csv".into(), Format::Csv, Some("x:y".into()))));
    assert_eq!(parse("a.csv:b.csv"), Ok(("a.csv:b.csv".into(), Format::Csv, None)));
    assert_eq!(parse("a.csv:"), Err(ImportError::NoColumnName { path: "a.csv".into() }));
    for wrong in ["a.txt", "", "csv", "a.csvx:b"] {
        assert_eq!(parse(wrong), Err(ImportError::NotATable { path: wrong.into() }));
    }
}

#[test]
fn csv_has_columns_by_name_and_labels_are_no_texts() {
    let text = "\u{feff}label,caption,file,mood\r\ncat,\"a cat,\nasleep\",c/1.jpg,calm\r\ndog,a dog,d/1.jpg,\r\n";
    let table = csv(text).unwrap();
    assert_eq!(table.columns, ["caption", "mood"]);
    assert_eq!(table.left_out, ["label"]);
    assert_eq!(table.rows["c/1.jpg"], ["a cat, asleep", "calm"]);
    assert_eq!(table.rows["d/1.jpg"], ["a dog", ""]);
    assert!(table.problems.is_empty());
    let one = TextTable::read(text.as_bytes(), Format::Csv, Some("label")).unwrap();
    assert_eq!((one.columns, one.rows["d/1.jpg"].as_slice()), (files(&["label"]), files(&["dog"]).as_slice()));
    let unknown = TextTable::read(text.as_bytes(), Format::Csv, Some("moods")).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no column `moods`; the text columns are label, caption, mood");
}

#[test]
fn several_captions_become_sentences_and_repeated_ones_are_named() {
    let table = csv("image,caption\na.jpg,A girl\na.jpg,A child .\nb.jpg,A dog\na.jpg,A girl\na.jpg,Stairs\na.jpg,\n");
    let table = table.unwrap();
    assert_eq!(table.rows["a.jpg"], ["A girl. A child . Stairs"]);
    let named: Vec<String> = table.problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        named,
        [
            "line 5: a.jpg is there already, with the same text",
            "line 7: a.jpg is there already, and this line has no text"
        ]
    );
    let table = json("{\"file\":\"a\",\"t\":[\"x\",\"y\"]}\n{\"file\":\"a\",\"t\":\"z!\"}").unwrap();
    assert_eq!(table.rows["a"], ["x. y. z!"]);
}

#[test]
fn broken_csv_lines_are_named_and_the_rest_is_read() {
    let table = TextTable::read(b"file,t\na.jpg,x\nb.jpg\nc.jpg,\xff\n,y\nd.jpg,z,1\n", Format::Csv, None).unwrap();
    assert_eq!(table.rows.len(), 1);
    let lines: Vec<(u64, &str)> = table.problems.iter().map(|p| (p.line, p.what.as_str())).collect();
    assert_eq!(
        lines,
        [
            (3, "1 fields where the header has 2"),
            (4, "field 2 is not UTF-8 text"),
            (5, "the picture has no name"),
            (6, "3 fields where the header has 2")
        ]
    );
}

#[test]
fn broken_json_lines_are_named_and_the_rest_is_read() {
    let text = "\n{\"file\":\"a\",\"n\":3,\"t\":\"x\"}\nnonsense\n[1]\n{\"t\":\"x\"}\n{\"file\":7}\n{\"file\":\"b\"}";
    let table = json(text).unwrap();
    assert_eq!(table.columns, ["t"]);
    assert_eq!((table.rows["a"].as_slice(), table.rows["b"].as_slice()), (&files(&["x"])[..], &files(&[""])[..]));
    assert_eq!(table.problems.iter().map(|p| p.line).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_eq!(table.problems[2].to_string(), "line 5: no key names the picture");
    assert_eq!(table.problems[3].to_string(), "line 6: `file` does not name a picture");
}

#[test]
fn files_without_texts_are_errors() {
    assert_eq!(csv(" \n"), Err(ImportError::Empty));
    assert_eq!(csv("a,b\n1,2\n"), Err(ImportError::NoFileColumn { found: "a, b".into() }));
    assert_eq!(csv("file,label\n1,2\n"), Err(ImportError::NoTextColumn { found: "label".into() }));
    assert_eq!(csv("file,t\n"), Err(ImportError::Empty));
    assert_eq!(
        csv("file,t\nx\n").unwrap_err().to_string(),
        "no line could be read; line 2: 1 fields where the header has 2"
    );
    assert!(json("{}\n").unwrap_err().to_string().ends_with("line 1: no key names the picture"));
    assert_eq!(TextTable::read(b"\xff,file\n", Format::Csv, None), Err(ImportError::Header));
}

#[test]
fn names_are_matched_by_path_and_at_last_by_their_end() {
    let table = csv(concat!(
        "file,t\n",
        "cat/1.jpg,exact\n",
        "./cat//2.jpg,dot\n",
        "dog\\1.jpg,backslash\n",
        "images/dog/2.jpg,folder above\n",
        "3.jpg,base name\n",
        "4.jpg,two pictures\n",
        "x/5.jpg,one\n",
        "y/5.jpg,two\n",
        "nowhere.jpg,extra\n"
    ));
    let pictures =
        files(&["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg", "a/3.jpg", "a/4.jpg", "b/4.jpg", "5.jpg"]);
    let matched = table.unwrap().matched(&pictures);
    let texts = &matched.columns[0].texts;
    assert_eq!(texts[..], ["exact", "dot", "backslash", "folder above", "base name", "", "", ""]);
    let report = &matched.report;
    assert_eq!((report.matched, report.by_ending.len()), (5, 2));
    assert_eq!(report.missing, ["a/4.jpg", "b/4.jpg", "5.jpg"]);
    assert_eq!(report.extra, ["nowhere.jpg"]);
    assert_eq!(report.ambiguous, ["4.jpg", "x/5.jpg", "y/5.jpg"]);
    let shown = report.to_string();
    assert!(shown.starts_with("texts for 5 of 8 pictures; 2 by the end of the path alone"), "{shown}");
    assert!(shown.contains("(first: images/dog/2.jpg is dog/2.jpg)"), "{shown}");
    assert!(shown.ends_with("3 names in the file could be several pictures' (4.jpg, x/5.jpg, y/5.jpg)"), "{shown}");
}

#[test]
fn the_same_file_name_in_every_folder_is_no_obstacle() {
    let pictures = files(&["cat/0.jpg", "dog/0.jpg"]);
    let matched = csv("file,t\nimages/cat/0.jpg,c\nimages/dog/0.jpg,d\n").unwrap().matched(&pictures);
    assert_eq!(matched.columns[0].texts, ["c", "d"]);
    // The collection may lie deeper than the names of the file: a folder above them.
    let pictures = files(&["images/cat/0.jpg", "images/dog/0.jpg"]);
    let matched = csv("file,t\ncat/0.jpg,c\ndog/0.jpg,d\n").unwrap().matched(&pictures);
    assert_eq!(matched.columns[0].texts, ["c", "d"]);
}

#[test]
fn names_that_people_are_shown_escaped_match_as_they_lie_on_the_disk() {
    let pictures = files(&["a\\x07b.jpg", "c\\\\d.jpg"]);
    let table =
        json("{\"file\":\"a\\u0007b.jpg\",\"t\":\"bell\"}\n{\"file\":\"c\\\\d.jpg\",\"t\":\"backslash\"}").unwrap();
    assert_eq!(table.matched(&pictures).columns[0].texts, ["bell", "backslash"]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), json in any::<bool>()) {
        let format = if json { Format::JsonLines } else { Format::Csv };
        if let Ok(table) = TextTable::read(&bytes, format, None) {
            let names: Vec<String> = table.rows.keys().cloned().collect();
            prop_assert_eq!(table.matched(&names).report.matched, names.len());
        }
    }

    #[test]
    fn nearly_right_files_do_not_make_it_panic(
        lines in proptest::collection::vec("[ab./\\\\\"',:\\[\\]{}0]{0,12}", 0..20),
        header in proptest::sample::select(vec!["file,t", "t,file,u", "file", "{\"file\":\"a\",\"t\":\"b\"}"]),
        pictures in proptest::collection::vec("[ab./\\\\]{0,6}", 0..8),
        json in any::<bool>(),
    ) {
        let text = format!("{header}\n{}", lines.join("\n"));
        let format = if json { Format::JsonLines } else { Format::Csv };
        if let Ok(table) = TextTable::read(text.as_bytes(), format, None) {
            for row in table.rows.values() {
                prop_assert_eq!(row.len(), table.columns.len());
            }
            let matched = table.matched(&pictures);
            let report = &matched.report;
            prop_assert_eq!(report.matched + report.missing.len(), pictures.len());
            prop_assert!(report.matched + report.extra.len() + report.ambiguous.len() <= table.rows.len());
            prop_assert!(!report.to_string().is_empty());
        }
        let _ = ImportSource::parse(&text);
    }

    #[test]
    fn what_was_written_is_read(texts in proptest::collection::vec("[a-zé\",\n ]{0,12}", 1..8)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["file", "t"]).unwrap();
        for (i, text) in texts.iter().enumerate() {
            writer.write_record([format!("{i}.jpg").as_str(), text]).unwrap();
        }
        let table = TextTable::read(&writer.into_inner().unwrap(), Format::Csv, None).unwrap();
        for (i, text) in texts.iter().enumerate() {
            let clean = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(&table.rows[&format!("{i}.jpg")][0], &clean);
        }
    }
}
