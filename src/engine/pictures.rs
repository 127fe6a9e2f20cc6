//! Pictures to features: read, decode, resize and run the image networks, all of it overlapped.
//!
//! While one batch runs through the networks, the next is read, decoded and resized on the same pool of threads.
//! Finished pictures are kept at once, so a killed run loses at most two batches.

use std::cell::RefCell;

use gistmap_models::encoder::ImageOutput;
use ndarray::{Array2, ArrayView1, Axis, concatenate};
use rayon::prelude::*;

use super::RunError;
use super::cache::{self, bytes_to_floats, floats_to_bytes};
use crate::protocol::Stage;
use super::services::{ImageNetwork, ReadPicture};
use super::session::Session;
use crate::album::{Failure, Picture};
use crate::collection::{Content, Item};
use crate::image::{self, Limits, Preparer, Preprocess, Rgb};
use crate::readback;
use crate::store::{BlobStore, Key};

/// Side of the square thumbnails that the map shows, pixels.
const THUMBNAIL_SIDE: u32 = 64;

/// What one network gave for every readable picture.
pub(super) struct Extracted {
    /// The network.
    pub(super) name: String,
    /// `[pictures, dimension]`.
    pub(super) features: Array2<f32>,
    /// `[pictures, classes]`.
    pub(super) logits: Array2<f32>,
}

/// The key of a picture's thumbnail.
pub(super) fn thumbnail_key(picture: &Picture) -> Key {
    cache::key("thumbnail", &[&picture.hash, &THUMBNAIL_SIDE.to_string(), &Preprocess::VERSION.to_string()])
}

/// A picture on its way: what the store had, and pixels for the networks that have not seen it.
struct Prepared {
    picture: Picture,
    /// Features followed by logits, one for each network.
    known: Vec<Option<Vec<f32>>>,
    /// `[crop, crop, 3]`, one for each network, empty where the network's result is known.
    pixels: Vec<Vec<u8>>,
    thumbnail: Option<Vec<u8>>,
}

/// The stage's tools.
struct Studio<'a> {
    networks: &'a [ImageNetwork],
    preprocess: Vec<Preprocess>,
    read: &'a ReadPicture<'a>,
    store: &'a dyn BlobStore,
}

