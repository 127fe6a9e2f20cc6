//! Model packs: those that the page's own origin offers, fetched once, and those that a person brings; checked, kept, and opened for
//! the engine.

mod arriving;
mod kept;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use gistmap::album::manifest::ModelEntry;
use gistmap::engine::{Model, ModelSource, networks};
use gistmap::protocol::{Cancel, Networks};
use gistmap::store::SegmentFile;
use gistmap_models::manifest::{self, Manifest, Role};
use gistmap_models::pack::{self, Listed, Opened, Origin, Quantization};
use gistmap_models::precision::Precision;
use gistmap_web::protocol::{ModelLine, Standing};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, WorkerGlobalScope};

use super::adapter::Adapter;
use super::fetch::{self, FetchError};
use super::opfs::Folder;
use kept::Kept;

/// The list of packs, beside the worker's script.
const INDEX: &str = "packs/packs.json";
/// Where packs of the origin are kept between visits, and those that a person brought.
const FOLDER: &str = "packs";
const BROUGHT: &str = "brought";

/// The packs that this page has or may have.
pub(crate) struct Packs {
    scope: WorkerGlobalScope,
    adapter: Option<Adapter>,
    /// The quantization that is taken where there is a choice.
    preferred: Quantization,
    manifests: Vec<Manifest>,
    offered: RefCell<Vec<Listed>>,
    /// Their `file` is empty.
    brought: RefCell<Vec<Listed>>,
    looked: Cell<bool>,
    /// Checked packs by sha256.
    kept: RefCell<BTreeMap<String, Kept>>,
}

impl Packs {
    /// Nothing is fetched yet; what the browser offers decides in which precision models are taken.
    pub(crate) fn new(scope: WorkerGlobalScope, adapter: Option<Adapter>) -> Self {
        let half = adapter.as_ref().is_some_and(|adapter| adapter.f16 && !adapter.software);
        let preferred = if half { Quantization::F16 } else { Quantization::Q8 };
        // The built-in manifests are proven valid by a test of `gistmap-models`.
        let manifests = manifest::all().unwrap_or_default();
        let (offered, brought, kept) = Default::default();
        Self { scope, adapter, preferred, manifests, offered, brought, looked: Cell::new(false), kept }
    }

    /// Finds out which packs there are.
    ///
    /// # Errors
    /// When the list cannot be had.
    pub(crate) async fn look(&self, cancel: &Cancel) -> Result<(), FetchError> {
        if !self.looked.get() {
            let brought = match Folder::open(&self.scope, BROUGHT).await {
                Ok(folder) => brought(&folder).await,
                Err(_) => Vec::new(),
            };
            self.brought.replace(brought);
            self.looked.set(true);
        }
        if self.offered.borrow().is_empty() {
            let json = fetch::whole(&self.scope, INDEX, cancel).await?;
            let list = serde_json::from_slice(&json).map_err(|e| FetchError::Failed(format!("{INDEX}: {e}")))?;
            self.offered.replace(list);
            if let Ok(folder) = Folder::open(&self.scope, FOLDER).await {
                self.drop_old(&folder).await;
            }
        }
        Ok(())
    }

    /// Makes sure that `models` can be opened, and tells whether something was fetched for that; `progress` hears of the model,
    /// bytes so far and bytes in all.
    ///
    /// # Errors
    /// When a pack cannot be had, or `cancel` asks to stop.
    pub(crate) async fn ensure(
        &self,
        models: &BTreeSet<String>,
        cancel: &Cancel,
        progress: &dyn Fn(&str, u64, u64),
    ) -> Result<bool, FetchError> {
        self.look(cancel).await?;
        let mut fetched = false;
        for model in models {
            let pack = self.pack(model).map_err(FetchError::Failed)?;
            if !self.kept.borrow().contains_key(&pack.sha256) {
                let tell = |done: u64| progress(model, done, pack.bytes);
                let kept = self.get(&pack, cancel, &tell).await?;
                self.kept.borrow_mut().insert(pack.sha256, kept);
                fetched = true;
            }
        }
        Ok(fetched)
    }

