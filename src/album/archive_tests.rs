//! Albums that are written and opened again, and files that are damaged or meant to harm.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ndarray::Array2;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::album::digest::sha256;
use crate::album::files::files;
use crate::album::manifest::{FORMAT, ModelEntry};
use crate::album::studied::Studied;
use crate::album::{Album, Layout, Representation, RepresentationKind, open_without_matrices};
use crate::image::{Rgb, thumbnail};
use crate::protocol::Plan;
use crate::report::html::Thumbnails;
use crate::report::npy;
use crate::study::table::rows;

struct Grey;

impl Thumbnails for Grey {
    fn jpeg(&self, picture: usize) -> Option<Vec<u8>> {
        thumbnail(&Rgb::new(64, 64, vec![picture as u8 * 9; 64 * 64 * 3])?, 64).ok()
    }
}

fn album() -> Album {
    let mut album = crate::report::testing::album(13, 3, true);
    let matrix = |name: &str, kind, columns: usize| Representation {
        name: name.to_owned(),
        kind,
        texts: (kind == RepresentationKind::Fused).then(|| "tags".to_owned()),
        matrix: Array2::from_shape_fn((13, columns), |(i, j)| (i * 31 + j * 7) as f32 / 3.0 - 9.5),
    };
    album.features = vec![matrix("pixels", RepresentationKind::Image, 5)];
    album.vectors = vec![
        matrix("pixels@l2", RepresentationKind::Image, 4),
        matrix("pixels+tags@a/b", RepresentationKind::Fused, 2),
    ];
    album
}

/// The same album as the first seed of a study of both representations, by both clusterers.
fn studied() -> Album {
    let mut album = album();
    for mut cell in album.cells.clone() {
        cell.representation = "pixels+tags@a/b".to_owned();
        album.cells.push(cell);
    }
    let other = Layout { representation: "pixels+tags@a/b".to_owned(), ..album.layout.clone() };
    let maps = vec![album.layout.clone(), Layout { points: other.points.mapv(|v| v / 3.0), ..other }];
    let (title, about) = ("A <study>".to_owned(), "Of \"two\" parts.".to_owned());
    let clusters = vec![album.clusters.clone(); album.cells.len()];
    album.study = Some(Studied { title, about, rows: rows(&album.cells), clusters, maps });
    album
}

fn plan() -> Plan {
    Plan { seed: 7, ..Plan::default() }
}

fn models() -> Vec<ModelEntry> {
    vec![ModelEntry { name: "minilm".to_owned(), sha256: "ab".to_owned() }]
}

fn written(album: &Album, thumbnails: &dyn Thumbnails) -> Vec<u8> {
    write(&files(album, thumbnails), |files| Manifest::new(album, &plan(), models(), files)).unwrap()
}

/// The files of an archive, to be tampered with.
#[derive(Clone)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn of(archive: &[u8]) -> Self {
        let mut zip = ZipArchive::new(Cursor::new(archive)).unwrap();
        let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
        let read = |name: String| {
            let bytes = read_limited(zip.by_name(&name).unwrap(), 1 << 30).unwrap();
            (name, bytes)
        };
        Self(names.into_iter().map(read).collect())
    }

    /// Changes a file and what the manifest says of it, so that only its contents are wrong.
    fn replace(&mut self, path: &str, bytes: Vec<u8>) {
        self.edit(|manifest| {
            let entry = manifest["files"].as_array_mut().unwrap().iter_mut().find(|f| f["path"] == path).unwrap();
            entry["size"] = bytes.len().into();
            entry["sha256"] = sha256(&bytes).into();
        });
        self.0.insert(path.to_owned(), bytes);
    }

    fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let mut manifest: Value = serde_json::from_slice(&self.0[MANIFEST]).unwrap();
        change(&mut manifest);
        self.0.insert(MANIFEST.to_owned(), serde_json::to_vec(&manifest).unwrap());
    }

    fn error(mut self) -> String {
        open_source(&mut self).unwrap_err().to_string()
    }
}

impl Source for Memory {
    fn read(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        read_limited(&self.0.get(path).ok_or(SourceError::Missing)?[..], limit)
    }
}

