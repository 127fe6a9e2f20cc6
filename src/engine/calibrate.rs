//! What a network's layers read while pictures or texts run through it, by which a pack's weights are rounded.

use gistmap_models::burn::tensor::Device;
use gistmap_models::calibration::Calibration;
use gistmap_models::imagenet::class_names;
use gistmap_models::manifest::Role;

use super::captions::Gallery;
use super::services::{Model, built, built_of_texts};
use super::session::Session;
use super::{Engine, RunError, pictures, published, words};
use crate::collection::{Collection, Item};
use crate::describe::zero_shot;
use crate::device::{Compute, Selected};
use crate::protocol::{DeviceChoice, Event, Stage};
use crate::runtime::Stopwatch;
use crate::store::MemoryStore;

/// Pictures that are looked at, evenly spaced over the collection: more would tell little more.
const PICTURES: usize = 64;
/// The same of texts.
const TEXTS: usize = 512;
/// What networks are asked that answer questions.
const QUESTIONS: [&str; 4] =
    ["What is in this picture?", "What color is it?", "How many are there?", "Where was this picture taken?"];

/// What a network is calibrated by.
#[derive(Debug, Clone)]
pub enum Examples {
    /// A network that reads pictures.
    Pictures(Collection),
    /// A network that reads texts alone.
    Texts(Vec<String>),
}

/// Runs `examples` through the model `name`, on the processor.
pub(super) async fn calibrate(
    engine: &Engine<'_>,
    name: &str,
    examples: &Examples,
    emit: &mut dyn FnMut(Event),
) -> Result<Calibration, RunError> {
    // Nothing is read back: what layers read is only told when they compute.
    let store = MemoryStore::default();
    let mut session = Session::new(&store, engine.cancel.clone(), emit);
    // Not our own kernels: the layers of Burn's networks are those that tell.
    let chosen = engine.device(Some(DeviceChoice::Cpu)).await?;
    let device = Selected { compute: Compute::Burn(Device::flex()), ..chosen };
    let calibration = Calibration::default();
    let mut model = engine.models.open(name).map_err(RunError::Model)?;
    model.checkpoint.watch(&calibration);
    match (model.manifest.role, examples) {
        (Role::TextEncoder, Examples::Texts(texts)) => read(&mut session, model, &device, texts).await?,
        (Role::TextEncoder, _) => return Err(RunError::Lacking(format!("{name} reads no pictures, but texts"))),
        (_, Examples::Texts(_)) => return Err(RunError::Lacking(format!("{name} reads pictures"))),
        (Role::Captioner | Role::Answerer, Examples::Pictures(collection)) => {
            describe(engine, &mut session, model, &device, &some(&collection.items, PICTURES)).await?;
        }
        (_, Examples::Pictures(collection)) => {
            look(engine, &mut session, model, &device, &some(&collection.items, PICTURES)).await?;
        }
    }
    if calibration.matrices() == 0 {
        return Err(RunError::Lacking(format!(
            "{name} has no layers that can be calibrated, convolutions are rounded to the nearest: leave out --calibrate"
        )));
    }
    session.emit(Event::Done);
    Ok(calibration)
}

/// Texts to vectors.
async fn read(session: &mut Session<'_>, model: Model, device: &Selected, texts: &[String]) -> Result<(), RunError> {
    let clock = Stopwatch::start();
    let network = named(&model.manifest.name.clone(), built_of_texts(model, device))?;
    session.done(Stage::Models, clock);
    let clock = Stopwatch::start();
    words::embed(session, &network, &words::views(&some(texts, TEXTS))).await?;
    session.done(Stage::Words, clock);
    Ok(())
}

/// Pictures to captions, or to answers to questions.
async fn describe(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    model: Model,
    device: &Selected,
    items: &[Item],
) -> Result<(), RunError> {
    let clock = Stopwatch::start();
    let network = named(&model.manifest.name.clone(), published::speaking_network(model, device))?;
    session.done(Stage::Models, clock);
    let (pictures, _) = pictures::extract(session, items, (&[], &[]), engine.hands, device.batch).await?;
    let clock = Stopwatch::start();
    let gallery = Gallery { pictures: &pictures, items, hands: engine.hands };
    network.columns(session, gallery, &QUESTIONS.map(str::to_owned)).await?;
    session.done(Stage::Words, clock);
    Ok(())
}

/// Pictures to features, and names to vectors of the same space where the network reads them.
async fn look(
    engine: &Engine<'_>,
    session: &mut Session<'_>,
    model: Model,
    device: &Selected,
    items: &[Item],
) -> Result<(), RunError> {
    let clock = Stopwatch::start();
    let networks = [named(&model.manifest.name.clone(), built(model, device))?];
    session.done(Stage::Models, clock);
    pictures::extract(session, items, (&networks, &[]), engine.hands, device.batch).await?;
    if let Some(namer) = &networks[0].namer {
        let clock = Stopwatch::start();
        let prompts: Vec<String> = class_names().map(zero_shot::prompt).collect();
        words::embed(session, &namer.texts, &words::views(&prompts)).await?;
        session.done(Stage::Words, clock);
    }
    Ok(())
}

fn named<T>(name: &str, network: Result<T, String>) -> Result<T, RunError> {
    network.map_err(|error| RunError::Model(format!("{name}: {error}")))
}

/// At most `most` of `all`, evenly spaced.
fn some<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    all.iter().step_by(all.len().div_ceil(most).max(1)).cloned().collect()
}