    /// Takes a pack that a person brought: checks that it is one, and keeps it.
    ///
    /// # Errors
    /// When it is no pack, or of no model that gistmap knows.
    pub(crate) async fn bring(&self, file: &JsValue, progress: &dyn Fn(&str, u64, u64)) -> Result<(), String> {
        let blob: Blob = file.clone().dyn_into().map_err(|_| "this is no file; drop a pack".to_owned())?;
        let failed = |e: &dyn std::fmt::Display| format!("the pack cannot be used: {e}");
        let source = Kept::File(blob);
        let origin = pack::origin(source.reader()).map_err(|e| failed(&e))?;
        if !self.manifests.iter().any(|manifest| manifest.name == origin.model) {
            return Err(format!("the pack is of `{}`, which this page does not know; reload it", origin.model));
        }
        let (name, bytes) = (origin.model, source.size());
        progress(&name, 0, bytes);
        let sha256 = source.sha256().map_err(|e| failed(&e))?;
        let kept = self.copy(&source, &sha256, &|done| progress(&name, done, bytes)).await;
        let kept = kept.unwrap_or(source);
        self.kept.borrow_mut().insert(sha256.clone(), kept);
        let pack = Listed { name: name.clone(), quantization: origin.quantization, file: String::new(), sha256, bytes };
        let old: Vec<Listed> = self.brought.borrow_mut().extract_if(.., |p| p.name == name && *p != pack).collect();
        self.brought.borrow_mut().push(pack);
        for pack in old {
            self.forget_brought(&pack).await;
        }
        Ok(())
    }

    /// Removes what there is of a model.
    pub(crate) async fn remove(&self, model: &str) {
        let old: Vec<Listed> = self.brought.borrow_mut().extract_if(.., |pack| pack.name == model).collect();
        for pack in &old {
            self.forget_brought(pack).await;
        }
        if old.is_empty()
            && let Ok(pack) = self.pack(model)
            && let Ok(folder) = Folder::open(&self.scope, FOLDER).await
        {
            self.kept.borrow_mut().remove(&pack.sha256);
            folder.remove(&pack.sha256).await;
        }
    }

    async fn forget_brought(&self, pack: &Listed) {
        self.kept.borrow_mut().remove(&pack.sha256);
        if let Ok(folder) = Folder::open(&self.scope, BROUGHT).await {
            folder.remove(&pack.sha256).await;
        }
    }

    /// Copies a file into the private file system; nothing where that has no room.
    async fn copy(&self, source: &Kept, sha256: &str, tell: &dyn Fn(u64)) -> Option<Kept> {
        let folder = Folder::open(&self.scope, BROUGHT).await.ok()?;
        let mut target = folder.claim(sha256).await.ok()?;
        let copied = target.clear().and_then(|()| {
            source.each_part(|at, part| {
                target.write_at(at, part)?;
                tell(at + part.len() as u64);
                Ok(())
            })
        });
        drop(target);
        if copied.is_err() {
            folder.remove(sha256).await;
            return None;
        }
        folder.read(sha256).await.map(Kept::disk)
    }

    /// What an album says of the models that it was made with.
    pub(crate) fn entries(&self, models: &BTreeSet<String>) -> Vec<ModelEntry> {
        let packs = models.iter().filter_map(|model| self.pack(model).ok());
        packs.map(|pack| ModelEntry { name: pack.name, sha256: pack.sha256 }).collect()
    }

    /// Every model that gistmap knows, and how it stands here.
    pub(crate) async fn lines(&self) -> Vec<ModelLine> {
        let folder = Folder::open(&self.scope, FOLDER).await.ok();
        let mut lines = Vec::new();
        for manifest in &self.manifests {
            let pack = self.pack(&manifest.name).ok();
            let standing = match (&pack, &folder) {
                (None, _) => Standing::Absent,
                (Some(pack), _) if pack.file.is_empty() => Standing::Brought,
                (Some(pack), _) if self.kept.borrow().contains_key(&pack.sha256) => Standing::Here,
                (Some(pack), Some(folder)) => match folder.size(&pack.sha256).await {
                    0 => Standing::Offered,
                    size if size < pack.bytes => Standing::Partly { bytes: size },
                    _ => Standing::Here,
                },
                (Some(_), None) => Standing::Offered,
            };
            lines.push(ModelLine {
                name: manifest.name.clone(),
                about: manifest.about.clone(),
                gives: manifest.role.gives().to_owned(),
                licence: manifest.licence.clone(),
                bytes: pack.as_ref().map_or(manifest.size(), |pack| pack.bytes),
                stored: pack.map(|pack| pack.quantization.name().to_owned()),
                standing,
                hindrance: self.hindrance(manifest),
            });
        }
        lines
    }