/// Runs every picture through every network. Pictures that fail are set aside.
pub(super) async fn extract(
    session: &mut Session<'_>,
    items: &[Item],
    networks: &[ImageNetwork],
    read: &ReadPicture<'_>,
    batch: usize,
) -> Result<(Vec<Picture>, Vec<Extracted>), RunError> {
    let preprocess =
        networks.iter().map(|n| Preprocess { resize_short: n.resize, crop: n.crop, ..Preprocess::default() }).collect();
    let studio = Studio { networks, preprocess, read, store: session.store };
    let mut pictures = Vec::with_capacity(items.len());
    let mut rows: Vec<Vec<Array2<f32>>> = networks.iter().map(|_| Vec::new()).collect();
    let mut batches = items.chunks(batch.max(1));
    let mut next = batches.next().map(|items| studio.prepare_all(items));
    let (mut seen, mut cached) = (0, 0);
    while let Some(current) = next.take() {
        seen += current.len();
        let prepared: Vec<Prepared> =
            current.into_iter().filter_map(|p| p.map_err(|failure| session.failed(failure)).ok()).collect();
        let following = batches.next();
        let (outputs, prepared_next) =
            rayon::join(|| studio.forward(&prepared), || following.map(|items| studio.prepare_all(items)));
        next = prepared_next;
        cached += prepared.iter().filter(|p| p.known.iter().all(Option::is_some)).count();
        for ((network, output), rows) in outputs.into_iter().enumerate().zip(&mut rows) {
            rows.push(studio.collect(session, network, output, &prepared).await?);
        }
        for prepared in prepared {
            if let Some(jpeg) = &prepared.thumbnail {
                session.keep(&thumbnail_key(&prepared.picture), jpeg);
            }
            pictures.push(prepared.picture);
        }
        session.progress(Stage::Pictures, seen, items.len(), cached)?;
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

impl Studio<'_> {
    fn key(&self, network: usize, hash: &str) -> Key {
        let ImageNetwork { weights, kernels, .. } = &self.networks[network];
        cache::key("features", &[hash, weights, kernels, &self.preprocess[network].key()])
    }

    fn prepare_all(&self, items: &[Item]) -> Vec<Result<Prepared, Failure>> {
        items.par_iter().map(|item| self.prepare(item)).collect()
    }

    fn prepare(&self, item: &Item) -> Result<Prepared, Failure> {
        let failed = |stage: &str, reason: String| Failure { file: item.file.clone(), stage: stage.to_owned(), reason };
        let content = (self.read)(&item.source).map_err(|e| failed("read", e.to_string()))?;
        let hash = match &content {
            Content::Encoded(bytes) | Content::Rgb8 { pixels: bytes, .. } => blake3::hash(bytes).to_hex().to_string(),
        };
        let picture = Picture { file: item.file.clone(), label: item.label, hash };
        let known: Vec<Option<Vec<f32>>> = (0..self.networks.len())
            .map(|network| {
                let bytes = self.store.get(&self.key(network, &picture.hash))?;
                bytes_to_floats(&bytes, self.networks[network].columns())
            })
            .collect();
        let mut prepared = Prepared { picture, known, pixels: vec![Vec::new(); self.networks.len()], thumbnail: None };
        if prepared.known.iter().all(Option::is_some) {
            return Ok(prepared);
        }
        let decoded = match &content {
            Content::Rgb8 { width, height, pixels } => Rgb::new(*width, *height, pixels.clone()),
            Content::Encoded(_) => None,
        };
        for (network, preprocess) in self.preprocess.iter().enumerate().filter(|(n, _)| prepared.known[*n].is_none()) {
            let mut pixels = vec![0; preprocess.bytes()];
            let cut = PREPARER.with_borrow_mut(|preparer| match (&content, &decoded) {
                (_, Some(rgb)) => preparer.crop(rgb, preprocess, &mut pixels).map_err(|e| e.to_string()),
                (Content::Encoded(bytes), None) => {
                    preparer.prepare(bytes, &Limits::default(), preprocess, &mut pixels).map_err(|e| e.to_string())
                }
                _ => Err("the record holds no picture".to_owned()),
            });
            cut.map_err(|reason| failed("decode", reason))?;
            // A picture without a thumbnail is shown as a point; it is no reason to set it aside.
            let square = || Rgb::new(preprocess.crop, preprocess.crop, pixels.clone());
            prepared.thumbnail =
                prepared.thumbnail.or_else(|| square().and_then(|rgb| image::thumbnail(&rgb, THUMBNAIL_SIDE).ok()));
            prepared.pixels[network] = pixels;
        }
        Ok(prepared)
    }

    /// Enqueues what is not known, for each network; `None` where everything is.
    fn forward(&self, prepared: &[Prepared]) -> Vec<Option<ImageOutput>> {
        let run = |(index, network): (usize, &ImageNetwork)| {
            let pixels = prepared.iter().map(|p| p.pixels[index].as_slice()).collect::<Vec<_>>().concat();
            (!pixels.is_empty()).then(|| network.encoder.forward(&pixels))
        };
        self.networks.iter().enumerate().map(run).collect()
    }

    /// Reads a batch back, keeps what is new and gives `[pictures, features + logits]` in the pictures' order.
    async fn collect(
        &self,
        session: &mut Session<'_>,
        network: usize,
        output: Option<ImageOutput>,
        prepared: &[Prepared],
    ) -> Result<Array2<f32>, RunError> {
        let columns = self.networks[network].columns();
        let mut rows = Array2::zeros((prepared.len(), columns));
        let computed = match output {
            Some(ImageOutput { features, logits }) => {
                let (features, logits) = (readback::read(features).await, readback::read(logits).await);
                let failed = |e: readback::ReadbackError| RunError::Network(e.to_string());
                let (features, logits) = (features.map_err(failed)?, logits.map_err(failed)?);
                concatenate(Axis(1), &[features.view(), logits.view()]).map_err(|e| RunError::Network(e.to_string()))?
            }
            None => Array2::zeros((0, columns)),
        };
        let mut computed = computed.rows().into_iter();
        for (mut row, prepared) in rows.axis_iter_mut(Axis(0)).zip(prepared) {
            match &prepared.known[network] {
                Some(known) => row.assign(&ArrayView1::from(known)),
                None => {
                    let Some(new) = computed.next() else { break };
                    row.assign(&new);
                    let key = self.key(network, &prepared.picture.hash);
                    session.keep(&key, &floats_to_bytes(new.iter().copied()));
                }
            }
        }
        Ok(rows)
    }
}

thread_local! {
    static PREPARER: RefCell<Preparer> = RefCell::new(Preparer::new());
}
