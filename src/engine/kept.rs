//! What an engine keeps between commands, so that the next answer is quick: the device, the sentence network, and
//! what clustering needs of the last matrices.

use std::rc::Rc;
use std::sync::Arc;

use ndarray::ArrayView2;

use super::services::{TextNetwork, text_network};
use super::session::Session;
use super::{Engine, RunError, cache};
use crate::album::Album;
use crate::cluster::kmeans::{Centred, Squares};
use crate::device::{self, Selected};
use crate::protocol::{Cancel, DeviceChoice, Stage};
use crate::runtime::{ONE_THREAD, breathe};

/// Bytes of workings that are kept; those used last always are.
const MOST_BYTES: usize = 160 << 20;
/// Rows up to which the distances between all of them are worth their memory, 64 MB, where one thread computes: the next
/// k takes half the time, and its silhouette next to none. Many threads compute them as fast as they would read them.
const TABLE_ROWS: usize = 4_000;

/// What clustering needs of a matrix.
#[derive(Clone)]
pub(super) struct Workings {
    pub(super) centred: Arc<Centred<f32>>,
    /// The distances between all rows, where they are worth keeping.
    pub(super) squares: Option<Arc<Squares<f32>>>,
}

impl Workings {
    /// Of a matrix.
    pub(super) async fn of(matrix: ArrayView2<'_, f32>, session: &Session<'_>) -> Result<Self, RunError> {
        let centred = Arc::new(Centred::new(&matrix).map_err(|e| RunError::stage(Stage::Clusters)(&e))?);
        if !ONE_THREAD || matrix.nrows() > TABLE_ROWS {
            return Ok(Self { centred, squares: None });
        }
        let mut squares = Squares::new(&centred);
        while !squares.step(&centred) {
            session.check()?;
            breathe().await;
        }
        Ok(Self { centred, squares: Some(Arc::new(squares)) })
    }

    fn bytes(&self) -> usize {
        self.centred.bytes() + self.squares.as_ref().map_or(0, |squares| squares.bytes())
    }
}

#[derive(Default)]
pub(super) struct Kept {
    device: Option<(DeviceChoice, Selected)>,
    /// With its name.
    text: Option<(String, Rc<TextNetwork>)>,
    /// By matrix hash, the last used last.
    workings: Vec<(String, Workings)>,
}

impl Engine<'_> {
    /// The device for `choice`; for none, that of the last run, else the one that a run would take by itself.
    pub(super) async fn device(&self, choice: Option<DeviceChoice>) -> Result<Selected, RunError> {
        let known = self.kept.borrow().device.clone();
        match known {
            Some((of, selected)) if choice.is_none_or(|choice| choice == of) => Ok(selected),
            _ => {
                let choice = choice.unwrap_or_default();
                let selected = device::select(choice).await?;
                let mut kept = self.kept.borrow_mut();
                kept.text = None;
                kept.device = Some((choice, selected.clone()));
                Ok(selected)
            }
        }
    }

    /// The sentence network `name` on `device`, opened where it is not open yet.
    pub(super) fn sentences(&self, name: &str, device: &Selected) -> Result<Rc<TextNetwork>, RunError> {
        if let Some((_, text)) = self.kept.borrow().text.as_ref().filter(|(open, _)| open == name) {
            return Ok(Rc::clone(text));
        }
        // Not two at a time: weights are the largest thing in memory.
        self.forget_sentences();
        let text = Rc::new(text_network(self.models, name, device).map_err(RunError::Model)?);
        self.kept.borrow_mut().text = Some((name.to_owned(), Rc::clone(&text)));
        Ok(text)
    }

    /// Lets go of the sentence network: weights are the largest thing in memory.
    pub(super) fn forget_sentences(&self) {
        self.kept.borrow_mut().text = None;
    }

    /// Prepares for what is likely to be asked of `album` next: another k. Drop the future when something is asked.
    pub(super) async fn foresee_cell(&self, album: &Album) {
        let mut nobody = |_| {};
        let session = Session::new(self.store, Cancel::default(), &mut nobody);
        let shown = album.cells.get(album.main_cell);
        let matrix = shown.and_then(|cell| album.vectors.iter().find(|v| v.name == cell.representation));
        let matrix = matrix.filter(|matrix| matrix.is_read());
        if let Some(matrix) = matrix.map(|v| v.matrix.view()) {
            // What cannot be prepared is said when it is asked for.
            let _ = self.workings(&session, &cache::matrix_hash(matrix), matrix).await;
        }
    }

    /// What clustering needs of `matrix`, whose hash is `hash`.
    pub(super) async fn workings(
        &self,
        session: &Session<'_>,
        hash: &str,
        matrix: ArrayView2<'_, f32>,
    ) -> Result<Workings, RunError> {
        let known = self.kept.borrow().workings.iter().find(|(of, _)| of == hash).map(|(_, known)| known.clone());
        let workings = match known {
            Some(known) => known,
            None => Workings::of(matrix, session).await?,
        };
        let mut kept = self.kept.borrow_mut();
        kept.workings.retain(|(of, _)| of != hash);
        kept.workings.push((hash.to_owned(), workings.clone()));
        while kept.workings.len() > 1 && kept.workings.iter().map(|(_, w)| w.bytes()).sum::<usize>() > MOST_BYTES {
            kept.workings.remove(0);
        }
        Ok(workings)
    }
}
