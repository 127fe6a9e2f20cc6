//! Commands on an open album: none of them needs a network.

#![allow(clippy::unwrap_used)]

use ndarray::Array2;

use super::{Engine, Model, ModelSource, Pool, RunError, clusters};
use crate::album::studied::Studied;
use crate::album::{Album, Layout, Picture, Representation, RepresentationKind, TextColumn};
use crate::cluster::Clusterer;
use crate::cluster::kmeans::{KMeansParams, KMeansRun};
use crate::protocol::{Cancel, CellRequest, ClusterCount, Command, Event, Networks};
use crate::random::RandomState;
use crate::runtime::block_on;
use crate::store::MemoryStore;

struct NoModels;

impl ModelSource for NoModels {
    fn networks(&self) -> Networks {
        Networks::default()
    }

    fn open(&self, name: &str) -> Result<Model, String> {
        Err(format!("{name}: there are no models here"))
    }
}

/// Sixty pictures in four heaps, labelled by heap, with two representations.
fn album() -> Album {
    let mut rng = RandomState::new(5);
    let mut matrix = |spread: f64| {
        Array2::from_shape_fn((60, 6), |(i, f)| {
            (if i % 4 == f { 8.0 } else { 0.0 } + spread * rng.standard_normal()) as f32
        })
    };
    let representation =
        |name: &str, matrix| Representation { name: name.into(), kind: RepresentationKind::Image, texts: None, matrix };
    let vectors = vec![representation("near", matrix(0.5)), representation("far", matrix(1.5))];
    let layout = Layout {
        projector: "pca".into(),
        representation: "near".into(),
        points: Array2::zeros((60, 2)),
        kl: None,
        trustworthiness: None,
    };
    Album {
        title: "heaps".into(),
        version: String::new(),
        device: String::new(),
        parameters: Vec::new(),
        pictures: (0..60)
            .map(|i| Picture { file: format!("{i}.png"), label: Some(i % 4), hash: i.to_string() })
            .collect(),
        label_names: ["a", "b", "c", "d"].map(String::from).to_vec(),
        features: Vec::new(),
        texts: vec![TextColumn::new("tags", (0..60).map(|i| format!("heap {}", i % 4)).collect())],
        vectors,
        cells: Vec::new(),
        main_cell: 0,
        clusters: Vec::new(),
        name_quality: None,
        criteria: Vec::new(),
        layout,
        study: None,
        failures: Vec::new(),
        timings: Vec::new(),
    }
}

fn request(representation: &str, k: ClusterCount) -> Command {
    let (representation, clusterer) = (representation.to_owned(), "kmeans".to_owned());
    Command::Cell(CellRequest { representation, clusterer, k, seed: 782 })
}

/// Handles a command and gives what was told.
fn handle(engine: &Engine<'_>, command: Command, album: &mut Option<Album>) -> Result<Vec<Event>, RunError> {
    let mut events = Vec::new();
    block_on(engine.handle(command, album, &mut |event| events.push(event)))?;
    Ok(events)
}

