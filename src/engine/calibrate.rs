//! What a network's layers read while pictures run through it, by which a pack's weights are rounded.

use gistmap_models::calibration::Calibration;
use gistmap_models::imagenet::class_names;
use gistmap_models::manifest::Role;

use super::captions::Gallery;
use super::services::built;
use super::session::Session;
use super::{Engine, RunError, pictures, published, words};
use crate::collection::{Collection, Item};
use crate::describe::zero_shot;
use crate::protocol::{DeviceChoice, Event, Stage};
use crate::runtime::Stopwatch;
use crate::store::MemoryStore;

/// Pictures that are looked at, evenly spaced over the collection: more would tell little more.
const PICTURES: usize = 64;
/// What networks are asked that answer questions.
const QUESTIONS: [&str; 4] =
    ["What is in this picture?", "What color is it?", "How many are there?", "Where was this picture taken?"];

/// Runs `collection` through the model `name`, on the processor.
pub(super) async fn calibrate(
    engine: &Engine<'_>,
    name: &str,
    collection: &Collection,
    emit: &mut dyn FnMut(Event),
) -> Result<Calibration, RunError> {
    // Nothing is read back: what layers read is only told when they compute.
    let store = MemoryStore::default();
    let mut session = Session::new(&store, engine.cancel.clone(), emit);
    let clock = Stopwatch::start();
    let device = engine.device(Some(DeviceChoice::Cpu)).await?;
    let calibration = Calibration::default();
    let mut model = engine.models.open(name).map_err(RunError::Model)?;
    model.checkpoint.watch(&calibration);
    let failed = |error: String| RunError::Model(format!("{name}: {error}"));
    let step = collection.items.len().div_ceil(PICTURES).max(1);
    let items: Vec<Item> = collection.items.iter().step_by(step).cloned().collect();
    let role = model.manifest.role;
    let unread = match role {
        Role::TextEncoder => return Err(RunError::Lacking(format!("{name} reads no pictures: leave out --calibrate"))),
        Role::Captioner | Role::Answerer => {
            let network = published::speaking_network(model, &device).map_err(failed)?;
            session.done(Stage::Models, clock);
            let clock = Stopwatch::start();
            let nothing = (&[][..], &[][..]);
            let (pictures, _) = pictures::extract(&mut session, &items, nothing, engine.hands, device.batch).await?;
            session.done(Stage::Pictures, clock);
            let clock = Stopwatch::start();
            let gallery = Gallery { pictures: &pictures, items: &items, hands: engine.hands };
            network.columns(&mut session, gallery, &QUESTIONS.map(str::to_owned)).await?;
            session.done(Stage::Words, clock);
            pictures.is_empty()
        }
        Role::ImageEncoder | Role::ImageFeatures | Role::ImageTextEncoder => {
            let networks = [built(model, &device).map_err(failed)?];
            session.done(Stage::Models, clock);
            let clock = Stopwatch::start();
            let (pictures, _) =
                pictures::extract(&mut session, &items, (&networks, &[]), engine.hands, device.batch).await?;
            session.done(Stage::Pictures, clock);
            if let Some(namer) = &networks[0].namer {
                let clock = Stopwatch::start();
                let prompts: Vec<String> = class_names().map(zero_shot::prompt).collect();
                words::embed(&mut session, &namer.texts, &words::views(&prompts)).await?;
                session.done(Stage::Words, clock);
            }
            pictures.is_empty()
        }
    };
    if unread {
        let first = session.failures.first().map(|f| format!("{}: {}", f.file, f.reason)).unwrap_or_default();
        return Err(RunError::NoPictures(items.len(), first));
    }
    if calibration.matrices() == 0 {
        return Err(RunError::Lacking(format!(
            "{name} has no layers that can be calibrated, convolutions are rounded to the nearest: leave out --calibrate"
        )));
    }
    emit(Event::Done);
    Ok(calibration)
}
