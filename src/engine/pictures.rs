//! Pictures to features: the image networks over batches that the hands prepare, all of it overlapped; classical features
//! come from the hands ready made.
//!
//! While one batch runs through the networks, the next is read, decoded and resized. Finished pictures are kept at
//! once, so a killed run loses at most two batches.

use gistmap_models::encoder::ImageOutput;
use ndarray::{Array2, ArrayView1, Axis, concatenate};

use super::cache::floats_to_bytes;
use super::services::ImageNetwork;
use super::session::Session;
use super::workbench::{Prepared, Workbench, classical_key, thumbnail_key};
use super::{Hands, RunError};
use crate::album::Picture;
use crate::classical::Kind;
use crate::collection::Item;
use crate::protocol::{Event, Seen, Stage};
use crate::readback::{self, ReadbackError};
use crate::runtime::{Stopwatch, breathe};

/// What one network, or classical feature, gave for every readable picture.
pub(super) struct Extracted {
    /// Its name.
    pub(super) name: String,
    /// `[pictures, dimension]`.
    pub(super) features: Array2<f32>,
    /// `[pictures, classes]`; no columns for what does not classify.
    pub(super) logits: Array2<f32>,
}

/// Runs every picture through every network, and has every classical feature made of it: [`Stage::Pictures`]. Pictures that
/// fail are set aside; where all do, that is [`RunError::NoPictures`].
pub(super) async fn extract(
    session: &mut Session<'_>,
    items: &[Item],
    (networks, kinds): (&[ImageNetwork], &[Kind]),
    hands: &dyn Hands,
    batch: usize,
) -> Result<(Vec<Picture>, Vec<Extracted>), RunError> {
    let clock = Stopwatch::start();
    let bench = Workbench::new(networks, kinds, session.store);
    let mut passes: Vec<Pass> = networks.iter().map(|network| Pass { network, batch: batch.max(1) }).collect();
    let mut pictures = Vec::with_capacity(items.len());
    let mut rows: Vec<Vec<Array2<f32>>> = networks.iter().map(|_| Vec::new()).collect();
    let mut numbers: Vec<Vec<f32>> = kinds.iter().map(|_| Vec::new()).collect();
    let mut batches = items.chunks(batch.max(1));
    let mut next = match batches.next() {
        Some(items) => Some(hands.prepare(&bench, items, &mut || {}).await),
        None => None,
    };
    let (mut seen, mut cached) = (0, 0);
    while let Some(current) = next.take() {
        seen += current.len();
        let prepared: Vec<Prepared> =
            current.into_iter().filter_map(|p| p.map_err(|failure| session.failed(failure)).ok()).collect();
        let mut outputs = Vec::new();
        let mut start = || outputs = passes.iter().enumerate().map(|(n, pass)| pass.start(n, &prepared)).collect();
        match batches.next() {
            Some(items) => next = Some(hands.prepare(&bench, items, &mut start).await),
            None => start(),
        }
        let known = |p: &&Prepared| p.known.iter().all(Option::is_some) && p.features.iter().all(|(_, new)| !new);
        cached += prepared.iter().filter(known).count();
        for (network, started) in outputs.into_iter().enumerate() {
            let computed = passes[network].finish(network, started, &prepared).await?;
            rows[network].push(place(session, &bench, network, &computed, &prepared));
        }
        let mut shown = Vec::with_capacity(prepared.len());
        for Prepared { picture, features, thumbnail, new_thumbnail, .. } in prepared {
            for ((kind, (values, new)), numbers) in kinds.iter().zip(features).zip(&mut numbers) {
                if new {
                    session.keep(&classical_key(*kind, &picture.hash), &floats_to_bytes(values.iter().copied()));
                }
                numbers.extend(values);
            }
            if new_thumbnail {
                session.keep(&thumbnail_key(&picture), &thumbnail);
            }
            shown.push(Seen { file: picture.file.clone(), label: picture.label, thumbnail });
            pictures.push(picture);
        }
        session.emit(Event::Pictures(shown));
        session.progress(Stage::Pictures, seen, items.len(), cached)?;
        breathe().await;
    }
    if pictures.is_empty() {
        let first = session.failures.first().map(|f| format!("{}: {}", f.file, f.reason)).unwrap_or_default();
        return Err(RunError::NoPictures(items.len(), first));
    }
    session.count(pictures.len(), cached);
    let extracted = networks.iter().zip(rows).map(|(network, rows)| assemble(network, &rows));
    let count = pictures.len();
    let classical = kinds.iter().zip(numbers).map(|(kind, numbers)| matrix(*kind, count, numbers));
    let extracted = extracted.chain(classical).collect();
    session.done(Stage::Pictures, clock);
    Ok((pictures, extracted))
}