#[test]
fn an_album_is_opened_as_it_was_written() {
    let album = album();
    let archive = written(&album, &Grey);
    let opened = open(Cursor::new(&archive)).unwrap();
    assert_eq!(opened.album, album);
    assert_eq!((&opened.plan, &opened.models), (&plan(), &models()));
    assert!(opened.thumbnails.tile(5).unwrap().iter().all(|v| v.abs_diff(45) <= 3));
    // What was opened is written as it was, but for the report, whose exemplars are smaller now.
    let (first, mut again) = (Memory::of(&archive), Memory::of(&written(&opened.album, &opened.thumbnails)));
    for (path, bytes) in &first.0 {
        assert!(["report.html", MANIFEST].contains(&path.as_str()) || again.0[path] == *bytes, "{path}");
    }
    assert_eq!(first.0.len(), again.0.len());
    let packed = pack(&mut again).unwrap();
    assert_eq!(Memory::of(&packed).0, again.0);
    assert_eq!(open(Cursor::new(packed)).unwrap().album, album);
}

#[test]
fn a_study_is_opened_as_it_was_written() {
    let album = studied();
    let archive = written(&album, &Grey);
    assert_eq!(open(Cursor::new(&archive)).unwrap().album, album);
    let file_name = super::super::files::map_path("pixels+tags@a/b");
    let whole = Memory::of(&archive);
    let mut changed = whole.clone();
    changed.0.get_mut(&file_name).unwrap()[20] ^= 1;
    assert!(changed.error().starts_with(&file_name));
    // The folder's file for the page is the same but for the features.
    let packed = pack_without_features(&mut whole.clone(), Cursor::new(Vec::new())).unwrap().into_inner();
    assert!(Memory::of(&packed).0.keys().all(|path| !path.starts_with(FEATURES)));
    let lean = open(Cursor::new(packed)).unwrap().album;
    assert_eq!(lean, Album { features: Vec::new(), ..album });
}

#[test]
fn a_study_that_disagrees_with_its_album_is_refused() {
    let whole = Memory::of(&written(&studied(), &Grey));
    let refused = |change: &dyn Fn(&mut Value), said: &str| {
        let mut wrong = whole.clone();
        wrong.edit(|manifest| change(&mut manifest["study"]));
        let error = wrong.error();
        assert!(error.starts_with(MANIFEST) && error.contains(said), "{error}");
    };
    refused(&|study| study["rows"][1]["clusterer"] = "magic".into(), "no cell pixels@l2/magic");
    refused(&|study| study["maps"][1]["representation"] = "else".into(), "no representation else");
    refused(&|study| study["maps"][1]["representation"] = "pixels@l2".into(), "is there twice");
    refused(&|study| study["clusters"][3][0]["exemplars"] = vec![13].into(), "names pictures that there are not");
    refused(&|study| study["clusters"] = vec![Value::Array(Vec::new()); 5].into(), "clusters of 5 cells");
}

