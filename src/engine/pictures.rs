//! Pictures to features: the image networks over batches that the hands prepare, all of it overlapped.
//!
//! While one batch runs through the networks, the next is read, decoded and resized. Finished pictures are kept at
//! once, so a killed run loses at most two batches.

use gistmap_models::encoder::ImageOutput;
use ndarray::{Array2, ArrayView1, Axis, concatenate};

use super::cache::floats_to_bytes;
use super::services::ImageNetwork;
use super::session::Session;
use super::workbench::{Prepared, Workbench, thumbnail_key};
use super::{Hands, RunError};
use crate::album::Picture;
use crate::collection::Item;
use crate::protocol::{Event, Seen, Stage};
use crate::readback::{self, ReadbackError};
use crate::runtime::breathe;

/// What one network gave for every readable picture.
pub(super) struct Extracted {
    /// The network.
    pub(super) name: String,
    /// `[pictures, dimension]`.
    pub(super) features: Array2<f32>,
    /// `[pictures, classes]`.
    pub(super) logits: Array2<f32>,
}

/// Runs every picture through every network. Pictures that fail are set aside.
pub(super) async fn extract(
    session: &mut Session<'_>,
    items: &[Item],
    networks: &[ImageNetwork],
    hands: &dyn Hands,
    batch: usize,
) -> Result<(Vec<Picture>, Vec<Extracted>), RunError> {
    let bench = Workbench::new(networks, session.store);
    let mut passes: Vec<Pass> = networks.iter().map(|network| Pass { network, batch: batch.max(1) }).collect();
    let mut pictures = Vec::with_capacity(items.len());
    let mut rows: Vec<Vec<Array2<f32>>> = networks.iter().map(|_| Vec::new()).collect();
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
        cached += prepared.iter().filter(|p| p.known.iter().all(Option::is_some)).count();
        for (network, started) in outputs.into_iter().enumerate() {
            let computed = passes[network].finish(network, started, &prepared).await?;
            rows[network].push(place(session, &bench, network, &computed, &prepared));
        }
        let mut shown = Vec::with_capacity(prepared.len());
        for Prepared { picture, thumbnail, new_thumbnail, .. } in prepared {
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
    session.count(pictures.len(), cached);
    let extracted = networks.iter().zip(rows).map(|(network, rows)| assemble(network, &rows)).collect();
    Ok((pictures, extracted))
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
            let (features, logits) = (readback::read(features).await, readback::read(logits).await);
            let both = concatenate(Axis(1), &[features?.view(), logits?.view()]);
            parts.push(both.map_err(|e| ReadbackError::Shape(e.to_string()))?);
        }
        let views: Vec<_> = parts.iter().map(|p| p.view()).collect();
        concatenate(Axis(0), &views).map_err(|e| ReadbackError::Shape(e.to_string()))
    }
}
