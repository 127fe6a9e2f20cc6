//! Model packs: fetched from the page's own origin once, checked, kept, and opened for the engine.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use gistmap::album::manifest::ModelEntry;
use gistmap::engine::{Model, ModelSource, networks};
use gistmap::protocol::{Cancel, Networks};
use gistmap::runtime::Stopwatch;
use gistmap::store::SegmentFile;
use gistmap_models::checkpoint::Checkpoint;
use gistmap_models::manifest::{self, Manifest};
use gistmap_models::precision::Precision;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use web_sys::WorkerGlobalScope;

use super::fetch::{self, FetchError};
use super::opfs::{Folder, OpfsFile};

/// The list of packs, beside the worker's script.
const INDEX: &str = "packs/packs.json";
/// Where packs are kept between visits.
const FOLDER: &str = "packs";
/// The quantization for devices that compute in half precision.
const HALF: &str = "f16";
/// Seconds between two words about a download.
const TELL_EVERY: f64 = 0.1;

/// A file that `packs.json` lists.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Listed {
    /// The model's name, or a file's name within the model.
    name: String,
    /// File beside `packs.json`.
    file: String,
    /// Lower-case hexadecimal.
    sha256: String,
    bytes: u64,
}

/// A model in one quantization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Pack {
    #[serde(flatten)]
    weights: Listed,
    quantization: String,
    /// What the model needs besides its weights.
    #[serde(default)]
    files: Vec<Listed>,
}

impl Pack {
    fn all(&self) -> impl Iterator<Item = &Listed> {
        std::iter::once(&self.weights).chain(&self.files)
    }
}

/// Where the bytes of a checked file are.
#[derive(Debug)]
enum Kept {
    Memory(Vec<u8>),
    Disk(OpfsFile),
}

/// The packs that this page offers.
pub(crate) struct Packs {
    scope: WorkerGlobalScope,
    /// The quantization that is taken where there is a choice.
    preferred: &'static str,
    manifests: Vec<Manifest>,
    index: RefCell<Vec<Pack>>,
    /// Checked files by sha256.
    kept: RefCell<BTreeMap<String, Kept>>,
}

impl Packs {
    /// Nothing is fetched yet; `f16` says whether the device computes in half precision.
    pub(crate) fn new(scope: WorkerGlobalScope, f16: bool) -> Self {
        let preferred = if f16 { HALF } else { "q8" };
        // The built-in manifests are proven valid by a test of `gistmap-models`.
        let manifests = manifest::all().unwrap_or_default();
        Self { scope, preferred, manifests, index: RefCell::default(), kept: RefCell::default() }
    }

    /// Makes sure that `models` can be opened; `progress` hears of the model, bytes so far and bytes in all, while
    /// something is fetched.
    ///
    /// # Errors
    /// When a pack cannot be had, or `cancel` asks to stop.
    pub(crate) async fn ensure(
        &self,
        models: &BTreeSet<String>,
        cancel: &Cancel,
        progress: &dyn Fn(&str, u64, u64),
    ) -> Result<(), FetchError> {
        if self.index.borrow().is_empty() {
            let json = fetch::whole(&self.scope, INDEX, cancel).await?;
            let list = serde_json::from_slice(&json).map_err(|e| FetchError::Failed(format!("{INDEX}: {e}")))?;
            self.index.replace(list);
        }
        let folder = Folder::open(&self.scope, FOLDER).await.ok();
        if let Some(folder) = &folder {
            self.drop_old(folder).await;
        }
        for model in models {
            let pack = self.pack(model).map_err(FetchError::Failed)?;
            let total = pack.all().map(|file| file.bytes).sum();
            let mut before = 0;
            for file in pack.all() {
                if !self.kept.borrow().contains_key(&file.sha256) {
                    let tell = |done: u64| progress(model, before + done, total);
                    let kept = self.get(file, folder.as_ref(), cancel, &tell).await?;
                    self.kept.borrow_mut().insert(file.sha256.clone(), kept);
                }
                before += file.bytes;
            }
        }
        Ok(())
    }

    /// What an album says of the models that it was made with.
    pub(crate) fn entries(&self, models: &BTreeSet<String>) -> Vec<ModelEntry> {
        let packs = models.iter().filter_map(|model| self.pack(model).ok());
        packs.map(|pack| ModelEntry { name: pack.weights.name, sha256: pack.weights.sha256 }).collect()
    }

