//! Files of the page's own origin, streamed.

use gistmap::protocol::Cancel;
use js_sys::{Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Request, Response, Url, WorkerGlobalScope};

use super::opfs::said;

/// The answer of a server that leaves out what was not asked for.
const PARTIAL: u16 = 206;
/// Milliseconds between two looks at a wish to stop, while nothing comes.
const LOOK_EVERY: i32 = 100;

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

/// Fetches the file at `path`, beside the worker's script, and gives its parts to `take` as they come, each with its place in
/// the file. The first `from` bytes are left out where the server can do that; else the first part is the file's first.
///
/// # Errors
/// When it cannot be had, or `cancel` asks to stop.
pub(crate) async fn stream(
    scope: &WorkerGlobalScope,
    path: &str,
    from: u64,
    cancel: &Cancel,
    mut take: impl FnMut(u64, &[u8]),
) -> Result<(), FetchError> {
    let failed = |what: &str| {
        FetchError::Failed(format!("{path} could not be fetched ({what}); check the connection and try again"))
    };
    let address = beside(scope, path)?;
    let request = Request::new_with_str(&address).map_err(|e| failed(&said(&e)))?;
    if from > 0 {
        request.headers().set("Range", &format!("bytes={from}-")).map_err(|e| failed(&said(&e)))?;
    }
    let response = JsFuture::from(scope.fetch_with_request(&request)).await.map_err(|e| failed(&said(&e)))?;
    let response: Response = response.dyn_into().map_err(|_| failed("no answer"))?;
    if !response.ok() {
        return Err(failed(&format!("the server answers {}", response.status())));
    }
    let mut at = if response.status() == PARTIAL { from } else { 0 };
    let body = response.body().ok_or_else(|| failed("the answer is empty"))?;
    let reader = ReadableStreamDefaultReader::new(&body).map_err(|e| failed(&said(&e)))?;
    loop {
        let Some(part) = next(scope, &reader, cancel).await.map_err(|e| failed(&said(&e)))? else {
            // Nobody waits for the rest; that it cannot be called off changes nothing.
            let _ = JsFuture::from(reader.cancel()).await;
            return Err(FetchError::Stopped);
        };
        let field = |name: &str| Reflect::get(&part, &name.into()).unwrap_or(JsValue::UNDEFINED);
        if field("done").is_truthy() {
            return Ok(());
        }
        let bytes: Uint8Array = field("value").dyn_into().map_err(|_| failed("the answer holds no bytes"))?;
        let bytes = bytes.to_vec();
        take(at, &bytes);
        at += bytes.len() as u64;
    }
}

/// The next part, as soon as it is there; `None` once `cancel` asks to stop, which a server that says nothing does not hinder.
async fn next(
    scope: &WorkerGlobalScope,
    reader: &ReadableStreamDefaultReader,
    cancel: &Cancel,
) -> Result<Option<JsValue>, JsValue> {
    let read = reader.read();
    while !cancel.is_cancelled() {
        let look = Promise::new(&mut |resolve, _| {
            // A scope that takes no timer is about to end.
            let _ = scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, LOOK_EVERY);
        });
        let first = JsFuture::from(Promise::race(&Array::of2(&read, &look))).await?;
        if !first.is_undefined() {
            return Ok(Some(first));
        }
    }
    Ok(None)
}

/// Fetches the whole file at `path`.
///
/// # Errors
/// As [`stream`].
pub(crate) async fn whole(scope: &WorkerGlobalScope, path: &str, cancel: &Cancel) -> Result<Vec<u8>, FetchError> {
    let mut all = Vec::new();
    stream(scope, path, 0, cancel, |_, part| all.extend_from_slice(part)).await?;
    Ok(all)
}