/// The matrix of a classical feature.
fn matrix(kind: Kind, pictures: usize, numbers: Vec<f32>) -> Extracted {
    // Every picture has all numbers of its kind.
    let features = Array2::from_shape_vec((pictures, kind.columns()), numbers);
    let features = features.unwrap_or_else(|_| Array2::zeros((pictures, kind.columns())));
    Extracted { name: kind.name().to_owned(), features, logits: Array2::zeros((pictures, 0)) }
}

/// One matrix of features and one of logits from the batches' rows.
fn assemble(network: &ImageNetwork, rows: &[Array2<f32>]) -> Extracted {
    let views: Vec<_> = rows.iter().map(|r| r.view()).collect();
    let all = concatenate(Axis(0), &views).unwrap_or_else(|_| Array2::zeros((0, network.columns())));
    let (features, logits) = all.view().split_at(Axis(1), network.dimension);
    Extracted { name: network.name.clone(), features: features.to_owned(), logits: logits.to_owned() }
}

/// `[pictures, features + logits]` in the pictures' order, from what is known and what was computed; the latter is kept.
fn place(
    session: &mut Session<'_>,
    bench: &Workbench<'_>,
    network: usize,
    computed: &Array2<f32>,
    prepared: &[Prepared],
) -> Array2<f32> {
    let mut rows = Array2::zeros((prepared.len(), computed.ncols()));
    let mut computed = computed.rows().into_iter();
    for (mut row, prepared) in rows.axis_iter_mut(Axis(0)).zip(prepared) {
        match &prepared.known[network] {
            Some(known) => row.assign(&ArrayView1::from(known)),
            None => {
                let Some(new) = computed.next() else { break };
                row.assign(&new);
                session.keep(&bench.key(network, &prepared.picture.hash), &floats_to_bytes(new.iter().copied()));
            }
        }
    }
    rows
}

/// One network going over the pictures, as many at a time as its device has room for.
struct Pass<'a> {
    network: &'a ImageNetwork,
    batch: usize,
}

impl Pass<'_> {
    /// Enqueues what is not known of a batch, in parts that fit the device.
    fn start(&self, index: usize, prepared: &[Prepared]) -> Vec<ImageOutput> {
        let unknown: Vec<&[u8]> =
            prepared.iter().map(|p| p.pixels[index].as_slice()).filter(|p| !p.is_empty()).collect();
        unknown.chunks(self.batch).map(|part| self.network.encoder.forward(&part.concat())).collect()
    }

    /// Waits for what was started: `[unknown pictures, features + logits]`. A device that fails, as it does where its
    /// memory is short, gets the batch again in halves, and smaller batches from then on.
    async fn finish(
        &mut self,
        index: usize,
        started: Vec<ImageOutput>,
        prepared: &[Prepared],
    ) -> Result<Array2<f32>, RunError> {
        let unknown = prepared.iter().filter(|p| !p.pixels[index].is_empty()).count();
        let mut read = self.read(started).await;
        while let Err(ReadbackError::Device(_)) = &read {
            let most = self.batch.min(unknown);
            if most < 2 {
                break;
            }
            self.batch = most / 2;
            read = self.read(self.start(index, prepared)).await;
        }
        read.map_err(RunError::from)
    }

    async fn read(&self, started: Vec<ImageOutput>) -> Result<Array2<f32>, ReadbackError> {
        let mut parts = vec![Array2::zeros((0, self.network.columns()))];
        for ImageOutput { features, logits } in started {
            let mut all = vec![readback::read(features).await?];
            if let Some(logits) = logits {
                all.push(readback::read(logits).await?);
            }
            let views: Vec<_> = all.iter().map(|part| part.view()).collect();
            parts.push(concatenate(Axis(1), &views).map_err(|e| ReadbackError::Shape(e.to_string()))?);
        }
        let views: Vec<_> = parts.iter().map(|p| p.view()).collect();
        concatenate(Axis(0), &views).map_err(|e| ReadbackError::Shape(e.to_string()))
    }
}
