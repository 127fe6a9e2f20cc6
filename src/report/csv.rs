//! Tables as CSV (RFC 4180 with `\n` line ends, UTF-8, a header line).
//!
//! A cell is quoted when it has a comma, a quote or a line break. Lists in one cell are joined by `;`; a
//! list with an item that is empty, has a `;` or a control character, or starts with `[`, is a JSON array
//! instead ([`parse_list`] reads both). Numbers are written so that they read back exactly.

use crate::album::{Album, Picture, TextColumn};
use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;
use std::borrow::Cow;
use std::fmt::Write;
use std::io;

/// Rows formatted by one task.
const ROWS_PER_TASK: usize = 256;
/// Tasks whose text is in memory before it is written.
const TASKS_AT_ONCE: usize = 16;

/// `labels.csv`: `file,label`, then one column for each cell, named `representation/clusterer`.
///
/// `label` is the folder's name, empty without one; clusters count from 0, noise is -1.
pub fn labels(album: &Album) -> String {
    let mut header = vec!["file".to_owned(), "label".to_owned()];
    header.extend(album.cells.iter().map(|c| format!("{}/{}", c.representation, c.clusterer)));
    let mut out = String::new();
    row(&mut out, header.iter().map(String::as_str));
    for (i, picture) in album.pictures.iter().enumerate() {
        let label = picture.label.and_then(|l| album.label_names.get(l as usize)).map_or("", String::as_str);
        let mut cells = vec![Cow::Borrowed(picture.file.as_str()), Cow::Borrowed(label)];
        cells.extend(
            album.cells.iter().map(|c| c.labels.get(i).map_or(Cow::Borrowed(""), |l| Cow::Owned(l.to_string()))),
        );
        row(&mut out, cells.iter().map(Cow::as_ref));
    }
    out
}

