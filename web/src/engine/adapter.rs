//! What the browser says of its GPU before anything is asked of it.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::WorkerGlobalScope;

/// The adapter that WebGPU offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adapter {
    /// For people.
    pub(crate) name: String,
    /// Whether it computes in half precision.
    pub(crate) f16: bool,
    /// A processor that acts as a GPU: slower than gistmap's own kernels, so that it has to be asked for.
    pub(crate) software: bool,
}

/// Asks for an adapter; none where the browser has no WebGPU, or nothing to offer.
pub(crate) async fn find(scope: &WorkerGlobalScope) -> Option<Adapter> {
    let gpu = field(&scope.navigator(), "gpu")?;
    let options = Object::new();
    Reflect::set(&options, &"powerPreference".into(), &"high-performance".into()).ok()?;
    let request: Function = field(&gpu, "requestAdapter")?.dyn_into().ok()?;
    let promise: Promise = request.call1(&gpu, &options).ok()?.dyn_into().ok()?;
    let adapter = JsFuture::from(promise).await.ok().filter(|adapter| !adapter.is_null())?;
    let info = field(&adapter, "info").unwrap_or_default();
    let text = |name: &str| field(&info, name).and_then(|value| value.as_string()).filter(|text| !text.is_empty());
    // Browsers tell as little as they can: a name, or only whose GPU it is.
    let maker = [text("vendor"), text("architecture")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = text("description").unwrap_or(maker);
    let features = field(&adapter, "features")?;
    let has: Function = field(&features, "has")?.dyn_into().ok()?;
    let f16 = has.call1(&features, &"shader-f16".into()).is_ok_and(|answer| answer.is_truthy());
    let name = if name.is_empty() { "a GPU".to_owned() } else { name };
    // Older browsers say it of the adapter itself.
    let fallback = field(&info, "isFallbackAdapter").or_else(|| field(&adapter, "isFallbackAdapter"));
    Some(Adapter { name, f16, software: fallback.is_some_and(|answer| answer.is_truthy()) })
}

fn field(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}
