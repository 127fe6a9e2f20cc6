//! The session: one command after the other, from the first message to the end of the page.

use std::collections::BTreeSet;
use std::rc::Rc;

use gistmap::album::sheets::Sheets;
use gistmap::album::view::AlbumView;
use gistmap::album::{Album, OpenError, Unread};
use gistmap::collection::{Collection, CollectionError};
use gistmap::engine::{Engine, ModelSource, RunError, StoredThumbnails};
use gistmap::protocol::{Command, DeviceChoice, Event, Plan};
use gistmap::report::html::Thumbnails;
use gistmap::runtime::{Stopwatch, breathe};
use gistmap::store::BlobStore;
use gistmap_web::protocol::{FromEngine, ToEngine, Trouble};
use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::WorkerGlobalScope;

use super::album::{self, AlbumFile, Origin};
use super::desk::Desk;
use super::fetch::FetchError;
use super::files::Files;
use super::mail::{Inbox, send, send_failure};
use super::packs::Packs;
use super::speed::Speed;
use super::{adapter, open, results};

/// The model that a search by words needs.
const SENTENCES: &str = "minilm";
/// Seconds between two words about progress: steps may be shorter, and the page has more to do than to count them.
const TELL_EVERY: f64 = 0.05;
const STOPPED: &str = "stopped; what was computed is kept, and the next run goes on from there";

/// What is open besides the album itself.
enum Opened {
    Nothing,
    /// Pictures, and the plan that made the album of them.
    Pictures(Collection, Option<Plan>),
    /// An album file.
    File(Box<OpenFile>),
}

/// An album file, and what was found in it.
struct OpenFile {
    origin: Origin,
    thumbnails: Sheets,
    file: AlbumFile,
    unread: Unread,
}

struct Session<'a> {
    scope: WorkerGlobalScope,
    desk: Rc<Desk>,
    store: &'a dyn BlobStore,
    packs: &'a Packs,
    engine: &'a Engine<'a>,
    speed: Speed<'a>,
    opened: Opened,
    album: Option<Album>,
}

/// Looks at the machine, says what is there, and carries out what comes, for as long as the page lives.
pub(crate) async fn run(scope: WorkerGlobalScope, desk: Rc<Desk>, inbox: Rc<Inbox>) {
    let adapter = adapter::find(&scope).await;
    if adapter.as_ref().is_some_and(|adapter| !adapter.software) {
        gistmap_models::adapter_is_a_gpu();
    }
    let (store, note) = results::open(&scope).await;
    let packs = Packs::new(scope.clone(), adapter.clone());
    let engine = Engine::new(&packs, store.as_ref(), &desk.hands, desk.cancel.clone());
    let speed = Speed::new(store.as_ref(), adapter.as_ref());
    let (webgpu, about) = speed.about();
    send(&FromEngine::Ready { webgpu, about });
    if let Some(note) = note {
        send(&FromEngine::Event(Event::Note(note)));
    }
    let (store, packs, engine) = (store.as_ref(), &packs, &engine);
    let (opened, album) = (Opened::Nothing, None);
    let mut session = Session { scope, desk: desk.clone(), store, packs, engine, speed, opened, album };
    session.tell_models(packs.look(&desk.cancel).await).await;
    loop {
        let message = inbox.next(engine.foresee(&session.album)).await;
        desk.begin();
        if let Err((trouble, what)) = session.carry_out(message).await {
            send_failure(trouble, what);
        }
        desk.end();
    }
}

type Outcome = Result<(), (Trouble, String)>;