fn clustered(events: &[Event]) -> Vec<(usize, Option<f64>)> {
    let of = |event: &Event| match event {
        Event::Clustered { cells, main_cell } => Some((*main_cell, cells[*main_cell].scores.silhouette)),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[test]
fn a_new_cell_shows_its_labels_first_and_is_found_again() {
    let store = MemoryStore::default();
    let engine = Engine::new(&NoModels, &store, &Pool, Cancel::default());
    let mut open = Some(album());
    let events = handle(&engine, request("near", ClusterCount::Labels), &mut open).unwrap();
    let told = clustered(&events);
    assert!(matches!(told.as_slice(), [(0, None), (0, Some(_))]), "{told:?}");
    let last_layout = events.iter().rposition(|e| matches!(e, Event::Layout { done, total, .. } if done == total));
    let first_clustered = events.iter().position(|e| matches!(e, Event::Clustered { .. }));
    assert!(first_clustered < last_layout);
    assert_eq!(events.last(), Some(&Event::Done));
    handle(&engine, request("near", ClusterCount::Fixed(3)), &mut open).unwrap();

    let album = open.as_ref().unwrap();
    assert_eq!((album.cells.len(), album.main_cell, album.clusters.len()), (2, 1, 3));
    assert_eq!(album.cells[0].scores.ari, Some(1.0));
    let mut run = KMeansRun::new(KMeansParams::new(3).random_state(782), &album.vectors[0].matrix).unwrap();
    run.run();
    assert_eq!(album.cells[1].labels, run.labels());

    let again = handle(&engine, request("near", ClusterCount::Fixed(4)), &mut open).unwrap();
    assert_eq!(clustered(&again).len(), 1, "known cells are not computed");
    let album = open.as_ref().unwrap();
    assert_eq!((album.cells.len(), album.main_cell, album.clusters.len()), (2, 0, 4));
    assert_eq!(album.clusters.iter().map(|c| c.purity).collect::<Vec<_>>(), [Some(1.0); 4]);
}

#[test]
fn the_map_follows_the_representation_and_k_can_be_found() {
    let store = MemoryStore::default();
    let engine = Engine::new(&NoModels, &store, &Pool, Cancel::default());
    let mut open = Some(album());
    handle(&engine, request("near", ClusterCount::Auto), &mut open).unwrap();
    let album = open.as_ref().unwrap();
    assert_eq!(album.cells[0].k, 4);
    assert!(!album.cells[0].k_curve.is_empty());
    assert_eq!(album.layout.representation, "near");
    handle(&engine, request("far", ClusterCount::Fixed(4)), &mut open).unwrap();
    let album = open.as_ref().unwrap();
    assert_eq!(album.layout.representation, "far");
    assert!(album.layout.points.iter().any(|v| *v != 0.0));
}

/// The album with two cells, as the first seed of a study that has mapped both representations.
fn studied(engine: &Engine<'_>) -> Album {
    let mut open = Some(album());
    let mut maps = Vec::new();
    for representation in ["near", "far"] {
        handle(engine, request(representation, ClusterCount::Fixed(4)), &mut open).unwrap();
        maps.push(open.as_ref().unwrap().layout.clone());
    }
    let mut album = open.unwrap();
    let clusters = (0..2).map(|cell| clusters(&album, cell).unwrap()).collect();
    let (title, about) = (String::new(), String::new());
    album.study = Some(Studied { title, about, rows: Vec::new(), clusters, maps });
    album
}

#[test]
fn a_study_shows_its_cells_without_their_matrices() {
    let store = MemoryStore::default();
    let engine = Engine::new(&NoModels, &store, &Pool, Cancel::default());
    let whole = studied(&engine);
    let mut lean = whole.clone();
    for vectors in &mut lean.vectors {
        vectors.matrix = Array2::zeros((0, vectors.matrix.ncols()));
    }
    // Nothing that an earlier engine kept helps this one.
    let store = MemoryStore::default();
    let engine = Engine::new(&NoModels, &store, &Pool, Cancel::default());
    let mut open = Some(lean.clone());
    for (main_cell, representation) in [(0, "near"), (1, "far"), (0, "near")] {
        let events = handle(&engine, request(representation, ClusterCount::Fixed(4)), &mut open).unwrap();
        assert_eq!(clustered(&events).len(), 1);
        let layouts = events.iter().filter(|event| matches!(event, Event::Layout { .. })).count();
        let (album, study) = (open.as_ref().unwrap(), whole.study.as_ref().unwrap());
        assert_eq!((album.main_cell, layouts), (main_cell, 1));
        assert_eq!((&album.clusters, &album.layout), (&study.clusters[main_cell], &study.maps[main_cell]));
    }
    block_on(engine.foresee(&open));
    // Anything else computes, and says on what.
    for command in [request("far", ClusterCount::Fixed(3)), Command::Map { representation: "far".into() }] {
        assert_eq!(Engine::unread(&command, &lean).as_deref(), Some("far"));
        assert!(matches!(handle(&engine, command, &mut open), Err(RunError::Unread(name)) if name == "far"));
    }
    assert!(matches!(handle(&engine, Command::TraceKMeans, &mut open), Err(RunError::Unread(_))));
    let mut open = Some(Album { vectors: whole.vectors, ..lean });
    handle(&engine, request("far", ClusterCount::Fixed(3)), &mut open).unwrap();
    assert_eq!(open.unwrap().clusters.len(), 3);
}

#[test]
fn a_trace_tells_every_iteration_from_the_first_centres_on() {
    let store = MemoryStore::default();
    let engine = Engine::new(&NoModels, &store, &Pool, Cancel::default());
    let mut open = Some(album());
    assert!(matches!(handle(&engine, Command::TraceKMeans, &mut open), Err(RunError::Lacking(_))));
    handle(&engine, request("far", ClusterCount::Fixed(5)), &mut open).unwrap();
    let events = handle(&engine, Command::TraceKMeans, &mut open).unwrap();
    let frame = |event: &Event| match event {
        Event::KMeans { iteration, inertia, labels, last } => Some((*iteration, *inertia, labels.clone(), *last)),
        _ => None,
    };
    let frames: Vec<_> = events.iter().filter_map(frame).collect();
    assert!(frames.len() > 1);
    for (i, pair) in frames.windows(2).enumerate() {
        assert!(pair[0].0 == i && pair[1].1 <= pair[0].1 + 1e-6 && !pair[0].3);
    }
    let (_, _, labels, last) = frames.last().unwrap();
    assert!(*last && labels.iter().all(|l| (0..5).contains(l)));
    assert!(matches!(frames[0].2.as_slice(), labels if labels.iter().all(|l| (0..5).contains(l))));
}

#[test]
fn what_is_lacking_is_said_and_the_album_stays_as_it_was() {
    let store = MemoryStore::default();
    let cancel = Cancel::default();
    let engine = Engine::new(&NoModels, &store, &Pool, cancel.clone());
    let search = || Command::Search { words: "a heap".into() };
    assert!(matches!(handle(&engine, search(), &mut None), Err(RunError::NoAlbum)));
    let mut open = Some(album());
    let error = handle(&engine, search(), &mut open).unwrap_err().to_string();
    assert!(error.contains("`tags`"), "{error}");
    let error = handle(&engine, request("other", ClusterCount::Auto), &mut open).unwrap_err().to_string();
    assert!(error.contains("near, far"), "{error}");
    assert!(matches!(handle(&engine, request("near", ClusterCount::Fixed(0)), &mut open), Err(RunError::Plan(_))));
    cancel.cancel();
    assert!(matches!(handle(&engine, request("far", ClusterCount::Fixed(4)), &mut open), Err(RunError::Cancelled)));
    assert_eq!(open, Some(album()));
}