/// `scores.csv`: `representation,clusterer,k,seed,n,acc,nmi,ari,kappa,silhouette,loss,seconds`.
///
/// The four label scores are empty where there are no labels; `n` is the number of pictures.
pub fn scores(album: &Album) -> String {
    let mut out = "representation,clusterer,k,seed,n,acc,nmi,ari,kappa,silhouette,loss,seconds\n".to_owned();
    for cell in &album.cells {
        let s = &cell.scores;
        let mut cells = vec![cell.representation.clone(), cell.clusterer.clone()];
        cells.extend([cell.k.to_string(), cell.seed.to_string(), album.pictures.len().to_string()]);
        cells.extend([s.acc, s.nmi, s.ari, s.kappa, s.silhouette, s.loss].map(optional));
        cells.push(format!("{:.6}", cell.seconds));
        row(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// `clusters.csv`: `cluster,size,name,keywords,exemplars,purity,named_by` of the main cell.
///
/// `keywords` and `exemplars` (files, nearest the centre first) are lists; see the module's text. `named_by` is the
/// language model that gave the name, empty where it is gistmap's own.
pub fn clusters(album: &Album) -> String {
    let mut out = "cluster,size,name,keywords,exemplars,purity,named_by\n".to_owned();
    for cluster in &album.clusters {
        let files = cluster.exemplars.iter().filter_map(|&i| album.pictures.get(i));
        let files: Vec<&str> = files.map(|p| p.file.as_str()).collect();
        let keywords: Vec<&str> = cluster.keywords.iter().map(String::as_str).collect();
        let numbers = [cluster.cluster.to_string(), cluster.size.to_string()];
        let by = cluster.named_by.clone().unwrap_or_default();
        let lists = [list(&keywords), list(&files), optional(cluster.purity), by];
        let cells = numbers.iter().chain([&cluster.name]).chain(&lists);
        row(&mut out, cells.map(String::as_str));
    }
    out
}

/// `k_distances.csv`: `representation,clusterer,k,rank,distance,knee` of the cells whose `eps` was read off a curve.
///
/// `distance` is that of the picture of this rank, counted from 0, to its `k`th nearest other; `knee` is 1 at `eps`.
pub fn k_distances(album: &Album) -> String {
    let mut out = "representation,clusterer,k,rank,distance,knee\n".to_owned();
    for cell in &album.cells {
        let Some(curve) = &cell.k_distances else { continue };
        for (rank, distance) in &curve.points {
            let knee = u8::from(*rank == curve.knee);
            let numbers = [curve.k.to_string(), rank.to_string(), distance.to_string(), knee.to_string()];
            let names = [&cell.representation, &cell.clusterer];
            row(&mut out, names.into_iter().chain(&numbers).map(String::as_str));
        }
    }
    out
}

/// `layout.csv`, and `maps/<name>.csv` of a study's maps: `file,x,y`; `points` is `[pictures, 2]`.
pub fn layout(pictures: &[Picture], points: ArrayView2<'_, f32>) -> String {
    let mut out = "file,x,y\n".to_owned();
    for (picture, point) in pictures.iter().zip(points.axis_iter(Axis(0))) {
        cell(&mut out, &picture.file);
        for value in point {
            let _ = write!(out, ",{value}");
        }
        out.push('\n');
    }
    out
}

/// `errors.csv`: `file,stage,reason` of what could not be used.
pub fn errors(album: &Album) -> String {
    let mut out = "file,stage,reason\n".to_owned();
    for failure in &album.failures {
        row(&mut out, [failure.file.as_str(), &failure.stage, &failure.reason].into_iter());
    }
    out
}

/// Writes `features/<name>.csv` to `out`: `file,f0,f1,...`, one line a picture, a few thousand lines in memory at a time.
///
/// `matrix` is `[pictures, dimensions]`; each value reads back to the same `f32`.
///
/// # Errors
/// Those of `out`.
pub fn features(album: &Album, matrix: ArrayView2<'_, f32>, out: &mut dyn io::Write) -> io::Result<()> {
    let header: String = (0..matrix.ncols()).map(|j| format!(",f{j}")).collect();
    writeln!(out, "file{header}")?;
    let rows_at_once = ROWS_PER_TASK * TASKS_AT_ONCE;
    for (pictures, rows) in album.pictures.chunks(rows_at_once).zip(matrix.axis_chunks_iter(Axis(0), rows_at_once)) {
        let parts: Vec<String> = pictures
            .par_chunks(ROWS_PER_TASK)
            .enumerate()
            .map(|(task, pictures)| lines(pictures, rows.slice(s![task * ROWS_PER_TASK.., ..])))
            .collect();
        parts.iter().try_for_each(|part| out.write_all(part.as_bytes()))?;
    }
    Ok(())
}

fn lines(pictures: &[Picture], rows: ArrayView2<'_, f32>) -> String {
    let mut part = String::with_capacity(pictures.len() * (rows.ncols() * 12 + 40));
    for (picture, values) in pictures.iter().zip(rows.rows()) {
        cell(&mut part, &picture.file);
        for value in values {
            let _ = write!(part, ",{value}");
        }
        part.push('\n');
    }
    part
}

/// `texts/<name>.csv`: `file,text`, and `probability` where it is known, one line a picture.
pub fn texts(album: &Album, column: &TextColumn) -> String {
    let texts = album.pictures.iter().zip(&column.texts);
    let Some(probabilities) = &column.probabilities else {
        let mut out = "file,text\n".to_owned();
        texts.for_each(|(picture, text)| row(&mut out, [picture.file.as_str(), text].into_iter()));
        return out;
    };
    let mut out = "file,text,probability\n".to_owned();
    for ((picture, text), probability) in texts.zip(probabilities) {
        row(&mut out, [picture.file.as_str(), text, &probability.to_string()].into_iter());
    }
    out
}

/// Items as one cell: joined by `;`, or a JSON array where that would be ambiguous.
pub fn list(items: &[&str]) -> String {
    let plain = |item: &&str| !item.is_empty() && !item.contains(|c: char| c == ';' || c.is_control());
    if items.iter().all(plain) && !items.first().is_some_and(|first| first.starts_with('[')) {
        items.join(";")
    } else {
        serde_json::Value::from(items).to_string()
    }
}

/// The items of a cell that [`list`] wrote; `None` when it starts like JSON and is not an array of strings.
pub fn parse_list(cell: &str) -> Option<Vec<String>> {
    match cell {
        "" => Some(Vec::new()),
        json if json.starts_with('[') => serde_json::from_str(json).ok(),
        joined => Some(joined.split(';').map(str::to_owned).collect()),
    }
}

pub(super) fn optional(value: Option<f64>) -> String {
    value.filter(|v| v.is_finite()).map_or(String::new(), |v| v.to_string())
}

pub(super) fn row<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (i, text) in cells.enumerate() {
        if i > 0 {
            out.push(',');
        }
        cell(out, text);
    }
    out.push('\n');
}

fn cell(out: &mut String, text: &str) {
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{clusters, errors, features, k_distances, labels, layout, list, parse_list, scores, texts};
    use crate::cluster::k_distance::KDistanceCurve;
    use crate::report::testing::{NASTY, album};
    use ndarray::array;
    use proptest::prelude::proptest;

    /// Header and rows as the csv crate reads them.
    fn read(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let strings = |r: &csv::StringRecord| r.iter().map(str::to_owned).collect::<Vec<_>>();
        let header = strings(reader.headers().unwrap());
        (header, reader.records().map(|r| strings(&r.unwrap())).collect())
    }

    #[test]
    fn labels_round_trip_nasty_names() {
        let (header, rows) = read(&labels(&album(12, 2, true)));
        assert_eq!(header, ["file", "label", "pixels@l2/kmeans", "pixels@l2/gmm"]);
        assert_eq!(rows.len(), 12);
        for (row, name) in rows.iter().zip(NASTY) {
            assert_eq!(row[0], name);
        }
        assert_eq!(rows[10], ["class/10.jpg", "three", "-1", "-1"]);
        let (_, rows) = read(&labels(&album(12, 2, false)));
        assert_eq!(rows[3][1..], ["", "1", "1"]);
    }

    #[test]
    fn scores_have_the_promised_columns() {
        let text = scores(&album(4, 2, true));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("representation,clusterer,k,seed,n,acc,nmi,ari,kappa,silhouette,loss,seconds"));
        assert_eq!(lines.next(), Some("pixels@l2,kmeans,2,782,4,0.6,0.30000000000000004,0.4,0.2,0.125,0.75,1.500000"));
        assert!(scores(&album(4, 2, false)).contains("\npixels@l2,kmeans,2,782,4,,,,,0.125,0.75,1.500000\n"));
    }

    #[test]
    fn clusters_list_files_that_read_back() {
        let mut album = album(12, 2, true);
        album.clusters[0].named_by = Some("a model, somewhere".into());
        let (header, rows) = read(&clusters(&album));
        assert_eq!(header, ["cluster", "size", "name", "keywords", "exemplars", "purity", "named_by"]);
        assert_eq!([&rows[0][6], &rows[1][6]], ["a model, somewhere", ""]);
        assert_eq!(rows[0][0], "-1");
        assert_eq!(parse_list(&rows[0][4]).unwrap(), ["class/10.jpg"]);
        assert_eq!(parse_list(&rows[1][4]).unwrap(), [NASTY[0], NASTY[2], NASTY[4]]);
        assert_eq!(parse_list(&rows[1][3]).unwrap(), ["ice cream", "a;b", "x&y"]);
        assert_eq!(rows[1][5], "0.5");
    }

    #[test]
    fn other_tables() {
        let album = album(3, 2, false);
        assert_eq!(read(&layout(&album.pictures, album.layout.points.view())).1[1], [NASTY[1], "-13", "-2"]);
        assert_eq!(read(&errors(&album)).1, [["<img src=x>.jpg", "decode", "it's \"cut\" off"]]);
        assert_eq!(read(&texts(&album, &album.texts[0])).1[2], [NASTY[2], "text 2 </script>"]);
        let likely = super::TextColumn { probabilities: Some(vec![0.5, 0.25, 1.0]), ..album.texts[0].clone() };
        assert_eq!(read(&texts(&album, &likely)).1[1], [NASTY[1], "text 1 </script>", "0.25"]);
        let mut curved = album.clone();
        let distances: Vec<f64> = (0..100).map(|i| 0.5 + f64::from(i).powi(4) / 1e8).collect();
        curved.cells[1].k_distances = KDistanceCurve::new(&distances, 4);
        let (header, rows) = read(&k_distances(&curved));
        assert_eq!(header, ["representation", "clusterer", "k", "rank", "distance", "knee"]);
        assert_eq!((rows.len(), rows[0].join(",").as_str()), (100, "pixels@l2,gmm,4,0,0.5,0"));
        assert_eq!(rows.iter().filter(|row| row[5] == "1").count(), 1);
        let x = array![[0.1_f32, -1e-30], [f32::MAX, 2.0], [1.0 / 3.0, 0.0]];
        let mut written = Vec::new();
        features(&album, x.view(), &mut written).unwrap();
        let (header, rows) = read(&String::from_utf8(written).unwrap());
        assert_eq!(header, ["file", "f0", "f1"]);
        for (row, values) in rows.iter().zip(x.rows()) {
            assert_eq!(row[1..].iter().map(|v| v.parse::<f32>().unwrap()).collect::<Vec<_>>(), values.to_vec());
        }
    }

    proptest! {
        #[test]
        fn lists_round_trip(items in proptest::collection::vec("[a;,\\[\"\\n\u{e9}]{0,4}", 0..5)) {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            assert_eq!(parse_list(&list(&items)).unwrap(), items);
        }

        #[test]
        fn any_file_name_round_trips(name in "\\PC*|[,\"\r\n;]{1,6}") {
            let mut album = album(1, 1, false);
            album.pictures[0].file = name.clone();
            let mut reader = csv::Reader::from_reader(labels(&album).into_bytes().leak() as &[u8]);
            assert_eq!(&reader.records().next().unwrap().unwrap()[0], name);
        }
    }
}