impl Session<'_> {
    async fn carry_out(&mut self, message: ToEngine) -> Outcome {
        match message {
            ToEngine::Open { title, paths, files } => self.open_dropped(&title, &paths, &files),
            ToEngine::OpenSample => self.open_sample().await,
            ToEngine::OpenAlbum { file } => self.open_album(&file).await,
            ToEngine::Run { plan } => self.run(plan).await,
            ToEngine::Cell(request) => self.command(Command::Cell(request), BTreeSet::new(), true).await,
            ToEngine::Search { words } => {
                self.command(Command::Search { words }, [SENTENCES.to_owned()].into(), false).await
            }
            ToEngine::TraceKMeans => self.command(Command::TraceKMeans, BTreeSet::new(), false).await,
            ToEngine::Export { path } => self.export(&path),
            ToEngine::PullModel { model } => {
                let pulled = self.packs.ensure(&[model].into(), &self.desk.cancel, &fetching).await;
                self.tell_models(pulled.map(|_| ())).await;
                Ok(())
            }
            ToEngine::BringModel { file } => {
                let brought = self.packs.bring(&file, &fetching).await;
                self.tell_models(brought.map_err(FetchError::Failed)).await;
                Ok(())
            }
            ToEngine::RemoveModel { model } => {
                self.packs.remove(&model).await;
                self.tell_models(Ok(())).await;
                Ok(())
            }
            // Answered where they arrive, also while a command runs.
            ToEngine::Cancel => Ok(()),
            ToEngine::Picture { picture } => {
                self.desk.send_picture(picture);
                Ok(())
            }
        }
    }

    fn open_dropped(&mut self, title: &str, paths: &[String], files: &Array) -> Outcome {
        let files = Files::of(files).map_err(input)?;
        let collection = open::dropped(title, paths, &files).map_err(|e: CollectionError| input(e.to_string()))?;
        self.lay_open(collection, files);
        Ok(())
    }

    async fn open_sample(&mut self) -> Outcome {
        let collection = open::sample(&self.scope, &self.desk.cancel).await.map_err(not_fetched)?;
        self.lay_open(collection, Files::default());
        Ok(())
    }

    fn lay_open(&mut self, collection: Collection, files: Files) {
        self.desk.lay_open(&collection, files);
        self.album = None;
        send(&FromEngine::Opened {
            title: collection.title.clone(),
            pictures: collection.items.len(),
            label_names: collection.label_names.clone(),
            ignored: collection.ignored,
            album: false,
        });
        self.opened = Opened::Pictures(collection, None);
    }

    async fn open_album(&mut self, file: &JsValue) -> Outcome {
        let (opened, file) = album::open(file).map_err(input)?;
        let nothing = Collection::default();
        self.desk.lay_open(&nothing, Files::default());
        send(&FromEngine::Opened {
            title: opened.album.title.clone(),
            pictures: opened.album.pictures.len(),
            label_names: opened.album.label_names.clone(),
            ignored: 0,
            album: true,
        });
        for event in album::pictures(&opened) {
            send(&FromEngine::Event(event));
            breathe().await;
        }
        let origin = Origin { plan: opened.plan, models: opened.models };
        let (thumbnails, unread) = (opened.thumbnails, opened.unread);
        self.opened = Opened::File(Box::new(OpenFile { origin, thumbnails, file, unread }));
        self.album = Some(opened.album);
        self.send_album();
        Ok(())
    }

    /// Tells the page how the models stand, and what went wrong with them.
    async fn tell_models(&self, outcome: Result<(), FetchError>) {
        let trouble = match outcome {
            Err(FetchError::Failed(what)) => Some(what),
            Ok(()) | Err(FetchError::Stopped) => None,
        };
        send(&FromEngine::Models { lines: self.packs.lines().await, networks: self.packs.networks(), trouble });
    }

    async fn run(&mut self, mut plan: Plan) -> Outcome {
        let Opened::Pictures(collection, made_by) = &mut self.opened else {
            return Err(input("open pictures first: drop a folder, or try the sample".to_owned()));
        };
        // The processor is the faster choice where WebGPU is software, but not all networks run on it here.
        if plan.device == DeviceChoice::Auto && self.packs.has_gpu() && self.packs.need_gpu(&plan.models()) {
            plan.device = DeviceChoice::Wgpu;
        }
        *made_by = Some(plan.clone());
        let command = Command::Run { collection: collection.clone(), plan: plan.clone(), imports: Vec::new() };
        self.command(command, plan.models(), true).await
    }

    /// Reads matrices of an opened album file that have been left in it.
    fn read(&mut self, what: impl FnOnce(&mut Unread, &mut AlbumFile, &mut Album) -> Result<(), OpenError>) -> Outcome {
        match (&mut self.opened, &mut self.album) {
            (Opened::File(open), Some(album)) => {
                what(&mut open.unread, &mut open.file, album).map_err(|e| input(e.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Has the engine carry out a command; the album is sent afterwards where it has changed.
    async fn command(&mut self, command: Command, models: BTreeSet<String>, changes: bool) -> Outcome {
        if self.packs.ensure(&models, &self.desk.cancel, &fetching).await.map_err(not_fetched)? {
            self.tell_models(Ok(())).await;
        }
        if let Some(name) = self.album.as_ref().and_then(|album| Engine::unread(&command, album)) {
            self.read(|unread, file, album| unread.read(file, album, &name))?;
        }
        let (desk, speed) = (&self.desk, &mut self.speed);
        let mut told = Stopwatch::start();
        let mut emit = |event: Event| {
            desk.hear(&event);
            speed.hear(&event);
            if let Event::Progress { done, total, .. } = &event {
                if told.seconds() < TELL_EVERY && done < total {
                    return;
                }
                told = Stopwatch::start();
            }
            send(&FromEngine::Event(event));
        };
        self.engine.handle(command, &mut self.album, &mut emit).await.map_err(|error| match error {
            RunError::Cancelled => (Trouble::Stopped, STOPPED.to_owned()),
            RunError::DeviceLost(_) => (Trouble::Device, error.to_string()),
            RunError::Device(_) => input(format!("{error}; choose CPU as the device, or update the browser")),
            other => input(other.to_string()),
        })?;
        if changes {
            self.send_album();
        }
        Ok(())
    }

    fn send_album(&self) {
        let Some(album) = &self.album else { return };
        let files = self.with_thumbnails(album, |thumbnails| album::paths(album, thumbnails));
        send(&FromEngine::Album { view: Box::new(AlbumView::from(album)), files });
    }

    fn export(&mut self, path: &str) -> Outcome {
        self.read(|unread, file, album| unread.read_all(file, album))?;
        let nothing = || input("there is no album to save yet; run first".to_owned());
        let album = self.album.as_ref().ok_or_else(nothing)?;
        let origin = match &self.opened {
            Opened::Pictures(_, Some(plan)) => {
                Origin { plan: plan.clone(), models: self.packs.entries(&plan.models()) }
            }
            Opened::File(open) => open.origin.clone(),
            _ => return Err(nothing()),
        };
        let file = self.with_thumbnails(album, |thumbnails| album::make(path, album, thumbnails, origin));
        send(&file.map_err(input)?);
        Ok(())
    }

    fn with_thumbnails<T>(&self, album: &Album, act: impl FnOnce(&dyn Thumbnails) -> T) -> T {
        match &self.opened {
            Opened::File(open) => act(&open.thumbnails),
            Opened::Pictures(collection, _) => {
                act(&StoredThumbnails::new(album, collection, self.store, &self.desk.hands))
            }
            Opened::Nothing => act(&StoredThumbnails::new(album, &Collection::default(), self.store, &self.desk.hands)),
        }
    }
}

fn fetching(name: &str, done: u64, total: u64) {
    send(&FromEngine::Fetching { name: name.to_owned(), done, total });
}

fn input(what: String) -> (Trouble, String) {
    (Trouble::Input, what)
}

fn not_fetched(error: FetchError) -> (Trouble, String) {
    match error {
        FetchError::Stopped => (Trouble::Stopped, STOPPED.to_owned()),
        FetchError::Failed(what) => input(what),
    }
}