    /// Removes what an earlier release of the page left.
    async fn drop_old(&self, folder: &Folder) {
        let listed: BTreeSet<String> =
            self.index.borrow().iter().flat_map(|pack| pack.all().map(|f| f.sha256.clone())).collect();
        for name in folder.names().await.into_iter().filter(|name| !listed.contains(name)) {
            folder.remove(&name).await;
        }
    }

    fn pack(&self, model: &str) -> Result<Pack, String> {
        let index = self.index.borrow();
        let of_model = || index.iter().filter(|pack| pack.weights.name == model);
        let pack = of_model().find(|pack| pack.quantization == self.preferred).or_else(|| of_model().next());
        pack.cloned().ok_or_else(|| format!("this page has no model `{model}`; reload it, or choose another model"))
    }

    /// A checked file, from the private file system or the network.
    async fn get(
        &self,
        file: &Listed,
        folder: Option<&Folder>,
        cancel: &Cancel,
        tell: &dyn Fn(u64),
    ) -> Result<Kept, FetchError> {
        if let Some(folder) = folder
            && let Some(kept) = read_checked(folder, file).await
        {
            return Ok(kept);
        }
        tell(0);
        let mut bytes = Vec::with_capacity(file.bytes as usize);
        let mut hash = Sha256::new();
        let path = format!("packs/{}", file.file);
        let mut told = Stopwatch::start();
        fetch::stream(&self.scope, &path, cancel, |part| {
            hash.update(part);
            bytes.extend_from_slice(part);
            if told.seconds() > TELL_EVERY {
                told = Stopwatch::start();
                tell((bytes.len() as u64).min(file.bytes));
            }
        })
        .await?;
        tell(file.bytes);
        let found = hexadecimal(&hash.finalize());
        if found != file.sha256 {
            let (count, expected) = (bytes.len(), file.bytes);
            let what = format!("{path} came damaged ({count} of {expected} bytes, sha256 {found}); reload this page");
            return Err(FetchError::Failed(what));
        }
        let Some(folder) = folder else { return Ok(Kept::Memory(bytes)) };
        // A pack that cannot be kept (another tab keeps it just now, no space) serves this visit all the same.
        let written = match folder.claim(&file.sha256).await {
            Ok(mut target) => target.write_at(0, &bytes).is_ok(),
            Err(_) => false,
        };
        match folder.read(&file.sha256).await {
            Some(kept) if written => Ok(Kept::Disk(kept)),
            _ => Ok(Kept::Memory(bytes)),
        }
    }

    /// The bytes of a file that [`Packs::ensure`] has checked.
    fn bytes(&self, file: &Listed) -> Result<Vec<u8>, String> {
        let failed =
            |why: &str| format!("the file {} of the model cannot be read ({why}); reload this page", file.file);
        match self.kept.borrow_mut().get_mut(&file.sha256) {
            Some(Kept::Memory(bytes)) => Ok(bytes.clone()),
            Some(Kept::Disk(disk)) => read_all(disk).map_err(|e| failed(&e.to_string())),
            None => Err(failed("it has not been fetched")),
        }
    }
}

impl ModelSource for Packs {
    fn networks(&self) -> Networks {
        networks(self.manifests.iter().filter(|m| self.pack(&m.name).is_ok()))
    }

    fn open(&self, name: &str) -> Result<Model, String> {
        let known = self.manifests.iter().find(|m| m.name == name);
        let manifest = known.ok_or_else(|| format!("there is no model `{name}` for this"))?.clone();
        let pack = self.pack(name)?;
        let checkpoint =
            Checkpoint::from_safetensors(&self.bytes(&pack.weights)?).map_err(|e| format!("{name}: {e}"))?;
        let files = pack.files.iter().map(|file| Ok((file.name.clone(), self.bytes(file)?)));
        let files = files.collect::<Result<_, String>>()?;
        // Results depend on the weights as they are packed.
        let precision = if pack.quantization == HALF { Precision::F16 } else { Precision::F32 };
        Ok(Model { manifest, weights: pack.weights.sha256, checkpoint, precision, files })
    }
}

/// A file that an earlier visit kept, when it is whole.
async fn read_checked(folder: &Folder, file: &Listed) -> Option<Kept> {
    let mut disk = folder.read(&file.sha256).await?;
    if disk.size().ok()? != file.bytes {
        return None;
    }
    let found = hexadecimal(&Sha256::digest(read_all(&mut disk).ok()?));
    (found == file.sha256).then_some(Kept::Disk(disk))
}

fn read_all(file: &mut OpfsFile) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.size()? as usize];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
