//! Files of the page's own origin, streamed.

use gistmap::protocol::Cancel;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response, Url, WorkerGlobalScope};

use super::opfs::said;

/// Why a file did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FetchError {
    /// The person stopped it.
    Stopped,
    /// What happened and what to do.
    Failed(String),
}

/// The address of a file that lies beside the worker's script.
///
/// # Errors
/// When `path` makes no address.
pub(crate) fn beside(scope: &WorkerGlobalScope, path: &str) -> Result<String, FetchError> {
    Url::new_with_base(path, &scope.location().href())
        .map(|url| url.href())
        .map_err(|e| FetchError::Failed(format!("{path}: {}", said(&e))))
}

/// Fetches the file at `path`, beside the worker's script, and gives its parts to `take` as they come.
///
/// # Errors
/// When it cannot be had, or `cancel` asks to stop.
pub(crate) async fn stream(
    scope: &WorkerGlobalScope,
    path: &str,
    cancel: &Cancel,
    mut take: impl FnMut(&[u8]),
) -> Result<(), FetchError> {
    let failed = |what: &str| {
        FetchError::Failed(format!("{path} could not be fetched ({what}); check the connection and try again"))
    };
    let address = beside(scope, path)?;
    let response = JsFuture::from(scope.fetch_with_str(&address)).await.map_err(|e| failed(&said(&e)))?;
    let response: Response = response.dyn_into().map_err(|_| failed("no answer"))?;
    if !response.ok() {
        return Err(failed(&format!("the server answers {}", response.status())));
    }
    let body = response.body().ok_or_else(|| failed("the answer is empty"))?;
    let reader = ReadableStreamDefaultReader::new(&body).map_err(|e| failed(&said(&e)))?;
    loop {
        if cancel.is_cancelled() {
            // Nobody waits for the rest; that it cannot be called off changes nothing.
            let _ = JsFuture::from(reader.cancel()).await;
            return Err(FetchError::Stopped);
        }
        let part = JsFuture::from(reader.read()).await.map_err(|e| failed(&said(&e)))?;
        let field = |name: &str| Reflect::get(&part, &name.into()).unwrap_or(JsValue::UNDEFINED);
        if field("done").is_truthy() {
            return Ok(());
        }
        let bytes: Uint8Array = field("value").dyn_into().map_err(|_| failed("the answer holds no bytes"))?;
        take(&bytes.to_vec());
    }
}

/// Fetches the whole file at `path`.
///
/// # Errors
/// As [`stream`].
pub(crate) async fn whole(scope: &WorkerGlobalScope, path: &str, cancel: &Cancel) -> Result<Vec<u8>, FetchError> {
    let mut all = Vec::new();
    stream(scope, path, cancel, |part| all.extend_from_slice(part)).await?;
    Ok(all)
}
