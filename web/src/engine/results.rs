//! Where the page keeps results between visits: segments in the browser's private file system.

use std::io;

use gistmap::store::{BlobStore, MemoryStore, SegmentFile, SegmentSource, SegmentStore};
use js_sys::Reflect;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{StorageManager, WorkerGlobalScope};

use super::opfs::{Folder, OpfsFile};

const FOLDER: &str = "results";
/// Results take at most this much, and at most half of what the browser gives.
const BUDGET: f64 = 2e9;

/// The segment of this worker: opened before it is needed, because only opening has to wait.
#[derive(Debug)]
struct Prepared(Option<OpfsFile>);

impl SegmentSource for Prepared {
    fn create(&mut self) -> io::Result<Box<dyn SegmentFile>> {
        match self.0.take() {
            Some(file) => Ok(Box::new(file)),
            None => Err(io::Error::other("no segment could be made")),
        }
    }
}

/// Opens the store; where the browser has no place for it, one that ends with the page, and the reason.
pub(crate) async fn open(scope: &WorkerGlobalScope) -> (Box<dyn BlobStore>, Option<String>) {
    match open_segments(scope).await {
        Ok(store) => (Box::new(store), None),
        Err(reason) => {
            let note = format!(
                "this browser keeps nothing between visits here ({reason}); a reload will compute everything again"
            );
            (Box::new(MemoryStore::default()), Some(note))
        }
    }
}

async fn open_segments(scope: &WorkerGlobalScope) -> Result<SegmentStore, String> {
    let folder = Folder::open(scope, FOLDER).await?;
    let budget = budget(scope).await;
    let mut segments: Vec<Box<dyn SegmentFile>> = Vec::new();
    let mut used = 0.0;
    // The newest first: what does not fit the budget is the oldest.
    for name in folder.names().await.into_iter().rev() {
        let Some(mut segment) = folder.read(&name).await else { continue };
        let size = segment.size().unwrap_or(0);
        used += size as f64;
        if size == 0 || used > budget {
            drop(segment);
            folder.remove(&name).await;
        } else {
            segments.push(Box::new(segment));
        }
    }
    segments.reverse();
    // Names sort by age; two workers that start in the same millisecond take different ones.
    let name = format!("{:015}-{:08x}.seg", js_sys::Date::now(), (js_sys::Math::random() * f64::from(u32::MAX)) as u32);
    let own = folder.create(&name).await?;
    Ok(SegmentStore::new("the browser's private files".to_owned(), segments, Box::new(Prepared(Some(own)))))
}

async fn budget(scope: &WorkerGlobalScope) -> f64 {
    let storage = Reflect::get(&scope.navigator(), &"storage".into()).ok().and_then(|s| s.dyn_into().ok());
    let estimate = match storage.and_then(|storage: StorageManager| storage.estimate().ok()) {
        Some(promise) => JsFuture::from(promise).await.ok(),
        None => None,
    };
    let quota = estimate.and_then(|e| Reflect::get(&e, &"quota".into()).ok()).and_then(|quota| quota.as_f64());
    quota.map_or(BUDGET, |quota| BUDGET.min(quota / 2.0))
}
