//! A hand: decodes one picture after the other for the engine, cuts out what the networks want, makes its classical features
//! and its thumbnail.
//!
//! Whatever a picture does to it, up to the end of its memory, happens to this worker alone: the engine starts another.

use gistmap::classical::Kind;
use gistmap::collection::Content;
use gistmap::measure::{Wanted, measure};
use gistmap_web::protocol::{self, FromHand, Measured, ToHand};
use js_sys::global;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

fn main() {
    console_error_panic_hook::set_once();
    let scope: DedicatedWorkerGlobalScope = global().unchecked_into();
    let answer = scope.clone();
    let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Err(error) = protocol::decode(event.data()).map_err(JsValue::from).and_then(|job| work(&answer, job)) {
            // Thrown to the engine, which then knows that this hand is of no use.
            wasm_bindgen::throw_val(error);
        }
    });
    scope.set_onmessage(Some(listen.as_ref().unchecked_ref()));
    listen.forget();
}

fn work(
    scope: &DedicatedWorkerGlobalScope,
    ToHand { job, bytes, size, crops, kinds, thumbnail }: ToHand,
) -> Result<(), JsValue> {
    let content = match size {
        Some((width, height)) => Content::Rgb8 { width, height, pixels: bytes },
        None => Content::Encoded(bytes),
    };
    let kinds = kinds.iter().filter_map(|name| Kind::from_name(name)).collect();
    let result = measure(&content, &Wanted { crops, kinds, thumbnail }).map(|made| Measured {
        pixels: made.pixels.into_iter().map(serde_bytes::ByteBuf::from).collect(),
        features: made.features,
        thumbnail: made.thumbnail,
    });
    let message = protocol::encode(&FromHand { job, result })?;
    scope.post_message_with_transfer(&message, &protocol::buffers(&message))
}