#[test]
fn matrices_are_read_when_they_are_wanted() {
    let album = studied();
    let mut whole = Memory::of(&written(&album, &Grey));
    let mut opened = open_without_matrices(&mut whole).unwrap();
    let shapes = |of: &[Representation]| of.iter().map(|r| r.matrix.dim()).collect::<Vec<_>>();
    assert_eq!((shapes(&opened.album.vectors), shapes(&opened.album.features)), (vec![(0, 4), (0, 2)], vec![(0, 5)]));
    opened.unread.read(&mut whole, &mut opened.album, "pixels+tags@a/b").unwrap();
    assert!(!opened.album.vectors[0].is_read());
    assert_eq!(opened.album.vectors[1], album.vectors[1]);
    // One that is damaged is told when it is wanted, and what was read stays.
    let mut damaged = whole.clone();
    damaged.0.get_mut("vectors/pixels@l2.npy").unwrap()[130] ^= 1;
    let error = opened.unread.read(&mut damaged, &mut opened.album, "pixels@l2").unwrap_err().to_string();
    assert!(error.starts_with("vectors/pixels@l2.npy: damaged"), "{error}");
    opened.unread.read_all(&mut whole, &mut opened.album).unwrap();
    assert_eq!(opened.album, album);
    // More columns than a file has room for are not believed, and those of another file neither.
    for (columns, said) in [(u64::MAX, "are not in its"), (3, "says otherwise")] {
        let mut wrong = whole.clone();
        wrong.edit(|manifest| manifest["vectors"][0]["dimensions"] = columns.into());
        let error = wrong.error();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn every_changed_file_is_named() {
    let whole = Memory::of(&written(&album(), &Grey));
    let fused = super::super::files::vectors_path("pixels+tags@a/b");
    for path in ["features/pixels.npy", &fused, "texts/tags.csv", "layout.csv", "errors.csv"] {
        let mut changed = whole.clone();
        *changed.0.get_mut(path).unwrap().last_mut().unwrap() ^= 1;
        assert!(changed.error().starts_with(&format!("{path}: damaged, or changed since")), "{path}");
        let mut cut = whole.clone();
        cut.0.get_mut(path).unwrap().pop();
        assert!(cut.error().starts_with(path));
        let mut missing = whole.clone();
        missing.0.remove(path);
        assert_eq!(missing.error(), format!("{path}: it is missing; copy or save the album again"));
    }
    let mut none = whole.clone();
    none.0.remove(MANIFEST);
    assert!(none.error().starts_with("no album"));
    let mut unread = whole;
    unread.0.get_mut("report.html").unwrap()[0] ^= 1;
    assert!(pack(&mut unread).unwrap_err().to_string().starts_with("report.html: damaged"));
}

#[test]
fn other_formats_are_refused_with_advice() {
    let mut newer = Memory::of(&written(&album(), &Grey));
    newer.edit(|m| *m = serde_json::json!({"format": FORMAT + 1, "all": "else may differ"}));
    assert!(newer.error().contains("update this one"));
    let mut older = Memory::of(&written(&album(), &Grey));
    older.edit(|m| *m = serde_json::json!({"format": 1}));
    assert!(older.error().contains("run it again"));
}

#[test]
fn contents_that_cannot_be_are_refused() {
    let whole = Memory::of(&written(&album(), &Grey));
    let wrong = |path: &str, bytes: Vec<u8>, expected: &str| {
        let mut changed = whole.clone();
        changed.replace(path, bytes);
        let error = changed.error();
        assert!(error.starts_with(path) && error.contains(expected), "{error}");
    };
    let (features, texts) = ("features/pixels.npy", "texts/tags.csv");
    wrong(features, npy::write(Array2::zeros((12, 5)).view()), "12 x 5");
    wrong(features, npy::write(Array2::zeros((13, 0)).view()), "13 x 0");
    wrong(features, npy::write(Array2::from_elem((13, 5), f32::NAN).view()), "row 0 holds NaN");
    wrong(features, b"PK".to_vec(), "NumPy");
    let layout = String::from_utf8(whole.0["layout.csv"].clone()).unwrap();
    wrong("layout.csv", layout.replace(",-50,", ",inf,").into_bytes(), "\"inf\" is not a place");
    wrong("layout.csv", layout.replace("class/9.jpg", "class/x.jpg").into_bytes(), "row 10 is not that of class/9.jpg");
    wrong(texts, b"file,text\na,b\n".to_vec(), "1 rows for 13 pictures");
    wrong(texts, b"file,text\na\n".to_vec(), "found record with 1 fields");
    wrong(texts, b"file,text\n\xff,b\n".to_vec(), "UTF-8");
    wrong(texts, Vec::new(), "begin with file,text");
    wrong("errors.csv", b"file,stage,reason\n".to_vec(), "0 rows where album.json says 1");
}

#[test]
fn manifests_that_contradict_themselves_are_refused() {
    let whole = Memory::of(&written(&album(), &Grey));
    let wrong = |pointer: &str, value: Value, expected: &str| {
        let mut changed = whole.clone();
        changed.edit(|m| *m.pointer_mut(pointer).unwrap() = value);
        let error = changed.error();
        assert!(error.contains(expected), "{pointer}: {error}");
    };
    wrong("/pictures/2/label", 3.into(), "its label is not one of the 3");
    wrong("/cells/0/labels/4", 13.into(), "13 is not a cluster");
    wrong("/cells/0/labels/4", (-2).into(), "-2 is not a cluster");
    wrong("/cells/1/labels", Value::Array(Vec::new()), "0 clusters for 13 pictures");
    wrong("/cells/1/representation", "x".into(), "no such representation");
    wrong("/cells/1/k", 14.into(), "14 clusters of 13");
    wrong("/cells/1/k", (-1).into(), "album.json: damaged");
    wrong("/main_cell", 2.into(), "main_cell is 2");
    wrong("/layout/representation", "x".into(), "no representation x");
    wrong("/clusters/0/exemplars/0", 13.into(), "names pictures");
    wrong("/vectors/1/name", "pixels@l2".into(), "pixels@l2 is there twice");
    wrong("/pictures", Value::Array(Vec::new()), "names no picture");
    wrong("/features/0/path", "other.npy".into(), "other.npy: it is not in the list");
    let mut outside = whole.clone();
    outside.edit(|m| {
        m["features"][0]["path"] = "../../etc/passwd".into();
        m["files"][0]["path"] = "../../etc/passwd".into();
    });
    assert!(outside.error().contains("leads out of the album"));
    let mut large = whole.clone();
    large.edit(|m| m["files"][1]["size"] = u64::MAX.into());
    assert!(large.error().contains("too large"));
}

#[test]
fn an_archive_that_inflates_beyond_what_it_says_is_cut_off() {
    let files = Memory::of(&written(&album(), &Grey)).0;
    let packed = |prefix: &str, bomb: Option<&str>| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in &files {
            let zeros = vec![0; 64 << 20];
            add(&mut zip, &format!("{prefix}{path}"), if bomb == Some(path) { &zeros } else { bytes }).unwrap();
        }
        finish(zip).unwrap().into_inner()
    };
    let bomb = packed("", Some("texts/tags.csv"));
    assert!(bomb.len() < 1 << 20);
    let error = open(Cursor::new(bomb)).unwrap_err().to_string();
    assert!(error.starts_with("texts/tags.csv: it has more than the") && error.contains("expected"), "{error}");
    // A file manager packs the folder, not what is in it.
    assert_eq!(open(Cursor::new(packed("out/", None))).unwrap().album, album());
}

#[test]
fn archives_for_more_than_4_gib_are_refused() {
    for at in [0, 5, (1 << 20) - 10, (1 << 20) + 3] {
        let mut archive = vec![0; at];
        archive.extend_from_slice(b"PK\x06\x07................PK\x05\x06");
        archive.extend_from_slice(&[0; 18]);
        assert!(open(Cursor::new(archive)).unwrap_err().to_string().contains("zip64"), "{at}");
    }
    assert!(open(Cursor::new(b"no archive")).unwrap_err().to_string().starts_with("no album file"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damage_is_an_error_or_harmless(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        thread_local!(static WHOLE: Vec<u8> = written(&album(), &Grey));
        let mut archive = WHOLE.with(Clone::clone);
        for (at, mask) in &flips {
            let at = at.index(archive.len());
            archive[at] ^= mask;
        }
        if let Some(cut) = cut {
            archive.truncate(cut.index(archive.len()));
        }
        // Bytes that nothing is read from may be anything; all else is noticed.
        if let Ok(opened) = open(Cursor::new(archive)) {
            assert_eq!(opened.album, album());
        }
    }

    #[test]
    fn any_manifest_is_an_error_or_an_album(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), b' '..=b'~'), 1..4),
    ) {
        thread_local!(static WHOLE: Memory = Memory::of(&written(&album(), &Grey)));
        let mut files = WHOLE.with(Clone::clone);
        let manifest = files.0.get_mut(MANIFEST).unwrap();
        for (at, byte) in &flips {
            let at = at.index(manifest.len());
            manifest[at] = *byte;
        }
        if let Ok(opened) = open_source(&mut files) {
            // Whatever it says now, everything that is made of an album can be made of it.
            assert!(!written(&opened.album, &opened.thumbnails).is_empty());
        }
    }
}