    /// Why a model does not run here, or not well.
    fn hindrance(&self, manifest: &Manifest) -> Option<String> {
        match &self.adapter {
            _ if !needs_gpu(manifest) => None,
            None => Some("needs WebGPU, which this browser does not offer".to_owned()),
            Some(adapter) if adapter.software => Some("slow here: WebGPU is software".to_owned()),
            Some(_) => None,
        }
    }

    /// Whether one of `models` runs on WebGPU alone.
    pub(crate) fn need_gpu(&self, models: &BTreeSet<String>) -> bool {
        self.manifests.iter().any(|manifest| needs_gpu(manifest) && models.contains(&manifest.name))
    }

    /// Whether the browser offers WebGPU, of whatever kind.
    pub(crate) fn has_gpu(&self) -> bool {
        self.adapter.is_some()
    }

    /// Removes what an earlier release of the page left.
    async fn drop_old(&self, folder: &Folder) {
        let listed: BTreeSet<String> = self.offered.borrow().iter().map(|pack| pack.sha256.clone()).collect();
        for name in folder.names().await.into_iter().filter(|name| !listed.contains(name)) {
            folder.remove(&name).await;
        }
    }

    /// The pack of a model that is taken: what a person brought comes first.
    fn pack(&self, model: &str) -> Result<Listed, String> {
        if let Some(pack) = self.brought.borrow().iter().find(|pack| pack.name == model) {
            return Ok(pack.clone());
        }
        let offered = self.offered.borrow();
        let of_model = || offered.iter().filter(|pack| pack.name == model);
        let pack = of_model().find(|pack| pack.quantization == self.preferred).or_else(|| of_model().next());
        pack.cloned().ok_or_else(|| format!("this page has no pack of `{model}`; bring one, or choose another model"))
    }

    /// A checked pack, from the private file system or the network.
    async fn get(&self, pack: &Listed, cancel: &Cancel, tell: &dyn Fn(u64)) -> Result<Kept, FetchError> {
        let of_origin = !pack.file.is_empty();
        let folder = Folder::open(&self.scope, if of_origin { FOLDER } else { BROUGHT }).await.ok();
        if let Some(folder) = &folder
            && let Some(file) = folder.read(&pack.sha256).await
        {
            let kept = Kept::disk(file);
            if kept.size() == pack.bytes && kept.sha256().is_ok_and(|found| found == pack.sha256) {
                return Ok(kept);
            }
        }
        if of_origin {
            return arriving::fetch(&self.scope, pack, folder.as_ref(), cancel, tell).await;
        }
        self.remove(&pack.name).await;
        Err(FetchError::Failed(format!("what was kept of {} is damaged; drop its pack on this page again", pack.name)))
    }

    /// The bytes of a pack that [`Packs::ensure`] has checked.
    fn checked(&self, pack: &Listed) -> Result<Kept, String> {
        let kept = self.kept.borrow().get(&pack.sha256).cloned();
        kept.ok_or_else(|| format!("the pack of {} has not been fetched; reload this page", pack.name))
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
        let opened = pack::open(self.checked(&pack)?.reader()).map_err(|e| format!("{name}: {e}"))?;
        // Results depend on the weights as they are packed.
        let precision = if pack.quantization == Quantization::F16 { Precision::F16 } else { Precision::F32 };
        let Opened { files, checkpoint, .. } = opened;
        Ok(Model { manifest, weights: pack.sha256, checkpoint, precision, files })
    }
}

/// The packs that were brought on earlier visits. Their files are named by their sha256, which is checked when one is used.
async fn brought(folder: &Folder) -> Vec<Listed> {
    let mut packs = Vec::new();
    for sha256 in folder.names().await {
        let Some(file) = folder.read(&sha256).await else { continue };
        let kept = Kept::disk(file);
        let bytes = kept.size();
        match pack::origin(kept.reader()) {
            Ok(Origin { model: name, quantization, .. }) => {
                packs.push(Listed { name, quantization, file: String::new(), sha256, bytes });
            }
            Err(_) => {
                drop(kept);
                folder.remove(&sha256).await;
            }
        }
    }
    packs
}

/// Whether it runs on WebGPU alone: a transformer does, and kernels of the processor are there for all other networks.
fn needs_gpu(manifest: &Manifest) -> bool {
    manifest.hub().is_some() && manifest.role != Role::ImageEncoder
}
