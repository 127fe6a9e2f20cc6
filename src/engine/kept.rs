//! What an engine keeps between commands, so that the next answer is quick: the device, the sentence network, and
//! what clustering needs of the last matrices.

use std::rc::Rc;
use std::sync::Arc;

use super::services::{TextNetwork, text_network};
use super::{Engine, RunError};
use crate::cluster::kmeans::{Centred, KMeansError};
use crate::device::{self, Selected};
use crate::protocol::DeviceChoice;
use ndarray::ArrayView2;

/// The network that turns sentences into vectors.
const SENTENCES: &str = "minilm";
/// Bytes of workings that are kept; those used last always are.
const MOST_BYTES: usize = 160 << 20;

#[derive(Default)]
pub(super) struct Kept {
    device: Option<(DeviceChoice, Selected)>,
    text: Option<Rc<TextNetwork>>,
    /// By matrix hash, the last used last.
    workings: Vec<(String, Arc<Centred<f32>>)>,
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

    /// The sentence network on `device`, opened where it is not open yet.
    pub(super) fn sentences(&self, device: &Selected) -> Result<Rc<TextNetwork>, RunError> {
        if let Some(text) = &self.kept.borrow().text {
            return Ok(Rc::clone(text));
        }
        let text = Rc::new(text_network(self.models, SENTENCES, device).map_err(RunError::Model)?);
        self.kept.borrow_mut().text = Some(Rc::clone(&text));
        Ok(text)
    }

    /// Lets go of the sentence network: weights are the largest thing in memory.
    pub(super) fn forget_sentences(&self) {
        self.kept.borrow_mut().text = None;
    }

    /// What K-Means needs of a matrix whose hash is `hash`.
    pub(super) fn centred(&self, hash: &str, matrix: ArrayView2<'_, f32>) -> Result<Arc<Centred<f32>>, KMeansError> {
        let mut kept = self.kept.borrow_mut();
        let workings = &mut kept.workings;
        let entry = match workings.iter().position(|(of, _)| of == hash) {
            Some(at) => workings.remove(at),
            None => (hash.to_owned(), Arc::new(Centred::new(&matrix)?)),
        };
        let centred = Arc::clone(&entry.1);
        workings.push(entry);
        while workings.len() > 1 && workings.iter().map(|(_, centred)| centred.bytes()).sum::<usize>() > MOST_BYTES {
            workings.remove(0);
        }
        Ok(centred)
    }
}
